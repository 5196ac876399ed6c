"""Carries out what the sans-IO `SipStack` wants done, on the event loop: messages, deliveries, names to look up, one timer.

A shell: it owns the loop's one timer of SIP and the tasks of DNS. No exception of one message ever reaches another: each is
counted, and logged once for its kind. On the path of every message, so it goes from one to the next without a detour.
"""

import asyncio
import math
from collections.abc import Callable, Coroutine

import structlog

from softswitch.sip.outputs import Deliver, Output, Send
from softswitch.sip.resolver import Resolver
from softswitch.sip.session_layer import LocatedAll
from softswitch.sip.source import Source
from softswitch.sip.stack import SipStack
from softswitch.sip.uri import Uri
from softswitch.sip.wire import Wire

POLLS = 20

_log = structlog.get_logger(__name__)


class StackDriver:
    def __init__(
        self, stack: SipStack, wire: Wire, resolver: Resolver, monotonic: Callable[[], float]
    ) -> None:
        self.on_message: Callable[[bool, bytes, Source], None] | None = None
        """Hears of each message (whether it is ours, its bytes, the peer); it must be quick."""
        self._stack = stack
        self._wire = wire
        self._resolver = resolver
        self._monotonic = monotonic
        self._alarm: asyncio.TimerHandle | None = None
        self._alarm_at = math.inf
        self._performing = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._known_faults: set[str] = set()
        stack.on_output = self.flush

    def receive(self, data: bytes, source: Source, now: float) -> None:
        if self.on_message is not None:
            self.on_message(False, data, source)
        try:
            outputs = self._stack.receive(data, source, now)
        except Exception as error:
            self._fault(error)
            outputs = self._stack.take()
        self._perform(outputs)

    def step(self, step: Callable[[], list[Output]]) -> None:
        """One step of the stack and what it wants done; a fault of ours ends here."""
        try:
            outputs = step()
        except Exception as error:
            self._fault(error)
            outputs = self._stack.take()
        self._perform(outputs)

    def flush(self) -> None:
        """Do what is to be done by now."""
        if not self._performing:
            self._perform(self._stack.take())

    def flush_sends(self) -> None:
        """Messages leave at once; somebody is told something only after whoever calls this has returned."""
        if self._performing:
            return
        if self._stack.only_sends:
            self._perform(self._stack.take())
        else:
            asyncio.get_running_loop().call_soon(self.flush)

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        """A task that ends with `stop` at the latest."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def wait_while(self, busy: Callable[[], object], within_s: float) -> None:
        """Until something is done, but no longer."""
        for _ in range(POLLS):
            if not busy():
                return
            await asyncio.sleep(within_s / POLLS)

    async def stop(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        if self._alarm is not None:
            self._alarm.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def tick(self) -> None:
        """Fire the timers that are due."""
        self._alarm, self._alarm_at = None, math.inf
        self.step(lambda: self._stack.tick(self._monotonic()))

    def _perform(self, outputs: list[Output]) -> None:
        self._performing = True
        try:
            while outputs:
                for output in outputs:
                    if type(output) is Send:
                        if self.on_message is not None:
                            self.on_message(True, output.data, output.destination)
                        self._wire.send(output.data, output.destination)
                    elif type(output) is Deliver:
                        try:
                            output.handler(output.event)
                        except Exception as error:
                            self._fault(error)
                    else:
                        self.spawn(self._look_up(output.uri, output.then))  # type: ignore[union-attr]
                outputs = self._stack.take()
        finally:
            self._performing = False
        if self._stack.timers.first_at < self._alarm_at:
            self._arm()

    async def _look_up(self, uri: Uri, then: LocatedAll) -> None:
        found: list[Source] = []
        try:
            found = await self._resolver.resolve(uri)
        except Exception as error:
            self._fault(error)  # whoever asked is told that it leads nowhere, or he would wait for ever
        self.step(lambda: self._stack.located(then, tuple(found), self._monotonic()))

    def _arm(self) -> None:
        """One timer of the loop for all of SIP. One that nothing waits for any more is left to fire: at a busy switch there
        is always something that is due before."""
        deadline = self._stack.timers.next_deadline()
        if deadline is None or deadline >= self._alarm_at:
            return
        delay = max(0.0, deadline - self._monotonic())
        alarm = asyncio.get_running_loop().call_later(delay, self.tick)
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm, self._alarm_at = alarm, deadline

    def _fault(self, error: Exception) -> None:
        self._stack.stats.faults += 1
        kind = f"{type(error).__name__} {error.__traceback__.tb_lineno if error.__traceback__ else ''}"
        if kind not in self._known_faults:
            self._known_faults.add(kind)
            _log.error(
                "a fault while serving a message; further ones of its kind are only counted", exc_info=error
            )
