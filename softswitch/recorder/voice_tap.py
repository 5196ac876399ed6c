"""The recorder with what voices need besides files: forks of audio, and recordings that end in silence. Implements
`softswitch.tap.Tap`.

Everything else goes to the writer unchanged; while there is neither fork nor silence to wait for, a tick pays one look.
"""

from dataclasses import replace
from typing import Final

import numpy as np

from softswitch.recorder.fork import Fork
from softswitch.recorder.quiet_end import QuietEnd
from softswitch.recorder.row_log import part
from softswitch.recorder.writer import RecordingWriter
from softswitch.tap import RecordingReport, RecordingSpec, TapRows

FIRST_FORK: Final = 1 << 24
"""Slots from here on are forks; those of the writer lie below."""


class VoiceTap:
    def __init__(self, writer: RecordingWriter) -> None:
        self._writer = writer
        self._forks: dict[int, tuple[Fork, RecordingSpec]] = {}
        self._quiet: dict[int, QuietEnd] = {}
        self._spoken: dict[int, RecordingSpec] = {}
        self._ended: dict[int, RecordingReport] = {}
        """Ended in silence, and not closed by their owner yet."""
        self._next = FIRST_FORK

    def open(self, spec: RecordingSpec, now: float) -> int:
        if spec.fork:
            fork = Fork(spec.fork, spec.recording, spec.fork_rate)
            self._next = slot = self._next + 1
            self._forks[slot] = fork, spec
            return slot
        slot = self._writer.open(spec, now)
        if spec.silence_s > 0:
            self._quiet[slot], self._spoken[slot] = QuietEnd(spec.silence_s, now), spec
        return slot

    def append(self, rows: TapRows) -> None:
        if not self._forks and not self._quiet:
            self._writer.append(rows)
            return
        written = []
        for row, slot in enumerate(rows.slot.tolist()):
            payload = rows.payload[row, : rows.length[row]]
            law = int(rows.law[row])
            if slot >= FIRST_FORK:
                found = self._forks.get(slot)
                if found is not None:
                    found[0].packet(int(rows.ssrc[row]), int(rows.timestamp[row]), law, payload)
                continue
            written.append(row)
            quiet = self._quiet.get(slot)
            if quiet is not None:
                quiet.packet(float(rows.arrival[row]), law, payload)
        if len(written) == len(rows.slot):
            self._writer.append(rows)
        elif written:
            self._writer.append(part(rows, np.array(written, np.intp)))

    def pause(self, slot: int, paused: bool, now: float, *, masked: bool = False) -> None:
        if slot < FIRST_FORK:
            self._writer.pause(slot, paused, now, masked=masked)

    def party(self, slot: int, track: int, name: str, now: float) -> None:
        if slot < FIRST_FORK:
            self._writer.party(slot, track, name, now)

    def mark(self, slot: int, kind: str, text: str, now: float) -> None:
        if slot < FIRST_FORK:
            self._writer.mark(slot, kind, text, now)

    def keep(self, slot: int, now: float) -> None:
        if slot < FIRST_FORK:
            self._writer.keep(slot, now)

    def close(self, slot: int, now: float) -> RecordingReport:
        if slot in self._ended:
            return self._ended.pop(slot)
        if slot >= FIRST_FORK:
            return self._end_fork(slot, "ended")
        self._forget(slot)
        return self._writer.close(slot, now)

    def flush(self, now: float) -> list[RecordingReport]:
        reports = self._writer.flush(now)
        if self._quiet:
            ended = {report.recording for report in reports}
            for slot, spec in tuple(self._spoken.items()):
                if spec.recording in ended:
                    self._forget(slot)
                elif self._quiet[slot].over(now):
                    self._forget(slot)
                    self._ended[slot] = replace(self._writer.close(slot, now), state="limit")
                    reports.append(self._ended[slot])
        for slot in [slot for slot, (fork, _) in self._forks.items() if fork.gone]:
            self._ended[slot] = self._end_fork(slot, "ended")
            reports.append(self._ended[slot])
        return reports

    def _forget(self, slot: int) -> None:
        self._quiet.pop(slot, None)
        self._spoken.pop(slot, None)

    def _end_fork(self, slot: int, state: str) -> RecordingReport:
        fork, spec = self._forks.pop(slot)
        fork.close()
        lost = f"{fork.lost_s:.2f} s left out: the reader was slow" if fork.lost_s else ""
        return RecordingReport(
            recording=spec.recording,
            state=state,
            seconds=fork.seconds,
            gaps=0,
            gap_s=fork.lost_s,
            problem=lost,
        )
