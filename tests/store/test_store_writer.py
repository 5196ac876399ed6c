"""Proves what the batching writer promises when the storage is quick, slow, locked, full or broken: commits are shared,
nobody waits longer than 50 ms, the alarm is raised and cleared once, nothing that waits is lost or doubled, what a full
spool gives up is what hurts least, and one bad row holds up no others.

Does not prove anything about the loss of the process (test_store_kill.py).
"""

import asyncio
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import pytest
from store_rows import (
    FixedClock,
    finished,
    interval,
    journal,
    leg,
    offer,
    registration,
    snapshot,
    started,
    visit,
)

from softswitch.ids import AgentId
from softswitch.store.opening import upgrade
from softswitch.store.rows import JournalEntry, Row
from softswitch.store.spool import Spool
from softswitch.store.sqlite import SqliteSink
from softswitch.store.store import Store
from softswitch.store.writer import GROUP_S, LAZY_S, BatchWriter


class FakeSink:
    def __init__(self) -> None:
        self.batches: list[list[Row]] = []
        self.problem: BaseException | None = None
        self.gate = threading.Event()
        self.gate.set()

    def write(self, rows: Sequence[Row]) -> None:
        self.gate.wait(5)
        if self.problem is not None:
            raise self.problem
        self.batches.append(list(rows))

    def close(self) -> None:
        pass


class Alarms(list[tuple[str, str | None]]):
    def __call__(self, name: str, message: str | None) -> None:
        self.append((name, message))


async def until(condition: Callable[[], object], timeout: float = 8.0) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


def calls_of(batch: Sequence[Row]) -> list[str]:
    return [row.call for row in batch]  # type: ignore[union-attr]


async def test_calls_that_come_together_share_a_commit() -> None:
    sink = FakeSink()
    writer = BatchWriter(sink, Alarms())
    assert await asyncio.gather(*(writer.commit(started(f"c{i}")) for i in range(50))) == [True] * 50
    assert len(sink.batches) <= 2
    await writer.close()


async def test_idle_switch_commits_at_once_and_lazy_rows_wait() -> None:
    sink = FakeSink()
    writer = BatchWriter(sink, Alarms())
    writer.submit(leg())
    began = time.monotonic()
    assert await writer.commit(started())
    assert time.monotonic() - began < 0.05
    assert [type(row).__name__ for row in sink.batches[0]] == ["CallStarted"]
    await until(lambda: writer.written == 2)
    assert writer.waiting == 0 and len(sink.batches) == 2
    await writer.close()


async def test_rows_for_at_once_come_in_groups_however_fast_they_are_handed_in() -> None:
    sink = FakeSink()
    writer = BatchWriter(sink, Alarms())
    began = time.monotonic()
    for number in range(100):
        writer.submit(snapshot(f"c{number}"), now=True)
        await asyncio.sleep(0.002)
    took = time.monotonic() - began
    assert await writer.flush()
    assert len(sink.batches) <= took / GROUP_S + 2
    writer.submit(snapshot("after a pause"), now=True)
    await asyncio.sleep(GROUP_S)
    handed_in = time.monotonic()
    writer.submit(snapshot("alone"), now=True)
    await until(lambda: not writer.waiting)
    assert time.monotonic() - handed_in < LAZY_S
    await writer.close()


async def test_rows_of_low_value_wait_for_each_other_whoever_is_in_a_hurry() -> None:
    sink = FakeSink()
    writer = BatchWriter(sink, Alarms())
    began = time.monotonic()
    for number in range(40):
        writer.submit(leg(f"l{number}"))
        writer.submit(visit(f"c{number}"))
        writer.submit(snapshot(f"c{number}"), now=True)
        await asyncio.sleep(0.01)
    took = time.monotonic() - began
    assert await writer.flush()
    kinds = [{type(row).__name__ for row in batch} for batch in sink.batches]
    assert all("QueueVisit" in of for of in kinds if "SnapshotRow" in of)
    assert len([of for of in kinds if "LegRow" in of]) <= took / LAZY_S + 2 < len(kinds)
    assert sum(map(len, sink.batches)) == 3 * 40 and all(sink.batches)
    await writer.close()


