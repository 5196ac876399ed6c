"""Proves on virtual time, with a disk whose every write takes milliseconds: a flush asks it for as much as fits into its
time and no more, what waits is written in order when the disk is well again, a recording that is closed meanwhile is whole,
and when too much waits recordings have a silence there, as few as have to, and are as long as they should be.

Does not prove anything of a disk that does not answer at all: the one thread then waits with it.
"""

import json
import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from recorder_rows import Packet, rows_of
from test_recording_parties import FRAME, T0, read, said, sound, spec

from softswitch.recorder import running, side_file
from softswitch.recorder import writer as recorder
from softswitch.recorder.wav import parse
from softswitch.recorder.writer import BUSY_S, RecordingWriter

WRITE_S = 0.004
COUNT = 40


class Disk:
    """Counts what it is asked for, and takes its time while it is `slow`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.slow, self.asked, self.longest, self._pwrite = False, 0, 0, os.pwrite
        monkeypatch.setattr(os, "pwrite", self)
        self.now = 0.0
        monkeypatch.setattr(recorder, "time", SimpleNamespace(perf_counter=lambda: self.now))

    def __call__(self, fd: int, data: bytes, offset: int) -> int:
        self.asked += 1
        self.longest = max(self.longest, len(data))
        if self.slow:
            self.now += WRITE_S
        return self._pwrite(fd, data, offset)


class Talks:
    """All recordings of one writer, each with the same two tracks."""

    def __init__(self, folder: Path) -> None:
        self.writer = RecordingWriter(capacity=64)
        self.paths = [folder / f"{n}.wav" for n in range(COUNT)]
        self.slots = [self.writer.open(spec(path, "PCM16", 2), T0) for path in self.paths]
        self.sounds = sound(0), sound(1)
        self.sent, self.now, self.ended = 0, T0, list[str]()

    def run(self, disk: Disk, seconds: float) -> int:
        """Most that one flush asked for."""
        most = 0
        for _ in range(round(seconds * 50)):
            at = slice(self.sent * FRAME, (self.sent + 1) * FRAME)
            packets = [
                Packet(slot=slot, track=track, ssrc=track, timestamp=self.sent * FRAME, arrival=self.now,
                       payload=self.sounds[track][at])
                for slot in self.slots for track in (0, 1)
            ]  # fmt: skip
            self.writer.append(rows_of(packets))
            self.sent += 1
            self.now = T0 + self.sent * 0.02
            if self.sent % 3 == 0:
                before = disk.asked
                self.ended += [report.problem for report in self.writer.flush(self.now)]
                most = max(most, disk.asked - before)
        return most


def test_a_flush_ends_when_its_time_is_over_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk, talks = Disk(monkeypatch), Talks(tmp_path)
    talks.run(disk, 1.0)
    disk.slow = True
    assert talks.run(disk, 1.0) <= BUSY_S / WRITE_S + 2, "one write more, with its header"
    assert talks.writer._backlog
    closed = talks.slots.pop()
    report = talks.writer.close(closed, talks.now)
    assert (report.state, report.seconds) == ("ended", 2.0)
    disk.slow = False
    talks.run(disk, 1.0)
    assert not talks.writer._backlog and talks.writer._backlog.bytes == 0
    for slot in talks.slots:
        assert talks.writer.close(slot, talks.now).seconds == 3.0
    for path in talks.paths:
        samples = read(path)
        for track in (0, 1):
            assert np.array_equal(
                samples[:, track], said(track, 0.0, 2.0 if path is talks.paths[-1] else 3.0)
            )
    assert talks.ended == []


def test_when_too_much_waits_recordings_have_a_silence_there_and_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "MOST_WAITING", 300_000)
    disk, talks = Disk(monkeypatch), Talks(tmp_path)
    talks.run(disk, 0.5)
    disk.slow = True
    most = talks.run(disk, 2.0)
    assert most <= BUSY_S / WRITE_S + 4, "one block more, behind its silence, each with a header"
    assert talks.writer._backlog.bytes <= 300_000
    disk.slow = False
    talks.run(disk, 0.5)
    reports = [talks.writer.close(slot, talks.now) for slot in talks.slots]
    assert talks.ended == [] and {report.state for report in reports} == {"ended"}
    assert talks.writer._kept == 0
    silent = [report for report in reports if report.problem]
    assert 1 <= len(silent) < COUNT
    for path, report in zip(talks.paths, reports, strict=True):
        wav = parse(path.read_bytes()[:44])
        assert wav is not None and path.stat().st_size == 44 + wav.frames * 4
        samples = read(path)
        assert len(samples) == 24_000, "as long as it was talked"
        whole = np.stack([said(track, 0.0, 3.0) for track in (0, 1)], axis=1)
        missing = np.flatnonzero((samples != whole).any(axis=1))
        side = side_file.read(path)
        markers = json.loads(side)["markers"] if side else []
        assert len(markers) == report.gaps and {each["kind"] for each in markers} <= {"gap"}
        assert bool(missing.size) == bool(markers) == bool(report.problem)
        if report.problem:
            assert not samples[missing].any(), "silence"
            assert report.gap_s == pytest.approx(len(missing) / 8000, abs=0.01)
            assert markers[0]["at_s"] == pytest.approx(missing[0] / 8000, abs=0.01)
            assert f"{report.gap_s:.1f} s are silence: the disk was too slow" == report.problem


def test_a_long_silence_is_not_asked_of_the_disk_in_one_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "MOST_WAITING", 50_000)
    monkeypatch.setattr(running, "LONGEST_SILENCE_S", 0.2)
    disk, talks = Disk(monkeypatch), Talks(tmp_path)
    talks.run(disk, 1.0)
    usual, disk.slow = disk.longest, True
    talks.run(disk, 3.0)
    disk.slow = False
    talks.run(disk, 1.0)
    assert disk.longest == usual, "what packets wait for at most"
    assert talks.writer._backlog.bytes == 0
    reports = [talks.writer.close(slot, talks.now) for slot in talks.slots]
    assert max(report.gap_s / max(1, report.gaps) for report in reports) > 0.5, "more than one write has"
    for path, report in zip(talks.paths, reports, strict=True):
        samples = read(path)
        assert len(samples) == 40_000, "as long as it was talked"
        whole = np.stack([said(track, 0.0, 5.0) for track in (0, 1)], axis=1)
        missing = (samples != whole).any(axis=1)
        assert not samples[missing].any() and report.gap_s == pytest.approx(missing.sum() / 8000, abs=0.02)
