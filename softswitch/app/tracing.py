"""The message memory in the running switch: what feeds it, who follows it live, and the ladders kept of failed calls.

A shell around `trace/`. Followers have a bounded queue each, and what does not fit is counted: nobody who reads slowly
holds the switch up.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import structlog

from softswitch.api.trace_views import CallTraceView, TracedView
from softswitch.app.homer import HomerExport
from softswitch.app.kept_ladders import KeptLadders
from softswitch.app.trace_views import LegFacts, call_trace, traced_view
from softswitch.call.routing import codes_with_pin
from softswitch.config import paths
from softswitch.config.schema import Config
from softswitch.facts import CallEnded, LegEnded
from softswitch.ids import CallId
from softswitch.sip.session import Session
from softswitch.trace.following import Following, Wanted
from softswitch.trace.memory import Dialogue, Limits, MessageMemory, Recorded

if TYPE_CHECKING:
    from softswitch.app.parts import Parts

ROUND_S, FOLLOWED_ROUND_S = 1.0, 0.1
QUEUE = 2000
"""Messages that wait for one follower."""
MAX_FOLLOWERS = 16
BEAT_S = 5.0
"""A follower that hears nothing is told so often that we are there."""
LAST_MESSAGES_S = 2.0
"""A call's ending is in the memory only when its last responses have come."""
MAX_FAILED_WAITING = 500
NO_FAILURE = frozenset(
    {
        *("normal", "cancelled", "flow ended", "handed over", "removed from conference"),
        *("hung up by administrator", "shutdown"),
    }
)
"""Causes of ended calls whose ladder nobody will ask for the next day."""

_log = structlog.get_logger(__name__)


class Follower:
    """One who watches live."""

    def __init__(self, wanted: Wanted, waiting: int = QUEUE) -> None:
        self.following = Following(wanted)
        self.dropped = 0
        """Not told yet that so many did not fit."""
        self.queue: deque[tuple[Dialogue, Recorded]] = deque()
        self.closed = False
        self._most = waiting
        self._news = asyncio.Event()

    def hear(self, dialogue: Dialogue, record: Recorded) -> None:
        if not self.following.wants(dialogue, record):
            return
        if len(self.queue) >= self._most:
            self.dropped += 1
            return
        self.queue.append((dialogue, record))
        self._news.set()

    def close(self) -> None:
        self.closed = True
        self._news.set()

    async def wait(self, at_most_s: float) -> None:
        """Until there is something to read."""
        with suppress(TimeoutError):
            async with asyncio.timeout(at_most_s):
                await self._news.wait()
        self._news.clear()


