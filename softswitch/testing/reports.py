"""What `FakeControl` tells of the past in figures."""

from dataclasses import dataclass, field

from softswitch.api.errors import UnknownThing
from softswitch.api.report_control import ReportSearch
from softswitch.api.report_views import FindingView, ReportCheckView, ReportColumn, ReportView

_COLUMNS = (
    ReportColumn(name="start", title="from", unit="moment"),
    ReportColumn(name="queue", title="queue", unit="text"),
    ReportColumn(name="offered", title="offered", unit="count", formula="all who entered the queue"),
    ReportColumn(name="asa_s", title="asa", unit="seconds", formula="wait of the answered / answered"),
    ReportColumn(
        name="sl_answered", title="sl_answered", unit="share", formula="answered within X / answered"
    ),
)
KINDS = frozenset(
    {"queue", "agent", "team", "dnis", "skill", "calls", "repeat", "lost", "promises", "timeline", "staffing"}
)


@dataclass
class FakeReports:
    searches: list[ReportSearch] = field(default_factory=list)
    findings: tuple[FindingView, ...] = ()
    recomputed: int = 0

    def definitions(self) -> tuple[ReportColumn, ...]:
        return _COLUMNS

    async def report(self, kind: str, search: ReportSearch) -> ReportView:
        if kind not in KINDS:
            raise UnknownThing(f"there is no report {kind!r}", hint=f"known are {', '.join(sorted(KINDS))}")
        self.searches.append(search)
        row = {
            "start": search.since,
            "end": search.until,
            "queue": "=sales",
            "offered": 10,
            "asa_s": 65.0,
            "sl_answered": 0.5,
        }
        return ReportView(
            kind=kind,
            since=search.since,
            until=search.until,
            interval_s=search.interval_s,
            timezone="UTC",
            version=1,
            columns=_COLUMNS,
            rows=(row, {**row, "offered": 20, "sl_answered": None}),
        )

    async def check(self, search: ReportSearch) -> ReportCheckView:
        self.searches.append(search)
        return ReportCheckView(
            since=search.since, until=search.until, rows=3, figures=40, findings=self.findings
        )

    async def recompute(self) -> None:
        self.recomputed += 1
