"""Proves on virtual time: music, prompts, prompts over ducked music, tones and keys leave at the right moments with the
right bytes, end exactly when they should, rest while a leg is bridged, and wait for files that load.

Does not prove that files are read (test_rtp_prompts.py).
"""

import itertools

import numpy as np
import pytest
from media_room import Peer, Room, Rtp, noise

from softswitch import g711
from softswitch.ids import LegId
from softswitch.rtp.commands import Bridge, Music, Play, SendDigits, SetPeer, StopPlay, Unbridge
from softswitch.rtp.goertzel import ToneDetector
from softswitch.rtp.prompt import Prompt
from softswitch.rtp.reports import CommandRefused, PlayEnded


def prompt(seed: int, samples: int) -> Prompt:
    return Prompt.of(np.random.default_rng(seed).integers(-9000, 9000, samples).astype(np.int16))


def play(room: Room, peer: Peer, *paths: str, number: int = 1) -> None:
    room.do(Play(leg=peer.leg, play=number, prompts=paths))


def audio(heard: list[Rtp]) -> bytes:
    return b"".join(each.payload for each in heard)


@pytest.mark.parametrize(("codec", "law"), [("PCMU", 0), ("PCMA", 8)])
def test_prompts_are_played_without_a_gap_and_end_exactly(codec: str, law: int) -> None:
    room = Room()
    one, two = prompt(1, 1000), prompt(2, 700)
    room.library.prompts |= {"one": one, "two": two}
    peer = room.phone("a", codec=codec)
    began = room.now
    play(room, peer, "one", "two")
    while not room.told(PlayEnded):
        room.run()
    assert room.now - began == pytest.approx(11 * 0.02, abs=0.011)
    heard = peer.heard()
    assert len(heard) == 11
    sound = one.encoded(law).tobytes() + two.encoded(law).tobytes()
    assert audio(heard) == sound + bytes([g711.SILENCE[law]]) * 60
    assert [each.marker for each in heard] == [True] + [False] * 10
    assert [each.timestamp - heard[0].timestamp & 0xFFFFFFFF for each in heard] == [
        160 * n for n in range(11)
    ]
    assert room.told(PlayEnded) == [PlayEnded(leg=peer.leg, play=1, completed=True)]
    room.run(0.2)
    assert peer.heard() == []


def agree_anew(room: Room, peer: Peer, codec: str, kind: int, event: int | None) -> None:
    host, port = peer.address
    room.do(
        SetPeer(
            leg=peer.leg, address=host, port=port, codec=codec, payload_type=kind, event_payload_type=event
        )
    )


def test_all_that_is_made_here_ends_and_is_told_when_the_new_codec_cannot_be_made() -> None:
    room = Room()
    room.library.prompts |= {"music": prompt(1, 8000), "one": prompt(2, 8000)}
    peer = room.phone("a", event=None)
    room.do(Music(leg=peer.leg, prompt="music"))
    play(room, peer, "one")
    room.do(SendDigits(leg=peer.leg, digits="12"))
    room.run(0.1)
    assert peer.heard()
    agree_anew(room, peer, "G729", 18, None)
    room.run(1.0)
    assert peer.heard() == []
    (ended,), (refused,) = room.told(PlayEnded), room.told(CommandRefused)
    assert isinstance(ended, PlayEnded) and isinstance(refused, CommandRefused)
    assert (ended.completed, refused.command) == (False, "Music")
    assert ended.problem == refused.problem != ""
    agree_anew(room, peer, "PCMU", 0, None)
    play(room, peer, "one", number=2)
    room.run(0.1)
    assert len(peer.heard()) == 5


def test_keys_on_their_way_end_where_the_new_answer_has_no_events() -> None:
    room = Room()
    room.library.prompts["music"] = prompt(1, 8000)
    peer = room.phone("a", event=101)
    room.do(Music(leg=peer.leg, prompt="music"))
    room.do(SendDigits(leg=peer.leg, digits="123"))
    room.run(0.1)
    assert {each.kind for each in peer.heard()} == {101}
    agree_anew(room, peer, "PCMU", 0, None)
    room.run(0.1)
    after = peer.heard()
    assert [each.kind for each in after] == [0] * 5
    assert after[0].marker


