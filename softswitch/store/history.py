"""What a replay of the past needs: who came to which queue, what agents did, and how they took their offers."""

import asyncio
from dataclasses import dataclass

from sqlalchemy import select

from softswitch.errors import UnusableError
from softswitch.store import schema
from softswitch.store.opening import path_of
from softswitch.store.reader import Reader, Record

MOST_ROWS = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    visits: list[Record]
    """Columns of `queue_visits` with the caller's `ani`, in the order they came."""
    intervals: list[Record]
    """Columns of `agent_intervals`, by agent and time."""
    offers: list[Record]
    """`agent`, `result` and `rang_s` of each offer."""


async def read_history(url: str, since: float, until: float) -> History:
    """Read beside a running switch; `UnusableError` where there is no database yet, `StorageError` where it is no use."""
    path = path_of(url)
    if not await asyncio.to_thread(path.exists):
        raise UnusableError(f"there is no database {path} yet: no day has been written down")
    reader = await Reader.open(path)
    try:
        visits, calls = schema.queue_visits, schema.calls
        intervals, offers = schema.agent_intervals, schema.offers
        return History(
            visits=await reader.records(
                select(visits, calls.c.ani)
                .join(calls, calls.c.call == visits.c.call, isouter=True)
                .where(visits.c.entered >= since, visits.c.entered < until)
                .order_by(visits.c.entered)
                .limit(MOST_ROWS)
            ),
            intervals=await reader.records(
                select(intervals)
                .where(intervals.c.ended > since, intervals.c.began < until)
                .order_by(intervals.c.agent, intervals.c.began)
                .limit(MOST_ROWS)
            ),
            offers=await reader.records(
                select(offers.c.agent, offers.c.result, offers.c.rang_s)
                .where(offers.c.offered >= since, offers.c.offered < until)
                .order_by(offers.c.offered)
                .limit(MOST_ROWS)
            ),
        )
    finally:
        await reader.close()
