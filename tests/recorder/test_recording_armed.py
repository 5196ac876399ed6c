"""Proves that an armed recording leaves nothing on disk and bounded memory until its key, then begins with the seconds
before it; and that a file which a dead worker left goes on in another one: mended, silent between, with its side file.

Does not prove how the key reaches the recorder; `tests/story` does.
"""

import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest
from test_recording_parties import T0, Talk, read, said, side, spec

from softswitch.recorder.memory import LONGEST_S, Memory
from softswitch.recorder.wav import WavFormat
from softswitch.recorder.wav_file import WavFile
from softswitch.recorder.writer import MASK_TAIL_S, RecordingWriter
from softswitch.tap import RecordingSpec


def armed(path: Path, seconds: float, encoding: str = "PCM16", channels: int = 2) -> RecordingSpec:
    plain = spec(path, encoding, channels)
    return RecordingSpec(
        recording=plain.recording,
        path=plain.path,
        channels=channels,
        encoding=encoding,
        max_s=0.0,
        armed_s=seconds,
    )


@pytest.mark.parametrize("channels", [2, 3])
def test_it_begins_with_the_seconds_before_the_key(tmp_path: Path, channels: int) -> None:
    path = tmp_path / "day" / "armed.wav"
    writer = RecordingWriter(capacity=16)
    slot = writer.open(armed(path, 2.0, channels=channels), T0)
    talk = Talk(writer, slot)
    writer.party(slot, 0, "caller", talk.now)
    writer.party(slot, 1, "agent:ana", talk.now)
    talk.run(1.0, 0, 1)
    writer.mark(slot, "hold", "by caller", talk.now)
    talk.run(4.5, 0, 1)
    assert not path.parent.exists()
    writer.keep(slot, talk.now)
    assert path.exists()
    writer.keep(slot, talk.now)
    talk.run(1.5, 0, 1)
    report = writer.close(slot, talk.now)
    assert (report.state, report.gaps) == ("ended", 0)
    assert report.seconds == 3.5
    samples = read(path)
    for track in (0, 1):
        assert np.array_equal(samples[:, track], said(track, 3.5, 7.0))
    assert [(each["name"], each["from_s"]) for each in side(path)["tracks"]] == [
        ("caller", 0.0),
        ("agent:ana", 0.0),
    ]


def test_a_key_before_enough_was_heard_keeps_what_there_is(tmp_path: Path) -> None:
    path = tmp_path / "short.wav"
    writer = RecordingWriter(capacity=16)
    slot = writer.open(armed(path, 30.0, "PCMU"), T0)
    talk = Talk(writer, slot)
    talk.run(1.0, 0, 1)
    writer.keep(slot, talk.now)
    talk.run(1.0, 0, 1)
    assert writer.close(slot, talk.now).seconds == 2.0
    data = path.read_bytes()[58:]
    assert len(data) == 32_000


def test_without_the_key_there_is_no_file(tmp_path: Path) -> None:
    path = tmp_path / "never.wav"
    writer = RecordingWriter(capacity=16)
    slot = writer.open(armed(path, 5.0), T0)
    talk = Talk(writer, slot)
    writer.party(slot, 0, "caller", talk.now)
    writer.pause(slot, True, talk.now, masked=True)
    talk.run(2.0, 0, 1)
    report = writer.close(slot, talk.now)
    assert (report.state, report.seconds) == ("ended", 0.0)
    assert list(tmp_path.iterdir()) == []


def test_what_was_masked_before_the_key_is_silent_after_it(tmp_path: Path) -> None:
    path = tmp_path / "masked.wav"
    writer = RecordingWriter(capacity=16)
    slot = writer.open(armed(path, 3.0), T0)
    talk = Talk(writer, slot)
    talk.run(1.0, 0, 1)
    writer.pause(slot, True, talk.now, masked=True)
    talk.run(1.0, 0, 1)
    writer.pause(slot, False, talk.now, masked=True)
    talk.run(1.0, 0, 1)
    writer.keep(slot, talk.now)
    writer.close(slot, talk.now)
    samples = read(path)
    assert np.array_equal(samples[:8000, 0], said(0, 0, 1))
    end = 16000 + int(MASK_TAIL_S * 8000)
    assert not samples[8000:end].any()
    assert np.array_equal(samples[end:, 1], said(1, end / 8000, 3))


