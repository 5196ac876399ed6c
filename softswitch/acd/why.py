"""Recording why an offer is made: cheap, since every decision does it; `candidates` puts it in words."""

from collections.abc import Sequence

from softswitch.acd.agent_class import Entry
from softswitch.acd.callers import Caller
from softswitch.acd.candidates import MOST, Candidates
from softswitch.acd.queues import EXAMINED
from softswitch.acd.roster import Roster, Tier
from softswitch.acd.values import Why
from softswitch.acd.waiting import CallClass

_RUNNERS_UP = MOST - 1 - EXAMINED
"""Listed in a queue of more agents than are examined."""

Found = tuple[Tier, Entry]


class Reasons:
    """Of one decision, which may ring several agents; to be made before they are reserved."""

    __slots__ = ("_caller", "_chosen", "_now", "_position", "_runners_up", "_told", "_turn")

    def __init__(self, caller: Caller, chosen: Sequence[Found], roster: Roster, now: float) -> None:
        queue = caller.queue
        self._caller = caller
        self._chosen = chosen
        self._position = queue.line.position(caller)
        self._runners_up = _runners_up(caller.group, roster, chosen)
        self._told = queue.told()
        self._turn = queue.turn
        self._now = now

    def why(self, found: Found) -> Why:
        """Why this one of the chosen is rung."""
        caller, chosen = self._caller, self._chosen
        if len(chosen) > 1:
            chosen = (found, *(each for each in chosen[:MOST] if each is not found))
        group = caller.group
        return Why(
            strategy=caller.queue.config.strategy,
            waited_s=caller.waited(self._now),
            position=self._position,
            candidates=Candidates(group.demand, chosen, self._runners_up, self._told, self._turn, self._now),
            required=group.demand.required,
            step=caller.step,
        )


def _runners_up(group: CallClass, roster: Roster, chosen: Sequence[Found]) -> Sequence[Found]:
    """Idle agents from the top of the heaps, in no order."""
    idle = group.demand.agents_mask & roster.idle_mask
    agents = chosen[0][1][4].group
    if idle == agents.bit and agents.idle == len(chosen):
        return ()
    limit = MOST if len(group.queue.agents) <= EXAMINED else _RUNNERS_UP
    taken = {entry[4].agent for _, entry in chosen}
    order, found = group.queue.order, list[Found]()
    for tier in group.tiers:
        for agents in roster.classes_of[tier[2] & idle]:
            for entry in agents.some_idle(order, limit + len(chosen)):
                if entry[4].agent not in taken:
                    found.append((tier, entry))
                    if len(found) == limit:
                        return found
    return found
