"""What is heard in place of lost audio: the last pitch period again, fading, and a soft return (after ITU-T G.711
appendix I; thresholds in time, so that it serves 8 and 16 kHz alike).
"""

from typing import Final

import numpy as np
import numpy.typing as npt

SHORTEST_PERIOD_S, LONGEST_PERIOD_S = 1 / 400, 1 / 66
HISTORY_S: Final = 0.04875
FULL_S: Final = 0.01
"""Concealed at full level; then it fades."""
FADED_S: Final = 0.06
"""Nothing is heard after this."""
JOIN_S: Final = 0.004
"""Concealed and real audio are blended for this long."""

Samples = npt.NDArray[np.int16]


class Concealment:
    """One for each decoded stream."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._history = np.zeros(round(HISTORY_S * rate), np.float32)
        self._period = np.zeros(0, np.float32)
        self._concealed = 0
        """Samples since the last good one."""

    def good(self, samples: Samples) -> Samples:
        """Take real audio; its beginning is blended with what a concealed stretch would have gone on with."""
        if not len(samples):
            return samples
        if self._concealed:
            join = min(round(JOIN_S * self._rate), len(samples))
            tail = self._next(join)
            weight = np.arange(1, join + 1, dtype=np.float32) / join
            samples = samples.copy()
            samples[:join] = samples[:join] * weight + tail * (1 - weight)
            self._concealed = 0
        size = len(self._history)
        self._history = np.concatenate([self._history, samples[-size:].astype(np.float32)])[-size:]
        return samples

    def conceal(self, count: int) -> Samples:
        """`count` samples in place of what was lost."""
        if not self._concealed:
            self._period = self._last_period()
        return self._next(count).astype(np.int16)

    @property
    def exhausted(self) -> bool:
        """It has faded to nothing."""
        return self._concealed >= FADED_S * self._rate

    def _next(self, count: int) -> npt.NDArray[np.float32]:
        at = self._concealed + np.arange(count)
        self._concealed += count
        fade = 1 - (at / self._rate - FULL_S) / (FADED_S - FULL_S)
        return (self._period[at % len(self._period)] * np.clip(fade, 0, 1)).astype(np.float32)

    def _last_period(self) -> npt.NDArray[np.float32]:
        """The lag at which the end of the history resembles what came before it most; normalised cross-correlation."""
        shortest, longest = round(SHORTEST_PERIOD_S * self._rate), round(LONGEST_PERIOD_S * self._rate)
        history = self._history
        compared = history[-longest:]
        windows = np.lib.stride_tricks.sliding_window_view(history, longest)
        lags = np.arange(shortest, min(longest, len(windows) - 1) + 1)
        candidates = windows[len(windows) - 1 - lags]
        energy = np.sqrt((candidates * candidates).sum(axis=1)) + 1.0
        best = int(lags[np.argmax(candidates @ compared / energy)])
        period = history[-best:].copy()
        blend = max(1, best // 4)
        weight = np.arange(1, blend + 1, dtype=np.float32) / blend
        # The period's end is led over to what precedes its beginning, so that repeats join without a click.
        period[-blend:] = period[-blend:] * (1 - weight) + history[-best - blend : -best] * weight
        return period
