"""The match over all queues: which waiting caller and which idle agents go together now.

Between two events no idle agent stands beside a waiting caller he may serve. So an event can only have made pairs with
the agents who became idle in it and the callers who came to wait in it: only their classes are looked at, and of each
class only the head. Callers are served by rank over all queues; for the caller whose turn it is the agents are tried
tier by tier (penalty, then alternative and skill), and in a tier by the queue's strategy. Callers bound to certain agents
go before all others, since nobody else would serve them.
"""

from collections.abc import Callable, Sequence
from heapq import heapify, heappop, heapreplace

from softswitch.acd.agent_class import AgentClass, Entry
from softswitch.acd.agents import IDLE
from softswitch.acd.bound import Bound, chosen
from softswitch.acd.callers import Caller, Rank
from softswitch.acd.plugins import MOST, Plugins
from softswitch.acd.ringing import Ringing
from softswitch.acd.roster import Roster, Tier
from softswitch.acd.values import Decision
from softswitch.acd.waiting import CallClass, WaitingRoom

Ring = Callable[[Caller, list[tuple[Tier, Entry]], float, list[Decision]], None]
"""Reserves these agents for that caller, at once."""


class Matcher:
    def __init__(
        self, roster: Roster, room: WaitingRoom, ringing: Ringing, bound: Bound, plugins: Plugins
    ) -> None:
        self._roster = roster
        self._room = room
        self._ring: Ring = ringing.ring
        self._share = ringing.share
        self._bound = bound
        self._plugins = plugins

    def match(self, now: float, out: list[Decision]) -> None:
        """Leave no possible pair behind."""
        roster, room = self._roster, self._room
        if room.awaited:
            return
        if room.fresh_bound or roster.fresh_bound or roster.lost_bound:
            for caller, agent in self._bound.pairs():
                self._ring(caller, [chosen(caller, agent)], now, out)
        fresh_agents, fresh_callers = roster.fresh_mask, room.fresh_mask
        growing = room.growing_mask & room.open_mask
        if not fresh_agents and not fresh_callers and not growing:
            return
        roster.fresh_mask = room.fresh_mask = room.growing_mask = 0
        if roster.idle_mask:
            reached = 0
            for agents in roster.classes_of[fresh_agents & roster.idle_mask]:
                reached |= agents.calls_mask
            self._serve_waiting((reached | fresh_callers) & room.waiting_mask, now, out)
            if (reached | growing) & room.open_mask:
                self._join_ringing(reached | growing, now, out)
        if room.open_mask and fresh_callers & room.waiting_mask:
            self._share_ringing(fresh_callers, now, out)

    def _serve_waiting(self, mask: int, now: float, out: list[Decision]) -> None:
        roster = self._roster
        idle = roster.idle_mask
        heads: list[tuple[Rank, int, CallClass]] = []
        for group in self._room.classes_of[mask]:
            if group.demand.agents_mask & idle:
                heads.append((group.heap[0][0], group.bit, group))
        heapify(heads)
        while heads:
            group = heads[0][2]
            found = self._choose(group, now, out)
            if not found:
                heappop(heads)
                continue
            self._ring(group.heap[0][2], found, now, out)
            if not roster.idle_mask:
                return
            if group.waiting:
                heapreplace(heads, (group.heap[0][0], group.bit, group))
            else:
                heappop(heads)

    def _choose(self, group: CallClass, now: float, out: list[Decision]) -> list[tuple[Tier, Entry]]:
        """Whom to ring for the head of this class: one agent, or with ring-all the whole of the lowest tier."""
        idle = group.demand.agents_mask & self._roster.idle_mask
        if not idle:
            return []
        queue, caller = group.queue, group.heap[0][2]
        order = queue.order
        for agent in caller.wanted:
            if agent.state is IDLE and agent.group.bit & idle:
                return [chosen(caller, agent)]
        for tier in group.tiers:
            if tier[2] & idle:
                break
        classes = self._roster.classes_of[tier[2] & idle]
        if queue.strategy.everyone:
            return [
                (tier, entry) for entry in sorted(entry for each in classes for entry in each.all_idle(order))
            ]
        if queue.config.strategy_plugin:
            entries = sorted(entry for each in classes for entry in each.some_idle(order, MOST))[:MOST]
            picked = self._plugins.choose(caller, entries, now, out)
            if picked is not None:
                return [(tier, picked)]
        return [(tier, _first(classes, order))]

    def _join_ringing(self, reached: int, now: float, out: list[Decision]) -> None:
        """Agents for whom no caller was left join those who ring for a caller of a ring-all queue."""
        room, roster = self._room, self._roster
        callers = [min(group.open.values(), key=_rank) for group in room.classes_of[reached & room.open_mask]]
        for caller in sorted(callers, key=_rank):
            group = caller.group
            if group.queue.strategy.grows:
                self._grow(group, caller, now, out)
                continue
            joining = [
                (tier, entry)
                for tier in group.tiers
                if tier[0] <= caller.ring_penalty()
                for each in roster.classes_of[tier[2] & roster.idle_mask]
                for entry in each.all_idle(group.queue.order)
            ]
            if joining:
                self._ring(caller, joining, now, out)

    def _grow(self, group: CallClass, caller: Caller, now: float, out: list[Decision]) -> None:
        """One more agent of the first tier that has one rings for him too."""
        for tier in group.tiers:
            classes = self._roster.classes_of[tier[2] & self._roster.idle_mask]
            if classes:
                self._ring(caller, [(tier, _first(classes, group.queue.order))], now, out)
                return

    def _share_ringing(self, mask: int, now: float, out: list[Decision]) -> None:
        """Callers of ring-all queues for whom nobody was left get some of those who ring for another."""
        for group in self._room.classes_of[mask & self._room.waiting_mask]:
            if not group.queue.strategy.everyone:
                continue
            while group.waiting and self._share(group.heap[0][2], now, out):
                self._ring(group.heap[0][2], self._choose(group, now, out), now, out)


def _first(classes: Sequence[AgentClass], order: str) -> Entry:
    """The idle agent of these classes whose turn it is."""
    if len(classes) == 1:
        return classes[0].heaps[order][0]
    return min([each.heaps[order][0] for each in classes])


def _rank(caller: Caller) -> Rank:
    return caller.rank
