"""`softswitch trunk`: the providers, whether they answer, and how full they are."""

import click

from softswitch.cli.client import Client
from softswitch.cli.options import asks_switch, json_option
from softswitch.cli.output import moment, show_json, show_rows


@click.command()
@json_option
@asks_switch
def trunk(client: Client, as_json: bool) -> None:
    """List trunks with state, registration and channels."""
    views = client.get("trunks")
    if as_json:
        show_json(views)
        return
    show_rows(
        "Trunks",
        [
            "trunk",
            "state",
            "channels>",
            "registration",
            "reason?",
            "host?",
            "since?",
        ],
        [
            [
                v["trunk"],
                v["state"],
                f"{v['channels']}/{v['max_channels'] or '∞'}",
                v["registration"],
                v["reason"],
                v["host"],
                moment(v["since"]),
            ]
            for v in views
        ],
        "no trunks are configured",
    )
