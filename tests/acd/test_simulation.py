"""The replay of a day through the real engine, what it draws, and what a scenario changes.

Proves: every caller's wait and fate against a recursion that shares nothing with the engine, and so M/M/n and M/M/n+M
against Erlang C and A (small and seeded; `benchmarks/erlang_check.py` is the proof within 3 %); patience learned from
censored waits; a generated day replayed by the rules it was lived by comes out like itself; one seed gives one outcome;
more agents, other skills and a longest wait do what they say; every caller has one fate.
Does not prove that real callers behave on another day as they did on this one.
"""

import random
from dataclasses import replace
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.erlang_check import HANDLE_S, PATIENCE_S, compare, run
from benchmarks.generated_day import Centre, generated
from softswitch.acd.erlang import Load
from softswitch.acd.errors import NotKnown, Refused
from softswitch.acd.habits import Habits
from softswitch.acd.patience import Patience
from softswitch.acd.scenario import Scenario, plan
from softswitch.acd.simulation import Outcome, Simulation
from softswitch.acd.simulation_figures import Figures, figures, quantile, real_outcome, slots
from softswitch.config.queues import Member

LEVELS = {"support": 20.0, "sales": 20.0}
SAME = Scenario()


@pytest.fixture(scope="module")
def centre() -> Centre:
    return generated(900, seed=3)


def replayed(centre: Centre, scenario: Scenario = SAME, seed: int = 1) -> Outcome:
    habits = Habits(centre.day, lambda name: random.Random(f"{seed} {name}"))
    return Simulation(centre.day, plan(centre.day, centre.queues, centre.agents, scenario), habits).run()


def figured(centre: Centre, scenario: Scenario = SAME) -> Figures:
    return figures(replayed(centre, scenario), LEVELS)


@pytest.mark.parametrize(
    ("agents", "load", "patience_s"), [(1, 0.9, inf), (5, 0.8, inf), (20, 0.95, inf), (10, 1.1, PATIENCE_S)]
)
def test_every_caller_waits_as_long_as_a_recursion_says_that_knows_no_engine(
    agents: int, load: float, patience_s: float
) -> None:
    at = Load(calls_per_s=load * agents / HANDLE_S, handle_s=HANDLE_S, patience_s=patience_s)
    found = run(at, agents, 4_000, seed=4)
    assert found.off_s < 1e-6 and found.other_fates == 0
    assert sum(wait > 0 for wait, _ in found.engine) > 800
    assert any(hung_up for _, hung_up in found.engine) == (patience_s < inf)


def test_the_engine_waits_as_erlang_c_says() -> None:
    row = compare(5, 0.7, inf, 2_000, 500_000, seed=4)
    assert row["off"]["wait_probability"] < 0.02
    assert row["off"]["mean_wait_s"] < 0.06


def test_the_engine_loses_callers_as_erlang_a_says() -> None:
    row = compare(10, 1.1, PATIENCE_S, 2_000, 500_000, seed=4)
    assert row["off"]["abandoned"] < 0.02
    assert row["off"]["wait_probability"] < 0.02


def test_a_replay_by_the_same_rules_comes_out_like_the_day(centre: Centre) -> None:
    real, same = figures(real_outcome(centre.day), LEVELS), figured(centre)
    assert same.offered == real.offered == 900
    assert same.service_level == pytest.approx(real.service_level, abs=0.05)
    assert same.abandoned_share == pytest.approx(real.abandoned_share, abs=0.04)
    assert same.mean_wait_s == pytest.approx(real.mean_wait_s, rel=0.25)
    assert same.occupancy == pytest.approx(real.occupancy, abs=0.03)


def test_one_seed_gives_one_outcome(centre: Centre) -> None:
    assert replayed(centre) == replayed(centre)
    assert replayed(centre) != replayed(centre, seed=2)


def test_every_caller_has_one_fate(centre: Centre) -> None:
    for scenario in (Scenario(), Scenario(strategy="ring-all"), Scenario(agents=-2)):
        fates = replayed(centre, scenario).fates
        assert sorted(fate.call for fate in fates) == sorted(each.call for each in centre.day.arrivals)


def test_more_agents_serve_better_and_fewer_worse(centre: Centre) -> None:
    fewer, same, more = (figured(centre, Scenario(agents=change)) for change in (-2, 0, 3))
    assert (
        fewer.service_level is not None and same.service_level is not None and more.service_level is not None
    )
    assert fewer.service_level < same.service_level < more.service_level
    assert fewer.abandoned > same.abandoned > more.abandoned
    assert fewer.occupancy is not None and more.occupancy is not None and fewer.occupancy > more.occupancy


