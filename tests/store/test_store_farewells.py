"""Proves that what peers are still to be told is stored with the end of their call, which takes its row, and goes when it
has been said, unless there is more to say by then; that supervisors' stays which a crash cut off end when the switch was
known to live last, and not before what they did; and that stays which older versions left open end with their calls.
"""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from store_rows import FixedClock, finished, started

from softswitch.ids import CallId
from softswitch.store.migrate import migrate
from softswitch.store.rows import CallFinished, FarewellRow, SnapshotRow, SupervisionRow
from softswitch.store.sqlite import SqliteSink
from softswitch.store.store import Store


async def opened(folder: Path) -> Store:
    return await Store.open(f"sqlite:///{folder}/s.db", clock=FixedClock(), on_alarm=lambda name, text: None)


def rows(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(folder / "s.db")) as connection:
        return connection.execute(sql).fetchall()


def stay(name: str, **changes: Any) -> SupervisionRow:
    given: dict[str, Any] = {"agent": "ana", "call": "", "modes": "[]", "began": 100.0, **changes}
    return SupervisionRow(supervision=name, stay=0, supervisor="endpoint:1004", supervisor_agent="", **given)


async def test_what_is_to_be_said_is_stored_with_the_end_of_the_call(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    await store.call_started(started("c1"))
    store.snapshot(SnapshotRow(call=CallId("c1"), data="{}"))
    await store.close()
    again = await opened(tmp_path)
    batches: list[list[type]] = []
    write = SqliteSink.write

    def noted(self: SqliteSink, batch: Any) -> None:
        batches.append([type(row) for row in batch])
        write(self, batch)

    again.writer._sink.write = noted.__get__(again.writer._sink)  # type: ignore[method-assign]
    await again.close_unfinished(farewells=[FarewellRow(farewell="c1", data="bye")])
    assert [FarewellRow in batch for batch in batches if CallFinished in batch] == [True]
    assert await again.snapshots() == () and [row.data for row in await again.farewells()] == ["bye"]
    again.farewell(FarewellRow(farewell="c1", data="bye again"))
    assert [row.data for row in await again.farewells()] == ["bye again"]
    again.farewell_said("c1")
    assert await again.farewells() == ()
    await again.close()


async def test_what_there_is_to_be_said_anew_is_kept_however_soon_the_last_was_said(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    store.farewell(FarewellRow(farewell="anew", data="old"))
    store.farewell_said("anew")
    store.farewell(FarewellRow(farewell="anew", data="new"))
    store.farewell(FarewellRow(farewell="over", data="old"))
    store.farewell_said("over")
    assert [(row.farewell, row.data) for row in await store.farewells()] == [("anew", "new")]
    await store.close()


async def test_stays_that_were_cut_off_end_with_the_last_heartbeat(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    store.writer.submit(stay("over", ended=120.0, why="talk over"))
    store.writer.submit(stay("hears"))
    store.writer.submit(stay("changed", modes=json.dumps([[110.0, "listen"], [151.5, "barge"]])))
    store.writer.submit(stay("began", began=152.0))
    store.writer.submit(stay("unreadable", modes="[7]"))
    store.heartbeat(150.0)
    await store.close()
    again = await opened(tmp_path)
    closed = await again.close_unfinished()
    assert {(row.supervision, row.ended, row.why) for row in closed.supervisions} == {
        ("hears", 150.0, "crash"),
        ("changed", 151.5, "crash"),
        ("began", 152.0, "crash"),
        ("unreadable", 150.0, "crash"),
    }
    ends = dict(rows(tmp_path, "SELECT supervision, ended FROM supervisions"))
    assert ends == {"over": 120.0, "hears": 150.0, "changed": 151.5, "began": 152.0, "unreadable": 150.0}
    assert (await again.close_unfinished()).supervisions == ()
    await again.close()


async def test_stays_that_older_versions_left_open_end_with_their_calls(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    await store.call_started(started("over"))
    await store.call_finished(finished("over", ended=170.0))
    await store.call_started(started("lives"))
    for name, call in (("a", "over"), ("b", "lives"), ("c", "")):
        store.writer.submit(stay(name, call=call))
    await store.close()
    with closing(sqlite3.connect(tmp_path / "s.db")) as connection, connection:
        connection.execute("DROP TABLE farewells")
        connection.execute("UPDATE alembic_version SET version_num = '0014'")
    migrate(tmp_path / "s.db")
    found = rows(tmp_path, "SELECT supervision, ended, why FROM supervisions ORDER BY 1")
    assert found == [("a", 170.0, "crash"), ("b", None, ""), ("c", 100.0, "crash")]
