"""The one batching writer: rows go in at any time, come out in groups, one transaction each.

Owns the rhythm of commits and what happens while the storage fails: rows wait in the spool, an alarm is raised once,
writing is tried again with growing pauses, the alarm is cleared by the first success. Runs on the event loop; the
storage on a thread of its own.
"""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Protocol

import structlog

from softswitch.late import Late
from softswitch.store.rows import Row
from softswitch.store.spool import Batch, Spool

_log = structlog.get_logger(__name__)

AlarmCallback = Callable[[str, str | None], None]
"""Name of the alarm and what is wrong; None: it is over."""

ALARM = "storage"
COMMIT_WAIT_S = 0.05
"""A call never waits longer than this for the storage."""
GROUP_S = 0.03
"""Commits begin no closer to each other than this: under load many calls share one; an idle switch never waits. A call at
200 a second costs a twentieth less than with two thirds of it, and its slowest hundredth is answered 10 ms later."""
LAZY_S = 0.1
"""A row that nobody waits for is written about this long after it was handed in."""
RETRY_FIRST_S = 0.2
RETRY_LONGEST_S = 5.0
_NEVER: Final = float("inf")


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
        self._spool = Spool(low_value_rows=low_value_rows, high_value_rows=high_value_rows)
        self._waiters: deque[tuple[int, asyncio.Future[bool]]] = deque()
        self._late: Late[asyncio.Future[bool]] = Late(COMMIT_WAIT_S, lambda waits: _resolve(waits, False))
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due = 0.0
        self._running: asyncio.Future[None] | None = None
        self._last_began = 0.0
        self._soon_due = _NEVER
        """When rows are due that go with the next transaction, and the lazy ones with them."""
        self._lazy_due = _NEVER
        """When everything is."""
        self._failures = 0
        self._closed = False
        self.written = 0
        """Rows committed since the start."""
        self.commits = 0

    def __repr__(self) -> str:
        state = "failing" if self._failures else "writing" if self._running else "idle"
        return f"<BatchWriter {state} waiting={self.waiting} written={self.written} dropped={self.dropped}>"

    @property
    def failing(self) -> bool:
        return self._failures > 0

    @property
    def waiting(self) -> int:
        """Rows handed in that no transaction has taken yet."""
        return len(self._spool)

    @property
    def dropped(self) -> int:
        """Rows lost because the spool was full."""
        return self._spool.dropped

    def submit(self, row: Row, *, now: bool = False) -> None:
        """Store `row` soon, with `now` in the next transaction unless its value is low; never waits. How often there is
        one, no peer decides."""
        self._spool.add(row, urgent=False)
        if now:
            if self._soon_due == _NEVER:
                self._soon_due = max(self._loop.time(), self._last_began + GROUP_S)
                self._arm()
        elif self._lazy_due == _NEVER:  # else it goes with those before it
            self._lazy_due = self._loop.time() + LAZY_S
            self._arm()

    async def commit(self, row: Row) -> bool:
        """Store `row` now. True: it is committed. False: the storage fails or is slow, and the row waits its turn."""
        self._spool.add(row, urgent=True)
        committed = self._committed()
        if committed is None:
            return False
        self._late.asked(committed)
        try:
            return await committed
        finally:
            self._late.answered(committed)

    async def flush(self, timeout_s: float = 1.0) -> bool:
        """Wait until all that was handed in is committed; False when the storage fails or takes too long."""
        deadline = self._loop.time() + timeout_s
        while self.waiting or self._running is not None:
            left = deadline - self._loop.time()
            self._lazy_due = 0.0
            committed = self._committed() if left > 0 else None
            if committed is None:
                return False
            timer = self._loop.call_later(left, _resolve, committed, False)
            try:
                if not await committed:
                    return False
            finally:
                timer.cancel()
        return True

    async def close(self, timeout_s: float = 5.0) -> int:
        """Write what waits, close the storage; returns how many rows could not be written. Later rows are not taken."""
        if self._closed:
            return self.waiting
        deadline = self._loop.time() + timeout_s
        failures = self._failures
        while self.waiting or self._running is not None:
            self._cancel_timer()
            self._lazy_due = 0.0
            running = self._running or self._begin()
            await asyncio.wait([running], timeout=max(0.0, deadline - self._loop.time()))
            if self._failures > failures or self._loop.time() >= deadline:
                break
        self._cancel_timer()
        self._closed = True
        if self.waiting:
            _log.error("rows are lost: the storage failed until the end", rows=self.waiting)
        await self._loop.run_in_executor(self._thread, self._sink.close)
        self._thread.shutdown(wait=False)
        return self.waiting

    def _committed(self) -> "asyncio.Future[bool] | None":
        """Done when all urgent rows of now are stored, or cannot be; None: they cannot be now."""
        if self._failures or self._closed:
            return None
        future: asyncio.Future[bool] = self._loop.create_future()
        self._waiters.append((self._spool.last_urgent, future))
        self._arm()
        return future

    def _arm(self) -> None:
        """Set the timer to when the next transaction should begin; one that runs does so when it ends."""
        if self._running is not None or self._failures or self._closed:
            return
        when = min(self._lazy_due, self._soon_due, self._last_began + GROUP_S if self._waiters else _NEVER)
        if self._timer is not None:
            if self._timer_due <= when:
                return
            self._timer.cancel()
        if when < _NEVER:
            # uvloop gives a plain Handle, which knows no time, for a moment that is past.
            self._timer, self._timer_due = self._loop.call_at(when, self._begin), when

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _begin(self) -> asyncio.Future[None]:
        self._timer = None
        self._last_began = self._loop.time()
        within = self._last_began + GROUP_S
        everything = self._lazy_due <= within or self._spool.full_batch
        soon = everything or self._soon_due <= within
        batch = self._spool.take(lazy=soon, low=everything)
        if soon:
            self._soon_due = _NEVER
        if not self._spool:
            self._lazy_due = _NEVER
        elif everything or self._lazy_due == _NEVER:
            self._lazy_due = self._last_began + LAZY_S
        self._running = self._loop.run_in_executor(self._thread, self._sink.write, batch.rows)
        self._running.add_done_callback(lambda done: self._end(done, batch))
        return self._running

    def _end(self, done: asyncio.Future[None], batch: Batch) -> None:
        self._running = None
        error = done.exception()
        if error is None:
            self._succeeded(len(batch.rows))
        elif isinstance(error, (sqlite3.Error, OSError)):
            self._failed(error, batch)
        else:
            # A fault of ours: these rows would fail for ever and hold up all others.
            _log.error("a batch was lost", rows=len(batch.rows), exc_info=error)
            self._succeeded(0)

    def _succeeded(self, rows: int) -> None:
        self.written += rows
        self.commits += 1
        if self._failures:
            self._failures = 0
            self._lazy_due = self._loop.time()
            self._on_alarm(ALARM, None)
        while self._waiters and self._waiters[0][0] <= self._spool.taken:
            _resolve(self._waiters.popleft()[1], True)
        self._arm()

    def _failed(self, error: BaseException, batch: Batch) -> None:
        self._spool.give_back(batch)
        self._lazy_due = 0.0
        if not self._failures:
            self._on_alarm(ALARM, f"rows cannot be stored and wait: {error}")
            _log.error("the storage fails", error=str(error), waiting=self.waiting)
        self._failures += 1
        while self._waiters:
            _resolve(self._waiters.popleft()[1], False)
        pause = min(RETRY_LONGEST_S, RETRY_FIRST_S * 2.0 ** min(self._failures - 1, 10))
        self._timer = self._loop.call_later(pause, self._begin)


def _resolve(future: asyncio.Future[bool], committed: bool) -> None:
    if not future.done():
        future.set_result(committed)
