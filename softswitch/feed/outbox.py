"""What is to be posted to one web address: bounded, retried with growing pauses, in order for each call.

Pure: says what to send and when to look again. Events of one call leave one after the other, each when the one before it
was taken; those of different calls beside each other. While the address is down one event tries for all.
"""

from collections import Counter, deque
from dataclasses import dataclass

from softswitch.config.feeds import Webhook


@dataclass(slots=True)
class Parcel:
    number: int
    """Of the event."""
    topic: str
    key: str
    """Events of one key stay in order: a call's id, else the topic."""
    body: bytes
    at: float
    """Monotonic time at which it came."""
    tries: int = 0


class Outbox:
    def __init__(self, settings: Webhook) -> None:
        self._settings = settings
        self._lanes: dict[str, deque[Parcel]] = {}
        self._ready: deque[str] = deque()
        """Lanes whose first parcel may go."""
        self._under_way = 0
        self._failures = 0
        """In a row."""
        self._not_before = 0.0
        self.waiting = 0
        """Parcels not taken yet, those under way included."""
        self.counts: Counter[str] = Counter()
        """`taken`, `tried again`, and what was lost: `full`, `too old`, `refused`."""

    @property
    def failing(self) -> bool:
        return self._failures > 0

    @property
    def lost(self) -> int:
        return self.counts["full"] + self.counts["too old"] + self.counts["refused"]

    def reconfigure(self, settings: Webhook) -> None:
        self._settings = settings
        self._not_before = 0.0

    def put(self, parcel: Parcel) -> None:
        if self.waiting >= self._settings.waiting:
            self.counts["full"] += 1
            return
        self.waiting += 1
        lane = self._lanes.get(parcel.key)
        if lane is None:
            self._lanes[parcel.key] = deque((parcel,))
            self._ready.append(parcel.key)
        else:
            lane.append(parcel)

    def due(self, now: float) -> list[Parcel]:
        """What is to be sent now; each has to come back by `taken`, `refused` or `failed`."""
        if now < self._not_before:
            return []
        found: list[Parcel] = []
        while self._ready and self._under_way < self._at_once:
            key = self._ready.popleft()
            lane = self._lanes[key]
            while lane and now - lane[0].at > self._settings.give_up_s:
                lane.popleft()
                self.waiting -= 1
                self.counts["too old"] += 1
            if not lane:
                del self._lanes[key]
                continue
            self._under_way += 1
            lane[0].tries += 1
            found.append(lane[0])
        return found

    def next_at(self) -> float | None:
        """When to look again, if nothing comes back before; None: there is nothing to do."""
        return self._not_before if self._ready and self._under_way < self._at_once else None

    @property
    def _at_once(self) -> int:
        return 1 if self._failures else self._settings.parallel

    def taken(self, parcel: Parcel) -> None:
        self.counts["taken"] += 1
        self._failures, self._not_before = 0, 0.0
        self._over(parcel)

    def refused(self, parcel: Parcel) -> None:
        """It will never be taken; the address itself is well."""
        self.counts["refused"] += 1
        self._failures, self._not_before = 0, 0.0
        self._over(parcel)

    def failed(self, parcel: Parcel, now: float, retry_after_s: float = 0.0) -> None:
        """It is tried again, before all others of its call."""
        self.counts["tried again"] += 1
        self._failures += 1
        settings = self._settings
        pause = min(settings.retry_max_s, settings.retry_min_s * 2 ** min(self._failures - 1, 30))
        self._not_before = max(self._not_before, now + max(pause, min(retry_after_s, settings.retry_max_s)))
        self._under_way -= 1
        self._ready.appendleft(parcel.key)

    def _over(self, parcel: Parcel) -> None:
        self._under_way -= 1
        self.waiting -= 1
        lane = self._lanes[parcel.key]
        lane.popleft()
        if lane:
            self._ready.append(parcel.key)
        else:
            del self._lanes[parcel.key]
