"""`softswitch cdr`: finished calls, found by time, number, queue and agent."""

from typing import Any

import click

from softswitch.cli.audio import show_audio
from softswitch.cli.client import Client
from softswitch.cli.ladder import show_ladder
from softswitch.cli.offers import show_offers
from softswitch.cli.options import ListsAlone, Moment, asks_switch, json_option
from softswitch.cli.output import length, moment, show_fields, show_json, show_rows


@click.group(cls=ListsAlone)
def cdr() -> None:
    """Find and show call detail records."""


@cdr.command("list")
@click.option("--since", type=Moment(), help="2h, today, 2026-05-01 …")
@click.option("--until", type=Moment())
@click.option("--number", default="", help="Part of the calling or called number.")
@click.option("--queue", default="")
@click.option("--agent", default="")
@click.option("--cause", default="", help="How it ended, as in the column.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@click.option("--offset", type=click.IntRange(0), default=0)
@json_option
@asks_switch
def list_cdrs(client: Client, as_json: bool, **search: Any) -> None:
    """List calls, newest first."""
    views = client.get("cdrs", **search)
    if as_json:
        show_json(views)
        return
    show_rows(
        "Calls",
        [
            "call",
            "started",
            "from",
            "to",
            "cause?",
            "talked?>",
            "agent?",
            "queue?",
            "waited?>",
            "ended by?",
            "SIP?>",
            "recording?",
        ],
        [
            [
                v["call"],
                moment(v["started"]),
                v["ani"],
                v["dnis"],
                v["cause"],
                length(v["talk_s"]),
                v["agent"],
                v["queue"],
                length(v["wait_s"]),
                v["ended_by"],
                v["sip_status"],
                v["recording"],
            ]
            for v in views
        ],
        "no calls found",
    )


@cdr.command("show")
@click.argument("call")
@click.option("--ladder", is_flag=True, help="Its SIP messages; of failed calls they are kept.")
@json_option
@asks_switch
def show_cdr(client: Client, call: str, ladder: bool, as_json: bool) -> None:
    """Show all that is kept of one call."""
    if ladder:
        show_ladder(client, call, as_json)
        return
    view = client.get("cdrs", call)
    if as_json:
        show_json(view)
        return
    row = view["cdr"]
    times = ("started", "answered", "bridged", "ended")
    lengths = ("wait_s", "talk_s", "hold_s")
    show_fields(
        [
            *(
                (name, moment(value) if name in times else length(value) if name in lengths else value)
                for name, value in row.items()
                if name not in ("labels", "jitter_ms")
            ),
            ("jitter_ms", f"{row['jitter_ms']:.1f}"),
            *((f"label {name}", value) for name, value in row["labels"].items()),
        ]
    )
    _visits(view["visits"])
    _segments(view["segments"])
    if view["attempts"]:
        _attempts(view["attempts"])
    show_offers(view["offers"])
    show_rows(
        "Legs",
        [
            "party",
            "dir",
            "codec",
            "in>",
            "out>",
            "lost>",
            "jitter ms>",
            "leg?",
            "SIP Call-ID?",
        ],
        [
            [
                leg["party"],
                leg["direction"],
                leg["codec"],
                leg["packets_in"],
                leg["packets_out"],
                leg["packets_lost"],
                f"{leg['jitter_ms']:.1f}",
                leg["leg"],
                leg["sip_call_id"],
            ]
            for leg in view["legs"]
        ],
        "no legs",
    )
    show_audio(view["legs"])
    show_rows(
        "Recordings",
        ["recording", "length>", "state", "file"],
        [[r["recording"], length(r["seconds"]), r["state"], r["file"]] for r in view["recordings"]],
        "no recordings",
    )


def _segments(segments: list[dict[str, Any]]) -> None:
    show_rows(
        "Talks",
        ["with", "agent", "queue?", "began", "talked>", "held>", "ended by", "to"],
        [
            [
                s["party"],
                s["agent"],
                s["queue"],
                moment(s["began"]),
                length(s["talk_s"]),
                length(s["hold_s"]),
                s["ended_by"],
                s["transferred_to"],
            ]
            for s in segments
        ],
        "talked to nobody",
    )


def _attempts(attempts: list[dict[str, Any]]) -> None:
    show_rows(
        "Tried at trunks",
        ["trunk", "number", "began", "status>", "cause", "took>", "why?"],
        [
            [
                a["trunk"],
                a["number"],
                moment(a["began"]),
                a["sip_status"],
                a["cause"],
                f"{a['ended'] - a['began']:.2f} s",
                a["why"],
            ]
            for a in attempts
        ],
        "",
    )


def _visits(visits: list[dict[str, Any]]) -> None:
    show_rows(
        "Queues",
        ["queue", "entered", "outcome", "waited>", "agent", "talked>", "position?>", "at first?>"],
        [
            [
                v["queue"],
                moment(v["entered"]),
                v["outcome"],
                length(v["wait_s"]),
                v["agent"],
                length(v["talk_s"]),
                v["position"],
                v["original_position"],
            ]
            for v in visits
        ],
        "in no queue",
    )
