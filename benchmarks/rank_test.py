"""The rank test of Mann and Whitney by its normal approximation, corrected for ties: are two samples of one kind?"""

import math
from collections.abc import Sequence


def rank_test(first: Sequence[float], second: Sequence[float]) -> float:
    """Two-sided p; good for samples of 20 and more."""
    n, m = len(first), len(second)
    ordered = sorted([(value, 0) for value in first] + [(value, 1) for value in second])
    rank_sum, ties, at = 0.0, 0.0, 0
    while at < len(ordered):
        end = at
        while end < len(ordered) and ordered[end][0] == ordered[at][0]:
            end += 1
        rank = (at + 1 + end) / 2
        rank_sum += rank * sum(1 for _, sample in ordered[at:end] if sample == 0)
        ties += (end - at) ** 3 - (end - at)
        at = end
    total = n + m
    spread = math.sqrt(n * m / 12 * ((total + 1) - ties / (total * (total - 1))))
    if spread == 0.0:
        return 1.0
    u = rank_sum - n * (n + 1) / 2
    distance = max(0.0, abs(u - n * m / 2) - 0.5) / spread
    return math.erfc(distance / math.sqrt(2))
