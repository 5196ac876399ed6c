"""Erlang B, C and A.

Proves: the formulas against the stationary solution of the birth-and-death chain in exact fractions, against published
values, and against each other where they meet (patient callers: A becomes C); monotony and bounds over many loads;
stability for a thousand agents and for patience of days; the least number of agents is least.
Does not prove: that real callers are Poisson; `benchmarks/erlang_check.py` compares with the engine itself.
"""

from fractions import Fraction
from math import exp, inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softswitch.acd.erlang import Load, agents_needed, erlang_b, erlang_c, predict
from softswitch.acd.errors import Refused

LOADS = st.builds(
    Load,
    calls_per_s=st.floats(0.001, 2.0),
    handle_s=st.floats(1.0, 60.0),
    patience_s=st.floats(5.0, 500.0),
)


def chain(load: Load, agents: int, longest: int) -> tuple[float, float, float]:
    """Share who wait, mean wait, share who hang up; by solving the chain of callers present, cut at `longest`."""
    rate, leaving = Fraction(load.calls_per_s), 1 / Fraction(load.patience_s)
    serving = 1 / Fraction(load.handle_s)
    weights = [Fraction(1)]
    for present in range(1, longest + 1):
        out = min(present, agents) * serving + max(0, present - agents) * leaving
        weights.append(weights[-1] * rate / out)
    total = sum(weights)
    waits = sum(weights[agents:]) / total
    line = (
        sum((present - agents) * weight for present, weight in enumerate(weights) if present > agents) / total
    )
    return float(waits), float(line / rate), float(line * leaving / rate)


@pytest.mark.parametrize(
    ("agents", "erlangs"), [(1, 0.0101), (5, 1.36), (10, 4.46), (20, 12.03), (50, 37.90), (100, 84.06)]
)
def test_the_loss_formula_gives_the_one_percent_column_of_the_tables(agents: int, erlangs: float) -> None:
    assert erlang_b(agents, erlangs) == pytest.approx(0.01, rel=0.005)


def test_the_delay_formula_gives_the_classic_example() -> None:
    # 200 calls an hour of 180 s, 14 agents: 17.4 % wait, 88.8 % within 20 s, 7.8 s on average.
    found = predict(Load(calls_per_s=200 / 3600, handle_s=180.0), 14, within_s=20.0)
    assert found.wait_probability == pytest.approx(0.1741, abs=0.0005)
    assert found.service_level == pytest.approx(0.8883, abs=0.0005)
    assert found.mean_wait_s == pytest.approx(7.8, abs=0.1)
    assert found.occupancy == pytest.approx(10 / 14)


@pytest.mark.parametrize("agents", [1, 3, 8])
@pytest.mark.parametrize("erlangs", [Fraction(1, 3), Fraction(5, 2), Fraction(7)])
@pytest.mark.parametrize("patience", [20, 60, 240])
def test_erlang_a_equals_the_chain_in_exact_fractions(agents: int, erlangs: Fraction, patience: int) -> None:
    load = Load(calls_per_s=float(erlangs) / 32.0, handle_s=32.0, patience_s=float(patience))
    found = predict(load, agents)
    waits, mean_wait, abandoned = chain(load, agents, 150)
    assert found.wait_probability == pytest.approx(waits, rel=1e-9)
    assert found.mean_wait_s == pytest.approx(mean_wait, rel=1e-9)
    assert found.abandoned == pytest.approx(abandoned, rel=1e-9)


@settings(max_examples=60, deadline=None)
@given(load=LOADS, agents=st.integers(1, 60))
def test_of_those_who_wait_for_ever_long_all_are_answered_or_gone(load: Load, agents: int) -> None:
    found = predict(load, agents, within_s=40 * load.patience_s)
    assert found.service_level == pytest.approx(1.0 - found.abandoned, rel=1e-6, abs=1e-9)
    at_once = predict(load, agents, within_s=0.0)
    assert at_once.service_level == pytest.approx(1.0 - found.wait_probability, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(load=LOADS, agents=st.integers(1, 60))
def test_one_agent_more_never_makes_anything_worse(load: Load, agents: int) -> None:
    less, more = predict(load, agents), predict(load, agents + 1)
    assert 0 <= more.wait_probability <= less.wait_probability + 1e-12 <= 1 + 1e-9
    assert 0 <= more.mean_wait_s <= less.mean_wait_s + 1e-9
    assert 0 <= more.abandoned <= less.abandoned + 1e-12
    assert less.service_level - 1e-9 <= more.service_level <= 1
    assert 0 <= more.occupancy <= less.occupancy + 1e-12


@settings(max_examples=40, deadline=None)
@given(erlangs=st.floats(0.1, 40.0), spare=st.integers(1, 20))
def test_callers_of_endless_patience_make_erlang_a_erlang_c(erlangs: float, spare: int) -> None:
    agents = int(erlangs) + spare
    load = Load(calls_per_s=erlangs / 100.0, handle_s=100.0)
    patient = Load(calls_per_s=erlangs / 100.0, handle_s=100.0, patience_s=1e7)
    one, other = predict(load, agents), predict(patient, agents)
    assert other.wait_probability == pytest.approx(one.wait_probability, rel=0.02, abs=1e-9)
    assert other.service_level == pytest.approx(one.service_level, rel=0.02, abs=0.002)


@settings(max_examples=40, deadline=None)
@given(load=LOADS, target=st.floats(0.5, 0.99))
def test_agents_needed_are_enough_and_one_fewer_is_not(load: Load, target: float) -> None:
    agents = agents_needed(load, service_level=target)
    assert predict(load, agents).service_level >= target
    if agents > 1:
        assert predict(load, agents - 1).service_level < target


def test_large_centres_neither_overflow_nor_cancel() -> None:
    load = Load(calls_per_s=9.0, handle_s=300.0, patience_s=86_400.0)
    short = predict(load, 2_000, within_s=20.0)
    assert short.abandoned == pytest.approx(1 - 2_000 / 2_700, rel=0.001)
    assert predict(load, 5_000).wait_probability < 1e-100 or predict(load, 5_000).wait_probability == 0.0
    assert erlang_c(3_000, 2_900.0) == pytest.approx(0.05, abs=0.05)
    patient = Load(calls_per_s=9.0, handle_s=300.0)
    assert agents_needed(patient, service_level=0.8) in range(2_701, 2_800)


def test_the_edges() -> None:
    assert predict(Load(calls_per_s=0.0, handle_s=60.0), 3).service_level == 1.0
    assert predict(Load(calls_per_s=1.0, handle_s=60.0), 3).mean_wait_s == inf
    nobody = predict(Load(calls_per_s=0.1, handle_s=60.0, patience_s=30.0), 0)
    assert (nobody.abandoned, nobody.mean_wait_s) == (pytest.approx(1.0), pytest.approx(30.0))
    single = predict(Load(calls_per_s=0.5, handle_s=1.0), 1, within_s=2.0)
    assert single.service_level == pytest.approx(1 - 0.5 * exp(-1.0))
    with pytest.raises(Refused, match="handle time"):
        Load(calls_per_s=1.0, handle_s=0.0)
    with pytest.raises(Refused, match="too few"):
        agents_needed(Load(calls_per_s=1e6, handle_s=100.0))
    with pytest.raises(Refused, match="agents must be"):
        erlang_b(-1, 2.0)
