"""What must hold between any two events, checked the slow way from the records alone.

Used by tests, by `healing`, and by whoever wants to examine a running engine; an empty list is health. Takes time in
proportion to agents and callers, not to their product: 10,000 of each are examined in well under a second.
"""

from collections import Counter
from collections.abc import Iterator, Mapping

from softswitch.acd.offers import Offers
from softswitch.acd.presence import is_present
from softswitch.acd.queues import QueueRecord
from softswitch.acd.roster import Roster
from softswitch.acd.values import AgentState
from softswitch.acd.waiting import WaitingRoom
from softswitch.ids import QueueName

_ROUNDING_S = 1e-3


class Invariants:
    def __init__(
        self, queues: Mapping[QueueName, QueueRecord], roster: Roster, room: WaitingRoom, offers: Offers
    ) -> None:
        self._queues = queues
        self._roster = roster
        self._room = room
        self._offers = offers

    def violated(self) -> list[str]:
        return [
            *self._reserved_once(),
            *self._one_place(),
            *self._counts(),
            *self._states(),
            *self._conserved(),
        ]

    def _reserved_once(self) -> Iterator[str]:
        holders = [live.agent.agent for live in self._offers.live.values()]
        if len(holders) != len(set(holders)):
            yield "an agent is in two offers"
        for live in self._offers.live.values():
            if live.agent.offer is not live:
                yield f"{live} rings, but its agent is in {live.agent.offer}"
            if (
                self._room.callers.get(live.caller.call) is not live.caller
                or live.offer not in live.caller.offers
            ):
                yield f"{live} rings for a caller who does not wait"
        for agent in self._roster.agents.values():
            if agent.offer is not None and agent.offer.offer not in self._offers.live:
                yield f"{agent} is reserved by an offer that rings no more"
            if agent.offer is not None and agent.talk is not None:
                yield f"{agent} rings while talking"

    def _one_place(self) -> Iterator[str]:
        lined_up = [caller for queue in self._queues.values() for caller in queue.line.in_order()]
        if sorted(caller.serial for caller in lined_up) != sorted(
            each.serial for each in self._room.callers.values()
        ):
            yield "the lines of the queues and the callers known differ"
        entries = Counter(
            entry[2].serial
            for group in self._room.classes()
            for entry in group.heap
            if entry[2].token == entry[1] and entry[2].group is group
        )
        for caller in self._room.callers.values():
            bound = caller.bound and not caller.offers
            if caller.waiting + bool(caller.offers) + bound + caller.held != 1:
                yield f"{caller} is more than one of waiting, offered, bound and held, or none of them"
            if entries[caller.serial] != int(caller.waiting):
                yield f"{caller} has {entries[caller.serial]} places among those to be matched"
            if bound and not any(agent.ready for agent in caller.wanted):
                yield f"{caller} is bound to nobody who is at work"

        for queue in self._queues.values():
            if queue.virtual != sum(caller.virtual for caller in queue.line.in_order()):
                yield f"{queue} counts those who are called back wrongly"

    def _counts(self) -> Iterator[str]:
        everybody = Counter(caller.group.bit for caller in self._room.callers.values())
        waiting = Counter(caller.group.bit for caller in self._room.callers.values() if caller.waiting)
        for group in self._room.classes():
            if (group.callers, group.waiting) != (everybody[group.bit], waiting[group.bit]):
                yield f"{group} counts wrongly"
            if bool(group.waiting) != bool(self._room.waiting_mask & group.bit):
                yield f"{group} is masked wrongly"
        yield from self._agents_counted()

    def _agents_counted(self) -> Iterator[str]:
        idle: Counter[int] = Counter()
        logged_in: Counter[int] = Counter()
        ready: Counter[int] = Counter()
        for agent in self._roster.agents.values():
            idle[agent.group.bit] += agent.state is AgentState.IDLE
            logged_in[agent.group.bit] += agent.logged_in
            ready[agent.group.bit] += agent.ready
            present = [is_present(agent, absent) for absent in self._roster.presence.sets]
            if agent.present != present:
                yield f"{agent} is not counted as he is present"
        masks = (self._roster.idle_mask, self._roster.logged_in_mask, self._roster.ready_mask)
        for agents in self._roster.classes:
            counted = (agents.idle, agents.logged_in, agents.ready)
            real = (idle[agents.bit], logged_in[agents.bit], ready[agents.bit])
            if counted != real or any(
                bool(n) != bool(mask & agents.bit) for n, mask in zip(real, masks, strict=True)
            ):
                yield f"{agents} counts wrongly: {counted}, not {real}"

    def _states(self) -> Iterator[str]:
        for agent in self._roster.agents.values():
            if agent.state is not agent.derived():
                yield f"{agent} should be {agent.derived()}"
            if abs(sum(agent.times.values()) - (agent.state_since - agent.known_since)) > _ROUNDING_S:
                yield f"the times of {agent} do not sum to the time since he is known"
            ring = agent.offer.timer if agent.offer is not None else None
            for timer in (agent.wrapup, agent.rest, agent.suspect, agent.pause, ring):
                if timer is not None and not timer.live:
                    yield f"{agent} waits for a timer that will not come"

    def _conserved(self) -> Iterator[str]:
        if self._room.awaited:
            return
        for group in self._room.classes():
            if group.waiting and group.demand.agents_mask & self._roster.idle_mask:
                yield f"somebody is idle beside {group}"
        for caller in self._room.callers.values():
            if caller.bound and not caller.offers:
                for agent in caller.wanted:
                    if agent.state is AgentState.IDLE:
                        yield f"{agent} is idle beside {caller}, who is bound to him"
