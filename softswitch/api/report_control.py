"""What the control API asks about the past in figures."""

from dataclasses import dataclass
from typing import Protocol

from softswitch.api.report_views import ReportCheckView, ReportColumn, ReportView


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSearch:
    since: float
    until: float
    interval_s: float = 0.0
    """0: one row for the whole time."""
    name: str = ""
    """One of what the report is by; empty: all."""
    queue: str = ""
    """Callers of this queue only."""
    team: str = ""
    """Its agents or queues only."""
    trend: bool = False
    """With what is usual."""
    days: float = 7.0
    """Within how many days a caller has come again, or was called back."""
    service_level: float = 0.8
    """Share of callers to be answered within X, for staffing."""


class ReportControl(Protocol):
    def definitions(self) -> tuple[ReportColumn, ...]:
        """Every figure with its formula."""

    async def report(self, kind: str, search: ReportSearch) -> ReportView:
        """`queue`, `dnis`, `skill`, `agent`, `team`, `calls`, `repeat`, `lost`, `promises`, `timeline` or `staffing`."""

    async def check(self, search: ReportSearch) -> ReportCheckView:
        """Counts all rows of that time again and compares."""

    async def recompute(self) -> None:
        """Makes all kept sums anew from the rows."""
