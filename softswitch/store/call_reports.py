"""Reports on whole calls: how each ended, and who came again."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, case, func, or_, select

from softswitch.store import schema
from softswitch.store.bucket_sums import slots_of
from softswitch.store.intervals import Interval
from softswitch.store.lost import UNKNOWN
from softswitch.store.reader import Reader, Record

DAY_S = 86_400.0
CALL_FATES = (
    *(
        "crash",
        "messages",
        "talked",
        "abandoned_in_ivr",
        "abandoned_in_queue",
        "given_up",
        "turned_away",
        "ended",
    ),
)
"""In this order: the first that holds is the fate of a call, `ended` holds always."""


def _fate() -> ColumnElement[str]:
    call = schema.calls.c
    by_caller = call.ended_by == "caller"
    return case(
        (call.ended_by == "crash", "crash"),
        (call.destination.like("message:%"), "messages"),
        (call.bridged.is_not(None), "talked"),
        (and_(by_caller, call.queue.is_(None), call.last_stage == "greet"), "abandoned_in_ivr"),
        (and_(by_caller, call.last_stage == "wait"), "abandoned_in_queue"),
        (and_(by_caller, call.answered.is_(None)), "given_up"),
        (and_(call.answered.is_(None), call.sip_status >= 400), "turned_away"),
        else_="ended",
    )


async def calls_by_fate(reader: Reader, parts: Sequence[Interval]) -> list[Record]:
    """Each part of the report with the number of calls of each fate."""
    calls = schema.calls
    slots = slots_of([(start, end, start, end) for start, end in parts])
    fate = _fate().label("fate")
    statement = (
        select(slots.c.start, fate, func.count().label("n"))
        .join_from(slots, calls, and_(calls.c.started >= slots.c.low, calls.c.started < slots.c.high))
        .where(calls.c.ended.is_not(None))
        .group_by(slots.c.start, fate)
    )
    rows: dict[float, Record] = {}
    for record in await reader.records(statement):
        row = rows.setdefault(record["start"], {"calls": 0, **dict.fromkeys(CALL_FATES, 0)})
        row[record["fate"]] += record["n"]
        row["calls"] += record["n"]
    return [{"start": start, "end": end, **rows[start]} for start, end in parts if start in rows]


async def first_call_repeats(
    reader: Reader, parts: Sequence[Interval], days: float, queue: str
) -> list[Record]:
    """Answered callers by part and queue, and how many of them came again in a later call."""
    visits, calls = schema.queue_visits, schema.calls
    since, until = parts[0][0], parts[-1][1] + days * DAY_S
    known = and_(calls.c.ani.is_not(None), func.lower(calls.c.ani).not_in(UNKNOWN))
    entries = (
        select(visits.c.call, calls.c.ani, func.min(visits.c.entered).label("entry"))
        .join(calls, calls.c.call == visits.c.call)
        .where(visits.c.entered >= since, visits.c.entered < until, known)
        .group_by(visits.c.call, calls.c.ani)
        .cte("entries")
    )
    after = func.lead(entries.c.entry).over(partition_by=entries.c.ani, order_by=entries.c.entry)
    following = select(entries.c.call, after.label("again")).cte("following")
    slots = slots_of([(start, end, start, end) for start, end in parts])
    again = and_(following.c.again.is_not(None), following.c.again <= visits.c.left + days * DAY_S)
    statement = (
        select(
            slots.c.start,
            slots.c.end,
            visits.c.queue,
            func.count().label("first"),
            func.sum(case((again, 1), else_=0)).label("repeated"),
        )
        .select_from(slots)
        .join(visits, and_(visits.c.entered >= slots.c.low, visits.c.entered < slots.c.high))
        .join(following, following.c.call == visits.c.call)
        .where(visits.c.outcome == "answered", or_(queue == "", visits.c.queue == queue))  # type: ignore[arg-type]
        .group_by(slots.c.start, slots.c.end, visits.c.queue)
        .order_by(visits.c.queue, slots.c.start)
    )
    records = await reader.records(statement)
    return [{**record, "repeat_rate": record["repeated"] / record["first"]} for record in records]
