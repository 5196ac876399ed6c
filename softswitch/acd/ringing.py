"""Making offers, and what their results mean for agent and caller.

The agent is reserved in the step that decides. The first answer wins; a failed offer costs the agent what `AFTERMATH`
says and never costs the caller his place. When the last offer of a caller whose longest wait is over fails, he leaves.
"""

from collections.abc import Callable
from itertools import islice

from softswitch.acd.agent_class import Entry
from softswitch.acd.agents import AgentRecord, Talk
from softswitch.acd.bound import Bound
from softswitch.acd.callers import Caller
from softswitch.acd.departures import Departures
from softswitch.acd.last_agents import LastAgents
from softswitch.acd.offers import AFTERMATH, LiveOffer, Offers
from softswitch.acd.pauses import AUTOPAUSE
from softswitch.acd.roster import Roster, Tier
from softswitch.acd.timers import Timers
from softswitch.acd.values import AgentStatus, Connect, Decision, Offer, OfferResult
from softswitch.acd.waiting import WaitingRoom
from softswitch.acd.why import whys
from softswitch.ids import OfferId

SHARED = "shared"
"""Why an agent stops ringing for one caller of a ring-all queue: to ring for another."""
_LOOKED_AT = 64
"""Callers being rung for among whom a waiting one looks for agents to share."""
_LEAST_REST_S = 0.1
"""A phone that fails at once is not offered a call more often than this, even with a delay of 0."""


