"""From a mask over classes to the classes: one bit each. The same few masks come again and again, so they are kept."""

from collections.abc import Sequence
from typing import Generic, TypeVar

Class = TypeVar("Class")

_KEPT = 4096


class Split(Generic[Class]):
    def __init__(self) -> None:
        self._known: dict[int, tuple[Class, ...]] = {}

    def clear(self) -> None:
        """To be called whenever the classes have changed."""
        self._known.clear()

    def of(self, mask: int, classes: Sequence[Class]) -> tuple[Class, ...]:
        found = self._known.get(mask)
        if found is None:
            if len(self._known) >= _KEPT:
                self._known.clear()
            found = self._known[mask] = tuple(_bits(mask, classes))
        return found


def _bits(mask: int, classes: Sequence[Class]) -> list[Class]:
    found = []
    while mask:
        low = mask & -mask
        found.append(classes[low.bit_length() - 1])
        mask ^= low
    return found
