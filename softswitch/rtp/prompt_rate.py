"""Bringing prompts of any rate to 8 kHz: a windowed-sinc filter applied phase by phase (polyphase), once, at load.

Live audio has `resampler.py`.
"""

from math import gcd
from typing import Final

import numpy as np
import numpy.typing as npt

from softswitch.rtp.prompt import SAMPLE_RATE

_ZERO_CROSSINGS: Final = 24
_KAISER_BETA: Final = 9.0
"""About 90 dB of stop band, below what 16 bit shows."""
_PASS: Final = 0.94
"""Cut-off as a share of the lower Nyquist frequency."""
_CHUNK: Final = 4096
"""Output samples worked on at once, so that memory stays small."""
_MAX_PHASES: Final = 960

F32 = npt.NDArray[np.float32]


def to_8k(samples: F32, rate: int) -> F32:
    """Mono float samples of `rate` as 8 kHz; the length is rounded up to a whole sample."""
    if rate == SAMPLE_RATE or not len(samples):
        return samples
    up, down = SAMPLE_RATE // gcd(SAMPLE_RATE, rate), rate // gcd(SAMPLE_RATE, rate)
    count = -(-len(samples) * up // down)
    lowest = min(1.0, SAMPLE_RATE / rate) * _PASS
    half = int(np.ceil(_ZERO_CROSSINGS / lowest))
    kernel = _kernels(up, half, lowest) if up <= _MAX_PHASES else None
    padded = np.concatenate([np.zeros(half, np.float32), samples, np.zeros(half + 1, np.float32)])
    taps = np.arange(-half + 1, half + 1)
    out = np.empty(count, np.float32)
    for begin in range(0, count, _CHUNK):
        position = np.arange(begin, min(begin + _CHUNK, count), dtype=np.int64) * down
        whole, phase = position // up, position % up
        weights = kernel[phase] if kernel is not None else _weights(phase / up, half, lowest)
        out[begin : begin + len(position)] = (padded[whole[:, None] + taps + half] * weights).sum(axis=1)
    return out


def _kernels(up: int, half: int, lowest: float) -> F32:
    """(up, 2 * half) filter taps for each phase between two input samples."""
    return _weights(np.arange(up) / up, half, lowest)


def _weights(fraction: npt.NDArray[np.float64], half: int, lowest: float) -> F32:
    distance = np.arange(-half + 1, half + 1) - fraction[:, None]
    window = np.i0(_KAISER_BETA * np.sqrt(np.maximum(0, 1 - (distance / half) ** 2))) / np.i0(_KAISER_BETA)
    weights = lowest * np.sinc(lowest * distance) * window
    scaled: F32 = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    return scaled
