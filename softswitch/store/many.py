"""Rows of one kind written many at a time: one statement with as many `VALUES` as there are rows.

Python's `sqlite3` gives the interpreter up and takes it again for each statement that runs. While the event loop is busy,
each time waits for it: a batch of a hundred single rows would be committed long after the calls that wait for it.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any

from softswitch.store.statements import Statement

LARGEST = 32
"""Rows of one statement; with 40 columns that is far below SQLite's 32,766 values."""
EXACT = 16
"""Up to so many rows are one statement, whatever their number; of more, few sizes, so that few texts are ever prepared."""
_VALUES = re.compile(r"VALUES (\([?, ]+\))")
_BY_KEY = re.compile(r"(DELETE FROM \w+ WHERE [\w.]+) = \?")


def in_groups(statement: Statement, rows: Sequence[Any]) -> Iterator[tuple[str, list[Any]]]:
    """SQL text and values of each statement to run."""
    parameters: Callable[[Any], tuple[Any, ...]] = statement.parameters
    at = 0
    while (left := len(rows) - at) > 0:
        size = left if left <= EXACT else EXACT if left < LARGEST else LARGEST
        text = repeated(statement.sql, size)
        if text is None:
            text, size = statement.sql, 1
        values: list[Any] = []
        for row in rows[at : at + size]:
            values += parameters(row)
        yield text, values
        at += size


@lru_cache(maxsize=256)
def repeated(sql: str, count: int) -> str | None:
    """The statement for `count` rows; None when it is neither an INSERT of values nor a DELETE by one key."""
    if count == 1:
        return sql
    values = _VALUES.search(sql)
    if values is not None:
        return f"{sql[: values.start(1)]}{', '.join([values[1]] * count)}{sql[values.end(1) :]}"
    key = _BY_KEY.fullmatch(sql)
    return f"{key[1]} IN ({', '.join('?' * count)})" if key is not None else None
