"""The tables that `calendar.NAME.table` names, with a first line `date,hours,reason`."""

from dataclasses import replace

from softswitch.config.csv_table import CsvTable, WithTables
from softswitch.config.documents import Documents
from softswitch.config.problem import Finding
from softswitch.config.routes import CalendarDay
from softswitch.config.schema import Config
from softswitch.hours import problem_of


def _day(row: dict[str, str]) -> CalendarDay:
    day = CalendarDay(date=row["date"], hours=row["hours"], reason=row.get("reason", ""))
    problem = problem_of(day)
    if problem:
        raise ValueError(problem)
    return day


DAYS = CsvTable(
    columns=("date", "hours", "reason"), optional="reason", max_bytes=1 << 20, max_lines=20_000, item=_day
)


def with_calendar_tables(config: Config, documents: Documents) -> WithTables:
    """The configuration with the lines of all tables among its days."""
    findings: list[Finding] = []
    calendars = dict(config.calendar)
    for name, calendar in config.calendar.items():
        if calendar.table:
            days, found = DAYS.read(calendar.table, ("calendar", name, "table"), documents)
            findings += found
            calendars[name] = replace(calendar, days=(*calendar.days, *days))
    return WithTables(replace(config, calendar=calendars), tuple(findings))
