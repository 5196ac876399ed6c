"""Proves what is remembered of each leg and told again: the last word counts, what has ended is not repeated, and what
belongs together stays together. Does not prove that a worker makes the same of it; `test_rtp_rescue.py` does.
"""

from softswitch.ids import LegId, MixId
from softswitch.rtp.commands import Bridge, Command, Mix, Music, Play, SetPeer, StopPlay, Unbridge
from softswitch.rtp.reports import PlayEnded
from softswitch.rtp.scene import Scene

A, B, C, D = LegId("a"), LegId("b"), LegId("c"), LegId("d")
ALL = (A, B, C, D)


def peer(leg: LegId, port: int = 4000) -> SetPeer:
    return SetPeer(
        leg=leg, address="192.0.2.9", port=port, codec="PCMU", payload_type=0, event_payload_type=101
    )


def scene(*commands: Command) -> Scene:
    """Four legs, each of a party of its own."""
    made = Scene()
    for at, leg in enumerate(ALL):
        made.opened(leg, "127.0.0.1", 10000 + 2 * at)
    for command in commands:
        made.told(command)
    return made


def mix(*legs: LegId) -> Mix:
    gains = tuple(tuple(0.0 if x == y else 0.5 + x for y in range(len(legs))) for x in range(len(legs)))
    return Mix(mix=MixId("m"), legs=legs, gains=gains)


def test_the_last_word_counts() -> None:
    made = scene(peer(A), Music(leg=A, prompt="x"), peer(A, 5000), Music(leg=A, prompt="y"))
    assert made.replay([A]) == [peer(A, 5000), Music(leg=A, prompt="y")]
    made.told(Music(leg=A, prompt=None))
    assert made.replay([A]) == [peer(A, 5000)]


def test_a_running_prompt_is_told_again_after_all_else_and_an_ended_one_is_not() -> None:
    play = Play(leg=A, play=2, prompts=("p",))
    made = scene(Play(leg=A, play=1, prompts=("o",)), play, peer(A))
    made.heard(PlayEnded(leg=A, play=1, completed=False))
    assert made.replay([A]) == [peer(A), play]
    made.heard(PlayEnded(leg=A, play=2, completed=True))
    assert made.replay([A]) == [peer(A)]
    made.told(play)
    made.told(StopPlay(leg=A))
    assert made.replay([A]) == [peer(A)]


def test_a_bridge_is_told_once_and_ends_prompts_and_other_bridges() -> None:
    made = scene(Play(leg=A, play=1, prompts=("p",)), Bridge(a=A, b=C), Bridge(a=B, b=A))
    assert made.replay([A, B, C]) == [Bridge(a=A, b=B)]
    made.told(Unbridge(leg=B))
    assert made.replay([A, B, C]) == []


def test_a_prompt_over_a_bridge_comes_after_it() -> None:
    play = Play(leg=A, play=1, prompts=("p",))
    assert scene(Bridge(a=A, b=B), play).replay([A, B]) == [Bridge(a=A, b=B), play]


def test_a_mix_is_replaced_and_left() -> None:
    made = scene(Bridge(a=A, b=B), mix(A, B, C), mix(A, B, C, D))
    assert made.replay(ALL) == [mix(A, B, C, D)]
    made.closed(B)
    [left] = made.replay(ALL)
    assert isinstance(left, Mix)
    assert left.legs == (A, C, D)
    assert left.gains == ((0.0, 0.5, 0.5), (2.5, 0.0, 2.5), (3.5, 3.5, 0.0))
    made.told(Mix(mix=MixId("m"), legs=(), gains=()))
    assert made.replay(ALL) == []


def test_what_belongs_together_stays_together() -> None:
    assert scene().groups(ALL) == [(A,), (B,), (C,), (D,)]
    assert scene(Bridge(a=A, b=C), mix(B, D)).groups(ALL) == [(A, C), (B, D)]
    assert scene(Bridge(a=A, b=C), mix(B, C)).groups(ALL) == [(A,), (B, C), (D,)]
    made = Scene()
    made.opened(A, "127.0.0.1", 1)
    made.opened(B, "127.0.0.1", 3)
    made.opened(C, "127.0.0.1", 5, A)
    made.opened(D, "127.0.0.1", 7, C)
    made.closed(A)
    assert made.groups(ALL) == [(B,), (C, D)], "beside each other, though the first has gone"
    assert made.groups((D,)) == [(D,)], "only legs of the worker that died"


def test_what_is_said_of_unknown_legs_is_not_remembered() -> None:
    made = Scene()
    for command in (peer(A), Music(leg=A, prompt="x"), Bridge(a=A, b=B), Unbridge(leg=A), StopPlay(leg=A)):
        made.told(command)
    made.heard(PlayEnded(leg=A, play=1, completed=True))
    made.closed(A)
    assert (made.legs, made.replay([A]), made.groups([A])) == ({}, [], [])
