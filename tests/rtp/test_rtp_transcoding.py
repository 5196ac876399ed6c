"""Proves on virtual time: a bridge of two codecs is transcoded (a tone comes through each pair of codecs above a stated
signal-to-noise ratio, at its level), one of the same codec is relayed bit-exact, and that prompts, keys, comfort noise,
recordings and in-band keys work for every codec; what cannot be made (G.729) is refused with its reason.

The encoders and decoders of the phones are those of the switch (libavcodec, libopus): that these follow their standards is
proven in test_rtp_codecs.py. G.729 is fed with frames that are no speech: only that they are decoded is shown.
"""

import itertools
import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
from media_room import Room
from talkers import (
    PAYLOAD_TYPES,
    TONES,
    Talker,
    all_hear_all,
    amplitude,
    forget,
    mix,
    snr_db,
    talk,
    talker,
    tones_in,
)

from softswitch import g711
from softswitch.codec import CODECS
from softswitch.ids import LegId, RecordingId
from softswitch.rtp.commands import Bridge, Music, Play, SendDigits, SetPeer, StartRecording, Unbridge
from softswitch.rtp.dtmf import EventPayload
from softswitch.rtp.goertzel import HIGH, LOW
from softswitch.rtp.packet import WIDTH
from softswitch.rtp.prompt import Prompt
from softswitch.rtp.reports import CommandRefused, DigitPressed, PlayEnded
from softswitch.rtp.resampler import Resampler
from softswitch.rtp.tones import tone
from softswitch.tap import RecordingSpec

SPEECH = Path(__file__).parent.parent.parent / "softswitch/prompts/en/menu.wav"
MADE = ("PCMU", "PCMA", "G722", "opus", "L16")
LEAST_DB = {"opus": 15.0}
"""Opus keeps no waveform; the others are judged by `LEAST`."""
LEAST = 30.0


def pair(room: Room, one: str, two: str) -> tuple[Talker, Talker]:
    a = talker(room, "a", TONES[2], one, ptime_ms=10 if one == "L16" else 20)
    b = talker(room, "b", TONES[4], two, ptime_ms=10 if two == "L16" else 20)
    room.do(Bridge(a=a.peer.leg, b=b.peer.leg))
    return a, b


def sine(frequency: float, seconds: float, level: float = 4000.0) -> Prompt:
    time = np.arange(round(8000 * seconds)) / 8000
    return Prompt.of((level * np.sin(2 * np.pi * frequency * time)).astype(np.int16))


PAIRS = [pair for pair in itertools.combinations(MADE, 2) if pair != ("PCMU", "PCMA")]


@pytest.mark.parametrize(("one", "two"), PAIRS)
def test_a_bridge_of_two_codecs_is_transcoded_both_ways(one: str, two: str) -> None:
    room = Room()
    a, b = pair(room, one, two)
    talk(room, [a, b], 1.0)
    for speaker, listener in ((a, b), (b, a)):
        samples = listener.decode()[round(0.4 * listener.rate) :]
        ratio = snr_db(samples, listener.rate, speaker.tone)
        level = amplitude(samples, listener.rate, speaker.tone)
        print(f"{speaker.codec:4} to {listener.codec:4}: {ratio:5.1f} dB, level {level:.0f} of 4000")
        assert ratio >= min(LEAST, *(LEAST_DB.get(name, 99.0) for name in (one, two)))
        assert level == pytest.approx(4000, rel=0.12)
        assert_continuous(listener)
        assert {each.kind for each in listener.heard} == {PAYLOAD_TYPES[listener.codec]}


@pytest.mark.parametrize(("one", "two"), PAIRS)
def test_speech_comes_through_a_transcoded_bridge(one: str, two: str) -> None:
    room = Room()
    a, b = pair(room, one, two)
    for speaker, listener in ((a, b), (b, a)):
        forget([a, b])
        said, _ = soundfile.read(SPEECH, frames=12000, dtype="int16")
        wide = Resampler(8000, 16000).process(said)
        speaker.speech = said if speaker.rate == 8000 else wide
        speaker._at, listener.level = 0, 0.0
        talk(room, [a, b], 1.5)
        heard = listener.decode()
        heard = heard if listener.rate == 16000 else Resampler(8000, 16000).process(heard)
        likeness = correlation(wide, heard, 4000)
        print(f"speech {speaker.codec:4} to {listener.codec:4}: correlation {likeness:.3f}")
        assert likeness > 0.95
        speaker.speech, speaker.level = None, 0.0