class Ringing:
    def __init__(
        self,
        roster: Roster,
        room: WaitingRoom,
        timers: Timers,
        departures: Departures,
        new_offer_id: Callable[[], OfferId],
        bound: Bound,
        last: LastAgents,
    ) -> None:
        self.offers = Offers()
        self._roster = roster
        self._room = room
        self._timers = timers
        self._departures = departures
        self._new_offer_id = new_offer_id
        self._bound = bound
        self._last = last

    def ring(self, caller: Caller, chosen: list[tuple[Tier, Entry]], now: float, out: list[Decision]) -> None:
        """Reserve these agents, all idle, and offer them the caller."""
        queue = caller.queue
        if not caller.offers:
            self._room.unmatch(caller)
            if queue.strategy.everyone and not caller.bound:
                self._room.open_to_more(caller)
        if queue.strategy.grows and not caller.bound:
            self._timers.cancel(caller.grow)
            self._room.close_to_more(caller)
            caller.grow = self._timers.at(now + queue.config.progressive_s, self._grow, caller)
        ring_s = _ring_s(caller)
        for (tier, entry), why in whys(caller, chosen, self._roster, now):
            agent = entry[4]
            if queue.strategy.own_order:
                queue.turn = max(queue.turn, entry[0])
            live = self._reserve(caller, agent, tier[0], ring_s, now)
            self._roster.settle(agent, now, out)
            out.append(Offer(live.offer, caller.call, queue.name, agent.agent, ring_s, why))

    def _grow(self, caller: Caller, now: float, out: list[Decision]) -> None:
        """Nobody has answered for a while: one more may ring, as soon as there is one."""
        caller.grow = None
        if caller.offers and not caller.last_chance:
            self._room.open_to_more(caller)
            self._room.growing_mask |= caller.group.bit

    def share(self, caller: Caller, now: float, out: list[Decision]) -> bool:
        """Free half of the agents who ring for one caller of a ring-all queue, so that two callers can be answered at
        once; false: nobody rings for whom there is another to ring as well."""
        group = caller.group
        best: list[LiveOffer] = []
        for other in islice(self._room.open_callers(), _LOOKED_AT):
            if not other.queue.strategy.everyone:
                continue
            suitable = [
                live for live in other.offers.values() if live.agent.group.bit & group.demand.agents_mask
            ]
            spare = suitable[-(len(other.offers) // 2) :] if len(other.offers) > 1 else []
            if len(spare) > len(best):
                best = spare
        for live in best:
            self.withdraw(live, SHARED, now, out)
            self._roster.settle(live.agent, now, out)
        return bool(best)

    def _reserve(
        self, caller: Caller, agent: AgentRecord, penalty: int, ring_s: float, now: float
    ) -> LiveOffer:
        live = LiveOffer(self._new_offer_id(), caller, agent, penalty, now)
        self.offers.live[live.offer] = live
        caller.offers[live.offer] = live
        agent.offer = live
        if ring_s > 0:
            live.timer = self._timers.at(now + ring_s, self._rang_out, live)
        return live

    def result(self, offer: OfferId, result: OfferResult, now: float, out: list[Decision]) -> None:
        live = self.offers.live.get(offer)
        if live is None:
            lost = self.offers.late(offer, result)
            if lost is not None:
                out.append(lost)
        elif result is OfferResult.ANSWERED:
            self._connect(live, now, out)
        else:
            self._failed(live, result, now, out)

    def withdraw(self, live: LiveOffer, reason: str, now: float, out: list[Decision]) -> None:
        """Stop ringing. The agent is free of it but not settled; the caller is as he was, without this offer."""
        self._close(live)
        self.offers.remember(live, now)
        out.append(live.cancelled(reason))

    def withdraw_from(self, agent: AgentRecord, reason: str, now: float, out: list[Decision]) -> None:
        """The agent can be rung no longer; his caller is matched anew. Whoever asks settles the agent."""
        live = agent.offer
        if live is not None:
            self.withdraw(live, reason, now, out)
            self._next_for(live.caller, now, out)

    def withdraw_all(self, caller: Caller, reason: str, now: float, out: list[Decision]) -> None:
        """The caller leaves or has left: free all who ring for him, at no cost to them."""
        for live in tuple(caller.offers.values()):
            self.withdraw(live, reason, now, out)
            self._roster.settle(live.agent, now, out)

    def _close(self, live: LiveOffer) -> None:
        if live.timer is not None:
            self._timers.cancel(live.timer)
        del self.offers.live[live.offer]
        del live.caller.offers[live.offer]
        live.agent.offer = None

    def _connect(self, live: LiveOffer, now: float, out: list[Decision]) -> None:
        caller, agent, queue = live.caller, live.agent, live.queue
        waited_s = caller.waited(now)
        position = self._departures.leave(caller, now, served=True)
        self._close(live)
        own = agent.config.wrapuptime
        wrapup_s = queue.config.wrapuptime if own is None else own
        skills = caller.given.skills
        agent.talk = Talk(caller.call, queue, now, wrapup_s, tuple(sorted(skills)) if skills else ())
        queue.experience.ring_time.add(now - live.began)
        agent.calls += 1
        agent.missed = 0
        if queue.config.sticky_s > 0:
            self._last.served(queue.name, caller.given.ani, agent.agent, now)
        if caller.counts:
            queue.figures.answer(waited_s, queue.config.servicelevel)
        out.append(Connect(live.offer, caller.call, queue.name, agent.agent, waited_s, position))
        self._roster.settle(agent, now, out)
        if caller.offers:
            self.withdraw_all(caller, "lost race", now, out)

    def _rang_out(self, live: LiveOffer, now: float, out: list[Decision]) -> None:
        self.offers.remember(live, now)
        out.append(live.cancelled("no answer"))
        self._failed(live, OfferResult.NO_ANSWER, now, out)

    def _failed(self, live: LiveOffer, result: OfferResult, now: float, out: list[Decision]) -> None:
        agent, config = live.agent, live.queue.config
        self._close(live)
        aftermath = AFTERMATH[result]
        if aftermath is not None:
            until = now + max(_LEAST_REST_S, aftermath.rest_s(config.delays))
            if aftermath.unreachable:
                self._roster.suspect(agent, until)
            else:
                self._roster.rest(agent, until)
            if aftermath.missed:
                agent.idle_since = now
            if result.value in config.autopause_on:
                agent.missed += 1
        if aftermath is not None and 0 < config.autopause <= agent.missed:
            self._roster.set_status(agent, AgentStatus.PAUSED, AUTOPAUSE, now, out)
            if config.autopause_release_s > 0:
                self._roster.pauses.release_at(agent, now + config.autopause_release_s)
        else:
            self._roster.settle(agent, now, out)
        self._next_for(live.caller, now, out)

    def _next_for(self, caller: Caller, now: float, out: list[Decision]) -> None:
        """An offer to him has failed: others may ring still, else he is matched anew, or this was his last chance."""
        if caller.offers:
            return
        if caller.last_chance:
            self._departures.overflow(caller, "timeout", caller.queue.config.on_timeout, now, out)
        elif caller.bound:
            self._bound.release(caller)
        else:
            self._room.reopen(caller)


def _ring_s(caller: Caller) -> float:
    """0: as long as the phone likes. While a caller is called back first, his agent waits that much longer."""
    timeout = caller.queue.config.timeout
    return timeout + caller.given.reserve_s if timeout > 0 and caller.virtual else timeout
