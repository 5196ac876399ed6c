"""The recorder as the media worker sees it: rows in, WAV files out. Implements `softswitch.tap.Tap`.

A tick only appends its rows to a log. `flush` places the log on the timeline and writes what has settled: per group of
recordings every `WRITE_S`, one block and one header for each. So at most `SETTLE_S + WRITE_S` and the pause between two
flushes are not on disk: 0.65 s at twenty flushes a second, 0.85 s at four. Groups are due at different moments; a worker
that flushes more often than four times a second spreads the writes. Side files are written by `flush` too, some at a time.

A disk that is slow holds a flush up for `BUSY_S` and one write at most: what was to be written waits in memory then. When
more than `MOST_WAITING` waits, recordings have a silence in place of what waits, those first that have waited longest, and
go on; a long silence is written in pieces.

A thousand recordings keep as many descriptors as `open_files` allows; those beyond open their file for each write, about
10 µs more. The disk is asked in one thread and never synchronised: writes go to the page cache.

The timeline has two tracks a slot; a recording with more has several slots of one group, and its tracks are brought
together when they are written.
"""

import resource
import time
from collections import deque
from math import inf

import numpy as np
import numpy.typing as npt

from softswitch.g711 import PCMA, PCMU
from softswitch.recorder import interleave
from softswitch.recorder.backlog import Backlog
from softswitch.recorder.row_log import RowLog, part
from softswitch.recorder.running import Running, said
from softswitch.recorder.timeline import AS_IS, CAPACITY, PHASES, Piece, Timeline
from softswitch.recorder.track import RATE
from softswitch.recorder.wav import MOST_CHANNELS, WavFormat
from softswitch.tap import MOST_TRACKS, RecordingReport, RecordingSpec, TapRows

