"""Proves that a new database made by the one script is the database that all migrations make, that an up-to-date one is
opened without alembic, that a script older than the migrations is not used, and that a migration that makes a table anew
loses nothing.

Does not prove the other migrations; see `test_store.py`.
"""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from softswitch.store import newest
from softswitch.store.migrate import SCRIPTS, migrate
from softswitch.store.opening import upgrade


def dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def test_the_script_makes_what_the_migrations_make(tmp_path: Path) -> None:
    """When this fails: a migration has changed, run `python -m softswitch.store.newest`."""
    assert newest.SCRIPT.read_text(encoding="utf-8") == newest.text()
    migrate(tmp_path / "long.db")
    with closing(sqlite3.connect(tmp_path / "short.db")) as connection:
        assert newest.make(connection)
        assert newest.is_newest(connection)
        assert not newest.make(connection), "it has its tables"
    assert dump(tmp_path / "short.db") == dump(tmp_path / "long.db")


def test_a_script_of_other_migrations_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = tmp_path / "newest.sql"
    old.write_text(newest.SCRIPT.read_text(encoding="utf-8").replace("migrations ", "migrations 0", 1))
    monkeypatch.setattr(newest, "SCRIPT", old)
    upgrade(tmp_path / "s.db")
    with closing(sqlite3.connect(tmp_path / "s.db")) as connection:
        assert newest.is_newest(connection)
        assert not newest.make(connection)


def test_a_start_needs_no_alembic(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from softswitch.store.opening import prepare\n"
        "for _ in range(2): prepare(Path(sys.argv[1])).close()\n"
        "sys.exit('alembic' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "s.db")], check=True)


def test_a_journal_entry_of_an_ended_call_goes(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    upgrade(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        columns = "call, node, started, source, ani, ani_name, dnis, sip_call_id"
        for call, ended in (("over", 2.0), ("live", None)):
            connection.execute(
                f"INSERT INTO calls ({columns}, ended) VALUES (?, 'n', 1.0, '', '', '', '', '', ?)",
                (call, ended),
            )
            connection.execute(
                "INSERT INTO journal (call, stage, arguments, entered) VALUES (?, 'talk', '{}', 1.0)", (call,)
            )
    upgrade(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT call FROM journal").fetchall() == [("live",)]


def test_intervals_of_before_and_what_watches_them_are_kept(tmp_path: Path) -> None:
    """To the new order and back; the triggers tell sums of reports that a row has come."""
    path = tmp_path / "s.db"
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    rows = [("ana", float(at), at + 1.0, "available", "", "idle", None, "c") for at in range(50)]
    watching = (
        "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'agent_intervals' ORDER BY 1"
    )
    columns = "agent, began, ended, status, reason, state, queue, call"

    def at(revision: str, *, up: bool) -> None:
        engine = create_engine(f"sqlite:///{path}")
        with engine.connect() as connection:
            config.attributes["connection"] = connection
            (command.upgrade if up else command.downgrade)(config, revision)
            connection.commit()
        engine.dispose()

    def found() -> tuple[list[tuple[object, ...]], list[tuple[str]]]:
        with closing(sqlite3.connect(path)) as connection:
            kept = connection.execute(f"SELECT {columns} FROM agent_intervals ORDER BY began").fetchall()
            return kept, connection.execute(watching).fetchall()

    at("0013", up=True)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executemany(
            f"INSERT INTO agent_intervals ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows
        )
    before = found()
    assert before[0] == rows and len(before[1]) == 3
    for _ in range(2):
        migrate(path)
        assert found() == before
        at("0013", up=False)
        assert found() == before
