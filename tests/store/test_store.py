"""Proves with `sqlite3` as an independent reader that each row lands in its table once, with its values, whatever text they
hold; that the migrations make the schema that the code describes; that calls cut off by a crash are closed once; what the
command line's questions answer; and what is said of a database that cannot be used.

Does not prove anything about failing storage (test_store_writer.py) nor kills (test_store_kill.py).
"""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine
from store_rows import (
    FixedClock,
    agent,
    finished,
    interval,
    journal,
    leg,
    offer,
    recording,
    registration,
    started,
    visit,
)

from softswitch.errors import UnusableError
from softswitch.ids import EndpointName
from softswitch.store.opening import upgrade
from softswitch.store.reading import CallFilter, RecordingFilter
from softswitch.store.schema import metadata
from softswitch.store.store import Store


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    store = await opened(tmp_path)
    yield store
    await store.close()


async def opened(folder: Path) -> Store:
    return await Store.open(f"sqlite:///{folder}/s.db", clock=FixedClock(), on_alarm=no_alarm)


def no_alarm(name: str, message: str | None) -> None:
    raise AssertionError(f"{name}: {message}")


async def kept(store: Store, folder: Path, sql: str) -> list[dict[str, Any]]:
    """What is in the file once all is written: on a busy machine a commit takes longer than a call waits for it."""
    assert await store.writer.flush(20.0)
    return rows(folder, sql)


def rows(folder: Path, sql: str) -> list[dict[str, Any]]:
    with sqlite3.connect(folder / "s.db") as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(sql)]


def test_migrations_make_the_schema_of_the_code(tmp_path: Path) -> None:
    upgrade(tmp_path / "s.db")
    engine = create_engine(f"sqlite:///{tmp_path}/s.db")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()
    sql = [row["sql"] for row in rows(tmp_path, "SELECT sql FROM sqlite_master WHERE name='calls'")]
    assert "WITHOUT ROWID" in sql[0]


async def test_start_is_on_disk_when_it_returns(store: Store, tmp_path: Path) -> None:
    for _ in range(20):
        if await store.call_started(started()):
            break
    else:
        pytest.fail("no commit within 50 ms, twenty times")
    row = rows(tmp_path, "SELECT * FROM calls")[0]
    assert (row["call"], row["ani_name"], row["ended"]) == ("c1", "Añá “x”", None)


async def test_end_completes_the_cdr_and_removes_the_journal(store: Store, tmp_path: Path) -> None:
    await store.call_started(started())
    store.journal(journal())
    assert len(await kept(store, tmp_path, "SELECT * FROM journal")) == 1
    await store.call_finished(finished())
    row = (await kept(store, tmp_path, "SELECT * FROM calls"))[0]
    assert (row["ended"], row["cause"], row["labels"], row["talk_s"]) == (170.0, "normal", '{"x":"ñ"}', 60.0)
    assert rows(tmp_path, "SELECT * FROM journal") == []


async def test_journal_that_waits_is_not_written_after_the_end(store: Store, tmp_path: Path) -> None:
    await store.call_started(started())
    store.journal(journal())
    await store.call_finished(finished())
    assert await kept(store, tmp_path, "SELECT * FROM journal") == []


async def test_second_end_and_second_start_change_nothing(store: Store, tmp_path: Path) -> None:
    await store.call_started(started())
    await store.call_finished(finished())
    await store.call_started(started(ani="other"))
    await store.call_finished(finished(cause="other"))
    found = await kept(store, tmp_path, "SELECT cause, ani FROM calls")
    assert found == [{"cause": "normal", "ani": "+34600"}]


async def test_every_kind_of_row_lands_with_its_values(store: Store, tmp_path: Path) -> None:
    values = {"legs": leg(), "queue_visits": visit(), "offers": offer(), "agent_intervals": interval()}
    for row in values.values():
        store.writer.submit(row)
    store.agent(agent(status="available"))
    store.agent(agent())
    assert await store.writer.flush(20.0)
    for table, row in values.items():
        assert rows(tmp_path, f"SELECT * FROM {table}") == [
            {name: getattr(row, name) for name in row.__slots__}
        ]
    assert [row["reason"] for row in rows(tmp_path, "SELECT * FROM agents")] == ["lunch"]


