"""Proves on virtual time, by a tone of its own for each party, who hears whom: listening in, whispering, barging in, three
and ten parties, gains, clipping, prompts for one party only; that whoever hears one party alone is relayed bit-exact all
the while; and that each listener's stream stays one stream over relay, mix and music.

Does not prove how speech sounds, nor anything about codecs other than G.711 (test_rtp_transcoding.py).
"""

import gc
import itertools

import numpy as np
import pytest
from media_room import Room, Rtp
from talkers import TONES, Talker, all_hear_all, amplitude, forget, mix, talk, talker, tones_in

from softswitch import g711
from softswitch.ids import LegId, MixId, RecordingId
from softswitch.rtp.commands import (
    Bridge,
    CloseLeg,
    Mix,
    Music,
    Play,
    SendDigits,
    SetPeer,
    StartRecording,
    StopPlay,
    Unbridge,
)
from softswitch.rtp.dtmf import EventPayload
from softswitch.rtp.group import Group
from softswitch.rtp.leg import Leg
from softswitch.rtp.prompt import Prompt
from softswitch.rtp.reports import CommandRefused, DigitPressed, PlayEnded
from softswitch.rtp.speaker import Speaker
from softswitch.tap import RecordingSpec

AGENT, CUSTOMER, SUPERVISOR = range(3)
LISTEN = [[0, 1, 0], [1, 0, 0], [1, 1, 0]]
WHISPER = [[0, 1, 1], [1, 0, 0], [1, 1, 0]]
BARGE = [[0, 1, 1], [1, 0, 1], [1, 1, 0]]

SPEC = RecordingSpec(recording=RecordingId("r"), path="x.wav", channels=2, encoding="PCMU", max_s=0)


def three(room: Room, *codecs: str) -> list[Talker]:
    names = ("agent", "customer", "supervisor")
    codecs = codecs or ("PCMU", "PCMU", "PCMA")
    return [talker(room, name, tone, codec) for name, tone, codec in zip(names, TONES, codecs, strict=False)]


def assert_one_stream(heard: list[Rtp], ticks: int = 160) -> None:
    for before, after in itertools.pairwise(heard):
        assert (after.sequence - before.sequence) & 0xFFFF == 1
        assert ticks <= (after.timestamp - before.timestamp) & 0xFFFFFFFF <= 40 * ticks
        assert after.ssrc == before.ssrc


def tone_prompt(tone: float, seconds: float, level: float = 4000.0) -> Prompt:
    time = np.arange(round(8000 * seconds)) / 8000
    return Prompt.of((level * np.sin(2 * np.pi * tone * time)).astype(np.int16))


def test_listening_in_leaves_agent_and_customer_bit_exact() -> None:
    room = Room()
    parties = agent, customer, supervisor = three(room)
    room.do(Bridge(a=agent.peer.leg, b=customer.peer.leg))
    talk(room, parties, 0.5)
    mix(room, "m", parties, LISTEN)
    talk(room, parties, 1.0)
    assert customer.payloads == agent.said and agent.payloads == customer.said, "not a byte differs"
    assert [each.marker for each in agent.heard] == [True] + [False] * 74, "the talk does not begin anew"
    assert tones_in(supervisor, list(TONES)) == [agent.tone, customer.tone]
    assert len(supervisor.heard) == 50
    assert_one_stream(supervisor.heard)


def test_a_whisper_reaches_the_agent_only_and_the_customer_is_relayed_bit_exact() -> None:
    room = Room()
    parties = agent, customer, supervisor = three(room)
    mix(room, "m", parties, WHISPER)
    talk(room, parties, 1.5)
    assert customer.payloads == agent.said
    assert tones_in(customer, list(TONES)) == [agent.tone]
    assert tones_in(agent, list(TONES)) == [customer.tone, supervisor.tone]
    assert tones_in(supervisor, list(TONES)) == [agent.tone, customer.tone]


