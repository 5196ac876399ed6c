"""The one heap of everything that happens by time: ring, wait, wrap-up, rest and announcement timers.

A cancelled timer stays in the heap until it comes up or until dead ones are the greater part (lazy deletion). It lets go
of its subject at once, so that callers who left are freed without waiting for the garbage collector.
"""

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Any, TypeVar

from softswitch.acd.values import Decision

Subject = TypeVar("Subject")
Fire = Callable[[Subject, float, list[Decision]], None]

_SMALL = 256
"""Heaps below this size are not worth cleaning."""


class Timer:
    """Handle of one armed timer; plain slots, since each offer makes one."""

    __slots__ = ("due", "fire", "live", "subject")

    def __init__(self, due: float, fire: Fire[Any], subject: Any) -> None:
        self.due = due
        self.fire = fire
        self.subject = subject
        self.live = True

    def __repr__(self) -> str:
        return f"<Timer {self.due:.3f} {'live' if self.live else 'dead'} of {self.subject!r}>"


class Timers:
    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        self._serial = 0
        self._dead = 0

    def at(self, due: float, fire: Fire[Subject], subject: Subject) -> Timer:
        """Call `fire(subject, now, out)` once `due` has come."""
        timer = Timer(due, fire, subject)
        self._serial += 1
        heappush(self._heap, (due, self._serial, timer))
        return timer

    def cancel(self, timer: Timer | None) -> None:
        """Nothing happens to a timer that has fired or was cancelled before."""
        if timer is None or not timer.live:
            return
        timer.live = False
        timer.subject = None
        self._dead += 1
        if self._dead > _SMALL and self._dead * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].live]
            heapify(self._heap)
            self._dead = 0

    def next_due(self) -> float | None:
        heap = self._heap
        while heap and not heap[0][2].live:
            heappop(heap)
            self._dead -= 1
        return heap[0][0] if heap else None

    def run(self, now: float, out: list[Decision]) -> None:
        """Fire what is due, in order; what is armed meanwhile waits for the next run, so a run always ends."""
        due: list[Timer] = []
        heap = self._heap
        while heap and heap[0][0] <= now:
            timer = heappop(heap)[2]
            if timer.live:
                due.append(timer)
            else:
                self._dead -= 1
        self._dead += len(due)
        for timer in due:
            self._dead -= 1
            if timer.live:
                subject, timer.subject = timer.subject, None
                timer.live = False
                timer.fire(subject, now, out)
