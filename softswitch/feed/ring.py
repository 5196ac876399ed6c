"""The latest events in order, each with its number: bounded, so that who falls too far behind is told of a gap.

Numbers never go back, over restarts too: those of a process begin with the milliseconds at which it started, times a
thousand. An event is a fact until somebody reads it: what nobody follows costs one entry in a ring.
"""

from collections import deque
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

from softswitch.facts import Fact
from softswitch.feed.topics import Topics, manager_name, topic_of

PER_MILLISECOND = 1000


@dataclass(frozen=True, slots=True)
class Gap:
    """Events that were lost to a follower."""

    first: int
    last: int
    missed: int | None
    """None: they were before this process began, and nobody knows how many there were."""

    def values(self) -> dict[str, Any]:
        return {"type": "gap", "first": self.first, "last": self.last, "missed": self.missed}


@dataclass(frozen=True, slots=True)
class Event:
    number: int
    fact: Fact

    def values(self, node: str) -> dict[str, Any]:
        """As it is told: number, wall time, name, and what the fact says."""
        fact = self.fact
        said = asdict(fact)
        del said["monotonic"]
        head = {"seq": self.number, "type": topic_of(type(fact)), "time": said.pop("wall"), "node": node}
        name = manager_name(fact)
        return {**head, **({"ami": name} if name else {}), **said}


class EventRing:
    def __init__(self, size: int, started: float) -> None:
        """`started`: wall time of this process's start."""
        self._facts: deque[Fact] = deque(maxlen=size)
        self.begins = int(started * 1000) * PER_MILLISECOND + 1
        """Number of this process's first event."""
        self.next = self.begins
        """Number of the event to come."""

    @property
    def oldest(self) -> int:
        return self.next - len(self._facts)

    def add(self, fact: Fact) -> None:
        self._facts.append(fact)
        self.next += 1

    def after(self, number: int, most: int) -> tuple[Gap | None, list[Event]]:
        """The events that follow `number`, at most so many, and what between is lost. A number that nobody was ever told
        stands for the latest."""
        first = min(number + 1, self.next)
        gap = None
        if first < self.oldest:
            known = first >= self.begins
            gap = Gap(first, self.oldest - 1, self.oldest - first if known else None)
            first = self.oldest
        start = first - self.oldest
        chosen = islice(self._facts, start, start + most)
        return gap, [Event(first + place, fact) for place, fact in enumerate(chosen)]


class Follower:
    """Somebody who reads the ring at his own pace, from a number on; nothing waits for him but the ring."""

    def __init__(self, ring: EventRing, topics: Topics, since: int | None) -> None:
        """`since`: the last number that he knows; None: only what comes from now on."""
        self._ring = ring
        self._topics = topics
        self.known = ring.next - 1 if since is None else since

    @property
    def behind(self) -> int:
        return self._ring.next - 1 - self.known

    def read(self, most: int = 200) -> tuple[Gap | None, list[Event]]:
        """What he does not know yet and wants."""
        gap, events = self._ring.after(self.known, most)
        if events:
            self.known = events[-1].number
        elif gap is not None:
            self.known = gap.last
        else:
            self.known = min(self.known, self._ring.next - 1)
        return gap, [event for event in events if self._topics.want(type(event.fact))]
