"""All agents and their classes; the only place where status and state of an agent change.

Masks over classes say at a glance which have somebody idle, logged in or ready. Classes where somebody became idle
since the last match are `fresh`: only they can have made a pair possible.
"""

from collections.abc import Iterable, Mapping, Sequence

from softswitch.acd.agent_class import AgentClass
from softswitch.acd.agents import IDLE, NOWHERE, AgentRecord
from softswitch.acd.errors import NotKnown
from softswitch.acd.needs import LATER, Need, could_ever_serve, surge_names
from softswitch.acd.pauses import Pauses
from softswitch.acd.presence import LOGGED_OUT, NOT_READY, Presence
from softswitch.acd.queues import QueueRecord
from softswitch.acd.skills import SkillBook
from softswitch.acd.split import Split
from softswitch.acd.timers import Timers
from softswitch.acd.values import AgentStatus, Decision, StateChanged, StatusChanged
from softswitch.config.queues import Queue
from softswitch.ids import AgentId, QueueName

Tier = tuple[int, int, int]
"""Penalty, order by alternative and skill (see `needs`), mask of the classes that have both."""
UNREACHABLE_TOO_LONG = "phone not registered"
"""Reason of the log-out of an agent whose phone was away for longer than the configuration allows."""


class Roster:
    def __init__(self, timers: Timers) -> None:
        self._timers = timers
        self.pauses = Pauses(self, timers)
        self.presence = Presence(())
        self.unreachable_logout_s = 0.0
        self.agents: dict[AgentId, AgentRecord] = {}
        self.book = SkillBook(())
        self.classes: list[AgentClass] = []
        self.masks: list[int] = []
        """Skill mask of each class."""
        self.classes_of = Split(self.classes)
        """The classes of a mask."""
        self.idle_mask = 0
        self.logged_in_mask = 0
        self.ready_mask = 0
        self.fresh_mask = 0
        self.fresh_bound: list[AgentRecord] = []
        """Who became idle while callers wait for nobody but him."""
        self.lost_bound: list[AgentRecord] = []
        """Who can no more be waited for, while callers do."""
        self.emptied = False
        """A class has lost its last logged-in agent since callers were last asked to leave for that."""

    def get(self, agent: AgentId) -> AgentRecord:
        try:
            return self.agents[agent]
        except KeyError:
            raise NotKnown(f"no agent {agent}") from None

    def forget(self, agent: AgentRecord) -> None:
        """He is configured no more and on no call: nothing of him may come up later."""
        for timer in (agent.suspect, agent.rest, agent.wrapup, agent.pause, agent.unreachable):
            self._timers.cancel(timer)
        del self.agents[agent.agent]

    # --- who may serve whom -----------------------------------------------------------------------------------------

    def rebuild(self, queues: Mapping[QueueName, QueueRecord]) -> None:
        """Sort all agents into classes anew, after a change of the configuration."""
        self.book = SkillBook(agent.config.skills for agent in self.agents.values())
        self.classes.clear()
        self.masks.clear()
        self.classes_of.clear()
        self.idle_mask = self.logged_in_mask = self.ready_mask = self.fresh_mask = 0
        self.emptied = True
        self.fresh_bound, self.lost_bound = [], []
        self.presence = Presence(
            each for queue in queues.values() for each in (queue.join_absent, queue.leave_absent)
        )
        for agent in self.agents.values():
            agent.examined_by = ()
        named = self._memberships(queues)
        self._staff(queues)
        surging = [queue for queue in queues.values() if queue.config.surge is not None]
        classes: dict[tuple[object, ...], AgentClass] = {}
        for agent in self.agents.values():
            members = named.get(agent.agent, {})
            levels = agent.config.skills
            surges = frozenset(
                queue.name
                for queue in surging
                if surge_names(queue.config, agent.agent, levels) and not agent.leaving
            )
            key = (tuple(sorted(members.items())), tuple(sorted(levels.items())), surges, agent.leaving)
            group = classes.get(key)
            if group is None:
                group = classes[key] = self._new_class(agent, members, surges, queues)
            self._adopt(agent, group)
        for queue in queues.values():
            queue.examine()

    def _memberships(self, queues: Mapping[QueueName, QueueRecord]) -> dict[AgentId, dict[QueueName, int]]:
        named: dict[AgentId, dict[QueueName, int]] = {}
        for queue in queues.values():
            for member in queue.config.members:
                named.setdefault(AgentId(member.agent), {})[queue.name] = member.penalty
        return named

    def _staff(self, queues: Mapping[QueueName, QueueRecord]) -> None:
        for queue in queues.values():
            config = queue.config
            named = [
                self.agents[AgentId(name)]
                for name in dict.fromkeys(member.agent for member in config.members)
            ]
            known = {agent.agent for agent in named}
            others = [
                agent
                for agent in self._possible(config)
                if agent.agent not in known and could_ever_serve(config, agent.agent, agent.config.skills)
            ]
            queue.staff([agent for agent in (*named, *others) if not agent.leaving])

    def _possible(self, config: Queue) -> Iterable[AgentRecord]:
        """Nobody beside its members may serve a plain queue that names them."""
        plain = config.members and config.surge is None and not any(step.also for step in config.steps)
        return () if plain else self.agents.values()

    def _new_class(
        self,
        agent: AgentRecord,
        members: Mapping[QueueName, int],
        surges: frozenset[QueueName],
        queues: Mapping[QueueName, QueueRecord],
    ) -> AgentClass:
        served = [] if agent.leaving else [queue for queue in queues.values() if agent.agent in queue.places]
        group = AgentClass(len(self.classes), tuple(served), members, agent.config.skills, surges)
        self.classes.append(group)
        self.masks.append(self.book.mask(agent.config.skills))
        return group

    def _adopt(self, agent: AgentRecord, group: AgentClass) -> None:
        agent.group = group
        agent.token += 1
        self._count(agent, +1)
        self.presence.adopt(agent, group)
        if agent.state is IDLE:
            self._now_idle(agent)

    def serving(
        self, queue: QueueRecord, alternatives: Sequence[Need], preferred: Mapping[str, int]
    ) -> tuple[int, tuple[Tier, ...]]:
        """The classes that may serve such a caller: all in one mask, and by tier in the order they are rung."""
        everybody = 0
        tiers: dict[tuple[int, int], int] = {}
        by_skill = queue.config.skilled_first and not queue.strategy.everyone
        for place, need in enumerate(alternatives):
            needed = self.book.needed(need.required)
            if needed is None:
                continue
            for group, mask in zip(self.classes, self.masks, strict=True):
                if needed & ~mask or queue.name not in group.penalties or group.bit & everybody:
                    continue
                if not need.admits(group, queue):
                    continue
                fit = place * LATER - (_skill(group.levels, need.required, preferred) if by_skill else 0)
                tier = (0 if queue.strategy.flat else group.penalties[queue.name], fit)
                tiers[tier] = tiers.get(tier, 0) | group.bit
                everybody |= group.bit
        return everybody, tuple((penalty, fit, mask) for (penalty, fit), mask in sorted(tiers.items()))

    def present_mask(self, absent: frozenset[str]) -> int:
        """Classes in which somebody is there who is in none of these states."""
        if absent == LOGGED_OUT:
            return self.logged_in_mask
        return self.ready_mask if absent == NOT_READY else self.presence.mask(absent)

    # --- status and state ---------------------------------------------------------------------------------------------

    def set_status(
        self,
        agent: AgentRecord,
        status: AgentStatus,
        reason: str,
        now: float,
        out: list[Decision],
        since: float | None = None,
    ) -> None:
        """Declare a status and let the state follow. He must not be ringing unless he stays available."""
        before = (agent.status, agent.reason)
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
        agent.tell()
        self.pauses.declared(agent, before, now if since is None else since, now)
        out.append(StatusChanged(agent=agent.agent, status=status, reason=reason))
        self.settle(agent, now, out)

    def set_reachable(self, agent: AgentRecord, reachable: bool, now: float, out: list[Decision]) -> None:
        self._count(agent, -1)
        agent.reachable = reachable
        self._timers.cancel(agent.suspect)
        agent.suspect = None
        self._count(agent, +1)
        self._timers.cancel(agent.unreachable)
        agent.unreachable = None
        if not reachable and self.unreachable_logout_s:
            agent.unreachable = self._timers.at(now + self.unreachable_logout_s, self._log_out, agent)
        self.settle(agent, now, out)

    def _log_out(self, agent: AgentRecord, now: float, out: list[Decision]) -> None:
        """His phone has been away too long; one that rings or talks shows that it is there after all."""
        agent.unreachable = None
        if agent.logged_in and agent.offer is None and agent.talk is None:
            self.set_status(agent, AgentStatus.LOGGED_OUT, UNREACHABLE_TOO_LONG, now, out)

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

    def settle(self, agent: AgentRecord, now: float, out: list[Decision], *, restored: bool = False) -> None:
        """Bring the state in line with what the agent does and declared, and report a change. `restored`: it is put back
        after a restart, and followed another one than the engine knows of."""
        if self.presence.sets and self.presence.count(agent):
            self.emptied = True
        if agent.bound and not agent.ready:
            self.lost_bound.append(agent)
        new, old = agent.derived(), agent.state
        if new is old:
            return
        left = agent.context
        agent.enter(new, now, restored=restored)
        if old is IDLE:
            group = agent.group
            group.remove_idle(agent)
            if not group.idle:
                self.idle_mask &= ~group.bit
        context = left if agent.context is NOWHERE else agent.context
        out.append(StateChanged(agent.agent, old, new, context[0], context[1]))
        if new is IDLE:
            self._now_idle(agent)

    def resort(self, agent: AgentRecord) -> None:
        """What he is sorted by has changed while he may be idle."""
        if agent.state is IDLE:
            agent.group.remove_idle(agent)
            agent.group.add_idle(agent)

    def _now_idle(self, agent: AgentRecord) -> None:
        group = agent.group
        group.add_idle(agent)
        self.idle_mask |= group.bit
        self.fresh_mask |= group.bit
        if agent.bound:
            self.fresh_bound.append(agent)

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


def _skill(levels: Mapping[str, int], required: Mapping[str, int], preferred: Mapping[str, int]) -> int:
    """How well he suits: his levels of what is required, and of what is preferred where he has enough of it."""
    total = sum(levels.get(skill, 0) for skill in required)
    for skill, least in preferred.items():
        level = levels.get(skill, 0)
        total += level if level >= least and skill not in required else 0
    return total
