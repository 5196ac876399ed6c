"""Rows that wait to be written: pure, bounded, in three lanes.

`urgent` are those somebody waits for, `lazy` the others, `low` those whose loss hurts least: they go first when the
spool is full. Of the stages and snapshots of one call only the last waits, and none any more once the call's end does. A
call's end and these are in different lanes, so they leave with the urgent rows or after them; those of low value wait
longest, since each transaction that writes some of them writes a page of each of their tables.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final

from softswitch.store.rows import (
    AgentInterval,
    CallFinished,
    JournalEntry,
    LegRow,
    OfferRow,
    QueueLogRow,
    Row,
    SnapshotRow,
)

LOW_VALUE = frozenset({AgentInterval, QueueLogRow, OfferRow, LegRow})
OF_LIVE: Final[tuple[type, ...]] = (JournalEntry, SnapshotRow)
"""One row of each for a live call, none for one that has ended."""
BATCH_ROWS = 5000
Live = dict[tuple[type, str], JournalEntry | SnapshotRow]
"""By kind and call."""


@dataclass(slots=True)
class Batch:
    urgent: list[Row] = field(default_factory=list)
    lazy: list[Row] = field(default_factory=list)
    low: list[Row] = field(default_factory=list)
    of_live: Live = field(default_factory=dict)

    @property
    def rows(self) -> list[Row]:
        return [*self.urgent, *self.lazy, *self.low, *self.of_live.values()]


class Spool:
    def __init__(self, *, low_value_rows: int, high_value_rows: int) -> None:
        self._urgent: deque[Row] = deque()
        self._lazy: deque[Row] = deque()
        self._low: deque[Row] = deque()
        self._of_live: Live = {}
        self._most_low, self._most_high = low_value_rows, high_value_rows
        self.dropped = 0
        """Rows lost because the spool was full."""
        self.taken = 0
        """Urgent rows that have left it for good or are being written: their count is the place in the queue."""

    def __len__(self) -> int:
        return len(self._urgent) + len(self._lazy) + len(self._low) + len(self._of_live)

    @property
    def last_urgent(self) -> int:
        """What `taken` will be when all urgent rows of now have been taken."""
        return self.taken + len(self._urgent)

    @property
    def full_batch(self) -> bool:
        return len(self) >= BATCH_ROWS

    def add(self, row: Any, *, urgent: bool) -> None:
        kind = type(row)
        if kind in OF_LIVE:
            self._of_live[kind, row.call] = row
            return
        if kind is CallFinished:
            for of_call in OF_LIVE:
                self._of_live.pop((of_call, row.call), None)
        if kind in LOW_VALUE and not urgent:
            self._low.append(row)
            if len(self._low) > self._most_low:
                self._shed()
            return
        (self._urgent if urgent else self._lazy).append(row)
        if len(self._urgent) + len(self._lazy) > self._most_high:
            self._shed()

    def take(self, *, lazy: bool, low: bool) -> Batch:
        """The oldest rows; those of the other lanes only when they are wanted, the last of live calls with the lazy."""
        batch = Batch(urgent=_oldest(self._urgent))
        self.taken += len(batch.urgent)
        if lazy:
            batch.lazy = _oldest(self._lazy)
            batch.of_live, self._of_live = self._of_live, {}
        if low:
            batch.low = _oldest(self._low)
        return batch

    def give_back(self, batch: Batch) -> None:
        """It could not be written: back to its places, behind nothing that came meanwhile."""
        self.taken -= len(batch.urgent)
        finished = {row.call for row in self._urgent if isinstance(row, CallFinished)}
        older = {key: row for key, row in batch.of_live.items() if key[1] not in finished}
        self._of_live = {**older, **self._of_live}
        self._urgent.extendleft(reversed(batch.urgent))
        self._lazy.extendleft(reversed(batch.lazy))
        self._low.extendleft(reversed(batch.low))
        self._shed()

    def _shed(self) -> None:
        while len(self._low) > self._most_low:
            self._low.popleft()
            self.dropped += 1
        while len(self._urgent) + len(self._lazy) > self._most_high:
            # The detail of calls before the calls themselves.
            if self._lazy:
                self._lazy.popleft()
            else:
                self._urgent.popleft()
                self.taken += 1
            self.dropped += 1


def _oldest(lane: deque[Row]) -> list[Row]:
    if len(lane) > BATCH_ROWS:
        return [lane.popleft() for _ in range(BATCH_ROWS)]
    rows = list(lane)
    lane.clear()
    return rows
