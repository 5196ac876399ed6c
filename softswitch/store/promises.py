"""Waits that were told beside those that came, by queue and interval: what the report `promises` shows.

The rows of both are joined by call and queue; the first range of each stay is what counts, since it looks furthest ahead,
and all of them are counted beside it. What is judged and how is that of the simulator (`acd/promises.py`).
"""

from collections.abc import Sequence

from sqlalchemy import and_, case, func, or_, select

from softswitch.store import schema
from softswitch.store.bucket_sums import slots_of
from softswitch.store.intervals import Interval
from softswitch.store.reader import Reader, Record


async def promises_kept(reader: Reader, parts: Sequence[Interval], queue: str) -> list[Record]:
    """Each part of the report and queue in which somebody was told a range."""
    promises, visits = schema.wait_promises, schema.queue_visits
    slots = slots_of([(start, end, start, end) for start, end in parts])
    came_s = visits.c.left - promises.c.told
    served = visits.c.outcome == "answered"
    over = and_(promises.c.high_s.is_not(None), came_s > promises.c.high_s)
    first = func.row_number().over(
        partition_by=(promises.c.call, promises.c.queue, visits.c.entered), order_by=promises.c.told
    )
    each = (
        select(
            slots.c.start,
            slots.c.end,
            promises.c.queue,
            first.label("place"),
            case((over, 1), else_=0).label("late"),
            case((and_(served, ~over, came_s < promises.c.low_s), 1), else_=0).label("early"),
            case((and_(served, ~over, came_s >= promises.c.low_s), 1), else_=0).label("within"),
            (promises.c.high_s - promises.c.low_s).label("width_s"),
            case((served, promises.c.expected_s - came_s)).label("error_s"),
        )
        .select_from(slots)
        .join(promises, and_(promises.c.told >= slots.c.low, promises.c.told < slots.c.high))
        .join(
            visits,
            and_(
                visits.c.call == promises.c.call,
                visits.c.queue == promises.c.queue,
                promises.c.told >= visits.c.entered - 1,
                promises.c.told <= visits.c.left + 1,
            ),
        )
        .where(or_(queue == "", promises.c.queue == queue))  # type: ignore[arg-type]
        .cte("each")
    )
    is_first = each.c.place == 1

    def counted(what: str) -> object:
        return func.sum(case((is_first, each.c[what]), else_=0)).label(what)

    statement = (
        select(
            each.c.start,
            each.c.end,
            each.c.queue,
            func.sum(case((is_first, 1), else_=0)).label("promised"),
            counted("within"),
            counted("early"),
            counted("late"),
            func.avg(case((is_first, each.c.width_s))).label("width_s"),
            func.avg(case((is_first, each.c.error_s))).label("error_s"),
            func.count().label("ranges_told"),
            func.sum(each.c.within).label("all_within"),
            func.sum(each.c.early + each.c.late + each.c.within).label("all_judged"),
        )  # type: ignore[call-overload]
        .group_by(each.c.start, each.c.end, each.c.queue)
        .order_by(each.c.queue, each.c.start)
    )
    return [_with_shares(record) for record in await reader.records(statement)]


def _with_shares(record: Record) -> Record:
    judged = record["within"] + record["early"] + record["late"]
    row = {name: record[name] for name in record if not name.startswith("all_")}
    return {
        **row,
        "judged": judged,
        "within_share": record["within"] / judged if judged else None,
        "every_share": record["all_within"] / record["all_judged"] if record["all_judged"] else None,
    }
