"""The figures of reports as values, each ratio with the formula that it is computed by.

No two products agree on a service level, so four are given by name and every report prints `FORMULAS` under it.
A ratio without a denominator is None, never 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, Final

ABANDONED: Final = ("abandoned",)
OVERFLOWED: Final = ("timeout", "empty")
REFUSED: Final = ("full", "join empty")

FORMULAS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "offered": "all who entered the queue = answered + abandoned + overflowed + left by key + withdrawn + crashed",
        "refused": "turned away at the door (full, join empty); not part of offered",
        "overflowed": "left by maximum wait (timeout) or because no agent was there (empty)",
        "short_abandoned": "abandoned within the short-abandon time, 0 s unless set; part of abandoned",
        "mean_wait_s": "sum of wait of all offered / offered",
        "asa_s": "average speed of answer: sum of wait of the answered / answered",
        "sl_answered": "service level, answered only (Asterisk's SL) = answered within X / answered",
        "sl2": "Asterisk's SL2 = (answered within X + lost within X) / (answered + lost); "
        "lost = abandoned + overflowed + withdrawn",
        "sl_offered": "answered within X / (answered + abandoned - short abandoned)",
        "sl_removed": "as Amazon Connect: removed within X, answered or abandoned / offered",
        "abandon_rate": "abandoned / offered",
        "mean_handle_s": "(talk + hold + wrap-up) / answered",
        "occupancy": "(talking + occupied + wrap-up) / (talking + occupied + wrap-up + idle); ringing, resting, paused "
        "and unreachable count on neither side",
        "missed": "offers that rang and were not answered: no answer, rejected, busy, unreachable, failed",
        "abandoned_in_ivr": "calls that the caller ended while he was greeted, without having been in a queue",
    }
)


def ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


@dataclass(slots=True, kw_only=True)
class QueueFigures:
    """One queue in one interval; a caller counts in the interval in which he entered."""

    queue: str
    start: float
    end: float
    service_level_s: float
    offered: int = 0
    answered: int = 0
    abandoned: int = 0
    short_abandoned: int = 0
    overflowed: int = 0
    refused: int = 0
    left_by_key: int = 0
    withdrawn: int = 0
    crashed: int = 0
    answered_in_sl: int = 0
    abandoned_in_sl: int = 0
    lost_in_sl: int = 0
    """Abandoned, overflowed or withdrawn within the time of the service level."""
    wait_s: float = 0.0
    """Of all offered."""
    answered_wait_s: float = 0.0
    longest_wait_s: float = 0.0
    talk_s: float = 0.0
    hold_s: float = 0.0
    wrapup_s: float = 0.0

    def record(self) -> dict[str, Any]:
        """The counts and, beside them, what is computed of them."""
        lost = self.abandoned + self.overflowed + self.withdrawn
        handled_s = self.talk_s + self.hold_s + self.wrapup_s
        return {
            **{each.name: getattr(self, each.name) for each in fields(self)},
            "mean_wait_s": ratio(self.wait_s, self.offered),
            "asa_s": ratio(self.answered_wait_s, self.answered),
            "sl_answered": ratio(self.answered_in_sl, self.answered),
            "sl2": ratio(self.answered_in_sl + self.lost_in_sl, self.answered + lost),
            "sl_offered": ratio(self.answered_in_sl, self.answered + self.abandoned - self.short_abandoned),
            "sl_removed": ratio(self.answered_in_sl + self.abandoned_in_sl, self.offered),
            "abandon_rate": ratio(self.abandoned, self.offered),
            "mean_handle_s": ratio(handled_s, self.answered),
        }


@dataclass(slots=True, kw_only=True)
class AgentFigures:
    """One agent in one interval; times are cut at its edges, offers and calls count where they began."""

    agent: str
    start: float
    end: float
    offers: int = 0
    offers_answered: int = 0
    missed: int = 0
    answered: int = 0
    """Queue calls handled."""
    talk_s: float = 0.0
    hold_s: float = 0.0
    wrapup_s: float = 0.0
    states: dict[str, float] = field(default_factory=dict)
    """Seconds in each state of `acd.values.AgentState`."""
    pauses: dict[str, float] = field(default_factory=dict)
    """Seconds paused by reason."""

    def record(self) -> dict[str, Any]:
        """The counts and, beside them, what is computed of them."""
        contact = sum(self.states.get(state, 0.0) for state in ("talking", "occupied", "wrap-up"))
        return {
            **{each.name: getattr(self, each.name) for each in fields(self)},
            "logged_in_s": sum(seconds for state, seconds in self.states.items() if state != "offline"),
            "mean_handle_s": ratio(self.talk_s + self.hold_s + self.wrapup_s, self.answered),
            "occupancy": ratio(contact, contact + self.states.get("idle", 0.0)),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class IvrFigures:
    """Calls in one interval, by their start."""

    start: float
    end: float
    calls: int
    abandoned_in_ivr: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueReport:
    queues: tuple[QueueFigures, ...]
    ivr: tuple[IvrFigures, ...]
    formulas: Mapping[str, str] = field(default_factory=lambda: FORMULAS)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentReport:
    agents: tuple[AgentFigures, ...]
    formulas: Mapping[str, str] = field(default_factory=lambda: FORMULAS)
