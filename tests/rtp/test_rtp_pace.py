"""Proves on numbers alone that ticks are short while there is little to do, grow with work and never beyond the bound.

Does not prove what a tick costs; `benchmarks/media_relay.py` measures it.
"""

import pytest

from softswitch.rtp.pace import COARSE_S, FINE_S, Pace


def settled(work_per_s: float, fixed_s: float = 0.0003) -> float:
    """The tick of a worker that has a fixed price for each and so much work a second besides."""
    pace = Pace()
    for _ in range(2000):
        pace.worked(fixed_s + work_per_s * pace.tick_s)
    return pace.tick_s


def test_an_idle_worker_ticks_finely() -> None:
    assert Pace().tick_s == FINE_S
    assert settled(0.05) == FINE_S


@pytest.mark.parametrize("work", [0.3, 0.6, 2.0])
def test_a_busy_worker_ticks_as_coarsely_as_it_may(work: float) -> None:
    assert settled(work) == COARSE_S


def test_ticks_grow_with_work() -> None:
    assert settled(0.15) <= settled(0.2) <= settled(0.25)


def test_one_long_tick_changes_little() -> None:
    pace = Pace()
    for _ in range(100):
        pace.worked(0.0005)
    pace.worked(0.02)
    assert pace.tick_s == FINE_S


def test_what_was_stretched_comes_back() -> None:
    pace = Pace()
    for _ in range(300):
        pace.worked(0.01)
    assert pace.tick_s == COARSE_S
    for _ in range(300):
        pace.worked(0.0003)
    assert pace.tick_s == FINE_S
