"""One request's way along the places its URI stands for: the next one when a place is dead or overloaded.

RFC 3263 section 4.3: a transport failure, a time-out or a 503 leads on to the next place, each time in a transaction of
its own. Whatever else is answered is the answer.
"""

from softswitch.sip.dead_targets import DeadTargets
from softswitch.sip.message import Response
from softswitch.sip.source import Source

MAX_PLACES = 8
"""Tries of one request."""


class TargetWalk:
    __slots__ = ("_choice", "_dead", "_left", "current")

    def __init__(
        self, places: tuple[Source, ...], dead: DeadTargets, now: float, *, elsewhere: bool = False
    ) -> None:
        """`elsewhere`: whoever asks has other servers than these to go to."""
        ordered = dead.ordered(places, now)[:MAX_PLACES] if len(places) > 1 else places
        self._dead = dead
        self._choice = elsewhere or len(ordered) > 1
        """Of an only place it is no use to know that it is dead."""
        self._left = list(ordered[1:])
        self.current: Source | None = ordered[0] if ordered else None

    @property
    def more(self) -> bool:
        return bool(self._left)

    def answered(self, response: Response) -> None:
        """The place lives, whatever it says."""
        if len(self._dead) and self.current is not None and response.status != 503:
            self._dead.alive(self.current)

    def silent(self, reason: str, now: float) -> Source | None:
        """The place did not answer, or cannot be reached: the next one, None when there is none."""
        if self.current is not None and self._choice:
            self._dead.failed(self.current, now, reason=reason)
        return self._next()

    def refused(self, response: Response, now: float) -> Source | None:
        """The next place for an answer that leads on; None when the answer counts."""
        if response.status == 503 and self.current is not None and self._choice:
            pause = retry_after_s(response)
            if pause:
                self._dead.failed(self.current, now, reason="503 with Retry-After", hold_s=pause)
        return self._next() if response.status in (408, 503) else None

    def _next(self) -> Source | None:
        if not self._left:
            return None
        self.current = self._left.pop(0)
        return self.current


def retry_after_s(response: Response) -> float:
    """Seconds of Retry-After; 0 when there is none that can be read."""
    text = (response.headers.get("Retry-After") or "").split(";")[0].split("(")[0].strip(" \t")
    return float(text) if text.isascii() and text.isdigit() and len(text) <= 6 else 0.0