def test_a_file_that_cannot_be_made_at_the_key_is_told(tmp_path: Path) -> None:
    path = tmp_path / "taken.wav"
    writer = RecordingWriter(capacity=16)
    slot = writer.open(armed(path, 3.0), T0)
    path.write_bytes(b"precious")
    talk = Talk(writer, slot)
    talk.run(0.5, 0)
    writer.keep(slot, talk.now)
    (report,) = writer.flush(talk.now)
    assert (report.state, "exists" in report.problem) == ("failed", True)
    assert path.read_bytes() == b"precious"
    assert writer.close(slot, talk.now).state == "failed"


def test_memory_is_bounded() -> None:
    memory = Memory(10_000.0, 2)
    assert memory.seconds == LONGEST_S
    memory = Memory(2.0, 2)
    block = memoryview(bytes(3200 * 2))
    for index in range(100):
        memory.add(index * 3200, block)
        assert len(memory) <= (2.0 * 8000 + 3200) * 2
    assert memory.take()[0][0] <= 100 * 3200 - 16_000
    assert len(memory) == 0


def continued(path: Path, at_s: float, encoding: str = "PCM16", channels: int = 2) -> RecordingSpec:
    plain = spec(path, encoding, channels)
    return RecordingSpec(
        recording=plain.recording,
        path=plain.path,
        channels=channels,
        encoding=encoding,
        max_s=0.0,
        continues_s=at_s,
    )


def test_the_byte_that_makes_a_size_even_is_no_sound_when_a_file_goes_on(tmp_path: Path) -> None:
    path, format = tmp_path / "odd.wav", WavFormat(encoding="PCMU", channels=1)
    file = WavFile(path, format, keep_open=True)
    file.append(b"\x55" * 161)
    file.finish()
    again = WavFile(path, format, keep_open=True, goes_on=True)
    assert again.frames == 161
    again.append(b"\x2a" * 3)
    again.finish()
    assert path.read_bytes()[format.header_bytes :] == b"\x55" * 161 + b"\x2a" * 3


@pytest.mark.parametrize(("encoding", "channels"), [("PCM16", 2), ("PCMU", 2), ("PCMA", 3)])
def test_a_recording_goes_on_in_another_worker(tmp_path: Path, encoding: str, channels: int) -> None:
    """The first writer is dropped without a word, as by a kill; the second one has another clock."""
    path = tmp_path / "on.wav"
    dead = RecordingWriter(capacity=16)
    slot = dead.open(spec(path, encoding, channels), T0)
    talk = Talk(dead, slot)
    dead.party(slot, 0, "caller", talk.now)
    dead.mark(slot, "hold", "", talk.now)
    talk.run(3.0, 0, 1, law=8 if encoding == "PCMA" else 0)
    dead.flush(talk.now)
    there = (
        (path.stat().st_size - (44 if encoding == "PCM16" else 58))
        // (2 if encoding == "PCM16" else 1)
        // channels
    )
    assert 3.0 - there / 8000 <= 0.85
    with path.open("ab") as file:
        file.write(b"\1")  # half a frame, as a write that was cut off leaves it
    with path.open("r+b") as file:
        file.write(
            WavFormat(encoding=encoding, channels=channels).header(there - 3200)
        )  # and a header that is behind
    alive = RecordingWriter(capacity=16)
    slot = alive.open(continued(path, 5.0, encoding, channels), T0 + 5)
    after = Talk(alive, slot)
    after.now, after.sent = T0 + 5, 250
    alive.party(slot, 0, "caller", after.now)
    after.run(2.0, 0, 1, law=8 if encoding == "PCMA" else 0)
    report = alive.close(slot, after.now)
    assert (report.state, report.seconds, report.gaps) == ("ended", 7.0, 0)
    if encoding == "PCM16":
        samples = read(path)
        for track in (0, 1):
            assert np.array_equal(samples[:there, track], said(track, 0, there / 8000))
            assert not samples[there : 5 * 8000, track].any()
            assert np.array_equal(samples[5 * 8000 :, track], said(track, 5, 7))
    told = side(path)
    assert [mark["kind"] for mark in told["markers"]] == ["hold", "continued"]
    assert [each["name"] for each in told["tracks"]] == ["caller", "caller"]
    assert told["tracks"][0]["to_s"] is not None and told["tracks"][1]["from_s"] == 5.0


