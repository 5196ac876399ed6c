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


def whys(caller: Caller, chosen: Sequence[Found], roster: Roster, now: float) -> list[tuple[Found, Why]]:
    """Each of the chosen and why he is rung; to be asked before they are reserved."""
    queue, group = caller.queue, caller.group
    demand, told, turn = group.demand, tuple(queue.latest), queue.turn
    runners_up = _runners_up(group, roster, chosen)
    waited_s, position = caller.waited(now), queue.line.position(caller)
    return [
        (
            found,
            Why(
                queue.config.strategy,
                waited_s,
                position,
                Candidates(demand, _first(found, chosen), runners_up, told, turn, now),
                demand.required,
                caller.step,
            ),
        )
        for found in chosen
    ]


def _first(found: Found, chosen: Sequence[Found]) -> Sequence[Found]:
    """He, then those rung with him."""
    return chosen if len(chosen) == 1 else [found, *(each for each in chosen[:MOST] if each is not found)]


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