def correlation(said: npt.NDArray[np.int16], heard: npt.NDArray[np.int16], longest: int) -> float:
    """The best of all delays up to `longest` samples."""
    count = min(len(said), len(heard)) - longest
    one = said[:count].astype(np.float64)
    spectrum = np.fft.rfft(heard[: count + longest].astype(np.float64), 1 << 17)
    cross = np.fft.irfft(spectrum * np.conj(np.fft.rfft(one, 1 << 17)))[:longest]
    delay = int(cross.argmax())
    other = heard[delay : delay + count].astype(np.float64)
    return float((one * other).sum() / np.sqrt((one**2).sum() * (other**2).sum()))


def assert_continuous(each: Talker) -> None:
    ticks = CODECS[each.codec].clock * each.ptime_ms // 1000
    for before, after in itertools.pairwise(each.heard):
        assert (after.sequence - before.sequence) & 0xFFFF == 1
        assert (after.timestamp - before.timestamp) & 0xFFFFFFFF == ticks


@pytest.mark.parametrize("codec", [*MADE, "G729"])
def test_the_same_codec_on_both_legs_is_relayed_bit_exact(codec: str) -> None:
    room = Room()
    legs = [room.phone(name, codec=codec, kind=PAYLOAD_TYPES[codec]) for name in "ab"]
    room.do(Bridge(a=legs[0].leg, b=legs[1].leg))
    rng, ticks = np.random.default_rng(1), CODECS[codec].clock // 50
    said: list[list[bytes]] = [[], []]
    heard = [[], []]  # type: ignore[var-annotated]
    for _ in range(50):
        for at, peer in enumerate(legs):
            payload = rng.bytes(int(rng.integers(10, 400)))
            said[at].append(payload)
            room.engine.arrive(peer.port, peer.packet(payload), peer.address)
            peer.sequence += 1
            peer.timestamp += ticks
        room.run(0.02)
        for at, peer in enumerate(legs):
            heard[at] += peer.heard()
    for at in (0, 1):
        assert [each.payload for each in heard[at]] == said[1 - at]
        times = {(y.timestamp - x.timestamp) & 0xFFFFFFFF for x, y in itertools.pairwise(heard[at])}
        assert times == {ticks}


def test_jitter_is_measured_by_the_clock_of_the_codec() -> None:
    room = Room()
    a, b = pair(room, "opus", "G722")
    talk(room, [a, b], 1.0)
    assert room.stats(a.peer.leg).jitter_ms < 0.01
    assert room.stats(b.peer.leg).jitter_ms < 0.01


def test_g729_is_decoded_for_the_others_and_cannot_be_spoken_to() -> None:
    room = Room()
    peer = room.phone("a", codec="G729", kind=18)
    b = talker(room, "b", TONES[1])
    refused = room.do(Bridge(a=peer.leg, b=b.peer.leg))
    assert [each.leg for each in refused if isinstance(each, CommandRefused)] == [peer.leg]
    assert "G729" in refused[0].problem  # type: ignore[union-attr]
    rng = np.random.default_rng(3)
    for _ in range(50):
        room.engine.arrive(peer.port, peer.packet(rng.bytes(20)), peer.address)
        peer.sequence += 1
        peer.timestamp += 160
        b.speak()
        room.run(0.02)
        b.listen()
    assert np.abs(b.decode()[3200:].astype(int)).max() > 0, "something is decoded"
    assert peer.heard() == []
    room.library.prompts["words"] = sine(500, 1)
    (ended,) = room.do(Play(leg=peer.leg, play=9, prompts=("words",)))
    assert isinstance(ended, PlayEnded) and not ended.completed and "G729" in ended.problem
    (refused,) = room.do(Music(leg=peer.leg, prompt="words"))
    assert isinstance(refused, CommandRefused) and "G729" in refused.problem
    assert room.do(SendDigits(leg=peer.leg, digits="1")) == [], "events can be sent to it"


def test_a_conference_of_all_codecs_is_wideband_and_each_hears_the_others() -> None:
    room = Room()
    parties = [
        talker(room, name, TONES[n], name, ptime_ms=10 if name == "L16" else 20)
        for n, name in enumerate(MADE)
    ]
    mix(room, "m", parties, all_hear_all(len(MADE)))
    talk(room, parties, 1.0)
    for each in parties:
        assert tones_in(each, list(TONES), 0.4) == [other.tone for other in parties if other is not each]
        assert_continuous(each)