class Tracing:
    """One per switch; without `[trace] messages` nothing is hooked in and everything here is empty."""

    def __init__(self, parts: "Parts") -> None:
        self._parts = parts
        config = parts.services.config
        self.memory = MessageMemory(
            _limits(config), wall=parts.clock.wall, alive=lambda call: CallId(call) in parts.manager.calls
        )
        self.homer = HomerExport(config.capture.homer, self._ends, parts.clock.monotonic)
        self.kept = KeptLadders(paths.state_dir(config) / "ladders")
        self._followers: list[Follower] = []
        self._failed: deque[tuple[float, str]] = deque(maxlen=MAX_FAILED_WAITING)
        self._hook(config)
        parts.bus.subscribe({CallEnded: self._call_ended, LegEnded: self._leg_ended})

    def _hook(self, config: Config) -> None:
        """The one flag that the way of a message looks at, and who hears of each: nobody, mostly."""
        sip, on = self._parts.sip, config.trace.messages > 0
        sip.on_message = self.memory.record if on else None
        sip.on_calling = self.calling if on else None
        listeners = self.memory.listeners
        if self.homer.on and self._export not in listeners:
            listeners.append(self._export)
        elif not self.homer.on and self._export in listeners:
            listeners.remove(self._export)

    def reconfigure(self, config: Config) -> None:
        self.memory.limits = _limits(config)
        self.homer.reconfigure(config.capture.homer)
        self._hook(config)

    # --- what feeds it --------------------------------------------------------------------------------------------------

    def calling(self, session: Session) -> None:
        """A session is a leg of the call that has its line."""
        line = self._parts.services.lines.line(session.leg)
        if line is not None and self.memory.limits.messages:
            self.memory.link(session.call_id, call=line.call, leg=session.leg, party=line.party)

    def _export(self, dialogue: Dialogue, record: Recorded) -> None:
        self.homer.message(dialogue, record, *codes_with_pin(self._parts.services.config))

    def _call_ended(self, fact: CallEnded) -> None:
        if fact.cause not in NO_FAILURE and self._parts.services.config.trace.keep_failed:
            self._failed.append((self._parts.clock.wall() + LAST_MESSAGES_S, fact.call))

    def _leg_ended(self, fact: LegEnded) -> None:
        if self.homer.on:
            self.homer.quality(fact)

    def _ends(self, record: Recorded) -> tuple[tuple[str, int], tuple[str, int]]:
        """Sender and receiver."""
        _, outgoing, _, peer = record
        here, there = self._parts.sip.bound_address(peer), (peer.address, peer.port)
        return (here, there) if outgoing else (there, here)

    async def run(self) -> None:
        """Until it is cancelled."""
        loop = asyncio.get_running_loop()
        swept_at = 0.0
        try:
            while True:
                followed = self._followers or self.homer.on
                await asyncio.sleep(FOLLOWED_ROUND_S if followed else ROUND_S)
                self.memory.settle()
                if loop.time() - swept_at >= ROUND_S:
                    swept_at = loop.time()
                    self.memory.sweep()
                    await self._keep_failed()
        finally:
            self.homer.close()

    async def _keep_failed(self) -> None:
        now, most = self._parts.clock.wall(), self._parts.services.config.trace.keep_failed
        while self._failed and self._failed[0][0] <= now:
            call = self._failed.popleft()[1]
            view = self.live(call)
            if view.messages:
                try:
                    await asyncio.to_thread(self.kept.write, view, most)
                except OSError as error:
                    _log.warning("a ladder cannot be kept", call=call, problem=str(error))

    # --- who looks ------------------------------------------------------------------------------------------------------

    def live(self, call: str) -> CallTraceView:
        """From memory; without messages when nothing is known."""
        found = self._parts.manager.calls.get(CallId(call))
        legs = (
            {leg.session.call_id: leg for leg in found.legs.values() if leg.session}
            if found is not None
            else {}
        )
        also = {name: LegFacts(leg=leg.id, party=leg.party) for name, leg in legs.items()}
        return call_trace(self._parts, call, self.memory.of_call(call, also), also)

    async def of_call(self, call: str) -> CallTraceView:
        view = self.live(call)
        if view.messages:
            return view
        kept = await asyncio.to_thread(self.kept.read, call)
        return kept if kept is not None else view

    async def follow(self, wanted: Wanted) -> AsyncGenerator[TracedView | int | None, None]:
        """Messages as they pass; a number where so many did not fit, None as a sign of life."""
        with self._following(wanted) as follower:
            yield None
            while not follower.closed:
                if not follower.queue:
                    await follower.wait(BEAT_S)
                    if not follower.queue:
                        yield None
                while follower.queue and not follower.closed:
                    dialogue, record = follower.queue.popleft()
                    yield traced_view(self._parts, dialogue, record)
                    if follower.dropped:
                        dropped, follower.dropped = follower.dropped, 0
                        yield dropped

    @contextmanager
    def _following(self, wanted: Wanted) -> Iterator[Follower]:
        follower = Follower(wanted)
        self._followers.append(follower)
        self.memory.listeners.append(follower.hear)
        try:
            yield follower
        finally:
            self.memory.listeners.remove(follower.hear)
            self._followers.remove(follower)

    @property
    def full(self) -> bool:
        """Nobody else can follow now."""
        return len(self._followers) >= MAX_FOLLOWERS

    def close(self) -> None:
        """Those who follow are let go."""
        for follower in self._followers:
            follower.close()


def _limits(config: Config) -> Limits:
    trace = config.trace
    return Limits(messages=trace.messages, bytes=trace.memory_mb << 20, keep_s=trace.keep_s)
