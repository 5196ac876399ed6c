"""How long a caller will probably wait: as a distribution, as a range, and as the range that he is told.

The time until n calls have ended is the sum of many waits that each may be long or short; a gamma distribution fits it.
Its quantiles and shares are taken by the cube root of E. B. Wilson and M. M. Hilferty, "The distribution of chi-square"
(1931): one formula both ways, so that what is asked as a share comes back as the same wait.
"""

from dataclasses import dataclass
from math import ceil, floor, inf, sqrt
from statistics import NormalDist

_NORMAL = NormalDist()
_EDGE = 1e-6
MINUTE_S, HOUR_S = 60.0, 3600.0
_COARSE_S, _COARSE_MINUTES = 1200.0, 5
"""From so long on minutes are told by fives."""


@dataclass(frozen=True, slots=True)
class WaitDistribution:
    mean_s: float
    sd_s: float

    def quantile(self, share: float) -> float:
        """The wait that so many callers do not exceed."""
        if self.mean_s <= 0 or self.sd_s <= 0:
            return max(0.0, self.mean_s)
        shape = (self.mean_s / self.sd_s) ** 2
        z = _NORMAL.inv_cdf(min(1 - _EDGE, max(_EDGE, share)))
        root = max(0.0, 1 - 1 / (9 * shape) + z / (3 * sqrt(shape)))
        return self.mean_s * root * root * root

    def share_below(self, seconds: float) -> float:
        """The share of callers who wait no longer."""
        if self.mean_s <= 0 or self.sd_s <= 0:
            return float(seconds >= self.mean_s)
        shape = (self.mean_s / self.sd_s) ** 2
        root = (max(0.0, seconds) / self.mean_s) ** (1 / 3)
        return _NORMAL.cdf(3 * sqrt(shape) * (root - 1 + 1 / (9 * shape)))


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitRange:
    """What a caller may expect from now on."""

    low_s: float
    high_s: float
    """Infinite: nobody can say."""
    expected_s: float
    """The mean, which lies between them unless the far ends are very far."""

    def told(self) -> "WaitRange":
        """As people are told: outward to whole minutes, from twenty on to five of them; beyond an hour nothing more."""
        low, high = self.low_s, self.high_s
        if low >= HOUR_S:
            return WaitRange(low_s=HOUR_S, high_s=inf, expected_s=self.expected_s)
        step = MINUTE_S * (_COARSE_MINUTES if high > _COARSE_S else 1)
        low = step * floor(low / step)
        if high > HOUR_S:
            return WaitRange(low_s=low, high_s=inf, expected_s=self.expected_s)
        return WaitRange(
            low_s=low, high_s=max(low + step, step * ceil(high / step)), expected_s=self.expected_s
        )
