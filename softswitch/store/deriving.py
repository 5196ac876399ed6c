"""Keeps the sums of reports: computes those that are missing or were touched, a stretch at a time.

A connection of its own, on a thread, in transactions of an hour's rows: whoever writes calls waits for a few milliseconds
at most. What is lost with the power is computed again, so that its commits wait for no disk. Running it twice, or after a
crash between two stretches, changes nothing: each stretch replaces its sums and moves the mark in one transaction, and a
row that is written meanwhile lowers the mark after that.
"""

import asyncio
import math
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import ClauseElement, Insert, Table, delete, insert

from softswitch.errors import StorageError
from softswitch.store.bucket_sums import Slot, caller_sums, offer_sums, slots_of, talk_sums, time_sums
from softswitch.store.definitions import VERSION, Settings
from softswitch.store.report_tables import BUCKET_S, report_agents, report_callers
from softswitch.store.statements import bound

STRETCH_S = 3600.0
BUSY_TIMEOUT_S = 5.0
SOURCES: Final = ("visits", "offers", "times")
KEYS: Final = ("queue", "dnis", "skills")
_FIRST: Final = {
    "visits": "SELECT min(entered) FROM queue_visits",
    "offers": "SELECT min(offered) FROM offers",
    "times": "SELECT min(began) FROM agent_intervals",
}


def floor(moment: float) -> float:
    return math.floor(moment / BUCKET_S) * BUCKET_S


def ceil(moment: float) -> float:
    return math.ceil(moment / BUCKET_S) * BUCKET_S


class Deriver:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._turn = asyncio.Lock()

    async def settle(self, until: float, settings: Settings) -> Mapping[str, float]:
        """Bring the sums up to `until`; up to which moment those of each source can be believed now."""
        async with self._turn:
            try:
                return await asyncio.to_thread(self._settle, floor(until), settings)
            except sqlite3.Error as error:
                raise StorageError(
                    f"database {self._path}: sums of reports cannot be kept: {error}"
                ) from error

    async def forget(self) -> None:
        """Compute everything again from the rows when it is next asked for."""
        async with self._turn:
            await asyncio.to_thread(self._forget)

    def _forget(self) -> None:
        with closing(self._open()) as connection:
            connection.execute("UPDATE report_marks SET settled = 0, definition = ''")

    def _open(self) -> sqlite3.Connection:
        uri = f"{self._path.absolute().as_uri()}?mode=rw"
        connection = sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA cache_size=-16384")
        return connection

    def _settle(self, until: float, settings: Settings) -> dict[str, float]:
        with closing(self._open()) as connection:
            return {source: _Source(connection, source, settings).settle(until) for source in SOURCES}


class _Source:
    """One kind of rows and the sums made of it."""

    def __init__(self, connection: sqlite3.Connection, source: str, settings: Settings) -> None:
        self._connection = connection
        self._source = source
        self._settings = settings
        self._definition = settings.fingerprint() if source == "visits" else str(VERSION)
        self._measured = 0.0
        self._longest_s = 0.0
        """Stretches of time since `_measured` are no longer: one that ends later does not touch what is summed."""

    def settle(self, until: float) -> float:
        while not self._settled(until):
            while (low := self._low(until)) < until:
                if self._source == "times" and (low < self._measured or not self._longest_s):
                    self._measured, self._longest_s = low, self._longest_since(low)
                self._stretch(low, until)
        return self._mark()

    def _settled(self, until: float) -> bool:
        with self._transaction():
            if self._low(until) < until:
                return False
            if self._longest_s and self._longest_since(self._measured) > self._longest_s:
                # One that came meanwhile is longer than all that were looked for.
                self._set_mark(self._measured)
                self._longest_s = 0.0
                return False
            if self._mark() == 0.0:
                self._set_mark(until)  # there are no rows before it
            return True

    def _longest_since(self, low: float) -> float:
        """Length of the longest stretch of time that ended after `low`, and a little."""
        sql = "SELECT max(ended - began) FROM agent_intervals WHERE ended > ?"
        [longest] = self._connection.execute(sql, (low,)).fetchone()
        return float(longest or 0.0) + 1.0

    def _low(self, until: float) -> float:
        """Where to go on: at the mark, or at the first row where nothing can be believed."""
        mark = self._mark()
        if mark > 0.0:
            return floor(mark)
        [first] = self._connection.execute(_FIRST[self._source]).fetchone()
        return floor(until if first is None else first)

    def _mark(self) -> float:
        """0 where the sums were made by other definitions."""
        settled, definition = self._connection.execute(
            "SELECT settled, definition FROM report_marks WHERE source = ?", (self._source,)
        ).fetchone()
        return float(settled) if definition == self._definition else 0.0

    def _set_mark(self, settled: float) -> None:
        self._connection.execute(
            "UPDATE report_marks SET settled = ?, definition = ? WHERE source = ?",
            (settled, self._definition, self._source),
        )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def _stretch(self, low: float, until: float) -> None:
        high = min(low + STRETCH_S, until)
        with self._transaction():
            if self._low(until) != low:
                return  # a row of before was written meanwhile: the caller begins there
            since = low if self._mark() > 0.0 else 0.0
            for statement in self._work(since, low, high):
                self._connection.execute(*bound(statement))
            self._set_mark(high)

    def _work(self, since: float, low: float, high: float) -> Iterator[ClauseElement]:
        slots = slots_of(_buckets(low, high))
        if self._source == "visits":
            yield _without(report_callers, since, high)
            yield _into(report_callers, caller_sums(slots, self._settings, KEYS))
            yield _without(report_agents, since, high, "talk")
            yield _into(report_agents, talk_sums(slots))
        elif self._source == "offers":
            yield _without(report_agents, since, high, "offer")
            yield _into(report_agents, offer_sums(slots))
        else:
            yield _without(report_agents, since, high, "time", "pause")
            for pauses in (False, True):
                yield _into(
                    report_agents, time_sums(slots, low, high, pauses=pauses, longest_s=self._longest_s)
                )


def _buckets(low: float, high: float) -> Sequence[Slot]:
    count = round((high - low) / BUCKET_S)
    starts = [low + BUCKET_S * index for index in range(count)]
    return [(start, start + BUCKET_S, start, start + BUCKET_S) for start in starts]


def _without(table: Table, low: float, high: float, *what: str) -> ClauseElement:
    statement = delete(table).where(table.c.bucket >= low, table.c.bucket < high)
    return statement.where(table.c.what.in_(what)) if what else statement


def _into(table: Table, sums: Any) -> Insert:
    names = ["bucket" if column.name == "start" else column.name for column in sums.selected_columns]
    return insert(table).from_select(names, sums)
