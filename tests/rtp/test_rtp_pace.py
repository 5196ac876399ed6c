"""Proves on numbers alone that ticks are short while there is little to do, grow with work, and with it never beyond the
bound while the work leaves that much time.

Does not prove what a tick costs; `benchmarks/media_relay.py` measures it.
"""

import pytest

from softswitch.rtp.pace import FINE_S, LONGEST_S, Pace


def settled(work_per_s: float, fixed_s: float = 0.0003) -> float:
    """The tick of a worker that has a fixed price for each and so much work a second besides."""
    pace = Pace()
    for _ in range(2000):
        pace.worked(fixed_s + work_per_s * pace.tick_s)
    return pace.tick_s


def test_an_idle_worker_ticks_finely() -> None:
    assert Pace().tick_s == FINE_S
    assert settled(0.05) == FINE_S


@pytest.mark.parametrize("work", [0.3, 0.5])
def test_a_busy_worker_keeps_tick_and_work_within_the_bound(work: float) -> None:
    tick = settled(work)
    assert FINE_S < tick < LONGEST_S
    assert tick + 0.0003 + work * tick == pytest.approx(LONGEST_S, rel=0.01)


def test_a_worker_at_its_limit_ticks_finely_again() -> None:
    assert settled(0.9) == FINE_S


def test_ticks_grow_with_work() -> None:
    assert settled(0.15) <= settled(0.18) <= settled(0.2)


def test_one_long_tick_changes_little() -> None:
    pace = Pace()
    for _ in range(100):
        pace.worked(0.0005)
    pace.worked(0.02)
    assert pace.tick_s == FINE_S


def test_what_was_stretched_comes_back() -> None:
    pace = Pace()
    for _ in range(300):
        pace.worked(0.002)
    assert pace.tick_s == pytest.approx(LONGEST_S - 0.002, rel=0.01)
    for _ in range(300):
        pace.worked(0.0003)
    assert pace.tick_s == FINE_S
