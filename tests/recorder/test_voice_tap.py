"""Proves forks of audio: samples in order at 8 and 16 kHz with gaps filled and late packets left out, a reader that is slow
or gone never holds the worker up; recordings that end in silence, and that all else goes to the writer untouched.

Does not prove that a worker feeds them: `tests/interop/test_voice_heard.py` does.
"""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from softswitch import g711
from softswitch.ids import RecordingId
from softswitch.recorder.voice_tap import FIRST_FORK, VoiceTap
from softswitch.recorder.writer import RecordingWriter
from softswitch.tap import RecordingSpec, TapRows

PACKET = 160


def tone(samples: int, hertz: float = 400.0, level: float = 8000.0) -> npt.NDArray[np.int16]:
    return (level * np.sin(2 * np.pi * hertz * np.arange(samples) / 8000)).astype(np.int16)


def ulaw(samples: npt.NDArray[np.int16]) -> npt.NDArray[np.uint8]:
    return g711.ENCODE_ULAW[samples.view(np.uint16)]


def rows(slot: int, payload: npt.NDArray[np.uint8], timestamp: int, now: float) -> TapRows:
    return TapRows(
        slot=np.array([slot], np.int32),
        track=np.array([0], np.uint8),
        ssrc=np.array([1], np.uint32),
        timestamp=np.array([timestamp & 0xFFFF_FFFF], np.uint32),
        arrival=np.array([now]),
        law=np.array([0], np.uint8),
        length=np.array([len(payload)], np.int32),
        payload=payload.reshape(1, -1),
    )


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "ears"))
        server.listen(4)
        server.settimeout(10)
        yield server


def spec(path: Path, rate: int = 8000) -> RecordingSpec:
    return RecordingSpec(
        recording=RecordingId("fork-1"),
        path="",
        channels=1,
        encoding="PCM16",
        max_s=0.0,
        fork=str(path),
        fork_rate=rate,
    )


def received(server: socket.socket, tap: VoiceTap, slot: int) -> npt.NDArray[np.int16]:
    connection, _ = server.accept()
    tap.close(slot, 1.0)
    data = b""
    while part := connection.recv(65536):
        data += part
    connection.close()
    name, _, samples = data.partition(b"\n")
    assert name == b"fork-1"
    return np.frombuffer(samples, "<i2")


def test_samples_come_in_order_with_gaps_filled(tmp_path: Path, listening: socket.socket) -> None:
    tap = VoiceTap(RecordingWriter())
    slot = tap.open(spec(tmp_path / "ears"), 0.0)
    assert slot > FIRST_FORK
    sound = tone(PACKET * 6)
    first = 0xFFFF_FFFF - PACKET
    for number in (0, 1, 4, 2, 4, 5):  # 3 is lost, 2 is late, 4 comes twice
        part = ulaw(sound[PACKET * number : PACKET * (number + 1)])
        tap.append(rows(slot, part, first + PACKET * number, 0.0))
    got = received(listening, tap, slot)
    expected = g711.DECODE_ULAW[ulaw(sound)].copy()
    expected[2 * PACKET : 4 * PACKET] = 0
    assert np.array_equal(got, expected)


def test_twice_the_rate_is_the_same_sound(tmp_path: Path, listening: socket.socket) -> None:
    tap = VoiceTap(RecordingWriter())
    slot = tap.open(spec(tmp_path / "ears", 16000), 0.0)
    sound = tone(8000, 1000.0)
    for at in range(0, 8000, PACKET):
        tap.append(rows(slot, ulaw(sound[at : at + PACKET]), at, 0.0))
    got = received(listening, tap, slot).astype(float)
    assert len(got) == 16000
    spectrum = np.abs(np.fft.rfft(got[1000:15000]))
    hertz = np.fft.rfftfreq(14000, 1 / 16000)
    assert abs(hertz[spectrum.argmax()] - 1000) < 2
    image = spectrum[(hertz > 6900) & (hertz < 7100)].max()
    assert image < spectrum.max() / 100, "its mirror image above 4 kHz is 40 dB down"


