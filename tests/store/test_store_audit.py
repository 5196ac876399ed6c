"""Proves that the audit trail takes rows and gives them back by every filter, newest first, that a row once written is
neither changed, replaced nor deleted by SQL, that the same row twice is one, that rows outlive the process, and that
whoever is told that a row is on disk finds it there.

Does not prove who writes which row; for that see `tests/story/test_rights_story.py`.
"""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from softswitch.clock import SystemClock
from softswitch.store.audit import AuditFilter
from softswitch.store.audit_row import AuditRow
from softswitch.store.store import Store

ROW = AuditRow(
    audit="a1",
    node="sw1",
    at=100.0,
    actor="maria",
    role="supervisor",
    surface="control",
    origin="uid 1001 (maria), pid 7",
    act="agent.pause",
    target="agent:ana",
    details='{"reason":"lunch"}',
    result="done",
    why="",
)
ROWS = (
    ROW,
    replace(
        ROW,
        audit="a2",
        at=200.0,
        actor="joe",
        act="agent.logout",
        result="refused",
        why="agent.logout on agent ana",
    ),
    replace(
        ROW,
        audit="a3",
        at=300.0,
        act="call.move",
        target="call:c1",
        surface="phone",
        result="failed",
        why="gone",
    ),
)


async def opened(folder: Path) -> Store:
    return await Store.open(
        f"sqlite:///{folder}/audit.db", clock=SystemClock(), on_alarm=lambda name, problem: None, node="sw1"
    )


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (AuditFilter(), ["a3", "a2", "a1"]),
        (AuditFilter(limit=1), ["a3"]),
        (AuditFilter(since=200.0), ["a3", "a2"]),
        (AuditFilter(until=200.0), ["a1"]),
        (AuditFilter(actor="maria"), ["a3", "a1"]),
        (AuditFilter(act="agent.*"), ["a2", "a1"]),
        (AuditFilter(act="agent.pause"), ["a1"]),
        (AuditFilter(target="call:c1"), ["a3"]),
        (AuditFilter(surface="phone", result="failed"), ["a3"]),
        (AuditFilter(actor="maria' OR 1=1 --"), []),
    ],
)
async def test_rows_are_found_by_every_filter_after_a_restart(
    tmp_path: Path, wanted: AuditFilter, found: list[str]
) -> None:
    store = await opened(tmp_path)
    for row in (*ROWS, ROW):
        await store.audit.add(row)  # which answers before a slow disk has it
    await store.close()
    store = await opened(tmp_path)
    assert [row["audit"] for row in await store.audit.rows(wanted)] == found
    await store.close()


async def test_whoever_is_told_that_a_row_is_on_disk_finds_it_there(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    for number in range(100):
        if await store.audit.add(replace(ROW, audit=f"a{number}")):
            break
    else:
        pytest.fail("the disk took more than 50 ms a hundred times")
    with closing(sqlite3.connect(tmp_path / "audit.db")) as connection:
        [[rows]] = connection.execute("SELECT count(*) FROM audit WHERE audit = ?", (f"a{number}",))
    assert rows == 1
    await store.close()


async def test_nobody_changes_or_deletes_a_row(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    await store.audit.add(ROW)
    await store.close()
    with closing(sqlite3.connect(tmp_path / "audit.db")) as connection:
        for statement in (
            "UPDATE audit SET actor = 'somebody else'",
            "DELETE FROM audit",
            "REPLACE INTO audit SELECT audit, node, at, 'somebody else', role, surface, origin, act, target, details, "
            "result, why FROM audit",
        ):
            with pytest.raises(sqlite3.IntegrityError, match="new rows only"):
                connection.execute(statement)
    store = await opened(tmp_path)
    [row] = await store.audit.rows(AuditFilter())
    assert row["actor"] == "maria"
    await store.close()
