"""What a strategy plug-in is told, and what it is: a pure function from a caller and agents to one of the agents.

    def nearest_expert(caller: CallerFacts, agents: Sequence[AgentFacts]) -> str:
        return max(agents, key=lambda agent: sum(agent.skills.get(skill, 0) for skill in caller.required)).agent

A package offers it as an entry point in the group `softswitch.strategies`; a queue takes it by `strategy_plugin`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerFacts:
    call: str
    queue: str
    ani: str
    waited_s: float
    priority: int
    required: Mapping[str, int]
    """Skills needed, with the least level, as relaxed by now."""
    step: int
    """Steps of the queue that he has passed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentFacts:
    agent: str
    skills: Mapping[str, int]
    penalty: int
    idle_s: float
    calls: int
    talk_s: float
    occupancy: float
    """Share of about the last hour that he was busy."""


Chooser = Callable[[CallerFacts, Sequence[AgentFacts]], str]
"""Gets two to fifty agents, all idle and able to serve the caller, in the order of the queue's `strategy`; returns the id
of one of them."""