async def test_recording_is_replaced_by_its_later_row(store: Store, tmp_path: Path) -> None:
    store.recording(recording())
    assert await store.writer.flush(20.0)
    store.recording(recording(state="ended", seconds=60.0, gaps=1))
    assert await store.writer.flush(20.0)
    (row,) = rows(tmp_path, "SELECT * FROM recordings")
    assert (row["state"], row["seconds"], row["gaps"], row["labels"]) == ("ended", 60.0, 1, '{"k":"v"}')


async def test_text_of_peers_is_stored_whatever_it_holds(store: Store, tmp_path: Path) -> None:
    evil = ["'; DROP TABLE calls; --", "a\0b", "\ud800 lone", "😀" * 50, "%_"]
    for index, text in enumerate(evil):
        await store.call_started(started(f"c{index}", ani=text, ani_name=text, sip_call_id=text))
    stored = [row["ani"] for row in await kept(store, tmp_path, "SELECT ani FROM calls ORDER BY call")]
    assert stored == [text.replace("\ud800", "?") for text in evil]
    await store.call_finished(finished("c0", packets_in=10**30))
    assert await kept(store, tmp_path, "SELECT packets_in FROM calls WHERE call='c0'") == [
        {"packets_in": 2**63 - 1}
    ]


async def test_registrations_survive_and_go(store: Store, tmp_path: Path) -> None:
    store.registration(registration("sip:a"))
    store.registration(registration("sip:b"))
    store.registration(registration("sip:old", expires=999.0))
    store.registration_gone(EndpointName("1001"), "sip:b")
    store.agent(agent())
    await store.close()
    again = await opened(tmp_path)
    assert await again.registrations() == (registration("sip:a"),)
    assert await again.agents() == (agent(),)
    again.registration_gone(EndpointName("1001"), "sip:a")
    again.registration(registration("sip:a", cseq=8))
    assert [row.cseq for row in await again.registrations()] == [8]
    await again.close()


async def test_calls_cut_off_are_closed_once(store: Store, tmp_path: Path) -> None:
    await store.call_started(started("waits"))
    await store.call_started(started("talks"))
    await store.call_started(started("new", started=160.0))
    await store.call_started(started("done"))
    await store.call_finished(finished("done"))
    store.journal(journal("waits", arguments={"queue": "sales", "entered": 0.0, "priority": 3}))
    store.journal(journal("talks", stage="talk", arguments={"queue": "sales", "agent": "ana"}, entered=120.0))
    store.recording(recording(call="talks"))
    store.heartbeat(150.0)
    assert {call.call for call in await store.unfinished_calls()} == {"waits", "talks", "new"}
    await store.close()
    again = await opened(tmp_path)
    closed = await again.close_unfinished()
    assert {(row.call, row.ended) for row in closed.calls} == {
        ("waits", 150.0),
        ("talks", 150.0),
        ("new", 160.0),
    }
    assert {(row.call, row.outcome, row.wait_s, row.talk_s) for row in closed.visits} == {
        ("waits", "crashed", 48.0, 0.0),
        ("talks", "crashed", 0.0, 30.0),
    }
    assert [row.state for row in closed.recordings] == ["crashed"]
    cdrs = rows(
        tmp_path, "SELECT call, ended_by, cause, last_stage, queue, agent, bridged FROM calls ORDER BY call"
    )
    assert [tuple(row.values()) for row in cdrs if row["call"] != "done"] == [
        ("new", "crash", "crash", "arrive", None, None, None),
        ("talks", "crash", "crash", "talk", "sales", "ana", 120.0),
        ("waits", "crash", "crash", "wait", "sales", None, None),
    ]
    assert rows(tmp_path, "SELECT * FROM journal") == []
    assert rows(tmp_path, "SELECT state FROM recordings") == [{"state": "crashed"}]
    assert (await again.close_unfinished()).calls == ()
    await again.close()


