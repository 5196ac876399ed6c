"""From the rows of the store to a day that the simulator of the queues can replay."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import groupby
from typing import Any

from softswitch.acd.day import Arrival, Day, Duty, Reaction
from softswitch.acd.values import AgentState, AgentStatus, OfferResult
from softswitch.ids import AgentId, CallId, QueueName
from softswitch.store.history import History

Record = Mapping[str, Any]

_OVERFLOWED = frozenset({"timeout", "full", "join empty", "empty"})
_AT_ONCE_S = 1.0
_RESULTS = {result.value: result for result in OfferResult if result is not OfferResult.CANCELLED}


def day_of(history: History, since: float, until: float) -> Day:
    duties: list[Duty] = []
    times: dict[AgentId, dict[str, float]] = {}
    for name, rows in groupby(history.intervals, key=lambda row: str(row["agent"])):
        own = [_clipped(row, since, until) for row in rows]
        duties += _duties(AgentId(name), own)
        spent = times[AgentId(name)] = {}
        for row in own:
            spent[row["state"]] = spent.get(row["state"], 0.0) + row["ended"] - row["began"]
    return Day(
        since=since,
        until=until,
        arrivals=_arrivals(history.visits),
        duties=tuple(sorted(duties, key=lambda duty: duty.began)),
        reactions=tuple(
            Reaction(agent=AgentId(row["agent"]), result=_RESULTS[row["result"]], after_s=row["rang_s"])
            for row in history.offers
            if row["result"] in _RESULTS
        ),
        times=times,
    )


def _clipped(row: Record, since: float, until: float) -> dict[str, Any]:
    return {**row, "began": max(since, row["began"]), "ended": min(until, row["ended"])}


def _arrivals(visits: Iterable[Record]) -> tuple[Arrival, ...]:
    left: dict[str, Record] = {}
    found: list[Arrival] = []
    for row in visits:
        before = left.get(row["call"])
        follows = (
            before is not None
            and before["outcome"] in _OVERFLOWED
            and abs(row["entered"] - before["left"]) < _AT_ONCE_S
        )
        left[row["call"]] = row
        found.append(
            Arrival(
                call=CallId(f"{row['call']}/{len(found)}" if before is not None else row["call"]),
                queue=QueueName(row["queue"]),
                at=row["entered"],
                outcome=row["outcome"],
                waited_s=row["wait_s"],
                priority=row["priority"],
                skills=_levels(row["needs"]),
                ani=row["ani"] or "",
                talk_s=row["talk_s"] + row["hold_s"],
                wrapup_s=row["wrapup_s"],
                follows=follows,
            )
        )
    return tuple(found)


def _levels(text: str | None) -> dict[str, int]:
    try:
        return {str(skill): int(level) for skill, level in json.loads(text or "{}").items()}
    except (ValueError, AttributeError, TypeError):
        return {}


def _duties(agent: AgentId, rows: Iterable[Record]) -> list[Duty]:
    """Neighbours that differ only in what queues gave him are one; between them he was logged out."""
    found: list[Duty] = []
    for row in rows:
        duty = Duty(
            agent=agent,
            began=row["began"],
            ended=row["ended"],
            status=AgentStatus(row["status"]),
            reason=row["reason"],
            occupied=row["state"] == AgentState.OCCUPIED,
            reachable=row["state"] != AgentState.UNREACHABLE,
        )
        last = found[-1] if found else None
        if last is not None and duty.began - last.ended > _AT_ONCE_S:
            found.append(Duty(agent=agent, began=last.ended, ended=duty.began, status=AgentStatus.LOGGED_OUT))
        elif last is not None and replace(last, ended=duty.ended) == replace(duty, began=last.began):
            found[-1] = replace(last, ended=duty.ended)
            continue
        found.append(duty)
    return found
