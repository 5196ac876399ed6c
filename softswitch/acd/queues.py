"""One queue as the engine keeps it: its configuration, its line, who serves it and what it has counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from softswitch.acd.callers import Caller, Line
from softswitch.acd.estimate import HandleTime
from softswitch.acd.figures import Figures
from softswitch.acd.strategy import STRATEGIES, Strategy, order_name
from softswitch.config.schema import Queue
from softswitch.ids import AgentId, CallId, QueueName

if TYPE_CHECKING:
    from softswitch.acd.agents import AgentRecord
    from softswitch.acd.timers import Timer


EXAMINED = 47
"""Agents of a queue of whom each decision says why they were skipped."""


class QueueRecord:
    __slots__ = (
        "agents",
        "changes",
        "config",
        "figures",
        "handle_time",
        "line",
        "moved",
        "name",
        "order",
        "places",
        "ripe",
        "strategy",
        "turn",
    )

    config: Queue
    order: str
    strategy: Strategy
    turn: int

    def __init__(self, name: QueueName, config: Queue) -> None:
        self.name = name
        self.line = Line()
        self.figures = Figures()
        self.handle_time = HandleTime()
        self.agents: list[AgentRecord] = []
        """All who may serve it, in the order of its members or of the configuration."""
        self.places: dict[AgentId, int] = {}
        self.changes = 0
        """Counts changes of state among the agents examined by each decision."""
        self.turn = -1
        """Number of the last turn taken, for round robin."""
        self.ripe: dict[CallId, Caller] = {}
        """Callers who are told their position as soon as it changes."""
        self.moved: Timer | None = None
        self.configure(config)

    def configure(self, config: Queue) -> None:
        self.config = config
        self.order = order_name(config.strategy, self.name)
        self.strategy = STRATEGIES[config.strategy]

    def staff(self, agents: list[AgentRecord]) -> None:
        """Say who serves it; turns begin anew only if that has changed."""
        places = {agent.agent: place for place, agent in enumerate(agents)}
        if places != self.places:
            self.turn = -1
        self.agents = agents
        self.places = places
        self.changes += 1
        for agent in agents[:EXAMINED]:
            agent.examined_by.append(self)

    def __repr__(self) -> str:
        return f"<Queue {self.name} {self.config.strategy} waiting {len(self.line)}>"
