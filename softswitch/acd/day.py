"""A stretch of history as the simulator replays it: who called and what became of it, who was at work and how.

Plain values in wall seconds; `store/history.py` reads them, a generator may make them up.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from softswitch.acd.values import AgentStatus, OfferResult
from softswitch.ids import AgentId, CallId, QueueName

ANSWERED, ABANDONED = "answered", "abandoned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One caller who came to a queue."""

    call: CallId
    queue: QueueName
    at: float
    outcome: str
    """What became of him: a word of `store.rows.QueueVisit.outcome`."""
    waited_s: float
    priority: int = 0
    skills: Mapping[str, int] = field(default_factory=dict)
    ani: str = ""
    talk_s: float = 0.0
    """With hold; counts where he was answered."""
    wrapup_s: float = 0.0
    follows: bool = False
    """He overflowed from another queue: a replay decides itself whether he comes."""

    @property
    def answered(self) -> bool:
        return self.outcome == ANSWERED

    @property
    def gave_up(self) -> bool:
        return self.outcome == ABANDONED


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """A stretch in which an agent's status, reason and what the system knew of his phone stayed the same."""

    agent: AgentId
    began: float
    ended: float
    status: AgentStatus
    reason: str = ""
    occupied: bool = False
    """On a call that no queue gave him."""
    reachable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction:
    """How an agent took one offer."""

    agent: AgentId
    result: OfferResult
    after_s: float
    """Seconds that his phone rang."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    since: float
    until: float
    arrivals: tuple[Arrival, ...]
    """In order of time."""
    duties: tuple[Duty, ...]
    reactions: tuple[Reaction, ...] = ()
    times: Mapping[AgentId, Mapping[str, float]] = field(default_factory=dict)
    """Seconds of each agent in each state, as they really were."""
