"""Time and entropy as the shells see them. Cores take `now` and entropy as arguments and never import this file."""

import os
import time
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


def entropy(size: int) -> bytes:
    """`size` bytes from the operating system."""
    return os.urandom(size)
