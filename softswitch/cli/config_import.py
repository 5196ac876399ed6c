"""`softswitch config import`: a configuration of ours from Asterisk's files, and line by line what was not carried over."""

import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from softswitch.cli.options import EXIT_FAILED, Failure, json_option
from softswitch.cli.output import clean, show_json
from softswitch.config.problem import ConfigError, Problem

if TYPE_CHECKING:
    from softswitch.asterisk.importing import Imported

MAX_FILE_BYTES = 8 << 20
_HEAD = """# Made from Asterisk's {files} by `softswitch config import`. It holds passwords: keep it to its owner.
# What could not be carried over was told when it was made; `softswitch config check` tells what is missing.

"""


@click.command("import")
@click.option(
    "--asterisk",
    "folder",
    required=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder of queues.conf, agents.conf and pjsip.conf, as /etc/asterisk.",
)
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="File to write; else it is printed."
)
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@json_option
def import_config(folder: Path, out: Path | None, force: bool, as_json: bool) -> None:
    """Make a configuration from Asterisk's, and report each line that could not be carried over."""
    from softswitch.asterisk.importing import import_asterisk

    imported = import_asterisk(lambda name: _read(folder, name))
    if not imported.read:
        raise Failure(
            f"{folder} has none of queues.conf, agents.conf and pjsip.conf", "name Asterisk's folder"
        )
    text = _HEAD.format(files=", ".join(Path(file).name for file in imported.read)) + imported.text
    problems = _write(out, text, force) if out is not None else ()
    if as_json:
        show_json(
            {
                "config": imported.text if out is None else "",
                "out": str(out or ""),
                "notes": [asdict(note) for note in imported.notes],
                "problems": [asdict(problem) for problem in problems],
                "carried": imported.carried,
                "made": imported.made,
            }
        )
    else:
        _tell(imported, None if out is not None else text, problems)
    if problems:
        raise click.exceptions.Exit(EXIT_FAILED)


def _read(folder: Path, name: str) -> Iterator[tuple[str, str]]:
    """Wild cards as in `#include pjsip.d/*.conf`; what cannot be read is told by nobody finding it."""
    wanted = Path(name)
    base = Path("/") if wanted.is_absolute() else folder
    pattern = str(wanted.relative_to("/")) if wanted.is_absolute() else name
    try:
        for path in sorted(base.glob(pattern)):
            if path.is_file() and path.stat().st_size <= MAX_FILE_BYTES:
                shown = str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)
                yield shown, path.read_text("utf-8", "replace")
    except (OSError, ValueError, NotImplementedError) as error:
        raise Failure(f"{name} cannot be read: {error}") from None


def _write(out: Path, text: str, force: bool) -> tuple[Problem, ...]:
    """Only its owner may read it. What `config check` would say of it is returned."""
    from softswitch.cli.checked import load_checked

    flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if force else os.O_EXCL)
    try:
        with os.fdopen(os.open(out, flags, 0o600), "w") as file:
            file.write(text)
    except FileExistsError:
        raise Failure(f"{out} exists", "name another file, or say --force") from None
    except OSError as error:
        raise Failure(f"{out} cannot be written: {error.strerror}") from None
    try:
        load_checked(out)
    except ConfigError as error:
        return error.problems
    return ()


def _tell(imported: "Imported", text: str | None, problems: tuple[Problem, ...]) -> None:
    for line in (text or "").splitlines():
        click.echo(clean(line))
    for note in imported.notes:
        click.echo(clean(f"{note.kind}: {note}"), err=text is not None)
    made = ", ".join(
        f"{count} {section}{'s' if count != 1 else ''}" for section, count in imported.made.items()
    )
    lines = f"{imported.carried} lines carried over, {imported.changed} changed, {imported.lost} lost"
    click.echo(f"{made or 'nothing'} from {', '.join(imported.read)}: {lines}", err=text is not None)
    for problem in problems:
        click.echo(clean(f"to be mended: {problem}"), err=text is not None)
