"""Cutting a stretch of time into the intervals of a report: so many seconds each, or days of a time zone."""

from datetime import datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

MOST = 5000
"""Intervals of one report: more is a slip of whoever asks."""

Interval = tuple[float, float]


def intervals(since: float, until: float, length: float | str | None, zone: str = "UTC") -> list[Interval]:
    """From `since` to `until`: one piece (None), pieces of `length` seconds, or calendar days ("day")."""
    if until <= since:
        raise ValueError("a report ends after it begins")
    if length is None:
        return [(since, until)]
    edges = _days(since, until, ZoneInfo(zone)) if isinstance(length, str) else _steps(since, until, length)
    return list(pairwise(edges))


def _steps(since: float, until: float, length: float) -> list[float]:
    if length <= 0 or (until - since) / length > MOST:
        raise ValueError(f"a report has at most {MOST} intervals")
    edges = [since + length * index for index in range(int((until - since) / length) + 1)]
    return edges if edges[-1] >= until else [*edges, until]


def _days(since: float, until: float, zone: ZoneInfo) -> list[float]:
    if (until - since) / 86_400 > MOST:
        raise ValueError(f"a report has at most {MOST} intervals")
    edges = [since]
    day = datetime.fromtimestamp(since, zone).date()
    while edges[-1] < until:
        # By the calendar and not by adding 86,400 s: a day on which the clocks change is 23 or 25 hours long.
        day += timedelta(days=1)
        edges.append(min(until, datetime.combine(day, time(), zone).timestamp()))
    return edges
