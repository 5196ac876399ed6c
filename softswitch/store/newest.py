"""The newest schema as one script, so that a new database is made at once instead of by every migration there ever was.

`migrations/newest.sql` is generated from the migrations by `python -m softswitch.store.newest`, and names them by their
hash: when they have changed since, the script is not used, and a new database takes the long way through all of them.
"""

import hashlib
import sqlite3
import tempfile
from contextlib import closing
from functools import lru_cache
from pathlib import Path

_FOLDER = Path(__file__).parent / "migrations"
SCRIPT = _FOLDER / "newest.sql"
_MARK = "-- made of migrations "


@lru_cache(maxsize=1)
def _migrations() -> tuple[str, str]:
    """Number of the newest, which begins its file's name, and the hash of them all."""
    files = sorted(_FOLDER.glob("versions/v[0-9]*_*.py"))
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()
    return files[-1].name[1:5], digest


def is_newest(connection: sqlite3.Connection) -> bool:
    """The database has been through all migrations; raises `sqlite3.Error` when it is none."""
    if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone() is None:
        return False
    return connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(_migrations()[0],)]


def make(connection: sqlite3.Connection) -> bool:
    """Make all tables of a database that has none; False, and nothing done, when that takes the migrations."""
    if connection.execute("SELECT 1 FROM sqlite_master").fetchone() is not None:
        return False
    try:
        mark, _, script = SCRIPT.read_text(encoding="utf-8").partition("\n")
    except FileNotFoundError:
        return False
    if mark != _MARK + _migrations()[1]:
        return False
    connection.executescript(script)
    return True


def text() -> str:
    """What the script has to be: a database that the migrations made, as SQL."""
    from softswitch.store.migrate import migrate  # not above: it brings alembic, which a switch need not load

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "empty.db"
        migrate(path)
        with closing(sqlite3.connect(path)) as connection:
            return "\n".join((_MARK + _migrations()[1], *connection.iterdump(), ""))


if __name__ == "__main__":
    SCRIPT.write_text(text(), encoding="utf-8")
