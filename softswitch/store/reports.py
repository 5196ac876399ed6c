"""Reports on callers, agents and teams over any stretch of the past and any interval of it.

What each figure means stands in `store/definitions.py`. Nothing is counted while calls run: sums are made of the rows
(`store/bucket_sums.py`), and those of whole quarters of an hour are kept (`store/deriving.py`) to be quick.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import structlog
from sqlalchemy import func, select

from softswitch.clock import Clock
from softswitch.errors import StorageError
from softswitch.store import schema
from softswitch.store.call_reports import calls_by_fate, first_call_repeats
from softswitch.store.definitions import COLUMNS, DEFINITIONS, TREND_COLUMNS, Definition, Settings
from softswitch.store.deriving import SOURCES, Deriver
from softswitch.store.intervals import Interval
from softswitch.store.lost import Lost
from softswitch.store.promises import promises_kept
from softswitch.store.reader import Reader, Record
from softswitch.store.report_sums import ReportSums
from softswitch.store.rows import AgentInterval
from softswitch.store.sums import AgentFigures, CallerFigures
from softswitch.store.timeline import timeline
from softswitch.store.trend import WEEKS, usual, weeks_before
from softswitch.store.writer import BatchWriter

SETTLE_S = 3600.0
"""Sums are kept of what is older: rows of a call come when it ends, and each one that is late costs them anew."""
NONE = "(none)"
"""Skill of callers who needed none."""
Callers = dict[tuple[float, str], CallerFigures]
Agents = dict[tuple[float, str], AgentFigures]

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    agents: Collection[str] = ()
    queues: Collection[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    kind: str
    columns: tuple[Definition, ...]
    rows: tuple[Record, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Whom a report is about; empty: all."""

    queues: Collection[str] = ()
    agents: Collection[str] = ()
    one: str = ""
    """One number, skill or team."""
    queue_skills: Mapping[str, Collection[str]] = field(default_factory=dict)
    """Skills that each queue asks for, beside those of its callers."""


