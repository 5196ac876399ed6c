"""`softswitch report`: the past in figures, as table, CSV, JSON or plot, with the formula of each below."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from softswitch.cli.client import Client
from softswitch.cli.options import EXIT_FAILED, Failure, Interval, Moment, asks_switch, json_option
from softswitch.cli.output import length, moment, percent, show, show_json, show_rows
from softswitch.cli.report_csv import as_csv
from softswitch.cli.report_plot import plot

_CHECKED_S = 600.0
_SHOWN = 17
"""Columns of a table at most; CSV and JSON have all."""
KINDS = {
    "queue": "Queues: came, answered, abandoned, overflowed, waits, service levels, handling.",
    "dnis": "The same by called number.",
    "skill": "The same by skill; who needs two counts in both.",
    "agent": "Agents: offers, missed, calls, time in each state, occupancy, adherence.",
    "team": "Teams: the callers of their queues, the work of their agents.",
    "calls": "All calls by how they ended, also those that never came to a queue.",
    "repeat": "Answered callers who came again within N days.",
    "lost": "Callers who talked to nobody, and what came of each since.",
    "promises": "Waits that callers were told, beside those that came.",
    "timeline": "Agents: login, logout, every status with its reason.",
    "staffing": "Agents that Erlang C and A ask for, beside those who were there.",
}


@click.group()
def report() -> None:
    """Reports: every figure with its formula."""


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option(
            "--plot", "picture", type=click.Path(path_type=Path), help="Draw it into this SVG file."
        ),
        click.option("--figure", "figures", multiple=True, help="Column to draw; several are allowed."),
        click.option("--csv", "as_csv_", is_flag=True, help="Print CSV, with all columns."),
        click.option(
            "--service-level", type=float, default=0.8, show_default=True, help="Target, for staffing."
        ),
        click.option(
            "--days", type=float, default=7.0, show_default=True, help="Within which callers came again."
        ),
        click.option("--trend", is_flag=True, help="Beside the mean of the last four of the same weekday."),
        click.option("--team", default="", help="Its agents, or the callers of its queues."),
        click.option("--queue", default="", help="Callers of this queue only."),
        click.option("--interval", type=Interval(), help="15m, 30m, 1h, 1d; without it one row for all."),
        click.option("--until", type=Moment(), default="now", show_default=True),
        click.option("--since", type=Moment(), default="today", show_default=True, help="2h, 2026-05-01 …"),
        click.argument("name", default=""),
    ):
        command = option(command)
    return command


def _command(kind: str, text: str) -> None:
    @report.command(kind, help=text)
    @_options
    @json_option
    @asks_switch
    def made(client: Client, **given: Any) -> None:
        _show(client, kind, text, given)


for _kind, _help in KINDS.items():
    _command(_kind, _help)


def _query(given: dict[str, Any]) -> dict[str, Any]:
    # The switch counts what began before `until`, and this second belongs to the report.
    until = given["until"] if given["until"] < time.time() - 1 else given["until"] + 1
    kept = ("since", "name", "queue", "team", "trend", "days", "service_level")
    return {
        **{name: given[name] for name in kept if name in given},
        "until": until,
        "interval_s": given.get("interval") or 0.0,
    }


def _show(client: Client, kind: str, text: str, given: dict[str, Any]) -> None:
    view = client.get("reports", kind, **_query(given))
    if given["picture"] is not None:
        drawn = plot(view, given["figures"])
        try:
            given["picture"].write_text(drawn, encoding="utf-8")
        except OSError as error:
            raise Failure(f"{given['picture']} cannot be written: {error.strerror}") from error
        show(f"drawn: {given['picture']}")
    elif given["as_json"]:
        show_json(view)
    elif given["as_csv_"]:
        click.echo(as_csv(view["columns"], view["rows"], view["timezone"]), nl=False)
    else:
        _table(view, f"{text.split(':')[0].rstrip('.')}, {moment(view['since'])} to {moment(view['until'])}")


def _table(view: dict[str, Any], title: str) -> None:
    columns = view["columns"] if len(view["columns"]) <= _SHOWN else _most_wanted(view["columns"])
    heads = [
        column["title"] + ("?" if at >= 5 else "") + ("" if column["unit"] in ("text", "moment") else ">")
        for at, column in enumerate(columns)
    ]
    rows = [[shown(row.get(column["name"]), column["unit"]) for column in columns] for row in view["rows"]]
    show_rows(title, heads, rows, "nothing in this time")
    for column in columns:
        if column["formula"]:
            show(f"{column['name']}: {column['formula']}")
    if len(columns) < len(view["columns"]):
        show(f"{len(view['columns']) - len(columns)} further columns: --csv or --json")


def _most_wanted(columns: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first, and all that say what is usual."""
    usual = [column for column in columns if column["name"].startswith(("usual_", "trend"))]
    return [*columns[: _SHOWN - len(usual)], *usual]


def shown(value: Any, unit: str) -> object:
    """A value as people read it."""
    if isinstance(value, dict):
        return ", ".join(
            f"{name or 'no reason'} {length(seconds)}" for name, seconds in sorted(value.items())
        )
    if unit == "share":
        return percent(value)
    if value is None:
        return ""
    if unit == "moment":
        return moment(value)
    if unit == "seconds":
        return length(value)
    return f"{value:.1f}" if unit == "number" else value


@report.command("definitions")
@json_option
@asks_switch
def definitions(client: Client, as_json: bool) -> None:
    """Every figure with its unit and formula."""
    known = client.get("reports")
    if as_json:
        show_json(known)
        return
    rows = [[each["name"], each["unit"], each["formula"]] for each in known if each["formula"]]
    show_rows("Definitions", ["figure", "unit", "formula"], rows, "none")


@report.command("check")
@click.option("--since", type=Moment(), default="today", show_default=True)
@click.option("--until", type=Moment(), default="now", show_default=True)
@click.option("--interval", type=Interval())
@click.option("--recompute", is_flag=True, help="First make all kept sums anew from the rows.")
@json_option
@asks_switch
def check(client: Client, recompute: bool, as_json: bool, **given: Any) -> None:
    """Count all rows again, one by one, and compare: exit status 1 when any figure differs."""
    if recompute:
        client.post("reports", "recompute")
    view = client.get("reports", "check", **_query(given))
    if as_json:
        show_json(view)
    else:
        rows = [[each["what"], each["where"], each["problem"]] for each in view["findings"]]
        if rows:
            show_rows("Does not agree", ["what", "where", "problem"], rows, "")
        show(f"{view['rows']} rows counted again, {view['figures']} figures compared, {len(rows)} differ")
    if view["findings"]:
        raise SystemExit(EXIT_FAILED)
