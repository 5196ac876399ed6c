"""Time and entropy as the shells see them. Cores take `now` and entropy as arguments and never import this file."""

import os
import time
from io import BytesIO
from typing import Protocol


class Clock(Protocol):
    """Two clocks: one that only goes forward for every timer and length, and the wall's for what people read."""

    def monotonic(self) -> float:
        """Seconds, never stepping back; its zero means nothing."""

    def wall(self) -> float:
        """Seconds since 1970, UTC."""


class SystemClock:
    """The functions themselves: each is asked a hundred times for one call."""

    monotonic = staticmethod(time.monotonic)
    wall = staticmethod(time.time)


_BLOCK = 4096


class Entropy:
    """Bytes from the operating system, asked for many at a time: a call takes a dozen pieces, each a system call. No byte
    is given twice, to whatever thread, and a process that was forked off begins with bytes of its own."""

    __slots__ = ("_read",)

    def __init__(self) -> None:
        self._read = BytesIO().read
        os.register_at_fork(after_in_child=self._forget)

    def __call__(self, size: int) -> bytes:
        """`size` bytes."""
        given = self._read(size)  # in one step of C: no other thread gets the same
        return given if len(given) == size else self._more(size)

    def _more(self, size: int) -> bytes:
        if size > _BLOCK:
            return os.urandom(size)
        block = BytesIO(os.urandom(_BLOCK))
        given = block.read(size)
        self._read = block.read
        return given

    def _forget(self) -> None:
        self._read = BytesIO().read


entropy = Entropy()
