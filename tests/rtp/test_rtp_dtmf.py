"""Proves: RFC 4733 events are told once whatever is lost, repeated or late; the packets we make have the form of the RFC;
the tone detector hears all sixteen keys as sox makes them, in noise, with twist and in both laws, wants 40 ms and a
pause, and stays silent on speech of espeak-ng and on music.

Does not prove talk-off rates on the recordings that telephone norms use.
"""

import subprocess
from pathlib import Path

import numpy as np
import pytest

from softswitch import g711
from softswitch.rtp.dtmf import DIGITS, EventPayload, EventReceiver, EventSender
from softswitch.rtp.goertzel import HIGH, KEYS, LOW, ToneDetector
from softswitch.rtp.tones import tone


def event(code: int, duration: int, *, end: bool = False, volume: int = 10) -> bytes:
    return EventPayload(code, end, volume, duration).serialize()


def test_the_example_of_the_rfc_is_read() -> None:
    # RFC 4733 section 5, the digits 9, 1, 1: event code, end bit, volume, duration of the first packets
    receiver = EventReceiver()
    script = [(0, 9, 7, 400, False), (0, 9, 7, 800, False), (0, 9, 7, 1600, True), (0, 9, 7, 1600, True)]
    script += [(5600, 1, 10, 400, False), (5600, 1, 10, 1600, True), (11200, 1, 20, 400, False)]
    told = [
        receiver.packet(1, ts, event(code, length, end=end, volume=level))
        for ts, code, level, length, end in script
    ]
    assert [key for key in told if key] == ["9", "1", "1"]


def test_every_key_is_told_at_its_first_packet_even_when_its_end_is_lost() -> None:
    receiver = EventReceiver()
    told = [receiver.packet(1, 1000 * n, event(n, 160)) for n in range(16)]
    assert told == list(DIGITS)


def test_late_and_repeated_packets_of_earlier_events_are_not_told_again() -> None:
    receiver = EventReceiver()
    packets = [(1000, 1), (2000, 2), (1000, 1), (3000, 3), (2000, 2), (1000, 1), (3000, 3)]
    told = [receiver.packet(1, timestamp, event(code, 160, end=True)) for timestamp, code in packets]
    assert [key for key in told if key] == ["1", "2", "3"]


def test_a_key_held_longer_than_a_segment_is_one_key() -> None:
    receiver = EventReceiver()
    assert receiver.packet(1, 1000, event(4, 0xFFFF)) == "4"
    assert receiver.packet(1, 1000 + 0xFFFF, event(4, 160)) is None
    assert receiver.packet(1, 1000 + 0xFFFF, event(4, 320, end=True)) is None
    assert receiver.packet(1, 200_000, event(4, 160)) == "4"


def test_what_is_no_key_is_not_told() -> None:
    receiver = EventReceiver()
    assert receiver.packet(1, 1, event(16, 160)) is None
    assert receiver.packet(1, 2, event(5, 160, volume=56)) is None
    assert all(receiver.packet(1, 3, event(5, 160)[:size]) is None for size in range(4))


