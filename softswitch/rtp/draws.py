"""Random numbers drawn by the block: asked for one, numpy takes as long as for some hundreds, and a leg wants six."""

from typing import Final

import numpy as np

_BLOCK: Final = 512
_BITS: Final = 62


class Draws:
    def __init__(self, seed: int) -> None:
        self._random = np.random.Generator(np.random.PCG64(seed))
        self._left: list[int] = []

    def _next(self) -> int:
        if not self._left:
            self._left = self._random.integers(1 << _BITS, size=_BLOCK).tolist()
        return self._left.pop()

    def below(self, limit: int) -> int:
        """0 to `limit` less 1, as likely as one another but for less than one in 2^30; `limit` is at most 2^32."""
        return (self._left.pop() if self._left else self._next()) % limit

    def chance(self) -> float:
        """From 0 up to 1."""
        return self._next() / (1 << _BITS)

    def octets(self, count: int) -> bytes:
        """At most 14."""
        return (self._next() << _BITS | self._next()).to_bytes(16)[-count:]
