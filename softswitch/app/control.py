"""Carries out what the control API asks: reads through `live` and `past`, acts through the rooms' own methods."""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import structlog

from softswitch.acd.errors import AcdError, Refused
from softswitch.acd.values import AgentStatus
from softswitch.api.control import CdrSearch, RecordingSearch
from softswitch.api.errors import NotPossible, UnknownThing
from softswitch.api.past_views import CdrDetailView, CdrView, RecordingView
from softswitch.api.status_views import StatusView
from softswitch.api.views import (
    AgentView,
    CallDetailView,
    CallView,
    LineView,
    QueueDetailView,
    QueueView,
    RegistrationView,
    ReloadView,
    StopView,
    TrunkView,
)
from softswitch.app import live, past
from softswitch.app.callbacks import CallbackOrders
from softswitch.app.events import EventsOrders
from softswitch.app.feeds import Feeds
from softswitch.app.flow_versions import FlowDesk
from softswitch.app.parts import Parts
from softswitch.app.reload import reload
from softswitch.app.reports import ReportDesk
from softswitch.app.rights import RightsDesk
from softswitch.app.security import SecurityDesk
from softswitch.app.steering import SteeringOrders
from softswitch.app.stream_views import media_ids
from softswitch.app.texting import TextOrders
from softswitch.app.trace_control import TraceOrders
from softswitch.app.trunking import TrunkAnswers
from softswitch.app.voice import VoiceOrders
from softswitch.app.why import WhyDesk
from softswitch.call.desk import Desk
from softswitch.call.events import RecordOrdered
from softswitch.ids import AgentId, EndpointName

RELOAD_REST_S = 1.0
"""Signals ask for a reload no more often than this; the last one is never lost."""

_log = structlog.get_logger(__name__)


