"""Who is rung first among agents of equal penalty and skill: one row a strategy.

A key is two numbers, the lowest goes first. It is taken when the agent becomes idle and holds for as long as he is, so
that a heap can keep it. Three strategies look as if they changed with time and are made so that they do not:

- `least-occupied` compares the share of time that agents were busy, weighted exponentially over an hour. While two agents
  are idle both shares fall by the same factor, so their order stands: the key is `ln(share) + since / hour`.
- `random` and `weighted` give everybody who becomes idle a waiting time of an exponential distribution, counted from the
  last one drawn. It has no memory, so whoever was not drawn has the same chances as a new one next time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from softswitch.acd.workload import share_of

if TYPE_CHECKING:
    from softswitch.acd.agents import AgentRecord
    from softswitch.acd.queues import QueueRecord

Key = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    key: Callable[[AgentRecord, QueueRecord], Key]
    shown: Callable[[Key, float, float], tuple[float, ...]]
    """The key as a person reads it in the log of decisions, at that turn of the queue and that time: times as seconds idle
    (negative: lowest first)."""
    own_order: bool = False
    """The key differs from queue to queue, so each queue needs an order of its own."""
    everyone: bool = False
    """All are rung at once, the order only says who is listed first."""
    grows: bool = False
    """One more is rung after a while."""
    flat: bool = False
    """Penalties are weights and no tiers."""


def next_turn(queue: QueueRecord, agent: AgentRecord) -> int:
    """Turns are numbered for ever; an agent has every n-th. His next is the first after the last one taken.

    One who is passed over (his penalty, a caller's skills) keeps his turn and so is next as soon as he suits.
    """
    following = int(queue.turn) + 1
    return following + (queue.places[agent.agent] - following) % len(queue.places)


def _idle(agent: AgentRecord, queue: QueueRecord) -> Key:
    return (agent.idle_since, 0.0)


def _idle_shown(key: Key, turn: float, now: float) -> tuple[float, ...]:
    return (key[0] - now,)


def _draw(agent: AgentRecord, queue: QueueRecord) -> float:
    """Exponentially distributed, another one for each idle time of each agent (splitmix64 of seed, agent and time)."""
    mixed = (queue.seed * 0x9E3779B97F4A7C15 + agent.serial * 0xBF58476D1CE4E5B9 + agent.token) & _MASK
    mixed = (mixed + 0x9E3779B97F4A7C15) & _MASK
    mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & _MASK
    mixed ^= mixed >> 31
    return -math.log((mixed + 1) / (_MASK + 2))


_MASK = (1 << 64) - 1


def _random(agent: AgentRecord, queue: QueueRecord) -> Key:
    return (queue.turn + _draw(agent, queue), 0.0)


def _weighted(agent: AgentRecord, queue: QueueRecord) -> Key:
    return (queue.turn + _draw(agent, queue) * (1 + agent.group.penalties[queue.name]), 0.0)


def _turn_shown(key: Key, turn: float, now: float) -> tuple[float, ...]:
    return (key[0] - turn,)


STRATEGIES: Mapping[str, Strategy] = {
    "longest-idle": Strategy(key=_idle, shown=_idle_shown),
    "fewest-calls": Strategy(
        key=lambda agent, queue: (agent.calls, agent.idle_since),
        shown=lambda key, turn, now: (key[0], key[1] - now),
    ),
    "round-robin": Strategy(
        key=lambda agent, queue: (next_turn(queue, agent), 0.0),
        shown=_turn_shown,
        own_order=True,
    ),
    "least-talk": Strategy(
        key=lambda agent, queue: (agent.talk_s, agent.idle_since),
        shown=lambda key, turn, now: (key[0], key[1] - now),
    ),
    "least-occupied": Strategy(
        key=lambda agent, queue: (agent.workload.standing(), agent.idle_since),
        shown=lambda key, turn, now: (share_of(key[0], now), key[1] - now),
    ),
    "linear": Strategy(
        key=lambda agent, queue: (queue.places[agent.agent], 0.0),
        shown=lambda key, turn, now: (key[0],),
        own_order=True,
    ),
    "random": Strategy(key=_random, shown=_turn_shown, own_order=True),
    "weighted": Strategy(key=_weighted, shown=_turn_shown, own_order=True, flat=True),
    "progressive": Strategy(key=_idle, shown=_idle_shown, grows=True),
    "ring-all": Strategy(key=_idle, shown=_idle_shown, everyone=True),
}


def order_name(strategy: str, queue: str) -> str:
    """Queues with the same order share one heap for each class of agents."""
    if STRATEGIES[strategy].own_order:
        return f"{strategy} of {queue}"
    return "longest-idle" if STRATEGIES[strategy].key is _idle else strategy
