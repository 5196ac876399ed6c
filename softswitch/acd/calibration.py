"""Learns how far waits that were told differ from those that came, and moves the next ranges accordingly.

Of each caller who was told a range the model has said, with hindsight, which share of callers would have waited no longer
than he did. Were the model right, these shares would lie evenly between 0 and 1; the share below which a tenth of them
really lie is where a tenth of the next callers will be (V. Kuleshov and others, "Accurate uncertainties for deep learning
using calibrated regression", 2018). One who hung up before he was served shows only that his would have been higher: his
share is censored, as in `patience`. A handful of even shares stands for what is not known yet.
"""

from collections import deque

REMEMBERED = 200
"""Callers; what was before is another time of day."""
EVEN = 20


class Calibration:
    __slots__ = ("_shares", "_steps")

    def __init__(self) -> None:
        self._shares: deque[tuple[float, bool]] = deque(maxlen=REMEMBERED)
        self._steps: list[tuple[float, float]] | None = None

    def __len__(self) -> int:
        return len(self._shares)

    def add(self, share: float, *, served: bool) -> None:
        self._shares.append((share, served))
        self._steps = None

    def level(self, share: float) -> float:
        """Which share of the model's distribution is really `share` of the callers."""
        if not self._shares:
            return share
        if self._steps is None:
            self._steps = self._product_limit()
        before_at, before = 0.0, 0.0
        for at, below in self._steps:
            if below >= share:
                return before_at + (at - before_at) * (share - before) / max(below - before, 1e-9)
            before_at, before = at, below
        return (
            1.0
            if not self._steps
            else min(1.0, before_at + (1 - before_at) * (share - before) / (1 - before))
        )

    def _product_limit(self) -> list[tuple[float, float]]:
        """Share of the model to the share of callers who lay below it."""
        even = [((n + 0.5) / EVEN, True) for n in range(EVEN)]
        ordered = sorted([*self._shares, *even], key=lambda each: (each[0], not each[1]))
        left, above = len(ordered), 1.0
        steps: list[tuple[float, float]] = []
        for at, served in ordered:
            if served:
                above *= 1 - 1 / left
                steps.append((at, 1 - above))
            left -= 1
        return steps
