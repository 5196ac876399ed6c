"""Values as lists of prompts: numbers, digits, times, dates, durations, positions and waits in en, es and ro.

The grammar of each language is in its own file (`say_en.py`, `say_es.py`, `say_ro.py`); here is what they share: limits,
rounding, reading of values. Names are those of the catalogue in `tools/build_prompts.py`.
"""

import re
from datetime import date as Date  # noqa: N812  (the functions here are named for what they speak)

from softswitch.ivr import say_en, say_es, say_ro
from softswitch.ivr.spoken import Grammar, Moment

LANGUAGES = ("en", "es", "ro")
MAX_NUMBER = 999_999
MAX_DIGITS = 32
MAX_DURATION_S = 100 * 3600 - 1

_RULES: dict[str, Grammar] = {"en": say_en, "es": say_es, "ro": say_ro}
_DIGIT_NAMES = {
    **{digit: f"n-{digit}" for digit in "0123456789"},
    "*": "star",
    "#": "pound",
    "+": "plus",
}


class UnspeakableError(ValueError):
    """A value that cannot be read as what was asked for."""


def _rules(language: str) -> Grammar:
    return _RULES.get(language, say_en)


def number_prompts(value: int, language: str, gender: str = "") -> tuple[str, ...]:
    """0 to 999,999; `gender` is `masculine`, `feminine` or empty for a bare number."""
    if not 0 <= value <= MAX_NUMBER:
        raise UnspeakableError(f"{value} is not between 0 and {MAX_NUMBER}")
    return _rules(language).number(value, gender)


def digit_prompts(digits: str) -> tuple[str, ...]:
    """One prompt a digit, at most 32; what is no digit is left out."""
    return tuple(_DIGIT_NAMES[digit] for digit in digits if digit in _DIGIT_NAMES)[:MAX_DIGITS]


def position_prompts(position: int, language: str) -> tuple[str, ...]:
    """A whole sentence: the place in the queue, 1 is the next to be served; nothing where there is no such place."""
    if not 1 <= position <= MAX_NUMBER:
        return ()
    return _rules(language).position(position)


def expected_wait_prompts(seconds: float, language: str) -> tuple[str, ...]:
    """A whole sentence: the expected wait in minutes, rounded to the nearest."""
    if not seconds >= 60:
        return ("wait-less-than-a-minute",)
    if seconds >= 3600:
        return ("wait-more-than-an-hour",)
    minutes = min(int(seconds / 60 + 0.5), 59)
    return ("wait-about", *_rules(language).counted(minutes, "minute"))


def wait_range_prompts(low_s: float, high_s: float, language: str) -> tuple[str, ...]:
    """A whole sentence: the wait lies between these whole minutes; 0 and infinity are ends that are left open."""
    low, high = int(low_s / 60), high_s / 60
    if low >= 60:
        return ("wait-more-than-an-hour",)
    if high > 60:
        return ("wait-more-than", *_rules(language).counted(max(1, low), "minute"))
    if high <= 1:
        return ("wait-less-than-a-minute",)
    if low < 1:
        return ("wait-less-than", *_rules(language).counted(int(high), "minute"))
    return ("wait-between", *_rules(language).between(low, int(high), "minute"))


def duration_prompts(seconds: int, language: str) -> tuple[str, ...]:
    """Hours, minutes and seconds; those that are 0 are left out."""
    if not 0 <= seconds <= MAX_DURATION_S:
        raise UnspeakableError(f"{seconds} seconds cannot be said")
    minutes, rest = divmod(seconds, 60)
    parts = ((minutes // 60, "hour"), (minutes % 60, "minute"), (rest, "second"))
    said = tuple(part for part in parts if part[0]) or ((0, "second"),)
    return _rules(language).duration(said)


def time_prompts(hour: int, minute: int, language: str) -> tuple[str, ...]:
    if not (0 <= hour <= 23 and 0 <= minute <= 59):
        raise UnspeakableError(f"{hour}:{minute} is no time of day")
    return _rules(language).clock(hour, minute)


def date_prompts(year: int, month: int, day: int, language: str) -> tuple[str, ...]:
    try:
        weekday = Date(year, month, day).weekday()
    except ValueError as error:
        raise UnspeakableError(f"{year}-{month}-{day}: {error}") from None
    return _rules(language).date(Moment(year, month, day, weekday))


def value_prompts(what: str, value: str, language: str, gender: str = "") -> tuple[str, ...]:
    """`value` as text, read as `what` (a `say` node's); raises UnspeakableError."""
    if what == "digits":
        return digit_prompts(value)
    if what == "time":
        match = re.fullmatch(r"([0-9]{1,2}):([0-9]{2})", value)
        if match is None:
            raise UnspeakableError(f"{value!r} is no time; expected 14:30")
        return time_prompts(int(match[1]), int(match[2]), language)
    if what == "date":
        match = re.fullmatch(r"([0-9]{4})-([0-9]{2})-([0-9]{2})", value)
        if match is None:
            raise UnspeakableError(f"{value!r} is no date; expected 2026-05-01")
        return date_prompts(int(match[1]), int(match[2]), int(match[3]), language)
    if re.fullmatch(r"[0-9]{1,9}", value) is None:
        raise UnspeakableError(f"{value!r} is no whole number")
    if what == "position":
        if not 1 <= int(value) <= MAX_NUMBER:
            raise UnspeakableError(f"{value} is no position in a queue")
        return position_prompts(int(value), language)
    if what == "duration":
        return duration_prompts(int(value), language)
    return number_prompts(int(value), language, gender)
