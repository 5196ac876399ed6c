"""Days with hours of their own: one date, a span of dates, or a day of every year; the narrower counts.

`2026-12-24` · `2026-08-03..2026-08-21` · `12-25`. What two of the same kind say of one day must be the same.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TypeVar

Span = tuple[int, int]
"""Minutes since midnight of the day it begins: from, until (past 1440: on the next day)."""
MAX_SPAN_DAYS = 400
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_YEARLY = re.compile(r"([0-9]{2})-([0-9]{2})")
_LEAP_YEAR = 2024
_K = TypeVar("_K")


@dataclass(frozen=True, slots=True)
class Day:
    """What is so on a day; `reason` for people."""

    spans: tuple[Span, ...]
    """No span: closed."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class OpeningDays:
    dates: Mapping[date, Day]
    spans: Mapping[date, Day]
    """Each day of all spans of dates."""
    yearly: Mapping[date, Day]
    """By the day in a leap year."""

    def on(self, day: date) -> Day | None:
        """None: a day like all others."""
        return self.dates.get(day) or self.spans.get(day) or self.yearly.get(day.replace(year=_LEAP_YEAR))


class OpeningDaysBuilder:
    def __init__(self) -> None:
        self._dates: dict[date, Day] = {}
        self._spans: dict[date, Day] = {}
        self._yearly: dict[date, Day] = {}

    def add(self, text: str, day: Day) -> None:
        """Raises ValueError that says what is wrong with `text`."""
        first, dots, last = text.partition("..")
        yearly = _YEARLY.fullmatch(text)
        if dots:
            for each in _between(_date(first.strip(), text), _date(last.strip(), text), text):
                _put(self._spans, each, day, f"{each} in {text}")
        elif yearly is not None:
            try:
                of_year = date(_LEAP_YEAR, int(yearly[1]), int(yearly[2]))
            except ValueError:
                raise ValueError(f"{text!r} is no day of a year; expected MM-DD, as 12-25") from None
            _put(self._yearly, of_year, day, text)
        else:
            _put(self._dates, _date(text, text), day, text)

    def built(self) -> OpeningDays:
        return OpeningDays(self._dates, self._spans, self._yearly)


def _put(into: dict[_K, Day], key: _K, day: Day, text: str) -> None:
    known = into.get(key)
    if known is not None and known.spans != day.spans:
        raise ValueError(f"{text} is given already, {'with other hours' if known.spans else 'as closed'}")
    into.setdefault(key, day)


def _date(text: str, whole: str) -> date:
    if not _DATE.fullmatch(text):
        raise ValueError(
            f"{whole!r}: expected a date as 2026-12-24, 2026-08-03..2026-08-21, or 12-25 for every year"
        )
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{whole!r}: {error}") from None


def _between(first: date, last: date, text: str) -> list[date]:
    days = (last - first).days + 1
    if not 1 <= days <= MAX_SPAN_DAYS:
        raise ValueError(
            f"{text!r}: expected the first day before the last, and at most {MAX_SPAN_DAYS} days"
        )
    return [first + timedelta(days=each) for each in range(days)]
