"""Callers who are called back, and places that callers left, as a restart needs them. Reads only."""

from sqlalchemy import or_, select

from softswitch.store import schema
from softswitch.store.promise_rows import CallbackRow
from softswitch.store.reader import Reader, Record, as_row
from softswitch.store.writer import BatchWriter

MOST = 10_000


class StoredCallbacks:
    def __init__(self, reader: Reader, writer: BatchWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def open(self) -> tuple[CallbackRow, ...]:
        return await self._rows(None)

    async def since(self, wall: float) -> tuple[CallbackRow, ...]:
        """Those asked for since then, and all that are open; by the time at which each was asked for."""
        return await self._rows(wall)

    async def _rows(self, wall: float | None) -> tuple[CallbackRow, ...]:
        await self._writer.flush()
        table = schema.callbacks
        wanted = table.c.ended.is_(None)
        condition = wanted if wall is None else or_(wanted, table.c.asked >= wall)
        records = await self._reader.records(
            select(table).where(condition).order_by(table.c.asked).limit(MOST)
        )
        return tuple(as_row(CallbackRow, record) for record in records)

    async def last_stays(self, since: float) -> list[Record]:
        """Of each number and queue the last stay that ended since then: `queue`, `ani`, `entered`, `left`, `priority` and
        `outcome`."""
        await self._writer.flush()
        visits, calls = schema.queue_visits, schema.calls
        statement = (
            select(
                *(visits.c[name] for name in ("queue", "entered", "left", "priority", "outcome")), calls.c.ani
            )
            .join(calls, calls.c.call == visits.c.call)
            .where(visits.c.entered >= since - 86_400, visits.c.left >= since)
            .order_by(visits.c.left)
            .limit(MOST)
        )
        last = {(row["queue"], row["ani"]): row for row in await self._reader.records(statement)}
        return list(last.values())
