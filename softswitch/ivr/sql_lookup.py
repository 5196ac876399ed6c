"""Asks an SQLite data base for one row: read-only, bounded in time and size, parameters bound and never part of the text.
A shell: it blocks, and runs in a thread of the pool that `lookups.py` has.
"""

import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from softswitch.config.lookups import Lookup
from softswitch.ivr.actions import LookedUp
from softswitch.ivr.lookup import values_of

STEPS = 2000
"""Instructions of SQLite's machine between two looks at the clock."""
_MAY = frozenset(
    {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
)
_PREFIX = "sqlite:///"


def path_of(database: str) -> Path:
    """Raises ValueError for what is no `sqlite:///PATH`."""
    path = database.removeprefix(_PREFIX)
    if path == database or not path:
        raise ValueError(f"{database!r} cannot be used; expected sqlite:///PATH")
    return Path(path)


def ask_sql(lookup: Lookup, parameters: Mapping[str, str]) -> LookedUp:
    deadline = time.monotonic() + lookup.timeout_s
    try:
        row = _first_row(lookup, parameters, deadline)
    except sqlite3.Error as error:
        # What Python's module refuses by itself, such as two statements, has no code of SQLite's.
        busy = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY
        if busy or time.monotonic() >= deadline:
            return LookedUp(answer="timeout", problem=f"{lookup.timeout_s:g} s were not enough")
        return LookedUp(answer="error", problem=_words(error, parameters))
    if row is None:
        return LookedUp(answer="none")
    values = values_of(lookup, row)
    return LookedUp(answer="found" if values else "none", values=values)


def _words(error: sqlite3.Error, parameters: Mapping[str, str]) -> str:
    """Some errors quote what they were given (a path in JSON, a word to search for), which is the caller's own."""
    words = str(error)
    quoted = any(value and value in words for value in parameters.values())
    return type(error).__name__ if quoted else f"{type(error).__name__}: {words}"


def _first_row(lookup: Lookup, parameters: Mapping[str, str], deadline: float) -> dict[str, object] | None:
    address = f"file:{quote(str(path_of(lookup.database).resolve()))}?mode=ro"
    with closing(sqlite3.connect(address, uri=True, timeout=lookup.timeout_s)) as connection:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, lookup.max_bytes + len(lookup.sql))
        connection.set_authorizer(
            lambda action, *_: sqlite3.SQLITE_OK if action in _MAY else sqlite3.SQLITE_DENY
        )
        connection.set_progress_handler(lambda: time.monotonic() >= deadline, STEPS)
        cursor = connection.execute(lookup.sql, dict(parameters))
        row = cursor.fetchone()
        return None if row is None else dict(zip((each[0] for each in cursor.description), row, strict=True))
