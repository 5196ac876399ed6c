"""How many calls each trunk and phone has, and in which state: for channel limits, boards, and agents who are busy."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from softswitch.ids import CallId, LegId
from softswitch.sip.session import Session

LineChange = Literal["seized", "ringing", "talking", "moved", "free"]


@dataclass(slots=True)
class Line:
    """One leg of one call at one party."""

    leg: LegId
    call: CallId
    party: str
    """`trunk:NAME` or `endpoint:NAME`."""
    queue_call: bool
    """A call that the queue engine gave out: it knows of it already."""
    incoming: bool = False
    """The party calls us."""
    ringing: bool = False
    talking: bool = False
    session: Session | None = None
    """Of a phone that rings, until its leg has one."""


class Lines:
    """`on_occupied(endpoint, delta)` hears of each call of a phone that did not come from a queue."""

    def __init__(self, on_occupied: Callable[[str, int], None]) -> None:
        self._lines: dict[LegId, Line] = {}
        self._count: dict[str, int] = {}
        self._on_occupied = on_occupied
        self.on_free: Callable[[LegId], None] = lambda leg: None
        """Hears of each leg whose line is given back."""
        self.on_change: Callable[[Line, LineChange], None] | None = None
        """Hears of every change while phones are watched; None: nobody wants to know."""

    def seize(self, line: Line) -> int:
        """Returns how many calls this party has now."""
        self._lines[line.leg] = line
        self._count[line.party] = self._count.get(line.party, 0) + 1
        self._tell(line, 1)
        self._changed(line, "seized")
        return self._count[line.party]

    def ringing(self, leg: LegId, session: Session | None) -> None:
        """It is being rung, or hears that somebody is."""
        line = self._lines.get(leg)
        if line is not None and not line.ringing:
            line.ringing, line.session = True, session
            self._changed(line, "ringing")

    def moved(self, leg: LegId, call: CallId) -> None:
        """The leg goes on in another call."""
        line = self._lines.get(leg)
        if line is not None:
            line.call = call
            self._changed(line, "moved")

    def talking(self, leg: LegId) -> None:
        line = self._lines.get(leg)
        if line is not None:
            line.talking = True
            self._changed(line, "talking")

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
        self.on_free(leg)
        self._count[line.party] -= 1
        if not self._count[line.party]:
            del self._count[line.party]
        self._tell(line, -1)
        self._changed(line, "free")

    def _changed(self, line: Line, change: LineChange) -> None:
        if self.on_change is not None:
            self.on_change(line, change)

    def _tell(self, line: Line, delta: int) -> None:
        if not line.queue_call and line.party.startswith("endpoint:"):
            self._on_occupied(line.party.removeprefix("endpoint:"), delta)

    def busy(self, party: str) -> int:
        """Calls of this party now."""
        return self._count.get(party, 0)

    def seized(self) -> tuple[LegId, ...]:
        """Legs that have a line."""
        return tuple(self._lines)

    def line(self, leg: LegId) -> Line | None:
        """Whose leg it is."""
        return self._lines.get(leg)

    def of(self, party: str) -> Iterable[Line]:
        return [line for line in self._lines.values() if line.party == party]