class Reports:
    def __init__(self, reader: Reader, writer: BatchWriter, deriver: Deriver, clock: Clock) -> None:
        self._reader = reader
        self._writer = writer
        self._deriver = deriver
        self._clock = clock
        self._sums = ReportSums(reader)
        self._lost = Lost(reader)

    async def close(self) -> None:
        await self._reader.close()

    async def settle(self, settings: Settings, until: float | None = None) -> Mapping[str, float]:
        """Bring the kept sums up to date; where that fails, none is believed and reports read the rows."""
        latest = self._clock.wall() - SETTLE_S
        try:
            return await self._deriver.settle(latest if until is None else min(until, latest), settings)
        except StorageError as error:
            _log.warning("sums of reports cannot be kept", problem=str(error))
            return dict.fromkeys(SOURCES, 0.0)

    async def recompute(self, settings: Settings) -> None:
        """Make all kept sums anew from the rows."""
        await self._deriver.forget()
        await self.settle(settings)

    # --- callers --------------------------------------------------------------------------------------------------------

    async def callers(
        self, parts: Sequence[Interval], by: str, settings: Settings, names: Names | None = None
    ) -> Callers:
        """Figures by start of the part and name of the queue, the called number (`dnis`) or the skill."""
        names = names or Names()
        await self._writer.flush()
        settled = await self.settle(settings, parts[-1][1])
        keys = {"queue": ["queue"], "dnis": ["dnis", "queue"], "skill": ["skills", "queue"]}[by]
        found: Callers = {}
        for record in await self._sums.callers(parts, keys, settings, settled):
            if names.queues and record["queue"] not in names.queues:
                continue
            for name in _skills(record, names) if by == "skill" else (record[by],):
                if not names.one or name == names.one:
                    found.setdefault((record["start"], name), CallerFigures()).add(record)
        return found

    async def caller_report(
        self,
        parts: Sequence[Interval],
        by: str,
        settings: Settings,
        *,
        names: Names | None = None,
        trend_zone: str = "",
    ) -> Report:
        """By `queue`, `dnis` or `skill`; `trend_zone`: with what is usual, weekdays being those of that zone."""
        figures = await self.callers(parts, by, settings, names)
        ends = dict(parts)
        rows: list[Record] = []
        weeks = await self._weeks(parts, by, settings, names, trend_zone) if trend_zone else []
        for (start, name), mine in sorted(figures.items(), key=lambda item: (item[0][1], item[0][0])):
            row = {"start": start, "end": ends[start], by: name, **mine.record()}
            if by == "queue":
                row["service_level_s"] = settings.service_level_s.get(name, settings.default_service_level_s)
            if trend_zone:
                before = [week[start].get(name, CallerFigures()) for week in weeks if start in week]
                row |= usual(before, mine.offered)
            rows.append(row)
        return _report(by, rows, TREND_COLUMNS if trend_zone else ())

    async def _weeks(
        self, parts: Sequence[Interval], by: str, settings: Settings, names: Names | None, zone: str
    ) -> list[dict[float, dict[str, CallerFigures]]]:
        """For each week before: the start of a part to its figures then by name, if there were rows already."""
        visits = schema.queue_visits
        [record] = await self._reader.records(select(func.min(visits.c.entered).label("first")))
        first = record["first"]
        weeks = []
        for count in range(1, WEEKS + 1):
            shifted = weeks_before(parts, count, zone)
            now_of = {then[0]: part[0] for part, then in zip(parts, shifted, strict=True)}
            known: dict[float, dict[str, CallerFigures]] = {
                now_of[start]: {} for start, _ in shifted if first is not None and start >= first - 1
            }
            if known:
                for (start, name), figures in (await self.callers(shifted, by, settings, names)).items():
                    known.setdefault(now_of[start], {})[name] = figures
            weeks.append(known)
        return weeks

    # --- agents and teams -----------------------------------------------------------------------------------------------

    async def agents(
        self, parts: Sequence[Interval], settings: Settings, *, going_on: Iterable[AgentInterval] = ()
    ) -> Agents:
        """Figures by start of the part and agent; `going_on`: what has not ended and is no row yet."""
        await self._writer.flush()
        settled = await self.settle(settings, parts[-1][1])
        found: Agents = {}
        for record in await self._sums.agents(parts, settled):
            found.setdefault((record["start"], record["agent"]), AgentFigures()).take(record)
        for each in going_on:
            for start, end in parts:
                seconds = min(each.ended, end) - max(each.began, start)
                if seconds > 0:
                    mine = found.setdefault((start, each.agent), AgentFigures())
                    mine.states[each.state] = mine.states.get(each.state, 0.0) + seconds
                    if each.state == "paused":
                        mine.pauses[each.reason] = mine.pauses.get(each.reason, 0.0) + seconds
        return found

    async def agent_report(
        self,
        parts: Sequence[Interval],
        settings: Settings,
        *,
        names: Names | None = None,
        going_on: Iterable[AgentInterval] = (),
    ) -> Report:
        wanted = names.agents if names is not None else ()
        figures = await self.agents(parts, settings, going_on=going_on)
        ends = dict(parts)
        return _report(
            "agent",
            [
                {"start": start, "end": ends[start], "agent": agent, **mine.record()}
                for (start, agent), mine in sorted(figures.items(), key=lambda item: (item[0][1], item[0][0]))
                if not wanted or agent in wanted
            ],
        )

    async def team_report(
        self,
        parts: Sequence[Interval],
        settings: Settings,
        teams: Mapping[str, Team],
        *,
        going_on: Iterable[AgentInterval] = (),
    ) -> Report:
        """The callers of each team's queues beside the work of its agents, whatever queue that was for."""
        callers = await self.callers(parts, "queue", settings)
        agents = await self.agents(parts, settings, going_on=going_on)
        rows = []
        for name, team in sorted(teams.items()):
            for start, end in parts:
                came, worked = CallerFigures(), AgentFigures()
                for queue in team.queues:
                    came.add(callers.get((start, queue), CallerFigures()).sums())
                for agent in team.agents:
                    worked.add(agents.get((start, agent), AgentFigures()))
                rows.append({"start": start, "end": end, "team": name, **worked.record(), **came.record()})
        return _report("team", rows)

    # --- calls ----------------------------------------------------------------------------------------------------------

    async def call_report(self, parts: Sequence[Interval]) -> Report:
        """Calls by how they ended."""
        await self._writer.flush()
        return _report("calls", await calls_by_fate(self._reader, parts))

    async def repeat_report(self, parts: Sequence[Interval], days: float, queue: str = "") -> Report:
        """Answered callers who came again within so many days."""
        await self._writer.flush()
        return _report("repeat", await first_call_repeats(self._reader, parts, days, queue))

    async def promise_report(self, parts: Sequence[Interval], *, queue: str = "") -> Report:
        """Waits that callers were told beside those that came."""
        await self._writer.flush()
        return _report("promises", await promises_kept(self._reader, parts, queue))

    async def lost_report(self, since: float, until: float, *, window_s: float, queue: str = "") -> Report:
        """Callers who talked to nobody, and what came of it within the window."""
        await self._writer.flush()
        return _report("lost", await self._lost.callers(since, until, window_s=window_s, queue=queue))

    async def timeline_report(
        self, since: float, until: float, *, agent: str = "", going_on: Iterable[AgentInterval] = ()
    ) -> Report:
        """Login, logout and every status of agents."""
        await self._writer.flush()
        table = schema.agent_intervals
        statement = select(table).where(table.c.ended > since, table.c.began < until)
        if agent:
            statement = statement.where(table.c.agent == agent)
        records = await self._reader.records(statement.order_by(table.c.agent, table.c.began))
        known = [AgentInterval(**record) for record in records]
        known += [each for each in going_on if not agent or each.agent == agent]
        return _report("timeline", timeline(known, since, until))


def _report(kind: str, rows: Sequence[Record], more: Sequence[str] = ()) -> Report:
    columns = tuple(DEFINITIONS[name] for name in (*COLUMNS[kind], *more))
    return Report(kind=kind, columns=columns, rows=tuple(rows))


def _skills(record: Record, names: Names) -> list[str]:
    """Each skill of the caller and of his queue once."""
    return sorted({*record["skills"].split(), *names.queue_skills.get(record["queue"], ())}) or [NONE]
