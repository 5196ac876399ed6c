"""Who hung up right before the process died says so again: until then a peer's 481 tells nothing of who it was.

The process before may have passed a BYE on and died before it was written down or answered. The side that was told of it
knows the dialog no more and answers 481 to whatever is asked in it; the side that hung up repeats its BYE for 64*T1, at
most T2 apart (RFC 3261 section 17.1.2.2). Owns how long is waited for that, for one session from before a restart.
"""

from softswitch.sip.session_layer import SessionLayer
from softswitch.sip.timers import Timer, TimerCallback


class RepeatedBye:
    __slots__ = ("_layer", "_timer", "_until")

    def __init__(self, layer: SessionLayer) -> None:
        self._layer = layer
        self._until = layer.now() + layer.timer_values.timeout
        self._timer: Timer | None = None

    def awaited(self, lost: TimerCallback, now: float) -> bool:
        """The peer says that there is no such dialog. True: `lost` is called when no BYE has come."""
        if now >= self._until:
            return False

        def given_up(now: float) -> None:
            self._until = now
            lost(now)

        if self._timer is None:
            values = self._layer.timer_values
            self._timer = self._layer.timers.start(now + values.t2 + values.t1, given_up)
        return True

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
