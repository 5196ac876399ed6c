"""Proves with sox, soxi, Python's `wave` and soundfile as readers that what the recorder writes is what came: bit-exact,
left and right aligned, in each encoding and number of channels, with gaps, translation between the laws, pause, limit,
a full disk, and a thousand recordings at once with few descriptors.

Does not prove anything about kills (test_recording_kill.py) nor about odd timestamps (test_recording_timeline.py).
"""

import json
import os
import resource
import subprocess
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile
from recorder_rows import Packet, rows_of

from softswitch.g711 import ALAW_TO_ULAW, DECODE_ALAW, DECODE_ULAW
from softswitch.ids import RecordingId
from softswitch.recorder.writer import RecordingWriter
from softswitch.tap import RecordingReport, RecordingSpec

T0 = 5000.0
FRAME = 160


def spec(path: Path, encoding: str = "PCMU", channels: int = 2, max_s: float = 0.0) -> RecordingSpec:
    return RecordingSpec(
        recording=RecordingId(path.stem), path=str(path), channels=channels, encoding=encoding, max_s=max_s
    )


def speech(seed: int, seconds: float) -> bytes:
    return np.random.default_rng(seed).integers(0, 256, int(seconds * 8000), np.uint8).tobytes()


def feed(
    writer: RecordingWriter,
    slot: int,
    tracks: dict[int, bytes],
    *,
    law: int = 0,
    lost: frozenset[tuple[int, int]] = frozenset(),
    begin: float = T0,
    ssrc: int = 77,
) -> float:
    """One packet of each track every 20 ms, a flush every 200 ms; returns the time of the end."""
    count = max(len(audio) for audio in tracks.values()) // FRAME
    for index in range(count):
        arrival = begin + index * 0.02
        packets = [
            Packet(
                slot=slot,
                track=track,
                ssrc=ssrc + track,
                timestamp=4_294_960_000 + index * FRAME,
                arrival=arrival,
                law=law,
                payload=audio[index * FRAME : (index + 1) * FRAME],
            )
            for track, audio in tracks.items()
            if (track, index) not in lost
        ]
        if packets:
            writer.append(rows_of(packets))
        if index % 10 == 9:
            writer.flush(arrival)
    return begin + count * 0.02


def soxi(path: Path, what: str) -> str:
    return subprocess.run(["soxi", what, path], capture_output=True, text=True, check=True).stdout.strip()


def sox_raw(path: Path, encoding: str) -> bytes:
    command = ["sox", path, "-t", "raw", "-e", encoding, "-b", "8", "-"]
    return subprocess.run(command, capture_output=True, check=True).stdout


@pytest.mark.parametrize(("encoding", "law", "sox_name"), [("PCMU", 0, "u-law"), ("PCMA", 8, "a-law")])
def test_stereo_g711_is_bit_exact_to_sox(tmp_path: Path, encoding: str, law: int, sox_name: str) -> None:
    path = tmp_path / "day" / "one.wav"
    left, right = speech(1, 3.0), speech(2, 3.0)
    writer = RecordingWriter()
    slot = writer.open(spec(path, encoding), T0)
    end = feed(writer, slot, {0: left, 1: right}, law=law)
    report = writer.close(slot, end)
    assert report == RecordingReport(
        recording=RecordingId("one"), state="ended", seconds=3.0, gaps=0, gap_s=0.0, problem=""
    )
    assert (soxi(path, "-c"), soxi(path, "-r"), soxi(path, "-s")) == ("2", "8000", "24000")
    assert soxi(path, "-e").lower().replace("µ", "u") == sox_name
    raw = sox_raw(path, sox_name)
    # sox decodes and encodes again: of the two codes that µ-law has for zero it returns one.
    table = DECODE_ULAW if law == 0 else DECODE_ALAW
    got = table[np.frombuffer(raw, np.uint8)].reshape(-1, 2)
    assert np.array_equal(got[:, 0], table[np.frombuffer(left, np.uint8)])
    assert np.array_equal(got[:, 1], table[np.frombuffer(right, np.uint8)])
    data = path.read_bytes()[58:]
    assert (data[0::2], data[1::2]) == (left, right)
    assert soundfile.info(path).frames == 24000


def test_pcm16_is_read_by_wave_and_keeps_each_law(tmp_path: Path) -> None:
    path = tmp_path / "p.wav"
    writer = RecordingWriter()
    slot = writer.open(spec(path, "PCM16"), T0)
    first, second = speech(3, 1.0), speech(4, 1.0)
    middle = feed(writer, slot, {0: first, 1: first}, law=0)
    end = feed(writer, slot, {0: second}, law=8, begin=middle, ssrc=99)
    writer.close(slot, end)
    with wave.open(str(path)) as wav:
        assert wav.getparams()[:4] == (2, 2, 8000, 16000)
        samples = np.frombuffer(wav.readframes(16000), "<i2").reshape(-1, 2)
    assert np.array_equal(samples[:8000, 0], DECODE_ULAW[np.frombuffer(first, np.uint8)])
    assert np.array_equal(samples[8000:, 0], DECODE_ALAW[np.frombuffer(second, np.uint8)])
    assert np.array_equal(samples[:8000, 1], samples[:8000, 0])
    assert not samples[8000:, 1].any()
    assert soxi(path, "-s") == "16000"


