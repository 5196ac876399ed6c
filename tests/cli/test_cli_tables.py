"""Proves that a table fits a terminal of 80 columns by leaving out whole columns, the last first, and saying which; that
nothing is left out where there is room; and that no column of a reading command is cut in a pipe.

Does not prove the look on a real terminal.
"""

import pytest
from rich.console import Console

from softswitch.cli import output
from softswitch.cli.board import AGENT_COLUMNS, QUEUE_COLUMNS
from softswitch.cli.output import table

COLUMNS = ("call", "from", "waited?>", "queue?")
ROW = ("01M8085R7D42X0T0QX18", "+34600000099", "7 s", "sales")


def _printed(monkeypatch: pytest.MonkeyPatch, columns: tuple[str, ...], width: int, *row: object) -> str:
    console = Console(width=width, highlight=False)
    monkeypatch.setattr(output, "console", lambda: console)
    with console.capture() as captured:
        console.print(table("Calls", columns, [row]))
    return captured.get()


def test_columns_are_left_out_from_the_last_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    text = _printed(monkeypatch, COLUMNS, 50, *ROW)
    assert "waited" in text and "sales" not in text
    assert "too narrow here for: queue" in text
    assert all(len(line) <= 50 for line in text.splitlines())


def test_those_that_must_stay_are_folded_rather_than_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    text = _printed(monkeypatch, COLUMNS, 30, *ROW)
    assert "call" in text and "from" in text
    assert "too narrow here for: waited" in text


def test_all_columns_are_there_where_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    text = _printed(monkeypatch, COLUMNS, output.PLAIN_WIDTH, *ROW)
    assert all(value in text for value in ROW)
    assert "too narrow" not in text and "?" not in text and ">" not in text


@pytest.mark.parametrize("columns", [QUEUE_COLUMNS, AGENT_COLUMNS])
def test_the_board_stays_readable_at_80_columns(
    monkeypatch: pytest.MonkeyPatch, columns: tuple[str, ...]
) -> None:
    text = _printed(monkeypatch, columns, 80, "reception", *["0:25"] * (len(columns) - 1))
    head = text.splitlines()[2]
    assert head.startswith(("┃ queue ", "┃ agent "))
    assert sum(name.rstrip(">").rstrip("?") in head for name in columns) >= 6