def test_packets_leave_every_20_ms_and_a_stall_makes_no_burst() -> None:
    room = Room()
    room.library.prompts["music"] = prompt(1, 8000)
    peer = room.phone("a")
    room.do(Music(leg=peer.leg, prompt="music"))
    counts = []
    for _ in range(20):
        room.run(0.02)
        counts.append(len(peer.heard()))
    assert counts == [1] * 20
    room.now += 3.0
    room.run(0.1)
    assert len(peer.heard()) <= 6


def test_the_packet_time_of_the_peer_is_kept() -> None:
    room = Room()
    room.library.prompts["music"] = prompt(1, 8000)
    peer = room.phone("a", ptime_ms=30)
    room.do(Music(leg=peer.leg, prompt="music"))
    room.run(0.3)
    heard = peer.heard()
    assert [len(each.payload) for each in heard] == [240] * 10


def test_music_goes_round_and_rests_while_bridged() -> None:
    room = Room()
    music = prompt(1, 500)
    room.library.prompts["music"] = music
    a, b = room.phone("a"), room.phone("b")
    room.do(Music(leg=a.leg, prompt="music"))
    room.run(0.2)
    first = audio(a.heard())
    room.do(Bridge(a=a.leg, b=b.leg))
    room.run(0.2)
    assert a.heard() == []
    room.do(Unbridge(leg=b.leg))
    room.run(0.2)
    assert first + audio(a.heard()) == (music.ulaw.tobytes() * 10)[: 20 * 160]
    room.do(Music(leg=a.leg, prompt=None))
    room.run(0.2)
    assert a.heard() == []


def test_a_prompt_goes_over_ducked_music_which_goes_on_when_it_is_cut() -> None:
    room = Room()
    music, words = prompt(1, 1600), prompt(2, 3200)
    room.library.prompts |= {"music": music, "words": words}
    peer = room.phone("a", codec="PCMA")
    room.do(Music(leg=peer.leg, prompt="music"))
    room.run(0.04)
    play(room, peer, "words")
    room.run(0.04)
    room.do(StopPlay(leg=peer.leg))
    assert room.told(PlayEnded) == [PlayEnded(leg=peer.leg, play=1, completed=False)]
    room.run(0.04)
    heard = audio(peer.heard())
    assert len(heard) == 6 * 160
    mixed = words.linear[:320] + (music.linear[320:640] * 0.2).astype(np.int32)
    wanted = g711.ENCODE_ALAW[np.clip(mixed, -32768, 32767).astype(np.int16).view(np.uint16)]
    assert heard[:320] == music.alaw[:320].tobytes()
    assert heard[320:640] == wanted.tobytes()
    assert heard[640:] == music.alaw[640:960].tobytes()


def test_a_second_play_and_a_bridge_end_the_first() -> None:
    room = Room()
    room.library.prompts["words"] = prompt(2, 32000)
    a, b = room.phone("a"), room.phone("b")
    play(room, a, "words", number=1)
    room.run(0.1)
    play(room, a, "words", number=2)
    room.run(0.1)
    room.do(Bridge(a=a.leg, b=b.leg))
    assert [(each.play, each.completed) for each in room.told(PlayEnded)] == [(1, False), (2, False)]  # type: ignore[attr-defined]
    a.heard()
    b.speak(noise(1))
    room.run(0.1)
    assert [each.payload for each in a.heard()] == [noise(1)]


def test_a_play_waits_for_its_files_while_music_goes_on() -> None:
    room = Room()
    words = prompt(2, 320)
    room.library.prompts |= {"music": prompt(1, 160), "words": None}
    peer = room.phone("a")
    room.do(Music(leg=peer.leg, prompt="music"))
    play(room, peer, "words")
    room.run(0.1)
    assert len(peer.heard()) == 5
    assert room.told(PlayEnded) == []
    room.library.prompts["words"] = words
    room.run(0.1)
    assert room.told(PlayEnded) == [PlayEnded(leg=peer.leg, play=1, completed=True)]


def test_prompts_that_cannot_be_played_are_left_out_and_named() -> None:
    room = Room()
    room.library.prompts["words"] = prompt(2, 320)
    peer = room.phone("a")
    play(room, peer, "gone", "words", "lost")
    room.run(0.2)
    (ended,) = room.told(PlayEnded)
    assert ended == PlayEnded(
        leg=peer.leg, play=1, completed=True, problem="gone: not found; lost: not found"
    )
    assert len(peer.heard()) == 2
    play(room, peer, "gone", number=2)
    play(room, peer, number=3)
    room.run(0.2)
    results = [(each.play, each.completed) for each in room.told(PlayEnded)[1:]]  # type: ignore[attr-defined]
    assert results == [(2, False), (3, True)]
    (refused,) = room.do(Music(leg=peer.leg, prompt="gone"))
    assert refused == CommandRefused(command="Music", problem="gone: not found", leg=peer.leg)


