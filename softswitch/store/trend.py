"""What is usual: the same hours of the same weekday in the weeks before."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from softswitch.store.intervals import Interval
from softswitch.store.sums import CallerFigures

WEEKS = 4
_RATIOS = ("abandon_rate", "sl_offered", "asa_s", "mean_handle_s")


def weeks_before(parts: Sequence[Interval], weeks: int, zone: str) -> list[Interval]:
    """The parts so many weeks earlier by the calendar: 9 o'clock stays 9 o'clock when the clocks change between."""
    known = ZoneInfo(zone)
    return [(_shifted(start, weeks, known), _shifted(end, weeks, known)) for start, end in parts]


def _shifted(moment: float, weeks: int, zone: ZoneInfo) -> float:
    return (datetime.fromtimestamp(moment, zone) - timedelta(weeks=weeks)).timestamp()


def usual(weeks: Sequence[CallerFigures], offered: int) -> dict[str, Any]:
    """Columns of what was usual in the weeks there are rows of, beside the `offered` of now."""
    if not weeks:
        return dict.fromkeys([*(f"usual_{name}" for name in ("offered", "answered", *_RATIOS)), "trend"])
    pooled = CallerFigures()
    for each in weeks:
        pooled.add(each.sums())
    record = pooled.record()
    mean = pooled.offered / len(weeks)
    return {
        "usual_offered": mean,
        "usual_answered": pooled.answered / len(weeks),
        **{f"usual_{name}": record[name] for name in _RATIOS},
        "trend": offered / mean - 1 if mean else None,
    }