def test_mono_records_the_left_track_only_and_pads_an_odd_size(tmp_path: Path) -> None:
    path = tmp_path / "m.wav"
    writer = RecordingWriter()
    slot = writer.open(spec(path, channels=1), T0)
    audio = speech(5, 0.5)
    feed(writer, slot, {0: audio, 1: speech(6, 0.5)})
    writer.close(slot, T0 + 0.5 + 1 / 8000)
    assert path.read_bytes()[58:] == audio + b"\xff\x00"
    assert soxi(path, "-s") == "4001"
    assert soundfile.info(path).frames == 4001


def test_foreign_law_is_translated(tmp_path: Path) -> None:
    path = tmp_path / "t.wav"
    writer = RecordingWriter()
    slot = writer.open(spec(path, "PCMU", channels=1), T0)
    audio = speech(7, 1.0)
    writer.close(slot, feed(writer, slot, {0: audio}, law=8))
    assert path.read_bytes()[58:] == ALAW_TO_ULAW[np.frombuffer(audio, np.uint8)].tobytes()


def test_gaps_are_silent_counted_and_keep_the_tracks_aligned(tmp_path: Path) -> None:
    path = tmp_path / "g.wav"
    writer = RecordingWriter()
    slot = writer.open(spec(path, "PCMA"), T0)
    left, right = speech(8, 3.0), speech(9, 3.0)
    lost = frozenset({(0, 10), (0, 11), (0, 80), (1, 40)} | {(1, index) for index in range(90, 150)})
    end = feed(writer, slot, {0: left, 1: right}, law=8, lost=lost)
    report = writer.close(slot, end)
    assert (report.gaps, round(report.gap_s, 6)) == (3, 0.08)
    data = path.read_bytes()[58:]
    expected = {}
    for track, audio in ((0, left), (1, right)):
        wanted = bytearray(audio)
        for which, index in lost:
            if which == track:
                wanted[index * FRAME : (index + 1) * FRAME] = b"\xd5" * FRAME
        expected[track] = bytes(wanted)
    assert (data[0::2], data[1::2]) == (expected[0], expected[1])


def test_file_is_whole_while_it_grows(tmp_path: Path) -> None:
    path = tmp_path / "w.wav"
    writer = RecordingWriter()
    slot = writer.open(spec(path), T0)
    assert soxi(path, "-s") == "0"
    begin = T0
    for part in range(1, 5):
        begin = feed(writer, slot, {0: speech(part, 1.0), 1: speech(part, 1.0)}, begin=begin)
        writer.flush(begin)
        frames = int(soxi(path, "-s"))
        assert part * 8000 - frames <= 4400
        assert path.stat().st_size == 58 + frames * 2
    writer.close(slot, begin)


def test_pause_is_silence_and_a_marker(tmp_path: Path) -> None:
    path = tmp_path / "s.wav"
    writer = RecordingWriter()
    slot = writer.open(spec(path, channels=1), T0)
    parts = [speech(seed, 1.0) for seed in (1, 2, 3)]
    now = feed(writer, slot, {0: parts[0]})
    writer.pause(slot, True, now)
    now = feed(writer, slot, {0: parts[1]}, begin=now, ssrc=99)
    writer.pause(slot, False, now)
    now = feed(writer, slot, {0: parts[2]}, begin=now, ssrc=177)
    report = writer.close(slot, now)
    assert report.gaps == 0
    assert path.read_bytes()[58:] == parts[0] + b"\xff" * 8000 + parts[2]
    markers = json.loads(path.with_suffix(".json").read_text())["markers"]
    assert [(marker["kind"], marker["at_s"]) for marker in markers] == [("paused", 1.0), ("resumed", 2.0)]


def test_limit_ends_the_recording_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "l.wav"
    writer = RecordingWriter()
    slot = writer.open(spec(path, channels=1, max_s=1.5), T0)
    audio = speech(1, 3.0)
    reports: list[RecordingReport] = []
    for index in range(150):
        at = T0 + index * 0.02
        payload = audio[index * FRAME : (index + 1) * FRAME]
        writer.append(rows_of([Packet(slot=slot, timestamp=index * FRAME, arrival=at, payload=payload)]))
        reports += writer.flush(at)
    assert [(report.state, report.seconds) for report in reports] == [("limit", 1.5)]
    assert writer.close(slot, T0 + 3.0) == reports[0]
    assert path.read_bytes()[58:] == audio[:12000]
    assert not path.with_name("l.tmp").exists()


