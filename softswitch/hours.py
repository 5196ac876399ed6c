"""Opening hours of a calendar: weekly spans, public holidays, and days with hours of their own.

What counts is what the clock on the wall of the calendar's zone shows, also on the two days a year when that clock is
put forward or back: a span that begins in the hour that is left out begins with the first minute after it, and the hour
that comes twice is open twice. A span past midnight belongs to the day on which it begins.
"""

import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import holidays

from softswitch.config.routes import Calendar, CalendarDay, Holidays
from softswitch.opening_days import Day, OpeningDays, OpeningDaysBuilder, Span

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_MINUTES = 24 * 60
HORIZON_DAYS = 400
_SPAN = re.compile(r"([0-9]{1,2}):([0-9]{2})\s*-\s*([0-9]{1,2}):([0-9]{2})")


class CalendarError(ValueError):
    """A calendar that cannot be used; every problem names its key."""

    def __init__(self, problems: tuple[tuple[str, str], ...]) -> None:
        super().__init__("; ".join(f"{key}: {message}" for key, message in problems))
        self.problems = problems
        """(key below the calendar, what is wrong)."""


@dataclass(frozen=True, slots=True)
class CalendarHours:
    """A checked calendar. All moments given to it must know their zone."""

    zone: ZoneInfo
    week: tuple[tuple[Span, ...], ...]
    """Spans of Monday to Sunday."""
    public: Mapping[date, str]
    """Public holidays; the library adds a year when it is first asked for."""
    own: OpeningDays
    """Days with hours of their own."""

    @classmethod
    def parse(cls, calendar: Calendar, default_timezone: str) -> "CalendarHours":
        """Raises CalendarError with all problems at once."""
        problems: list[tuple[str, str]] = []
        zone = _zone(calendar.timezone or default_timezone, problems)
        week = _week(calendar.hours, problems)
        public = _public(calendar.holidays, problems)
        own = _own(calendar, problems)
        if problems:
            raise CalendarError(tuple(problems))
        return cls(zone, week, public, own)

    def is_open(self, when: datetime) -> bool:
        local = when.astimezone(self.zone)
        today = local.date()
        minute = local.hour * 60 + local.minute
        if any(begin <= minute < end for begin, end in self._spans_of(today)):
            return True
        yesterday = self._spans_of(today - timedelta(days=1))
        return any(minute + DAY_MINUTES < end for _, end in yesterday)

    def is_holiday(self, when: datetime) -> bool:
        """The day is a public holiday or closed by date, and has no hours of its own."""
        day = when.astimezone(self.zone).date()
        own = self.own.on(day)
        return day in self.public if own is None else not own.spans

    def why(self, when: datetime) -> str:
        """What decides at that moment, for people."""
        local = when.astimezone(self.zone)
        today, minute = local.date(), local.hour * 60 + local.minute
        for begin, end in self._spans_of(today - timedelta(days=1)):
            if end - DAY_MINUTES > minute:
                return f"{_clock(begin)}-{_clock(end)} of the day before goes on past midnight"
        own = self.own.on(today)
        if own is not None:
            hours = f"open {_told(own.spans)}" if own.spans else "closed"
            return f"{today} is {hours}" + (f": {own.reason}" if own.reason else "")
        if today in self.public:
            return f"public holiday: {self.public[today]}"
        spans = self.week[today.weekday()]
        return f"{DAYS[today.weekday()]} is {f'open {_told(spans)}' if spans else 'closed'}"

    def next_change(self, when: datetime) -> datetime | None:
        """When it opens or closes next, in the calendar's zone; None: not within a year."""
        now_open = self.is_open(when)
        first = when.astimezone(self.zone).date() - timedelta(days=1)
        for offset in range(HORIZON_DAYS):
            moments = sorted(self._moments(first + timedelta(days=offset)))
            for moment in moments:
                if moment > when and self.is_open(moment) != now_open:
                    return moment.astimezone(self.zone)
        return None

    def _spans_of(self, day: date) -> tuple[Span, ...]:
        own = self.own.on(day)
        if own is not None:
            return own.spans
        if day in self.public:
            return ()
        return self.week[day.weekday()]

    def _moments(self, day: date) -> Iterator[datetime]:
        """Every moment (UTC) of the local day at which it may open or close, in both of a doubled hour."""
        previous = self._spans_of(day - timedelta(days=1))
        minutes = {minute for span in self._spans_of(day) for minute in span if minute < DAY_MINUTES}
        minutes |= {end - DAY_MINUTES for _, end in previous if end >= DAY_MINUTES}
        for minute in minutes:
            for fold in (0, 1):
                local = datetime(
                    day.year, day.month, day.day, minute // 60, minute % 60, tzinfo=self.zone, fold=fold
                )
                yield local.astimezone(UTC)
        shift = self._clock_change(day)
        if shift is not None:
            yield shift

    def _clock_change(self, day: date) -> datetime | None:
        """The moment of the day (UTC) at which the clock is put forward or back, to the minute."""
        low = datetime(day.year, day.month, day.day, tzinfo=self.zone).astimezone(UTC)
        high = low + timedelta(days=1)
        before = low.astimezone(self.zone).utcoffset()
        if high.astimezone(self.zone).utcoffset() == before:
            return None
        while high - low > timedelta(minutes=1):
            middle = low + timedelta(minutes=(high - low) // timedelta(minutes=2))
            low, high = (
                (middle, high) if middle.astimezone(self.zone).utcoffset() == before else (low, middle)
            )
        return high


def _zone(name: str, problems: list[tuple[str, str]]) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        near = get_close_matches(name, available_timezones(), 1)
        hint = f"; did you mean {near[0]}?" if near else ", such as Europe/Madrid"
        problems.append(("timezone", f"{name!r} is no time zone{hint}"))
        return ZoneInfo("UTC")


def _public(chosen: Holidays | None, problems: list[tuple[str, str]]) -> Mapping[date, str]:
    if chosen is None:
        return {}
    try:
        return holidays.country_holidays(chosen.country, subdiv=chosen.subdiv or None)
    except NotImplementedError:
        supported = holidays.list_supported_countries()
        if chosen.country in supported:
            known = ", ".join(supported[chosen.country]) or "none"
            problems.append(
                ("holidays.subdiv", f"{chosen.subdiv!r} is no part of {chosen.country}; known: {known}")
            )
        else:
            problems.append(
                ("holidays.country", f"{chosen.country!r} is no known country; expected ISO 3166, as ES")
            )
        return {}


def _own(calendar: Calendar, problems: list[tuple[str, str]]) -> OpeningDays:
    builder = OpeningDaysBuilder()
    given = [
        *(("closed", text, Day(())) for text in calendar.closed),
        *(
            (f"open.{text}", text, Day(_spans(f"open.{text}", spans, problems)))
            for text, spans in calendar.open.items()
        ),
        *(
            (
                f"days.{index}.date",
                day.date,
                Day(_spans(f"days.{index}.hours", day.hours, problems), day.reason),
            )
            for index, day in enumerate(calendar.days)
        ),
    ]
    for key, text, day in given:
        try:
            builder.add(text, day)
        except ValueError as error:
            problems.append((key, str(error)))
    return builder.built()


def problem_of(day: CalendarDay) -> str:
    """What is wrong with one day alone; empty: nothing."""
    problems: list[tuple[str, str]] = []
    _spans("hours", day.hours, problems)
    try:
        OpeningDaysBuilder().add(day.date, Day(()))
    except ValueError as error:
        return str(error)
    return problems[0][1] if problems else ""


def _week(hours: Mapping[str, str], problems: list[tuple[str, str]]) -> tuple[tuple[Span, ...], ...]:
    """Spans of each weekday; no hours at all is around the clock."""
    if not hours:
        return ((0, DAY_MINUTES),), *((((0, DAY_MINUTES),),) * 6)
    given: dict[int, str] = {}
    week: list[tuple[Span, ...]] = [()] * 7
    for days, text in hours.items():
        key = f"hours.{days}"
        spans = _spans(key, text, problems)
        for day in _days(key, days, problems):
            if day in given:
                problems.append((key, f"{DAYS[day]} has hours already, in {given[day]!r}"))
                continue
            given[day] = days
            week[day] = spans
    problems += _overlaps(week, given)
    return tuple(week)


def _overlaps(week: list[tuple[Span, ...]], given: Mapping[int, str]) -> list[tuple[str, str]]:
    """Spans of one day that run into the next day's."""
    found = []
    for day, spans in enumerate(week):
        following = (day + 1) % 7
        late = max((end - DAY_MINUTES for _, end in spans), default=0)
        early = min((begin for begin, _ in week[following]), default=DAY_MINUTES)
        if late > early:
            message = f"{DAYS[day]} is open until {_clock(late)} of {DAYS[following]}, which opens at {_clock(early)}"
            found.append((f"hours.{given[day]}", message))
    return found


def _days(key: str, text: str, problems: list[tuple[str, str]]) -> list[int]:
    """`mon`, `mon-fri`, `fri-mon`, `mon,wed,sat-sun`."""
    days: list[int] = []
    for part in text.lower().replace(" ", "").split(","):
        first, _, last = part.partition("-")
        last = last or first
        if first not in DAYS or last not in DAYS or part.endswith("-"):
            problems.append(
                (key, f"{part!r} is no day; expected {', '.join(DAYS)}, or a range such as mon-fri")
            )
            continue
        begin = DAYS.index(first)
        days += [(begin + step) % 7 for step in range((DAYS.index(last) - begin) % 7 + 1)]
    return days


def _spans(key: str, text: str, problems: list[tuple[str, str]]) -> tuple[Span, ...]:
    """`09:00-14:00,16:00-19:00`; `closed` or nothing is no span."""
    if text.strip().lower() in ("", "closed"):
        return ()
    spans = []
    for part in text.split(","):
        span = _span(part.strip())
        if isinstance(span, str):
            problems.append((key, span))
        else:
            spans.append(span)
    spans.sort()
    for (begin, end), (next_begin, _) in itertools.pairwise(spans):
        if next_begin < end:
            problems.append(
                (key, f"spans overlap: {_clock(begin)}-{_clock(end)} and the one from {_clock(next_begin)}")
            )
    return tuple(spans)


def _span(text: str) -> Span | str:
    match = _SPAN.fullmatch(text)
    if match is None:
        return f"{text!r} is no span; expected 09:00-14:00"
    first_hour, first_minute, last_hour, last_minute = (int(number) for number in match.groups())
    begin, end = first_hour * 60 + first_minute, last_hour * 60 + last_minute
    if first_minute > 59 or last_minute > 59 or begin >= DAY_MINUTES or end > DAY_MINUTES:
        return f"{text!r}: hours go from 00:00 to 24:00"
    if begin == end:
        return f"{text!r} is empty; around the clock is 00:00-24:00"
    return begin, end if end > begin else end + DAY_MINUTES


def _clock(minute: int) -> str:
    return f"{minute // 60 % 24:02}:{minute % 60:02}"


def _told(spans: tuple[Span, ...]) -> str:
    return ",".join(
        f"{_clock(begin)}-{_clock(end) if end != DAY_MINUTES else '24:00'}" for begin, end in spans
    )
