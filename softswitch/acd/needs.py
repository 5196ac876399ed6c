"""Who may serve a caller after he has waited so long: what his queue and he himself demand, relaxed step by step.

A caller's demand is a list of alternatives: first the queue's own agents, then those whom a step lets serve `also`, then
the second group while the queue is in surge. An agent belongs to the first alternative that he meets, and those of an
earlier one are rung first among agents of equal penalty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from softswitch.acd.skills import combined, shortfall
from softswitch.config.matching import Step
from softswitch.config.queues import Queue

if TYPE_CHECKING:
    from softswitch.acd.agent_class import AgentClass
    from softswitch.acd.queues import QueueRecord

LATER = 1000
"""Added to the order of agents of each further alternative; more than levels can make up for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    required: Mapping[str, int]
    group: str = "members"
    """`members` of the queue (everybody where it names none), `also` anybody, or the `surge` group."""
    max_penalty: int | None = None

    def admits(self, agents: AgentClass, queue: QueueRecord) -> bool:
        """Whether these agents belong to its group; skills aside."""
        if self.group == "also":
            return True
        if self.group == "surge":
            return queue.name in agents.surges
        penalty = agents.members.get(queue.name)
        if penalty is None:
            return not queue.config.members
        most = self.max_penalty
        return penalty >= queue.config.min_penalty and (most is None or penalty <= most)


def steps_passed(steps: Sequence[Step], waited_s: float) -> int:
    return sum(step.after <= waited_s for step in steps)


def needs(config: Queue, own: Mapping[str, int], step: int, surging: bool) -> tuple[Need, ...]:
    """The alternatives of a caller who brought along `own` skills and has passed so many steps."""
    required = combined(config.skills, own)
    most = config.max_penalty
    others: list[tuple[str, Mapping[str, int]]] = []
    for passed in config.steps[:step]:
        for skill, level in passed.skills.items():
            if skill in required:
                required[skill] = min(required[skill], level)
        if passed.max_penalty is not None:
            most = passed.max_penalty if most is None else max(most, passed.max_penalty)
        if passed.also:
            others.append(("also", passed.also))
    if surging and config.surge is not None:
        others.append(("surge", config.surge.skills))
    brought = {skill: required[skill] for skill in own if skill not in config.skills}
    return (
        Need(required=required, max_penalty=most),
        *(Need(required=combined(skills, brought), group=group) for group, skills in others),
    )


def surge_names(config: Queue, agent: str, skills: Mapping[str, int]) -> bool:
    """Whether he belongs to the second group of a queue."""
    surge = config.surge
    if surge is None:
        return False
    return agent in surge.agents if surge.agents else not shortfall(surge.skills, skills)


def could_ever_serve(config: Queue, agent: str, skills: Mapping[str, int]) -> bool:
    """Whether he might be rung for this queue after some step; for a caller with skills of his own perhaps never."""
    if any(member.agent == agent for member in config.members) or surge_names(config, agent, skills):
        return True
    base, *others = needs(config, {}, len(config.steps), False)
    if not config.members and not shortfall(base.required, skills):
        return True
    return any(not shortfall(other.required, skills) for other in others)
