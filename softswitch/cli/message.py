"""`softswitch message`: the messages that callers have left in boxes; marked as heard, deleted. And texts to phones."""

from typing import Any

import click

from softswitch.cli.client import Client
from softswitch.cli.options import Failure, ListsAlone, asks_switch, json_option
from softswitch.cli.output import length, moment, show, show_json, show_rows


@click.group(cls=ListsAlone)
def message() -> None:
    """Messages in boxes, and texts to phones."""


@message.command("list")
@click.option("--box", default="", help="Of one box.")
@click.option("--new", "which", flag_value="new", help="Only those that nobody has heard.")
@click.option("--old", "which", flag_value="old", help="Only those that were heard.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@json_option
@asks_switch
def list_messages(client: Client, box: str, which: str | None, limit: int, as_json: bool) -> None:
    """List messages, newest first."""
    views = client.get("messages", box=box, which=which or "all", limit=limit)
    if as_json:
        show_json(views)
        return
    show_rows(
        "Messages",
        ["message", "box", "began", "length>", "from", "heard", "file?"],
        [
            [
                v["message"],
                v["box"],
                moment(v["began"]),
                length(v["seconds"]),
                v["ani"],
                moment(v["heard"]) if v["heard"] is not None else "new",
                v["file"],
            ]
            for v in views
        ],
        "no messages",
    )


@message.command()
@json_option
@asks_switch
def boxes(client: Client, as_json: bool) -> None:
    """Count the messages in each box."""
    views = client.get("boxes")
    if as_json:
        show_json(views)
        return
    rows = [[v["box"], v["new"], v["old"]] for v in views]
    show_rows("Boxes", ["box", "new>", "old>"], rows, "no boxes are configured")


@message.command()
@click.argument("name", metavar="MESSAGE")
@click.option("--new", "new", is_flag=True, help="As new again, instead of heard.")
@json_option
@asks_switch
def mark(client: Client, name: str, new: bool, as_json: bool) -> None:
    """Mark a message as heard: lamps go out when no new one is left."""
    view = client.post("messages", name, "new" if new else "heard")
    if as_json:
        show_json(view)
    else:
        show(f"{name} is {'new' if new else 'heard'}")


@message.command()
@click.argument("name", metavar="MESSAGE")
@json_option
@asks_switch
def delete(client: Client, name: str, as_json: bool) -> None:
    """Delete the sound of a message for ever."""
    view = client.delete("messages", name)
    if as_json:
        show_json(view)
    else:
        show(f"{name} is deleted")


@message.command()
@click.option("--to", "to", default="", metavar="EXTENSION", help="All phones of this extension.")
@click.option("--queue", default="", help="The phones of all agents of this queue who are logged in.")
@click.option("--team", default="", help="The phones of all agents of this team who are logged in.")
@click.option("--all", "everybody", is_flag=True, help="All phones.")
@click.option("--text", required=True, help="What their displays show.")
@click.option("--from", "sender", default="switch", show_default=True, help="Whom it comes from.")
@json_option
@asks_switch
def send(client: Client, as_json: bool, **wish: Any) -> None:
    """Send a text to phones (SIP MESSAGE); says what each answered."""
    views = client.post("texts", body=wish)
    if as_json:
        show_json(views)
    else:
        show_rows(
            "Sent",
            ["phone", "address", "answer>"],
            [[v["endpoint"], v["address"] or "not registered", v["status"]] for v in views],
            "none of them is logged in",
        )
    if any(v["status"] >= 300 for v in views):
        raise Failure("not all phones took it")
