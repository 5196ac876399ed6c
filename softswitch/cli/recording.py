"""`softswitch recording`: found by date, number, agent and queue; exported; started and stopped on demand."""

import tempfile
from pathlib import Path
from typing import Any

import click

from softswitch.cli.client import Client
from softswitch.cli.options import Failure, ListsAlone, Moment, asks_switch, json_option
from softswitch.cli.output import length, moment, show, show_fields, show_json, show_rows
from softswitch.errors import OurError

_SUFFIXES = {".flac": "flac", ".opus": "opus", ".ogg": "opus", ".wav": "wav"}


@click.group(cls=ListsAlone)
def recording() -> None:
    """Find, show, export, start and pause recordings."""


@recording.command("list")
@click.option("--since", type=Moment(), help="2h, today, 2026-05-01 …")
@click.option("--until", type=Moment())
@click.option("--number", default="", help="Part of the calling or called number.")
@click.option("--queue", default="")
@click.option("--agent", default="")
@click.option("--call", default="")
@click.option("--box", default="", help="Message box.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@click.option("--offset", type=click.IntRange(0), default=0)
@json_option
@asks_switch
def list_recordings(client: Client, as_json: bool, **search: Any) -> None:
    """List recordings, newest first."""
    views = client.get("recordings", **search)
    if as_json:
        show_json(views)
        return
    show_rows(
        "Recordings",
        [
            "recording",
            "began",
            "length>",
            "from",
            "to?",
            "agent?",
            "queue?",
            "box?",
            "state?",
            "gaps?>",
            "file?",
        ],
        [
            [
                v["recording"],
                moment(v["began"]),
                length(v["seconds"]),
                v["ani"],
                v["dnis"],
                v["agent"],
                v["queue"],
                v["box"],
                v["state"],
                v["gaps"],
                v["file"],
            ]
            for v in views
        ],
        "no recordings found",
    )


@recording.command("show")
@click.argument("name", metavar="RECORDING")
@json_option
@asks_switch
def show_recording(client: Client, name: str, as_json: bool) -> None:
    """Show one recording."""
    view = client.get("recordings", name)
    if as_json:
        show_json(view)
        return
    show_fields(
        [
            *((key, _shown(key, value)) for key, value in view.items() if key != "labels"),
            *((f"label {key}", value) for key, value in view["labels"].items()),
        ]
    )


def _shown(key: str, value: Any) -> Any:
    if key in ("began", "deleted_at") and value is not None:
        return moment(value)
    return length(value) if key == "seconds" else value


@recording.command()
@click.argument("name", metavar="RECORDING")
@click.argument("target", type=click.Path(path_type=Path), required=False)
@click.option(
    "--format", "kind", type=click.Choice(["flac", "opus", "wav"]), help="Else by the file's name, or flac."
)
@json_option
@asks_switch
def export(client: Client, name: str, target: Path | None, kind: str | None, as_json: bool) -> None:
    """Convert a recording to FLAC, Ogg-Opus or WAV. It goes to TARGET or into this folder; WAV is PCM16."""
    from softswitch.recorder.convert import convert_file  # brings libsndfile: not for other commands

    view = client.get("recordings", name)
    if view["seconds"] is None:
        raise Failure(f"{name} is still being made", f"`softswitch recording stop {view['call']}` ends it")
    if view["deleted_at"] is not None:
        raise Failure(
            f"{name} was deleted on {moment(view['deleted_at'])}",
            "`recording.keep_days` says when that happens",
        )
    chosen = kind or _SUFFIXES.get(target.suffix.lower() if target else ".flac", "")
    if not chosen:
        raise Failure(f"{target} has no known ending", "name it .flac, .opus, .ogg or .wav, or give --format")
    file = target or Path(f"{name}.{chosen}")
    if file.exists():
        raise Failure(f"{file} exists already", "name another file")
    if not file.parent.is_dir():
        raise Failure(f"there is no folder {file.parent}", "make it, or name another file")
    with tempfile.TemporaryDirectory() as folder:
        sound = Path(folder) / f"{name}{Path(view['file']).suffix}"
        client.download(sound, "recordings", name, "sound")  # what is on the switch's disk is its owner's
        try:
            seconds = convert_file(sound, file, chosen)
        except OurError as error:
            raise Failure(str(error)) from None
    if as_json:
        show_json({"recording": name, "file": str(file), "format": chosen, "seconds": seconds})
        return
    show(f"{file}: {length(seconds)}")


@recording.command()
@click.argument("call")
@json_option
@asks_switch
def start(client: Client, call: str, as_json: bool) -> None:
    """Record a call from now on."""
    view = client.post("calls", call, "recording")
    if as_json:
        show_json(view)
        return
    show(f"{view['recording']} records {call} to {view['file']}")


@recording.command()
@click.argument("call")
@json_option
@asks_switch
def stop(client: Client, call: str, as_json: bool) -> None:
    """Pause the recording of a call: what follows is silence in the same file."""
    view = client.delete("calls", call, "recording")
    if as_json:
        show_json(view)
        return
    show(f"{view['recording']} of {call} is silent from now on: {view['file']}")
