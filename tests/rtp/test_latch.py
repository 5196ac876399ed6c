"""Proves whose packets a leg takes while it learns where its peer is, and that afterwards nobody else's are taken: a phone
behind NAT wins over strangers who were first or sent more, a source at another host than the phone's messages is taken when
nobody else speaks, and sources that nobody heard of cost a bounded memory.

Does not prove what the kernel drops of locked legs; `test_rtp_sockets.py` and `tests/interop/test_rtp_security.py` do.
"""

import itertools

import pytest

from softswitch.rtp.latch import ELSEWHERE_S, LEARNING_PACKETS, Latch, LatchState

TOLD = ("192.168.1.20", 4000)
PHONE = ("203.0.113.7", 61234)
NEIGHBOUR = ("203.0.113.7", 61999)
STRANGER, OTHER = ("198.51.100.9", 7000), ("198.51.100.10", 7002)
FRAME_S = 0.02


def learning(host: str = PHONE[0]) -> Latch:
    latch = Latch("leg")
    assert latch.negotiate(TOLD, learn=True, host=host)
    assert (latch.state, latch.peer) == (LatchState.LEARNING, TOLD)
    return latch


def speak(latch: Latch, *sources: tuple[str, int], start: float = 0.0) -> list[bool]:
    return [latch.admit(source, 5, start + at * FRAME_S) for at, source in enumerate(sources)]


def test_the_phone_wins_over_strangers_who_were_first_and_send_more() -> None:
    latch = learning()
    assert not any(speak(latch, *[STRANGER, OTHER] * 10))
    assert speak(latch, PHONE, STRANGER, STRANGER, PHONE, STRANGER, PHONE, PHONE, start=0.42) == [
        *(True, False, False, True, False, True, True)
    ]
    assert (latch.state, latch.peer) == (LatchState.LOCKED, PHONE)
    assert speak(latch, STRANGER, NEIGHBOUR, TOLD, PHONE, start=1.0) == [False, False, False, True]


def test_a_source_elsewhere_is_taken_when_nobody_speaks_from_where_messages_come() -> None:
    latch = learning()
    count = round(ELSEWHERE_S / FRAME_S)
    assert speak(latch, *[STRANGER] * (count + 2)) == [*[False] * count, True, True]
    assert (latch.state, latch.peer) == (LatchState.LOCKED, STRANGER)
    assert speak(latch, PHONE, start=2.0) == [False]


def test_a_burst_from_elsewhere_wins_nothing() -> None:
    latch = learning()
    assert not any(latch.admit(STRANGER, 5, 0.0001 * n) for n in range(1000))
    assert speak(latch, PHONE, PHONE, PHONE, start=0.2) == [True, True, True]
    assert latch.peer == PHONE


def test_many_sources_from_elsewhere_are_not_all_remembered() -> None:
    latch = learning()
    assert not any(latch.admit((STRANGER[0], port), 5, 0.00001 * port) for port in range(1024, 40_000))
    assert len(latch._far) <= 64
    assert speak(latch, PHONE, PHONE, PHONE, start=1.0)[-1]
    assert latch.peer == PHONE


@pytest.mark.parametrize("host", ["", PHONE[0]])
def test_at_one_host_three_in_a_row_or_most_of_five_are_locked(host: str) -> None:
    latch = learning(host)
    taken = speak(latch, *itertools.islice(itertools.cycle([NEIGHBOUR, PHONE]), LEARNING_PACKETS))
    assert (latch.state, latch.peer) == (LatchState.LOCKED, NEIGHBOUR)
    assert taken == [True, False, True, False, True]
    assert speak(latch, PHONE, NEIGHBOUR, start=1.0) == [False, True]
    latch = learning(host)
    assert speak(latch, NEIGHBOUR, PHONE, PHONE, PHONE, NEIGHBOUR, PHONE)[-2:] == [False, True]
    assert latch.peer == PHONE


@pytest.mark.parametrize("learn", [True, False])
def test_the_address_that_was_told_locks_at_once(learn: bool) -> None:
    latch = Latch("leg")
    latch.negotiate(TOLD, learn=learn, host=PHONE[0])
    assert speak(latch, TOLD, PHONE, STRANGER, TOLD) == [True, False, False, True]


def test_one_packet_from_there_does_not_keep_others_out_for_ever() -> None:
    latch = learning()
    assert speak(latch, NEIGHBOUR) == [True]
    taken = speak(latch, *[STRANGER] * 60, start=0.1)
    assert not any(taken[: round((2 * ELSEWHERE_S - 0.1) / FRAME_S)])
    assert taken[-1]
    assert latch.peer == STRANGER


def test_one_source_of_many_ssrcs_is_one_source() -> None:
    latch = learning()
    assert not any(latch.admit(OTHER, ssrc, 0.001 * ssrc) for ssrc in range(100))
    assert latch.admit(STRANGER, 1, 0.6) is False
    assert latch.peer == OTHER


def test_what_was_locked_on_what_was_told_is_learnt_once_it_is_to_be() -> None:
    latch = Latch("leg")
    latch.negotiate(TOLD, learn=False)
    assert latch.negotiate(TOLD, learn=True, host=PHONE[0])
    assert latch.state is LatchState.LEARNING
    assert speak(latch, PHONE, PHONE, PHONE)[-1]
    assert not latch.negotiate(TOLD, learn=False)
    assert latch.peer == PHONE


def test_what_was_learnt_before_the_host_was_known_is_kept_only_where_it_is_right() -> None:
    for source, kept in ((PHONE, True), (STRANGER, False)):
        latch = learning("")
        speak(latch, source, source, source)
        assert latch.negotiate(TOLD, learn=True, host=PHONE[0]) is not kept
        assert latch.state is (LatchState.LOCKED if kept else LatchState.LEARNING)


def test_a_new_address_is_learnt_anew_and_the_same_one_is_not() -> None:
    latch = learning()
    speak(latch, PHONE, PHONE, PHONE)
    assert not latch.negotiate(TOLD, learn=True, host=PHONE[0])
    assert latch.peer == PHONE
    assert latch.negotiate((TOLD[0], 4010), learn=True, host=PHONE[0])
    assert speak(latch, NEIGHBOUR, NEIGHBOUR, NEIGHBOUR) == [True, True, True]
    assert latch.peer == NEIGHBOUR
