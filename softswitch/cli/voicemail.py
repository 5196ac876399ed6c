"""`softswitch voicemail`: messages in boxes with what became of their mails; shown, deleted."""

from typing import Any

import click

from softswitch.cli.client import Client
from softswitch.cli.options import ListsAlone, asks_switch, json_option
from softswitch.cli.output import length, moment, show, show_fields, show_json, show_rows


@click.group(cls=ListsAlone)
def voicemail() -> None:
    """Messages in boxes, and their mails."""


@voicemail.command("list")
@click.option("--box", default="", help="Of one box.")
@click.option("--new", "which", flag_value="new", help="Only those that nobody has heard.")
@click.option("--old", "which", flag_value="old", help="Only those that were heard.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@json_option
@asks_switch
def list_voicemail(client: Client, box: str, which: str | None, limit: int, as_json: bool) -> None:
    """List messages, newest first."""
    views = client.get("voicemail", box=box, which=which or "all", limit=limit)
    if as_json:
        show_json(views)
        return
    rows = [
        [
            view["message"]["message"],
            view["message"]["box"],
            moment(view["message"]["began"]),
            length(view["message"]["seconds"]),
            view["message"]["ani"],
            _heard(view),
            _mail(view["mail"]),
        ]
        for view in views
    ]
    show_rows(
        "Voicemail", ["message", "box", "began", "length>", "from", "heard", "mail?"], rows, "no messages"
    )


def _heard(view: dict[str, Any]) -> str:
    heard = view["message"]["heard"]
    return moment(heard) if heard is not None else "new"


def _mail(mail: dict[str, Any] | None) -> str:
    if mail is None:
        return ""
    if mail["state"] != "waiting":
        return f"{mail['state']} {moment(mail['ended'])}" if mail["ended"] is not None else str(mail["state"])
    tries = f" after {mail['attempts']} tries" if mail["attempts"] else ""
    return f"waiting{tries}"


@voicemail.command("show")
@click.argument("message")
@json_option
@asks_switch
def show_voicemail(client: Client, message: str, as_json: bool) -> None:
    """Show one message and its mail."""
    view = client.get("voicemail", message)
    if as_json:
        show_json(view)
        return
    mail = view["mail"] or {}
    fields = [
        (key, value) for key, value in view["message"].items() if key not in ("began", "seconds", "heard")
    ]
    show_fields(
        [
            *fields,
            ("began", moment(view["message"]["began"])),
            ("length", length(view["message"]["seconds"])),
            ("heard", _heard(view)),
            ("mail", _mail(view["mail"]) or "none"),
            *(("mail to", address) for address in mail.get("addresses", ())),
            ("next try", moment(mail.get("next_at"))),
            ("mail problem", mail.get("problem", "")),
        ]
    )


@voicemail.command()
@click.argument("message")
@json_option
@asks_switch
def delete(client: Client, message: str, as_json: bool) -> None:
    """Delete a message; a mail of it that waits is not sent."""
    answer = client.delete("messages", message)
    if as_json:
        show_json(answer)
        return
    show(f"{message} is deleted")
