"""Live conversion between sample rates of a whole ratio: polyphase, linear phase, a constant delay and no drift.

A Kaiser-windowed sinc of `ZEROS` zero crossings on each side at the lower rate (A. V. Oppenheim, R. W. Schafer,
Discrete-Time Signal Processing, sections 4.6 and 7.5). Up and down, each branch is one correlation.
"""

from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

ZEROS: Final = 24
"""Half the filter's length in samples of the lower rate: 3 ms at 8,000 a second."""
BETA: Final = 6.0
"""Of the Kaiser window: 60 dB in the stop band."""
CUTOFF: Final = 0.93
"""Of the lower rate's half: where the filter is at -6 dB."""

Samples = npt.NDArray[np.int16]
_Taps = npt.NDArray[np.float32]


class Resampler:
    """Holds what the filter still needs of the past; one for each stream."""

    def __init__(self, rate_in: int, rate_out: int) -> None:
        """Rates of which one is a multiple of the other; raises ValueError for others."""
        low, high = sorted((rate_in, rate_out))
        if low <= 0 or high % low:
            raise ValueError(f"{rate_in} and {rate_out} have no whole ratio")
        self._ratio = high // low
        self._up = rate_out > rate_in
        # One short filter for each phase, its newest sample last: for output phases going up, input phases going down.
        phases = _taps(self._ratio).reshape(-1, self._ratio)[::-1].T
        self._branches = np.ascontiguousarray(phases * self._ratio if self._up else phases[::-1])
        self._past = np.zeros(len(_taps(self._ratio)) // (self._ratio if self._up else 1) - 1, np.float32)
        self.delay_s = ZEROS / low if self._ratio > 1 else 0.0

    def process(self, samples: Samples) -> Samples:
        """Up: `ratio` times as many samples. Down: what whole groups of `ratio` give; the rest waits for the next call."""
        if self._ratio == 1:
            return samples
        held = np.concatenate([self._past, samples.astype(np.float32)])
        made = self._higher(held) if self._up else self._lower(held)
        return np.clip(np.rint(made), -32768, 32767).astype(np.int16)

    def _higher(self, held: _Taps) -> _Taps:
        length = self._branches.shape[1]
        count = len(held) - length + 1
        self._past = held[max(count, 0) :]
        made = np.zeros((max(count, 0), self._ratio), np.float32)
        if count > 0:
            for phase, branch in enumerate(self._branches):
                made[:, phase] = np.correlate(held, branch)
        return made.ravel()

    def _lower(self, held: _Taps) -> _Taps:
        length = self._branches.size
        count = (len(held) - length) // self._ratio + 1 if len(held) >= length else 0
        self._past = held[count * self._ratio :]
        made = np.zeros(count, np.float32)
        if count:
            end = (count - 1) * self._ratio + length
            for phase, branch in enumerate(self._branches):
                made += np.correlate(held[phase : end : self._ratio], branch)
        return made


@lru_cache(maxsize=8)
def _taps(ratio: int) -> _Taps:
    """The prototype at the higher rate; its sum is 1."""
    half = ZEROS * ratio
    at = np.arange(-half, half) + 0.0
    taps = np.sinc(at * CUTOFF / ratio) * np.kaiser(2 * half + 1, BETA)[:-1]
    scaled: _Taps = (taps / taps.sum()).astype(np.float32)
    return scaled
