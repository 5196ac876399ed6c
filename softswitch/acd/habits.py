"""What people do in a replay: patience, length of talks, and how agents take an offer; drawn from what they did.

Each draw is a pure function of the seed and of whom it is about, so that another strategy changes nothing else.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from typing import Protocol

from softswitch.acd.day import Arrival, Day, Reaction
from softswitch.acd.patience import Patience
from softswitch.acd.values import OfferResult
from softswitch.ids import AgentId, CallId, QueueName

FEW = 20
"""Offers of which an agent's own habits are known; with fewer he is taken for one like the others."""
KEEPS_OWN = -1.0
"""Wrap-up as configured."""


class Draws(Protocol):
    """A source of chances; `random.Random` is one."""

    def random(self) -> float: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Handling:
    talk_s: float
    wrapup_s: float
    """Below zero: as configured."""


class Habits:
    def __init__(self, day: Day, draws: Callable[[str], Draws]) -> None:
        """`draws` gives a source for a name, always the same for the same name."""
        self._draws = draws
        self._all = _patience(day.arrivals)
        self._patience: dict[QueueName, Patience] = {}
        self._handling: dict[QueueName, list[Handling]] = {}
        by_queue = sorted(day.arrivals, key=lambda arrival: arrival.queue)
        for queue, group in groupby(by_queue, key=lambda arrival: arrival.queue):
            arrivals = tuple(group)
            self._patience[queue] = _patience(arrivals)
            self._handling[queue] = [_own(arrival) for arrival in arrivals if arrival.answered]
        self._any_handling = [each for handled in self._handling.values() for each in handled]
        self._reactions = _reactions(day.reactions)
        self._offers = {agent: draws(f"offers {agent}") for agent in self._reactions}
        self._everybody = draws("offers")
        self._anybody = [each for each in day.reactions if each.result is not OfferResult.CANCELLED]
        self._known: dict[CallId, float] = {}

    def patience(self, arrival: Arrival) -> float:
        """Seconds after which he hangs up: his own if he did, else more than he had to wait."""
        if arrival.gave_up:
            return arrival.waited_s
        known = self._known.get(arrival.call)
        if known is None:
            of_queue = self._patience.get(arrival.queue, self._all)
            chance = self._draws(f"patience {arrival.call}").random()
            known = self._known[arrival.call] = of_queue.draw(chance, arrival.waited_s)
        return known

    def handling(self, arrival: Arrival) -> Handling:
        if arrival.answered:
            return _own(arrival)
        others = self._handling.get(arrival.queue) or self._any_handling
        if not others:
            return Handling(talk_s=180.0, wrapup_s=KEEPS_OWN)
        return others[int(self._draws(f"talk {arrival.call}").random() * len(others))]

    def reaction(self, agent: AgentId) -> Reaction:
        own = self._reactions.get(agent)
        if own is not None and len(own) >= FEW:
            return own[int(self._offers[agent].random() * len(own))]
        if not self._anybody:
            return Reaction(agent=agent, result=OfferResult.ANSWERED, after_s=0.0)
        return self._anybody[int(self._everybody.random() * len(self._anybody))]


def _own(arrival: Arrival) -> Handling:
    return Handling(talk_s=max(0.0, arrival.talk_s), wrapup_s=arrival.wrapup_s)


def _patience(arrivals: tuple[Arrival, ...]) -> Patience:
    return Patience((arrival.waited_s, arrival.gave_up) for arrival in arrivals)


def _reactions(given: tuple[Reaction, ...]) -> dict[AgentId, list[Reaction]]:
    """A race that another one won, or a caller who hung up, says nothing of the agent."""
    found: dict[AgentId, list[Reaction]] = {}
    for reaction in given:
        if reaction.result is not OfferResult.CANCELLED:
            found.setdefault(reaction.agent, []).append(reaction)
    return found
