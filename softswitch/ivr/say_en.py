"""English (British usage): "one hundred and one", "two thirty p m", "the first of May"."""

from softswitch.ivr.spoken import Moment, below_hundred, joined

ORDINALS = 10


def number(value: int, gender: str = "") -> tuple[str, ...]:
    """0 to 999,999; English has no gender."""
    thousands, rest = divmod(value, 1000)
    if not thousands:
        return _below_thousand(rest)
    if not rest:
        return (*_below_thousand(thousands), "thousand")
    link = ("and",) if rest < 100 else ()
    return (*_below_thousand(thousands), "thousand", *link, *_below_thousand(rest))


def _below_thousand(value: int) -> tuple[str, ...]:
    hundreds, rest = divmod(value, 100)
    if not hundreds:
        return below_hundred(rest)
    return (f"n-{hundreds}00", *(("and", *below_hundred(rest)) if rest else ()))


def counted(value: int, unit: str) -> tuple[str, ...]:
    """`value` of `hour`, `minute` or `second`."""
    return (*number(value), unit if value == 1 else f"{unit}s")


def between(low: int, high: int, unit: str) -> tuple[str, ...]:
    """Two to five minutes, without the word before them."""
    return (*number(low), "and", *counted(high, unit))


def duration(parts: tuple[tuple[int, str], ...]) -> tuple[str, ...]:
    return joined([counted(value, unit) for value, unit in parts], "and")


def position(value: int) -> tuple[str, ...]:
    if value <= ORDINALS:
        return ("position-is", f"ordinal-{value}", "position-in-queue")
    return ("position-number", *number(value), "position-in-queue")


def clock(hour: int, minute: int) -> tuple[str, ...]:
    twelve = below_hundred(hour % 12 or 12)
    half = "am" if hour < 12 else "pm"
    if not minute:
        return (*twelve, half)
    return (*twelve, *(("oh",) if minute < 10 else ()), *below_hundred(minute), half)


def date(moment: Moment) -> tuple[str, ...]:
    return (
        f"weekday-{moment.weekday}",
        f"day-{moment.day}",
        f"month-{moment.month}",
        *number(moment.year),
    )
