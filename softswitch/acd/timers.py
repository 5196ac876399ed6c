"""Everything that happens by time: ring, wait, wrap-up, rest and announcement timers.

They stand in slots of one second each. Most are cancelled long before they are due, so a slot is put in order only when it
is the next one; until then arming and cancelling touch nothing but the timer itself, however many there are. A cancelled
timer lets go of its subject at once, so that callers who left are freed without waiting for the garbage collector.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from itertools import count
from typing import Any, TypeVar

from softswitch.acd.values import Decision

Subject = TypeVar("Subject")
Fire = Callable[[Subject, float, list[Decision]], None]

_SMALL = 256
"""Heaps below this size are not worth cleaning."""
_LAST = 1 << 62
"""The slot of whatever comes later than any other, or never."""


class Timer:
    """Handle of one armed timer; plain slots, since each offer makes one."""

    __slots__ = ("due", "fire", "live", "serial", "slot", "subject")

    def __init__(self, due: float, fire: Fire[Any], subject: Any, serial: int, slot: Slot) -> None:
        self.due = due
        self.fire = fire
        self.subject = subject
        self.serial = serial
        self.slot: Slot | None = slot
        self.live = True

    def __repr__(self) -> str:
        return f"<Timer {self.due:.3f} {'live' if self.live else 'dead'} of {self.subject!r}>"


class Slot:
    """The timers of one second, and their order once somebody has asked for it."""

    __slots__ = ("armed", "heap")

    def __init__(self) -> None:
        self.armed: set[Timer] = set()
        self.heap: list[tuple[float, int, Timer]] | None = None
        """Cancelled ones stay in it until they come up or are the greater part."""

    def add_in_order(self, timer: Timer) -> None:
        if self.heap is None or len(self.heap) > max(_SMALL, 2 * len(self.armed)):
            self.heap = None
        else:
            heappush(self.heap, (timer.due, timer.serial, timer))

    def first(self) -> Timer | None:
        heap = self.heap
        if heap is None:
            heap = self.heap = [(timer.due, timer.serial, timer) for timer in self.armed]
            heapify(heap)
        while heap and not heap[0][2].live:
            heappop(heap)
        return heap[0][2] if heap else None

    def take(self, timer: Timer) -> None:
        """It is due; cancelled or not, it is kept here no more."""
        self.armed.remove(timer)
        timer.slot = None
        if self.heap is not None:
            heappop(self.heap)


class Timers:
    def __init__(self) -> None:
        self._slots: dict[int, Slot] = {}
        self._seconds: list[int] = []
        """Heap of the keys of `_slots`."""
        self._serials = count()

    def __len__(self) -> int:
        """Whatever is kept, cancelled ones included."""
        return sum(max(len(slot.armed), len(slot.heap or ())) for slot in self._slots.values())

    def at(self, due: float, fire: Fire[Subject], subject: Subject) -> Timer:
        """Call `fire(subject, now, out)` once `due` has come."""
        second = int(due) if due < _LAST else _LAST
        slot = self._slots.get(second)
        if slot is None:
            slot = self._slots[second] = Slot()
            heappush(self._seconds, second)
        timer = Timer(due, fire, subject, next(self._serials), slot)
        slot.armed.add(timer)
        if slot.heap is not None:
            slot.add_in_order(timer)
        return timer

    def cancel(self, timer: Timer | None) -> None:
        """Nothing happens to a timer that has fired or was cancelled before."""
        if timer is None or not timer.live:
            return
        timer.live = False
        timer.subject = None
        if timer.slot is not None:
            timer.slot.armed.remove(timer)
            timer.slot = None

    def next_due(self) -> float | None:
        timer = self._first()
        return None if timer is None else timer.due

    def _first(self) -> Timer | None:
        while self._seconds:
            timer = self._slots[self._seconds[0]].first()
            if timer is not None:
                return timer
            del self._slots[heappop(self._seconds)]
        return None

    def run(self, now: float, out: list[Decision]) -> None:
        """Fire what is due, in order; what is armed meanwhile waits for the next run, so a run always ends."""
        due: list[Timer] = []
        while (timer := self._first()) is not None and timer.due <= now:
            self._slots[self._seconds[0]].take(timer)
            due.append(timer)
        for timer in due:
            if timer.live:
                subject, timer.subject = timer.subject, None
                timer.live = False
                timer.fire(subject, now, out)
