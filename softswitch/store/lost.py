"""Callers who talked to nobody, and what came of each: called back, reached us later, tried again, or nothing yet.

Numbers are compared by their last nine digits, so that `+34911222333`, `0034911222333` and `911222333` are one caller.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import and_, func, or_, select

from softswitch.store import schema
from softswitch.store.reader import Reader, Record
from softswitch.store.sums import ABANDONED, OVERFLOWED, REFUSED

MOST = 10_000
DIGITS = 9
LOST = (*ABANDONED, *OVERFLOWED, *REFUSED, "withdrawn", "crashed", "key")
UNKNOWN = ("", "anonymous", "unknown", "unavailable", "restricted", "private")
_OPEN = ("open", None, "")


def tail(number: str) -> str:
    """What two ways of writing one number have in common; empty for one that is withheld."""
    digits = re.sub(r"[^0-9]", "", number)
    return digits[-DIGITS:] if digits else "" if number.lower() in UNKNOWN else number


@dataclass(frozen=True, slots=True, order=True)
class _Event:
    at: float
    rank: int
    fate: str
    by: str
    call: str
    tail: str


_RANK = {"called back": 0, "reached us": 0, "tried again": 1}


class Lost:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def callers(self, since: float, until: float, *, window_s: float, queue: str = "") -> list[Record]:
        """One row for each call that entered a queue in this time and ended unserved, oldest first."""
        lost = await self._lost(since, until, queue)
        tails = {tail(row["ani"]) for row in lost} - {""}
        events: dict[str, list[_Event]] = {}
        if tails:
            for event in await self._events(tails, since, until + window_s):
                events.setdefault(event.tail, []).append(event)
        for row in lost:
            mine = tail(row["ani"])
            after = (
                event
                for event in events.get(mine, ())
                if row["left"] <= event.at <= row["left"] + window_s and event.call != row["call"]
            )
            best = min(after, key=lambda event: (event.rank, event.at), default=None)
            told = ("no number", None, "") if not mine else _OPEN
            row["fate"], row["settled"], row["by"] = (best.fate, best.at, best.by) if best else told
            del row["left"]
        return lost

    async def _lost(self, since: float, until: float, queue: str) -> list[Record]:
        visits, calls = schema.queue_visits, schema.calls
        statement = (
            select(
                visits.c.call,
                visits.c.queue,
                visits.c.entered,
                visits.c.left,
                visits.c.outcome,
                visits.c.wait_s.label("waited_s"),
                calls.c.ani,
                calls.c.dnis,
            )
            .join(calls, calls.c.call == visits.c.call)
            .where(visits.c.entered >= since, visits.c.entered < until, calls.c.ended.is_not(None))
            .where(calls.c.bridged.is_(None), func.coalesce(calls.c.destination, "").not_like("message:%"))
            .order_by(visits.c.entered)
        )
        last = {record["call"]: record for record in await self._reader.records(statement.limit(MOST))}
        kept = (row for row in last.values() if row["outcome"] in LOST and queue in ("", row["queue"]))
        return sorted(kept, key=lambda row: (row["entered"], row["call"]))

    async def _events(self, tails: set[str], since: float, until: float) -> list[_Event]:
        calls, attempts = schema.calls, schema.attempts
        wanted = sorted(tails)
        statement = select(
            *(
                calls.c[name]
                for name in ("call", "started", "source", "ani", "dnis", "answered", "bridged", "agent")
            )
        ).where(
            calls.c.started >= since,
            calls.c.started < until,
            or_(
                func.substr(calls.c.ani, -DIGITS).in_(wanted),
                and_(func.substr(calls.c.dnis, -DIGITS).in_(wanted), calls.c.answered.is_not(None)),
            ),
        )
        tries = select(*(attempts.c[name] for name in ("call", "began", "number", "source"))).where(
            attempts.c.began >= since,
            attempts.c.began < until,
            attempts.c.answered.is_not(None),
            func.substr(attempts.c.number, -DIGITS).in_(wanted),
        )
        found = list(_of_calls(await self._reader.records(statement), tails))
        for record in await self._reader.records(tries):
            found.append(
                _event(
                    record["began"], "called back", record["source"], record["call"], tail(record["number"])
                )
            )
        return found


def _of_calls(records: Iterable[Record], tails: set[str]) -> Iterable[_Event]:
    for record in records:
        at, call = record["started"], record["call"]
        if record["source"].startswith("endpoint:") and tail(record["dnis"]) in tails and record["answered"]:
            yield _event(at, "called back", record["source"], call, tail(record["dnis"]))
        elif tail(record["ani"]) in tails:
            fate = "reached us" if record["bridged"] else "tried again"
            yield _event(at, fate, record["agent"] or "", call, tail(record["ani"]))


def _event(at: float, fate: str, by: str, call: str, tail: str) -> _Event:
    return _Event(at, _RANK[fate], fate, by, call, tail)