def test_wideband_speech_stays_wideband_between_wideband_legs() -> None:
    room = Room()
    a, b = pair(room, "G722", "L16")
    a.tone = 6000.0
    talk(room, [a, b], 1.0)
    assert amplitude(b.decode()[8000:], 16000, 6000.0) == pytest.approx(4000, rel=0.25)


def test_listening_in_with_another_codec_leaves_the_call_bit_exact() -> None:
    room = Room()
    a, b = pair(room, "opus", "opus")
    supervisor = talker(room, "s", TONES[0], "PCMA")
    mix(room, "m", [a, b, supervisor], [[0, 1, 0], [1, 0, 0], [1, 1, 0]])
    talk(room, [a, b, supervisor], 1.2)
    assert a.payloads == b.said and b.payloads == a.said
    assert tones_in(supervisor, list(TONES), 0.4) == [a.tone, b.tone]


def test_a_new_codec_in_the_talk_ends_the_transcoding_and_begins_it_again() -> None:
    room = Room()
    a, b = pair(room, "PCMU", "G722")
    talk(room, [a, b], 0.5)
    change = {
        "leg": b.peer.leg,
        "address": b.peer.address[0],
        "port": b.peer.address[1],
        "event_payload_type": 101,
    }
    room.do(SetPeer(codec="PCMU", payload_type=0, **change))  # type: ignore[arg-type]
    narrow = Talker(room, b.peer, "PCMU", b.tone)
    narrow.peer.payload_type = 0
    forget([a])
    talk(room, [a, narrow], 0.5)
    assert a.payloads == narrow.said and narrow.payloads == a.said
    room.do(SetPeer(codec="G722", payload_type=9, **change))  # type: ignore[arg-type]
    b.peer.payload_type = 9
    forget([a, b])
    talk(room, [a, b], 0.8)
    assert tones_in(a, list(TONES), 0.3) == [b.tone] and tones_in(b, list(TONES), 0.3) == [a.tone]


@pytest.mark.parametrize("codec", ["G722", "opus", "L16"])
def test_music_prompts_and_keys_are_made_in_every_codec_by_its_clock(codec: str) -> None:
    room = Room()
    room.library.prompts |= {"music": sine(TONES[3], 1.0), "words": sine(TONES[5], 0.6)}
    each = talker(room, "a", 0.0, codec, ptime_ms=10 if codec == "L16" else 20, event=None)
    room.do(Music(leg=each.peer.leg, prompt="music"))
    hear(room, each, 0.6)
    assert snr_db(each.decode()[3200:], 16000, TONES[3]) > (15 if codec == "opus" else 30)
    assert_continuous(each)
    forget([each])
    room.do(Play(leg=each.peer.leg, play=1, prompts=("words",)))
    hear(room, each, 0.64)
    assert room.told(PlayEnded) == [PlayEnded(leg=each.peer.leg, play=1, completed=True)]
    samples = each.decode()[1600:8000]
    assert amplitude(samples, 16000, TONES[5]) == pytest.approx(4000, rel=0.15)
    assert amplitude(samples, 16000, TONES[3]) == pytest.approx(800, rel=0.4), "ducked"
    assert_continuous(each)
    forget([each])
    room.do(SendDigits(leg=each.peer.leg, digits="5"))
    hear(room, each, 0.1)
    samples = each.decode()[480:1440]
    assert amplitude(samples, 16000, LOW[1]) > 5000 and amplitude(samples, 16000, HIGH[1]) > 5000


def hear(room: Room, each: Talker, seconds: float) -> None:
    room.run(seconds)
    each.listen()


def test_a_packet_time_that_the_codec_cannot_have_is_replaced() -> None:
    room = Room()
    room.library.prompts["music"] = sine(440, 1.0)
    for name, codec, ptime_ms, ticks in (
        ("a", "L16", 20, 160),
        ("b", "opus", 30, 960),
        ("c", "G722", 60, 480),
    ):
        peer = room.phone(name, codec=codec, kind=PAYLOAD_TYPES[codec], ptime_ms=ptime_ms)
        room.do(Music(leg=peer.leg, prompt="music"))
        room.run(0.3)
        heard = peer.heard()
        assert {(y.timestamp - x.timestamp) & 0xFFFFFFFF for x, y in itertools.pairwise(heard)} == {ticks}
        assert all(0 < len(each.payload) <= WIDTH - 12 for each in heard)
        room.do(Music(leg=peer.leg, prompt=None))


