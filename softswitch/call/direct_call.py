"""Calls whose ends talk to each other directly: seen from outside, written down like any other.

Each has one CDR, committed before the INVITE goes on and before the response that ends it goes back; both phones have a
line as long as it lasts, so that agents are busy and limits hold. Its media never comes by: there is nothing to hear,
record or transfer here.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Protocol

import structlog

from softswitch.call.lines import Line
from softswitch.call.services import Services
from softswitch.call.termination import (
    CALLEE_HUNG_UP,
    CALLER_CANCELLED,
    CALLER_HUNG_UP,
    SESSION_EXPIRED,
    SHUTDOWN,
    Termination,
    refused,
)
from softswitch.errors import PeerError
from softswitch.facts import CallArrived, CallEnded
from softswitch.ids import CallId
from softswitch.sip.message import Request
from softswitch.sip.proxied_call import CallEnding, ProxiedCall
from softswitch.sip.replaces import replaces_of
from softswitch.store.rows import CallFinished, CallStarted

_log = structlog.get_logger(__name__)
STAGE = "direct"
"""`last_stage` of such a CDR."""


class ProxiedCalls(Protocol):
    def knows(self, call_id: str) -> bool: ...


class DirectCalls:
    """All of them."""

    def __init__(self, services: Services, proxied: ProxiedCalls) -> None:
        self._services = services
        self._proxied = proxied
        self.live: dict[CallId, DirectCall] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.total = 0
        """Since the switch started."""

    def begin(self, call: ProxiedCall) -> None:
        direct = DirectCall(self._services, call, self._ended)
        self.live[direct.id] = direct
        self.total += 1
        call.listener = direct
        self.spawn(direct.start(), f"call {direct.id}")

    def replaces(self, request: Request) -> bool:
        """Whether the INVITE takes the place of a party of such a call: then its phones settle it."""
        try:
            replaces = replaces_of(request)
        except PeerError:
            return False
        return replaces is not None and self._proxied.knows(replaces.call_id)

    async def stop(self) -> None:
        """Write down those that go on without us."""
        for direct in list(self.live.values()):
            direct.cut(SHUTDOWN)
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def spawn(self, work: Coroutine[None, None, None], name: str) -> None:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _ended(self, direct: "DirectCall", work: Coroutine[None, None, None]) -> None:
        self.live.pop(direct.id, None)
        self.spawn(work, f"call {direct.id}")


class DirectCall:
    """Implements `sip.proxied_call.CallListener`."""

    def __init__(
        self,
        services: Services,
        call: ProxiedCall,
        on_end: "Callable[[DirectCall, Coroutine[None, None, None]], None]",
    ) -> None:
        self._services = services
        self._call = call
        self._on_end = on_end
        self.id = services.new_call()
        self.source = f"{call.identity.kind}:{call.identity.name}"
        self.dnis = call.request.uri.user
        self.party = ""
        """Who rings, then who answered."""
        self._started = services.clock.wall()
        self._answered: float | None = None
        self._caller_leg, self._callee_leg = services.new_leg(), services.new_leg()
        self._over = False

    # --- its course ----------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Its start is committed, then it goes on."""
        services, request = self._services, self._call.request
        services.lines.seize(Line(self._caller_leg, self.id, self.source, queue_call=False, incoming=True))
        services.bus.publish(
            CallArrived(
                call=self.id,
                ani=self._call.identity.name,
                dnis=self.dnis,
                source=self.source,
                wall=services.clock.wall(),
                monotonic=services.clock.monotonic(),
            )
        )
        await services.store.call_started(
            CallStarted(
                call=self.id,
                node=services.node,
                started=self._started,
                source=self.source,
                ani=self._call.identity.name,
                ani_name=request.from_.display_name,
                dnis=self.dnis,
                sip_call_id=request.call_id,
            )
        )
        self._call.go(services.clock.monotonic())

    def ringing(self, party: str) -> None:
        self._take_line(party)
        for leg in (self._caller_leg, self._callee_leg):
            self._services.lines.ringing(leg, None)

    def answered(self, party: str) -> None:
        self._take_line(party)
        self._answered = self._services.clock.wall()
        for leg in (self._caller_leg, self._callee_leg):
            self._services.lines.talking(leg)

    def over(self, ending: CallEnding, then: Callable[[], None]) -> None:
        self._end(_termination(ending, answered=self._answered is not None), then)

    def cut(self, termination: Termination) -> None:
        """We stop; the phones go on."""
        self._end(termination, lambda: None)

    # --- inside ----------------------------------------------------------------------------------------

    def _take_line(self, party: str) -> None:
        lines = self._services.lines
        if party == self.party:
            return
        if self.party:
            lines.free(self._callee_leg)
        self.party = party
        lines.seize(Line(self._callee_leg, self.id, party, queue_call=False))

    def _end(self, termination: Termination, then: Callable[[], None]) -> None:
        if self._over:
            then()
            return
        self._over = True
        lines = self._services.lines
        lines.free(self._caller_leg)
        if self.party:
            lines.free(self._callee_leg)
        self._on_end(self, self._write(termination, self._services.clock.wall(), then))

    async def _write(self, termination: Termination, ended: float, then: Callable[[], None]) -> None:
        services = self._services
        talk_s = max(0.0, ended - self._answered) if self._answered is not None else 0.0
        await services.store.call_finished(
            CallFinished(
                call=self.id,
                ended=ended,
                answered=self._answered,
                bridged=self._answered,
                ended_by=termination.by.value,
                cause=termination.cause.value,
                sip_status=200 if self._answered is not None else termination.sip_status,
                last_stage=STAGE,
                queue=None,
                wait_s=0.0,
                agent=None,
                destination=self.party,
                talk_s=talk_s,
                hold_s=0.0,
                recording=None,
                packets_in=0,
                packets_lost=0,
                jitter_ms=0.0,
                labels={"media": "direct"},
            )
        )
        then()
        _log.info("direct call ended", call=self.id, by=termination.by.value, cause=termination.cause.value)
        services.bus.publish(
            CallEnded(
                call=self.id,
                by=termination.by.value,
                cause=termination.cause.value,
                sip_status=termination.sip_status,
                source=self.source,
                talk_s=talk_s,
                wall=ended,
                monotonic=services.clock.monotonic(),
            )
        )


def _termination(ending: CallEnding, *, answered: bool) -> Termination:
    if ending.expired:
        return SESSION_EXPIRED
    if answered:
        return CALLER_HUNG_UP if ending.by == "caller" else CALLEE_HUNG_UP
    if ending.by == "caller":
        return CALLER_CANCELLED
    return refused(ending.status, local=ending.by == "switch", reason=ending.reason)
