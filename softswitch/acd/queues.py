"""One queue as the engine keeps it: its configuration, its line, who serves it and what it has counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.acd.callers import Caller, Line
from softswitch.acd.experience import Experience
from softswitch.acd.figures import Figures
from softswitch.acd.strategy import STRATEGIES, Strategy, order_name
from softswitch.config.absence import absent_when
from softswitch.config.matching import Matching
from softswitch.config.queues import Queue
from softswitch.ids import AgentId, CallId, QueueName

if TYPE_CHECKING:
    from softswitch.acd.agent_class import AgentClass
    from softswitch.acd.agents import AgentRecord
    from softswitch.acd.timers import Timer


EXAMINED = 47
"""Agents of a queue of whom each decision says why they were skipped."""

Told = str | float | None
"""What a decision says of one of them: his state or why he pauses, or until when he rests; None: he is idle."""


class QueueRecord:
    __slots__ = (
        "ageing_s",
        "agents",
        "config",
        "examined",
        "experience",
        "figures",
        "join_absent",
        "latest",
        "leave_absent",
        "line",
        "moved",
        "name",
        "order",
        "places",
        "ripe",
        "seed",
        "strategy",
        "surging",
        "turn",
        "virtual",
    )

    config: Queue
    order: str
    strategy: Strategy
    turn: float
    join_absent: frozenset[str] | None
    leave_absent: frozenset[str] | None

    def __init__(self, name: QueueName, config: Queue) -> None:
        self.name = name
        self.line = Line()
        self.figures = Figures()
        self.experience = Experience()
        self.agents: list[AgentRecord] = []
        """All who may serve it, in the order of its members or of the configuration."""
        self.places: dict[AgentId, int] = {}
        self.examined: tuple[tuple[AgentId, AgentClass], ...] = ()
        """The first of its agents, of whom each decision says why they were skipped."""
        self.latest: list[Told] = []
        """What holds of each of these now."""
        self.turn = -1
        """Number of the last turn taken for round robin, or the last number drawn."""
        self.virtual = 0
        """Callers in line who are called back."""
        self.surging = False
        """The second group serves it too."""
        self.ageing_s = 0.0
        self.seed = 0
        self.ripe: dict[CallId, Caller] = {}
        """Callers who are told their position as soon as it changes."""
        self.moved: Timer | None = None
        self.configure(config)

    def govern(self, matching: Matching) -> None:
        """Take over what holds for all queues."""
        self.ageing_s = matching.priority_ageing_s
        self.seed = matching.seed

    def configure(self, config: Queue) -> None:
        if self.turn >= 0 and config.strategy != self.config.strategy:
            self.turn = -1
        self.config = config
        self.join_absent = absent_when(config.joinempty, joining=True)
        self.leave_absent = absent_when(config.leavewhenempty, joining=False)
        """States in which agents count as absent; None: nobody asks."""
        self.order = order_name(config.strategy, self.name)
        self.strategy = STRATEGIES[config.strategy]

    def staff(self, agents: list[AgentRecord]) -> None:
        """Say who serves it; turns begin anew only if that has changed."""
        places = {agent.agent: place for place, agent in enumerate(agents)}
        if places != self.places:
            self.turn = -1
        self.agents = agents
        self.places = places

    def examine(self) -> None:
        """Say who of its agents each decision lists, after they were sorted into classes."""
        first = self.agents[:EXAMINED]
        self.examined = tuple((agent.agent, agent.group) for agent in first)
        self.latest = [agent.told() for agent in first]
        for place, agent in enumerate(first):
            agent.examined_by = (*agent.examined_by, (self, place))

    def __repr__(self) -> str:
        return f"<Queue {self.name} {self.config.strategy} waiting {len(self.line)}>"
