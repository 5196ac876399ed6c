"""Proves that the timer heap fires in order, once, never what was cancelled, and survives a callback that raises; the same
of those who share a timer.

Does not prove anything about which timers SIP starts; `test_transactions.py` does.
"""

import pytest

from softswitch.sip.timers import TimerHeap, TimerValues


def test_fires_in_order_of_time_then_of_start() -> None:
    heap, fired = TimerHeap(), []
    for at, name in ((2.0, "c"), (1.0, "a"), (1.0, "b"), (3.0, "d")):
        heap.start(at, lambda now, name=name: fired.append((name, now)))
    assert heap.next_deadline() == 1.0
    assert heap.fire(2.5) == 3
    assert fired == [("a", 2.5), ("b", 2.5), ("c", 2.5)]
    assert heap.next_deadline() == 3.0


def test_a_cancelled_timer_never_fires_and_leaves_no_trace() -> None:
    heap, fired = TimerHeap(), []
    timers = [heap.start(float(at), fired.append) for at in range(1000)]
    for timer in timers[:999]:
        timer.cancel()
        timer.cancel()
    assert len(heap) == 1
    assert len(heap._entries) < 600
    assert heap.next_deadline() == 999.0
    assert heap.fire(2000.0) == 1
    assert fired == [2000.0]
    timers[999].cancel()
    assert len(heap) == 0
    assert heap.next_deadline() is None


def test_a_timer_started_while_firing_waits_for_the_next_call() -> None:
    heap, fired = TimerHeap(), []

    def again(now: float) -> None:
        fired.append(now)
        heap.start(now, again)

    heap.start(1.0, again)
    assert heap.fire(1.0) == 1
    assert heap.fire(1.0) == 1
    assert fired == [1.0, 1.0]


def test_one_callback_that_raises_takes_no_other_with_it() -> None:
    heap, fired = TimerHeap(), []

    def broken(now: float) -> None:
        raise ZeroDivisionError

    heap.start(1.0, broken)
    heap.start(1.0, fired.append)
    with pytest.raises(ZeroDivisionError):
        heap.fire(1.0)
    assert heap.fire(1.0) == 1
    assert fired == [1.0]


class Waiting:
    def __init__(self, fired: list[float], *, raises: bool = False) -> None:
        self.fired, self.raises = fired, raises

    def due(self, now: float) -> None:
        if self.raises:
            self.raises = False
            raise ZeroDivisionError
        self.fired.append(now)


def test_those_who_wait_for_the_same_time_share_a_timer() -> None:
    heap, fired = TimerHeap(), list[float]()
    first, second, third = (Waiting(fired) for _ in range(3))
    for one in (first, second, third):
        heap.wait_together(1.0, one)
    assert len(heap) == 1 and heap.next_deadline() == 1.0
    heap.wait_no_longer(1.0, second)
    heap.wait_no_longer(2.0, third)
    assert heap.fire(0.9) == 0 and heap.fire(1.5) == 1
    assert fired == [1.5, 1.5] and not len(heap)
    heap.wait_together(2.0, first)
    heap.wait_no_longer(2.0, first)
    assert not len(heap) and heap.next_deadline() is None


def test_one_that_raises_leaves_those_who_wait_with_it_for_the_next_call() -> None:
    heap, fired = TimerHeap(), list[float]()
    for one in (Waiting(fired), Waiting(fired, raises=True), Waiting(fired)):
        heap.wait_together(1.0, one)
    with pytest.raises(ZeroDivisionError):
        heap.fire(1.0)
    assert fired == [1.0] and len(heap) == 1
    heap.fire(2.0)
    assert fired == [1.0, 2.0] and not len(heap)


def test_derived_values_are_those_of_the_table_of_timers() -> None:
    values = TimerValues()
    assert (values.timeout, values.timer_d) == (32.0, 32.0)
    assert TimerValues(t1=0.1).timer_d == 32.0
