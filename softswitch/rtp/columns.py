"""Arrays with one element for each slot, which a leg that goes leaves as they were before it came, all at once.

Columns of one width lie below each other in one block, whatever their types: each is contiguous, as passes over all legs
want it, and one assignment down the block clears a slot of all of them. An assignment costs ten times what an element does.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

_BLOCK: Final = 128
"""Columns of a block; those that are not in use take no memory, as nobody touches them."""


class Columns:
    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._blocks: list[npt.NDArray[Any]] = []
        self._defaults: list[npt.NDArray[Any]] = []
        self._slots: list[tuple[npt.NDArray[Any], npt.NDArray[Any]]] = []
        """Of each block what is in use, slot by slot, and what clears one of them."""

    def add(self, kind: type[np.generic], default: float, *deep: int) -> npt.NDArray[Any]:
        """A new column of `default`, which `clear` gives back; with `deep` an array of that shape of columns."""
        whole = np.full((*deep, self._capacity), default, kind)
        wanted = whole.reshape(-1, self._capacity).view(f"u{whole.itemsize}")
        number = self._block_for(wanted)
        before = len(self._defaults[number])
        self._defaults[number] = np.append(self._defaults[number], wanted[:, 0])
        filled = self._blocks[number][: before + len(wanted)]
        filled[before:] = wanted
        self._slots = [
            (block[: len(defaults)].T, defaults)
            for block, defaults in zip(self._blocks, self._defaults, strict=True)
        ]
        columns: npt.NDArray[Any] = filled[before:].view(kind).reshape(whole.shape)
        return columns

    def _block_for(self, wanted: npt.NDArray[Any]) -> int:
        """One of this width with room; a new one when there is none."""
        for number, defaults in enumerate(self._defaults):
            if defaults.dtype == wanted.dtype and len(defaults) + len(wanted) <= _BLOCK:
                return number
        self._blocks.append(np.empty((_BLOCK, self._capacity), wanted.dtype))
        self._defaults.append(np.empty(0, wanted.dtype))
        return len(self._blocks) - 1

    def clear(self, slot: int) -> None:
        for slots, defaults in self._slots:
            slots[slot] = defaults