def test_barging_in_three_hear_each_other_and_nobody_himself() -> None:
    room = Room()
    parties = three(room)
    mix(room, "m", parties, BARGE)
    talk(room, parties, 1.5)
    for each in parties:
        assert tones_in(each, list(TONES)) == [other.tone for other in parties if other is not each]
        assert len(each.heard) == 75
        assert_one_stream(each.heard)


def test_from_listening_to_whisper_to_barge_and_back_each_stream_goes_on() -> None:
    room = Room()
    parties = agent, customer, supervisor = three(room)
    room.do(Bridge(a=agent.peer.leg, b=customer.peer.leg))
    starts = []
    for gains in (None, LISTEN, WHISPER, BARGE, WHISPER, LISTEN):
        if gains:
            mix(room, "m", parties, gains)
        starts.append(len(agent.heard))
        talk(room, parties, 0.6)
    room.do(Mix(mix=MixId("m"), legs=(), gains=()))
    room.do(Bridge(a=agent.peer.leg, b=customer.peer.leg))
    forget([supervisor])
    talk(room, parties, 0.6)
    for each in (agent, customer):
        assert_one_stream(each.heard)
    assert agent.payloads[-30:] == customer.said[-30:]
    assert supervisor.heard == []
    markers = [at for at, each in enumerate(agent.heard) if each.marker]
    assert len(markers) == 3, "begun, into the sum of whisper and barge, back to the customer alone"


def test_ten_in_a_conference_hear_nine_but_a_muted_one_is_heard_by_nobody() -> None:
    room = Room()
    parties = [talker(room, f"{n}", TONES[n], "PCMA" if n % 2 else "PCMU", level=2000) for n in range(10)]
    mix(room, "room", parties, all_hear_all(10, muted=(3,)))
    talk(room, parties, 1.2)
    for at, each in enumerate(parties):
        expected = [TONES[n] for n in range(10) if n not in (at, 3)]
        assert tones_in(each, list(TONES)) == expected
        assert_one_stream(each.heard)
        samples = each.decode()[1600:]
        for tone in expected:
            assert amplitude(samples, 8000, tone) == pytest.approx(2000, rel=0.05)


def test_gains_scale_and_loud_sums_are_clipped_without_wrapping() -> None:
    room = Room()
    a, b, c = parties = [talker(room, f"{n}", TONES[n], level=8000) for n in range(3)]
    mix(room, "m", parties, [[0, 0.5, 0], [0, 0, 0.25], [8, 0.125, 0]])
    talk(room, parties, 1.0)
    heard = a.decode()[1600:]
    assert amplitude(heard, 8000, b.tone) == pytest.approx(4000, rel=0.03)
    assert amplitude(b.decode()[1600:], 8000, c.tone) == pytest.approx(2000, rel=0.03)
    loud = c.decode()[1600:].astype(int)
    assert loud.max() > 31000 and loud.min() < -31000
    assert np.abs(np.diff(loud)).max() < 40000, "a wrapped sum jumps by 65,536"
    assert amplitude(loud.astype(np.int16), 8000, a.tone) > 32000, "a clipped tone is nearly a square"


@pytest.mark.parametrize("ptime_ms", [10, 30, 40, 60])
def test_each_listener_gets_packets_of_its_own_length(ptime_ms: int) -> None:
    room = Room()
    parties = [*three(room)[:2], talker(room, "late", TONES[2], ptime_ms=ptime_ms)]
    mix(room, "m", parties, BARGE)
    talk(room, parties, 1.2)
    late = parties[2]
    assert {len(each) for each in late.payloads} == {8 * ptime_ms}
    assert len(late.heard) == pytest.approx(1200 / ptime_ms, abs=1)
    assert_one_stream(late.heard, 8 * ptime_ms)
    for each in parties:
        assert tones_in(each, list(TONES)) == [other.tone for other in parties if other is not each]


