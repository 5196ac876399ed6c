"""Proves: weekly spans, ranges that wrap, several spans, spans past midnight, public holidays of Madrid and of Romania in
2026, closed and special days, both clock changes of 2026, `next_change` against minute-by-minute truth, and that each
fault of a calendar names its key.

Does not prove: the holiday tables of the `holidays` library for other countries.
"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softswitch.config.routes import Calendar, Holidays
from softswitch.hours import CalendarError, CalendarHours

MADRID = ZoneInfo("Europe/Madrid")
OFFICE = Calendar(
    timezone="Europe/Madrid",
    hours={"mon-fri": "09:00-14:00,16:00-19:00", "sat": "10:00-13:00"},
    holidays=Holidays(country="ES", subdiv="MD"),
    closed=("2026-08-14",),
    open={"2026-12-31": "09:00-12:00", "2026-05-01": "10:00-11:00"},
)


def parse(**keys: object) -> CalendarHours:
    return CalendarHours.parse(Calendar(timezone="Europe/Madrid", **keys), "UTC")  # type: ignore[arg-type]


def at(text: str, zone: ZoneInfo = MADRID) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-03-02T08:59", False),
        ("2026-03-02T09:00", True),
        ("2026-03-02T13:59:59", True),
        ("2026-03-02T14:00", False),
        ("2026-03-02T18:59", True),
        ("2026-03-07T10:30", True),  # a Saturday
        ("2026-03-08T10:30", False),  # a Sunday
        ("2026-08-14T10:00", False),  # closed by us
        ("2026-12-31T13:00", False),  # hours of its own
        ("2026-12-31T11:59", True),
        ("2026-05-01T10:30", True),  # a holiday, with hours of its own
        ("2026-05-01T12:30", False),
    ],
)
def test_office_hours(moment: str, expected: bool) -> None:
    assert CalendarHours.parse(OFFICE, "UTC").is_open(at(moment)) is expected


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2026-01-01", True),
        ("2026-01-06", True),  # Epiphany
        ("2026-04-02", True),  # Maundy Thursday, Madrid
        ("2026-04-03", True),  # Good Friday
        ("2026-04-06", False),  # Easter Monday: not in Madrid
        ("2026-10-12", True),
        ("2026-12-08", True),
        ("2026-12-25", True),
        ("2026-12-24", False),
        ("2026-08-14", True),  # closed by us
        ("2026-05-01", False),  # a public holiday with hours of its own
    ],
)
def test_holidays_of_madrid(day: str, expected: bool) -> None:
    hours = CalendarHours.parse(OFFICE, "UTC")
    assert hours.is_holiday(at(f"{day}T12:00")) is expected


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2026-01-01", True),
        ("2026-01-02", True),
        ("2026-01-24", True),  # Union of the Principalities
        ("2026-04-10", True),  # Orthodox Good Friday
        ("2026-04-13", True),  # Orthodox Easter Monday
        ("2026-04-03", False),  # the western Good Friday
        ("2026-05-01", True),
        ("2026-06-01", True),
        ("2026-08-15", True),
        ("2026-11-30", True),
        ("2026-12-01", True),
        ("2026-12-26", True),
        ("2026-10-12", False),
    ],
)
def test_holidays_of_romania(day: str, expected: bool) -> None:
    zone = ZoneInfo("Europe/Bucharest")
    calendar = Calendar(hours={"mon-sun": "00:00-24:00"}, holidays=Holidays(country="RO"))
    hours = CalendarHours.parse(calendar, "Europe/Bucharest")
    assert hours.is_holiday(at(f"{day}T12:00", zone)) is expected
    assert hours.is_open(at(f"{day}T12:00", zone)) is not expected


def test_the_day_is_that_of_the_calendars_zone() -> None:
    hours = parse(holidays=Holidays(country="ES"))
    new_year_in_madrid = datetime(2025, 12, 31, 23, 30, tzinfo=UTC)
    assert hours.is_holiday(new_year_in_madrid)
    assert not hours.is_open(new_year_in_madrid)


def test_ranges_wrap_round_the_week_and_lists_are_read() -> None:
    wrapped = parse(hours={"sat-mon": "10:00-12:00", "wed,thu": "09:00-10:00"})
    days = [wrapped.is_open(at(f"2026-03-{day:02}T10:30")) for day in range(2, 9)]  # Monday to Sunday
    assert days == [True, False, False, False, False, True, True]
    assert wrapped.is_open(at("2026-03-04T09:30"))


def test_a_span_past_midnight_belongs_to_the_day_it_begins() -> None:
    night = parse(hours={"fri": "22:00-04:00"})
    assert night.is_open(at("2026-03-06T23:00"))
    assert night.is_open(at("2026-03-07T03:59"))
    assert not night.is_open(at("2026-03-07T04:00"))
    assert not night.is_open(at("2026-03-06T03:00"))
    assert not night.is_open(at("2026-03-07T23:00"))


def test_no_hours_is_around_the_clock_except_holidays() -> None:
    hours = parse(holidays=Holidays(country="ES"))
    assert hours.is_open(at("2026-03-08T03:00"))
    assert not hours.is_open(at("2026-01-01T12:00"))
    assert parse(hours={"mon": "closed"}).next_change(at("2026-03-08T03:00")) is None


def test_the_clock_is_put_forward() -> None:
    """29 March 2026, 02:00 becomes 03:00 in Madrid."""
    night = parse(hours={"sun": "02:30-06:00"})
    assert not night.is_open(datetime(2026, 3, 29, 0, 59, tzinfo=UTC))
    assert night.is_open(datetime(2026, 3, 29, 1, 0, tzinfo=UTC))  # 03:00 by the clock
    assert night.next_change(at("2026-03-28T12:00")) == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    assert night.next_change(at("2026-03-29T03:30")) == datetime(2026, 3, 29, 4, 0, tzinfo=UTC)


def test_the_clock_is_put_back() -> None:
    """25 October 2026, 03:00 becomes 02:00 in Madrid: the hour from two comes twice."""
    night = parse(hours={"sun": "01:00-03:00"})
    assert night.is_open(datetime(2026, 10, 25, 0, 30, tzinfo=UTC))  # 02:30, the first
    assert night.is_open(datetime(2026, 10, 25, 1, 30, tzinfo=UTC))  # 02:30, the second
    assert not night.is_open(datetime(2026, 10, 25, 2, 0, tzinfo=UTC))
    assert night.next_change(at("2026-10-25T01:30")) == datetime(2026, 10, 25, 2, 0, tzinfo=UTC)
    late = parse(hours={"sun": "02:30-06:00"})
    opens = late.next_change(datetime(2026, 10, 25, 0, 0, tzinfo=UTC))
    # Compared in UTC: Python holds no two moments of different zones equal within a doubled hour (PEP 495).
    assert opens is not None and opens.astimezone(UTC) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 60 * 24 * 365))
def test_next_change_is_the_first_minute_that_differs(minute: int) -> None:
    hours = parse(
        hours={"mon-thu": "09:00-14:00,16:00-19:00", "fri": "22:00-02:30", "sun": "02:30-06:00"},
        holidays=Holidays(country="ES", subdiv="MD"),
    )
    start = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
    change = hours.next_change(start)
    assert change is not None
    now = hours.is_open(start)
    probe = start
    while probe + timedelta(minutes=1) < change:
        probe += timedelta(minutes=1)
        assert hours.is_open(probe) is now, probe
    assert hours.is_open(change) is not now


@pytest.mark.parametrize(
    ("calendar", "key", "words"),
    [
        (Calendar(timezone="Europe/Madird"), "timezone", "Europe/Madrid"),
        (Calendar(hours={"mon-fry": "09:00-10:00"}), "hours.mon-fry", "no day"),
        (Calendar(hours={"mon": "9-10"}), "hours.mon", "no span"),
        (Calendar(hours={"mon": "09:00-25:00"}), "hours.mon", "24:00"),
        (Calendar(hours={"mon": "09:60-10:00"}), "hours.mon", "24:00"),
        (Calendar(hours={"mon": "09:00-09:00"}), "hours.mon", "00:00-24:00"),
        (Calendar(hours={"mon": "09:00-13:00,12:00-14:00"}), "hours.mon", "overlap"),
        (Calendar(hours={"mon-fri": "09:00-13:00", "fri": "09:00-12:00"}), "hours.fri", "already"),
        (Calendar(hours={"mon": "20:00-06:00", "tue": "05:00-09:00"}), "hours.mon", "opens at 05:00"),
        (Calendar(hours={"sun": "20:00-06:00", "mon": "05:00-09:00"}), "hours.sun", "opens at 05:00"),
        (Calendar(holidays=Holidays(country="QQ")), "holidays.country", "ISO"),
        (Calendar(holidays=Holidays(country="ES", subdiv="QQ")), "holidays.subdiv", "MD"),
        (Calendar(closed=("24.12.2026",)), "closed", "2026-12-24"),
        (Calendar(closed=("2026-02-30",)), "closed", "day"),
        (Calendar(open={"2026-12-24": "10:00"}), "open.2026-12-24", "no span"),
        (Calendar(closed=("2026-12-24",), open={"2026-12-24": "10:00-11:00"}), "open.2026-12-24", "closed"),
    ],
)
def test_faults_name_their_key(calendar: Calendar, key: str, words: str) -> None:
    with pytest.raises(CalendarError) as caught:
        CalendarHours.parse(calendar, "UTC")
    assert [found for found, message in caught.value.problems if words in message] == [key]


def test_all_faults_are_told_at_once() -> None:
    calendar = Calendar(timezone="Nowhere", hours={"someday": "x"}, closed=("y",))
    with pytest.raises(CalendarError) as caught:
        CalendarHours.parse(calendar, "UTC")
    assert len(caught.value.problems) == 4
