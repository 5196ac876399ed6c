"""Arrays with one element for each slot, which a leg that goes leaves as they were before it came, all at once.

Columns of one type lie below each other in one block: each is contiguous, as passes over all legs want it, and one
assignment down the block clears a slot of all of them.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

_BLOCK: Final = 16
"""Columns of a block; those that are not in use take no memory, as nobody touches them."""


class Columns:
    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._blocks: list[npt.NDArray[Any]] = []
        self._defaults: list[npt.NDArray[Any]] = []

    def add(self, kind: type[np.generic], default: float) -> npt.NDArray[Any]:
        """A new column of `default`, which `clear` gives back."""
        number = self._block_for(kind)
        defaults = self._defaults[number] = np.append(self._defaults[number], np.array([default], kind))
        column: npt.NDArray[Any] = self._blocks[number][len(defaults) - 1]
        column[:] = default
        return column

    def _block_for(self, kind: type[np.generic]) -> int:
        """One of this type with room; a new one when there is none."""
        for number, defaults in enumerate(self._defaults):
            if defaults.dtype == kind and len(defaults) < _BLOCK:
                return number
        self._blocks.append(np.empty((_BLOCK, self._capacity), kind))
        self._defaults.append(np.empty(0, kind))
        return len(self._blocks) - 1

    def clear(self, slot: int) -> None:
        for block, defaults in zip(self._blocks, self._defaults, strict=True):
            block[: len(defaults), slot] = defaults
