"""What queues say of agents, skills, pauses and packages: groups that are empty, steps that go backwards or do nothing,
skills nobody has, strategies that are not installed.
"""

from collections.abc import Iterator, Mapping, Set
from importlib.metadata import entry_points

from softswitch.config.callback import check_callback
from softswitch.config.problem import Finding, Path, nearest
from softswitch.config.queues import Queue
from softswitch.config.schema import Config

STRATEGIES = "softswitch.strategies"
"""Entry point group of strategy plug-ins."""


def check_queues(config: Config, broken: Set[Path]) -> Iterator[Finding]:
    skills = {skill: max(_levels(config, skill)) for agent in config.agent.values() for skill in agent.skills}
    for name, queue in config.queue.items():
        path: Path = ("queue", name)
        yield from _steps(path, queue, skills)
        yield from _surge(path, queue, config, skills, broken)
        yield from _penalties(path, queue)
        yield from _skills((*path, "preferred_skills"), queue.preferred_skills, skills)
        yield from _plugin(path, queue)
        yield from check_callback(path, queue, config, broken)
    for reason in config.pause_reason:
        if reason not in config.features.pause_reasons:
            meant = nearest(reason, config.features.pause_reasons)
            message = "is none of features.pause_reasons, so no phone can choose it"
            yield Finding(path=("pause_reason", reason), message=message, did_you_mean=meant, warning=True)


def _levels(config: Config, skill: str) -> list[int]:
    return [agent.skills.get(skill, 0) for agent in config.agent.values()]


def _skills(path: Path, asked: Mapping[str, int], known: Mapping[str, int]) -> Iterator[Finding]:
    for skill, level in asked.items():
        if level > known.get(skill, 0):
            yield Finding(
                path=(*path, skill),
                message=f"no agent has {skill!r} at level {level} or more",
                did_you_mean="" if skill in known else nearest(skill, known),
                warning=True,
            )


def _steps(path: Path, queue: Queue, known: Mapping[str, int]) -> Iterator[Finding]:
    before = 0.0
    for index, step in enumerate(queue.steps):
        here = (*path, "steps", index)
        if step.after < before:
            message = f"comes after a step of {before:g} s"
            yield Finding(path=(*here, "after"), message=message, expected="steps in the order of `after`")
        before = max(before, step.after)
        if not step.skills and not step.also and step.max_penalty is None:
            yield Finding(path=here, message="changes nothing", expected="skills, also or max_penalty")
        if 0 < queue.max_wait <= step.after:
            message = f"comes too late: callers leave after max_wait, {queue.max_wait:g} s"
            yield Finding(path=(*here, "after"), message=message, warning=True)
        yield from _skills((*here, "also"), step.also, known)
        for skill, level in step.skills.items():
            if skill in queue.skills and level > queue.skills[skill]:
                message = f"asks for more than before: {level}, not {queue.skills[skill]}"
                yield Finding(path=(*here, "skills", skill), message=message, warning=True)


def _surge(
    path: Path, queue: Queue, config: Config, known: Mapping[str, int], broken: Set[Path]
) -> Iterator[Finding]:
    surge = queue.surge
    if surge is None:
        return
    here = (*path, "surge")
    if surge.until >= surge.waiting:
        yield Finding(path=(*here, "until"), message=f"is not below waiting, {surge.waiting}")
    if not surge.agents and not surge.skills:
        yield Finding(path=here, message="names nobody", expected="agents or skills")
    for index, agent in enumerate(surge.agents):
        if agent not in config.agent and ("agent", agent) not in broken:
            yield Finding(
                path=(*here, "agents", index),
                message=f"there is no agent {agent!r}",
                did_you_mean=nearest(agent, config.agent),
            )
    yield from _skills((*here, "skills"), surge.skills, known)


def _penalties(path: Path, queue: Queue) -> Iterator[Finding]:
    most = queue.max_penalty
    if most is not None and most < queue.min_penalty:
        yield Finding(path=(*path, "max_penalty"), message=f"is below min_penalty, {queue.min_penalty}")
        return
    highest = max((step.max_penalty for step in queue.steps if step.max_penalty is not None), default=most)
    if queue.members and not any(
        queue.min_penalty <= member.penalty and (most is None or highest is None or member.penalty <= highest)
        for member in queue.members
    ):
        message = "no member has a penalty within min_penalty and max_penalty, so nobody serves it"
        yield Finding(path=(*path, "members"), message=message, warning=True)


def _plugin(path: Path, queue: Queue) -> Iterator[Finding]:
    name = queue.strategy_plugin
    if not name:
        return
    installed = entry_points(group=STRATEGIES).names
    if name not in installed:
        yield Finding(
            path=(*path, "strategy_plugin"),
            message=f"no installed package offers a strategy {name!r}; `strategy` decides",
            did_you_mean=nearest(name, installed),
            warning=True,
        )
    if queue.strategy in ("ring-all", "progressive"):
        message = f"chooses one agent, while {queue.strategy!r} rings several"
        yield Finding(path=(*path, "strategy_plugin"), message=message, warning=True)
