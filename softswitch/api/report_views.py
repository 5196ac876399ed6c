"""What reports answer: one shape for all of them, with the formula of each column."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportColumn:
    name: str
    title: str
    unit: str
    """`text`, `count`, `number`, `seconds`, `share` (1 is all) or `moment` (wall seconds)."""
    formula: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportView:
    kind: str
    since: float
    until: float
    interval_s: float
    """0: one row for the whole time."""
    timezone: str
    version: int
    """Of the definitions."""
    columns: tuple[ReportColumn, ...] = ()
    """The most wanted first."""
    rows: tuple[Mapping[str, object], ...] = ()
    """Values by names of columns, and sums that no column shows; a ratio with nothing to divide by is null."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingView:
    what: str
    where: str
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportCheckView:
    since: float
    until: float
    rows: int
    """Counted again, one by one."""
    figures: int
    """Compared with them."""
    findings: tuple[FindingView, ...] = ()
    """Empty: every report equals its rows."""
