"""Putting right what `invariants` has found: nothing of it can happen, but a centre that stands still until somebody
restarts it is worse than one caller who is rung for anew.

Nobody is lost by it. Offers that do not fit agent and caller are cancelled, states are derived anew, and all classes,
heaps and counts are made from the records of agents and callers.
"""

from collections.abc import Iterator, Mapping, Set

from softswitch.acd.agents import NOWHERE, AgentRecord
from softswitch.acd.callers import Caller, Line
from softswitch.acd.offers import LiveOffer, Offers
from softswitch.acd.queues import QueueRecord
from softswitch.acd.roster import Roster
from softswitch.acd.values import Decision, StateChanged
from softswitch.acd.waiting import WaitingRoom
from softswitch.ids import AgentId, CallId, QueueName

HEALED = "healed"
"""Reason of the cancelling of an offer that could not be."""


class Healing:
    def __init__(
        self, queues: Mapping[QueueName, QueueRecord], roster: Roster, room: WaitingRoom, offers: Offers
    ) -> None:
        self._queues = queues
        self._roster = roster
        self._room = room
        self._offers = offers

    def talks_of_nobody(self, calls: Set[CallId]) -> Iterator[tuple[AgentId, CallId]]:
        """Agents who talk on calls that are no more."""
        for agent in list(self._roster.agents.values()):
            if agent.talk is not None and agent.talk.call not in calls:
                yield agent.agent, agent.talk.call

    def callers_of_nobody(self, calls: Set[CallId]) -> list[CallId]:
        """Callers who wait without a call."""
        return [call for call in self._room.callers if call not in calls]

    def repair(self, now: float, out: list[Decision]) -> None:
        for live in list(self._offers.live.values()):
            if not self._fits(live):
                self._end(live, now, out)
        for agent in self._roster.agents.values():
            self._free(agent)
        for caller in self._room.callers.values():
            self._untangle(caller)
        self._line_up()
        for agent in self._roster.agents.values():
            self._derive(agent, now, out)
        self._roster.rebuild(self._queues)
        self._room.rebuild()

    def _fits(self, live: LiveOffer) -> bool:
        return (
            live.agent.offer is live
            and live.agent.talk is None
            and self._room.callers.get(live.caller.call) is live.caller
            and live.caller.offers.get(live.offer) is live
            and (live.timer is None or live.timer.live)
        )

    def _end(self, live: LiveOffer, now: float, out: list[Decision]) -> None:
        del self._offers.live[live.offer]
        live.caller.offers.pop(live.offer, None)
        if live.agent.offer is live:
            live.agent.offer = None
        self._offers.remember(live, now)
        out.append(live.cancelled(HEALED))

    def _free(self, agent: AgentRecord) -> None:
        if agent.offer is not None and self._offers.live.get(agent.offer.offer) is not agent.offer:
            agent.offer = None
        for name in ("wrapup", "rest", "suspect", "pause"):
            timer = getattr(agent, name)
            if timer is not None and not timer.live:
                setattr(agent, name, None)

    def _untangle(self, caller: Caller) -> None:
        for offer in [
            each for each in caller.offers if self._offers.live.get(each) is not caller.offers[each]
        ]:
            del caller.offers[offer]
        if caller.bound and not any(agent.ready for agent in caller.wanted):
            caller.bound = False
        caller.held = caller.held and not caller.offers
        caller.waiting = not (caller.offers or caller.bound or caller.held)
        if caller.bound and not caller.offers:
            self._room.fresh_bound.append(caller)

    def _line_up(self) -> None:
        for queue in self._queues.values():
            queue.line = Line()
        for caller in self._room.callers.values():
            caller.rank = caller.ranked()
            caller.queue.line.add(caller)

    def _derive(self, agent: AgentRecord, now: float, out: list[Decision]) -> None:
        """Without asking whether the change is one that can be."""
        spent = agent.state_since - agent.known_since - sum(agent.times.values())
        agent.times[agent.state] += spent
        new, old = agent.derived(), agent.state
        if new is not old:
            agent.times[old] += now - agent.state_since
            agent.state, agent.state_since, agent.context = new, now, NOWHERE
            out.append(StateChanged(agent=agent.agent, old=old, new=new, queue=None, call=None))
