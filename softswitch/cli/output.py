"""What the command line prints: tables for people, JSON for programs, and no byte of a peer's that a terminal obeys."""

import json
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

PLAIN_WIDTH = 1000
_UNSAFE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
STYLES = {
    "idle": "green",
    "up": "green",
    "registered": "green",
    "available": "green",
    "ok": "green",
    "ringing": "yellow",
    "wrap-up": "yellow",
    "resting": "yellow",
    "paused": "yellow",
    "trying": "yellow",
    "warning": "yellow",
    "unknown": "yellow",
    "talking": "cyan",
    "in use": "cyan",
    "occupied": "cyan",
    "unreachable": "red",
    "down": "red",
    "failed": "red",
    "failing": "red",
    "offline": "dim",
    "logged out": "dim",
}


def console() -> Console:
    """Wide when not a terminal, so that nothing is cut in a pipe."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else PLAIN_WIDTH)


def clean(value: object) -> str:
    """Text without control, bidirectional-override and other invisible characters, whoever sent it."""
    text = "" if value is None else str(value)
    if text.isascii() and text.isprintable():
        return text
    return "".join("�" if unicodedata.category(letter) in _UNSAFE else letter for letter in text)


def cell(value: object) -> Text:
    """A table cell: never read as markup; words of a state in its colour."""
    text = clean(value)
    return Text(text, style=STYLES.get(text, ""))


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """Columns whose name ends in `>` are aligned right. Those with a `?` before that are left out, the last first, where
    the terminal is too narrow for all; a line below tells which."""
    cells = [[cell(value) for value in row] for row in rows]
    kept = _fitting(columns, cells, console().width)
    left_out = ", ".join(_name(column) for at, column in enumerate(columns) if at not in kept)
    made = Table(
        title=title or None,
        title_justify="left",
        header_style="bold",
        caption=f"too narrow here for: {left_out}" if left_out else None,
        caption_justify="left",
    )
    for at in kept:
        right = columns[at].endswith(">")
        made.add_column(_name(columns[at]), justify="right" if right else "left", overflow="fold")
    for row in cells:
        made.add_row(*(row[at] for at in kept))
    return made


def _name(column: str) -> str:
    return column.removesuffix(">").removesuffix("?")


def _fitting(columns: Sequence[str], cells: Sequence[Sequence[Text]], width: int) -> list[int]:
    """The columns shown: each takes its widest cell, two blanks and a border."""
    needs = [
        max(cell_len(text) for text in (_name(column), *(row[at].plain for row in cells))) + 3
        for at, column in enumerate(columns)
    ]
    kept = list(range(len(columns)))
    for at in reversed(range(len(columns))):
        if sum(needs[each] for each in kept) + 1 > width and columns[at].removesuffix(">").endswith("?"):
            kept.remove(at)
    return kept


def show(*parts: object) -> None:
    """Prints tables and lines of plain text."""
    out = console()
    for part in parts:
        out.print(Text(clean(part)) if isinstance(part, str) else part)


def show_rows(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], none: str) -> None:
    """A table, or the sentence `none` when it would be empty."""
    show(table(title, columns, rows) if rows else none)


def show_fields(fields: Iterable[tuple[str, object]]) -> None:
    """Names and values below each other."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold")
    grid.add_column(overflow="fold")
    for name, value in fields:
        grid.add_row(name, cell(value))
    show(grid)


def show_json(value: Any) -> None:
    """ASCII only: whatever a peer sent is escaped."""
    sys.stdout.write(json.dumps(value, indent=2) + "\n")


def show_json_line(value: Any) -> None:
    """One of many, as it comes."""
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


def length(seconds: float | None) -> str:
    """`7 s`, `1:05`, `2:03:09`."""
    if seconds is None:
        return ""
    whole = int(seconds + 0.5)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def moment(wall: float | None) -> str:
    """Local date and time of the machine that prints."""
    return "" if wall is None else datetime.fromtimestamp(wall).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def percent(ratio: float | None) -> str:
    return "–" if ratio is None else f"{ratio * 100:.1f} %"