async def test_calls_are_found_by_each_filter(store: Store) -> None:
    await store.call_started(started("a", started=10.0, ani="100%", dnis="200"))
    await store.call_finished(finished("a", agent="ana", queue="sales"))
    await store.call_started(started("b", started=20.0, ani="1005", dnis="300"))
    await store.call_finished(finished("b", agent="bea", queue="help"))
    await store.call_started(started("c", started=30.0, ani="7", dnis="8"))

    async def found(**wanted: Any) -> str:
        return "".join(record["call"] for record in await store.reading.calls(CallFilter(**wanted)))

    assert await found() == "cba"
    assert await found(limit=2) == "cb"
    assert await found(since=10.0, until=30.0) == "ba"
    assert await found(number="100") == "ba"
    assert await found(number="0%") == "a"
    assert await found(number="300") == "b"
    assert await found(agent="ana") == "a"
    assert await found(queue="help") == "b"
    assert await found(call="c@peer") == "c"
    assert await found(finished_only=True) == "ba"
    assert await found(agent="' OR 1=1 --") == ""


async def test_one_call_comes_with_all_its_detail(store: Store) -> None:
    await store.call_started(started())
    store.leg(leg())
    store.visit(visit())
    store.offer(offer())
    store.offer(offer("o2", why="not json"))
    store.recording(recording())
    await store.call_finished(finished())
    record = await store.reading.call("c1@peer")
    assert record is not None
    assert [len(record[name]) for name in ("legs", "visits", "offers", "recordings", "queue_log")] == [
        1,
        1,
        2,
        1,
        0,
    ]
    assert record["labels"] == {"x": "ñ"}
    assert sorted(str(each["why"]) for each in record["offers"])[1] == "{'text': 'not json'}"
    assert await store.reading.call("nobody") is None


async def test_recordings_are_found_by_each_filter(store: Store) -> None:
    store.recording(recording("r1", began=10.0, call="a"))
    store.recording(recording("r2", began=20.0, agent="bea", queue="help", ani="555", state="ended"))
    store.recording(recording("r3", began=30.0, box="office", agent=None, queue=None))

    async def found(**wanted: Any) -> list[str]:
        return [record["recording"] for record in await store.reading.recordings(RecordingFilter(**wanted))]

    assert await found() == ["r3", "r2", "r1"]
    assert await found(since=15.0, until=25.0) == ["r2"]
    assert await found(number="55") == ["r2"]
    assert await found(agent="ana") == ["r1"]
    assert await found(queue="help", state="ended") == ["r2"]
    assert await found(call="a") == ["r1"]
    assert await found(box="office") == ["r3"] and await found(box="") == ["r2", "r1"]
    assert await found(recording="r3") == ["r3"]


async def refused(url: str) -> str:
    with pytest.raises(UnusableError) as caught:
        await Store.open(url, clock=FixedClock(), on_alarm=no_alarm)
    return str(caught.value)


async def test_what_cannot_be_used_is_named_with_what_to_do(tmp_path: Path) -> None:
    assert "postgresql is not supported" in await refused("postgresql://user:secret@host/db")
    assert "secret" not in await refused("postgresql://user:secret@host/db")
    assert "secret" not in await refused("nonsense secret")
    assert "in memory" in await refused("sqlite://")
    (tmp_path / "text.db").write_text("this is no database, and long enough to be looked at " * 40)
    assert "not an SQLite database; name another file" in await refused(f"sqlite:///{tmp_path}/text.db")
    (tmp_path / "folder").mkdir()
    assert "this is a folder" in await refused(f"sqlite:///{tmp_path}/folder")
    assert "its folder cannot be made" in await refused(f"sqlite:///{tmp_path}/text.db/sub/s.db")


async def test_newer_schema_is_refused(tmp_path: Path) -> None:
    await (await opened(tmp_path)).close()
    with sqlite3.connect(tmp_path / "s.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num='9999'")
    assert "newer softswitch" in await refused(f"sqlite:///{tmp_path}/s.db")


async def test_database_of_a_living_switch_is_refused(store: Store, tmp_path: Path) -> None:
    assert "another softswitch is using it" in await refused(f"sqlite:///{tmp_path}/s.db")


async def test_database_that_another_program_locks_is_refused(tmp_path: Path) -> None:
    await (await opened(tmp_path)).close()
    other = sqlite3.connect(tmp_path / "s.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        assert "holds it locked" in await refused(f"sqlite:///{tmp_path}/s.db")
    finally:
        other.close()


async def test_other_users_cannot_read_the_database(store: Store, tmp_path: Path) -> None:
    assert (tmp_path / "s.db").stat().st_mode & 0o007 == 0
