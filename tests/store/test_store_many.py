"""Proves: rows written many at a time leave what single rows would leave, whatever their number; few
statements are ever prepared; what is neither an INSERT nor a DELETE by one key goes row by row.

Does not prove anything about batches that fail (test_store_writer.py).
"""

import sqlite3
from pathlib import Path

import pytest
from store_rows import finished, journal, leg, started

from softswitch.store.many import EXACT, LARGEST, in_groups, repeated
from softswitch.store.opening import upgrade
from softswitch.store.rows import LegRow
from softswitch.store.sqlite import SqliteSink
from softswitch.store.statements import REMOVE_FINISHED, STATEMENTS


@pytest.mark.parametrize("count", [1, 2, 3, 31, 32, 33, 100])
def test_all_rows_are_there_once(tmp_path: Path, count: int) -> None:
    path = tmp_path / "s.db"
    upgrade(path)
    sink = SqliteSink(path)
    calls = [f"call{number}" for number in range(count)]
    sink.write([row(call) for call in calls for row in (started, journal)])
    with sqlite3.connect(path) as database:
        assert database.execute("SELECT count(*) FROM journal").fetchone() == (count,)
    sink.write([row(call) for call in calls for row in (finished, leg)])
    sink.close()
    with sqlite3.connect(path) as database:
        found = database.execute("SELECT call FROM calls WHERE ended IS NOT NULL").fetchall()
        assert sorted(call for (call,) in found) == sorted(calls)
        assert database.execute("SELECT count(*) FROM legs").fetchone() == (count,)
        assert database.execute("SELECT count(*) FROM journal").fetchone() == (0,)


def test_statements_are_of_few_sizes() -> None:
    statement, row = STATEMENTS[LegRow], leg("call")
    sizes = {
        count: [
            len(values) // len(statement.parameters(row)) for _, values in in_groups(statement, [row] * count)
        ]
        for count in range(1, 3 * LARGEST)
    }
    assert all(sum(of) == count for count, of in sizes.items())
    assert {size for of in sizes.values() for size in of} == {*range(1, EXACT + 1), LARGEST}


def test_what_can_be_repeated() -> None:
    sql = "INSERT INTO t (a, b) VALUES (?, ?) ON CONFLICT DO NOTHING"
    assert repeated(sql, 1) == sql
    assert repeated(sql, 2) == "INSERT INTO t (a, b) VALUES (?, ?), (?, ?) ON CONFLICT DO NOTHING"
    assert repeated(REMOVE_FINISHED[0].sql, 2) == "DELETE FROM journal WHERE journal.call IN (?, ?)"
    assert repeated("UPDATE t SET a=? WHERE b = ?", 2) is None
