"""`softswitch calls`: the calls alive, one of them in detail, hanging one up."""

from typing import Any

import click

from softswitch.cli.audio import show_audio
from softswitch.cli.board import wait_range
from softswitch.cli.client import Client
from softswitch.cli.ladder import show_ladder
from softswitch.cli.offers import show_offers
from softswitch.cli.options import asks_switch, json_option
from softswitch.cli.output import length, moment, show, show_fields, show_json, show_rows
from softswitch.cli.record import record
from softswitch.cli.steering import COMMANDS
from softswitch.cli.waiting import COMMANDS as WAITING


@click.group(invoke_without_command=True)
@json_option
@asks_switch
def calls(client: Client, as_json: bool) -> None:
    """List calls; show, transfer or hang up one."""
    if click.get_current_context().invoked_subcommand is not None:
        return
    views = client.get("calls")
    if as_json:
        show_json(views)
        return
    show_rows(
        "Calls",
        ["call", "stage", "from", "to", "for>", "rec?", "with?", "queue?", "source?"],
        [
            [
                v["call"],
                v["stage"],
                v["ani"],
                v["dnis"],
                length(v["duration_s"]),
                "●" if v["recording"] else "",
                v["other"],
                v["queue"],
                v["source"],
            ]
            for v in views
        ],
        "no calls",
    )


@calls.command("show")
@click.argument("call")
@click.option("--ladder", is_flag=True, help="Its SIP messages, also when it has just ended.")
@json_option
@asks_switch
def show_call(client: Client, call: str, ladder: bool, as_json: bool) -> None:
    """Show one call: stages, legs, whom it was offered to and why."""
    if ladder:
        show_ladder(client, call, as_json)
        return
    view = client.get("calls", call)
    if as_json:
        show_json(view)
        return
    _detail(view)


def _detail(view: dict[str, Any]) -> None:
    call = view["call"]
    show_fields(
        [
            ("call", call["call"]),
            ("from", f"{call['ani']} ({call['source']})"),
            ("to", call["dnis"]),
            ("since", f"{moment(call['started'])}, {length(call['duration_s'])}"),
            ("stage", call["stage"] + ("" if call["answered"] else ", not answered")),
            ("queue", call["queue"]),
            ("waits still", wait_range(view["wait"])),
            ("talks to", call["other"]),
            ("consults", view["consults"]),
            *(("supervised by", f"{s['supervisor']} ({s['mode']})") for s in view["supervisors"]),
            ("recording", call["recording"]),
            *((f"label {key}", value) for key, value in view["labels"].items()),
        ]
    )
    show_rows(
        "Stages",
        ["stage", "entered"],
        [[s["stage"], moment(s["entered"])] for s in view["stages"]],
        "no stages",
    )
    show_rows(
        "Legs",
        [
            "party",
            "dir",
            "state",
            "codec",
            "in>",
            "out>",
            "lost>",
            "jitter ms?>",
            "media at?",
            "leg?",
            "SIP Call-ID?",
        ],
        [
            [
                leg["party"],
                leg["direction"],
                leg["state"] + (" held" if leg["held"] else ""),
                leg["codec"],
                leg["packets_in"],
                leg["packets_out"],
                leg["packets_lost"],
                f"{leg['jitter_ms']:.1f}",
                leg["remote"],
                leg["leg"],
                leg["sip_call_id"],
            ]
            for leg in view["legs"]
        ],
        "no legs",
    )
    show_audio(view["legs"])
    show_offers(view["offers"])


@calls.command()
@click.argument("call")
@json_option
@asks_switch
def hangup(client: Client, call: str, as_json: bool) -> None:
    """End one call."""
    view = client.delete("calls", call)
    if as_json:
        show_json(view)
        return
    show(f"{call} is hung up")


for command in (*COMMANDS, *WAITING, record):
    calls.add_command(command)