def test_keys_are_made_anew_for_the_other_side_of_a_transcoded_bridge() -> None:
    room = Room()
    a, b = talker(room, "a", TONES[2], "opus"), talker(room, "b", TONES[4], "PCMU", event=96)
    room.do(Bridge(a=a.peer.leg, b=b.peer.leg))
    talk(room, [a, b], 0.2)
    for n in range(5):
        payload = EventPayload(7, n == 4, 10, 160 * (n + 1)).serialize()
        room.engine.arrive(a.peer.port, a.peer.packet(payload, kind=101), a.peer.address)
        a.peer.sequence += 1
    a.peer.timestamp += 960 * 5
    forget([a, b])
    talk(room, [a, b], 0.6)
    assert [each.digit for each in room.told(DigitPressed)] == ["7"]  # type: ignore[attr-defined]
    events = [each for each in b.heard if each.kind == 96]
    assert {EventPayload.parse(each.payload).event for each in events} == {7}  # type: ignore[union-attr]
    assert len({each.timestamp for each in events}) == 1 and events[0].marker
    for before, after in itertools.pairwise(b.heard):
        assert (after.sequence - before.sequence) & 0xFFFF == 1


def test_events_to_an_opus_leg_last_by_their_own_clock_and_its_stream_by_its_own() -> None:
    room = Room()
    room.library.prompts["music"] = sine(440, 1.0)
    each = talker(room, "a", 0.0, "opus")
    room.do(Music(leg=each.peer.leg, prompt="music"))
    hear(room, each, 0.1)
    room.do(SendDigits(leg=each.peer.leg, digits="1"))
    hear(room, each, 0.5)
    events = [one for one in each.heard if one.kind == 101]
    durations = [EventPayload.parse(one.payload).duration for one in events]  # type: ignore[union-attr]
    assert durations == [160, 320, 480, 640, 800, 800, 800], "samples of telephone-event/8000"
    after = each.heard[each.heard.index(events[-1]) + 1]
    elapsed = (after.timestamp - events[0].timestamp) & 0xFFFFFFFF
    assert elapsed == pytest.approx(48000 * 0.22, abs=48000 * 0.03)
    assert after.marker


def test_comfort_noise_is_relayed_where_both_have_it_and_mapped() -> None:
    room = Room()
    a, b = room.phone("a", comfort_noise_type=13), room.phone("b", comfort_noise_type=19)
    c = room.phone("c")
    room.do(Bridge(a=a.leg, b=b.leg))
    room.engine.arrive(a.port, a.packet(b"\x28", kind=13), a.address)
    room.run()
    (noise,) = b.heard()
    assert (noise.kind, noise.payload) == (19, b"\x28")
    room.do(Bridge(a=a.leg, b=c.leg))
    a.sequence += 1
    room.engine.arrive(a.port, a.packet(b"\x28", kind=13), a.address)
    room.engine.arrive(c.port, c.packet(b"\x28", kind=13), c.address)
    room.run(0.02)
    assert c.heard() == [] == a.heard()
    assert (room.stats(a.leg).malformed, room.stats(c.leg).malformed) == (0, 1)


def test_comfort_noise_of_a_speaker_is_heard_as_low_noise_in_a_mix() -> None:
    room = Room()
    a, b = (
        talker(room, "a", TONES[2], "PCMU", comfort_noise_type=13),
        talker(room, "b", TONES[4], "L16", ptime_ms=10),
    )
    room.do(Bridge(a=a.peer.leg, b=b.peer.leg))
    talk(room, [a, b], 0.3)
    room.engine.arrive(a.peer.port, a.peer.packet(b"\x32", kind=13), a.peer.address)
    a.peer.sequence += 1
    talk(room, [b], 0.3)
    forget([b])
    talk(room, [b], 0.5)
    level = float(np.sqrt((b.decode().astype(float) ** 2).mean()))
    assert level == pytest.approx(32768 * 10 ** (-50 / 20), rel=0.4)


