"""The sums of stretches of time, as statements over the rows: the one place where rows become figures in the database.

A slot is `(start, end, low, high)`: what lies between `low` and `high` counts for the part of the report that begins at
`start`. The same statements fill the kept sums (slots are buckets) and answer for what no kept sum covers.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Float,
    Select,
    and_,
    case,
    column,
    exists,
    func,
    literal,
    select,
    values,
)

from softswitch.store import schema
from softswitch.store.definitions import Settings
from softswitch.store.sums import ABANDONED, CALLED_BACK, FATES, OVERFLOWED, REFUSED

Slot = tuple[float, float, float, float]
RINGING_S = 1.0
"""An offer that ended within so long before its caller left was under way when he did."""


def slots_of(slots: Sequence[Slot]) -> CTE:
    columns = [column(name, Float) for name in ("start", "end", "low", "high")]
    return values(*columns, name="slots").data(list(slots)).cte("slots")


def caller_sums(slots: CTE, settings: Settings, keys: Sequence[str]) -> Select[Any]:
    """Sums of `sums.CallerFigures` by slot and by `keys`: of `queue`, `dnis`, `skills`."""
    visits, calls = schema.queue_visits, schema.calls
    named: dict[str, ColumnElement[str]] = {
        "queue": visits.c.queue,
        "dnis": func.coalesce(calls.c.dnis, ""),
        "skills": func.coalesce(visits.c.skills, ""),
    }
    within = and_(visits.c.entered >= slots.c.low, visits.c.entered < slots.c.high)
    source = slots.join(visits, within)
    if "dnis" in keys:
        source = source.outerjoin(calls, calls.c.call == visits.c.call)
    groups = [slots.c.start, *(named[key] for key in keys)]
    return (
        select(
            slots.c.start,
            *(named[key].label(key) for key in keys),
            *(each.label(name) for name, each in _callers(settings).items()),
        )
        .select_from(source)
        .group_by(*groups)
    )


def _callers(settings: Settings) -> dict[str, ColumnElement[Any]]:
    """Every field of `CallerFigures` to its sum."""
    visit = schema.queue_visits.c
    limit = by_queue(settings.service_level_s, settings.default_service_level_s)
    short = by_queue(settings.short_abandon_s, 0.0)
    answered, abandoned = visit.outcome == "answered", visit.outcome.in_(ABANDONED)
    called_back = visit.outcome.in_(CALLED_BACK)
    lost = visit.outcome.in_((*ABANDONED, *OVERFLOWED, "withdrawn"))
    offered = visit.outcome.not_in(REFUSED)
    soon = visit.wait_s <= limit
    return {
        "offered": _count(offered),
        **{name: _count(visit.outcome.in_(words)) for name, words in _outcomes().items()},
        "short_abandoned": _count(and_(abandoned, visit.wait_s < short)),
        "abandoned_ringing": _count(and_(abandoned, _rang())),
        "other": _count(visit.outcome.not_in(list(FATES))),
        "transfers": _count(and_(answered, visit.completed_by == "transfer")),
        "answered_in_sl": _count(and_(answered, soon)),
        "abandoned_in_sl": _count(and_(abandoned, soon)),
        "callbacks_in_sl": _count(and_(called_back, soon)),
        "lost_in_sl": _count(and_(lost, soon)),
        "wait_s": _sum(offered, visit.wait_s),
        "answered_wait_s": _sum(answered, visit.wait_s),
        "longest_wait_s": func.max(case((offered, visit.wait_s), else_=0.0)),
        **{name: _sum(answered, visit[name]) for name in ("talk_s", "hold_s", "wrapup_s")},
    }


def _outcomes() -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for outcome, figure in FATES.items():
        found.setdefault(figure, []).append(outcome)
    return found


def _rang() -> ColumnElement[bool]:
    """His phone was ringing at an agent, or had just been answered, when he left."""
    visit, offers = schema.queue_visits.c, schema.offers
    return exists(
        select(literal(1)).where(
            offers.c.call == visit.call,
            offers.c.queue == visit.queue,
            offers.c.result.in_(("cancelled", "answered")),
            offers.c.offered <= visit.left,
            offers.c.ended >= visit.left - RINGING_S,
        )
    )


def by_queue(seconds: Mapping[str, float], default: float) -> ColumnElement[float]:
    """The value of each queue, as the database asks for it."""
    queue = schema.queue_visits.c.queue
    whens = [(queue == name, literal(each, Float)) for name, each in seconds.items()]
    return case(*whens, else_=literal(default, Float)) if whens else literal(default, Float)


def talk_sums(slots: CTE) -> Select[Any]:
    """Queue calls that each agent handled, by the interval in which the caller entered: rows of `report_agents`."""
    visits = schema.queue_visits
    return (
        select(
            *_named(slots, visits.c.agent, "talk", visits.c.queue),
            func.count().label("n"),
            _count(visits.c.completed_by == "transfer").label("transfers"),
            func.sum(visits.c.talk_s).label("seconds"),
            func.sum(visits.c.hold_s).label("hold_s"),
            func.sum(visits.c.wrapup_s).label("wrapup_s"),
        )
        .join_from(slots, visits, and_(visits.c.entered >= slots.c.low, visits.c.entered < slots.c.high))
        .where(visits.c.outcome == "answered", visits.c.agent.is_not(None))
        .group_by(slots.c.start, visits.c.agent, visits.c.queue)
    )


def offer_sums(slots: CTE) -> Select[Any]:
    """Rings of each agent by their result: rows of `report_agents`."""
    offers = schema.offers
    return (
        select(
            *_named(slots, offers.c.agent, "offer", offers.c.result),
            func.count().label("n"),
            literal(0).label("transfers"),
            func.sum(offers.c.rang_s).label("seconds"),
            *_nothing(),
        )
        .join_from(slots, offers, and_(offers.c.offered >= slots.c.low, offers.c.offered < slots.c.high))
        .group_by(slots.c.start, offers.c.agent, offers.c.result)
    )


def time_sums(
    slots: CTE, low: float, high: float, *, pauses: bool, longest_s: float | None = None
) -> Select[Any]:
    """Seconds of each agent in each state, or paused by reason, cut at the edges of the slots: rows of `report_agents`.

    `low` and `high` embrace all slots, so that an index finds what touches them; without a longest stretch to count with,
    it looks at all that ended later.
    """
    table = schema.agent_intervals
    touching = select(table).where(table.c.ended > low, table.c.began < high)
    if longest_s is not None:
        touching = touching.where(table.c.ended < high + longest_s)
    touched = touching.cte("touched").c
    seconds = func.min(touched.ended, slots.c.high) - func.max(touched.began, slots.c.low)
    word = touched.reason if pauses else touched.state
    statement = select(
        *_named(slots, touched.agent, "pause" if pauses else "time", word),
        literal(0).label("n"),
        literal(0).label("transfers"),
        func.sum(seconds).label("seconds"),
        *_nothing(),
    ).where(touched.ended > slots.c.low, touched.began < slots.c.high)
    if pauses:
        statement = statement.where(touched.state == "paused")
    return statement.group_by(slots.c.start, touched.agent, word)


def _named(slots: CTE, agent: ColumnElement[Any], what: str, word: ColumnElement[Any]) -> list[Any]:
    return [slots.c.start, agent.label("agent"), literal(what).label("what"), word.label("word")]


def _nothing() -> list[ColumnElement[float]]:
    return [literal(0.0, Float).label("hold_s"), literal(0.0, Float).label("wrapup_s")]


def _count(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((condition, 1), else_=0))


def _sum(condition: ColumnElement[bool], value: ColumnElement[float]) -> ColumnElement[float]:
    return func.sum(case((condition, value), else_=0.0))
