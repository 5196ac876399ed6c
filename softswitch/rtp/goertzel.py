"""DTMF tones in the audio (ITU-T Q.23, Q.24), many legs at once: Goertzel's filter at 8 kHz as one matrix product.

A block of `BLOCK` samples is a key when one tone of either group stands out: loud enough, neither group much louder
than the other (twist), far above the other tones of its group, with little energy elsewhere and little in the second
harmonics, which is what tells a key from a voice. A key is told after `HITS` blocks in a row, so that 40 ms are always
enough and 20 ms never are, and again only after `MISSES` blocks without it.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

LOW: Final = (697.0, 770.0, 852.0, 941.0)
HIGH: Final = (1209.0, 1336.0, 1477.0, 1633.0)
KEYS: Final = "123A456B789C*0#D"
"""Row by row of the keypad."""
BLOCK: Final = 102
"""12.75 ms: two whole blocks fit into 40 ms wherever it begins."""
HITS: Final = 2
MISSES: Final = 2
SAMPLE_RATE: Final = 8000

_MIN_AMPLITUDE: Final = 400.0
"""Of each tone: -38 dBm0 or so."""
_TWIST: Final = 10 ** (8 / 10)
_REVERSE_TWIST: Final = 10 ** (6 / 10)
_PEAK: Final = 10 ** (6.5 / 10)
"""How far the tone stands above the others of its group."""
_PURE: Final = 0.80
"""Share of the block's energy that the two tones have; a tone of 20 ms cannot fill two blocks to that share."""
_HARMONIC: Final = 0.10
"""Most that the second harmonic of the high tone may have of it. Those of the low tones lie too close to the high
tones to be told apart in a block this short; `_PURE` bounds them."""
_NO_KEY: Final = -1

F32 = npt.NDArray[np.float32]


def _filters() -> F32:
    """(BLOCK, 24): cosine and sine of each tone and of the second harmonics of the high ones."""
    tones = np.array([*LOW, *HIGH, *(2 * tone for tone in HIGH)])
    phase = 2 * np.pi * np.arange(BLOCK)[:, None] * tones / SAMPLE_RATE
    return np.concatenate([np.cos(phase), np.sin(phase)], axis=1).astype(np.float32)


_FILTERS: Final = _filters()


def keys_of(blocks: npt.NDArray[np.float32]) -> npt.NDArray[np.int8]:
    """Index into `KEYS` of the key in each of (n, BLOCK) sample blocks, -1 where there is none."""
    filtered = blocks @ _FILTERS
    power = (filtered[:, :12] ** 2 + filtered[:, 12:] ** 2) * np.float32((2 / BLOCK) ** 2)
    low, high, harmonic = power[:, :4], power[:, 4:8], power[:, 8:]
    rows = np.arange(len(blocks))
    row, column = low.argmax(axis=1), high.argmax(axis=1)
    one, two = low[rows, row], high[rows, column]
    others = np.maximum(np.sort(low, axis=1)[:, -2], 1.0), np.maximum(np.sort(high, axis=1)[:, -2], 1.0)
    energy = (blocks**2).mean(axis=1) * 2
    good = (np.minimum(one, two) >= _MIN_AMPLITUDE**2) & (one + two >= _PURE * energy)
    good &= (two <= one * _TWIST) & (one <= two * _REVERSE_TWIST)
    good &= (one >= others[0] * _PEAK) & (two >= others[1] * _PEAK)
    good &= harmonic[rows, column] <= two * _HARMONIC
    return np.where(good, row * 4 + column, _NO_KEY).astype(np.int8)


class ToneDetector:
    """Rows of `capacity` listeners; each is fed its own audio in order."""

    def __init__(self, capacity: int, longest: int = 512) -> None:
        self._samples: F32 = np.zeros((capacity, BLOCK + longest), np.float32)
        self._filled = np.zeros(capacity, np.int32)
        self._candidate = np.full(capacity, _NO_KEY, np.int8)
        self._hits = np.zeros(capacity, np.int8)
        self._misses = np.zeros(capacity, np.int8)
        self._pressed = np.full(capacity, _NO_KEY, np.int8)

    def clear(self, row: int) -> None:
        self._filled[row] = self._hits[row] = self._misses[row] = 0
        self._candidate[row] = self._pressed[row] = _NO_KEY

    def feed(
        self, row: npt.NDArray[np.int32], samples: npt.NDArray[np.int16], length: npt.NDArray[np.int32]
    ) -> list[tuple[int, str]]:
        """Add `length` of the (n, width) `samples` to listeners `row` (all different); what keys that completes."""
        columns = np.arange(samples.shape[1])
        for count in np.unique(length):
            chosen = np.flatnonzero(length == count)
            at = self._filled[row[chosen]][:, None] + columns[:count]
            self._samples[row[chosen][:, None], at] = samples[chosen, :count]
        self._filled[row] += length
        told: list[tuple[int, str]] = []
        while (ready := row[self._filled[row] >= BLOCK]).size:
            self._step(ready, keys_of(self._samples[ready, :BLOCK]), told)
            self._samples[ready, :-BLOCK] = self._samples[ready, BLOCK:]
            self._filled[ready] -= BLOCK
        return told

    def _step(
        self, row: npt.NDArray[np.int32], key: npt.NDArray[np.int8], told: list[tuple[int, str]]
    ) -> None:
        same = key == self._candidate[row]
        self._hits[row] = hits = np.where(same, np.minimum(self._hits[row] + 1, 100), 1).astype(np.int8)
        self._candidate[row] = key
        held = key == self._pressed[row]
        self._misses[row] = misses = np.where(held, 0, np.minimum(self._misses[row] + 1, 100)).astype(np.int8)
        self._pressed[row] = np.where(misses >= MISSES, _NO_KEY, self._pressed[row])
        pressed = (key != _NO_KEY) & (hits >= HITS) & (key != self._pressed[row])
        self._pressed[row] = np.where(pressed, key, self._pressed[row])
        self._misses[row] = np.where(pressed, 0, self._misses[row])
        told.extend((int(row[at]), KEYS[key[at]]) for at in np.flatnonzero(pressed))