def test_sent_events_grow_and_end_three_times() -> None:
    sender = EventSender("5,a")
    steps = []
    while not sender.done:
        steps.append(sender.next())
    one = [step for step in steps[: len(steps) // 2] if step]
    assert [step.duration for step in one] == [160, 320, 480, 640, 800, 800, 800]
    parsed = [EventPayload.parse(step.payload) for step in one]
    assert [each.end for each in parsed if each] == [False, False, False, False, True, True, True]
    assert [step.first for step in one] == [True] + [False] * 6
    receiver = EventReceiver()
    told = []
    start = 0
    for n, step in enumerate(steps):
        if step:
            start = 160 * n if step.first else start
            told.append(receiver.packet(1, start, step.payload))
    assert [key for key in told if key] == ["5", "A"]


def heard(samples: np.ndarray, law: int = 0, frame: int = 160) -> str:
    """Keys that the detector tells from int16 audio that went through a law, packet by packet."""
    samples = g711.DECODE[law][g711.ENCODE[law][samples.astype(np.int16).view(np.uint16)]]
    detector, row = ToneDetector(3), np.array([1], np.int32)
    padded = np.concatenate([samples, np.zeros(-len(samples) % frame, np.int16)]).reshape(-1, frame)
    told = [detector.feed(row, part[None], np.array([frame], np.int32)) for part in padded]
    return "".join(key for each in told for _, key in each)


def keypress(
    key: str, seconds: float = 0.05, low: float = 6000, high: float = 6000, offset: float = 1.0
) -> np.ndarray:
    row, column = divmod(KEYS.index(key), 4)
    time = np.arange(round(seconds * 8000)) / 8000
    return low * np.sin(2 * np.pi * LOW[row] * offset * time) + high * np.sin(
        2 * np.pi * HIGH[column] * offset * time
    )


def spaced(*parts: np.ndarray, pause: float = 0.05) -> np.ndarray:
    gap = np.zeros(round(pause * 8000))
    return np.concatenate([piece for part in parts for piece in (gap, part)] + [gap])


def test_all_sixteen_keys_as_sox_makes_them(tmp_path: Path) -> None:
    import soundfile

    parts = []
    for key in KEYS:
        row, column = divmod(KEYS.index(key), 4)
        path = tmp_path / f"{row}{column}.wav"
        tones = f"synth 0.06 sin {LOW[row]} sin {HIGH[column]}"
        command = f"sox -q -n -r 8000 -b 16 {path} {tones} remix - vol 0.4 pad 0.05 0.05"
        subprocess.run(command.split(), check=True, timeout=20)
        parts.append(soundfile.read(path, dtype="int16")[0])
    audio = np.concatenate(parts)
    assert heard(audio, law=0) == KEYS
    assert heard(audio, law=8) == KEYS


@pytest.mark.parametrize("frame", [80, 160, 240, 480])
def test_keys_are_heard_whatever_the_packet_time_and_phase(frame: int) -> None:
    for shift in range(0, 102, 7):
        audio = np.concatenate([np.zeros(shift), spaced(*(keypress(key, 0.045) for key in "159D"))])
        assert heard(audio, frame=frame) == "159D"


def test_noise_twist_frequency_error_and_low_level_are_tolerated() -> None:
    random = np.random.default_rng(5)
    clean = spaced(*(keypress(key) for key in KEYS))
    assert heard(clean + random.normal(0, 500, len(clean))) == KEYS
    assert heard(spaced(keypress("5", high=3000))) == "5"
    assert heard(spaced(keypress("5", low=3000))) == "5"
    assert heard(spaced(keypress("5", offset=1.012))) == "5"
    assert heard(spaced(keypress("5", low=700, high=700))) == "5"


def test_short_lone_unequal_and_wrong_tones_are_no_keys() -> None:
    time = np.arange(1600) / 8000
    assert heard(spaced(*(keypress(key, 0.02) for key in KEYS))) == ""
    assert heard(8000 * np.sin(2 * np.pi * 770 * time)) == ""
    assert heard(spaced(keypress("5", 0.2, low=500, high=8000))) == ""
    assert heard(spaced(keypress("5", 0.2, offset=1.045))) == ""
    assert heard(spaced(keypress("5", 0.2, low=30, high=30))) == ""
    assert heard(8000 * np.sin(2 * np.pi * 425 * time)) == ""


def test_a_long_key_is_one_and_a_pause_makes_it_two() -> None:
    assert heard(keypress("8", 1.0)) == "8"
    gap = keypress("8", 0.3)
    gap[1000:1080] = 0
    assert heard(gap) == "8"
    assert heard(spaced(keypress("8"), keypress("8"))) == "88"


def test_listeners_do_not_hear_each_other() -> None:
    detector, rows = ToneDetector(16), np.arange(16, dtype=np.int32)
    audio = np.stack([spaced(keypress(key)) for key in KEYS]).astype(np.int16)
    told = []
    for begin in range(0, audio.shape[1] - 159, 160):
        told += detector.feed(rows, audio[:, begin : begin + 160], np.full(16, 160, np.int32))
    assert sorted(told) == [(n, key) for n, key in enumerate(KEYS)]


def test_speech_is_no_key(tmp_path: Path) -> None:
    import soundfile

    from softswitch.rtp.prompt_rate import to_8k

    words = (
        "Thank you for calling. Please listen carefully, as our menu has changed. For sales, press one. Eeee, oooh, "
        "no, I really need to know why you owe me nine hundred and ninety nine euros. Muchas gracias, llame luego. "
    )
    spoken = []
    for voice in ("en", "es", "ro", "en+f3", "es+f4", "en+m7"):
        path = tmp_path / "speech.wav"
        subprocess.run(
            ["espeak-ng", "-v", voice, "-s", "160", "-w", str(path), words * 4], check=True, timeout=60
        )
        samples, rate = soundfile.read(path, dtype="float32")
        audio = to_8k(samples, rate)
        assert len(audio) > 8000 * 40
        spoken += [audio, audio * np.float32(0.3)]
    length = min(map(len, spoken)) // 160 * 160
    linear = (np.stack([audio[:length] for audio in spoken]) * 32767).astype(np.int16)
    detector, rows = ToneDetector(len(spoken)), np.arange(len(spoken), dtype=np.int32)
    told = []
    for begin in range(0, length, 160):
        told += detector.feed(rows, linear[:, begin : begin + 160], np.full(len(spoken), 160, np.int32))
    assert told == []


def test_tones_of_ours_are_heard_and_cadences_last_as_long_as_they_should() -> None:
    for key in DIGITS:
        made = tone(f"tone:dtmf-{key}")
        assert heard(made.linear) == key  # type: ignore[union-attr]
    lengths = {name: len(tone(f"tone:{name}")) / 8000 for name in ("beep", "ringback", "busy")}  # type: ignore[arg-type]
    assert lengths == {"beep": 0.25, "ringback": 5.0, "busy": 1.0}
    spectrum = np.abs(np.fft.rfft(tone("tone:busy").linear[:4000]))  # type: ignore[union-attr]
    assert abs(spectrum.argmax() * 2 - 425) <= 2
    assert not hasattr(tone("tone:nonsense"), "linear")
