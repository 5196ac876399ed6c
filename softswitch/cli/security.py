"""`softswitch security`: who is banned and why, how busy the switch is; ban and unban."""

import click

from softswitch.cli.client import Client
from softswitch.cli.options import Interval, asks_switch, json_option
from softswitch.cli.output import moment, show, show_fields, show_json, show_rows


class _ShowsAlone(click.Group):
    """`softswitch security` is `softswitch security show`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if "--help" not in args[:1] and (not args or args[0].startswith("-")):
            args = ["show", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_ShowsAlone)
def security() -> None:
    """Bans, rates and load."""


@security.command("show")
@json_option
@asks_switch
def show_security(client: Client, as_json: bool) -> None:
    """Who is banned, what was not heard, how busy the switch is."""
    view = client.get("security")
    if as_json:
        show_json(view)
        return
    show_fields(
        [
            ("load", f"{view['load']}, pressure {view['pressure']:.2f}, {view['refused_by_load']} refused"),
            ("sources", f"{view['sources']} remembered"),
            ("unanswered", f"{view['unanswered']} requests too short to be answered"),
            *sorted(view["counts"].items()),
        ]
    )
    show_rows(
        "Bans",
        ["address", "why", "until", "times>", "by hand", "since?"],
        [
            [
                v["address"],
                v["why"],
                moment(v["until"]) if v["until"] is not None else "lifted",
                v["times"],
                "yes" if v["manual"] else "",
                moment(v["since"]),
            ]
            for v in view["bans"]
        ],
        "nobody is banned",
    )


@security.command()
@click.argument("address")
@click.option(
    "--for", "seconds", type=Interval(), default=0.0, help="15m, 2h, 1d …; without it until lifted."
)
@click.option("--why", default="by hand", show_default=True)
@json_option
@asks_switch
def ban(client: Client, address: str, seconds: float, why: str, as_json: bool) -> None:
    """Do not listen to ADDRESS, or to a network ADDRESS/BITS."""
    view = client.post("security", "bans", body={"address": address, "seconds": seconds, "why": why})
    if as_json:
        show_json(view)
        return
    until = moment(view["until"]) if view["until"] is not None else "it is lifted"
    show(f"{view['address']} is banned until {until}")


@security.command()
@click.argument("address")
@json_option
@asks_switch
def unban(client: Client, address: str, as_json: bool) -> None:
    """Listen to ADDRESS again."""
    view = client.delete("security", "bans", address)
    if as_json:
        show_json(view)
        return
    show(f"{view['address']} is heard again")
