"""The log that ticks append to: plain arrays of fixed size, so that taking a tick's rows is a copy and nothing else."""

import numpy as np
import numpy.typing as npt

from softswitch.tap import TapRows


class RowLog:
    def __init__(self, rows: int = 8192, width: int = 240) -> None:
        self._count = 0
        self._make(rows, width)

    def _make(self, rows: int, width: int) -> None:
        self._size = rows
        self._rows = TapRows(
            slot=np.zeros(rows, np.int32),
            track=np.zeros(rows, np.uint8),
            ssrc=np.zeros(rows, np.uint32),
            timestamp=np.zeros(rows, np.uint32),
            arrival=np.zeros(rows, np.float64),
            law=np.zeros(rows, np.uint8),
            length=np.zeros(rows, np.int32),
            payload=np.zeros((rows, width), np.uint8),
        )

    def __len__(self) -> int:
        return self._count

    def fits(self, rows: TapRows) -> bool:
        """False: take what is here first. An empty log makes itself wide and long enough for anything."""
        count, width = rows.payload.shape
        if self._count + count <= self._size and width <= self._rows.payload.shape[1]:
            return True
        if self._count == 0:
            self._make(max(count, self._size), max(width, self._rows.payload.shape[1]))
            return True
        return False

    def append(self, rows: TapRows) -> None:
        """Copy rows that fit."""
        count, width = rows.payload.shape
        at = slice(self._count, self._count + count)
        mine = self._rows
        mine.slot[at] = rows.slot
        mine.track[at] = rows.track
        mine.ssrc[at] = rows.ssrc
        mine.timestamp[at] = rows.timestamp
        mine.arrival[at] = rows.arrival
        mine.law[at] = rows.law
        mine.length[at] = rows.length
        mine.payload[at, :width] = rows.payload
        self._count += count

    def take(self) -> TapRows:
        """All rows, as views that hold until the next append."""
        taken = part(self._rows, slice(0, self._count))
        self._count = 0
        return taken


def part(rows: TapRows, which: slice | npt.NDArray[np.intp]) -> TapRows:
    """Some of the rows: as views by a slice, as copies by their numbers."""
    return TapRows(
        slot=rows.slot[which],
        track=rows.track[which],
        ssrc=rows.ssrc[which],
        timestamp=rows.timestamp[which],
        arrival=rows.arrival[which],
        law=rows.law[which],
        length=rows.length[which],
        payload=rows.payload[which],
    )
