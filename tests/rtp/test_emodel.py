"""Proves that the E-model gives the values that ITU-T G.107 and G.113 publish, and behaves as they say in between.

Does not prove what a listener would say: the model is a planning tool.
"""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softswitch.codec import CODECS
from softswitch.rtp import emodel


def one(value: float) -> emodel.Reals:
    return np.array([value], np.float64)


@pytest.mark.parametrize(
    ("rating", "mos"),
    # G.107: the default connection; G.109 / G.107 Annex B table: the limits of the categories of quality
    [(93.2, 4.41), (90, 4.34), (80, 4.03), (70, 3.60), (60, 3.10), (50, 2.58), (0, 1.0), (100, 4.5)],
)
def test_the_mapping_of_annex_b(rating: float, mos: float) -> None:
    assert float(emodel.mos(one(rating))[0]) == pytest.approx(mos, abs=0.01)


def test_ratings_beyond_the_scale_stay_on_it() -> None:
    assert emodel.mos(np.array([-20.0, 3.0, 140.0])).tolist() == [1.0, pytest.approx(1.0), 4.5]


@pytest.mark.parametrize(
    ("codec", "conceals", "ie", "bpl"),
    # G.113 Appendix I: impairment without loss, robustness against random loss
    [
        ("PCMU", True, 0, 25.1),
        ("PCMA", True, 0, 25.1),
        ("PCMA", False, 0, 4.3),
        ("G729", True, 11, 19.0),
    ],
)
def test_the_codecs_of_g113(codec: str, conceals: bool, ie: float, bpl: float) -> None:
    cost = emodel.impairment(codec, conceals=conceals)
    assert (cost.ie, cost.bpl) == (ie, bpl)


def test_every_codec_of_the_switch_is_known() -> None:
    assert set(emodel.IMPAIRMENTS) == set(CODECS)


def test_loss_by_hand() -> None:
    """95 · 5 / (5 + 25.1) = 15.78 of R for 5 % random loss of concealed G.711; 51.1 without concealment."""
    assert 93.2 - float(emodel.rating(one(0), one(25.1), one(0.05), one(1), one(0))[0]) == pytest.approx(
        15.78, abs=0.01
    )
    assert emodel.mos_of("PCMU", 0.05) == pytest.approx(3.92, abs=0.01)
    assert emodel.mos_of("PCMU", 0.05, conceals=False) == pytest.approx(2.17, abs=0.01)
    assert emodel.mos_of("G729", 0.0) == pytest.approx(4.10, abs=0.01)


def test_bursts_are_worse_than_single_losses_and_more_delay_than_100_ms_costs() -> None:
    assert emodel.mos_of("PCMU", 0.05, burst=4) < emodel.mos_of("PCMU", 0.05, burst=1) - 0.05
    assert emodel.mos_of("G722", 0.05, burst=4) < emodel.mos_of("G722", 0.05, burst=1) - 0.3
    assert emodel.mos_of("PCMU", 0, one_way_ms=100) == emodel.mos_of("PCMU", 0)
    delays = emodel.delay_impairment(np.array([0, 100, 150, 200, 300, 400.0]))
    assert delays.tolist() == sorted(delays.tolist())
    assert delays.tolist() == pytest.approx([0, 0, 0.2, 3.0, 14.8, 24.1], abs=0.1)


def test_the_burst_ratio() -> None:
    lost, bursts, loss = one(100), one(50), one(0.1)
    assert float(emodel.burst_ratio(lost, bursts, loss)[0]) == pytest.approx(1.8)
    assert float(emodel.burst_ratio(one(0), one(0), one(0))[0]) == 1
    assert float(emodel.burst_ratio(one(100), one(1), one(0.01))[0]) == 2, "sparse loss: not validated beyond"


@settings(max_examples=200, deadline=None)
@given(
    codec=st.sampled_from(sorted(emodel.IMPAIRMENTS)),
    lost=st.integers(0, 5000),
    late=st.integers(0, 500),
    received=st.integers(1, 5000),
    bursts=st.integers(0, 300),
    one_way_ms=st.floats(0, 2000),
)
def test_one_stream_in_plain_numbers_is_judged_as_many_at_once(
    codec: str, lost: int, late: int, received: int, bursts: int, one_way_ms: float
) -> None:
    cost, expected = emodel.impairment(codec), lost + received
    of_lost, loss = lost / expected, min((lost + late) / expected, 1.0)
    burst = emodel.burst_ratio_of_one(lost, bursts, of_lost)
    assert burst == pytest.approx(float(emodel.burst_ratio(one(lost), one(bursts), one(of_lost))[0]))
    many = emodel.mos(emodel.rating(*map(one, (cost.ie, cost.bpl, loss, burst, one_way_ms))))
    assert emodel.mos_of_one(cost.ie, cost.bpl, loss, burst, one_way_ms) == pytest.approx(float(many[0]))
