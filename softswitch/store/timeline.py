"""What an agent declared, one stretch after another, with login and logout; pure."""

from collections.abc import Iterable, Iterator
from itertools import groupby

from softswitch.store.reader import Record
from softswitch.store.rows import AgentInterval

GAP_S = 1.0
"""Rows follow each other without a gap while an agent is logged in; after a longer one he had logged out."""


def timeline(rows: Iterable[AgentInterval], since: float, until: float) -> list[Record]:
    """Of all agents; stretches are cut at `since` and `until`, and who was logged in before has no login."""
    ordered = sorted(rows, key=lambda row: (row.agent, row.began, row.ended))
    found: list[Record] = []
    for agent, mine in groupby(ordered, key=lambda row: row.agent):
        for stay in _stays(mine):
            began, ended = stay[0].began, stay[-1].ended
            if began >= since:
                found.append(_row(agent, began, began, "login"))
            found += [_stretch(agent, rows, since, until) for rows in _stretches(stay)]
            if ended < until - GAP_S:
                found.append(_row(agent, ended, ended, "logout"))
    return found


def _stays(rows: Iterable[AgentInterval]) -> Iterator[list[AgentInterval]]:
    stay: list[AgentInterval] = []
    for row in rows:
        if stay and row.began > stay[-1].ended + GAP_S:
            yield stay
            stay = []
        stay.append(row)
    if stay:
        yield stay


def _stretches(stay: list[AgentInterval]) -> Iterator[list[AgentInterval]]:
    for _, rows in groupby(stay, key=lambda row: (row.status, row.reason)):
        yield list(rows)


def _stretch(agent: str, rows: list[AgentInterval], since: float, until: float) -> Record:
    states: dict[str, float] = {}
    for row in rows:
        seconds = min(row.ended, until) - max(row.began, since)
        states[row.state] = states.get(row.state, 0.0) + max(0.0, seconds)
    began, ended = max(rows[0].began, since), min(rows[-1].ended, until)
    return {**_row(agent, began, ended, rows[0].status), "reason": rows[0].reason, "states": states}


def _row(agent: str, began: float, ended: float, event: str) -> Record:
    return {
        "agent": agent,
        "began": began,
        "ended_at": ended,
        "length_s": ended - began,
        "event": event,
        "reason": "",
        "states": {},
    }
