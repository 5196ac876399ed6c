"""From a mask over classes to the classes: one bit each. The same few masks come again and again, so they are kept."""

from collections.abc import Sequence
from typing import TypeVar

Class = TypeVar("Class")

_KEPT = 4096


class Split(dict[int, tuple[Class, ...]]):
    """A mask is looked up; one that has not come yet is split then. To be cleared whenever the classes have changed."""

    __slots__ = ("_classes",)

    def __init__(self, classes: Sequence[Class]) -> None:
        super().__init__()
        self._classes = classes

    def __missing__(self, mask: int) -> tuple[Class, ...]:
        if len(self) >= _KEPT:
            self.clear()
        found, left = [], mask
        while left:
            low = left & -left
            found.append(self._classes[low.bit_length() - 1])
            left ^= low
        self[mask] = split = tuple(found)
        return split
