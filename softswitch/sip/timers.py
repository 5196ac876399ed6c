"""The one heap of all SIP timers, and the values T1, T2, T4 they are made of (RFC 3261 section 17.1.1.1, appendix A).

Owns when something is due; time itself comes in as `now`. A cancelled timer stays in the heap until it would have been
due, or until cancelled ones are the majority, so that cancelling costs nothing. What waits for the very same time and is
hardly ever called off shares one timer.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import Any, Protocol, TypeVar

TimerCallback = Callable[[float], None]
What = TypeVar("What")

_COMPACT_ABOVE = 256
_AT, _SERIAL, _CALLBACK, _HEAP, _WHAT = range(5)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerValues:
    t1: float = 0.5
    """Estimate of the round trip."""
    t2: float = 4.0
    """Longest interval between retransmissions of non-INVITE requests and INVITE responses."""
    t4: float = 5.0
    """How long a message can stay in the network."""
    target: float = 4.0
    """How long one of several places may be silent before the next is tried (RFC 3263 section 4.3)."""

    @property
    def timeout(self) -> float:
        """64*T1: timers B, F, H, J, L and M, and how long a 2xx waits for its ACK."""
        return 64 * self.t1

    @property
    def timer_d(self) -> float:
        """At least 32 s over UDP, whatever T1 is (RFC 3261 section 17.1.1.2)."""
        return max(32.0, 64 * self.t1)


class Timer(list[Any]):
    """Something due: the time, a serial number, whom to call (None: cancelled, or fired), its heap and, for whoever has
    several, what is due. An entry of the heap itself, since one is made for every message."""

    __slots__ = ()

    @property
    def what(self) -> Any:
        """What is due, of a timer that `start_one` has made."""
        return self[_WHAT]

    def cancel(self) -> None:
        """Never fire; cancelling twice, or after firing, does nothing."""
        if self[_CALLBACK] is not None:
            self[_CALLBACK] = None
            self[_HEAP].cancelled()


class Waiting(Protocol):
    def due(self, now: float) -> None: ...


class TimerHeap:
    """All timers of one stack, by time; equal times fire in the order they were started."""

    __slots__ = ("_entries", "_live", "_serial", "_together")

    def __init__(self) -> None:
        self._entries: list[Timer] = []
        self._serial = 0
        self._live = 0
        self._together: dict[float, Timer] = {}
        """By the time that many wait for; what is due is that time, and those who wait for it."""

    def __len__(self) -> int:
        return self._live

    def start(self, at: float, callback: TimerCallback) -> Timer:
        """Call `callback(now)` at the first `fire` with now >= `at`."""
        self._serial += 1
        self._live += 1
        timer = Timer((at, self._serial, callback, self))
        heappush(self._entries, timer)
        return timer

    def start_one(self, at: float, callback: Callable[[What, float], None], what: What) -> Timer:
        """As `start`, for one of several things that are due to somebody: calls `callback(what, now)`."""
        self._serial += 1
        self._live += 1
        timer = Timer((at, self._serial, callback, self, what))
        heappush(self._entries, timer)
        return timer

    def wait_together(self, at: float, one: Waiting) -> None:
        """Call `one.due(now)` at `at`, by the one timer of all that wait for that very time."""
        timer = self._together.get(at)
        if timer is None:
            timer = self._together[at] = self.start_one(at, self._all_due, (at, []))
        timer[_WHAT][1].append(one)

    def wait_no_longer(self, at: float, one: Waiting) -> None:
        """Nothing for one that does not wait for `at`."""
        timer = self._together.get(at)
        if timer is not None and one in timer[_WHAT][1]:
            timer[_WHAT][1].remove(one)
            if not timer[_WHAT][1]:
                del self._together[at]
                timer.cancel()

    def _all_due(self, together: tuple[float, list[Waiting]], now: float) -> None:
        """When one raises, the others wait for the next call."""
        at, waiting = together
        del self._together[at]
        waiting.reverse()
        try:
            while waiting:
                waiting.pop().due(now)
        finally:
            for one in reversed(waiting):
                self.wait_together(at, one)

    @property
    def first_at(self) -> float:
        """Nothing is due before that; infinity while nothing waits."""
        return self._entries[0][_AT] if self._entries else math.inf

    def next_deadline(self) -> float | None:
        """When `fire` should be called next; None while nothing is running."""
        entries = self._entries
        while entries:
            first = entries[0]
            if first[_CALLBACK] is not None:
                at: float = first[_AT]
                return at
            heappop(entries)
        return None

    def fire(self, now: float) -> int:
        """Call what is due; a timer started meanwhile waits for the next call, so that this always ends. When a
        callback raises, the others are still there for the next call."""
        last, fired = self._serial, 0
        while self._entries:
            timer = self._entries[0]
            if timer[_AT] > now or timer[_SERIAL] > last:
                break
            heappop(self._entries)
            callback = timer[_CALLBACK]
            if callback is not None:
                timer[_CALLBACK] = None
                self._live -= 1
                fired += 1
                if len(timer) > _WHAT:
                    callback(timer[_WHAT], now)
                else:
                    callback(now)
        return fired

    def cancelled(self) -> None:
        """Called by `Timer.cancel`: drops the cancelled ones once they are the majority."""
        self._live -= 1
        if len(self._entries) > 2 * self._live + _COMPACT_ABOVE:
            self._entries = [entry for entry in self._entries if entry[_CALLBACK] is not None]
            heapify(self._entries)
