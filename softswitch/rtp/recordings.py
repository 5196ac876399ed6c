"""Which legs are recorded, and where their packets go: between the commands and the `Tap` of the recorder.

A recording ends by command or by itself (limit, disk); each end is reported once. Its tracks may change hands while it
runs, and it goes on when nobody is on any. A leg is in one recording at most.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from softswitch.ids import RecordingId
from softswitch.rtp.leg import Leg
from softswitch.rtp.packet import HEADER_BYTES, Indices, Rows
from softswitch.rtp.reports import RecordingEnded, Report
from softswitch.rtp.table import NOBODY, LegTable
from softswitch.tap import MOST_TRACKS, RecordingReport, RecordingSpec, Tap, TapRows

FLUSH_S: Final = 0.05


@dataclass(slots=True)
class _Running:
    slot: int
    legs: dict[int, Leg]
    """By track."""


class Recordings:
    def __init__(self, table: LegTable, tap: Tap, report: Callable[[Report], None]) -> None:
        self._table = table
        self._tap = tap
        self._report = report
        self._running: dict[RecordingId, _Running] = {}
        self._flush_at = 0.0

    def __len__(self) -> int:
        return len(self._running)

    def __iter__(self) -> Iterator[RecordingId]:
        return iter(tuple(self._running))

    def start(self, spec: RecordingSpec, legs: list[Leg], names: tuple[str, ...], now: float) -> None:
        problem = ""
        if spec.recording in self._running:
            return
        if not 1 <= len(legs) <= MOST_TRACKS:
            problem = f"a recording begins with one to {MOST_TRACKS} legs that are open"
        elif any(leg.recording is not None for leg in legs):
            problem = "a leg is being recorded already"
        else:
            try:
                slot = self._tap.open(spec, now)
            except (OSError, ValueError) as error:
                problem = str(error)
        if problem:
            self._ended(_failed(spec.recording, problem))
            return
        running = self._running[spec.recording] = _Running(slot, {})
        if spec.masked:
            self._tap.pause(slot, True, now, masked=True)
        for track, leg in enumerate(legs):
            self._attach(spec.recording, running, track, leg)
            if track < len(names):
                self._tap.party(slot, track, names[track], now)

    def record_leg(self, recording: RecordingId, track: int, leg: Leg | None, name: str, now: float) -> None:
        """`track` is what is received from `leg` from now on; a leg that had another track of this recording leaves it.
        Raises ValueError."""
        running = self._running.get(recording)
        if running is None:
            return
        if not 0 <= track < MOST_TRACKS:
            raise ValueError(f"a recording has tracks 0 to {MOST_TRACKS - 1}")
        if leg is not None and leg.recording not in (None, recording):
            raise ValueError("the leg is being recorded elsewhere")
        before = [each for each in running.legs.items() if each[0] == track or each[1] is leg]
        for old_track, old_leg in before:
            self._release(running, old_track, old_leg)
            if old_track != track:
                self._tap.party(running.slot, old_track, "", now)
        if leg is not None:
            self._attach(recording, running, track, leg)
        self._tap.party(running.slot, track, (name or leg.id) if leg is not None else "", now)

    def _attach(self, recording: RecordingId, running: _Running, track: int, leg: Leg) -> None:
        running.legs[track] = leg
        leg.recording = recording
        self._table.recording[leg.slot], self._table.track[leg.slot] = running.slot, track

    def _release(self, running: _Running, track: int, leg: Leg) -> None:
        del running.legs[track]
        leg.recording = None
        self._table.recording[leg.slot] = NOBODY

    def mark(self, recording: RecordingId, kind: str, text: str, now: float) -> None:
        if (running := self._running.get(recording)) is not None:
            self._tap.mark(running.slot, kind, text, now)

    def keep(self, recording: RecordingId, now: float) -> None:
        if (running := self._running.get(recording)) is not None:
            self._tap.keep(running.slot, now)

    def pause(self, recording: RecordingId, paused: bool, now: float, *, masked: bool = False) -> None:
        if (running := self._running.get(recording)) is not None:
            self._tap.pause(running.slot, paused, now, masked=masked)

    def stop(self, recording: RecordingId, now: float) -> None:
        if (running := self._running.get(recording)) is not None:
            self._detach(recording)
            try:
                report = self._tap.close(running.slot, now)
            except OSError as error:
                report = _failed(recording, str(error))
            self._ended(report)

    def leg_closes(self, leg: Leg, now: float) -> None:
        if leg.recording is None or (running := self._running.get(leg.recording)) is None:
            return
        for track in [track for track, each in running.legs.items() if each is leg]:
            self._release(running, track, leg)
            self._tap.party(running.slot, track, "", now)

    def take(
        self, rows: Rows, row: Indices, slot: npt.NDArray[np.int32], payload: npt.NDArray[np.int32],
        header: npt.NDArray[np.void], now: float,
    ) -> None:  # fmt: skip
        """Hand over the audio packets among `row`, of legs `slot`, that belong to recorded legs."""
        recorded = self._table.recording[slot]
        mine = np.flatnonzero(recorded != NOBODY)
        if not mine.size:
            return
        slot, length = slot[mine], payload[mine]
        self._tap.append(
            TapRows(
                slot=recorded[mine],
                track=self._table.track[slot],
                ssrc=header["ssrc"][mine].astype(np.uint32),
                timestamp=header["timestamp"][mine].astype(np.uint32),
                arrival=np.full(len(mine), now),
                law=self._table.law[slot],
                length=length,
                payload=rows[row[mine], HEADER_BYTES : HEADER_BYTES + int(length.max(initial=0))],
            )
        )

    def tick(self, now: float) -> None:
        if not self._running or now < self._flush_at:
            return
        self._flush_at = now + FLUSH_S
        for report in self._tap.flush(now):
            running = self._detach(report.recording)
            if running is not None:
                self._tap.close(running.slot, now)
            self._ended(report)

    def _detach(self, recording: RecordingId) -> _Running | None:
        running = self._running.pop(recording, None)
        if running is not None:
            for track, leg in tuple(running.legs.items()):
                self._release(running, track, leg)
        return running

    def _ended(self, report: RecordingReport) -> None:
        self._report(RecordingEnded(report=report))


def _failed(recording: RecordingId, problem: str) -> RecordingReport:
    return RecordingReport(
        recording=recording, state="failed", seconds=0.0, gaps=0, gap_s=0.0, problem=problem
    )
