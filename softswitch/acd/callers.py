"""One caller who waits, and the line of a queue in order of service."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

from softswitch.acd.needs import steps_passed
from softswitch.acd.values import WaitingCall
from softswitch.ids import CallId, OfferId

if TYPE_CHECKING:
    from softswitch.acd.agents import AgentRecord
    from softswitch.acd.offers import LiveOffer
    from softswitch.acd.queues import QueueRecord
    from softswitch.acd.timers import Timer
    from softswitch.acd.wait_range import WaitDistribution
    from softswitch.acd.waiting import CallClass

Rank = tuple[int, float, int]
"""Priority negated, when he began to wait, serial: the lowest is served first, in any queue. With ageing see `ranked`."""


LAST = 1 << 62
"""Serial of whoever would join now."""


def newcomer_rank(queue: QueueRecord, now: float) -> Rank:
    """That of a plain caller who would join now."""
    return _rank(queue, now, 0, LAST)


def _rank(queue: QueueRecord, entered: float, priority: int, serial: int) -> Rank:
    """With ageing, priority is a head start in seconds: whom it favours is settled once for all, so no rank changes
    with time."""
    if queue.ageing_s > 0:
        return (0, entered - queue.ageing_s * (priority + queue.config.weight), serial)
    return (-(priority + queue.config.weight), entered, serial)


class Caller:
    __slots__ = (
        "announce",
        "announced_at",
        "announced_position",
        "bound",
        "call",
        "counts",
        "entered",
        "given",
        "group",
        "grow",
        "held",
        "joined",
        "last_chance",
        "loose",
        "max_wait",
        "offers",
        "priority",
        "queue",
        "rank",
        "serial",
        "step",
        "step_timer",
        "tied",
        "token",
        "told",
        "told_at",
        "virtual",
        "waiting",
        "wanted",
    )

    group: CallClass

    def __init__(self, given: WaitingCall, queue: QueueRecord, serial: int) -> None:
        self.call: CallId = given.call
        self.given = given
        self.queue = queue
        self.entered = given.entered
        self.joined = given.entered if given.joined is None else given.joined
        self.priority = given.priority
        self.serial = serial
        self.rank = _rank(queue, given.entered, given.priority, serial)
        self.offers: dict[OfferId, LiveOffer] = {}
        self.virtual = given.virtual
        """Called back when his turn comes."""
        self.counts = not given.virtual
        """In the figures of his queue; one who is called back has been counted when he asked for it."""
        self.held = given.held
        """He keeps his place, but it is not his turn whoever is idle: he cannot be called back now."""
        self.waiting = False
        """He may be matched: in line, in no offer, and not on his way out."""
        self.last_chance = False
        """His longest wait is over; he leaves when the offers that ring now have failed."""
        self.token = 0
        """Counts his changes of place: an entry of a heap with another token is dead."""
        self.step = steps_passed(queue.config.steps, 0.0) if queue.config.steps else 0
        """Steps of the queue that he has passed."""
        self.step_timer: Timer | None = None
        self.wanted: tuple[AgentRecord, ...] = ()
        """Agents who go first when it is his turn, and alone while he is bound."""
        self.bound = False
        """Only those he wants are rung for him; he is in no heap."""
        self.loose = False
        """That is over, for as long as he waits here."""
        self.tied: Timer | None = None
        """When that ends."""
        self.grow: Timer | None = None
        """When one more agent may ring along."""
        self.max_wait: Timer | None = None
        self.announce: Timer | None = None
        self.announced_at: float | None = None
        self.announced_position = 0
        self.told: WaitDistribution | None = None
        """What he was told first of how long he will wait, to be compared with what comes."""
        self.told_at = 0.0

    def ranked(self) -> Rank:
        return _rank(self.queue, self.entered, self.priority, self.serial)

    def ring_penalty(self) -> int:
        """Highest penalty among those who ring for him now."""
        return max(live.penalty for live in self.offers.values())

    def waited(self, now: float) -> float:
        seconds = now - self.entered
        return seconds if seconds > 0.0 else 0.0

    def __repr__(self) -> str:
        return f"<Caller {self.call} in {self.queue.name} {'offered' if self.offers else 'waiting'}>"


class Line:
    """Everybody in one queue, those being offered included, sorted by rank: a position is found by bisection."""

    __slots__ = ("_callers", "_ranks")

    def __init__(self) -> None:
        self._ranks: list[Rank] = []
        self._callers: list[Caller] = []
        """Whose ranks these are."""

    def __len__(self) -> int:
        return len(self._ranks)

    def add(self, caller: Caller) -> None:
        ranks = self._ranks
        if not ranks or caller.rank > ranks[-1]:
            ranks.append(caller.rank)
            self._callers.append(caller)
            return
        place = bisect_left(ranks, caller.rank)
        ranks.insert(place, caller.rank)
        self._callers.insert(place, caller)

    def remove(self, caller: Caller) -> int:
        """The position that he had."""
        place = bisect_left(self._ranks, caller.rank)
        del self._ranks[place]
        del self._callers[place]
        return place + 1

    def position(self, caller: Caller) -> int:
        """1 is served next."""
        return bisect_left(self._ranks, caller.rank) + 1

    def before(self, rank: Rank) -> int:
        """Callers whose rank is better."""
        return bisect_left(self._ranks, rank)

    def in_order(self) -> list[Caller]:
        return self._callers.copy()
