"""How callers and agents are brought together beyond the plain queue: steps, surges, limits of pauses, rules for all."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

StrategyName = Literal[
    "longest-idle",
    "round-robin",
    "fewest-calls",
    "least-talk",
    "least-occupied",
    "ring-all",
    "progressive",
    "linear",
    "random",
    "weighted",
]
Cause = Literal["no answer", "busy", "rejected", "unreachable", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What changes for a caller of a queue who has waited so long."""

    after: float
    """Seconds since he joined the queue."""
    skills: Mapping[str, int] = field(default_factory=dict)
    """Levels that suffice from then on, of skills needed so far; 0: this skill is needed no more."""
    also: Mapping[str, int] = field(default_factory=dict)
    """Agents with these skills serve him too, members or not, after all others: they stand in for the queue's own skills,
    not for those that the caller brought along."""
    max_penalty: int | None = None
    """Members up to this penalty serve him from then on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surge:
    """A second group that serves the queue while many wait."""

    waiting: int
    """Callers in the queue from which on it helps."""
    until: int = 0
    """Callers in the queue at which it stops helping."""
    agents: tuple[str, ...] = ()
    """Who helps; empty: everybody who has `skills`."""
    skills: Mapping[str, int] = field(default_factory=dict)
    """What they need, instead of the queue's skills."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseReason:
    """Limits of one reason to pause."""

    max_minutes: float = 0.0
    """Longest pause for it; 0 is no limit."""
    max_agents: int = 0
    """Agents paused for it at once; more are refused. 0 is no limit."""
    then: Literal["alarm", "resume", "logout"] = "alarm"
    """After `max_minutes`: raise an alarm, let him take calls again, or log him out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Matching:
    """What holds for all queues together."""

    priority_ageing_s: float = 0.0
    """Seconds of waiting that outweigh one step of priority or weight, so that nobody waits for ever; 0: a higher priority
    always goes first."""
    plugin_budget_us: int = 2000
    """Microseconds that a strategy of `strategy_plugin` may take for one decision; a later answer is not used."""
    plugin_limit_ms: int = 50
    """After so long one that has not returned is stopped, and not asked again for a minute. All calls wait meanwhile."""
    seed: int = 0
    """Begins the draws of `random` and `weighted`; the same seed draws the same."""
    unreachable_logout_s: float = 0.0
    """An agent whose phone is not registered for so long is logged out; 0 never."""
    check_interval_s: float = 30.0
    """Pause between checks that no agent is reserved twice and no caller lost; what is wrong is healed and raises an alarm.
    With `general.log_level` debug it is checked after every event. 0 never checks."""
