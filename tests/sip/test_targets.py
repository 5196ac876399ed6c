"""Proves the order of places by the text of RFC 2782 and RFC 3263: priorities, shares by weight, weight 0, NAPTR's order
and what is left out of it; how a request walks along places, and how long a dead one is left alone.

Does not prove what DNS is asked (`test_resolver.py`) nor that a call goes on at the next place (`test_target_failover.py`).
"""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.sip.dead_targets import FIRST_HOLD_S, FORGOTTEN_AFTER_S, LONGEST_HOLD_S, DeadTargets
from softswitch.sip.message import Response
from softswitch.sip.source import Source
from softswitch.sip.target_walk import TargetWalk, retry_after_s
from softswitch.sip.targets import (
    NaptrRecord,
    Service,
    SrvRecord,
    services_by_naptr,
    services_without_naptr,
    srv_order,
    weighted_order,
)

A, B, C = (Source("udp", f"192.0.2.{last}", 5060) for last in (1, 2, 3))


def lowest(most: int) -> int:
    return 0


def highest(most: int) -> int:
    return most


def answer(status: int, *headers: tuple[str, str]) -> Response:
    return Response.build(status, headers=headers)


def test_priority_goes_before_weight() -> None:
    records = [SrvRecord(20, 100, 5060, "late"), SrvRecord(10, 0, 5060, "early")]
    assert [record.host for record in srv_order(records, highest)] == ["early", "late"]


def test_weight_0_has_a_small_chance_only() -> None:
    """RFC 2782: those of weight 0 stand first, so that only a drawn 0 chooses them."""
    records = [SrvRecord(1, 5, 1, "five"), SrvRecord(1, 0, 1, "none")]
    assert srv_order(records, lowest)[0].host == "none"
    assert srv_order(records, lambda most: min(1, most))[0].host == "five"


def test_shares_follow_weights() -> None:
    chance = random.Random(7)
    records = [SrvRecord(0, weight, 1, str(weight)) for weight in (10, 30, 60)]
    first = Counter(srv_order(records, lambda most: chance.randint(0, most))[0].host for _ in range(6000))
    for weight in (10, 30, 60):
        assert first[str(weight)] / 6000 == pytest.approx(weight / 100, abs=0.03)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 65535)), max_size=12),
    st.randoms(use_true_random=False),
)
def test_nothing_is_lost_and_priorities_rise(pairs: list[tuple[int, int]], chance: random.Random) -> None:
    records = [SrvRecord(priority, weight, at, "h") for at, (priority, weight) in enumerate(pairs)]
    ordered = srv_order(records, lambda most: chance.randint(0, most))
    assert sorted(record.port for record in ordered) == list(range(len(records)))
    assert [record.priority for record in ordered] == sorted(record.priority for record in records)


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=8), st.randoms(use_true_random=False))
def test_a_draw_by_weight_is_a_permutation(weights: list[int], chance: random.Random) -> None:
    order = weighted_order(weights, lambda most: chance.randint(0, most))
    assert sorted(order) == list(range(len(weights)))


def test_naptr_of_rfc_3263() -> None:
    """The example of section 4.1, in another order of lines, with a record that is not for SIP."""
    records = [
        NaptrRecord(100, 50, "s", "SIP+D2U", "_sip._udp.example.com"),
        NaptrRecord(90, 50, "s", "SIP+D2T", "_sip._tcp.example.com"),
        NaptrRecord(50, 50, "s", "SIPS+D2T", "_sips._tcp.example.com"),
        NaptrRecord(10, 10, "u", "E2U+sip", ""),
    ]
    assert [service.transport for service in services_by_naptr(records, secure=False)] == [
        "tls",
        "tcp",
        "udp",
    ]
    assert services_by_naptr(records, secure=True) == (Service("tls", "_sips._tcp.example.com"),)


def test_srv_names_without_naptr() -> None:
    assert [each.name for each in services_without_naptr("x.example", "")] == [
        "_sip._udp.x.example",
        "_sip._tcp.x.example",
        "_sips._tcp.x.example",
    ]
    assert services_without_naptr("x.example", "tls") == (Service("tls", "_sips._tcp.x.example"),)


@pytest.mark.parametrize("status", [200, 404, 486, 500, 502, 600])
def test_an_answer_is_an_answer(status: int) -> None:
    walk = TargetWalk((A, B), DeadTargets(), 0.0)
    assert walk.refused(answer(status), 0.0) is None
    assert walk.current == A


def test_503_408_silence_and_transport_lead_on_until_the_end() -> None:
    dead = DeadTargets()
    walk = TargetWalk((A, B, C), dead, 0.0)
    assert walk.refused(answer(503), 0.0) == B
    assert walk.silent("timeout", 0.0) == C
    assert walk.silent("transport", 0.0) is None
    assert [place for place, _ in dead.view()] == [B, C]


def test_503_with_retry_after_is_left_alone_that_long() -> None:
    dead = DeadTargets()
    TargetWalk((A, B), dead, 0.0).refused(answer(503, ("Retry-After", "120 (soon);duration=5")), 0.0)
    assert dead.ordered((A, B), 1.0) == (B, A)
    assert not dead.asked_again(A, 119.0, 5.0)
    assert dead.asked_again(A, 120.0, 5.0)


@pytest.mark.parametrize(
    ("text", "seconds"), [("5", 5), ("", 0), ("x", 0), ("²", 0), ("99999999", 0), ("7;a=b", 7)]
)
def test_retry_after(text: str, seconds: float) -> None:
    assert retry_after_s(answer(503, ("Retry-After", text))) == seconds


def test_dead_places_are_last_and_never_left_out() -> None:
    dead = DeadTargets()
    dead.failed(A, 0.0, reason="timeout")
    dead.failed(B, 1.0, reason="timeout")
    assert dead.ordered((A, B, C), 2.0) == (C, A, B)
    dead.alive(A)
    assert dead.ordered((A, B, C), 2.0) == (A, C, B)


def test_a_place_is_held_longer_each_time_up_to_a_limit() -> None:
    dead, now, holds = DeadTargets(), 0.0, []
    for _ in range(8):
        hold = dead.failed(A, now, reason="timeout").until - now
        holds.append(hold)
        now += hold
    assert holds[:3] == [FIRST_HOLD_S, 2 * FIRST_HOLD_S, 4 * FIRST_HOLD_S]
    assert holds[-1] == LONGEST_HOLD_S


def test_many_calls_that_fail_at_once_count_as_one_failure() -> None:
    dead = DeadTargets()
    assert {dead.failed(A, 0.1 * number, reason="timeout").until for number in range(50)} == {FIRST_HOLD_S}


def test_a_place_that_nobody_wants_is_forgotten() -> None:
    dead = DeadTargets()
    dead.failed(A, 0.0, reason="timeout")
    assert not dead.asked_again(A, FORGOTTEN_AFTER_S + 1, 5.0)
    assert len(dead) == 0


def test_the_memory_is_bounded() -> None:
    dead = DeadTargets()
    for port in range(3000):
        dead.failed(Source("udp", "192.0.2.1", port), 0.0, reason="timeout")
    assert len(dead) <= 1024
