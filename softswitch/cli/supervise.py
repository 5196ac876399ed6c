"""`softswitch supervise`: listen, whisper, barge, take over; and who has listened to whom."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from softswitch.cli.client import Client
from softswitch.cli.options import ListsAlone, Moment, asks_switch, json_option
from softswitch.cli.output import length, moment, show, show_json, show_rows

F = TypeVar("F", bound=Callable[..., Any])
MODES = ("listen", "whisper", "barge")


@click.group(cls=ListsAlone)
def supervise() -> None:
    """Listen to agents, whisper, barge; and the audit of it."""


@supervise.command("list")
@json_option
@asks_switch
def list_supervisions(client: Client, as_json: bool) -> None:
    """Who listens now."""
    views = client.get("supervisions")
    if as_json:
        show_json(views)
        return
    show_rows(
        "Supervisors",
        ["supervision", "phone", "who", "mode", "state", "agent", "call", "since?"],
        [
            [
                v["supervision"],
                v["supervisor"],
                v["supervisor_agent"],
                v["mode"],
                v["state"],
                v["agent"],
                v["call"],
                moment(v["began"]),
            ]
            for v in views
        ],
        "nobody supervises",
    )


@supervise.command()
@click.argument("phone")
@click.argument("agent", default="")
@click.option("--call", default="", help="The parties of this call, instead of an agent.")
@click.option("--mode", type=click.Choice(MODES), default="listen", help="How to begin.")
@click.option("--follow/--once", default=None, help="Stay for the agent's next calls, or end with this one.")
@json_option
@asks_switch
def start(
    client: Client, phone: str, agent: str, call: str, mode: str, follow: bool | None, as_json: bool
) -> None:
    """Ring PHONE, and let it hear AGENT."""
    body = {"phone": phone, "agent": agent, "call": call, "mode": mode, "follow": follow}
    view = client.post("supervisions", body=body)
    if as_json:
        show_json(view)
        return
    whom = view["agent"] or f"call {call}"
    show(f"{view['supervision']}: {view['supervisor']} is rung to {view['mode']} to {whom}")


@supervise.command()
@click.argument("supervision")
@click.argument("mode", type=click.Choice((*MODES, "take-over")))
@json_option
@asks_switch
def mode(client: Client, supervision: str, mode: str, as_json: bool) -> None:
    """Change what the supervisor does: his voice reaches nobody, the agent, all; or he takes the call over."""
    view = client.post("supervisions", supervision, "mode", body={"mode": mode})
    if as_json:
        show_json(view)
        return
    show(f"{supervision}: {mode}")


@supervise.command()
@click.argument("supervision")
@asks_switch
def stop(client: Client, supervision: str) -> None:
    """End it; the call goes on."""
    client.delete("supervisions", supervision)
    show(f"{supervision} is over")


def audit_options(command: F) -> F:
    for option in (
        click.option("--since", type=Moment(), help="2h, today, 2026-05-01 …"),
        click.option("--until", type=Moment(), help="Likewise."),
        click.option("--supervisor", default="", help="endpoint:NAME"),
        click.option("--agent", default="", help="Who was heard."),
        click.option("--call", default="", help="Which call."),
        click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True),
    ):
        command = option(command)
    return command


def show_audit(client: Client, as_json: bool, **search: object) -> None:
    views = client.get("supervisions", "audit", **search)
    if as_json:
        show_json(views)
        return
    show_rows(
        "Supervision",
        ["began", "supervisor", "who", "agent", "call", "modes", "for>", "ended because", "supervision?"],
        [
            [
                moment(v["began"]),
                v["supervisor"],
                v["supervisor_agent"],
                v["agent"],
                v["call"],
                ", ".join(each["mode"] for each in v["modes"]) or "heard nothing",
                length(v["ended"] - v["began"]) if v["ended"] is not None else "",
                v["why"] or ("goes on" if v["live"] else "crash"),
                v["supervision"],
            ]
            for v in views
        ],
        "nobody has supervised",
    )


@supervise.command()
@audit_options
@json_option
@asks_switch
def audit(client: Client, as_json: bool, **search: object) -> None:
    """Who has listened to whom, when, how, and why it ended."""
    show_audit(client, as_json, **search)
