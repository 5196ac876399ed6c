"""Answers reports from the store with what the configuration says: service levels, teams, who serves which queue."""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Iterable, Mapping

from softswitch.api.errors import BadRequest, UnknownThing
from softswitch.api.report_control import ReportSearch
from softswitch.api.report_views import FindingView, ReportCheckView, ReportColumn, ReportView
from softswitch.app.parts import Parts
from softswitch.app.staffing import staffing
from softswitch.config.schema import Config
from softswitch.store.definitions import COLUMNS, DEFINITIONS, VERSION, Definition, Settings
from softswitch.store.intervals import Interval, intervals
from softswitch.store.report_check import check
from softswitch.store.reports import Names, Report, Team
from softswitch.store.rows import AgentInterval

DAY_S = 86_400.0
SETTLE_EVERY_S = 600.0
NOBODY = ("",)
"""A team without queues or agents is not all of them, which an empty choice means."""


class ReportDesk:
    """Implements `api.report_control.ReportControl`."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def settle(self) -> None:
        """Keep the sums of reports up to date, until it is cancelled: a month is then asked for in a moment."""
        while True:
            await asyncio.sleep(SETTLE_EVERY_S)
            await self._parts.store.reports.settle(settings_of(self._config))

    @property
    def _config(self) -> Config:
        return self._parts.services.config

    def definitions(self) -> tuple[ReportColumn, ...]:
        return tuple(_column(each) for each in DEFINITIONS.values())

    async def recompute(self) -> None:
        await self._parts.store.reports.recompute(settings_of(self._config))

    async def check(self, search: ReportSearch) -> ReportCheckView:
        parts = self._intervals(search)
        store = self._parts.store
        checked = await check(store.path, store.reports, parts, settings_of(self._config))
        return ReportCheckView(
            since=search.since,
            until=search.until,
            rows=checked.rows,
            figures=checked.figures,
            findings=tuple(FindingView(**dataclasses.asdict(each)) for each in checked.findings),
        )

    async def report(self, kind: str, search: ReportSearch) -> ReportView:
        makers: Mapping[str, Callable[[ReportSearch], Awaitable[Report]]] = {
            "queue": self._callers("queue"),
            "dnis": self._callers("dnis"),
            "skill": self._callers("skill"),
            "agent": self._agents,
            "team": self._teams,
            "calls": self._calls,
            "repeat": self._repeats,
            "lost": self._lost,
            "promises": self._promises,
            "timeline": self._timeline,
            "staffing": self._staffing,
        }
        if kind not in makers:
            raise UnknownThing(f"there is no report {kind!r}", hint=f"known are {', '.join(COLUMNS)}")
        report = await makers[kind](search)
        return ReportView(
            kind=kind,
            since=search.since,
            until=search.until,
            interval_s=search.interval_s,
            timezone=self._config.general.timezone,
            version=VERSION,
            columns=tuple(_column(each) for each in report.columns),
            rows=report.rows,
        )

    def _callers(self, by: str) -> Callable[[ReportSearch], Awaitable[Report]]:
        async def made(search: ReportSearch) -> Report:
            return await self._parts.store.reports.caller_report(
                self._intervals(search),
                by,
                settings_of(self._config),
                names=self._names(search, by),
                trend_zone=self._config.general.timezone if search.trend else "",
            )

        return made

    async def _agents(self, search: ReportSearch) -> Report:
        agents = (
            {search.name} if search.name else (self._team(search).agents or NOBODY) if search.team else ()
        )
        return await self._parts.store.reports.agent_report(
            self._intervals(search),
            settings_of(self._config),
            names=Names(agents=agents),
            going_on=self._going_on(),
        )

    async def _teams(self, search: ReportSearch) -> Report:
        wanted = search.name or search.team
        teams = teams_of(self._config)
        if wanted and wanted not in teams:
            raise UnknownThing(
                f"no team is called {wanted!r}", hint="[team.NAME] of the configuration makes one"
            )
        chosen = {name: team for name, team in teams.items() if wanted in ("", name)}
        return await self._parts.store.reports.team_report(
            self._intervals(search), settings_of(self._config), chosen, going_on=self._going_on()
        )

    async def _calls(self, search: ReportSearch) -> Report:
        return await self._parts.store.reports.call_report(self._intervals(search))

    async def _repeats(self, search: ReportSearch) -> Report:
        queue = search.name or search.queue
        return await self._parts.store.reports.repeat_report(self._intervals(search), search.days, queue)

    async def _lost(self, search: ReportSearch) -> Report:
        return await self._parts.store.reports.lost_report(
            search.since,
            search.until,
            window_s=search.days * DAY_S,
            queue=search.name or search.queue,
        )

    async def _promises(self, search: ReportSearch) -> Report:
        queue = search.name or search.queue
        return await self._parts.store.reports.promise_report(self._intervals(search), queue=queue)

    async def _timeline(self, search: ReportSearch) -> Report:
        return await self._parts.store.reports.timeline_report(
            search.since, search.until, agent=search.name, going_on=self._going_on()
        )

    async def _staffing(self, search: ReportSearch) -> Report:
        parts, settings = self._intervals(search), settings_of(self._config)
        reports, queue = self._parts.store.reports, search.name or search.queue
        callers = await reports.callers(parts, "queue", settings, Names(queues={queue} if queue else ()))
        agents = await reports.agents(parts, settings, going_on=self._going_on())
        rows = staffing(
            parts, callers, agents, settings, serving(self._config), service_level=search.service_level
        )
        columns = tuple(DEFINITIONS[name] for name in COLUMNS["staffing"])
        return Report(kind="staffing", columns=columns, rows=tuple(rows))

    def _names(self, search: ReportSearch, by: str) -> Names:
        queues = {search.queue} if search.queue else set()
        if search.team and not search.queue:
            queues = set(self._team(search).queues or NOBODY)
        if by == "queue" and search.name:
            queues = {search.name}
        return Names(
            queues=queues,
            one="" if by == "queue" else search.name,
            queue_skills={name: queue.skills for name, queue in self._config.queue.items()},
        )

    def _team(self, search: ReportSearch) -> Team:
        teams = teams_of(self._config)
        if search.team not in teams:
            raise UnknownThing(f"no team is called {search.team!r}", hint=f"known are {', '.join(teams)}")
        return teams[search.team]

    def _going_on(self) -> Iterable[AgentInterval]:
        return self._parts.dispatcher.desk.going_on()

    def _intervals(self, search: ReportSearch) -> list[Interval]:
        try:
            length = "day" if search.interval_s == DAY_S else search.interval_s or None
            return intervals(search.since, search.until, length, self._config.general.timezone)
        except ValueError as error:
            raise BadRequest(str(error)) from error


def settings_of(config: Config) -> Settings:
    return Settings(
        service_level_s={name: queue.servicelevel for name, queue in config.queue.items()},
        short_abandon_s={
            name: queue.short_abandon_s for name, queue in config.queue.items() if queue.short_abandon_s
        },
    )


def teams_of(config: Config) -> dict[str, Team]:
    return {name: Team(agents=team.agents, queues=team.queues) for name, team in config.team.items()}


def serving(config: Config) -> dict[str, frozenset[str]]:
    """Who serves each queue: its members, or without any all who have its skills."""
    return {
        name: frozenset(member.agent for member in queue.members)
        or frozenset(
            agent_id
            for agent_id, agent in config.agent.items()
            if all(agent.skills.get(skill, 0) >= level for skill, level in queue.skills.items())
        )
        for name, queue in config.queue.items()
    }


def _column(definition: Definition) -> ReportColumn:
    return ReportColumn(
        **{each.name: getattr(definition, each.name) for each in dataclasses.fields(definition)}
    )