def test_slot_of_an_ended_recording_is_used_again_closed_or_not(tmp_path: Path) -> None:
    writer = RecordingWriter(capacity=3)
    first = writer.open(spec(tmp_path / "a.wav", max_s=0.5), T0)
    second = writer.open(spec(tmp_path / "b.wav", max_s=0.5), T0)
    feed(writer, first, {0: speech(1, 2.0)})
    feed(writer, second, {0: speech(1, 2.0)})
    third = writer.open(spec(tmp_path / "c.wav"), T0 + 2)
    assert writer.close(second, T0 + 2).state == "limit"
    assert writer.flush(T0 + 3) == []
    # One was closed and the other never is: both slots serve again.
    assert writer.open(spec(tmp_path / "d.wav"), T0 + 3) == second
    assert writer.open(spec(tmp_path / "e.wav"), T0 + 3) == first
    with pytest.raises(OSError, match="no more recordings"):
        writer.open(spec(tmp_path / "f.wav"), T0 + 3)
    assert [writer.close(slot, T0 + 4).state for slot in (first, second, third)] == ["ended"] * 3


def test_full_disk_fails_the_recording_and_leaves_it_readable(tmp_path: Path) -> None:
    """RLIMIT_FSIZE in a child stands for the disk; both refuse a write with an OSError in its midst."""
    path = tmp_path / "f.wav"
    child = os.fork()
    if child == 0:
        status = 1
        try:
            import signal

            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            writer = RecordingWriter()
            slot = writer.open(spec(path), T0)
            resource.setrlimit(resource.RLIMIT_FSIZE, (20_001, resource.RLIM_INFINITY))
            end = feed(writer, slot, {0: speech(1, 3.0), 1: speech(2, 3.0)})
            report = writer.close(slot, end)
            fine = report.state == "failed" and "too large" in report.problem and 1.0 < report.seconds < 1.3
            status = 0 if fine else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    frames = int(soxi(path, "-s"))
    assert 8000 < frames <= 10_000
    data = path.read_bytes()[58:]
    assert data[0 : frames * 2 : 2] == speech(1, 3.0)[:frames]
    marker = json.loads(path.with_suffix(".json").read_text())["markers"][0]
    assert marker["kind"] == "failed" and "too large" in marker["text"]


def test_really_full_disk_gives_back_a_block_for_the_marker(tmp_path: Path) -> None:
    mount = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", tmp_path], capture_output=True)
    if mount.returncode:
        pytest.skip("needs the right to mount")
    try:
        path = tmp_path / "full.wav"
        writer = RecordingWriter()
        slot = writer.open(spec(path), T0)
        end = feed(writer, slot, {0: speech(1, 6.0), 1: speech(2, 6.0)})
        reports = [writer.close(slot, end)]
        assert [report.state for report in reports] == ["failed"]
        assert "No space left" in reports[0].problem
        marker = json.loads(path.with_suffix(".json").read_text())["markers"][-1]
        assert marker["kind"] == "failed"
        assert int(soxi(path, "-s")) == round(reports[0].seconds * 8000) > 20_000
        with pytest.raises(OSError):
            writer.open(spec(tmp_path / "next.wav"), end)
        assert not (tmp_path / "next.wav").exists()
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_existing_file_and_link_are_never_written_to(tmp_path: Path) -> None:
    (tmp_path / "old.wav").write_bytes(b"precious")
    (tmp_path / "link.wav").symlink_to(tmp_path / "elsewhere")
    writer = RecordingWriter()
    for name in ("old.wav", "link.wav"):
        with pytest.raises(FileExistsError):
            writer.open(spec(tmp_path / name), T0)
    assert (tmp_path / "old.wav").read_bytes() == b"precious"
    assert not (tmp_path / "elsewhere").exists()


def test_flush_that_comes_seconds_late_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "late.wav"
    writer = RecordingWriter()
    slot = writer.open(spec(path, channels=1), T0)
    audio = speech(1, 10.0)
    packets = [
        Packet(
            slot=slot, timestamp=i * FRAME, arrival=T0 + i * 0.02, payload=audio[i * FRAME : (i + 1) * FRAME]
        )
        for i in range(500)
    ]
    writer.append(rows_of(packets))
    report = writer.close(slot, T0 + 10.0)
    assert (report.seconds, report.gaps) == (10.0, 0)
    assert path.read_bytes()[58:] == audio


def test_thousand_recordings_share_few_descriptors(tmp_path: Path) -> None:
    writer = RecordingWriter(open_files=100)
    slots = [writer.open(spec(tmp_path / f"{index}.wav"), T0) for index in range(1000)]
    assert len(list(Path("/proc/self/fd").iterdir())) < 200
    audio = speech(1, 1.0)
    for index in range(50):
        payload = audio[index * FRAME : (index + 1) * FRAME]
        at = T0 + index * 0.02
        writer.append(
            rows_of(
                [
                    Packet(slot=slot, track=track, timestamp=index * FRAME, arrival=at, payload=payload)
                    for slot in slots
                    for track in (0, 1)
                ]
            )
        )
        if index % 10 == 9:
            assert writer.flush(at) == []
    for slot in slots:
        report = writer.close(slot, T0 + 1.0)
        assert (report.seconds, report.gaps, report.state) == (1.0, 0, "ended")
    stereo = np.repeat(np.frombuffer(audio, np.uint8), 2).tobytes()
    assert all((tmp_path / f"{index}.wav").read_bytes()[58:] == stereo for index in range(1000))
