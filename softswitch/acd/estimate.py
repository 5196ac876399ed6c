"""How long a caller may expect to wait, from the live state and not from how long others did.

While he waits, agents become free one after another, and of those ahead of him some give up. With `m` still ahead the next
of these events comes at the rate

    rate(m) = sum over the agents who are ready of 1 / T  +  m x leaving rate

where an agent counts when he may serve the caller (logged in, neither paused nor unreachable; busy ones will be free),
and `T` is how long a call keeps him: talk, wrap-up and ringing, a mean over what his queues and skills bring. So the wait
is a sum of exponential steps for m = ahead … 0, and mean and variance are sums too; `wait_range` makes a distribution of
them, `calibration` moves its quantiles to where callers really were.

Ahead of him are callers of all queues whose rank is better, each weighted by the share of the agents he could be given
who may also serve this one; not those for whom somebody rings already. Unknown until the first call is over, or while
nobody is ready. What is made of the whole state is kept for a moment, since many callers are told at once.
"""

from __future__ import annotations

from math import inf, log
from typing import TYPE_CHECKING

from softswitch.acd.callers import newcomer_rank
from softswitch.acd.wait_range import WaitDistribution, WaitRange
from softswitch.ids import QueueName

if TYPE_CHECKING:
    from softswitch.acd.agent_class import AgentClass
    from softswitch.acd.callers import Caller, Rank
    from softswitch.acd.queues import QueueRecord
    from softswitch.acd.roster import Roster
    from softswitch.acd.waiting import CallClass, WaitingRoom

LOW, HIGH = 0.1, 0.9
"""Between these shares of callers the range lies; being rounded outward to be told, it holds some more."""
_KEPT_S = 0.5
_EXACT = 64
"""Steps that are added one by one; of a longer line the rest is an integral."""
_UNSURE = 0.2
"""Of the mean, as a deviation: agents come and go, and calls of one hour are longer than those of another."""
_RING_S = 5.0
"""Until a phone has been answered."""


class Crowd:
    """What a class of callers shares with the rest of the centre at one moment."""

    __slots__ = ("rate", "rivals")

    def __init__(self, rate: float, rivals: dict[QueueRecord, tuple[float, float]]) -> None:
        self.rate = rate
        """Agents who become free for one of them, by the second."""
        self.rivals = rivals
        """Queues whose callers compete: weight of each caller, and how many of them have somebody ringing."""


class Estimator:
    def __init__(self, roster: Roster, room: WaitingRoom) -> None:
        self._roster = roster
        self._room = room
        self._at = -inf
        self._crowds: dict[CallClass, Crowd] = {}

    def of_caller(self, caller: Caller, now: float) -> WaitDistribution | None:
        """From now on."""
        if caller.offers:
            ring_s = caller.queue.experience.ring_time.mean_s or _RING_S
            return WaitDistribution(ring_s, ring_s)
        return self._wait(caller.group, caller.rank, now)

    def of_newcomer(self, group: CallClass, now: float) -> WaitDistribution | None:
        if group.demand.agents_mask & self._roster.idle_mask and not group.waiting:
            return WaitDistribution(0.0, 0.0)
        return self._wait(group, newcomer_rank(group.queue, now), now)

    def _wait(self, group: CallClass, rank: Rank, now: float) -> WaitDistribution | None:
        if not 0 <= now - self._at < _KEPT_S:
            self._at = now
            self._crowds.clear()
        crowd = self._crowds.get(group)
        if crowd is None:
            crowd = self._crowds[group] = self._crowd(group)
        if crowd.rate <= 0:
            return None
        ahead = 0.0
        for queue, (weight, ringing) in crowd.rivals.items():
            ahead += weight * max(0.0, queue.line.before(rank) - ringing)
        experience = group.queue.experience
        return waiting_time(ahead, crowd.rate, experience.leaving_rate, experience.ring_s)

    def _crowd(self, group: CallClass) -> Crowd:
        ready = group.demand.agents_mask & self._roster.ready_mask
        rate = 0.0
        queues: dict[QueueName, QueueRecord] = {}
        for agents in self._roster.classes_of[ready]:
            cycle_s = _cycle(agents)
            if cycle_s is not None:
                rate += agents.ready / cycle_s
            queues.update((queue.name, queue) for queue in agents.queues)
        counted = {queue: [0, 0.0, 0] for queue in queues.values() if len(queue.line)}
        known: dict[int, float] = {}
        for other in self._room.classes():
            sums = counted.get(other.queue)
            if sums is None or not other.callers:
                continue
            share = known.get(other.demand.agents_mask)
            if share is None:
                share = known[other.demand.agents_mask] = self._share(other.demand.agents_mask, ready)
            sums[0] += other.callers
            sums[1] += other.callers * share
            sums[2] += other.callers - other.waiting
        return Crowd(
            rate,
            {
                queue: (shares / callers, float(ringing))
                for queue, (callers, shares, ringing) in counted.items()
                if callers
            },
        )

    def _share(self, mask: int, ready: int) -> float:
        """Of the agents whom callers of that mask may be given now, those who are ours as well."""
        theirs = mask & self._roster.ready_mask
        if theirs == ready:
            return 1.0
        total = sum(agents.ready for agents in self._roster.classes_of[theirs])
        common = sum(agents.ready for agents in self._roster.classes_of[theirs & ready])
        return common / total if total else 0.0


def _cycle(agents: AgentClass) -> float | None:
    weights = seconds = 0.0
    for queue in agents.queues:
        for weight, cycle_s in queue.experience.cycles(agents.levels):
            weights += weight
            seconds += weight * cycle_s
    return max(0.1, seconds / weights) if weights else None


def waiting_time(ahead: float, rate: float, leaving: float, ring_s: float) -> WaitDistribution:
    """The sum of the steps; a broken number of callers ahead has a broken last step."""
    mean, variance = ring_s, ring_s**2 / 4
    whole = int(ahead)
    for m in range(min(whole + 1, _EXACT)):
        step = 1 / (rate + m * leaving)
        mean += step
        variance += step * step
    if whole + 1 > _EXACT:
        low, high = rate + (_EXACT - 0.5) * leaving, rate + (ahead + 0.5) * leaving
        mean += log(high / low) / leaving if leaving > 0 else (ahead + 1 - _EXACT) / rate
        variance += (1 / low - 1 / high) / leaving if leaving > 0 else (ahead + 1 - _EXACT) / rate**2
    elif ahead > whole:
        step = (ahead - whole) / (rate + (whole + 1) * leaving)
        mean += step
        variance += step * step
    return WaitDistribution(mean, (variance + (_UNSURE * mean) ** 2) ** 0.5)


def range_of(queue: QueueRecord, wait: WaitDistribution | None) -> WaitRange | None:
    """With what this queue has learned of its promises."""
    if wait is None:
        return None
    calibration = queue.experience.calibration
    low, high = wait.quantile(calibration.level(LOW)), wait.quantile(calibration.level(HIGH))
    return WaitRange(low_s=low, high_s=max(low, high), expected_s=wait.mean_s)