@pytest.mark.parametrize("ptime_ms", [10, 30])
def test_long_packets_go_on_whole_when_who_had_short_steps_leaves_in_their_midst(ptime_ms: int) -> None:
    room = Room()
    long = talker(room, "long", TONES[0], ptime_ms=60)
    others = [talker(room, name, tone) for name, tone in zip(("b", "c"), TONES[1:], strict=False)]
    short = talker(room, "short", TONES[3], ptime_ms=ptime_ms)
    for parts in range(1, 7):
        mix(room, "m", [long, *others, short], all_hear_all(4))
        talk(room, [long, *others, short], 0.2 + 0.01 * parts)
        mix(room, "m", [long, *others], all_hear_all(3))
        talk(room, [long, *others], 0.2)
    assert {len(payload) for payload in long.payloads} == {480}
    assert len(long.heard) == pytest.approx(6 * 435 / 60, abs=6)
    assert_one_stream(long.heard, 480)


def test_music_goes_to_who_hears_nobody_and_into_relay_mix_and_back_as_one_stream() -> None:
    room = Room()
    room.library.prompts["music"] = tone_prompt(TONES[7], 1.0)
    parties = agent, customer, supervisor = three(room)
    room.do(Music(leg=customer.peer.leg, prompt="music"))
    talk(room, parties, 0.5)
    room.do(Bridge(a=agent.peer.leg, b=customer.peer.leg))
    talk(room, parties, 0.5)
    mix(room, "m", parties, BARGE)
    talk(room, parties, 0.5)
    mix(room, "m", parties, [[0, 0, 1], [0, 0, 0], [1, 0, 0]])
    forget(parties)
    talk(room, parties, 0.5)
    assert tones_in(customer, list(TONES), 0.1) == [TONES[7]], "on hold in the mix"
    assert agent.payloads == [
        g711.ALAW_TO_ULAW[np.frombuffer(said, np.uint8)].tobytes() for said in supervisor.said
    ]
    mix(room, "m", parties, BARGE)
    talk(room, parties, 0.5)
    room.do(CloseLeg(leg=agent.peer.leg))
    room.do(CloseLeg(leg=supervisor.peer.leg))
    talk(room, [customer], 0.5)
    assert_one_stream(customer.heard)
    assert [at for at, each in enumerate(customer.heard) if each.marker] == [0, 25, 50]


def test_a_prompt_for_one_party_of_a_bridge_is_over_the_ducked_other_and_heard_by_nobody_else() -> None:
    room = Room()
    room.library.prompts["words"] = tone_prompt(TONES[5], 1.0)
    a, b = parties = three(room)[:2]
    room.do(Bridge(a=a.peer.leg, b=b.peer.leg))
    talk(room, parties, 0.4)
    room.do(Play(leg=a.peer.leg, play=1, prompts=("words",)))
    talk(room, parties, 1.4)
    assert room.told(PlayEnded) == [PlayEnded(leg=a.peer.leg, play=1, completed=True)]
    assert b.payloads == a.said, "the other side hears nothing of it"
    during = a.decode()[22 * 160 + 1600 : 68 * 160]
    assert amplitude(during, 8000, TONES[5]) == pytest.approx(4000, rel=0.05)
    assert amplitude(during, 8000, b.tone) == pytest.approx(800, rel=0.1), "ducked"
    assert a.payloads[:20] == b.said[:20] and a.payloads[-15:] == b.said[-15:], "relayed before and after"
    assert_one_stream(a.heard)
    room.do(Play(leg=a.peer.leg, play=2, prompts=("words",)))
    talk(room, parties, 0.1)
    room.do(StopPlay(leg=a.peer.leg))
    forget(parties)
    talk(room, parties, 0.2)
    assert a.payloads == b.said


