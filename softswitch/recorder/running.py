"""One recording that grows: its file or, while it is only armed, its memory; its markers; and how it ends.

Positions are samples of the worker's clock; `origin` is the one of the file's first sample.
"""

from collections.abc import Sequence
from pathlib import Path

from softswitch.g711 import PCMA, PCMU, SILENCE
from softswitch.recorder import side_file
from softswitch.recorder.markers import Markers
from softswitch.recorder.memory import Memory
from softswitch.recorder.track import RATE
from softswitch.recorder.wav import LONGEST_DATA, WavFormat
from softswitch.recorder.wav_file import WavFile
from softswitch.tap import RecordingReport, RecordingSpec

LONGEST_SILENCE_S = 2.0
"""Written at once; a disk that was too slow must not be asked for all of a long silence in one write."""
LONGEST_PAUSE_S = 600.0
"""A recording that a dead worker began goes on when no more than this is missing."""
_SILENCE = {"PCMU": SILENCE[PCMU], "PCMA": SILENCE[PCMA], "PCM16": 0}


class Running:
    """Goes on, or has ended by itself (`report`) and waits to be closed."""

    def __init__(
        self, spec: RecordingSpec, format: WavFormat, slots: list[int], start: int, *, keep_open: bool
    ) -> None:
        """Raises OSError when there can be no file."""
        self.spec = spec
        self.format = format
        self.slots = slots
        """Of the timeline: two tracks each."""
        self.path = Path(spec.path)
        self.origin = start - max(0, int(spec.continues_s * RATE))
        self.markers = Markers(spec.recording)
        self.report: RecordingReport | None = None
        self.file: WavFile | None = None
        self.memory: Memory | None = None
        self.muted = {"paused": False, "masked": False}
        self.masked_until = 0
        """Position up to which the last mask that was taken off still covers."""
        self._left_out: list[float] = []
        """Lengths of the stretches in s that are silence because the disk was too slow."""
        self._left_out_to = -1
        """Position at which the last of them ends."""
        self._size = format.frame_bytes
        self._most = int(spec.max_s * RATE) or LONGEST_DATA // self._size
        if spec.armed_s > 0:
            self.memory = Memory(spec.armed_s, self._size)
        else:
            self._open(keep_open)
        if spec.continues_s >= 0:
            self._take_over(start)

    @property
    def keeps_open(self) -> bool:
        return self.file is not None and self.file.keep_open

    @property
    def seconds(self) -> float:
        return self.file.frames / RATE if self.file is not None else 0.0

    def _open(self, keep_open: bool) -> None:
        goes_on = self.spec.continues_s >= 0
        self.file = WavFile(self.path, self.format, keep_open=keep_open, goes_on=goes_on)
        self._most = min(self._most, self.file.frames + self.file.room)

    def _take_over(self, start: int) -> None:
        if self.file is not None and start - self.origin - self.file.frames > LONGEST_PAUSE_S * RATE:
            self.file.drop()
            raise OSError(f"{self.path.name} ended too long ago to go on")
        if self.file is not None:
            # The wall clock was set back meanwhile: what is said now is not left out until it has caught up.
            self.origin = min(self.origin, start - self.file.frames)
        self.markers.take_over(side_file.read(self.path), self.seconds)
        self.markers.mark(self.spec.continues_s, "continued", f"{self.seconds:.3f} s were there")

    # --- what happens ---------------------------------------------------------------------------------------------------

    def at(self, now: float) -> float:
        """Seconds from the file's beginning."""
        return max(0.0, now - self.origin / RATE)

    def keep(self, now: float, *, keep_open: bool) -> None:
        """Write what is in memory, and from here on all. Raises OSError."""
        memory, self.memory = self.memory, None
        if memory is None:
            return
        blocks = memory.take()
        oldest = max(self.origin, int((now - memory.seconds) * RATE) & ~1)
        self.markers.begin_at((oldest - self.origin) / RATE)
        self.origin = oldest
        self._open(keep_open)
        for start, block in blocks:
            self.append(start, memoryview(block))

    def append(self, start: int, block: memoryview) -> bool:
        """The block at this position; raises OSError. True: the longest length is reached."""
        if self.memory is not None:
            self.memory.add(start, block)
            return False
        file = self.file
        assert file is not None
        skip = self.origin + file.frames - start
        if skip < 0:
            self._pad(file, min(-skip, self._most - file.frames))
            skip = 0
        frames = len(block) // self._size
        fits = self._most - file.frames
        if skip or fits < frames:
            if skip >= frames or fits <= 0:
                return file.frames >= self._most
            block = block[skip * self._size : min(frames, skip + fits) * self._size]
        file.append(block)
        return file.frames >= self._most

    def catch_up(self, start: int) -> bool:
        """Write some of a long silence that is missing in front of this position; raises OSError. False: what is missing
        still is short enough for `append`."""
        file = self.file
        if file is None:
            return False
        frames = int(LONGEST_SILENCE_S * RATE)
        if min(start, self.origin + self._most) - self.origin - file.frames <= frames:
            return False
        self._pad(file, frames)
        return True

    def leave_out(self, blocks: Sequence[tuple[int, bytes]]) -> None:
        """The disk was too slow for these: silence stands in their place when the next one is written."""
        start, frames = blocks[0][0], sum(len(block) for _, block in blocks) // self._size
        if start != self._left_out_to:
            self.markers.mark(self.at(start / RATE), "gap", "the disk was too slow")
            self._left_out.append(0.0)
        self._left_out[-1] += frames / RATE
        self._left_out_to = start + frames

    def _pad(self, file: WavFile, frames: int) -> None:
        if frames > 0:
            file.append(bytes([_SILENCE[self.format.encoding]]) * (frames * self._size))

    # --- the end --------------------------------------------------------------------------------------------------------

    def end(self, state: str, problem: str, gaps: int, gap_s: float) -> RecordingReport:
        """Close the file, whatever the disk says, and tell how it went. `gaps` of `gap_s` in all came as they are."""
        file = self.file
        if self._left_out:
            silent = f"{sum(self._left_out):.1f} s are silence: the disk was too slow"
            problem = "; ".join(filter(None, (problem, silent)))
        if file is not None:
            try:
                file.finish()
            except OSError as error:
                file.drop()
                state, problem = "failed", problem or said(error)
            if state != "ended":
                self.markers.mark(file.frames / RATE, state, problem)
            if self.markers.unsaved:
                problem = "; ".join(filter(None, (problem, self._save_at_end(file))))
        self.report = RecordingReport(
            recording=self.spec.recording,
            state=state,
            seconds=self.seconds,
            gaps=gaps + len(self._left_out),
            gap_s=gap_s + sum(self._left_out),
            problem=problem,
        )
        return self.report

    def save(self) -> None:
        """The side file as it is now; raises OSError."""
        side_file.write(self.path, self.markers.serialize())
        self.markers.unsaved = False

    def _save_at_end(self, file: WavFile) -> str:
        """On a full disk the recording gives back a block for the side file. Returns what is wrong, if anything."""
        try:
            self.save()
        except OSError:
            try:
                file.shorten()
                self.save()
            except OSError as error:
                file.drop()
                return f"{side_file.side_of(self.path).name} cannot be written: {said(error)}"
        return ""


def said(error: OSError) -> str:
    return error.strerror or str(error)