def test_what_is_no_beginning_of_this_recording_stays_as_it_is(tmp_path: Path) -> None:
    writer = RecordingWriter(capacity=16)
    for name, content in (("text", b"precious" * 20), ("empty", b"")):
        path = tmp_path / f"{name}.wav"
        path.write_bytes(content)
        with pytest.raises(OSError, match="not the beginning"):
            writer.open(continued(path, 3.0), T0)
        assert path.read_bytes() == content
    path = tmp_path / "mono.wav"
    slot = writer.open(spec(path, channels=1), T0)
    writer.close(slot, T0 + 1)
    with pytest.raises(OSError, match="not the beginning"):
        writer.open(continued(path, 3.0, channels=2), T0)
    with pytest.raises(OSError, match="too long ago"):
        writer.open(continued(path, 3000.0, channels=1), T0)
    slot = writer.open(continued(tmp_path / "new.wav", 3.0), T0 + 3)
    path = tmp_path / "new.wav"
    path.with_suffix(".json").write_text("[1, 2")
    talk = Talk(writer, slot)
    talk.now, talk.sent = T0 + 3, 150
    talk.run(1.0, 0)
    assert writer.close(slot, talk.now).seconds == 4.0, "a worker that died before it made the file"
    assert json.loads(path.with_suffix(".json").read_text())["markers"][0]["kind"] == "continued"


def test_a_key_that_finds_the_disk_full_gives_no_descriptor_away_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else each such key would let one more file stay open than there may be."""
    writer = RecordingWriter(capacity=16, open_files=2)
    slots = [writer.open(armed(tmp_path / f"{n}.wav", 2.0), T0) for n in range(3)]
    talks = [Talk(writer, slot) for slot in slots]
    for talk in talks:
        talk.run(1.0, 0, 1)
    write = os.pwrite

    def full(fd: int, data: bytes, offset: int) -> int:
        if len(data) > 100:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(fd, data, offset)

    monkeypatch.setattr(os, "pwrite", full)
    for slot, talk in zip(slots, talks, strict=True):
        writer.keep(slot, talk.now)
    assert [report.state for report in writer.flush(talks[0].now)] == ["failed"] * 3
    assert writer._kept == 0
    for slot, talk in zip(slots, talks, strict=True):
        writer.close(slot, talk.now)
    assert writer._kept == 0


def test_a_wall_clock_that_was_set_back_silences_no_recording_that_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "on.wav"
    dead = RecordingWriter(capacity=16)
    slot = dead.open(spec(path, "PCM16", 2), T0)
    talk = Talk(dead, slot)
    talk.run(3.0, 0, 1)
    dead.close(slot, talk.now)
    writer = RecordingWriter(capacity=16)
    slot = writer.open(continued(path, 1.0), T0)
    talk = Talk(writer, slot)
    talk.run(2.0, 0, 1)
    assert writer.close(slot, talk.now).seconds == 5.0
    samples = read(path)
    for track in (0, 1):
        assert np.array_equal(samples[24_000:, track], said(track, 0.0, 2.0))
