"""Which legs are recorded, and where their packets go: between the commands and the `Tap` of the recorder.

A recording ends with its last leg, by command, or by itself (limit, disk); each end is reported once. A leg is in one
recording at most.
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
from softswitch.tap import RecordingReport, RecordingSpec, Tap, TapRows

FLUSH_S: Final = 0.2
MAX_TRACKS: Final = 2


@dataclass(slots=True)
class _Running:
    slot: int
    legs: list[Leg]


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

    def start(self, spec: RecordingSpec, legs: list[Leg], now: float) -> None:
        problem = ""
        if spec.recording in self._running:
            return
        if not 1 <= len(legs) <= MAX_TRACKS:
            problem = "a recording has one or two legs that are open"
        elif any(leg.recording is not None for leg in legs):
            problem = "a leg is being recorded already"
        else:
            try:
                slot = self._tap.open(spec, now)
            except OSError as error:
                problem = str(error)
        if problem:
            self._ended(_failed(spec.recording, problem))
            return
        self._running[spec.recording] = _Running(slot, legs)
        for track, leg in enumerate(legs):
            leg.recording = spec.recording
            self._table.recording[leg.slot], self._table.track[leg.slot] = slot, track

    def pause(self, recording: RecordingId, paused: bool, now: float) -> None:
        if (running := self._running.get(recording)) is not None:
            self._tap.pause(running.slot, paused, now)

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
        running.legs.remove(leg)
        self._table.recording[leg.slot] = NOBODY
        if not running.legs:
            self.stop(leg.recording, now)

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
        for leg in running.legs if running is not None else ():
            leg.recording = None
            self._table.recording[leg.slot] = NOBODY
        return running

    def _ended(self, report: RecordingReport) -> None:
        self._report(RecordingEnded(report=report))


def _failed(recording: RecordingId, problem: str) -> RecordingReport:
    return RecordingReport(
        recording=recording, state="failed", seconds=0.0, gaps=0, gap_s=0.0, problem=problem
    )
