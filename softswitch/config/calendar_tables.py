"""Reads the tables that `calendar.NAME.table` names: CSV with a first line `date,hours,reason` (RFC 4180).

Bounded in bytes and lines; what is wrong is told with the number of its line, the first few of a file.
"""

import csv
import io
from dataclasses import dataclass, replace
from pathlib import Path

from softswitch.config.documents import Documents
from softswitch.config.problem import Finding
from softswitch.config.routes import Calendar, CalendarDay
from softswitch.config.schema import Config
from softswitch.hours import problem_of

MAX_BYTES = 1 << 20
MAX_LINES = 20_000
MAX_TOLD = 5
COLUMNS = ("date", "hours", "reason")


@dataclass(frozen=True, slots=True)
class WithTables:
    config: Config
    findings: tuple[Finding, ...]


def with_calendar_tables(config: Config, documents: Documents) -> WithTables:
    """The configuration with the lines of all tables among its days."""
    if not any(calendar.table for calendar in config.calendar.values()):
        return WithTables(config, ())
    findings: list[Finding] = []
    calendars = {
        name: _with_table(name, calendar, documents, findings) for name, calendar in config.calendar.items()
    }
    return WithTables(replace(config, calendar=calendars), tuple(findings))


def _with_table(name: str, calendar: Calendar, documents: Documents, findings: list[Finding]) -> Calendar:
    if not calendar.table:
        return calendar
    where = ("calendar", name, "table")
    path = Path(documents.document_of(where).file).parent / calendar.table
    try:
        with path.open("rb") as opened:
            content = opened.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise ValueError(f"is longer than {MAX_BYTES >> 20} MiB")
        days, problems = parse_days(content.decode("utf-8-sig"))
    except (OSError, ValueError, csv.Error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        findings.append(Finding(path=where, message=f"{path} cannot be read: {reason}"))
        return calendar
    # What is wrong with a line is told here, with its number; only lines that can be used become days.
    findings += [Finding(path=where, message=f"{path}, {problem}") for problem in problems]
    return replace(calendar, days=(*calendar.days, *days))


def parse_days(text: str) -> tuple[tuple[CalendarDay, ...], tuple[str, ...]]:
    """Days, and what is wrong, each with its line. Raises ValueError for a file that is no such table at all."""
    reader = csv.reader(io.StringIO(text, newline=""))
    head = [cell.strip().lower() for cell in next(reader, [])]
    if sorted({*head, "reason"}) != sorted(COLUMNS):
        raise ValueError(f"line 1 is {','.join(head) or 'empty'}; expected {','.join(COLUMNS)}")
    days: list[CalendarDay] = []
    problems: list[str] = []
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        if reader.line_num > MAX_LINES:
            raise ValueError(f"has more than {MAX_LINES} lines")
        row = dict(zip(head, (cell.strip() for cell in cells), strict=False))
        if len(cells) > len(head) or not row.get("date") or "hours" not in row:
            if len(problems) < MAX_TOLD:
                problems.append(f"line {reader.line_num}: does not have the columns {','.join(COLUMNS)}")
            continue
        day = CalendarDay(date=row["date"], hours=row["hours"], reason=row.get("reason", ""))
        problem = problem_of(day)
        if not problem:
            days.append(day)
        elif len(problems) < MAX_TOLD:
            problems.append(f"line {reader.line_num}: {problem}")
    return tuple(days), tuple(problems)
