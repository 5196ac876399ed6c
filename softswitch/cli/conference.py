"""`softswitch conference`: who is in which room; mute, lock, remove."""

from typing import Any

import click

from softswitch.cli.client import Client
from softswitch.cli.options import ListsAlone, asks_switch, json_option
from softswitch.cli.output import moment, show, show_fields, show_json, show_rows


@click.group(cls=ListsAlone)
def conference() -> None:
    """Conference rooms: who is there, mute, lock, remove."""


@conference.command("list")
@json_option
@asks_switch
def list_conferences(client: Client, as_json: bool) -> None:
    """All rooms, and how many are in each."""
    views = client.get("conferences")
    if as_json:
        show_json(views)
        return
    show_rows(
        "Conferences",
        ["conference", "members>", "most>", "locked", "recording"],
        [
            [
                v["conference"],
                len(v["members"]),
                v["max_members"],
                "yes" if v["locked"] else "",
                v["recording"],
            ]
            for v in views
        ],
        "no conferences are configured",
    )


@conference.command("show")
@click.argument("name")
@json_option
@asks_switch
def show_conference(client: Client, name: str, as_json: bool) -> None:
    """Who is in one room."""
    _tell(client.get("conferences", name), as_json)


def _tell(view: dict[str, Any], as_json: bool) -> None:
    if as_json:
        show_json(view)
        return
    show_fields(
        [
            ("conference", view["conference"] + (", locked" if view["locked"] else "")),
            ("members", f"{len(view['members'])} of {view['max_members']} at most"),
            ("recording", view["recording"]),
        ]
    )
    show_rows(
        "Members",
        ["call", "from", "name?", "since", "is", "source?"],
        [
            [
                member["call"],
                member["ani"],
                member["ani_name"],
                moment(member["joined"]),
                ", ".join(word for word in ("moderator", "muted", "held") if member[word]),
                member["source"],
            ]
            for member in view["members"]
        ],
        "nobody is there",
    )


@conference.command()
@click.argument("name")
@click.argument("call")
@json_option
@asks_switch
def mute(client: Client, name: str, call: str, as_json: bool) -> None:
    """Let nobody hear this member."""
    _tell(client.post("conferences", name, "members", call, "mute"), as_json)


@conference.command()
@click.argument("name")
@click.argument("call")
@json_option
@asks_switch
def unmute(client: Client, name: str, call: str, as_json: bool) -> None:
    """Let him be heard again."""
    _tell(client.post("conferences", name, "members", call, "unmute"), as_json)


@conference.command()
@click.argument("name")
@json_option
@asks_switch
def lock(client: Client, name: str, as_json: bool) -> None:
    """Let nobody else in."""
    _tell(client.post("conferences", name, "lock"), as_json)


@conference.command()
@click.argument("name")
@json_option
@asks_switch
def unlock(client: Client, name: str, as_json: bool) -> None:
    """Let others in again."""
    _tell(client.post("conferences", name, "unlock"), as_json)


@conference.command()
@click.argument("name")
@click.argument("call")
@json_option
@asks_switch
def kick(client: Client, name: str, call: str, as_json: bool) -> None:
    """Remove a member; his call ends."""
    view = client.delete("conferences", name, "members", call)
    if as_json:
        show_json(view)
        return
    show(f"{call} is removed from {name}")
