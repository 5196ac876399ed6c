"""From the configured address to a usable SQLite file, or a clear word of what is wrong with it."""

import fcntl
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import IO

from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from softswitch.errors import UnusableError
from softswitch.store import newest
from softswitch.store.sqlite import PRAGMAS


def path_of(url: str) -> Path:
    """The file of `sqlite:///relative.db` or `sqlite:////absolute.db`."""
    try:
        parsed = make_url(url)
    except SQLAlchemyError as error:
        raise UnusableError("database: the address is not one; write sqlite:///PATH") from error
    if parsed.get_backend_name() != "sqlite":
        raise UnusableError(f"database: {parsed.get_backend_name()} is not supported; write sqlite:///PATH")
    if not parsed.database or parsed.database == ":memory:":
        raise UnusableError("database: a database in memory would lose every call; write sqlite:///PATH")
    return Path(parsed.database)


def prepare(path: Path) -> IO[bytes]:
    """Make or upgrade the database; returns the held lock that keeps a second switch away from it."""
    folder = path.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnusableError(
            f"database {path}: its folder cannot be made ({error.strerror}); make it, or set `database`"
        ) from error
    if path.is_dir():
        raise UnusableError(f"database {path}: this is a folder; name a file in it")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UnusableError(
            f"database {path}: its folder cannot be written to; give this user the right to, or set `database`"
        )
    if path.exists() and not os.access(path, os.R_OK | os.W_OK):
        raise UnusableError(f"database {path}: the file cannot be written to; give this user the right to")
    lock = _locked(path)
    try:
        _make_usable(path)
    except BaseException:
        lock.close()
        raise
    return lock


def _locked(path: Path) -> IO[bytes]:
    lock_path = path.with_name(path.name + ".lock")
    try:
        lock = lock_path.open("ab")
    except OSError as error:
        raise UnusableError(f"database {path}: {lock_path} cannot be made ({error.strerror})") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise UnusableError(
            f"database {path}: another softswitch is using it; stop that one first"
        ) from error
    return lock


def _make_usable(path: Path) -> None:
    new = not path.exists()
    try:
        connection = sqlite3.connect(path, timeout=2.0, isolation_level=None)
        try:
            for pragma in PRAGMAS:
                connection.execute(pragma)
            problem = "ok" if new else connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
        finally:
            connection.close()
        if new:
            path.chmod(0o640)
        if problem != "ok":
            raise UnusableError(
                f"database {path} is damaged ({problem}); restore it, or move it away to begin anew"
            )
        upgrade(path)
    except (sqlite3.Error, SQLAlchemyError, OSError) as error:
        raise UnusableError(f"database {path}: {_advice(error)}") from error


def upgrade(path: Path) -> None:
    """Make or update the tables of the SQLite file `path`; nothing happens when they are of this version."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        usable = newest.make(connection) or newest.is_newest(connection)
    if not usable:
        from softswitch.store.migrate import migrate  # brings alembic, a third of a start

        migrate(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        # A stage that a failing disk let in after its call's end: nothing would ever remove it.
        connection.execute(
            "DELETE FROM journal WHERE call IN (SELECT call FROM calls WHERE ended IS NOT NULL)"
        )


def _advice(error: Exception) -> str:
    reason = str(getattr(error, "orig", None) or error)
    if "not a database" in reason:
        return "the file is not an SQLite database; name another file, or move this one away"
    if "locked" in reason:
        return "another program holds it locked; end that program"
    if "full" in reason:
        return "the disk is full; free some space"
    if "readonly" in reason or "unable to open" in reason:
        return f"it cannot be written to ({reason}); give this user the right to"
    return f"it cannot be used ({reason})"
