"""`softswitch calls …`: transfer, consult, park, pickup, complete, back, three-way; and who has listened to calls."""

import click

from softswitch.cli.client import Client
from softswitch.cli.options import asks_switch, json_option
from softswitch.cli.output import show, show_json
from softswitch.cli.supervise import audit_options, show_audit

_BY = click.option(
    "--by", type=click.Choice(("caller", "callee")), default=None, help="Who; without it whoever serves."
)


def _ordered(client: Client, call: str, order: str, as_json: bool, **body: object) -> None:
    view = client.post("calls", call, order, body=body)
    if as_json:
        show_json(view)
        return
    show(f"{call}: {order} {body.get('target', '')}".rstrip())


@click.command()
@click.argument("call")
@click.argument("target")
@_BY
@json_option
@asks_switch
def transfer(client: Client, call: str, target: str, by: str | None, as_json: bool) -> None:
    """Put the far side through to TARGET: queue:NAME, agent:NAME, extension:NAME, trunk:NAME/NUMBER …"""
    _ordered(client, call, "transfer", as_json, target=target, by=by or "")


@click.command()
@click.argument("call")
@click.argument("target")
@_BY
@json_option
@asks_switch
def consult(client: Client, call: str, target: str, by: str | None, as_json: bool) -> None:
    """Ring TARGET for one side, while the other hears music."""
    _ordered(client, call, "consult", as_json, target=target, by=by or "")


@click.command()
@click.argument("call")
@_BY
@json_option
@asks_switch
def park(client: Client, call: str, by: str | None, as_json: bool) -> None:
    """Park the far side; whoever dials the feature code of parking and the place takes it."""
    view = client.post("calls", call, "park", body={"by": by or ""})
    if as_json:
        show_json(view)
        return
    show(f"{call}: parked at {view['details']['place']}")


@click.command()
@click.argument("call")
@click.argument("extension")
@json_option
@asks_switch
def pickup(client: Client, call: str, extension: str, as_json: bool) -> None:
    """Let a caller who waits, is parked or hears it ring elsewhere ring at EXTENSION."""
    view = client.post("calls", call, "pickup", body={"extension": extension})
    if as_json:
        show_json(view)
        return
    show(f"{call}: rings at {extension}")


@click.command()
@click.argument("call")
@json_option
@asks_switch
def complete(client: Client, call: str, as_json: bool) -> None:
    """Who consults leaves the other two together."""
    _ordered(client, call, "complete", as_json)


@click.command()
@click.argument("call")
@json_option
@asks_switch
def back(client: Client, call: str, as_json: bool) -> None:
    """Back from consulting; the third party is hung up."""
    _ordered(client, call, "back", as_json)


@click.command("three-way")
@click.argument("call")
@json_option
@asks_switch
def three_way(client: Client, call: str, as_json: bool) -> None:
    """Let all three talk."""
    _ordered(client, call, "three-way", as_json)


@click.command()
@audit_options
@json_option
@asks_switch
def audit(client: Client, as_json: bool, **search: object) -> None:
    """Who has listened to calls, when, how, and why it ended."""
    show_audit(client, as_json, **search)


COMMANDS = (transfer, consult, park, pickup, complete, back, three_way, audit)
