"""`softswitch fraud show`: what phones and trunks have dialled out, beside what they may."""

import click

from softswitch.cli.client import Client
from softswitch.cli.options import asks_switch, json_option
from softswitch.cli.output import show, show_json, show_rows


@click.group()
def fraud() -> None:
    """The guard against toll fraud."""


@fraud.command("show")
@json_option
@asks_switch
def show_fraud(client: Client, as_json: bool) -> None:
    """List who has dialled how much, and what was refused."""
    view = client.get("fraud")
    if as_json:
        show_json(view)
        return
    if not view["enabled"]:
        show("the guard is off; [toll] enabled = true switches it on")
        return
    show_rows(
        "Calls out",
        [
            "who",
            "now>",
            "hour>",
            "day>",
            "min hour>",
            "min day>",
            "refused>",
            "allowed?",
            "blocked?",
            "last refusal?",
        ],
        [
            [
                v["source"],
                _of(v["concurrent"], v["max_concurrent"]),
                _of(v["calls_hour"], v["calls_per_hour"]),
                _of(v["calls_day"], v["calls_per_day"]),
                _of(v["minutes_hour"], v["minutes_per_hour"]),
                _of(v["minutes_day"], v["minutes_per_day"]),
                v["refused"],
                " ".join(v["allowed"]),
                " ".join(v["blocked"]),
                v["last_refusal"],
            ]
            for v in view["sources"]
        ],
        "nobody has dialled out",
    )


def _of(used: float, most: int) -> str:
    return f"{used:g}/{most or '∞'}"
