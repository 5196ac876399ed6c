"""Proves with Python's `wave`, soxi and soundfile that a recording follows its call: more than two tracks in each encoding,
a third party in a stereo file, tracks that change hands without gaps being counted, masks (silent in every track, also for
packets that belong into the mask but came before or after it), and that the side file tells all of it while it runs.

Does not prove who is put on which track; `tests/call` and `tests/story` do.
"""

import json
import subprocess
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile
from recorder_rows import Packet, rows_of

from softswitch.g711 import DECODE_ALAW, DECODE_ULAW
from softswitch.ids import RecordingId
from softswitch.recorder.timeline import PHASES
from softswitch.recorder.writer import MASK_TAIL_S, RecordingWriter
from softswitch.tap import RecordingSpec

T0 = 7000.0
FRAME = 160


def spec(path: Path, encoding: str = "PCM16", channels: int = 2) -> RecordingSpec:
    return RecordingSpec(
        recording=RecordingId(path.stem), path=str(path), channels=channels, encoding=encoding, max_s=0.0
    )


def sound(track: int, seconds: float = 10.0) -> bytes:
    return np.random.default_rng(track).integers(0, 120, int(seconds * 8000), np.uint8).tobytes()


class Talk:
    """Feeds tracks packet by packet in virtual time."""

    def __init__(self, writer: RecordingWriter, slot: int) -> None:
        self.writer, self.slot, self.now, self.sent = writer, slot, T0, 0

    def run(self, seconds: float, *tracks: int, late: float = 0.0, law: int = 0) -> None:
        for _ in range(round(seconds * 50)):
            packets = [
                Packet(
                    slot=self.slot,
                    track=track,
                    ssrc=100 + track,
                    timestamp=self.sent * FRAME,
                    arrival=self.now + late,
                    law=law,
                    payload=sound(track)[self.sent * FRAME : (self.sent + 1) * FRAME],
                )
                for track in tracks
            ]
            if packets:
                self.writer.append(rows_of(packets))
            self.sent += 1
            self.now = T0 + self.sent * 0.02
            if self.sent % 10 == 0:
                self.writer.flush(self.now)


def read(path: Path) -> np.ndarray:
    with wave.open(str(path)) as wav:
        return np.frombuffer(wav.readframes(wav.getnframes()), "<i2").reshape(-1, wav.getnchannels())


def said(track: int, first: float, last: float) -> np.ndarray:
    return DECODE_ULAW[np.frombuffer(sound(track), np.uint8)][int(first * 8000) : int(last * 8000)]


def side(path: Path) -> dict[str, list[dict[str, object]]]:
    content: dict[str, list[dict[str, object]]] = json.loads(path.with_suffix(".json").read_text())
    return content


@pytest.mark.parametrize("channels", range(3, 9))
def test_a_track_for_each_party(tmp_path: Path, channels: int) -> None:
    path = tmp_path / "p.wav"
    writer = RecordingWriter(capacity=64)
    slot = writer.open(spec(path, channels=channels), T0)
    talk = Talk(writer, slot)
    talk.run(2.0, *range(channels))
    report = writer.close(slot, talk.now)
    assert (report.state, report.seconds, report.gaps) == ("ended", 2.0, 0)
    samples = read(path)
    assert samples.shape == (16000, channels)
    for track in range(channels):
        assert np.array_equal(samples[:, track], said(track, 0, 2))
    info = soundfile.info(path)
    assert (info.frames, info.channels) == (16000, channels)
    assert np.array_equal(soundfile.read(path, dtype="int16")[0], samples)
    soxi = subprocess.run(["soxi", path], capture_output=True, text=True, check=True)
    assert f"Channels       : {channels}" in soxi.stdout and not soxi.stderr


@pytest.mark.parametrize(("encoding", "table"), [("PCMU", DECODE_ULAW), ("PCMA", DECODE_ALAW)])
def test_g711_with_three_tracks_is_what_was_sent(tmp_path: Path, encoding: str, table: np.ndarray) -> None:
    path = tmp_path / "g.wav"
    writer = RecordingWriter(capacity=64)
    slot = writer.open(spec(path, encoding, 3), T0)
    talk = Talk(writer, slot)
    talk.run(1.0, 0, 1, 2, law=0 if encoding == "PCMU" else 8)
    writer.close(slot, talk.now)
    got = soundfile.read(path, dtype="int16")[0]
    for track in range(3):
        assert np.array_equal(got[:, track], table[np.frombuffer(sound(track), np.uint8)][:8000])
    raw = ["sox", "-D", path, "-t", "raw", "-e", "signed", "-b", "16", "-"]
    assert subprocess.run(raw, capture_output=True, check=True).stdout == got.tobytes()