async def test_row_of_low_value_in_a_hurry_is_written_all_the_same() -> None:
    sink = FakeSink()
    writer = BatchWriter(sink, Alarms())
    writer.submit(leg(), now=True)
    await until(lambda: not writer.waiting and writer.written)
    await writer.close()


async def test_slow_storage_holds_a_call_up_for_50_ms_only() -> None:
    sink = FakeSink()
    sink.gate.clear()
    writer = BatchWriter(sink, Alarms())
    began = time.monotonic()
    assert not await writer.commit(started("slow"))
    assert 0.04 < time.monotonic() - began < 0.15
    sink.gate.set()
    assert await writer.flush()
    assert calls_of(sink.batches[0]) == ["slow"]
    await writer.close()


async def test_failing_storage_raises_one_alarm_and_loses_nothing() -> None:
    sink, alarms = FakeSink(), Alarms()
    writer = BatchWriter(sink, alarms)
    sink.problem = sqlite3.OperationalError("database or disk is full")
    assert not await writer.commit(started("c0"))
    began = time.monotonic()
    for index in range(1, 100):
        assert not await writer.commit(started(f"c{index}"))
        writer.submit(journal(f"c{index}"))
        writer.submit(leg(f"l{index}"))
    assert time.monotonic() - began < 0.5, "while it is known to fail nobody waits"
    await asyncio.sleep(0.5)
    assert [name for name, _ in alarms] == ["storage"] and "disk is full" in str(alarms[0][1])
    sink.problem = None
    await until(lambda: not writer.failing and writer.waiting == 0)
    assert alarms[1:] == [("storage", None)]
    written = [row for batch in sink.batches for row in batch]
    assert [row.call for row in written if type(row).__name__ == "CallStarted"] == [
        f"c{i}" for i in range(100)
    ]
    assert len(written) == 100 + 99 + 99
    assert await writer.commit(started("after"))
    await writer.close()


async def test_close_writes_what_waits_and_says_what_it_could_not() -> None:
    sink = FakeSink()
    writer = BatchWriter(sink, Alarms())
    for index in range(12_000):
        writer.submit(leg(f"l{index}"))
    assert await writer.close() == 0
    assert sum(map(len, sink.batches)) == 12_000
    broken = FakeSink()
    broken.problem = OSError(5, "Input/output error")
    writer = BatchWriter(broken, Alarms())
    writer.submit(leg())
    assert await writer.close() == 1
    writer.submit(leg())
    assert not await writer.commit(started())


async def test_fault_of_ours_holds_up_no_others() -> None:
    sink, alarms = FakeSink(), Alarms()
    writer = BatchWriter(sink, alarms)
    sink.problem = AttributeError("a bug")
    await writer.commit(started("bad"))
    sink.problem = None
    assert await writer.commit(started("good"))
    assert alarms == []
    await writer.close()


def test_full_spool_gives_up_what_hurts_least() -> None:
    spool = Spool(low_value_rows=3, high_value_rows=4)
    for index in range(5):
        spool.add(interval(agent=AgentId(f"a{index}")), urgent=False)
    for index in range(3):
        spool.add(visit(f"v{index}"), urgent=False)
    for index in range(3):
        spool.add(started(f"c{index}"), urgent=True)
    assert spool.dropped == 2 + 2
    batch = spool.take(lazy=True, low=True)
    assert calls_of(batch.urgent) == ["c0", "c1", "c2"]
    assert calls_of(batch.lazy) == ["v2"]
    assert [row.agent for row in batch.low] == ["a2", "a3", "a4"]  # type: ignore[union-attr]


