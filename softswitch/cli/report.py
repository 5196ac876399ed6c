"""`softswitch report`: queues and agents over any time and interval, with each ratio's formula below."""

import time
from typing import Any

import click

from softswitch.cli.client import Client
from softswitch.cli.options import Interval, Moment, asks_switch, json_option
from softswitch.cli.output import length, moment, percent, show, show_json, show_rows

_QUEUE_FORMULAS = (
    "offered",
    "overflowed",
    "refused",
    "mean_wait_s",
    "asa_s",
    "sl_answered",
    "sl2",
    "sl_offered",
    "sl_removed",
    "mean_handle_s",
    "abandoned_in_ivr",
)
_AGENT_FORMULAS = ("missed", "mean_handle_s", "occupancy")


@click.group()
def report() -> None:
    """Reports on queues and agents."""


def _report_options(command: Any) -> Any:
    for option in (
        click.option(
            "--interval", type=Interval(), default=None, help="15m, 1h, 1d; without it one row for all."
        ),
        click.option("--until", type=Moment(), default="now", show_default=True),
        click.option(
            "--since", type=Moment(), default="today", show_default=True, help="2h, today, 2026-05-01 …"
        ),
    ):
        command = option(command)
    return command


def _ask(client: Client, kind: str, since: float, until: float, interval: float | None, name: str) -> Any:
    # The switch counts what began before `until`, and this second belongs to the report.
    end = until if until < time.time() - 1 else until + 1
    return client.get("reports", kind, since=since, until=end, interval_s=interval or 0.0, name=name)


@report.command("queue")
@click.argument("name", default="")
@_report_options
@json_option
@asks_switch
def queue_report(
    client: Client, name: str, since: float, until: float, interval: float | None, as_json: bool
) -> None:
    """Queues: came, answered, abandoned, overflowed, waits, service levels, handling."""
    view = _ask(client, "queue", since, until, interval, name)
    if as_json:
        show_json(view)
        return
    show_rows(
        f"Queues, {moment(view['since'])} to {moment(view['until'])}",
        [
            "from",
            "queue",
            "offered>",
            "answered>",
            "abandoned>",
            "overflowed?>",
            "refused?>",
            "mean wait?>",
            "asa?>",
            "longest?>",
            "X?>",
            "sl_answered?>",
            "sl2?>",
            "sl_offered?>",
            "sl_removed?>",
            "talk?>",
            "mean handle?>",
        ],
        [_queue_row(row) for row in view["rows"]],
        "nobody came to a queue",
    )
    show_rows(
        "IVR",
        ["from", "calls>", "abandoned in IVR>"],
        [[moment(row["start"]), row["calls"], row["abandoned_in_ivr"]] for row in view["ivr"]],
        "no calls",
    )
    _formulas(view["formulas"], _QUEUE_FORMULAS)


def _queue_row(row: dict[str, Any]) -> list[object]:
    counts = [row[name] for name in ("offered", "answered", "abandoned", "overflowed", "refused")]
    waits = [length(row[name]) for name in ("mean_wait_s", "asa_s", "longest_wait_s")]
    levels = [percent(row[name]) for name in ("sl_answered", "sl2", "sl_offered", "sl_removed")]
    limit = f"{row['service_level_s']:g} s"
    return [
        moment(row["start"]),
        row["queue"],
        *counts,
        *waits,
        limit,
        *levels,
        length(row["talk_s"]),
        length(row["mean_handle_s"]),
    ]


@report.command("agent")
@click.argument("name", default="")
@_report_options
@json_option
@asks_switch
def agent_report(
    client: Client, name: str, since: float, until: float, interval: float | None, as_json: bool
) -> None:
    """Agents: offers, answered, missed, time in each state, handling, occupancy."""
    view = _ask(client, "agent", since, until, interval, name)
    if as_json:
        show_json(view)
        return
    states = ("idle", "ringing", "talking", "occupied", "wrap-up", "paused")
    show_rows(
        f"Agents, {moment(view['since'])} to {moment(view['until'])}",
        [
            "from",
            "agent",
            "offers>",
            "answered>",
            "missed>",
            "logged in>",
            *(f"{state}?>" for state in states),
            "mean handle?>",
            "occupancy?>",
        ],
        [
            [
                moment(row["start"]),
                row["agent"],
                row["offers"],
                row["answered"],
                row["missed"],
                length(row["logged_in_s"]),
                *(length(row["states"].get(state, 0.0)) for state in states),
                length(row["mean_handle_s"]),
                percent(row["occupancy"]),
            ]
            for row in view["rows"]
        ],
        "no agent was there",
    )
    _formulas(view["formulas"], _AGENT_FORMULAS)


def _formulas(formulas: dict[str, str], names: tuple[str, ...]) -> None:
    for name in names:
        if name in formulas:
            show(f"{name}: {formulas[name]}")
