"""Callers who are to be served by certain agents, for so long: by name, or because one of them served them last.

While he is bound a caller stands in his queue's line, but only his agents are rung, in the order he names them, and an
agent who becomes idle takes a caller bound to him before others: nobody else would. The tie ends when its time is over,
when the offer to such an agent fails, or as soon as none of them is at work; from then on he is a caller like any other,
except that his agents go first when it is his turn and one of them is idle.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from softswitch.acd.agents import AgentRecord
from softswitch.acd.callers import Caller
from softswitch.acd.last_agents import LastAgents
from softswitch.acd.roster import Roster
from softswitch.acd.timers import Timers
from softswitch.acd.values import AgentState, Decision
from softswitch.acd.waiting import WaitingRoom

if TYPE_CHECKING:
    from softswitch.acd.agent_class import Entry
    from softswitch.acd.roster import Tier


class Bound:
    def __init__(self, roster: Roster, room: WaitingRoom, timers: Timers, last: LastAgents) -> None:
        self._roster = roster
        self._room = room
        self._timers = timers
        self._last = last

    def tie(self, caller: Caller, now: float) -> None:
        """He has just joined, or the configuration has changed: bind him to his agents, if he has any at work."""
        config, given = caller.queue.config, caller.given
        caller.wanted = ()
        names, seconds = given.agents, given.agents_s
        if not names and config.sticky_s > 0:
            last = self._last.of(caller.queue.name, given.ani, now, config.sticky_within_h * 3600)
            names, seconds = (() if last is None else (last,)), config.sticky_s
        if not names:
            return
        caller.wanted = tuple(
            self._roster.agents[name]
            for name in dict.fromkeys(names)
            if name in caller.queue.places and name in self._roster.agents
        )
        until = caller.joined + seconds
        if not any(agent.ready for agent in caller.wanted):
            caller.loose = True
        if until <= now or caller.loose or caller.offers or caller.virtual:
            return
        self._room.bind(caller)
        caller.tied = self._timers.at(until, self._untied, caller)
        for agent in caller.wanted:
            agent.bound[caller.call] = caller

    def _untied(self, caller: Caller, now: float, out: list[Decision]) -> None:
        caller.tied = None
        self.release(caller)

    def release(self, caller: Caller) -> None:
        """He is matched with anybody from now on, unless somebody rings for him; a reload does not bind him again."""
        caller.loose = True
        self.forget(caller)
        self._room.unbind(caller)

    def forget(self, caller: Caller) -> None:
        self._timers.cancel(caller.tied)
        caller.tied = None
        for agent in caller.wanted:
            agent.bound.pop(caller.call, None)

    def pairs(self) -> Iterator[tuple[Caller, AgentRecord]]:
        """Bound callers and idle agents who go together, one pair at a time: carry each out before asking for the next."""
        roster, room = self._roster, self._room
        while roster.lost_bound:
            for caller in list(roster.lost_bound.pop().bound.values()):
                if not caller.offers and not any(agent.ready for agent in caller.wanted):
                    self.release(caller)
        while room.fresh_bound:
            caller = room.fresh_bound.pop()
            if not caller.bound or caller.offers:
                continue
            for agent in caller.wanted:
                if agent.state is AgentState.IDLE:
                    yield caller, agent
                    break
        while roster.fresh_bound:
            agent = roster.fresh_bound.pop()
            waiting = [caller for caller in agent.bound.values() if caller.bound and not caller.offers]
            if waiting and agent.state is AgentState.IDLE:
                yield min(waiting, key=lambda caller: caller.rank), agent


def chosen(caller: Caller, agent: AgentRecord) -> tuple[Tier, Entry]:
    """This agent as the matcher would have found him; he need not belong to the tiers that are open to the caller."""
    group, queue = agent.group, caller.queue
    for tier in caller.group.tiers:
        if tier[2] & group.bit:
            break
    else:
        tier = (group.penalties.get(queue.name, 0), 0, group.bit)
    first, second = queue.strategy.key(agent, queue)
    return tier, (first, second, agent.serial, agent.token, agent)
