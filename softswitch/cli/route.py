"""`softswitch route test`: where a number would lead, through which trunk, and why."""

import click

from softswitch.cli.client import Client
from softswitch.cli.options import asks_switch, json_option
from softswitch.cli.output import show, show_json, show_rows


@click.group()
def route() -> None:
    """Where numbers lead."""


@route.command()
@click.argument("number")
@click.option("--from", "source", default="", help="A phone, or trunk:NAME; any phone when not given.")
@json_option
@asks_switch
def test(client: Client, number: str, source: str, as_json: bool) -> None:
    """Tell which route, group and trunk a call to NUMBER would take, and why; nobody is called."""
    view = client.get("route-test", number=number, source=source)
    if as_json:
        show_json(view)
        return
    show(*view["explanation"])
    if view["candidates"]:
        show_rows(
            "",
            ["trunk", "number", "now", "why"],
            [
                [c["trunk"], c["number"], "usable" if c["usable"] else c["problem"], c["why"]]
                for c in view["candidates"]
            ],
            "",
        )
