"""How long callers have patience, learned from a day on which most were answered before it ran out.

One who was answered after 40 s shows only that he had more than 40 s: his patience is censored. The product-limit
estimate uses both kinds (E. L. Kaplan and P. Meier, "Nonparametric estimation from incomplete observations", 1958);
beyond the last one who hung up the tail is exponential with the rate of the whole day (hang-ups per second waited).
"""

from bisect import bisect_left
from collections.abc import Iterable
from math import exp, inf, log


class Patience:
    __slots__ = ("_share", "_times", "rate")

    def __init__(self, waits: Iterable[tuple[float, bool]]) -> None:
        """Of each caller: seconds waited, and whether he hung up then."""
        ordered = sorted((max(0.0, wait), not gave_up) for wait, gave_up in waits)
        given_up = sum(not censored for _, censored in ordered)
        waited = sum(wait for wait, _ in ordered)
        self.rate = given_up / waited if waited > 0 else 0.0
        """Hang-ups for each second that somebody waits."""
        self._times: list[float] = []
        self._share: list[float] = []
        left, share = len(ordered), 1.0
        for wait, censored in ordered:
            if not censored:
                share *= 1 - 1 / left
                self._times.append(wait)
                self._share.append(share)
            left -= 1

    def survivors(self, wait: float) -> float:
        """Share of callers who have more patience than that."""
        if not self._times or wait < self._times[0]:
            return 1.0
        if wait > self._times[-1]:
            return self._share[-1] * exp(-self.rate * (wait - self._times[-1]))
        return self._share[bisect_left(self._times, wait + 1e-9) - 1]

    def draw(self, chance: float, endured: float = 0.0) -> float:
        """The patience of one who has waited `endured` already, for a chance of 0 to 1; infinite where nobody hung up."""
        if self.rate <= 0:
            return inf
        wanted = max(chance, 1e-12) * self.survivors(endured)
        if wanted < self._share[-1] or endured > self._times[-1]:
            last = max(self._times[-1], endured)
            share = self.survivors(last)
            return last + max(0.0, log(share / wanted)) / self.rate if share > 0 else last
        low, high = 0, len(self._share)
        while low < high:  # shares fall, so the first one at or below the wanted
            middle = (low + high) // 2
            low, high = (low, middle) if self._share[middle] <= wanted else (middle + 1, high)
        return max(endured, self._times[min(low, len(self._times) - 1)])
