"""`softswitch audit`: who has done or tried what, from where, on whom, and what came of it."""

from typing import Any

import click

from softswitch.cli.client import Client
from softswitch.cli.options import ListsAlone, Moment, asks_switch, json_option
from softswitch.cli.output import moment, show_json, show_rows


@click.group(cls=ListsAlone)
def audit() -> None:
    """Show who has done or tried what, and what came of it."""


@audit.command("list")
@click.option("--since", type=Moment(), help="2h, today, 2026-05-01 …")
@click.option("--until", type=Moment(), help="Likewise.")
@click.option("--who", "actor", default="", help="A person; or unix:NAME, endpoint:NAME, agent:NAME.")
@click.option("--act", default="", help="agent.pause; or agent.* for all with agents.")
@click.option("--on", "target", default="", help="agent:NAME, queue:NAME, call:ID …")
@click.option("--surface", type=click.Choice(("control", "http", "phone", "feed", "signal")), default=None)
@click.option("--result", type=click.Choice(("done", "refused", "failed")), default=None)
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
@json_option
@asks_switch
def list_audit(client: Client, as_json: bool, **search: Any) -> None:
    """List the rows, newest first."""
    views = client.get("audit", **search)
    if as_json:
        show_json(views)
        return
    show_rows(
        "Audit",
        ["at", "who", "role", "act", "on", "result", "why", "details?", "surface?", "from?"],
        [
            [
                moment(v["at"]),
                v["actor"],
                v["role"],
                v["act"],
                v["target"],
                v["result"],
                v["why"],
                ", ".join(f"{key}={value}" for key, value in v["details"].items()),
                v["surface"],
                v["origin"],
            ]
            for v in views
        ],
        "nothing was done",
    )