@pytest.mark.parametrize("encoding", ["PCM16", "PCMU", "PCMA"])
def test_a_third_party_is_heard_in_the_right_channel_of_stereo(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "three.wav"
    writer = RecordingWriter(capacity=64)
    slot = writer.open(spec(path, encoding), T0)
    talk = Talk(writer, slot)
    writer.party(slot, 0, "caller", talk.now)
    writer.party(slot, 1, "agent:ana", talk.now)
    talk.run(2.0, 0, 1)
    writer.party(slot, 2, "agent:kate", talk.now)
    talk.run(2.0, 0, 1, 2)
    writer.party(slot, 1, "", talk.now)
    talk.run(2.0, 0, 2)
    report = writer.close(slot, talk.now)
    assert (report.seconds, report.gaps) == (6.0, 0)
    samples = soundfile.read(path, dtype="int16")[0].astype(int)
    sums = said(1, 2, 4).astype(int) + said(2, 2, 4)
    exact = 1000 if encoding == "PCMA" else 0
    assert np.abs(samples[:, 0] - said(0, 0, 6)).max() <= exact
    assert np.abs(samples[:16000, 1] - said(1, 0, 2)).max() <= exact
    assert np.abs(samples[16000:32000, 1] - np.clip(sums, -32768, 32767)).max() <= 1100, (
        "a sum in one G.711 step"
    )
    assert np.abs(samples[32000:, 1] - said(2, 4, 6)).max() <= (1000 if encoding == "PCMA" else 0)
    assert side(path)["tracks"] == [
        {"track": 0, "name": "caller", "from_s": 0.0, "to_s": None},
        {"track": 1, "name": "agent:ana", "from_s": 0.0, "to_s": 4.0},
        {"track": 2, "name": "agent:kate", "from_s": 2.0, "to_s": None},
    ]


def test_a_track_changes_hands_and_nobody_there_is_no_gap(tmp_path: Path) -> None:
    path = tmp_path / "transfer.wav"
    writer = RecordingWriter(capacity=64)
    slot = writer.open(spec(path), T0)
    talk = Talk(writer, slot)
    writer.party(slot, 0, "caller", talk.now)
    writer.party(slot, 1, "agent:ana", talk.now)
    talk.run(1.5, 0, 1)
    writer.mark(slot, "transfer", "to 1002", talk.now)
    writer.party(slot, 1, "", talk.now)
    talk.run(1.5, 0)
    writer.party(slot, 1, "endpoint:1002", talk.now)
    for _ in range(50):
        first = Packet(slot=slot, track=0, ssrc=100, timestamp=talk.sent * FRAME, arrival=talk.now,
                       payload=sound(0)[talk.sent * FRAME : (talk.sent + 1) * FRAME])  # fmt: skip
        second = Packet(slot=slot, track=1, ssrc=999, timestamp=5 + talk.sent * FRAME, arrival=talk.now,
                        payload=sound(9)[talk.sent * FRAME : (talk.sent + 1) * FRAME])  # fmt: skip
        writer.append(rows_of([first, second]))
        talk.sent += 1
        talk.now = T0 + talk.sent * 0.02
        writer.flush(talk.now)
    tracks = [(each["name"], each["from_s"], each["to_s"]) for each in side(path)["tracks"]]
    assert tracks == [("caller", 0.0, None), ("agent:ana", 0.0, 1.5), ("endpoint:1002", 3.0, None)]
    assert side(path)["markers"] == [{"at_s": 1.5, "kind": "transfer", "text": "to 1002"}], (
        "told while it runs"
    )
    report = writer.close(slot, talk.now)
    assert (report.seconds, report.gaps) == (4.0, 0)
    samples = read(path)
    assert np.array_equal(samples[:, 0], said(0, 0, 4))
    assert np.array_equal(samples[:12000, 1], said(1, 0, 1.5))
    assert not samples[12000:24000, 1].any()
    assert np.array_equal(samples[24000:, 1], said(9, 3, 4))


@pytest.mark.parametrize("encoding", ["PCM16", "PCMU"])
@pytest.mark.parametrize("late", [0.0, 0.06])
def test_a_masked_span_is_silent_in_every_track(tmp_path: Path, encoding: str, late: float) -> None:
    """`late`: the first packet was the most delayed, so that all others are placed later than they come."""
    path = tmp_path / "mask.wav"
    writer = RecordingWriter(capacity=64)
    slot = writer.open(spec(path, encoding, 3), T0)
    talk = Talk(writer, slot)
    talk.run(0.02, 0, 1, 2, late=late)
    talk.run(1.48, 0, 1, 2)
    writer.pause(slot, True, talk.now, masked=True)
    writer.party(slot, 3, "somebody who joins while it is masked", talk.now)
    talk.run(1.0, 0, 1, 2, 3)
    writer.pause(slot, False, talk.now, masked=True)
    talk.run(1.5, 0, 1, 2, 3)
    report = writer.close(slot, talk.now)
    assert report.gaps == 0
    marks = [(mark["kind"], mark["at_s"]) for mark in side(path)["markers"]]
    assert marks == [("masked", 1.5), ("unmasked", 2.5)]
    samples = soundfile.read(path, dtype="int16")[0]
    end = 20000 + int(MASK_TAIL_S * 8000)
    assert not samples[12000:end].any()
    shift = int(late * 8000)
    for track in range(2):
        assert np.array_equal(samples[shift:12000, track], said(track, 0, 1.5 - late))
        assert np.array_equal(
            samples[end:, track], said(track, 2.5, 4.0)[end - 20000 - shift :][: len(samples) - end]
        )


def test_what_was_on_its_way_when_the_mask_ended_is_silent_too(tmp_path: Path) -> None:
    """Also when a pause begins and ends, and a third party joins, in that time."""
    path = tmp_path / "tail.wav"
    writer = RecordingWriter(capacity=64)
    slot = writer.open(spec(path, "PCMU", 2), T0)
    talk = Talk(writer, slot)
    writer.pause(slot, True, talk.now, masked=True)
    talk.run(0.5, 0, 1)
    writer.pause(slot, False, talk.now, masked=True)
    writer.pause(slot, True, talk.now)
    talk.run(0.1, 0, 1)
    writer.pause(slot, False, talk.now)
    writer.party(slot, 2, "somebody who joins", talk.now)
    talk.run(MASK_TAIL_S - 0.1, 0, 1, 2)
    talk.run(0.5, 0, 1, 2)
    writer.close(slot, talk.now)
    samples = soundfile.read(path, dtype="int16")[0]
    begins = int((0.5 + MASK_TAIL_S) * 8000)
    assert not samples[:begins].any()
    assert np.array_equal(samples[begins:, 0], said(0, 0.5 + MASK_TAIL_S, 1.0 + MASK_TAIL_S))


def test_pause_and_mask_are_two_switches(tmp_path: Path) -> None:
    path = tmp_path / "both.wav"
    writer = RecordingWriter(capacity=64)
    slot = writer.open(spec(path), T0)
    talk = Talk(writer, slot)
    talk.run(0.5, 0)
    writer.pause(slot, True, talk.now)
    talk.run(0.5, 0)
    writer.pause(slot, True, talk.now, masked=True)
    talk.run(0.5, 0)
    writer.pause(slot, False, talk.now)
    talk.run(0.5, 0)
    writer.pause(slot, False, talk.now, masked=True)
    talk.run(MASK_TAIL_S + 0.5, 0)
    writer.close(slot, talk.now)
    samples = read(path)[:, 0]
    assert np.array_equal(samples[:4000], said(0, 0, 0.5))
    end = 16000 + int(MASK_TAIL_S * 8000)
    assert not samples[4000:end].any()
    assert np.array_equal(samples[end:], said(0, 2.0 + MASK_TAIL_S, 2.5 + MASK_TAIL_S))
    assert [m["kind"] for m in side(path)["markers"]] == ["paused", "masked", "resumed", "unmasked"]


def test_slots_of_wide_recordings_serve_again(tmp_path: Path) -> None:
    writer = RecordingWriter(capacity=4 * PHASES)
    for turn in range(5):
        slots = [
            writer.open(spec(tmp_path / f"{turn}-{n}.wav", channels=8), T0 + turn) for n in range(PHASES)
        ]
        with pytest.raises(OSError, match="no more recordings"):
            writer.open(spec(tmp_path / "more.wav"), T0 + turn)
        for slot in slots:
            assert writer.close(slot, T0 + turn + 0.5).state == "ended"
    slot = writer.open(spec(tmp_path / "stereo.wav"), T0 + 9)
    for track in range(2, 8):
        writer.party(slot, track, f"party {track}", T0 + 9)
    assert writer.close(slot, T0 + 10).seconds == 1.0


def test_500_recordings_of_four_tracks_with_few_descriptors(tmp_path: Path) -> None:
    writer = RecordingWriter(open_files=50)
    slots = [writer.open(spec(tmp_path / f"{n}.wav", "PCMU", 4), T0) for n in range(500)]
    for slot in slots:
        for track in range(4):
            writer.party(slot, track, f"party {track}", T0)
    payload = sound(1)[:FRAME]
    for index in range(50):
        at = T0 + index * 0.02
        packets = [
            Packet(slot=slot, track=track, timestamp=index * FRAME, arrival=at, payload=payload)
            for slot in slots
            for track in range(4)
        ]
        writer.append(rows_of(packets))
        if index % 5 == 4:
            assert writer.flush(at) == []
    assert len(list(Path("/proc/self/fd").iterdir())) < 200
    for slot in slots:
        report = writer.close(slot, T0 + 1.0)
        assert (report.seconds, report.gaps, report.state) == (1.0, 0, "ended")
    expected = np.repeat(np.frombuffer(payload, np.uint8), 4).tobytes() * 50
    assert all((tmp_path / f"{n}.wav").read_bytes()[58:] == expected for n in range(500))
    assert all(len(side(tmp_path / f"{n}.wav")["tracks"]) == 4 for n in range(500))