class Control:
    """Implements `api.control.SwitchControl`."""

    def __init__(self, parts: Parts, config_path: Path, stopping: asyncio.Event) -> None:
        self._parts = parts
        self._config_path = config_path
        self._stopping = stopping
        self.steering = SteeringOrders(parts)
        self.trunking = TrunkAnswers(parts)
        self.events = EventsOrders(parts)
        self.texts = TextOrders(parts)
        self.voice = VoiceOrders(parts, self.events)
        self.callbacks = CallbackOrders(parts)
        self.flows = FlowDesk(parts)
        self.feed = Feeds(parts)
        self.trace = TraceOrders(parts)
        self.security = SecurityDesk(parts)
        self.why = WhyDesk(parts)
        self.reports = ReportDesk(parts)
        self.rights = RightsDesk(parts)
        self._spawned: set[asyncio.Task[Any]] = set()
        self._reloading = asyncio.Lock()
        self._signalled = asyncio.Lock()
        self._reload_asked = False
        self._reload_not_before = 0.0

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run something that a signal asked for."""
        task = asyncio.get_running_loop().create_task(work)
        self._spawned.add(task)
        task.add_done_callback(self._spawned.discard)

    # --- the switch -----------------------------------------------------------------------------------------------------

    def status(self) -> StatusView:
        return live.status(self._parts)

    def ready(self) -> bool:
        return not self._parts.draining and any(worker.pid for worker in self._parts.media.views())

    async def reload(self) -> ReloadView:
        async with self._reloading:
            return await reload(self._parts, self._config_path)

    def reload_by_signal(self) -> None:
        """Signals that come while a reload is still to begin ask for nothing more."""
        if not self._reload_asked:
            self._reload_asked = True
            self.rights.by_signal("reload")
            self.spawn(self._reload_soon())

    async def _reload_soon(self) -> None:
        loop = asyncio.get_running_loop()
        async with self._signalled:
            await asyncio.sleep(self._reload_not_before - loop.time())
            self._reload_asked = False
            try:
                await self.reload()
            finally:
                self._reload_not_before = loop.time() + RELOAD_REST_S

    async def stop(self, now: bool) -> StopView:
        calls = len(self._parts.manager.calls)
        self._parts.draining = self._parts.dispatcher.callbacks.draining = True
        self._parts.sip.drain(True)
        _log.info("stopping", calls=calls, now=now)
        if now or not calls:
            self._stopping.set()
        else:
            self.spawn(self._drain())
        return StopView(calls=calls, now=now)

    async def _drain(self) -> None:
        await self._parts.manager.drained()
        self._stopping.set()

    # --- calls ----------------------------------------------------------------------------------------------------------

    def calls(self) -> tuple[CallView, ...]:
        return live.calls(self._parts)

    async def call(self, call: str) -> CallDetailView:
        found = live.find_call(self._parts, call)
        stats = await self._parts.media.stats(media_ids(found))
        made = await past.offers_made(self._parts, found.id)
        detail = live.call_detail(self._parts, found, stats)
        return replace(detail, offers=(*made, *detail.offers))

    async def hangup(self, call: str) -> None:
        live.find_call(self._parts, call)
        self._parts.manager.hang_up(call)

    def lines(self) -> tuple[LineView, ...]:
        return live.lines(self._parts)

    def trunks(self) -> tuple[TrunkView, ...]:
        return live.trunks(self._parts)

    def registrations(self) -> tuple[RegistrationView, ...]:
        return live.registrations(self._parts)

    # --- queues and agents ----------------------------------------------------------------------------------------------

    def queues(self) -> tuple[QueueView, ...]:
        return live.queues(self._parts)

    def queue(self, name: str) -> QueueDetailView:
        return live.queue(self._parts, name)

    def agents(self) -> tuple[AgentView, ...]:
        return live.agents(self._parts)

    @property
    def _desk(self) -> Desk:
        return self._parts.dispatcher.desk

    async def agent_login(self, agent: str, endpoint: str) -> AgentView:
        live.agent(self._parts, agent)
        self._require_endpoint(endpoint)
        self._desk.login(AgentId(agent), EndpointName(endpoint) if endpoint else None)
        return live.agent(self._parts, agent)

    async def agent_logout(self, agent: str) -> AgentView:
        live.agent(self._parts, agent)
        self._desk.status(AgentId(agent), AgentStatus.LOGGED_OUT, "")
        return live.agent(self._parts, agent)

    async def agent_pause(self, agent: str, reason: str) -> AgentView:
        if live.agent(self._parts, agent).status == AgentStatus.LOGGED_OUT.value:
            raise NotPossible(f"{agent} is logged out", hint=f"`softswitch agent login {agent}` first")
        try:
            self._desk.status(AgentId(agent), AgentStatus.PAUSED, reason)
        except Refused as error:
            raise NotPossible(str(error), hint="`softswitch agent list` shows who pauses") from error
        return live.agent(self._parts, agent)

    async def agent_resume(self, agent: str) -> AgentView:
        if live.agent(self._parts, agent).status == AgentStatus.LOGGED_OUT.value:
            raise NotPossible(f"{agent} is logged out", hint=f"`softswitch agent login {agent}` first")
        self._desk.resume(AgentId(agent))
        return live.agent(self._parts, agent)

    async def agent_wrapup(self, agent: str, extend_s: float) -> AgentView:
        live.agent(self._parts, agent)
        try:
            self._desk.wrapup(AgentId(agent), extend_s)
        except AcdError as error:
            raise NotPossible(str(error)) from error
        return live.agent(self._parts, agent)

    async def agent_endpoint(self, agent: str, endpoint: str) -> AgentView:
        live.agent(self._parts, agent)
        self._require_endpoint(endpoint)
        self._desk.sit(AgentId(agent), EndpointName(endpoint))
        return live.agent(self._parts, agent)

    def _require_endpoint(self, endpoint: str) -> None:
        if endpoint and endpoint not in self._parts.services.config.endpoint:
            raise UnknownThing(f"no endpoint is called {endpoint!r}", hint="`softswitch lines` lists them")

    # --- recordings and the past ------------------------------------------------------------------------------------------

    async def recordings(self, search: RecordingSearch) -> tuple[RecordingView, ...]:
        return await past.recordings(self._parts, search)

    async def recording(self, recording: str) -> RecordingView:
        return await past.recording(self._parts, recording)

    async def recording_start(self, call: str) -> RecordingView:
        found = live.find_call(self._parts, call)
        if found.stage != "talk":
            raise NotPossible(
                f"call {call} is in stage {found.stage}: nobody talks", hint="try again once it is bridged"
            )
        found.post(RecordOrdered(True))
        await asyncio.sleep(0)  # the call's own task carries it out
        return await self._recording_of(call)

    async def recording_stop(self, call: str) -> RecordingView:
        found = live.find_call(self._parts, call)
        view = await self._recording_of(call)
        found.post(RecordOrdered(False))
        return view

    async def recording_mask(self, call: str, on: bool) -> None:
        self._parts.recordings.mask(live.find_call(self._parts, call), on)

    async def _recording_of(self, call: str) -> RecordingView:
        row = self._parts.recordings.of_call(live.find_call(self._parts, call).id)
        if row is None:
            raise NotPossible(f"call {call} is not being recorded")
        return await past.recording(self._parts, row.recording)

    async def cdrs(self, search: CdrSearch) -> tuple[CdrView, ...]:
        return await past.cdrs(self._parts, search)

    async def cdr(self, call: str) -> CdrDetailView:
        return await past.cdr(self._parts, call)
