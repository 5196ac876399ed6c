"""Reports on queues and agents, computed by the database from visits, offers and intervals, per interval of time.

What each figure means stands in `store/figures.py`. Nothing is counted while calls run, so a report can be asked for any
stretch of the past with any interval, and agrees with the rows that it is made of.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import CTE, ColumnElement, Float, and_, case, column, func, literal, select, values

from softswitch.store import schema
from softswitch.store.figures import (
    ABANDONED,
    OVERFLOWED,
    REFUSED,
    AgentFigures,
    AgentReport,
    IvrFigures,
    QueueFigures,
    QueueReport,
)
from softswitch.store.intervals import Interval
from softswitch.store.reader import Reader
from softswitch.store.writer import BatchWriter

DEFAULT_SERVICE_LEVEL_S = 20.0
MISSED = ("no answer", "rejected", "busy", "unreachable", "failed")


class Reports:
    def __init__(self, reader: Reader, writer: BatchWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def queues(
        self,
        parts: Sequence[Interval],
        *,
        service_level_s: Mapping[str, float] | None = None,
        short_abandon_s: float = 0.0,
        queue: str = "",
    ) -> QueueReport:
        """Each queue in each interval of `parts` (see `store/intervals.py`) in which anybody entered it.

        `service_level_s` holds the X of each queue's service level.
        """
        await self._writer.flush()
        slots = _slots(parts)
        visits = schema.queue_visits
        within = and_(visits.c.entered >= slots.c.start, visits.c.entered < slots.c.end)
        limit = _service_level(visits.c.queue, service_level_s or {})
        statement = (
            select(
                slots.c.start,
                slots.c.end,
                visits.c.queue,
                limit.label("service_level_s"),
                *_queue_columns(visits.c, limit, short_abandon_s),
            )
            .join_from(slots, visits, within)
            .group_by(slots.c.start, slots.c.end, visits.c.queue)
            .order_by(visits.c.queue, slots.c.start)
        )
        if queue:
            statement = statement.where(visits.c.queue == queue)
        records = await self._reader.records(statement)
        return QueueReport(
            queues=tuple(QueueFigures(**record) for record in records), ivr=await self._ivr(slots)
        )

    async def agents(self, parts: Sequence[Interval], *, agent: str = "") -> AgentReport:
        """Each agent in each interval of `parts` in which he was known."""
        await self._writer.flush()
        figures: dict[tuple[str, float], AgentFigures] = {}
        slots = _slots(parts)

        def of(record: dict[str, Any]) -> AgentFigures:
            key = (record["agent"], record["start"])
            if key not in figures:
                figures[key] = AgentFigures(agent=record["agent"], start=record["start"], end=record["end"])
            return figures[key]

        for record in await self._agent_times(slots, parts, agent):
            mine = of(record)
            mine.states[record["state"]] = mine.states.get(record["state"], 0.0) + record["seconds"]
            if record["state"] == "paused":
                mine.pauses[record["reason"]] = mine.pauses.get(record["reason"], 0.0) + record["seconds"]
        for record in await self._agent_offers(slots, agent):
            mine = of(record)
            mine.offers, mine.offers_answered, mine.missed = (
                record["offers"],
                record["good"],
                record["missed"],
            )
        for record in await self._agent_calls(slots, agent):
            mine = of(record)
            mine.answered, mine.talk_s = record["answered"], record["talk_s"]
            mine.hold_s, mine.wrapup_s = record["hold_s"], record["wrapup_s"]
        return AgentReport(agents=tuple(figures[key] for key in sorted(figures)))

    async def _ivr(self, slots: CTE) -> tuple[IvrFigures, ...]:
        calls = schema.calls
        in_ivr = and_(calls.c.queue.is_(None), calls.c.last_stage == "greet", calls.c.ended_by == "caller")
        statement = (
            select(
                slots.c.start,
                slots.c.end,
                func.count().label("calls"),
                _count(in_ivr).label("abandoned_in_ivr"),
            )
            .join_from(slots, calls, and_(calls.c.started >= slots.c.start, calls.c.started < slots.c.end))
            .group_by(slots.c.start, slots.c.end)
            .order_by(slots.c.start)
        )
        return tuple(IvrFigures(**record) for record in await self._reader.records(statement))

    async def _agent_times(self, slots: CTE, parts: Sequence[Interval], agent: str) -> list[dict[str, Any]]:
        table = schema.agent_intervals
        # First all that touches the report, by index, so that each slot looks at those alone.
        touched = select(table).where(table.c.ended > parts[0][0], table.c.began < parts[-1][1])
        if agent:
            touched = touched.where(table.c.agent == agent)
        times = touched.cte("touched").c
        seconds = func.min(times.ended, slots.c.end) - func.max(times.began, slots.c.start)
        statement = (
            select(
                slots.c.start,
                slots.c.end,
                times.agent,
                times.state,
                times.reason,
                func.sum(seconds).label("seconds"),
            )
            .where(times.ended > slots.c.start, times.began < slots.c.end)
            .group_by(slots.c.start, slots.c.end, times.agent, times.state, times.reason)
        )
        return await self._reader.records(statement)

    async def _agent_offers(self, slots: CTE, agent: str) -> list[dict[str, Any]]:
        offers = schema.offers
        statement = (
            select(
                slots.c.start,
                slots.c.end,
                offers.c.agent,
                func.count().label("offers"),
                _count(offers.c.result == "answered").label("good"),
                _count(offers.c.result.in_(MISSED)).label("missed"),
            )
            .join_from(slots, offers, and_(offers.c.offered >= slots.c.start, offers.c.offered < slots.c.end))
            .group_by(slots.c.start, slots.c.end, offers.c.agent)
        )
        return await self._reader.records(statement.where(offers.c.agent == agent) if agent else statement)

    async def _agent_calls(self, slots: CTE, agent: str) -> list[dict[str, Any]]:
        visits = schema.queue_visits
        statement = (
            select(
                slots.c.start,
                slots.c.end,
                visits.c.agent,
                func.count().label("answered"),
                *(func.sum(visits.c[name]).label(name) for name in ("talk_s", "hold_s", "wrapup_s")),
            )
            .join_from(slots, visits, and_(visits.c.entered >= slots.c.start, visits.c.entered < slots.c.end))
            .where(visits.c.outcome == "answered", visits.c.agent.is_not(None))
            .group_by(slots.c.start, slots.c.end, visits.c.agent)
        )
        return await self._reader.records(statement.where(visits.c.agent == agent) if agent else statement)


def _slots(parts: Sequence[Interval]) -> CTE:
    if not parts:
        raise ValueError("a report needs an interval")
    return values(column("start", Float), column("end", Float), name="slots").data(list(parts)).cte("slots")


def _service_level(queue: ColumnElement[str], service_level_s: Mapping[str, float]) -> ColumnElement[float]:
    default = literal(DEFAULT_SERVICE_LEVEL_S, Float)
    whens = [(queue == name, literal(seconds, Float)) for name, seconds in service_level_s.items()]
    return case(*whens, else_=default) if whens else default


def _queue_columns(
    visit: Any, limit: ColumnElement[float], short_abandon_s: float
) -> list[ColumnElement[Any]]:
    answered = visit.outcome == "answered"
    abandoned = visit.outcome.in_(ABANDONED)
    lost = visit.outcome.in_((*ABANDONED, *OVERFLOWED, "withdrawn"))
    offered = visit.outcome.not_in(REFUSED)
    soon = visit.wait_s <= limit
    short = literal(short_abandon_s > 0) & (visit.wait_s < short_abandon_s)
    return [
        _count(offered).label("offered"),
        _count(answered).label("answered"),
        _count(abandoned).label("abandoned"),
        _count(and_(abandoned, short)).label("short_abandoned"),
        _count(visit.outcome.in_(OVERFLOWED)).label("overflowed"),
        _count(visit.outcome.in_(REFUSED)).label("refused"),
        _count(visit.outcome == "key").label("left_by_key"),
        _count(visit.outcome == "withdrawn").label("withdrawn"),
        _count(visit.outcome == "crashed").label("crashed"),
        _count(and_(answered, soon)).label("answered_in_sl"),
        _count(and_(abandoned, soon)).label("abandoned_in_sl"),
        _count(and_(lost, soon)).label("lost_in_sl"),
        _sum(offered, visit.wait_s).label("wait_s"),
        _sum(answered, visit.wait_s).label("answered_wait_s"),
        func.max(case((offered, visit.wait_s), else_=0.0)).label("longest_wait_s"),
        *(_sum(answered, visit[name]).label(name) for name in ("talk_s", "hold_s", "wrapup_s")),
    ]


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((condition, 1), else_=0))


def _sum(condition: ColumnElement[bool], value: ColumnElement[float]) -> ColumnElement[float]:
    return func.sum(case((condition, value), else_=0.0))
