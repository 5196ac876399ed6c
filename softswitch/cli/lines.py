"""`softswitch lines`: every trunk and extension with what it is doing."""

import click

from softswitch.cli.client import Client
from softswitch.cli.options import asks_switch, json_option
from softswitch.cli.output import show_json, show_rows


@click.command()
@json_option
@asks_switch
def lines(client: Client, as_json: bool) -> None:
    """List trunks and extensions with what they do. Each is idle, ringing, in use or unreachable."""
    views = client.get("lines")
    if as_json:
        show_json(views)
        return
    show_rows(
        "Lines",
        ["line", "name", "state", "calls>", "detail"],
        [[f"{v['kind']}:{v['name']}", v["display_name"], v["state"], v["calls"], v["detail"]] for v in views],
        "no trunks and no phones are configured",
    )
