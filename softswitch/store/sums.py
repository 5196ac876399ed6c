"""The figures of reports as values: sums that can be added to each other, and the ratios computed of them.

What each means stands in `store/definitions.py`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any, Final

ABANDONED: Final = ("abandoned",)
OVERFLOWED: Final = ("timeout", "empty")
REFUSED: Final = ("full", "join empty")
CALLED_BACK: Final = ("callback",)
MISSED: Final = ("no answer", "rejected", "busy", "unreachable", "failed")
FATES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "answered": "answered",
        **dict.fromkeys(ABANDONED, "abandoned"),
        **dict.fromkeys(OVERFLOWED, "overflowed"),
        **dict.fromkeys(REFUSED, "refused"),
        "key": "left_by_key",
        "withdrawn": "withdrawn",
        **dict.fromkeys(CALLED_BACK, "callbacks"),
        "crashed": "crashed",
    }
)
"""How a stay in a queue ends to the figure that counts it; whatever is not here counts as `other`."""
LONGEST: Final = "longest_wait_s"
"""The one sum that is a greatest value."""


def ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


@dataclass(slots=True, kw_only=True)
class CallerFigures:
    """Callers in one interval; each counts in the interval in which he entered."""

    offered: int = 0
    answered: int = 0
    abandoned: int = 0
    short_abandoned: int = 0
    abandoned_ringing: int = 0
    overflowed: int = 0
    refused: int = 0
    left_by_key: int = 0
    withdrawn: int = 0
    callbacks: int = 0
    crashed: int = 0
    other: int = 0
    transfers: int = 0
    answered_in_sl: int = 0
    abandoned_in_sl: int = 0
    callbacks_in_sl: int = 0
    lost_in_sl: int = 0
    wait_s: float = 0.0
    answered_wait_s: float = 0.0
    longest_wait_s: float = 0.0
    talk_s: float = 0.0
    hold_s: float = 0.0
    wrapup_s: float = 0.0

    def add(self, sums: Mapping[str, Any]) -> None:
        """Sums under the names of the fields."""
        for name in CALLER_SUMS:
            setattr(self, name, getattr(self, name) + sums[name])
        self.longest_wait_s = max(self.longest_wait_s, sums[LONGEST])

    def sums(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in (*CALLER_SUMS, LONGEST)}

    def record(self) -> dict[str, Any]:
        """The sums and, beside them, what is computed of them."""
        lost = self.abandoned + self.overflowed + self.withdrawn
        removed_in_sl = self.answered_in_sl + self.abandoned_in_sl + self.callbacks_in_sl
        return {
            **self.sums(),
            "mean_wait_s": ratio(self.wait_s, self.offered),
            "asa_s": ratio(self.answered_wait_s, self.answered),
            "sl_answered": ratio(self.answered_in_sl, self.answered),
            "sl2": ratio(self.answered_in_sl + self.lost_in_sl, self.answered + lost),
            "sl_offered": ratio(self.answered_in_sl, self.answered + self.abandoned - self.short_abandoned),
            "sl_removed": ratio(removed_in_sl, self.offered),
            "abandon_rate": ratio(self.abandoned, self.offered),
            "mean_handle_s": ratio(self.talk_s + self.hold_s + self.wrapup_s, self.answered),
        }


CALLER_SUMS: Final = tuple(each.name for each in fields(CallerFigures) if each.name != LONGEST)


@dataclass(slots=True, kw_only=True)
class AgentFigures:
    """Agents in one interval; times are cut at its edges, offers and calls count where they began."""

    offers: int = 0
    offers_answered: int = 0
    missed: int = 0
    answered: int = 0
    """Queue calls handled."""
    transfers: int = 0
    talk_s: float = 0.0
    hold_s: float = 0.0
    wrapup_s: float = 0.0
    states: dict[str, float] = field(default_factory=dict)
    """Seconds in each state of `acd.values.AgentState`."""
    pauses: dict[str, float] = field(default_factory=dict)
    """Seconds paused by reason."""

    def add(self, other: "AgentFigures") -> None:
        for name in (
            "offers",
            "offers_answered",
            "missed",
            "answered",
            "transfers",
            "talk_s",
            "hold_s",
            "wrapup_s",
        ):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for mine, theirs in ((self.states, other.states), (self.pauses, other.pauses)):
            for word, seconds in theirs.items():
                mine[word] = mine.get(word, 0.0) + seconds

    def take(self, sums: Mapping[str, Any]) -> None:
        """One row of `report_agents`, see `store/cells.py`."""
        what, word, seconds = sums["what"], sums["word"], sums["seconds"]
        if what == "time":
            self.states[word] = self.states.get(word, 0.0) + seconds
        elif what == "pause":
            self.pauses[word] = self.pauses.get(word, 0.0) + seconds
        elif what == "offer":
            self.offers += sums["n"]
            self.offers_answered += sums["n"] if word == "answered" else 0
            self.missed += sums["n"] if word in MISSED else 0
        else:
            self.answered += sums["n"]
            self.transfers += sums["transfers"]
            self.talk_s += seconds
            self.hold_s += sums["hold_s"]
            self.wrapup_s += sums["wrapup_s"]

    def record(self) -> dict[str, Any]:
        """The sums and, beside them, what is computed of them."""
        state = {name: self.states.get(name, 0.0) for name in _STATES}
        contact = state["talking"] + state["occupied"] + state["wrap-up"]
        logged_in = sum(seconds for name, seconds in self.states.items() if name != "offline")
        declared = logged_in - state["paused"]
        away = state["resting"] + state["unreachable"]
        return {
            **{each.name: getattr(self, each.name) for each in fields(self)},
            **{column: state[name] for name, column in _STATES.items()},
            "logged_in_s": logged_in,
            "mean_handle_s": ratio(self.talk_s + self.hold_s + self.wrapup_s, self.answered),
            "occupancy": ratio(contact, contact + state["idle"]),
            "adherence": ratio(declared - away, declared),
            "paused_share": ratio(state["paused"], logged_in),
        }


_STATES: Final = {
    "idle": "idle_s",
    "ringing": "ringing_s",
    "talking": "talking_s",
    "occupied": "occupied_s",
    "wrap-up": "after_call_s",
    "paused": "paused_s",
    "resting": "resting_s",
    "unreachable": "unreachable_s",
}
"""States to their columns."""
PRESENT: Final = ("idle", "ringing", "talking", "occupied", "wrap-up", "resting")
"""States in which an agent is there for his queues."""
