"""Proves: spans of dates and days of every year, the narrower before the wider, reasons told; tables read line by line with
faults named; that what contradicts is told; `why` at clock changes, over midnight, on holidays; the loader takes tables.

Does not prove: weekly hours and clock changes themselves (`test_hours.py`).
"""

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from softswitch.config.calendar_tables import DAYS
from softswitch.config.loader import load
from softswitch.config.problem import ConfigError
from softswitch.config.routes import Calendar, CalendarDay, Holidays
from softswitch.hours import CalendarError, CalendarHours

MADRID = ZoneInfo("Europe/Madrid")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=MADRID)


def parse(**keys: object) -> CalendarHours:
    return CalendarHours.parse(Calendar(timezone="Europe/Madrid", **keys), "UTC")  # type: ignore[arg-type]


OFFICE = parse(
    hours={"mon-fri": "09:00-14:00,16:00-19:00", "sat": "22:00-02:00"},
    holidays=Holidays(country="ES", subdiv="MD"),
    closed=("2026-08-03..2026-08-21", "12-24"),
    days=(
        CalendarDay(date="2026-08-10", hours="10:00-12:00", reason="stocktaking"),
        CalendarDay(date="2026-12-24", hours="09:00-11:00", reason="Christmas Eve"),
        CalendarDay(date="02-29", reason="leap day"),
    ),
)


@pytest.mark.parametrize(
    ("moment", "is_open", "why"),
    [
        ("2026-08-03T10:00", False, "2026-08-03 is closed"),
        ("2026-08-21T18:59", False, "2026-08-21 is closed"),
        ("2026-08-24T10:00", True, "mon is open 09:00-14:00,16:00-19:00"),
        ("2026-08-10T10:30", True, "2026-08-10 is open 10:00-12:00: stocktaking"),
        ("2026-08-10T13:00", False, "2026-08-10 is open 10:00-12:00: stocktaking"),
        ("2026-12-24T10:00", True, "2026-12-24 is open 09:00-11:00: Christmas Eve"),
        ("2027-12-24T10:00", False, "2027-12-24 is closed"),
        ("2028-02-29T10:00", False, "2028-02-29 is closed: leap day"),
        ("2026-05-01T10:00", False, "public holiday: "),
        ("2026-03-08T10:00", False, "sun is closed"),
        ("2026-03-08T01:30", True, "22:00-02:00 of the day before goes on past midnight"),
        ("2026-03-29T01:59", True, "22:00-02:00 of the day before"),
        ("2026-03-29T03:00", False, "sun is closed"),
        ("2026-10-25T02:30", False, "sun is closed"),
    ],
)
def test_days_and_their_reasons(moment: str, is_open: bool, why: str) -> None:
    assert OFFICE.is_open(at(moment)) is is_open
    assert OFFICE.why(at(moment)).startswith(why)


def test_days_closed_by_date_are_holidays() -> None:
    assert OFFICE.is_holiday(at("2026-08-04T10:00")) and OFFICE.is_holiday(at("2027-12-24T10:00"))
    assert not OFFICE.is_holiday(at("2026-08-10T10:00")) and not OFFICE.is_holiday(at("2026-03-08T10:00"))


@pytest.mark.parametrize(
    ("keys", "key", "said"),
    [
        ({"closed": ("2026-02-30",)}, "closed", "day is out of range"),
        ({"closed": ("02-30",)}, "closed", "no day of a year"),
        ({"closed": ("2026-08-21..2026-08-03",)}, "closed", "the first day before the last"),
        ({"closed": ("2026-01-01..2030-01-01",)}, "closed", "at most 400 days"),
        ({"closed": ("tomorrow",)}, "closed", "expected a date as 2026-12-24"),
        (
            {"closed": ("2026-12-24",), "open": {"2026-12-24": "09:00-10:00"}},
            "open.2026-12-24",
            "is given already, as closed",
        ),
        ({"days": (CalendarDay(date="12-24", hours="9-10"),)}, "days.0.hours", "is no span"),
        (
            {
                "days": (
                    CalendarDay(date="2026-08-01..2026-08-09"),
                    CalendarDay(date="2026-08-09..2026-08-10", hours="09:00-10:00"),
                )
            },
            "days.1.date",
            "2026-08-09 in 2026-08-09..2026-08-10 is given already, as closed",
        ),
    ],
)
def test_what_is_wrong_is_told(keys: dict[str, object], key: str, said: str) -> None:
    with pytest.raises(CalendarError) as error:
        parse(**keys)
    assert error.value.problems[0][0] == key and said in error.value.problems[0][1]


def test_tables() -> None:
    days, problems = DAYS.parse(
        "date,hours,reason\n2026-12-24,09:00-14:00,Christmas Eve\n\n12-25,closed,\n2026-13-01,closed,x\n"
        "2026-01-05,9,x\n2026-01-06\n"
    )
    assert days == (
        CalendarDay(date="2026-12-24", hours="09:00-14:00", reason="Christmas Eve"),
        CalendarDay(date="12-25", hours="closed"),
    )
    assert [problem.split(":")[0] for problem in problems] == ["line 5", "line 6", "line 7"]
    with pytest.raises(ValueError, match="expected date,hours,reason"):
        DAYS.parse("day;hours\n")


def test_the_loader_takes_tables(tmp_path: Path) -> None:
    (tmp_path / "days.csv").write_text("date,hours\n2026-12-24,09:00-14:00\n")
    file = tmp_path / "switch.toml"
    file.write_text('[calendar.office]\ntable = "days.csv"\n')
    config = load(file).config
    assert config.calendar["office"].days == (CalendarDay(date="2026-12-24", hours="09:00-14:00"),)
    (tmp_path / "days.csv").write_text(
        "date,hours\n2026-12-24,9\n2026-12-25,closed\n2026-12-25,10:00-11:00\n"
    )
    with pytest.raises(ConfigError) as error:
        load(file)
    told = [str(problem) for problem in error.value.problems]
    assert any(
        "calendar.office.table: " in each and "days.csv, line 2: '9' is no span" in each for each in told
    )
    assert any("2026-12-25 is given already, as closed" in each for each in told)
    file.write_text('[calendar.office]\ntable = "none.csv"\n')
    with pytest.raises(ConfigError, match=r"none\.csv cannot be read"):
        load(file)
