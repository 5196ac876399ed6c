"""The sums of each part of a report: kept ones where they cover it, the rows themselves for the rest.

A part that begins or ends within a bucket, and whatever is younger than the marks, is summed from the rows; both add up, as
every row counts in one moment only.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Select, func, select

from softswitch.store.bucket_sums import (
    Slot,
    caller_sums,
    offer_sums,
    slots_of,
    talk_sums,
    time_sums,
)
from softswitch.store.definitions import Settings
from softswitch.store.deriving import ceil, floor
from softswitch.store.intervals import Interval
from softswitch.store.reader import Reader, Record
from softswitch.store.report_tables import report_agents, report_callers
from softswitch.store.sums import CALLER_SUMS, LONGEST

MOST_PIECES = 2000
"""Pieces of buckets that are summed from rows; a report with more of them takes none of the kept sums."""
MOST_SLOTS = 5000
_AGENT_SUMS = ("n", "transfers", "seconds", "hold_s", "wrapup_s")


def split(parts: Sequence[Interval], settled: float) -> tuple[list[Slot], list[Slot]]:
    """Slots for kept sums, and slots for rows."""
    kept: list[Slot] = []
    rest: list[Slot] = []
    for start, end in parts:
        low, high = ceil(start), min(floor(end), floor(settled))
        if low >= high:
            rest.append((start, end, start, end))
            continue
        kept.append((start, end, low, high))
        rest += [(start, end, *piece) for piece in ((start, low), (high, end)) if piece[0] < piece[1]]
    if len(rest) > max(MOST_PIECES, len(parts)):
        return [], [(start, end, start, end) for start, end in parts]
    return kept, rest


class ReportSums:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def callers(
        self, parts: Sequence[Interval], keys: Sequence[str], settings: Settings, settled: Mapping[str, float]
    ) -> list[Record]:
        """Sums of `CallerFigures` with `start` and the keys; the same start and keys may come twice."""
        kept, rest = split(parts, settled["visits"])
        records: list[Record] = []
        for slots in _portions(kept):
            records += await self._reader.records(_kept_callers(slots, keys))
        for slots in _portions(rest):
            records += await self._reader.records(caller_sums(slots_of(slots), settings, keys))
        return records

    async def agents(self, parts: Sequence[Interval], settled: Mapping[str, float]) -> list[Record]:
        """Rows of `report_agents` with `start` in place of `bucket`."""
        records: list[Record] = []
        for source, what in (("visits", ("talk",)), ("offers", ("offer",)), ("times", ("time", "pause"))):
            kept, rest = split(parts, settled[source])
            for slots in _portions(kept):
                records += await self._reader.records(_kept_agents(slots, what))
            for slots in _portions(rest):
                for statement in _agent_rows(slots, source):
                    records += await self._reader.records(statement)
        return records


def _agent_rows(slots: Sequence[Slot], source: str) -> list[Select[Any]]:
    table = slots_of(slots)
    if source == "visits":
        return [talk_sums(table)]
    if source == "offers":
        return [offer_sums(table)]
    low, high = min(slot[2] for slot in slots), max(slot[3] for slot in slots)
    return [time_sums(table, low, high, pauses=pauses) for pauses in (False, True)]


def _portions(slots: Sequence[Slot]) -> list[Sequence[Slot]]:
    """Not more values than a statement can carry."""
    return [slots[at : at + MOST_SLOTS] for at in range(0, len(slots), MOST_SLOTS)]


def _kept_callers(slots: Sequence[Slot], keys: Sequence[str]) -> Select[Any]:
    table, within = report_callers, slots_of(slots)
    groups = [within.c.start, *(table.c[key] for key in keys)]
    return (
        select(
            *groups,
            *(func.sum(table.c[name]).label(name) for name in CALLER_SUMS),
            func.max(table.c[LONGEST]).label(LONGEST),
        )
        .join_from(within, table, (table.c.bucket >= within.c.low) & (table.c.bucket < within.c.high))
        .group_by(*groups)
    )


def _kept_agents(slots: Sequence[Slot], what: Sequence[str]) -> Select[Any]:
    table, within = report_agents, slots_of(slots)
    groups = [within.c.start, table.c.agent, table.c.what, table.c.word]
    return (
        select(*groups, *(func.sum(table.c[name]).label(name) for name in _AGENT_SUMS))
        .join_from(within, table, (table.c.bucket >= within.c.low) & (table.c.bucket < within.c.high))
        .where(table.c.what.in_(what))
        .group_by(*groups)
    )
