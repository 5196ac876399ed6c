"""Spanish: gender of one, twenty-one and the hundreds, "un" before nouns and before "mil", "cien" and "ciento"."""

from softswitch.ivr.spoken import Moment, below_hundred, joined

ORDINALS = 10
_UNIT_GENDER = {"hour": "feminine", "minute": "masculine", "second": "masculine"}


def number(value: int, gender: str = "") -> tuple[str, ...]:
    """0 to 999,999; `masculine` and `feminine` are the forms before a noun, none is the bare number."""
    thousands, rest = divmod(value, 1000)
    if not thousands:
        return _below_thousand(rest, gender)
    # The gender of the noun reaches the hundreds before "mil" (doscientas mil llamadas), but one stays "un".
    head = () if thousands == 1 else _below_thousand(thousands, gender, before_thousand=True)
    return (*head, "thousand", *(_below_thousand(rest, gender) if rest else ()))


def _below_thousand(value: int, gender: str, *, before_thousand: bool = False) -> tuple[str, ...]:
    hundreds, rest = divmod(value, 100)
    tail = _below_hundred(rest, "masculine" if before_thousand else gender) if rest or not hundreds else ()
    if not hundreds:
        return tail
    if hundreds == 1:
        return ("n-100-and" if rest else "n-100", *tail)
    return (f"n-{hundreds}00-f" if gender == "feminine" else f"n-{hundreds}00", *tail)


def _below_hundred(value: int, gender: str) -> tuple[str, ...]:
    if value % 10 == 1 and value != 11 and gender:
        return (f"n-{value}-{gender[0]}",)
    return below_hundred(value)


def counted(value: int, unit: str) -> tuple[str, ...]:
    """`value` of `hour`, `minute` or `second`."""
    return (*number(value, _UNIT_GENDER[unit]), unit if value == 1 else f"{unit}s")


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
    """Of twenty-four hours: "la una en punto", "las catorce horas", "las catorce y treinta"."""
    article = "clock-one" if hour == 1 else "clock"
    if not minute:
        return (article, *number(hour, "feminine"), "sharp" if hour == 1 else "hours")
    return (article, *number(hour, "feminine"), "and", *below_hundred(minute))


def date(moment: Moment) -> tuple[str, ...]:
    return (
        f"weekday-{moment.weekday}",
        *below_hundred(moment.day),
        f"month-{moment.month}",
        "of",
        *number(moment.year),
    )
