"""Proves who hears whom in every mode: listen, whisper, barge, take-over, conference, mute, hold; that nobody hears
himself, that a whisper reaches agents alone, and that two plain parties are a pair (which is relayed, not mixed).

Does not prove sound: that a worker mixes by these gains is for the rooms of the worker and the tests by ear.
"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from softswitch.call.matrix import SUPERVISING, TALKING, Member, Role, gains, heard_by, hears, pair
from softswitch.ids import LegId

CALLER, AGENT, BOSS = LegId("caller"), LegId("agent"), LegId("boss")


def talk(mode: Role) -> list[Member]:
    return [Member(leg=CALLER), Member(leg=AGENT, role=Role.AGENT), Member(leg=BOSS, role=mode)]


@pytest.mark.parametrize(
    ("mode", "caller", "agent"),
    [
        (Role.LISTEN, {AGENT}, {CALLER}),
        (Role.WHISPER, {AGENT}, {CALLER, BOSS}),
        (Role.BARGE, {AGENT, BOSS}, {CALLER, BOSS}),
    ],
)
def test_what_each_hears_of_a_supervisor(mode: Role, caller: set[LegId], agent: set[LegId]) -> None:
    members = talk(mode)
    assert heard_by(members, CALLER) == caller
    assert heard_by(members, AGENT) == agent
    assert heard_by(members, BOSS) == {CALLER, AGENT}
    assert pair(members) is None


def test_the_matrix_is_listener_by_speaker() -> None:
    assert gains(talk(Role.WHISPER)) == ((0.0, 1.0, 0.0), (1.0, 0.0, 1.0), (1.0, 1.0, 0.0))


def test_two_parties_are_a_pair_until_one_is_muted_or_away() -> None:
    two = [Member(leg=CALLER), Member(leg=AGENT, role=Role.AGENT)]
    assert pair(two) == (CALLER, AGENT)
    assert pair([two[0], Member(leg=AGENT, role=Role.AGENT, muted=True)]) is None
    assert pair([two[0], Member(leg=AGENT, role=Role.AGENT, away=True)]) is None
    assert pair([*two, Member(leg=BOSS, role=Role.LISTEN, away=True)]) == (CALLER, AGENT)


def test_who_holds_hears_nobody_and_is_not_heard() -> None:
    members = [
        Member(leg=CALLER),
        Member(leg=AGENT, role=Role.AGENT, away=True),
        Member(leg=BOSS, role=Role.BARGE),
    ]
    assert heard_by(members, AGENT) == frozenset()
    assert heard_by(members, CALLER) == {BOSS}


def test_a_muted_member_of_a_conference_hears_all() -> None:
    members = [Member(leg=LegId(str(number)), muted=number == 3) for number in range(10)]
    matrix = gains(members)
    assert [sum(row) for row in matrix] == [8.0, 8.0, 8.0, 9.0, 8.0, 8.0, 8.0, 8.0, 8.0, 8.0]
    assert all(row[3] == 0.0 for row in matrix)


MEMBERS = st.lists(
    st.tuples(st.sampled_from(Role), st.booleans(), st.booleans()), min_size=1, max_size=8
).map(
    lambda drawn: [
        Member(leg=LegId(str(at)), role=role, muted=muted, away=away)
        for at, (role, muted, away) in enumerate(drawn)
    ]
)


@given(MEMBERS)
def test_the_rules_hold_in_every_constellation(members: list[Member]) -> None:
    matrix = gains(members)
    assert len(matrix) == len(members) and all(len(row) == len(members) for row in matrix)
    for listener, row in zip(members, matrix, strict=True):
        for speaker, gain in zip(members, row, strict=True):
            assert (gain == 1.0) == hears(listener, speaker)
            if speaker is listener or speaker.muted or speaker.away or listener.away:
                assert gain == 0.0
            if speaker.role is Role.LISTEN:
                assert gain == 0.0
            if speaker.role is Role.WHISPER and gain:
                assert listener.role is Role.AGENT


def test_every_role_is_one_or_the_other() -> None:
    assert set(Role) == TALKING | SUPERVISING
