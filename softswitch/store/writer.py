"""The one batching writer: rows go in at any time, come out in groups, one transaction each.

Owns the spool, the rhythm of commits and what happens while the storage fails: rows wait, an alarm is raised once,
writing is tried again with growing pauses, the alarm is cleared by the first success. When the spool is full the oldest
rows of little value go first (`LOW_VALUE`), each one counted. Runs on the event loop; the storage on a thread of its own.
"""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import structlog

from softswitch.store.rows import AgentInterval, LegRow, OfferRow, QueueLogRow, Row

_log = structlog.get_logger(__name__)

AlarmCallback = Callable[[str, str | None], None]
"""Name of the alarm and what is wrong; None: it is over."""

ALARM = "storage"
LOW_VALUE = frozenset({AgentInterval, QueueLogRow, OfferRow, LegRow})
COMMIT_WAIT_S = 0.05
"""A call never waits longer than this for the storage."""
GROUP_S = 0.01
"""Commits begin no closer to each other than this: under load many calls share one; an idle switch never waits."""
LAZY_S = 0.1
"""A row that nobody waits for is written at most this long after it was handed in."""
BATCH_ROWS = 5000
RETRY_FIRST_S = 0.2
RETRY_LONGEST_S = 5.0


class Sink(Protocol):
    def write(self, rows: Sequence[Row]) -> None:
        """Store all rows or raise `sqlite3.Error` or OSError."""

    def close(self) -> None: ...


class BatchWriter:
    def __init__(
        self,
        sink: Sink,
        on_alarm: AlarmCallback,
        *,
        low_value_rows: int = 50_000,
        high_value_rows: int = 100_000,
    ) -> None:
        self._sink = sink
        self._on_alarm = on_alarm
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(1, "store-writer")
        self._low: deque[Row] = deque()
        self._high: deque[Row] = deque()
        self._limits = {id(self._low): low_value_rows, id(self._high): high_value_rows}
        self._taken = 0
        self._waiters: deque[tuple[int, asyncio.Future[bool]]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._running: asyncio.Future[None] | None = None
        self._last_began = 0.0
        self._failures = 0
        self.written = 0
        """Rows committed since the start."""
        self.commits = 0
        self.dropped = 0
        """Rows lost because the spool was full."""

    def __repr__(self) -> str:
        state = "failing" if self._failures else "writing" if self._running else "idle"
        return f"<BatchWriter {state} waiting={self.waiting} written={self.written} dropped={self.dropped}>"

    @property
    def failing(self) -> bool:
        return self._failures > 0

    @property
    def waiting(self) -> int:
        """Rows handed in and not yet tried."""
        return len(self._low) + len(self._high)

    def submit(self, row: Row) -> None:
        """Store `row` soon; never waits."""
        self._append(row)
        self._arm(LAZY_S)

    async def commit(self, row: Row) -> bool:
        """Store `row` now. True: it is committed. False: the storage fails or is slow, and the row waits its turn."""
        self._append(row)
        return await self._committed(COMMIT_WAIT_S)

    async def flush(self, timeout_s: float = 1.0) -> bool:
        """Wait until all that was handed in is committed; False when the storage fails or takes too long."""
        deadline = self._loop.time() + timeout_s
        while self.waiting or self._running is not None:
            left = deadline - self._loop.time()
            if left <= 0 or not await self._committed(left):
                return False
        return True

    async def close(self, timeout_s: float = 5.0) -> int:
        """Write what waits, close the storage; returns how many rows could not be written."""
        deadline = self._loop.time() + timeout_s
        failures = self._failures
        while self.waiting or self._running is not None:
            self._cancel_timer()
            running = self._running or self._begin()
            await asyncio.wait([running], timeout=max(0.0, deadline - self._loop.time()))
            if self._failures > failures or self._loop.time() >= deadline:
                break
        self._cancel_timer()
        if self.waiting:
            _log.error("rows are lost: the storage failed until the end", rows=self.waiting)
        await self._loop.run_in_executor(self._thread, self._sink.close)
        self._thread.shutdown(wait=False)
        return self.waiting

    async def _committed(self, timeout_s: float) -> bool:
        if self._failures:
            return False
        future: asyncio.Future[bool] = self._loop.create_future()
        self._waiters.append((self._taken + len(self._high), future))
        self._arm(max(0.0, self._last_began + GROUP_S - self._loop.time()))
        timer = self._loop.call_later(timeout_s, _resolve, future, False)
        try:
            return await future
        finally:
            timer.cancel()

    def _append(self, row: Row) -> None:
        spool = self._low if type(row) in LOW_VALUE else self._high
        spool.append(row)
        if len(spool) > self._limits[id(spool)]:
            self._shed()

    def _shed(self) -> None:
        for spool in (self._low, self._high):
            while len(spool) > self._limits[id(spool)]:
                spool.popleft()
                self.dropped += 1
                self._taken += spool is self._high

    def _arm(self, delay: float) -> None:
        if self._running is not None:
            return
        when = self._loop.time() + delay
        if self._timer is not None:
            if self._failures or self._timer.when() <= when:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(when, self._begin)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _begin(self) -> asyncio.Future[None]:
        self._timer = None
        high = [self._high.popleft() for _ in range(min(len(self._high), BATCH_ROWS))]
        low = [self._low.popleft() for _ in range(min(len(self._low), BATCH_ROWS))]
        self._taken += len(high)
        self._last_began = self._loop.time()
        self._running = self._loop.run_in_executor(self._thread, self._sink.write, high + low)
        self._running.add_done_callback(lambda done: self._end(done, high, low))
        return self._running

    def _end(self, done: asyncio.Future[None], high: list[Row], low: list[Row]) -> None:
        self._running = None
        error = done.exception()
        if error is None:
            self._succeeded(len(high) + len(low))
        elif isinstance(error, (sqlite3.Error, OSError)):
            self._failed(error, high, low)
        else:
            # A fault of ours: these rows would fail for ever and hold up all others.
            _log.error("a batch was lost", rows=len(high) + len(low), exc_info=error)
            self._succeeded(0)

    def _succeeded(self, rows: int) -> None:
        self.written += rows
        self.commits += 1
        if self._failures:
            self._failures = 0
            self._on_alarm(ALARM, None)
        while self._waiters and self._waiters[0][0] <= self._taken:
            _resolve(self._waiters.popleft()[1], True)
        if self._waiters:
            self._arm(max(0.0, self._last_began + GROUP_S - self._loop.time()))
        elif self.waiting:
            self._arm(0.0 if self.waiting >= BATCH_ROWS else LAZY_S)

    def _failed(self, error: BaseException, high: list[Row], low: list[Row]) -> None:
        self._high.extendleft(reversed(high))
        self._low.extendleft(reversed(low))
        self._taken -= len(high)
        self._shed()
        if not self._failures:
            self._on_alarm(ALARM, f"rows cannot be stored and wait: {error}")
            _log.error("the storage fails", error=str(error), waiting=self.waiting)
        self._failures += 1
        while self._waiters:
            _resolve(self._waiters.popleft()[1], False)
        self._timer = None
        pause = min(RETRY_LONGEST_S, RETRY_FIRST_S * 2.0 ** min(self._failures - 1, 10))
        self._timer = self._loop.call_later(pause, self._begin)


def _resolve(future: asyncio.Future[bool], committed: bool) -> None:
    if not future.done():
        future.set_result(committed)