SETTLE_S = 0.2
"""How long a packet that was overtaken may still come."""
WRITE_S = 0.4
MASK_TAIL_S = 0.5
"""A mask covers this much more: the last word may still be on its way, and a key that is heard as a tone is told before it
has ended."""
SIDE_FILES = 16
"""Written in one flush at most, about 60 µs each."""
BUSY_S = 0.02
"""Many times what a flush takes on a disk that is well: only a worker that is stopped in its midst is late as well."""
MOST_WAITING = 128 << 20
"""Bytes: a thousand recordings for eight seconds, a hundred for 80."""
_SETTLE = int(SETTLE_S * RATE)
_MASK_TAIL = int(MASK_TAIL_S * RATE)
_LAWS = {"PCMU": PCMU, "PCMA": PCMA, "PCM16": AS_IS}
_FORMATS = [WavFormat(encoding=encoding, channels=channels) for encoding in _LAWS for channels in (1, 2)]
_WIDE, _BESIDE = len(_FORMATS), len(_FORMATS) + 1
"""In place of a format: a recording of several slots, and the slots beside its first."""
_PAIRS = MOST_TRACKS // 2


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
        self._slots_of = np.full((capacity, _PAIRS), -1, np.int32)
        """First slot of a recording to the slots of its pairs of tracks."""
        self._recordings: dict[int, Running] = {}
        self._due: list[float] = []
        self._backlog = Backlog()
        self._until = inf
        """When what is left has to wait for the next flush."""
        self._reports: list[RecordingReport] = []
        self._ended: deque[int] = deque()
        """Slots of recordings that ended by themselves and were not closed, oldest first."""
        self._unsaved: dict[int, None] = {}
        """Slots of recordings whose side file is behind, in the order of writing."""

    def open(self, spec: RecordingSpec, now: float) -> int:
        if spec.encoding not in _LAWS or not 1 <= spec.channels <= MOST_CHANNELS:
            raise ValueError(f"{spec.encoding} with {spec.channels} channels cannot be recorded")
        format = WavFormat(encoding=spec.encoding, channels=spec.channels)
        # Even, so that pieces begin at even bytes; the packets that came before belong to nobody.
        start = int(now * RATE) & ~1
        self._place(now)
        slots = self._take_slots(spec, start)
        slot = slots[0]
        keep = self._kept < self._open_files
        try:
            recording = Running(spec, format, slots, start, keep_open=keep)
        except OSError:
            self._give_back(slots)
            raise
        self._kept += recording.keeps_open
        self._recordings[slot] = recording
        self._forms[slot] = _FORMATS.index(format) if len(slots) == 1 else _WIDE
        self._note(slot)
        return slot

    def _take_slots(self, spec: RecordingSpec, start: int) -> list[int]:
        pairs = (spec.channels + 1) // 2
        slots: list[int] = []
        while len(slots) < pairs:
            slot = self._take_slot(spec, start, slots[0] if slots else None)
            if slot is None:
                self._give_back(slots)
                raise OSError("no more recordings at once in this media worker")
            slots.append(slot)
        self._slots_of[slots[0]] = -1
        self._slots_of[slots[0], :pairs] = slots
        return slots

    def _take_slot(self, spec: RecordingSpec, start: int, first: int | None) -> int | None:
        slot = self._timeline.open(start, stereo=spec.channels > 1, law=_LAWS[spec.encoding], beside=first)
        if slot is None and self._ended:
            # Whoever heard that it ended need not close it: its slots are used again, as a last resort.
            self._forget(self._ended.popleft())
            return self._take_slot(spec, start, first)
        if slot is not None and first is not None:
            self._forms[slot] = _BESIDE
        return slot

    def _give_back(self, slots: list[int]) -> None:
        for slot in slots:
            self._timeline.close(slot)
            self._timeline.release(slot)

    def append(self, rows: TapRows) -> None:
        if not self._log.fits(rows):
            self._place(float(rows.arrival[0]))
            self._log.fits(rows)
        self._log.append(rows)

    def pause(self, slot: int, paused: bool, now: float, *, masked: bool = False) -> None:
        self._place(now)
        recording = self._recordings[slot]
        kind = "masked" if masked else "paused"
        if recording.report is not None or recording.muted[kind] == paused:
            return
        recording.muted[kind] = paused
        at = int(now * RATE)
        if masked and not paused:
            recording.masked_until = at + _MASK_TAIL
        for each in recording.slots:
            self._hush(each, recording, at)
        off = "unmasked" if masked else "resumed"
        self.mark(slot, kind if paused else off, "", now)

    def _hush(self, slot: int, recording: Running, at: int) -> None:
        """Silence the slot from `at` on, or until what was masked is surely over."""
        silent = any(recording.muted.values())
        self._timeline.pause(slot, silent, at if silent else max(at, recording.masked_until))

    def party(self, slot: int, track: int, name: str, now: float) -> None:
        self._place(now)
        recording = self._recordings[slot]
        if recording.report is not None or not 0 <= track < MOST_TRACKS:
            return
        pair = (
            self._pair(recording, track, int(now * RATE) & ~1)
            if name
            else int(self._slots_of[slot, track // 2])
        )
        if pair >= 0:
            self._timeline.vacant(pair, track % 2, not name, int(now * RATE))
        recording.markers.party(track, name, recording.at(now))
        self._note(slot)

    def _pair(self, recording: Running, track: int, start: int) -> int:
        """The slot of a track, made where the recording has none for it yet; -1: all are taken."""
        first = recording.slots[0]
        slot = int(self._slots_of[first, track // 2])
        if slot < 0 and recording.format.channels > 1:
            found = self._take_slot(recording.spec, start, first)
            if found is None:
                return -1
            slot = found
            recording.slots.append(slot)
            self._slots_of[first, track // 2] = slot
            self._forms[first] = _WIDE
            if any(recording.muted.values()) or start < recording.masked_until:
                self._timeline.pause(slot, True, start)
                self._hush(slot, recording, start)
        return slot

    def mark(self, slot: int, kind: str, text: str, now: float) -> None:
        recording = self._recordings[slot]
        if recording.report is None:
            recording.markers.mark(recording.at(now), kind, text)
            self._note(slot)

    def keep(self, slot: int, now: float) -> None:
        self._place(now)
        recording = self._recordings[slot]
        if recording.report is not None or recording.memory is None:
            return
        try:
            recording.keep(now, keep_open=self._kept < self._open_files)
        except OSError as error:
            self._kept += recording.keeps_open
            self._end(slot, recording, "failed", said(error))
            return
        self._kept += recording.keeps_open
        self._note(slot)

    def _note(self, slot: int) -> None:
        recording = self._recordings[slot]
        if recording.markers.unsaved and recording.file is not None:
            self._unsaved[slot] = None

    def close(self, slot: int, now: float) -> RecordingReport:
        """Also for a recording that ended by itself: says again what was reported."""
        self._place(now)
        recording = self._recordings[slot]
        if recording.report is None:
            for start, block in self._backlog.take(slot):
                self._append(slot, recording, start, memoryview(block))
        if recording.report is None:
            for piece in self._timeline.take_last(recording.slots, int(now * RATE)):
                self._write(piece)
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
        self._until = time.perf_counter() + BUSY_S
        while self._backlog:
            slot, start, block = self._backlog.pop()
            if not self._append(slot, self._recordings[slot], start, memoryview(block)):
                self._backlog.wait_on(slot, start, block)
            if not self._in_time:
                break
        self._place(now)
        settled = (int(now * RATE) - _SETTLE) & ~1
        first = not self._due
        if first:
            # However late it comes, the first flush writes all; from then on one group after another.
            self._due = [now + WRITE_S * (phase + 1) / PHASES for phase in range(PHASES)]
        for phase in range(PHASES):
            if now >= self._due[phase]:
                # A little early is better than a whole flush late.
                self._due[phase] = max(self._due[phase] + WRITE_S * 0.99, now + WRITE_S / 2)
                self._take(phase, settled)
            elif first:
                self._take(phase, settled)
        if self._unsaved:
            self._save_some()
        self._until = inf
        reports, self._reports = self._reports, []
        return reports

    @property
    def _in_time(self) -> bool:
        return time.perf_counter() <= self._until

    def _save_some(self) -> None:
        for slot in list(self._unsaved)[:SIDE_FILES]:
            if not self._in_time:
                return
            del self._unsaved[slot]
            try:
                self._recordings[slot].save()
            except OSError:
                # It stays unsaved: the end of the recording tries again, and says what is wrong.
                continue

    def _place(self, now: float) -> None:
        """Put the log on the timeline; after a long pause in steps, writing in between, so that all finds room."""
        if not len(self._log):
            return
        rows = self._log.take()
        self._find_pairs(rows)
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

    def _find_pairs(self, rows: TapRows) -> None:
        """Tracks beyond the first two lie in other slots; only when there are any, anything is copied."""
        if rows.track.max() <= 1:
            return
        beyond = np.flatnonzero((rows.track > 1) & (rows.track < MOST_TRACKS))
        beyond = beyond[(rows.slot[beyond] >= 0) & (rows.slot[beyond] < len(self._slots_of))]
        # These are the log's own arrays, which are written anew before they are read again.
        rows.slot[beyond] = self._slots_of[rows.slot[beyond], rows.track[beyond] // 2]
        rows.track[beyond] %= 2

    def _take(self, phase: int, up_to: int) -> None:
        for piece in self._timeline.take(phase, up_to):
            self._write(piece)

    def _write(self, piece: Piece) -> None:
        """One block for each recording of the piece, all of one form computed at once."""
        forms = self._forms[piece.slots]
        for form in np.unique(forms).tolist():
            if form == _WIDE:
                self._write_wide(piece, forms)
            elif form != _BESIDE:
                which = forms == form
                every = bool(which.all())
                slots = piece.slots if every else piece.slots[which]
                audio = piece.audio if every else piece.audio[which]
                filled = piece.filled if every else piece.filled[which]
                self._write_blocks(slots, piece.start, _FORMATS[form], audio, filled)

    def _write_wide(self, piece: Piece, forms: npt.NDArray[np.int8]) -> None:
        """Recordings of several slots, all of one format and number of slots at once."""
        row_of = {slot: row for row, slot in enumerate(piece.slots.tolist())}
        alike: dict[tuple[WavFormat, int], list[Running]] = {}
        for slot in piece.slots[forms == _WIDE].tolist():
            recording = self._recordings[slot]
            alike.setdefault((recording.format, len(recording.slots)), []).append(recording)
        for (format, _), recordings in alike.items():
            rows = np.array([[row_of[slot] for slot in recording.slots] for recording in recordings])
            audio, filled = interleave.gather(piece.audio, rows), interleave.gather(piece.filled, rows)
            if audio.shape[1] > format.channels:
                interleave.share_last(audio, filled, format.channels, format.encoding)
            slots = np.array([recording.slots[0] for recording in recordings])
            self._write_blocks(slots, piece.start, format, audio, filled)

    def _write_blocks(
        self,
        slots: npt.NDArray[np.int64],
        start: int,
        format: WavFormat,
        audio: interleave.Bytes,
        filled: interleave.Bytes,
    ) -> None:
        if format.encoding == "PCM16":
            blocks = interleave.pcm16(audio, filled, format.channels)
        else:
            blocks = interleave.g711(audio, format.channels)
        for slot, block in zip(slots.tolist(), blocks, strict=True):
            recording = self._recordings[slot]
            if recording.report is not None:
                continue
            late = recording.memory is None and (slot in self._backlog or not self._in_time)
            if late or not self._append(slot, recording, start, block.data):
                self._put_off(slot, start, block.tobytes())

    def _append(self, slot: int, recording: Running, start: int, block: memoryview) -> bool:
        """False: it has to wait for the rest of a long silence in front of it; never when a recording is closed."""
        if recording.report is not None:
            return True
        try:
            if self._until != inf and recording.catch_up(start):
                return False
            full = recording.append(start, block)
        except OSError as error:
            self._end(slot, recording, "failed", said(error))
        else:
            if full:
                self._end(slot, recording, "limit", "")
        return True

    def _put_off(self, slot: int, start: int, block: bytes) -> None:
        self._backlog.add(slot, start, block)
        while self._backlog.bytes > MOST_WAITING:
            first = self._backlog.first
            self._recordings[first].leave_out(self._backlog.take(first))
            self._note(first)

    def _end(self, slot: int, recording: Running, state: str, problem: str) -> None:
        self._backlog.take(slot)
        self._kept -= recording.keeps_open
        self._unsaved.pop(slot, None)
        for each in recording.slots:
            self._timeline.close(each)
        gaps = [self._timeline.gaps(each) for each in recording.slots]
        report = recording.end(state, problem, sum(count for count, _ in gaps), sum(s for _, s in gaps))
        if report.state != "ended":
            self._reports.append(report)
            self._ended.append(slot)

    def _forget(self, slot: int) -> None:
        for each in self._recordings.pop(slot).slots:
            self._timeline.release(each)
