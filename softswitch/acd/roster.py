"""All agents and their classes; the only place where status and state of an agent change.

Masks over classes say at a glance which have somebody idle, logged in or ready. Classes where somebody became idle
since the last match are `fresh`: only they can have made a pair possible.
"""

from collections.abc import Mapping

from softswitch.acd.agent_class import AgentClass
from softswitch.acd.agents import AgentRecord
from softswitch.acd.errors import NotKnown
from softswitch.acd.queues import QueueRecord
from softswitch.acd.skills import SkillBook
from softswitch.acd.split import Split
from softswitch.acd.timers import Timers
from softswitch.acd.values import AgentState, AgentStatus, Decision, StateChanged, StatusChanged
from softswitch.ids import AgentId, CallId, QueueName

Tier = tuple[int, int, int]
"""Penalty, levels of the required skills summed and negated, mask of the classes that have both."""


class Roster:
    def __init__(self, timers: Timers) -> None:
        self._timers = timers
        self.agents: dict[AgentId, AgentRecord] = {}
        self.book = SkillBook(())
        self.classes: list[AgentClass] = []
        self.masks: list[int] = []
        """Skill mask of each class."""
        self._split: Split[AgentClass] = Split()
        self.idle_mask = 0
        self.logged_in_mask = 0
        self.ready_mask = 0
        self.fresh_mask = 0
        self.emptied = False
        """A class has lost its last logged-in agent since callers were last asked to leave for that."""

    def get(self, agent: AgentId) -> AgentRecord:
        try:
            return self.agents[agent]
        except KeyError:
            raise NotKnown(f"no agent {agent}") from None

    def forget(self, agent: AgentRecord) -> None:
        """He is configured no more and on no call: nothing of him may come up later."""
        for timer in (agent.suspect, agent.rest, agent.wrapup):
            self._timers.cancel(timer)
        del self.agents[agent.agent]

    def classes_of(self, mask: int) -> tuple[AgentClass, ...]:
        return self._split.of(mask, self.classes)

    # --- who may serve whom -----------------------------------------------------------------------------------------

    def rebuild(self, queues: Mapping[QueueName, QueueRecord]) -> None:
        """Sort all agents into classes anew, after a change of the configuration."""
        self.book = SkillBook(agent.config.skills for agent in self.agents.values())
        self.classes, self.masks = [], []
        self._split.clear()
        self.idle_mask = self.logged_in_mask = self.ready_mask = self.fresh_mask = 0
        self.emptied = True
        for agent in self.agents.values():
            agent.examined_by = []
        named = self._memberships(queues)
        self._staff(queues)
        classes: dict[tuple[object, ...], AgentClass] = {}
        for agent in self.agents.values():
            penalties = named.get(agent.agent, {})
            levels = agent.config.skills
            key = (tuple(sorted(penalties.items())), tuple(sorted(levels.items())), agent.leaving)
            group = classes.get(key)
            if group is None:
                group = classes[key] = self._new_class(agent, penalties, queues)
            self._adopt(agent, group)

    def _memberships(self, queues: Mapping[QueueName, QueueRecord]) -> dict[AgentId, dict[QueueName, int]]:
        named: dict[AgentId, dict[QueueName, int]] = {}
        for queue in queues.values():
            for member in queue.config.members:
                named.setdefault(AgentId(member.agent), {})[queue.name] = member.penalty
        return named

    def _staff(self, queues: Mapping[QueueName, QueueRecord]) -> None:
        for queue in queues.values():
            needed = self.book.needed(queue.config.skills)
            chosen = (
                [
                    self.agents[AgentId(name)]
                    for name in dict.fromkeys(member.agent for member in queue.config.members)
                ]
                if queue.config.members
                else [
                    agent
                    for agent in self.agents.values()
                    if needed is not None and needed & ~self.book.mask(agent.config.skills) == 0
                ]
            )
            queue.staff([agent for agent in chosen if not agent.leaving])

    def _new_class(
        self, agent: AgentRecord, named: Mapping[QueueName, int], queues: Mapping[QueueName, QueueRecord]
    ) -> AgentClass:
        served = [] if agent.leaving else [queue for queue in queues.values() if agent.agent in queue.places]
        penalties = {queue.name: named.get(queue.name, 0) for queue in served}
        group = AgentClass(len(self.classes), tuple(served), penalties, agent.config.skills)
        self.classes.append(group)
        self.masks.append(self.book.mask(agent.config.skills))
        return group

    def _adopt(self, agent: AgentRecord, group: AgentClass) -> None:
        agent.group = group
        agent.token += 1
        self._count(agent, +1)
        if agent.state is AgentState.IDLE:
            self._now_idle(agent)

    def serving(self, queue: QueueRecord, required: Mapping[str, int]) -> tuple[int, tuple[Tier, ...]]:
        """The classes that may serve such a caller: all in one mask, and by tier in the order they are rung."""
        needed = self.book.needed(required)
        if needed is None:
            return 0, ()
        everybody = 0
        tiers: dict[tuple[int, int], int] = {}
        for group, mask in zip(self.classes, self.masks, strict=True):
            if needed & ~mask or queue.name not in group.penalties:
                continue
            fit = 0 if queue.strategy.everyone else -sum(group.levels.get(skill, 0) for skill in required)
            tier = (group.penalties[queue.name], fit)
            tiers[tier] = tiers.get(tier, 0) | group.bit
            everybody |= group.bit
        return everybody, tuple((penalty, fit, mask) for (penalty, fit), mask in sorted(tiers.items()))

    # --- status and state ---------------------------------------------------------------------------------------------

    def set_status(
        self, agent: AgentRecord, status: AgentStatus, reason: str, now: float, out: list[Decision]
    ) -> None:
        """Declare a status and let the state follow. He must not be ringing unless he stays available."""
        if status is not agent.status:
            self._count(agent, -1)
            if status is AgentStatus.AVAILABLE:
                agent.missed = 0
            if agent.status is AgentStatus.LOGGED_OUT:
                agent.idle_since = now
            if status is AgentStatus.LOGGED_OUT:
                self._timers.cancel(agent.wrapup)
                agent.wrapup = None
            self._timers.cancel(agent.rest)
            agent.rest = None
            agent.status = status
            self._count(agent, +1)
        agent.reason = reason
        out.append(StatusChanged(agent=agent.agent, status=status, reason=reason))
        self.settle(agent, now, out)

    def set_reachable(self, agent: AgentRecord, reachable: bool, now: float, out: list[Decision]) -> None:
        self._count(agent, -1)
        agent.reachable = reachable
        self._timers.cancel(agent.suspect)
        agent.suspect = None
        self._count(agent, +1)
        self.settle(agent, now, out)

    def suspect(self, agent: AgentRecord, until: float) -> None:
        """Hold his phone for unreachable for a while; the caller of this settles."""
        self._count(agent, -1)
        self._timers.cancel(agent.suspect)
        agent.suspect = self._timers.at(until, self._trust_again, agent)
        self._count(agent, +1)

    def _trust_again(self, agent: AgentRecord, now: float, out: list[Decision]) -> None:
        self._count(agent, -1)
        agent.suspect = None
        self._count(agent, +1)
        self.settle(agent, now, out)

    def rest(self, agent: AgentRecord, until: float) -> None:
        """Leave him in peace for a while; the caller of this settles."""
        self._timers.cancel(agent.rest)
        agent.rest = self._timers.at(until, self._rested, agent)

    def _rested(self, agent: AgentRecord, now: float, out: list[Decision]) -> None:
        agent.rest = None
        self.settle(agent, now, out)

    def settle(self, agent: AgentRecord, now: float, out: list[Decision]) -> None:
        """Bring the state in line with what the agent does and declared, and report a change."""
        new = agent.derived()
        if new is agent.state:
            return
        old = agent.enter(new, now)
        if old is AgentState.IDLE:
            group = agent.group
            group.remove_idle(agent)
            if not group.idle:
                self.idle_mask &= ~group.bit
        before = agent.context
        agent.context = _context(agent)
        queue, call = before if agent.context == (None, None) else agent.context
        out.append(StateChanged(agent=agent.agent, old=old, new=new, queue=queue, call=call))
        if new is AgentState.IDLE:
            self._now_idle(agent)

    def resort(self, agent: AgentRecord) -> None:
        """What he is sorted by has changed while he may be idle."""
        if agent.state is AgentState.IDLE:
            agent.group.remove_idle(agent)
            agent.group.add_idle(agent)

    def _now_idle(self, agent: AgentRecord) -> None:
        group = agent.group
        group.add_idle(agent)
        self.idle_mask |= group.bit
        self.fresh_mask |= group.bit

    def _count(self, agent: AgentRecord, by: int) -> None:
        """Put an agent into or take him out of the counts of his class, around any change that matters to them."""
        group = agent.group
        if agent.logged_in:
            group.logged_in += by
            if group.logged_in:
                self.logged_in_mask |= group.bit
            else:
                self.logged_in_mask &= ~group.bit
                self.emptied = True
        if agent.ready:
            group.ready += by
            self.ready_mask = self.ready_mask | group.bit if group.ready else self.ready_mask & ~group.bit


def _context(agent: AgentRecord) -> tuple[QueueName | None, CallId | None]:
    if agent.state is AgentState.RINGING and agent.offer is not None:
        return agent.offer.queue.name, agent.offer.caller.call
    if agent.state is AgentState.TALKING and agent.talk is not None:
        return agent.talk.queue.name, agent.talk.call
    if agent.state is AgentState.WRAP_UP:
        return agent.context
    return (None, None)
