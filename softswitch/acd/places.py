"""Places of callers who hung up waiting or were cut off, kept for a while for when they call again.

Pure: `now` is wall seconds. Bounded: beyond `MOST` the oldest is forgotten.
"""

from dataclasses import dataclass

from softswitch.ids import AgentId, QueueName

MOST = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    queue: QueueName
    number: str
    entered: float
    """When he began to wait."""
    left: float
    priority: int = 0
    agent: AgentId | None = None
    """With whom he was talking when he was cut off."""


class Places:
    def __init__(self) -> None:
        self._kept: dict[tuple[QueueName, str], Place] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def keep(self, place: Place) -> None:
        """An earlier place of the same caller that nobody took counts as long as this one."""
        key = (place.queue, place.number)
        self._kept.pop(key, None)
        if len(self._kept) >= MOST:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = place

    def take(self, queue: QueueName, number: str, now: float, within_s: float) -> Place | None:
        """He has called again: his place, if that was soon enough. Nobody else can take it."""
        place = self._kept.pop((queue, number), None)
        if place is None or now - place.left > within_s:
            return None
        return place