def test_a_warning_tone_to_one_of_a_conference_stays_with_him() -> None:
    room = Room()
    room.library.prompts["warning"] = tone_prompt(TONES[8], 0.8)
    parties = three(room)
    mix(room, "m", parties, BARGE)
    talk(room, parties, 0.3)
    room.do(Play(leg=parties[0].peer.leg, play=4, prompts=("warning",)))
    forget(parties)
    talk(room, parties, 0.6)
    assert TONES[8] in tones_in(parties[0], list(TONES))
    assert [TONES[8] in tones_in(each, list(TONES)) for each in parties[1:]] == [False, False]
    talk(room, parties, 0.4)
    assert room.told(PlayEnded) == [PlayEnded(leg=parties[0].peer.leg, play=4, completed=True)]


def test_who_leaves_a_mix_is_not_heard_and_the_rest_goes_on_relayed_again() -> None:
    room = Room()
    parties = agent, customer, supervisor = three(room)
    mix(room, "m", parties, BARGE)
    talk(room, parties, 0.5)
    room.do(CloseLeg(leg=supervisor.peer.leg))
    forget(parties)
    talk(room, [agent, customer], 0.5)
    assert customer.payloads == agent.said and agent.payloads == customer.said
    room.do(Unbridge(leg=agent.peer.leg))
    forget(parties)
    talk(room, [agent, customer], 0.3)
    assert customer.payloads == agent.said, "a mix is ended by Mix, not by Unbridge"
    mix(room, "m", [customer], [[0]])
    forget(parties)
    talk(room, [agent, customer], 0.3)
    assert customer.heard == agent.heard == []


def test_a_mix_takes_legs_out_of_bridges_and_other_mixes() -> None:
    room = Room()
    a, b, c, d = parties = [talker(room, f"{n}", TONES[n]) for n in range(4)]
    room.do(Bridge(a=a.peer.leg, b=b.peer.leg))
    mix(room, "one", [c, d], all_hear_all(2))
    talk(room, parties, 0.3)
    assert d.payloads == c.said
    mix(room, "two", [b, c], all_hear_all(2))
    forget(parties)
    talk(room, parties, 0.3)
    assert b.payloads == c.said and c.payloads == b.said
    assert a.heard == d.heard == []
    room.do(Bridge(a=a.peer.leg, b=d.peer.leg))
    forget(parties)
    talk(room, parties, 0.3)
    assert a.payloads == d.said and b.payloads == c.said


def test_a_held_party_of_a_mix_is_neither_sent_to_nor_heard() -> None:
    room = Room()
    parties = three(room)
    mix(room, "m", parties, BARGE)
    held = parties[1].peer
    room.do(
        SetPeer(leg=held.leg, address="0.0.0.0", port=0, codec="PCMU", payload_type=0, event_payload_type=101)
    )
    talk(room, parties, 0.8)
    assert parties[1].heard == []
    assert tones_in(parties[0], list(TONES)) == [parties[2].tone]


def test_keys_of_a_summed_leg_are_sent_to_it_as_events_in_place_of_the_sum() -> None:
    room = Room()
    parties = three(room)
    mix(room, "m", parties, BARGE)
    talk(room, parties, 0.2)
    forget(parties)
    room.do(SendDigits(leg=parties[0].peer.leg, digits="5"))
    talk(room, parties, 0.6)
    events = [each for each in parties[0].heard if each.kind == 101]
    assert [EventPayload.parse(each.payload).event for each in events] == [5] * 7  # type: ignore[union-attr]
    for before, after in itertools.pairwise(parties[0].heard):
        assert (after.sequence - before.sequence) & 0xFFFF == 1
    assert [each for each in parties[1].heard if each.kind == 101] == []
    assert tones_in(parties[0], list(TONES), 0.25) == [parties[1].tone, parties[2].tone]


def test_loss_and_reordering_at_a_speaker_disturb_its_own_voice_only() -> None:
    room = Room()
    parties = three(room)
    mix(room, "m", parties, BARGE)
    talk(room, parties, 0.4)
    forget(parties)
    for n in range(50):
        for at, each in enumerate(parties):
            if at == 1 and n % 10 == 5:
                each.peer.sequence += 1
                each.peer.timestamp += 160
                each._at += 160
            else:
                each.speak()
        room.run(0.02)
        for each in parties:
            each.listen()
    for each in parties:
        assert tones_in(each, list(TONES), 0.0)[:3] == [o.tone for o in parties if o is not each]
        assert len(each.heard) == 50


