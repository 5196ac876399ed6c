"""Counts the stretches in which packets were missing: what lies unfilled between two packets of one track.

Silence before a track's first packet and after its last one is not a gap: nobody was there.
"""

import numpy as np
import numpy.typing as npt

from softswitch.recorder.track import RATE

_NOT_BEGUN = -1


class Gaps:
    """Carries each track's count from one settled piece to the next."""

    def __init__(self, tracks: int) -> None:
        self._open = np.full(tracks, _NOT_BEGUN, np.int64)
        self._count = np.zeros(tracks, np.int64)
        self._samples = np.zeros(tracks, np.int64)

    def clear(self, keys: slice) -> None:
        self._open[keys] = _NOT_BEGUN
        self._count[keys] = 0
        self._samples[keys] = 0

    def count(self, keys: slice) -> int:
        return int(self._count[keys].sum())

    def seconds(self, keys: slice) -> float:
        return float(self._samples[keys].sum()) / RATE

    def see(self, keys: npt.NDArray[np.int64], filled: npt.NDArray[np.uint8]) -> npt.NDArray[np.bool_]:
        """Take in one piece, (tracks, samples) with 0 where nothing came; returns which tracks were filled throughout."""
        full = np.asarray(filled.min(axis=1) > 0)
        open_gap = self._open[keys]
        closing = full & (open_gap > 0)
        self._count[keys[closing]] += 1
        self._samples[keys[closing]] += open_gap[closing]
        self._open[keys[full]] = 0
        if not full.all():
            empty = filled.max(axis=1) == 0
            waiting = keys[empty & (open_gap >= 0)]
            self._open[waiting] += filled.shape[1]
            for row in np.flatnonzero(~full & ~empty):
                self._see_one(int(keys[row]), filled[row])
        return full

    def _see_one(self, key: int, filled: npt.NDArray[np.uint8]) -> None:
        at = np.flatnonzero(filled)
        holes = np.diff(at) - 1
        if self._open[key] >= 0:
            holes = np.append(holes, self._open[key] + at[0])
        holes = holes[holes > 0]
        self._count[key] += len(holes)
        self._samples[key] += holes.sum()
        self._open[key] = len(filled) - 1 - at[-1]
