"""What must hold between any two events, checked the slow way from the records alone.

Used by tests and by whoever wants to examine a running engine; an empty list is health.
"""

from collections.abc import Iterator, Mapping

from softswitch.acd.offers import Offers
from softswitch.acd.queues import QueueRecord
from softswitch.acd.roster import Roster
from softswitch.acd.skills import combined, shortfall
from softswitch.acd.values import AgentState
from softswitch.acd.waiting import WaitingRoom
from softswitch.ids import QueueName


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
        for caller in self._room.callers.values():
            if caller.waiting == bool(caller.offers):
                yield f"{caller} is both waiting and offered, or neither"
            entries = sum(entry[2] is caller and entry[1] == caller.token for entry in caller.group.heap)
            if entries != int(caller.waiting):
                yield f"{caller} has {entries} places among those to be matched"

    def _counts(self) -> Iterator[str]:
        for group in self._room.classes():
            callers = [caller for caller in self._room.callers.values() if caller.group is group]
            if (group.callers, group.waiting) != (len(callers), sum(caller.waiting for caller in callers)):
                yield f"{group} counts wrongly"
            if bool(group.waiting) != bool(self._room.waiting_mask & group.bit):
                yield f"{group} is masked wrongly"
        for agents in self._roster.classes:
            members = [agent for agent in self._roster.agents.values() if agent.group is agents]
            counted = (agents.idle, agents.logged_in, agents.ready)
            real = (
                sum(agent.state is AgentState.IDLE for agent in members),
                sum(agent.logged_in for agent in members),
                sum(agent.ready for agent in members),
            )
            masks = (self._roster.idle_mask, self._roster.logged_in_mask, self._roster.ready_mask)
            if counted != real or any(
                bool(n) != bool(mask & agents.bit) for n, mask in zip(real, masks, strict=True)
            ):
                yield f"{agents} counts wrongly: {counted}, not {real}"

    def _states(self) -> Iterator[str]:
        for agent in self._roster.agents.values():
            if agent.state is not agent.derived():
                yield f"{agent} should be {agent.derived()}"
            ring = agent.offer.timer if agent.offer is not None else None
            for timer in (agent.wrapup, agent.rest, agent.suspect, ring):
                if timer is not None and not timer.live:
                    yield f"{agent} waits for a timer that will not come"

    def _conserved(self) -> Iterator[str]:
        idle = [agent for agent in self._roster.agents.values() if agent.state is AgentState.IDLE]
        for caller in self._room.callers.values():
            if not caller.waiting:
                continue
            required = combined(caller.queue.config.skills, caller.given.skills)
            for agent in idle:
                if agent.agent in caller.queue.places and not shortfall(required, agent.config.skills):
                    yield f"{agent} is idle beside {caller}"
