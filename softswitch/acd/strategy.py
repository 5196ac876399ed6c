"""Who is rung first among agents of equal penalty and skill: one row a strategy.

A key is two numbers, the lowest goes first. It is taken when the agent becomes idle and holds for as long as he is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from softswitch.acd.agents import AgentRecord
    from softswitch.acd.queues import QueueRecord

Key = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    key: Callable[[AgentRecord, QueueRecord], Key]
    shown: Callable[[Key, QueueRecord, float], tuple[float, ...]]
    """The key as a person reads it in the log of decisions: times as seconds idle (negative: lowest first)."""
    own_order: bool = False
    """The key differs from queue to queue, so each queue needs an order of its own."""
    everyone: bool = False
    """All are rung at once, the order only says who is listed first."""


def next_turn(queue: QueueRecord, agent: AgentRecord) -> int:
    """Turns are numbered for ever; an agent has every n-th. His next is the first after the last one taken.

    One who is passed over (his penalty, a caller's skills) keeps his turn and so is next as soon as he suits.
    """
    following = queue.turn + 1
    return following + (queue.places[agent.agent] - following) % len(queue.places)


def _idle(agent: AgentRecord, queue: QueueRecord) -> Key:
    return (agent.idle_since, 0.0)


def _idle_shown(key: Key, queue: QueueRecord, now: float) -> tuple[float, ...]:
    return (key[0] - now,)


STRATEGIES: Mapping[str, Strategy] = {
    "longest-idle": Strategy(key=_idle, shown=_idle_shown),
    "fewest-calls": Strategy(
        key=lambda agent, queue: (agent.calls, agent.idle_since),
        shown=lambda key, queue, now: (key[0], key[1] - now),
    ),
    "round-robin": Strategy(
        key=lambda agent, queue: (next_turn(queue, agent), 0.0),
        shown=lambda key, queue, now: (key[0] - queue.turn,),
        own_order=True,
    ),
    "ring-all": Strategy(key=_idle, shown=_idle_shown, everyone=True),
}


def order_name(strategy: str, queue: str) -> str:
    """Queues with the same order share one heap for each class of agents."""
    if STRATEGIES[strategy].own_order:
        return f"{strategy} of {queue}"
    return "longest-idle" if STRATEGIES[strategy].key is _idle else strategy
