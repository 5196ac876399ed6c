"""`softswitch trunk`: the providers, whether they answer, how full they are; their groups, and servers that are dead."""

import click

from softswitch.cli.client import Client
from softswitch.cli.options import asks_switch, json_option
from softswitch.cli.output import length, moment, show_json, show_rows


@click.group(invoke_without_command=True)
@json_option
@asks_switch
def trunk(client: Client, as_json: bool) -> None:
    """List trunks, their groups, servers that are dead."""
    if click.get_current_context().invoked_subcommand is not None:
        return
    views = client.get("trunks")
    if as_json:
        show_json(views)
        return
    show_rows(
        "Trunks",
        ["trunk", "state", "channels>", "registration", "reason?", "host?", "since?"],
        [
            [
                v["trunk"],
                v["state"],
                _channels(v),
                v["registration"],
                v["reason"],
                v["host"],
                moment(v["since"]),
            ]
            for v in views
        ],
        "no trunks are configured",
    )


@trunk.command()
@json_option
@asks_switch
def groups(client: Client, as_json: bool) -> None:
    """List groups of trunks with their members, as they would be tried."""
    views = client.get("trunk-groups")
    if as_json:
        show_json(views)
        return
    show_rows(
        "Trunk groups",
        ["group", "strategy", "trunk", "state", "priority>", "weight>", "channels>", "fails over on?"],
        [
            [
                v["group"],
                v["strategy"],
                m["trunk"],
                m["state"],
                m["priority"],
                m["weight"],
                _channels(m),
                ", ".join(v["failover_on"]),
            ]
            for v in views
            for m in v["members"]
        ],
        "no groups are configured",
    )


@trunk.command()
@json_option
@asks_switch
def dead(client: Client, as_json: bool) -> None:
    """List servers that did not answer: they are tried last until they do again."""
    views = client.get("dead-targets")
    if as_json:
        show_json(views)
        return
    show_rows(
        "Dead servers",
        ["server", "because", "failures>", "asked again in>"],
        [[v["target"], v["reason"], v["failures"], length(v["asked_in_s"])] for v in views],
        "every server answers",
    )


def _channels(view: dict[str, int]) -> str:
    return f"{view['channels']}/{view['max_channels'] or '∞'}"
