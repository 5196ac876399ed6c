"""Live conversion between sample rates of a whole ratio: polyphase, linear phase, a constant delay and no drift.

A Kaiser-windowed sinc of `ZEROS` zero crossings on each side at the lower rate (A. V. Oppenheim, R. W. Schafer,
Discrete-Time Signal Processing, sections 4.6 and 7.5). Up and down, each branch is one matrix product over a sliding
window of the input.
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
        taps = _taps(self._ratio)
        if self._up:
            # One short filter for each output phase, newest input last.
            self._branches = np.ascontiguousarray(taps.reshape(-1, self._ratio)[::-1] * self._ratio)
        else:
            self._branches = np.ascontiguousarray(taps[::-1, None])
        self._past = np.zeros(len(self._branches) - 1, np.float32)
        self.delay_s = ZEROS / low if self._ratio > 1 else 0.0

    def process(self, samples: Samples) -> Samples:
        """Up: `ratio` times as many samples. Down: what whole groups of `ratio` give; the rest waits for the next call."""
        if self._ratio == 1:
            return samples
        held = np.concatenate([self._past, samples.astype(np.float32)])
        length = len(self._branches)
        step = 1 if self._up else self._ratio
        count = (len(held) - length + step) // step if len(held) >= length else 0
        if not count:
            self._past = held
            return np.zeros(0, np.int16)
        windows = np.lib.stride_tricks.sliding_window_view(held, length)[::step]
        made = (windows @ self._branches).ravel()
        self._past = held[count * step :]
        return np.clip(np.rint(made), -32768, 32767).astype(np.int16)


@lru_cache(maxsize=8)
def _taps(ratio: int) -> _Taps:
    """The prototype at the higher rate; its sum is 1."""
    half = ZEROS * ratio
    at = np.arange(-half, half) + 0.0
    taps = np.sinc(at * CUTOFF / ratio) * np.kaiser(2 * half + 1, BETA)[:-1]
    scaled: _Taps = (taps / taps.sum()).astype(np.float32)
    return scaled
