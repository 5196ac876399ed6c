"""How long a caller may expect to wait, from the live state and not from how long others did.

    wait = position x T / n

`T` is the time that one call keeps an agent of this queue, talk and wrap-up: an exponentially weighted mean, three
quarters old and one quarter new. `n` is the agents ready now (logged in, neither paused nor unreachable; busy ones
count, they will be free) who may serve him, each counted by the share that this queue has of all callers waiting in
the queues he serves. Unknown until the first call is over or while nobody is ready. It takes priorities into account
through the position only: callers of other queues who are served first lengthen the wait beyond what it says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from softswitch.acd.roster import Roster
    from softswitch.acd.waiting import CallClass

_NEW = 0.25


class HandleTime:
    """The weighted mean of one queue."""

    __slots__ = ("mean_s",)

    def __init__(self) -> None:
        self.mean_s: float | None = None

    def add(self, seconds: float) -> None:
        self.mean_s = seconds if self.mean_s is None else (1 - _NEW) * self.mean_s + _NEW * seconds


class Estimator:
    def __init__(self, roster: Roster) -> None:
        self._roster = roster
        self._at: float | None = None
        self._agents: dict[int, float] = {}
        """Agents by class of callers, as of that moment: many callers are told at once."""

    def expected_wait(self, group: CallClass, position: int, now: float) -> float | None:
        handle_s = group.queue.handle_time.mean_s
        if handle_s is None:
            return None
        if self._at != now:
            self._at = now
            self._agents.clear()
        agents = self._agents.get(group.bit)
        if agents is None:
            agents = self._agents[group.bit] = self._share(group)
        return position * handle_s / agents if agents > 0 else None

    def _share(self, group: CallClass) -> float:
        own = max(1, len(group.queue.line))
        total = 0.0
        for agents in self._roster.classes_of(group.agents_mask & self._roster.ready_mask):
            everywhere = sum(len(queue.line) for queue in agents.queues)
            total += agents.ready * own / max(own, everywhere)
        return total
