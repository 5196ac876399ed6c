"""The recorder as the media worker sees it: rows in, WAV files out. Implements `softswitch.tap.Tap`.

A tick only appends its rows to a log. `flush` places the log on the timeline and writes what has settled: per group of
recordings every `WRITE_S`, one block and one header for each. So at most `SETTLE_S + WRITE_S` and the pause between two
flushes are not on disk: 0.65 s at twenty flushes a second, 0.85 s at four. Groups are due at different moments; a worker
that flushes more often than four times a second spreads the writes.

A thousand recordings keep as many descriptors as `open_files` allows; those beyond open their file for each write, about
10 µs more. The disk is asked in one thread and never synchronised: writes go to the page cache.
"""

import resource
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from softswitch.g711 import PCMA, PCMU
from softswitch.recorder import interleave
from softswitch.recorder.markers import Marker, serialize
from softswitch.recorder.row_log import RowLog, part
from softswitch.recorder.timeline import AS_IS, CAPACITY, PHASES, Piece, Timeline
from softswitch.recorder.track import RATE
from softswitch.recorder.wav import WavFormat
from softswitch.recorder.wav_file import WavFile
from softswitch.tap import RecordingReport, RecordingSpec, TapRows

SETTLE_S = 0.2
"""How long a packet that was overtaken may still come."""
WRITE_S = 0.4
_SETTLE = int(SETTLE_S * RATE)
_LAWS = {"PCMU": PCMU, "PCMA": PCMA, "PCM16": AS_IS}
_FORMATS = [WavFormat(encoding=encoding, channels=channels) for encoding in _LAWS for channels in (1, 2)]
_MOST_MARKERS = 1000


@dataclass(slots=True)
class _Recording:
    """A recording that goes on, or that ended by itself and waits for `close`."""

    spec: RecordingSpec
    file: WavFile
    start: int
    frame_bytes: int
    most_frames: int
    markers: list[Marker] = field(default_factory=list)
    report: RecordingReport | None = None


