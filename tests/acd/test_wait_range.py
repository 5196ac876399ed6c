"""Proves waits as ranges: the distribution against sums of drawn waits, rounding outward, learning from what came, rivals
of other queues, skills apart, and that on simulated days at least four of five callers come within what they were told.

Does not prove that people find the ranges short enough to be of use; `benchmarks/promises.py` prints how long they are.
"""

import random
from itertools import pairwise
from math import inf

import pytest
from acd_floor import Floor, members
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.generated_day import Nature, generated
from benchmarks.promises import kept
from softswitch.acd.calibration import Calibration
from softswitch.acd.estimate import waiting_time
from softswitch.acd.experience import Experience
from softswitch.acd.promises import Kept, Promise, first_of_each, promise_figures
from softswitch.acd.scenario import plan
from softswitch.acd.simulation import Simulation
from softswitch.acd.wait_range import WaitDistribution, WaitRange
from softswitch.config.queues import Queue
from softswitch.ids import CallId, QueueName


@settings(deadline=None)
@given(st.floats(1, 5000), st.floats(0.05, 1.2), st.floats(0.02, 0.98))
def test_share_and_quantile_are_each_others_inverse(mean: float, spread: float, share: float) -> None:
    wait = WaitDistribution(mean, mean * spread)
    found = wait.quantile(share)
    if found > 0:
        assert wait.share_below(found) == pytest.approx(share, abs=1e-6)


@pytest.mark.parametrize("ahead", [0, 1, 4, 30, 200])
@pytest.mark.parametrize("leaving", [0.0, 0.004])
def test_the_distribution_is_that_of_the_sum_of_the_steps(ahead: int, leaving: float) -> None:
    """Against draws; the doubt that is added about the mean itself is taken out by comparing in the middle and widely."""
    rate, draw = 0.05, random.Random(ahead)
    sums = sorted(sum(draw.expovariate(rate + m * leaving) for m in range(ahead + 1)) for _ in range(3000))
    wait = waiting_time(float(ahead), rate, leaving, 0.0)
    assert wait.mean_s == pytest.approx(sum(sums) / len(sums), rel=0.08)
    inside = sum(wait.quantile(0.1) <= each <= wait.quantile(0.9) for each in sums) / len(sums)
    assert inside >= 0.78


def test_a_longer_line_never_waits_less_and_leaving_shortens_it() -> None:
    plain = [waiting_time(n / 2, 0.1, 0.0, 3.0).mean_s for n in range(300)]
    assert plain == sorted(plain)
    assert waiting_time(100, 0.1, 0.01, 3.0).mean_s < plain[200]


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        (0, 20, (0, 60)),
        (20, 61, (0, 120)),
        (60, 60, (60, 120)),
        (130, 290, (120, 300)),
        (1000, 1900, (900, 2100)),
        (3000, 3700, (3000, inf)),
        (4000, 9000, (3600, inf)),
    ],
)
def test_what_is_told_is_rounded_outward(low: float, high: float, told: tuple[float, float]) -> None:
    found = WaitRange(low_s=low, high_s=high, expected_s=(low + high) / 2).told()
    assert (found.low_s, found.high_s) == told


@settings(deadline=None)
@given(st.floats(0, 3000), st.floats(0, 3000))
def test_rounding_never_makes_a_range_narrower(low: float, more: float) -> None:
    found = WaitRange(low_s=low, high_s=low + more, expected_s=low).told()
    assert found.low_s <= low <= low + more <= found.high_s
    assert found.high_s > found.low_s


def test_ranges_move_to_where_callers_were() -> None:
    even = Calibration()
    assert even.level(0.1) == 0.1
    late = Calibration()
    for n in range(200):
        late.add(0.5 + n / 400, served=True)  # everybody waited longer than the model's median
    assert late.level(0.1) > 0.45
    assert late.level(0.9) > 0.9
    early = Calibration()
    for n in range(200):
        early.add(n / 400, served=True)
    assert early.level(0.9) < 0.55
    assert early.level(0.1) < 0.1


def test_those_who_gave_up_count_as_having_more_to_wait() -> None:
    served, gave_up = Calibration(), Calibration()
    for n in range(100):
        for each in (served, gave_up):
            each.add(n / 100, served=each is served or n % 2 == 0)
    assert gave_up.level(0.5) > served.level(0.5)


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=60))
def test_levels_are_shares_in_order(shares: list[tuple[float, bool]]) -> None:
    calibration = Calibration()
    for share, served in shares:
        calibration.add(share, served=served)
    levels = [calibration.level(n / 20) for n in range(1, 20)]
    assert all(after >= before - 1e-9 for before, after in pairwise(levels))
    assert all(0 <= each <= 1 for each in levels)


def test_calls_of_skills_are_kept_apart() -> None:
    experience = Experience()
    for _ in range(30):
        experience.handled(100, ())
        experience.handled(500, ("pensions",))
    plain = list(experience.cycles({}))
    able = list(experience.cycles({"pensions": 3}))
    assert plain == [(60.0, pytest.approx(300, rel=0.2))]
    assert (30.0, pytest.approx(500)) in able


def rivals() -> Floor:
    """One agent serves two queues; each call has kept her for 100 s."""
    floor = Floor({name: Queue(members=members("ann"), wrapuptime=0) for name in ("q", "other")}, "ann")
    floor.talk("before", 100)
    floor.call("now")
    return floor


def test_callers_of_other_queues_who_are_served_first_count() -> None:
    floor = rivals()
    for n in range(3):
        floor.call(f"o{n}", queue="other")
    floor.call("mine")
    found = floor.engine.wait_of(CallId("mine"), floor.now)
    assert found is not None
    assert found.expected_s == pytest.approx(400)


def test_who_is_rung_already_is_not_ahead() -> None:
    floor = rivals()
    alone = floor.engine.queue_view(QueueName("q"), floor.now).wait
    assert alone is not None
    assert alone.expected_s == pytest.approx(100)


def promise(low: float, high: float, came: float, *, served: bool, call: str = "c") -> Kept:
    told = Promise(
        call=CallId(call), queue=QueueName("q"), at=0.0, low_s=low, high_s=high, expected_s=(low + high) / 2
    )
    return Kept(promise=told, came_s=came, served=served)


def test_what_is_judged_and_how() -> None:
    figures = promise_figures(
        [
            promise(60, 120, 90, served=True),
            promise(60, 120, 10, served=True),
            promise(60, 120, 200, served=True),
            promise(60, 120, 200, served=False),
            promise(60, 120, 90, served=False),
        ]
    )
    assert (figures.told, figures.judged) == (5, 4)
    assert (figures.within, figures.early, figures.late) == (1, 1, 2)
    assert figures.within_share == 0.25
    assert promise_figures([]).within_share is None


@pytest.mark.parametrize(("seed", "load"), [(1, 0.9), (2, 1.1)])
def test_four_of_five_callers_come_within_what_they_were_told(seed: int, load: float) -> None:
    centre = generated(1500, seed, load=load)
    people = Nature(seed)
    outcome = Simulation(centre.day, plan(centre.day, centre.queues, centre.agents), people).run()
    figures = promise_figures(first_of_each(kept(outcome)))
    assert figures.judged > 600
    assert figures.within_share is not None
    assert figures.within_share >= 0.8
    assert figures.exact_share is not None
    assert figures.exact_share >= 0.75, "the model itself, not the rounding"
    assert figures.mean_width_s is not None
    assert figures.mean_width_s < 240
