"""Stretches of the timeline that are silent on purpose: muted, whatever came, or vacant, where nothing coming is no gap.

Kept by position, beside the rule that what arrives while a recording is muted is never placed: a packet that was delayed
may have come before the mask and belong into it.
"""

import numpy as np
import numpy.typing as npt

FILLED = 3
"""In a piece's `filled`: silence that is meant."""
_OPEN = 1 << 62

Bytes = npt.NDArray[np.uint8]
_Spans = dict[int, list[list[int]]]


class Silences:
    def __init__(self) -> None:
        self._muted: _Spans = {}
        """By slot: first position, position after the last."""
        self._vacant: _Spans = {}
        """By key of a track: twice the slot, plus the track."""

    def clear(self, slot: int) -> None:
        self._muted.pop(slot, None)
        for track in (0, 1):
            self._vacant.pop(slot * 2 + track, None)

    def mute(self, slot: int, on: bool, at: int) -> None:
        _switch(self._muted, slot, on, at)

    def vacant(self, key: int, on: bool, at: int) -> None:
        _switch(self._vacant, key, on, at)

    def apply(
        self, slots: npt.NDArray[np.int64], start: int, audio: Bytes, filled: Bytes, silence: Bytes
    ) -> None:
        """To one piece, (slots, 2, samples); what it covers is forgotten."""
        if not (self._muted or self._vacant):
            return
        row_of = {slot: row for row, slot in enumerate(slots.tolist())}
        end = start + audio.shape[2]
        for slot in self._muted.keys() & row_of.keys():
            row = row_of[slot]
            for first, last in _overlaps(self._muted, slot, start, end):
                audio[row, :, first:last] = silence[slot]
                filled[row, :, first:last] = FILLED
        for key in [key for key in self._vacant if key // 2 in row_of]:
            row, track = row_of[key // 2], key % 2
            for first, last in _overlaps(self._vacant, key, start, end):
                empty = filled[row, track, first:last] == 0
                audio[row, track, first:last][empty] = silence[key // 2]
                filled[row, track, first:last][empty] = FILLED


def _switch(spans: _Spans, which: int, on: bool, at: int) -> None:
    mine = spans.setdefault(which, [])
    running = bool(mine) and mine[-1][1] == _OPEN
    if on and not running:
        mine.append([at, _OPEN])
    elif not on and running:
        mine[-1][1] = at
    if not mine:
        del spans[which]


def _overlaps(spans: _Spans, which: int, start: int, end: int) -> list[tuple[int, int]]:
    """Columns of the piece from `start` to `end` that the spans cover; those that end in it are dropped."""
    found = [(max(a, start) - start, min(b, end) - start) for a, b in spans[which] if a < end and b > start]
    spans[which] = [span for span in spans[which] if span[1] > end]
    if not spans[which]:
        del spans[which]
    return found
