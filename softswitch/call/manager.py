"""Every live call: admission, the tasks that tell their stories, reports of the media workers, drain and stop."""

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any

import structlog

from softswitch.call.call import Call
from softswitch.call.leg import Leg
from softswitch.call.lines import Line
from softswitch.call.orders import ReturnOrdered
from softswitch.call.party import codecs_of
from softswitch.call.revival import Revived, go_on
from softswitch.call.room import Room
from softswitch.call.services import Services
from softswitch.call.stages import Arrive, Stage
from softswitch.call.story import tell
from softswitch.call.termination import ADMIN_HUNG_UP, MEDIA_LOST, SHUTDOWN, TOO_LONG
from softswitch.errors import PeerError
from softswitch.facts import MediaWorkerDied
from softswitch.ids import CallId, LegId, WorkerId
from softswitch.rtp.reports import (
    CommandRefused,
    DigitPressed,
    PeerSilent,
    PlayEnded,
    QualityAlarm,
    RecordingEnded,
    Report,
)
from softswitch.rtp.seating import OpenedLeg
from softswitch.sip.identity import Identity
from softswitch.sip.session import Session

_log = structlog.get_logger(__name__)


class UnknownCall(PeerError):
    sip_status = 404


class CallManager:
    def __init__(self, services: Services, room: Room) -> None:
        self._services = services
        self._room = room
        self._calls = room.calls
        self._tasks: dict[CallId, asyncio.Task[object]] = {}
        self._empty = asyncio.Event()
        self._empty.set()
        services.trunking.limits.on_over = self._too_long
        room.dispatcher.callbacks.begin = self.call_back
        self.total = 0
        """Calls since the switch started."""

    @property
    def calls(self) -> Mapping[CallId, Call]:
        return self._calls

    def call(self, call: str) -> Call:
        found = self._calls.get(CallId(call))
        if found is None:
            raise UnknownCall(f"no live call is called {call!r}")
        return found

    # --- arrival ------------------------------------------------------------------------------------------------------

    def on_invite(self, session: Session, identity: Identity) -> None:
        """A new INVITE of somebody we know; 100 has been sent."""
        services = self._services
        if len(self._calls) >= services.config.general.max_calls:
            session.reject(503, headers=(("Retry-After", "5"),))
            return
        party = f"{identity.kind}:{identity.name}"
        leg = Leg(
            services,
            session.leg,
            party=party,
            direction="in",
            codecs=codecs_of(services.config, party),
        )
        leg.session = session
        session.on_event = leg.on_session_event
        call = Call(services, services.new_call(), identity, leg)
        call.beside = services.lines.seize(Line(leg.id, call.id, party, queue_call=False, incoming=True)) - 1
        self._calls[call.id] = call
        self.total += 1
        self._begin(call, tell(self._room, call, Arrive()))

    def call_back(self, call: Call, stage: Stage) -> None:
        """A call that the switch makes itself."""
        self._calls[call.id] = call
        self.total += 1
        self._begin(call, tell(self._room, call, stage))

    def go_on(self, revived: Revived) -> None:
        """A call from before a restart."""
        self._begin(revived.call, go_on(self._room, revived))

    def _begin(self, call: Call, story: Coroutine[Any, Any, object]) -> None:
        self._empty.clear()
        run = self._run(call, story)
        self._tasks[call.id] = asyncio.get_running_loop().create_task(run, name=f"call {call.id}")

    async def _run(self, call: Call, story: Coroutine[Any, Any, object]) -> None:
        try:
            await story
        except Exception:
            call.log.exception("a call could not be taken down")
        finally:
            del self._calls[call.id], self._tasks[call.id]
            call.let_go()
            if not self._calls:
                self._empty.set()

    # --- media workers ------------------------------------------------------------------------------------------------

    def on_media_report(self, worker: WorkerId, report: Report) -> None:
        if isinstance(report, DigitPressed | PlayEnded | PeerSilent):
            leg = self._services.legs.get(report.leg)
            if leg is not None:
                leg.on_media_report(report)
        elif isinstance(report, QualityAlarm):
            for call in self._calls_of(frozenset({report.leg})):
                self._services.audio.on_report(call, report)
        elif isinstance(report, RecordingEnded):
            self._room.recordings.on_report(report.report)
        elif isinstance(report, CommandRefused):
            _log.warning(
                "refused by the media worker", command=report.command, leg=report.leg, problem=report.problem
            )

    def on_worker_died(self, worker: WorkerId, pid: int, legs: frozenset[LegId]) -> None:
        """The pool opens its legs again; what becomes of each comes to `on_legs_moved` or `on_legs_lost`."""
        services = self._services
        _log.error("media worker died", worker=worker, pid=pid, legs=len(legs))
        moving = frozenset(call.id for call in self._calls_of(legs))
        self._room.recordings.lost(worker, "the media worker died", but=moving)
        services.bus.publish(
            MediaWorkerDied(
                worker=worker,
                pid=pid,
                legs=len(legs),
                wall=services.clock.wall(),
                monotonic=services.clock.monotonic(),
            )
        )

    def on_legs_moved(self, opened: tuple[OpenedLeg, ...]) -> None:
        """They are at new ports, and have been told all again but for the recordings; their peers are told now."""
        for each in opened:
            leg = self._services.legs.get(each.leg)
            if leg is not None:
                leg.moved(each)
        for call in self._calls_of(frozenset(each.leg for each in opened)):
            call.log.warning("media moved to another worker", worker=opened[0].worker)
            self._room.recordings.go_on(call, opened[0].worker)

    def on_legs_lost(self, worker: WorkerId, legs: frozenset[LegId]) -> None:
        """Nobody could open them again: their calls end with a clear cause."""
        self._room.supervisions.legs_lost(legs)
        for call in self._calls_of(legs):
            self._room.recordings.give_up(call, "the media worker died")
            call.stop(MEDIA_LOST)
        for leg in legs:
            ringing, line = self._services.legs.get(leg), self._services.lines.line(leg)
            owner = self._calls.get(line.call) if line is not None else None
            if ringing is not None and ringing.on_lost is not None and (owner is None or owner.over is None):
                ringing.on_lost()

    def _calls_of(self, legs: frozenset[LegId]) -> list[Call]:
        return [
            call for call in self._calls.values() if call.caller.id in legs or not legs.isdisjoint(call.legs)
        ]

    # --- cost ---------------------------------------------------------------------------------------------------------

    def _too_long(self, leg: LegId) -> None:
        """A call out has lasted as long as it may; whom somebody only consults goes alone."""
        line = self._services.lines.line(leg)
        call = self._calls.get(line.call) if line is not None else None
        if call is None:
            return
        call.log.warning("ended by the toll guard: it lasted too long", leg=leg)
        talk = self._room.talks.get(call.id)
        if talk is not None and talk.consult is not None and talk.consult.leg.id == leg:
            call.post(ReturnOrdered())
        else:
            call.stop(TOO_LONG)

    # --- people in charge ---------------------------------------------------------------------------------------------

    def hang_up(self, call: str) -> None:
        self.call(call).stop(ADMIN_HUNG_UP)

    async def drained(self) -> None:
        """Returns when the last call has ended."""
        await self._empty.wait()

    async def stop(self, within_s: float) -> None:
        """End every call now; those whose end takes longer are cut."""
        self._room.dispatcher.callbacks.draining = True
        for call in list(self._calls.values()):
            call.stop(SHUTDOWN)
        try:
            await asyncio.wait_for(self._empty.wait(), within_s)
        except TimeoutError:
            for task in list(self._tasks.values()):
                task.cancel()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)
