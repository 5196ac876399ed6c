"""Calls out that may not last for ever (`toll.max_call_s`): one timer each, from the answer to the end of the leg."""

import asyncio
from collections.abc import Callable

from softswitch.ids import LegId


class CallLimits:
    def __init__(self) -> None:
        self.on_over: Callable[[LegId], None] = lambda leg: None
        """Hears of a leg whose time is up."""
        self._timers: dict[LegId, asyncio.TimerHandle] = {}

    def begin(self, leg: LegId, seconds: float) -> None:
        """A second beginning changes nothing: its time runs from the first."""
        if leg not in self._timers:
            self._timers[leg] = asyncio.get_running_loop().call_later(seconds, self._over, leg)

    def end(self, leg: LegId) -> None:
        """The leg is gone, or never had a limit."""
        timer = self._timers.pop(leg, None)
        if timer is not None:
            timer.cancel()

    def _over(self, leg: LegId) -> None:
        del self._timers[leg]
        self.on_over(leg)
