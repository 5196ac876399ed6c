"""How long a worker waits from one tick to the next: short while there is little to do, longer under load.

A tick has a fixed price (system calls, one entry into numpy for each step), so fewer ticks carry the same packets with
less work. A relayed packet waits half a tick on average and one at most, then for the work of its round. Ticks last
`STRETCH` times their work, at least `FINE_S`, and with their work at most `LONGEST_S`: that is what a packet waits at
worst, up to where the work of a fine tick is longer than the rest.
"""

from typing import Final

FINE_S: Final = 0.005
LONGEST_S: Final = 0.008
STRETCH: Final = 4.0
_SMOOTHING: Final = 1 / 32


class Pace:
    def __init__(self) -> None:
        self._work_s = 0.0

    def worked(self, cpu_s: float) -> None:
        """One tick took `cpu_s` of CPU: waiting for a core that others have is no reason to go slower."""
        self._work_s += (cpu_s - self._work_s) * _SMOOTHING

    @property
    def tick_s(self) -> float:
        return max(min(self._work_s * STRETCH, LONGEST_S - self._work_s), FINE_S)
