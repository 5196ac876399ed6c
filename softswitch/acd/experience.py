"""What one queue has learned of its callers and agents: how long calls keep an agent, how long phones ring, how many give
up waiting, and how well the waits came that were told.

Times are means over the latest calls: plain ones at first, later ones in which every new call has a fiftieth. Those of
callers who brought skills along are kept apart as well, since who speaks for a quarter of an hour about pensions does so
every time. Bounded: at most `MOST_KINDS` sets of skills.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from softswitch.acd.calibration import Calibration

if TYPE_CHECKING:
    from softswitch.acd.wait_range import WaitDistribution

_MANY = 50
_LEAST_NEW = 1 / _MANY
_KEPT = 0.995
"""Of the count of those who left, when another one has."""
MOST_KINDS = 64
ENOUGH = 20
"""Calls of one kind from which on its own mean is believed."""

Kind = tuple[str, ...]
"""Names of the skills that a caller brought along, sorted."""


class MeanTime:
    __slots__ = ("count", "mean_s")

    def __init__(self) -> None:
        self.mean_s: float | None = None
        self.count = 0

    def add(self, seconds: float) -> None:
        count = self.count = self.count + 1
        new = 1 / count if count < _MANY else _LEAST_NEW
        self.mean_s = seconds if self.mean_s is None else (1 - new) * self.mean_s + new * seconds


class Experience:
    __slots__ = ("_gave_up", "_kinds", "_waited_s", "calibration", "handle_time", "ring_time")

    def __init__(self) -> None:
        self.handle_time = MeanTime()
        """That a call keeps an agent: talk, hold and wrap-up."""
        self.ring_time = MeanTime()
        """From the offer to the agent's answer."""
        self.calibration = Calibration()
        self._kinds: dict[Kind, MeanTime] = {}
        self._gave_up = 0.0
        self._waited_s = 0.0

    def handled(self, seconds: float, kind: Kind) -> None:
        self.handle_time.add(seconds)
        if not kind:
            return
        own = self._kinds.get(kind)
        if own is None:
            if len(self._kinds) >= MOST_KINDS:
                del self._kinds[next(iter(self._kinds))]
            own = self._kinds[kind] = MeanTime()
        own.add(seconds)

    def left(self, waited_s: float, *, gave_up: bool) -> None:
        """A caller is out of the queue."""
        self._gave_up = self._gave_up * _KEPT + gave_up
        self._waited_s = self._waited_s * _KEPT + waited_s

    def came_true(self, told: WaitDistribution, after_s: float, *, served: bool) -> None:
        """What a caller who is out of the queue was told so long ago."""
        self.calibration.add(told.share_below(after_s), served=served)

    @property
    def leaving_rate(self) -> float:
        """Callers who give up for each second that somebody waits."""
        return self._gave_up / self._waited_s if self._waited_s > 0 else 0.0

    @property
    def ring_s(self) -> float:
        return self.ring_time.mean_s or 0.0

    def cycles(self, levels: Mapping[str, int]) -> Iterator[tuple[float, float]]:
        """What an agent of these skills may be busy with: weight, and seconds for which a call keeps him."""
        kinds = [
            (kind, own)
            for kind, own in self._kinds.items()
            if own.count >= ENOUGH and all(skill in levels for skill in kind)
        ]
        apart = sum(own.count for _, own in kinds)
        common = self.handle_time.count - apart
        yield from _weighted([*(own for _, own in kinds)], self.ring_s)
        if self.handle_time.mean_s is not None and (common > 0 or not kinds):
            yield float(max(common, 1)), self.handle_time.mean_s + self.ring_s


def _weighted(times: Iterable[MeanTime], ring_s: float) -> Iterator[tuple[float, float]]:
    for each in times:
        if each.mean_s is not None:
            yield float(each.count), each.mean_s + ring_s
