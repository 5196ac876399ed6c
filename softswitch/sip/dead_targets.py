"""Which places did not answer lately: they are tried after all others until they are asked again (RFC 3263 section 4.3).

Owns only the memory: a place is held for a while that grows with each failure in a row, then it is due to be asked, and
one answer of whatever kind ends it. A place that is dead is never left out, only tried last: it may be the only one.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from softswitch.sip.source import Source

FIRST_HOLD_S, LONGEST_HOLD_S = 30.0, 600.0
FORGOTTEN_AFTER_S = 3600.0
"""A place that nobody wanted for so long is no longer asked after."""
MAX_DEAD = 1024


@dataclass(slots=True)
class DeadTarget:
    failures: int
    until: float
    """Monotonic time at which it is to be asked."""
    wanted: float
    """When somebody last had it in his list."""
    reason: str


class DeadTargets:
    def __init__(self) -> None:
        self._dead: OrderedDict[Source, DeadTarget] = OrderedDict()
        self.on_dead: Callable[[Source, DeadTarget], None] = lambda place, dead: None
        """Hears of each place that is held anew."""

    def __len__(self) -> int:
        return len(self._dead)

    def __contains__(self, place: object) -> bool:
        return place in self._dead

    def failed(self, place: Source, now: float, *, reason: str, hold_s: float = 0.0) -> DeadTarget:
        """`hold_s`: how long the place itself asked to be left alone."""
        known = self._dead.get(place)
        if known is not None and now < known.until:
            known.wanted = now
            return known
        failures = known.failures + 1 if known is not None else 1
        grown = min(FIRST_HOLD_S * 2 ** min(failures - 1, 16), LONGEST_HOLD_S)
        dead = DeadTarget(failures, now + min(max(grown, hold_s), LONGEST_HOLD_S), now, reason)
        self._dead[place] = dead
        if len(self._dead) > MAX_DEAD:
            self._dead.popitem(last=False)
        self.on_dead(place, dead)
        return dead

    def alive(self, place: Source) -> None:
        if self._dead:
            self._dead.pop(place, None)

    def ordered(self, places: Iterable[Source], now: float) -> tuple[Source, ...]:
        """Living ones in their order, then the dead ones, the one that is asked soonest first."""
        listed = tuple(dict.fromkeys(places))
        if not self._dead:
            return listed
        held = []
        for place in listed:
            dead = self._dead.get(place)
            if dead is not None:
                dead.wanted = now
                held.append(place)
        held.sort(key=lambda place: self._dead[place].until)
        return (*(place for place in listed if place not in self._dead), *held)

    def asked_again(self, place: Source, now: float, within_s: float) -> bool:
        """True when `place` is due and still of interest; it is then not due again before `within_s` have passed."""
        dead = self._dead.get(place)
        if dead is None or now < dead.until:
            return False
        if now - dead.wanted > FORGOTTEN_AFTER_S:
            del self._dead[place]
            return False
        dead.until = now + within_s
        return True

    def still_dead(self, place: Source, now: float) -> DeadTarget | None:
        """It was asked and did not answer: held longer. None when it is not of interest any more."""
        dead = self._dead.get(place)
        if dead is None:
            return None
        dead.failures += 1
        dead.until = now + min(FIRST_HOLD_S * 2 ** min(dead.failures - 1, 16), LONGEST_HOLD_S)
        return dead

    def view(self) -> tuple[tuple[Source, DeadTarget], ...]:
        return tuple(self._dead.items())