class RecordingWriter:
    def __init__(self, *, open_files: int | None = None, capacity: int = CAPACITY) -> None:
        """`open_files`: descriptors to keep, by default a quarter of what the process may have."""
        if open_files is None:
            open_files = max(32, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 4)
        self._open_files = open_files
        self._kept = 0
        self._log = RowLog()
        self._timeline = Timeline(capacity)
        self._forms = np.zeros(capacity, np.int8)
        self._recordings: dict[int, _Recording] = {}
        self._due: list[float] = []
        self._reports: list[RecordingReport] = []
        self._ended: deque[int] = deque()
        """Slots of recordings that ended by themselves and were not closed, oldest first."""

    def open(self, spec: RecordingSpec, now: float) -> int:
        format = WavFormat(encoding=spec.encoding, channels=spec.channels)
        if format not in _FORMATS:
            raise ValueError(f"{spec.encoding} with {spec.channels} channels cannot be recorded")
        # Even, so that pieces begin at even bytes; the packets that came before belong to nobody.
        start = int(now * RATE) & ~1
        self._place(now)
        if not self._timeline.free and self._ended:
            # Whoever heard that it ended need not close it: its slot is used again, as a last resort.
            self._forget(self._ended.popleft())
        slot = self._timeline.open(start, stereo=spec.channels == 2, law=_LAWS[spec.encoding])
        if slot is None:
            raise OSError("no more recordings at once in this media worker")
        keep = self._kept < self._open_files
        try:
            file = WavFile(Path(spec.path), format, keep_open=keep)
        except OSError:
            self._timeline.close(slot)
            self._timeline.release(slot)
            raise
        self._kept += keep
        self._forms[slot] = _FORMATS.index(format)
        most = min(int(spec.max_s * RATE) or file.room, file.room)
        self._recordings[slot] = _Recording(
            spec=spec, file=file, start=start, frame_bytes=format.frame_bytes, most_frames=most
        )
        return slot

    def append(self, rows: TapRows) -> None:
        if not self._log.fits(rows):
            self._place(float(rows.arrival[0]))
            self._log.fits(rows)
        self._log.append(rows)

    def pause(self, slot: int, paused: bool, now: float) -> None:
        self._place(now)
        recording = self._recordings[slot]
        if recording.report is None:
            self._timeline.pause(slot, paused)
            self._mark(recording, "paused" if paused else "resumed", now)

    def close(self, slot: int, now: float) -> RecordingReport:
        """Also for a recording that ended by itself: says again what was reported."""
        self._place(now)
        recording = self._recordings[slot]
        if recording.report is None:
            for piece in self._timeline.take_last(slot, int(now * RATE)):
                self._write(piece, {slot: recording})
            if recording.report is None:
                self._end(slot, recording, "ended", "")
        if slot in self._ended:
            self._ended.remove(slot)
        self._forget(slot)
        report = recording.report
        assert report is not None
        self._reports = [each for each in self._reports if each is not report]
        return report

    def flush(self, now: float) -> list[RecordingReport]:
        self._place(now)
        settled = (int(now * RATE) - _SETTLE) & ~1
        if not self._due:
            self._due = [now + WRITE_S * phase / PHASES for phase in range(PHASES)]
        for phase in range(PHASES):
            if now >= self._due[phase]:
                # A little early is better than a whole flush late.
                self._due[phase] = max(self._due[phase] + WRITE_S * 0.99, now + WRITE_S / 2)
                self._take(phase, settled)
        reports, self._reports = self._reports, []
        return reports

    def _place(self, now: float) -> None:
        """Put the log on the timeline; after a long pause in steps, writing in between, so that all finds room."""
        if not len(self._log):
            return
        rows = self._log.take()
        while len(rows.slot):
            room = self._timeline.room()
            if room is None:
                return
            fitting = (
                int(np.searchsorted(rows.arrival, room / RATE))
                if rows.arrival[-1] * RATE >= room
                else len(rows.slot)
            )
            if fitting:
                self._timeline.place(part(rows, slice(0, fitting)))
                rows = part(rows, slice(fitting, None))
            if len(rows.slot):
                next_arrival = int(rows.arrival[0] * RATE)
                for phase in range(PHASES):
                    self._take(phase, (next_arrival - _SETTLE) & ~1)

    def _take(self, phase: int, up_to: int) -> None:
        for piece in self._timeline.take(phase, up_to):
            self._write(piece, self._recordings)

    def _write(self, piece: Piece, recordings: dict[int, _Recording]) -> None:
        """One block for each recording of the piece, all of one form computed at once."""
        forms = self._forms[piece.slots]
        for form in np.unique(forms).tolist():
            format, which = _FORMATS[form], forms == form
            every = bool(which.all())
            slots = piece.slots if every else piece.slots[which]
            audio = piece.audio if every else piece.audio[which]
            if format.encoding == "PCM16":
                blocks = interleave.pcm16(
                    audio, piece.filled if every else piece.filled[which], format.channels
                )
            else:
                blocks = interleave.g711(audio, format.channels)
            for slot, block in zip(slots.tolist(), blocks, strict=True):
                self._append(slot, recordings[slot], piece.start, block.data)

    def _append(self, slot: int, recording: _Recording, start: int, block: memoryview) -> None:
        size = recording.frame_bytes
        frames = len(block) // size
        skip = max(0, recording.start - start)
        fits = recording.most_frames - recording.file.frames
        if skip >= frames or recording.report is not None:
            return
        if skip or fits < frames:
            block = block[skip * size : min(frames, skip + fits) * size]
        try:
            recording.file.append(block)
        except OSError as error:
            self._end(slot, recording, "failed", _problem(error))
            return
        if recording.file.frames >= recording.most_frames:
            self._end(slot, recording, "limit", "")

    def _end(self, slot: int, recording: _Recording, state: str, problem: str) -> None:
        file = recording.file
        try:
            file.finish()
        except OSError as error:
            file.drop()
            state, problem = "failed", problem or _problem(error)
        self._kept -= file.keep_open
        if state != "ended":
            recording.markers.append(Marker(at_s=round(file.frames / RATE, 3), kind=state, text=problem))
        if recording.markers:
            also = self._write_markers(recording)
            problem = "; ".join(filter(None, (problem, also)))
        self._timeline.close(slot)
        gaps, gap_s = self._timeline.gaps(slot)
        recording.report = RecordingReport(
            recording=recording.spec.recording,
            state=state,
            seconds=file.frames / RATE,
            gaps=gaps,
            gap_s=gap_s,
            problem=problem,
        )
        if state != "ended":
            self._reports.append(recording.report)
            self._ended.append(slot)

    def _forget(self, slot: int) -> None:
        del self._recordings[slot]
        self._timeline.release(slot)

    def _mark(self, recording: _Recording, kind: str, now: float) -> None:
        if len(recording.markers) < _MOST_MARKERS:
            at_s = max(0.0, now - recording.start / RATE)
            recording.markers.append(Marker(at_s=round(at_s, 3), kind=kind))

    def _write_markers(self, recording: _Recording) -> str:
        """The side file; on a full disk the recording gives back a block for it. Returns what is wrong, if anything."""
        path = recording.file.path.with_suffix(".json")
        content = serialize(recording.spec.recording, recording.markers)
        try:
            path.write_bytes(content)
        except OSError:
            try:
                recording.file.shorten()
                path.write_bytes(content)
            except OSError as error:
                recording.file.drop()
                path.unlink(missing_ok=True)
                return f"{path.name} cannot be written: {_problem(error)}"
        return ""


def _problem(error: OSError) -> str:
    return error.strerror or str(error)