def test_a_play_goes_on_and_ends_while_the_peer_holds_us() -> None:
    room = Room()
    room.library.prompts["words"] = prompt(2, 1600)
    peer = room.phone("a", send=False)
    play(room, peer, "words")
    room.run(0.3)
    assert peer.heard() == []
    assert room.told(PlayEnded) == [PlayEnded(leg=peer.leg, play=1, completed=True)]


def test_many_legs_are_played_to_at_once() -> None:
    room = Room(ports="20000-23999")
    music, words = prompt(1, 3000), prompt(2, 3200)
    room.library.prompts |= {"music": music, "words": words}
    peers = [room.phone(f"{n}", codec="PCMA" if n % 2 else "PCMU") for n in range(700)]
    for peer in peers:
        room.do(Music(leg=peer.leg, prompt="music"))
    room.run(0.1)
    sent: dict[int, bytes] = {}
    for port, _, data in room.engine.take_sent():
        sent[port] = sent.get(port, b"") + data[12:]
    for peer in peers:
        law = 8 if peer.payload_type == 8 else 0
        assert sent[peer.port] == music.encoded(law)[:800].tobytes()


def test_keys_are_sent_as_tones_where_events_were_not_negotiated() -> None:
    room = Room()
    room.library.prompts["music"] = Prompt.of(np.zeros(8000, np.int16))
    peer = room.phone("a", event=None, codec="PCMA")
    room.do(Music(leg=peer.leg, prompt="music"))
    room.do(SendDigits(leg=peer.leg, digits="19d#x"))
    room.run(1.0)
    samples = g711.DECODE_ALAW[np.frombuffer(audio(peer.heard()), np.uint8)]
    detector = ToneDetector(1)
    one = np.zeros(1, np.int32)
    told = [detector.feed(one, part[None], np.array([160], np.int32)) for part in samples.reshape(-1, 160)]
    assert "".join(key for each in told for _, key in each) == "19D#"


def test_keys_pressed_during_a_prompt_go_first_and_the_prompt_goes_on() -> None:
    room = Room()
    words = prompt(2, 1600)
    room.library.prompts["words"] = words
    peer = room.phone("a", event=101)
    play(room, peer, "words")
    room.run(0.06)
    room.do(SendDigits(leg=peer.leg, digits="7"))
    room.run(1.0)
    heard = peer.heard()
    assert audio([each for each in heard if each.kind == 0]) == words.ulaw.tobytes()
    assert len([each for each in heard if each.kind == 101]) == 7
    assert room.told(PlayEnded) == [PlayEnded(leg=peer.leg, play=1, completed=True)]


def test_a_prompt_to_one_side_of_a_bridge_is_heard_by_that_side_only() -> None:
    room = Room()
    words = prompt(2, 800)
    room.library.prompts["words"] = words
    a, b = room.phone("a"), room.phone("b")
    room.do(Bridge(a=a.leg, b=b.leg))
    play(room, a, "words")
    for n in range(10):
        a.speak(noise(n))
        room.run(0.02)
    for n in range(10, 20):
        a.speak(noise(n))
        b.speak(noise(100 + n))
        room.run(0.02)
    assert [each.payload for each in b.heard()] == [noise(n) for n in range(20)]
    heard = a.heard()
    assert audio(heard[:5]) == words.ulaw.tobytes()
    assert [each.payload for each in heard[-10:]] == [noise(100 + n) for n in range(10, 20)]
    assert all((y.sequence - x.sequence) & 0xFFFF == 1 for x, y in itertools.pairwise(heard))


def test_a_new_codec_is_used_from_the_next_packet() -> None:
    room = Room()
    music = prompt(1, 1600)
    room.library.prompts["music"] = music
    peer = room.phone("a")
    room.do(Music(leg=peer.leg, prompt="music"))
    room.run(0.1)
    room.do(
        SetPeer(
            leg=LegId("a"),
            address=peer.address[0],
            port=peer.address[1],
            codec="PCMA",
            payload_type=8,
            event_payload_type=None,
        )
    )
    room.run(0.1)
    heard = peer.heard()
    assert [each.kind for each in heard] == [0] * 5 + [8] * 5
    assert audio(heard[5:]) == music.alaw[800:1600].tobytes()
