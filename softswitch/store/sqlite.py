"""One connection to the SQLite file that writes batches, used by one thread only.

Owns the pragmas, the transaction of a batch and what to do with a row that the database refuses. WAL with
`synchronous=FULL`: a batch that is committed survives the loss of power as far as disk and file system keep their word.
A raw `sqlite3` connection and not `aiosqlite`, because a batch is one hop to a thread here and one per statement there;
`benchmarks/store_writer.py` measures both.
"""

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import structlog

from softswitch.store.many import in_groups
from softswitch.store.rows import (
    CallFinished,
    FarewellRow,
    FarewellSaid,
    RegistrationGone,
    RegistrationRow,
    Row,
)
from softswitch.store.spool import OF_LIVE
from softswitch.store.statements import REMOVE_FINISHED, STATEMENTS, Parameters, Statement

_log = structlog.get_logger(__name__)

BUSY_TIMEOUT_S = 1.0
STATEMENTS_KEPT = 256
"""Prepared: those of each kind of row, for each size of `many.py`."""
_OF_CONTACT = (RegistrationRow, RegistrationGone)
_OF_FAREWELL = (FarewellRow, FarewellSaid)
PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA cache_size=-2048",
    # What a statement may have to undo is kept in small pieces: on file it takes 64 kB at once for each, from the system.
    "PRAGMA temp_store=MEMORY",
    # A log of 16 MB is soon full and then written over: a file that no longer grows is synchronised for half the CPU. Its
    # index has room for so many pages in its first block.
    "PRAGMA wal_autocheckpoint=4000",
    # What is deleted is overwritten where its page is written anyway; Debian's SQLite writes each page that gets free once
    # more for it, as those of the snapshot of each call that ends.
    "PRAGMA secure_delete=FAST",
)
BAD_ROW = (
    sqlite3.IntegrityError,
    sqlite3.ProgrammingError,
    sqlite3.InterfaceError,
    sqlite3.DataError,
    UnicodeError,
    OverflowError,
    TypeError,
    ValueError,
)
"""Errors that are the row's own fault: trying again cannot help. All others are the storage's."""
# `sqlite3` looks for an adapter of what is no number and no text, and makes an exception of finding none: a twentieth of
# what writing costs. This one leaves None as it is.
sqlite3.register_adapter(type(None), dict[None, None]().get)


class SqliteSink:
    """Opens the file when first needed and again after every failure, so that a repaired disk is found again."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self.refused = 0
        """Rows that the database does not take in any form."""

    def write(self, rows: Sequence[Row]) -> None:
        """All rows in one transaction; raises `sqlite3.Error` when nothing of it is stored."""
        try:
            self._write(rows)
        except BAD_ROW:
            self._one_by_one(rows)

    def close(self) -> None:
        """Fold the log into the file and let go of it."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _open(self) -> sqlite3.Connection:
        # mode=rw: a file that has vanished must raise an alarm, not be replaced by one without tables.
        connection = sqlite3.connect(
            f"{self._path.absolute().as_uri()}?mode=rw",
            uri=True,
            timeout=BUSY_TIMEOUT_S,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=STATEMENTS_KEPT,
        )
        for pragma in PRAGMAS:
            connection.execute(pragma)
        return connection

    def _write(self, rows: Sequence[Row]) -> None:
        work = grouped(rows)
        try:
            if self._connection is None:
                self._connection = self._open()
            self._connection.execute("BEGIN IMMEDIATE")
            for statement, kind in work:
                for text, values in in_groups(statement, kind):
                    self._connection.execute(text, values)
            self._connection.execute("COMMIT")
        except BAD_ROW:
            self._rollback()
            raise
        except sqlite3.Error:
            self._rollback()
            self._drop_connection()
            raise

    def _one_by_one(self, rows: Sequence[Row]) -> None:
        """Each row by itself, its text mended when it is not Unicode; what is refused even so is logged and lost."""
        for row in rows:
            try:
                self._write([row])
            except BAD_ROW:
                try:
                    self._write_mended(row)
                except BAD_ROW as error:
                    self.refused += 1
                    _log.error(
                        "a row was refused by the database",
                        kind=type(row).__name__,
                        error=type(error).__name__,
                    )

    def _write_mended(self, row: Row) -> None:
        assert self._connection is not None
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            for statement, kind in grouped([row]):
                self._connection.executemany(
                    statement.sql, [_mended(statement.parameters(one)) for one in kind]
                )
            self._connection.execute("COMMIT")
        except BaseException:
            self._rollback()
            raise

    def _rollback(self) -> None:
        if self._connection is not None and self._connection.in_transaction:
            try:
                self._connection.execute("ROLLBACK")
            except sqlite3.Error:
                self._drop_connection()

    def _drop_connection(self) -> None:
        if self._connection is not None:
            try:
                self._connection.close()
            except sqlite3.Error:
                _log.warning("the database did not close cleanly", path=str(self._path))
            self._connection = None


def grouped(rows: Sequence[Row]) -> list[tuple[Statement, Sequence[Row]]]:
    """The rows by kind in the order of `STATEMENTS`; of stages, snapshots, farewells and registrations the last one per
    key."""
    kinds: dict[type, list[Any]] = {}
    contacts: dict[tuple[str, str], Any] = {}
    farewells: dict[str, Any] = {}
    row: Any
    for row in rows:
        kind = type(row)
        if kind in _OF_CONTACT:
            contacts[row.endpoint, row.contact] = row
        elif kind in _OF_FAREWELL:
            farewells[row.farewell] = row
        elif kind in kinds:
            kinds[kind].append(row)
        else:
            kinds[kind] = [row]
    for row in (*contacts.values(), *farewells.values()):
        kinds.setdefault(type(row), []).append(row)
    finished = {row.call for row in kinds.get(CallFinished, ())}
    for kind in OF_LIVE:
        if kind in kinds:
            latest = {row.call: row for row in kinds[kind] if row.call not in finished}
            kinds[kind] = list(latest.values())
    work: list[tuple[Statement, Sequence[Row]]] = [
        (statement, kinds[kind]) for kind, statement in STATEMENTS.items() if kind in kinds
    ]
    if CallFinished in kinds:
        work += [(statement, kinds[CallFinished]) for statement in REMOVE_FINISHED]
    return work


def _mended(parameters: Parameters) -> Parameters:
    return tuple(_mended_value(value) for value in parameters)


def _mended_value(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
        return (1 << 63) - 1 if value > 0 else -(1 << 63)
    return value