def test_doubles_are_members_where_their_models_are(centre: Centre) -> None:
    queue = replace(centre.queues["support"], skills={}, members=(Member(agent="a000", penalty=2),))
    found = plan(centre.day, {"support": queue}, centre.agents, Scenario(agents=2))
    assert [(each.agent, each.penalty) for each in found.queues["support"].members] == [
        ("a000", 2),
        ("a000-2", 2),
        ("a000-3", 2),
    ]
    own = sum(duty.agent == "a000" for duty in found.duties)
    assert own == sum(duty.agent == "a000-3" for duty in found.duties) > 0


def test_skills_for_everybody_help_the_queue_that_wants_them(centre: Centre) -> None:
    before = figures(replayed(centre), LEVELS, "sales")
    after = figures(replayed(centre, Scenario(skills={("*", "sales"): 1})), LEVELS, "sales")
    assert after.service_level is not None and before.service_level is not None
    assert after.service_level > before.service_level


def test_a_longest_wait_sends_callers_on(centre: Centre) -> None:
    outcome = replayed(centre, Scenario(max_wait=30.0, queue="support"))
    gone = [fate for fate in outcome.fates if fate.outcome == "timeout"]
    assert gone and {fate.queue for fate in gone} == {"support"}
    assert all(fate.waited_s <= 30.0 + 15.0 for fate in gone), "one ringing may be his last chance"


def test_what_does_not_fit_is_refused(centre: Centre) -> None:
    for scenario, error in (
        (Scenario(queue="nowhere"), NotKnown),
        (Scenario(skills={("nobody", "sales"): 1}), NotKnown),
        (Scenario(agents=-500), Refused),
    ):
        with pytest.raises(error):
            plan(centre.day, centre.queues, centre.agents, scenario)


def test_slots_add_up_to_the_day(centre: Centre) -> None:
    pieces = slots(real_outcome(centre.day), centre.day, 1800.0, LEVELS)
    assert len(pieces) == 48
    assert sum(piece.offered for piece in pieces) == 900


def test_patience_counts_those_who_were_answered_as_more_patient() -> None:
    # Kaplan-Meier by hand: 4 at risk at 10 (one goes: 3/4), 2 at risk at 30 (one goes: 3/8).
    patience = Patience([(10.0, True), (20.0, False), (30.0, True), (40.0, False)])
    assert [patience.survivors(at) for at in (5.0, 10.0, 29.0, 30.0)] == [1.0, 0.75, 0.75, 0.375]
    assert patience.rate == pytest.approx(2 / 100)
    assert [patience.draw(chance) for chance in (0.9, 0.76, 0.7, 0.5)] == [10.0, 10.0, 30.0, 30.0]
    assert patience.draw(0.1) > 30.0


def test_without_anybody_who_hung_up_patience_has_no_end() -> None:
    assert Patience([(10.0, False), (90.0, False)]).draw(0.001) == inf
    assert Patience([]).draw(0.5) == inf


@settings(max_examples=80, deadline=None)
@given(
    waits=st.lists(st.tuples(st.floats(0.0, 300.0), st.booleans()), min_size=1, max_size=40),
    chance=st.floats(0.0, 1.0),
    endured=st.floats(0.0, 400.0),
)
def test_nobody_is_less_patient_than_he_was(
    waits: list[tuple[float, bool]], chance: float, endured: float
) -> None:
    assert Patience(waits).draw(chance, endured) >= endured


def test_censored_exponential_patience_is_found_again() -> None:
    draw = random.Random(5)
    waits = []
    for _ in range(4000):
        patience, offered = draw.expovariate(1 / 100), draw.expovariate(1 / 60)
        waits.append((min(patience, offered), patience < offered))
    found = Patience(waits)
    assert 1 / found.rate == pytest.approx(100, rel=0.08)
    assert found.survivors(50.0) == pytest.approx(2.718281828**-0.5, abs=0.03)


def test_quantiles() -> None:
    values = [1.0, 2.0, 3.0, 4.0]
    assert [quantile(values, share) for share in (0.0, 0.5, 0.75, 0.9, 1.0)] == [1.0, 2.0, 3.0, 4.0, 4.0]
    assert quantile([], 0.5) is None