def test_nobody_waits_for_a_slow_reader(tmp_path: Path, listening: socket.socket) -> None:
    tap = VoiceTap(RecordingWriter())
    slot = tap.open(spec(tmp_path / "ears"), 0.0)
    connection, _ = listening.accept()
    began, part = time.monotonic(), ulaw(tone(PACKET))
    for number in range(5000):  # 100 s of audio
        tap.append(rows(slot, part, PACKET * number, 0.0))
    assert time.monotonic() - began < 5
    report = tap.close(slot, 1.0)
    assert 0 < report.seconds < 60 and report.gap_s > 30 and "slow" in report.problem
    data = b""
    while part_read := connection.recv(65536):
        data += part_read
    samples = np.frombuffer(data.partition(b"\n")[2], "<i2")
    assert set(np.unique(samples)) <= set(np.unique(g711.DECODE_ULAW[part])), "whole samples only"
    connection.close()


def test_a_reader_that_goes_ends_the_fork(tmp_path: Path, listening: socket.socket) -> None:
    tap = VoiceTap(RecordingWriter())
    slot = tap.open(spec(tmp_path / "ears"), 0.0)
    listening.accept()[0].close()
    for number in range(3):
        tap.append(rows(slot, ulaw(tone(PACKET)), PACKET * number, 0.0))
    [report] = tap.flush(0.5)
    assert (report.recording, report.state) == ("fork-1", "ended")
    assert tap.close(slot, 1.0) == report


def test_nobody_listens(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        VoiceTap(RecordingWriter()).open(spec(tmp_path / "nobody"), 0.0)


# --- silence --------------------------------------------------------------------------------------------------------


def speak(tap: VoiceTap, slot: int, seconds: float, began: float, level: float) -> float:
    """Packets of 20 ms, a flush each 100 ms; returns the time after."""
    now = began
    for number in range(round(seconds * 50)):
        now = began + number / 50
        sound = tone(PACKET, 300.0, level)
        tap.append(rows(slot, ulaw(sound), round(now * 8000), now))
        if number % 5 == 0 and (reports := tap.flush(now)):
            assert [report.state for report in reports] == ["limit"]
            return now
    return now + 0.02


def test_a_recording_ends_when_its_speaker_is_silent(tmp_path: Path) -> None:
    tap = VoiceTap(RecordingWriter())
    file = tmp_path / "message.wav"
    wanted = RecordingSpec(
        recording=RecordingId("r1"), path=str(file), channels=1, encoding="PCMU", max_s=60.0, silence_s=2.0
    )
    slot = tap.open(wanted, 100.0)
    now = speak(tap, slot, 3.0, 100.0, 6000.0)
    now = speak(tap, slot, 1.5, now, 40.0)  # a pause with noise in it
    now = speak(tap, slot, 1.0, now, 6000.0)
    ended = speak(tap, slot, 10.0, now, 40.0)
    assert ended - now == pytest.approx(2.0, abs=0.15)
    report = tap.close(slot, ended)
    assert report.state == "limit" and report.seconds == pytest.approx(7.4, abs=0.4)
    assert soundfile.info(str(file)).duration == pytest.approx(report.seconds, abs=0.01)


def test_a_caller_who_sends_nothing_is_silent(tmp_path: Path) -> None:
    tap = VoiceTap(RecordingWriter())
    wanted = RecordingSpec(
        recording=RecordingId("r1"),
        path=str(tmp_path / "m.wav"),
        channels=1,
        encoding="PCMU",
        max_s=60.0,
        silence_s=2.0,
    )
    slot = tap.open(wanted, 100.0)
    assert tap.flush(104.5) == [], "the first word has more time"
    assert [report.recording for report in tap.flush(105.1)] == ["r1"]
    tap.close(slot, 105.1)


def test_other_recordings_are_the_writers(tmp_path: Path) -> None:
    tap = VoiceTap(RecordingWriter())
    file = tmp_path / "talk.wav"
    slot = tap.open(
        RecordingSpec(recording=RecordingId("r1"), path=str(file), channels=2, encoding="PCMU", max_s=0.0),
        100.0,
    )
    assert slot < FIRST_FORK
    speak(tap, slot, 2.0, 100.0, 40.0)
    tap.mark(slot, "hold", "", 101.0)
    assert tap.close(slot, 103.0).state == "ended"
    assert soundfile.info(str(file)).channels == 2
