"""How long reports of a whole month take: 600,000 calls, written straight into a database.

    python -m benchmarks.report_month [calls] [folder]

Thirty days by chance (seeded) as `tests/store/day.py` makes them. `cold_s` sums the whole month up from its rows for the
first time; a running switch does that as the hours go by. The rest is what a report takes then, each asked for once, of a
store that was opened anew. Prints one JSON line.
"""

import asyncio
import json
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from softswitch.clock import SystemClock
from softswitch.store.definitions import Settings
from softswitch.store.intervals import intervals
from softswitch.store.opening import upgrade
from softswitch.store.reports import Report, Reports, Team
from softswitch.store.store import Store

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "store"))
from day import AGENTS, QUEUES, day, insert_into  # type: ignore[import-not-found]

DAYS = 30
ZONE = "Europe/Madrid"
BEGINS = datetime(2026, 4, 15, tzinfo=ZoneInfo(ZONE))
SETTINGS = Settings(service_level_s={"sales": 20.0, "support": 45.0}, short_abandon_s={"sales": 5.0})
TEAMS = {
    "north": Team(agents=AGENTS[:20], queues=QUEUES[:2]),
    "south": Team(agents=AGENTS[20:], queues=QUEUES[2:]),
}


def fill(path: Path, calls: int) -> None:
    """A database with the rows of all days."""
    upgrade(path)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA synchronous=OFF")
    for index in range(DAYS):
        begins = (BEGINS + timedelta(days=index)).timestamp()
        insert_into(connection, day(index, calls // DAYS, begins, prefix=f"{index:02}-"))
    connection.close()


async def timed(what: Callable[[Reports], Awaitable[object]], url: str) -> tuple[float, object]:
    store = await Store.open(url, clock=SystemClock(), on_alarm=lambda *_: None)
    began = time.monotonic()
    answer = await what(store.reports)
    took = time.monotonic() - began
    await store.close()
    return took, answer


async def measure(path: Path) -> dict[str, object]:
    url = f"sqlite:///{path}"
    until = (BEGINS + timedelta(days=DAYS)).timestamp()
    days = intervals(BEGINS.timestamp(), until, "day", ZONE)
    halves = intervals(BEGINS.timestamp(), until, 1800)
    cold, _ = await timed(lambda reports: reports.settle(SETTINGS, until), url)
    asked: dict[str, Callable[[Reports], Awaitable[Report]]] = {
        "queues by day": lambda reports: reports.caller_report(days, "queue", SETTINGS),
        "queues by day with trend": lambda r: r.caller_report(days, "queue", SETTINGS, trend_zone=ZONE),
        "queues by half hour": lambda reports: reports.caller_report(halves, "queue", SETTINGS),
        "called numbers by day": lambda reports: reports.caller_report(days, "dnis", SETTINGS),
        "skills by day": lambda reports: reports.caller_report(days, "skill", SETTINGS),
        "agents by day": lambda reports: reports.agent_report(days, SETTINGS),
        "teams by day": lambda reports: reports.team_report(days, SETTINGS, TEAMS),
        "calls by day": lambda reports: reports.call_report(days),
        "repeats within 7 days": lambda reports: reports.repeat_report(days, 7.0),
        "lost callers of a day": lambda r: r.lost_report(*days[10], window_s=7 * 86_400.0),
    }
    found = {}
    for name, what in asked.items():
        took, report = await timed(what, url)
        assert isinstance(report, Report) and report.rows
        found[name] = round(took, 3)
    return {"cold_s": round(cold, 2), "reports_s": found, "slowest_s": max(found.values())}


def main(calls: int, folder: str) -> None:
    with tempfile.TemporaryDirectory(dir=folder or None) as made:
        path = Path(made) / "month.db"
        began = time.monotonic()
        fill(path, calls)
        filled = time.monotonic() - began
        counts = {}
        with sqlite3.connect(path) as connection:
            for table in ("calls", "queue_visits", "offers", "agent_intervals"):
                [counts[table]] = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
        connection.close()
        figures = asyncio.run(measure(path))
        print(
            json.dumps(
                {
                    "benchmark": "report_month",
                    "rows": counts,
                    "megabytes": round(path.stat().st_size / 1e6),
                    "filled_s": round(filled, 1),
                    **figures,
                    "max_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
                }
            )
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 600_000, sys.argv[2] if len(sys.argv) > 2 else "")