def test_what_is_given_back_keeps_its_place() -> None:
    spool = Spool(low_value_rows=10, high_value_rows=10)
    for name in "abc":
        spool.add(started(name), urgent=True)
        spool.add(journal(name, stage="greet"), urgent=False)
    batch = spool.take(lazy=True, low=True)
    spool.add(started("d"), urgent=True)
    spool.add(journal("a", stage="wait"), urgent=False)
    spool.add(finished("b"), urgent=True)
    assert (spool.taken, spool.last_urgent) == (3, 5)
    spool.give_back(batch)
    assert (spool.taken, spool.last_urgent) == (0, 5)
    again = spool.take(lazy=True, low=True)
    assert calls_of(again.urgent) == ["a", "b", "c", "d", "b"]
    stages = {entry.call: entry.stage for entry in again.of_live.values() if isinstance(entry, JournalEntry)}
    assert stages == {"a": "wait", "c": "greet"}


async def test_locked_database_is_waited_for(tmp_path: Path) -> None:
    alarms = Alarms()
    store = await Store.open(f"sqlite:///{tmp_path}/s.db", clock=FixedClock(), on_alarm=alarms)
    other = sqlite3.connect(tmp_path / "s.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    began = time.monotonic()
    assert not await store.call_started(started())
    assert time.monotonic() - began < 0.15
    await until(lambda: alarms)
    assert "locked" in str(alarms[0][1])
    assert not await store.call_finished(finished())
    store.journal(journal())
    store.registration(registration())
    other.execute("ROLLBACK")
    await until(lambda: not store.writer.failing and not store.writer.waiting)
    assert alarms[-1] == ("storage", None)
    found = other.execute("SELECT call, ended FROM calls").fetchall()
    assert found == [("c1", 170.0)]
    other.close()
    await store.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    command = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", tmp_path]
    if subprocess.run(command, capture_output=True).returncode:
        pytest.skip("needs the right to mount")
    yield tmp_path
    subprocess.run(["umount", "-l", tmp_path], check=True)


async def test_full_disk_is_waited_for(small_disk: Path) -> None:
    alarms = Alarms()
    store = await Store.open(f"sqlite:///{small_disk}/s.db", clock=FixedClock(), on_alarm=alarms)
    filler = small_disk / "filler"
    fill(filler)
    await asyncio.gather(*(store.call_started(started(f"c{index}")) for index in range(400)))
    await until(lambda: alarms)
    assert "full" in str(alarms[0][1]) or "disk I/O" in str(alarms[0][1])
    filler.unlink()
    await until(lambda: not store.writer.failing and not store.writer.waiting, 15.0)
    assert len(await store.unfinished_calls()) == 400
    await store.close()


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(4096)):
            pass


async def test_vanished_database_raises_an_alarm_and_is_not_made_anew(tmp_path: Path) -> None:
    upgrade(tmp_path / "s.db")
    (tmp_path / "s.db").rename(tmp_path / "away.db")
    alarms = Alarms()
    writer = BatchWriter(SqliteSink(tmp_path / "s.db"), alarms)
    assert not await writer.commit(started())
    await until(lambda: alarms)
    assert not (tmp_path / "s.db").exists()
    (tmp_path / "away.db").rename(tmp_path / "s.db")
    await until(lambda: not writer.waiting and not writer.failing)
    await writer.close()
    with sqlite3.connect(tmp_path / "s.db") as connection:
        assert connection.execute("SELECT count(*) FROM calls").fetchone() == (1,)


def test_bad_row_holds_up_no_others(tmp_path: Path) -> None:
    upgrade(tmp_path / "s.db")
    sink = SqliteSink(tmp_path / "s.db")
    sink.write([started("a"), started("bad", ani=object()), started("b"), offer(), offer("o2", rang_s=None)])
    assert sink.refused == 2
    sink.close()
    with sqlite3.connect(tmp_path / "s.db") as connection:
        assert connection.execute("SELECT call FROM calls ORDER BY call").fetchall() == [("a",), ("b",)]
        assert connection.execute("SELECT offer FROM offers").fetchall() == [("o1",)]
