"""How many calls each trunk and phone has, and in which state: for channel limits, boards, and agents who are busy."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from softswitch.ids import CallId, LegId


@dataclass(slots=True)
class Line:
    """One leg of one call at one party."""

    leg: LegId
    call: CallId
    party: str
    """`trunk:NAME` or `endpoint:NAME`."""
    queue_call: bool
    """A call that the queue engine gave out: it knows of it already."""
    talking: bool = False


class Lines:
    """`on_occupied(endpoint, delta)` hears of each call of a phone that did not come from a queue."""

    def __init__(self, on_occupied: Callable[[str, int], None]) -> None:
        self._lines: dict[LegId, Line] = {}
        self._count: dict[str, int] = {}
        self._on_occupied = on_occupied

    def seize(self, line: Line) -> int:
        """Returns how many calls this party has now."""
        self._lines[line.leg] = line
        self._count[line.party] = self._count.get(line.party, 0) + 1
        self._tell(line, 1)
        return self._count[line.party]

    def talking(self, leg: LegId) -> None:
        if leg in self._lines:
            self._lines[leg].talking = True

    def no_queue_call(self, leg: LegId) -> None:
        """What the queue engine gave out is over for it, but this phone talks on in the same call."""
        line = self._lines.get(leg)
        if line is not None and line.queue_call:
            line.queue_call = False
            self._tell(line, 1)

    def free(self, leg: LegId) -> None:
        line = self._lines.pop(leg, None)
        if line is None:
            return
        self._count[line.party] -= 1
        if not self._count[line.party]:
            del self._count[line.party]
        self._tell(line, -1)

    def _tell(self, line: Line, delta: int) -> None:
        kind, _, name = line.party.partition(":")
        if kind == "endpoint" and not line.queue_call:
            self._on_occupied(name, delta)

    def busy(self, party: str) -> int:
        """Calls of this party now."""
        return self._count.get(party, 0)

    def seized(self) -> tuple[LegId, ...]:
        """Legs that have a line."""
        return tuple(self._lines)

    def of(self, party: str) -> Iterable[Line]:
        return [line for line in self._lines.values() if line.party == party]
