"""How busy an agent was lately: the share of time on calls and in wrap-up, older time counting less and less."""

from math import exp, inf, log

MEMORY_S = 3600.0
"""What was so long ago counts 1/e."""


class Workload:
    """The share at the moment of the last change, and since when he has been busy or not."""

    __slots__ = ("busy", "share", "since")

    def __init__(self, now: float) -> None:
        self.busy = False
        self.share = 0.0
        self.since = now

    def turned(self, busy: bool, now: float) -> None:
        """He has become busy, or is no more."""
        self.share = self.at(now)
        self.since = now
        self.busy = busy

    def at(self, now: float) -> float:
        faded = exp((self.since - now) / MEMORY_S)
        return 1.0 - (1.0 - self.share) * faded if self.busy else self.share * faded

    def standing(self) -> float:
        """Something to compare idle agents by whenever it is looked at: see `strategy`."""
        return log(self.share) + self.since / MEMORY_S if self.share > 0 else -inf


def share_of(standing: float, now: float) -> float:
    """The share that an idle agent of this standing has by now."""
    return exp(standing - now / MEMORY_S)
