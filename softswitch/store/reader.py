"""One connection for reading, through `aiosqlite`: statements of SQLAlchemy Core in, plain dictionaries out.

Values always travel as bound parameters. Only reads: the connection is told so.
"""

import json
import sqlite3
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite
from sqlalchemy import ClauseElement

from softswitch.errors import StorageError
from softswitch.store.statements import bound

Record = dict[str, Any]
_Row = TypeVar("_Row")


class Reader:
    def __init__(self, connection: aiosqlite.Connection, path: Path) -> None:
        self._connection = connection
        self._path = path

    @classmethod
    async def open(cls, path: Path) -> "Reader":
        connection = await aiosqlite.connect(path, timeout=1.0, isolation_level=None)
        connection.row_factory = sqlite3.Row
        await connection.execute("PRAGMA query_only=1")
        return cls(connection, path)

    async def records(self, statement: ClauseElement) -> list[Record]:
        """All rows of `statement`; raises StorageError when the database cannot be read."""
        sql, parameters = bound(statement)
        try:
            rows = await self._connection.execute_fetchall(sql, parameters)
        except sqlite3.Error as error:
            raise StorageError(f"database {self._path} cannot be read: {error}") from error
        return [dict(row) for row in rows]

    async def close(self) -> None:
        await self._connection.close()


def as_row(kind: type[_Row], record: Record) -> _Row:
    """The value of a record; mappings come back from their JSON."""
    values = dict(record)
    for name in ("labels", "arguments"):
        if name in values:
            values[name] = json.loads(values[name] or "{}")
    return kind(**values)