def test_mixes_that_make_no_sense_are_refused_and_change_nothing() -> None:
    room = Room()
    parties = a, b, _ = three(room)
    room.do(Bridge(a=a.peer.leg, b=b.peer.leg))
    legs = tuple(each.peer.leg for each in parties)
    square = ((0.0, 1.0), (1.0, 0.0))
    for names, gains in (
        (legs[:2], square[:1]),
        (legs, square),
        ((legs[0], legs[0]), square),
        (legs[:2], ((0.0, -1.0), (1.0, 0.0))),
        (legs[:2], ((0.0, 1e6), (1.0, 0.0))),
        (legs[:2], ((1.0, 1.0), (1.0, 0.0))),
    ):
        (refused,) = room.do(Mix(mix=MixId("m"), legs=names, gains=gains))
        assert isinstance(refused, CommandRefused)
    talk(room, parties, 0.2)
    assert b.payloads == a.said
    (refused,) = room.do(Mix(mix=MixId("m"), legs=(*legs[:2], LegId("gone")), gains=tuple(map(tuple, BARGE))))
    assert "gone" in refused.problem  # type: ignore[union-attr]
    forget(parties)
    talk(room, parties, 0.2)
    assert b.payloads == a.said, "the others are mixed"


def test_a_mix_that_has_ended_costs_nothing_and_can_be_begun_again() -> None:
    room = Room()
    parties = three(room)
    for _ in range(3):
        mix(room, "m", parties, BARGE)
        talk(room, parties, 0.3)
        assert all(tones_in(each, list(TONES), 0.1) for each in parties)
        room.do(Mix(mix=MixId("m"), legs=(), gains=()))
        mixer = room.exchange._mixer
        assert not mixer.speakers and not mixer._groups and not room.exchange._table.tapped.any()
        forget(parties)
        talk(room, parties, 0.1)
        assert not any(each.heard for each in parties)
        forget(parties)


def test_a_closed_leg_leaves_nothing_behind_for_the_garbage_collector() -> None:
    room = Room()
    room.library.prompts["words"] = tone_prompt(TONES[5], 1.0)
    gc.collect()
    gc.disable()
    try:
        parties = three(room, "opus", "PCMU", "G722")
        room.do(StartRecording(spec=SPEC, tracks=(parties[0].peer.leg,)))
        room.do(Bridge(a=parties[0].peer.leg, b=parties[1].peer.leg))
        room.do(Play(leg=parties[1].peer.leg, play=1, prompts=("words",)))
        talk(room, parties, 0.2)
        mix(room, "m", parties, BARGE)
        room.do(SendDigits(leg=parties[0].peer.leg, digits="5"))
        talk(room, parties, 0.2)
        for each in parties:
            room.do(CloseLeg(leg=each.peer.leg))
        room.run(0.1)
        assert [each for each in gc.get_objects() if isinstance(each, Leg | Group | Speaker)] == []
    finally:
        gc.enable()


def test_after_a_stall_a_mix_makes_no_burst() -> None:
    room = Room()
    parties = three(room)
    mix(room, "m", parties, BARGE)
    talk(room, parties, 0.3)
    room.now += 3.0
    forget(parties)
    talk(room, parties, 0.2)
    assert all(len(each.heard) <= 13 for each in parties)


def test_keys_pressed_in_a_mix_are_told() -> None:
    room = Room()
    parties = three(room)
    mix(room, "m", parties, BARGE)
    talk(room, parties, 0.1)
    peer = parties[2].peer
    payload = EventPayload(5, False, 10, 160).serialize()
    room.engine.arrive(peer.port, peer.packet(payload, kind=101), peer.address)
    room.run()
    assert room.told(DigitPressed) == [DigitPressed(leg=peer.leg, digit="5", method="rfc4733")]
