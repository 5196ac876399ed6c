"""What would be another way to run the same day: strategy, staffing, skills, longest wait.

Agents who are added are doubles of those of the queues in question, the ones longest at work first: same skills, same
queues, same hours, without their calls of their own. Agents who are taken away are those longest at work, so that the
change lasts all day.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from softswitch.acd.day import Day, Duty
from softswitch.acd.errors import NotKnown, Refused
from softswitch.acd.simulation import Plan
from softswitch.acd.values import AgentStatus
from softswitch.config.matching import Matching
from softswitch.config.queues import Agent, Queue
from softswitch.ids import AgentId

EVERYBODY = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Everything at its default changes nothing."""

    queue: str = ""
    """Only this one is changed; empty: all."""
    strategy: str = ""
    agents: int = 0
    """So many more, or fewer."""
    skills: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """(agent or `*`, skill) to level; 0 takes the skill away."""
    max_wait: float | None = None


UNCHANGED, PLAIN = Scenario(), Matching()


def plan(
    day: Day,
    queues: Mapping[str, Queue],
    agents: Mapping[str, Agent],
    scenario: Scenario = UNCHANGED,
    matching: Matching = PLAIN,
) -> Plan:
    """Raises `Refused` or `NotKnown` where the scenario does not fit the configuration."""
    if scenario.queue and scenario.queue not in queues:
        raise NotKnown(f"no queue {scenario.queue}; known are {', '.join(queues)}")
    chosen = {scenario.queue} if scenario.queue else set(queues)
    changed = {name: _queue(queue, scenario) if name in chosen else queue for name, queue in queues.items()}
    people = _skilled(agents, scenario)
    found = Plan(queues=changed, agents=people, duties=day.duties, matching=matching)
    if scenario.agents > 0:
        return _more(found, chosen, scenario.agents)
    return _fewer(found, chosen, -scenario.agents) if scenario.agents else found


def _queue(queue: Queue, scenario: Scenario) -> Queue:
    if scenario.strategy:
        queue = replace(queue, strategy=scenario.strategy)  # type: ignore[arg-type]
    return queue if scenario.max_wait is None else replace(queue, max_wait=scenario.max_wait)


def _skilled(agents: Mapping[str, Agent], scenario: Scenario) -> dict[str, Agent]:
    people = dict(agents)
    for (name, skill), level in scenario.skills.items():
        if name != EVERYBODY and name not in people:
            raise NotKnown(f"no agent {name}")
        for agent in people if name == EVERYBODY else (name,):
            skills = {**people[agent].skills, skill: level}
            people[agent] = replace(
                people[agent], skills={each: found for each, found in skills.items() if found > 0}
            )
    return people


def _by_presence(plan: Plan, chosen: set[str]) -> list[AgentId]:
    """Agents who serve the queues in question, longest at work first."""
    serving = {
        name
        for name, agent in plan.agents.items()
        if any(serves(name, agent, plan.queues[q]) for q in chosen)
    }
    present: dict[AgentId, float] = {}
    for duty in plan.duties:
        if duty.agent in serving and duty.status is not AgentStatus.LOGGED_OUT:
            present[duty.agent] = present.get(duty.agent, 0.0) + duty.ended - duty.began
    return sorted(present, key=lambda agent: (-present[agent], agent))


def serves(name: str, agent: Agent, queue: Queue) -> bool:
    if queue.members:
        return any(member.agent == name for member in queue.members)
    return all(agent.skills.get(skill, 0) >= level for skill, level in queue.skills.items())


def _more(plan: Plan, chosen: set[str], number: int) -> Plan:
    models = _by_presence(plan, chosen)
    if not models:
        raise Refused("nobody was at work in these queues, so there is nobody to be doubled")
    agents, queues, duties = dict(plan.agents), dict(plan.queues), list(plan.duties)
    for index in range(number):
        model = models[index % len(models)]
        double = AgentId(_free(f"{model}-{index // len(models) + 2}", agents))
        agents[double] = plan.agents[model]
        for name, queue in queues.items():
            members = [replace(member, agent=double) for member in queue.members if member.agent == model]
            queues[name] = replace(queue, members=(*queue.members, *members))
        duties += [_double(duty, double) for duty in plan.duties if duty.agent == model]
    return replace(
        plan, queues=queues, agents=agents, duties=tuple(sorted(duties, key=lambda duty: duty.began))
    )


def _double(duty: Duty, agent: AgentId) -> Duty:
    return replace(duty, agent=agent, occupied=False, reachable=True)


def _free(name: str, taken: Mapping[str, object]) -> str:
    while name in taken:
        name += "'"
    return name


def _fewer(plan: Plan, chosen: set[str], number: int) -> Plan:
    leaving: Sequence[AgentId] = _by_presence(plan, chosen)[:number]
    if len(leaving) < number:
        raise Refused(
            f"only {len(leaving)} agents were at work in these queues, so {number} cannot be taken away"
        )
    return replace(plan, duties=tuple(duty for duty in plan.duties if duty.agent not in leaving))
