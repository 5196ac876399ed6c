"""Romanian: three genders, "o mie" but "două mii", and "de" after numbers that do not end in 01 to 19.

`neuter` is what minutes take: masculine for one (un minut), feminine from two on (două minute, douăsprezece minute).
"""

from softswitch.ivr.spoken import Moment, below_hundred, joined

ORDINALS = 10
_UNIT_GENDER = {"hour": "feminine", "minute": "neuter", "second": "feminine"}


def number(value: int, gender: str = "") -> tuple[str, ...]:
    """0 to 999,999; a gender gives the form before a noun of that gender, none the bare number."""
    thousands, rest = divmod(value, 1000)
    if not thousands:
        return _below_thousand(rest, gender)
    tail = _below_thousand(rest, _inside(gender)) if rest else ()
    if thousands == 1:
        return ("n-1000", *tail)
    return (
        *_below_thousand(thousands, "feminine"),
        "of-thousands" if takes_de(thousands) else "thousands",
        *tail,
    )


def _inside(gender: str) -> str:
    """After hundreds or thousands, one is "unu" or "una", never the article "un" or "o"."""
    return {"masculine": "", "feminine": "inner-feminine", "neuter": "inner-neuter"}.get(gender, gender)


def takes_de(value: int) -> bool:
    """`de` stands between the number and its noun: from 20 on, unless the last two digits are 01 to 19."""
    return value >= 20 and not 1 <= value % 100 <= 19


def _below_thousand(value: int, gender: str) -> tuple[str, ...]:
    hundreds, rest = divmod(value, 100)
    if not hundreds:
        return _below_hundred(rest, gender)
    return (f"n-{hundreds}00", *(_below_hundred(rest, _inside(gender)) if rest else ()))


def _below_hundred(value: int, gender: str) -> tuple[str, ...]:
    if value == 1:
        return (
            {"masculine": "n-1-m", "neuter": "n-1-m", "feminine": "n-1-o", "inner-feminine": "n-1-f"}.get(
                gender, "n-1"
            ),
        )
    if value == 11:
        return below_hundred(value)
    last = value % 10
    feminine = gender.endswith("feminine")
    if (last == 1 and feminine) or (last == 2 and (feminine or gender.endswith("neuter"))):
        return (f"n-{value}-f",)
    return below_hundred(value)


def counted(value: int, unit: str) -> tuple[str, ...]:
    """`value` of `hour`, `minute` or `second`."""
    noun = unit if value == 1 else f"of-{unit}s" if takes_de(value) else f"{unit}s"
    return (*number(value, _UNIT_GENDER[unit]), noun)


def between(low: int, high: int, unit: str) -> tuple[str, ...]:
    """Two to five minutes, without the word before them."""
    return (*number(low, "neuter" if low != 1 else ""), "and", *counted(high, unit))


def duration(parts: tuple[tuple[int, str], ...]) -> tuple[str, ...]:
    return joined([counted(value, unit) for value, unit in parts], "and")


def position(value: int) -> tuple[str, ...]:
    if value <= ORDINALS:
        return ("position-is", f"ordinal-{value}", "position-in-queue")
    return ("position-number", *number(value), "position-in-queue")


def clock(hour: int, minute: int) -> tuple[str, ...]:
    """Of twenty-four hours; the hour is counted "unu, două": ora unu, ora douăzeci și două."""
    spoken = number(hour, "inner-neuter")
    return ("clock", *spoken, *(("and", *counted(minute, "minute")) if minute else ()))


def date(moment: Moment) -> tuple[str, ...]:
    day = ("day-1",) if moment.day == 1 else below_hundred(moment.day)
    return (f"weekday-{moment.weekday}", *day, f"month-{moment.month}", *number(moment.year))
