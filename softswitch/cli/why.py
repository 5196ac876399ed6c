"""`softswitch why CALL` and `why-idle AGENT`: the reasons behind what the switch did, in plain words."""

import click

from softswitch.cli.client import Client
from softswitch.cli.options import asks_switch, json_option
from softswitch.cli.output import moment, show, show_json


@click.command()
@click.argument("call")
@json_option
@asks_switch
def why(client: Client, call: str, as_json: bool) -> None:
    """Tell what became of a call, and why.

    CALL, live or past, is its id or SIP Call-ID.
    """
    view = client.get("why", "calls", call)
    if as_json:
        show_json(view)
        return
    for line in view["lines"]:
        show(f"{moment(line['at'])}  {line['text']}")


@click.command("why-idle")
@click.argument("agent")
@json_option
@asks_switch
def why_idle(client: Client, agent: str, as_json: bool) -> None:
    """Tell why an agent gets no calls now, and what changed last."""
    view = client.get("why", "agents", agent)
    if as_json:
        show_json(view)
        return
    first, *others = view["lines"]
    show(f"{view['agent']}: {first}")
    for line in others:
        show(f"  {line}")
    if view["changes"]:
        show("before:")
    for change in view["changes"]:
        show(f"  {moment(change['at'])}  {change['text']}")
