"""Which recordings go: by age, by queue, by the room they take all together. Decides, deletes nothing.

A recording that is being made is never among those it is asked about.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    keep_days: float = 0.0
    """0: for ever."""
    queue_days: Mapping[str, float] = field(default_factory=dict)
    """Queues with days of their own; 0: for ever."""
    keep_bytes: int = 0
    """0: no limit."""

    def days(self, queue: str) -> float:
        return self.queue_days.get(queue, self.keep_days)

    def cutoffs(self, now: float) -> list[tuple[str, float]]:
        """Queue and wall time: its recordings that began before it are too old. An empty name is all without days of their
        own."""
        rules = {"": self.keep_days, **self.queue_days}
        return [(queue, now - days * DAY_S) for queue, days in rules.items() if days > 0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    recording: str
    queue: str
    began: float
    bytes: int


def too_old(candidate: Candidate, rules: Rules, now: float) -> str:
    """Why it goes; empty: it does not."""
    days = rules.days(candidate.queue)
    return f"older than {days:g} days" if days > 0 and candidate.began < now - days * DAY_S else ""


def too_much(oldest_first: Iterable[Candidate], total: int, rules: Rules) -> list[Candidate]:
    """Those that have to go so that the others fit, as far as they were given."""
    gone: list[Candidate] = []
    for candidate in oldest_first:
        if not rules.keep_bytes or total <= rules.keep_bytes:
            break
        gone.append(candidate)
        total -= candidate.bytes
    return gone