@pytest.mark.parametrize("codec", ["G722", "opus", "L16"])
def test_every_codec_is_recorded_as_g711_at_8_khz(codec: str) -> None:
    room = Room()
    a, b = pair(room, codec, "PCMA")
    spec = RecordingSpec(recording=RecordingId("r"), path="x.wav", channels=2, encoding="PCMU", max_s=0)
    room.do(StartRecording(spec=spec, tracks=(a.peer.leg, b.peer.leg)))
    a.peer.timestamp = 0xFFFF_FFFF - CODECS[codec].clock // 2
    talk(room, [a, b], 1.0)
    rows = [row for row in room.tap.rows if row[1] == 0]
    assert len(rows) == len(a.said)
    assert {row[4] for row in rows} == {0}
    step = {(after[3] - before[3]) & 0xFFFFFFFF for before, after in itertools.pairwise(rows)}
    assert step == {8 * a.ptime_ms}, "the timeline goes on over the wrap of the stream's timestamps"
    samples = g711.DECODE_ULAW[np.frombuffer(b"".join(row[5] for row in rows), np.uint8)]
    assert len(samples) == pytest.approx(8000, abs=200)
    assert snr_db(samples[1600:], 8000, a.tone) > (15 if codec == "opus" else 28)
    other = [row for row in room.tap.rows if row[1] == 1]
    assert [row[5] for row in other] == b.said and {row[4] for row in other} == {8}


def test_g729_is_recorded() -> None:
    room = Room()
    peer = room.phone("a", codec="G729", kind=18)
    spec = RecordingSpec(recording=RecordingId("r"), path="x.wav", channels=1, encoding="PCMU", max_s=0)
    room.do(StartRecording(spec=spec, tracks=(peer.leg,)))
    rng = np.random.default_rng(3)
    for size in (20, 20, 20, 12, 7, 20):
        room.engine.arrive(peer.port, peer.packet(rng.bytes(size)), peer.address)
        peer.sequence += 1
        peer.timestamp += 160
        room.run(0.02)
    assert [len(row[5]) for row in room.tap.rows] == [160, 160, 160, 160, 160], "seven bytes are no frame"


def test_keys_in_the_audio_of_other_codecs_are_found() -> None:
    room = Room()
    a = talker(room, "a", 0.0, "G722", detect_inband=True)
    samples = np.repeat(np.concatenate([np.zeros(800, np.int16), tone("tone:dtmf-6").linear]), 2)  # type: ignore[union-attr]
    samples = np.concatenate([samples, np.zeros(-len(samples) % 320, np.int16)])
    for part in samples.reshape(-1, 320):
        a.send(a._encoder.encode(part), 160)
        room.run(0.02)
    assert [each.digit for each in room.told(DigitPressed)] == ["6"]  # type: ignore[attr-defined]


def test_no_mutation_of_a_payload_stops_a_mix() -> None:
    room = Room()
    a, b = pair(room, "opus", "G722")
    c = talker(room, "c", TONES[1], "PCMU")
    mix(room, "m", [a, b, c], all_hear_all(3))
    rng = np.random.default_rng(7)
    for n in range(100):
        c.speak()
        for each in (a, b):
            each.send(rng.bytes(int(rng.integers(0, 480))), int(rng.integers(0, 4000)))
            if n % 50 == 0:
                each.peer.ssrc += 1
        room.run(0.02)
    for each in (a, b, c):
        each.listen()
    forget([a, b, c])
    c.level = 8000
    for each in (a, b):
        each.level = 0
        each.peer.ssrc += 1
    talk(room, [a, b, c], 1.0)
    assert tones_in(a, list(TONES), 0.5) == tones_in(b, list(TONES), 0.5) == [c.tone]
    for leg in ("a", "b"):
        room.do(Unbridge(leg=LegId(leg)))


def test_a_malformed_header_of_comfort_noise_is_survived() -> None:
    room = Room()
    a, b = talker(room, "a", 0.0, "PCMU", comfort_noise_type=13), talker(room, "b", 0.0, "G722")
    room.do(Bridge(a=a.peer.leg, b=b.peer.leg))
    for length in range(14):
        data = struct.pack("!BBHII", 0x80, 13, 5 + length, 0, a.peer.ssrc) + b"\xff"
        room.engine.arrive(a.peer.port, data[:length], a.peer.address)
        room.run()
