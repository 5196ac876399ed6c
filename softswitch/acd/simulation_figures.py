"""What a day came to, real or replayed, in the same few figures, so that they can stand side by side."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from softswitch.acd.day import ABANDONED, ANSWERED, Day
from softswitch.acd.simulation import Fate, Outcome
from softswitch.ids import AgentId

_CONTACT = ("talking", "occupied", "wrap-up")
FORMULAS: Mapping[str, str] = {
    "service_level": "answered within the queue's service level / offered",
    "mean_wait_s": "mean wait of answered callers; p50 and p90 likewise",
    "abandoned_share": "abandoned / offered",
    "occupancy": "(talking + occupied + wrap-up) / (talking + occupied + wrap-up + idle)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    offered: int
    answered: int
    abandoned: int
    other: int
    """Left by key, overflowed, were refused, or still waited hours after the end."""
    service_level: float | None
    abandoned_share: float | None
    mean_wait_s: float | None
    p50_wait_s: float | None
    p90_wait_s: float | None
    longest_wait_s: float | None
    occupancy: float | None
    """Of all agents, whatever queue was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """One piece of the day, for a plot."""

    at: float
    offered: int
    service_level: float | None
    mean_wait_s: float | None


def real_fates(day: Day) -> tuple[Fate, ...]:
    return tuple(
        Fate(call=each.call, queue=each.queue, at=each.at, outcome=each.outcome, waited_s=each.waited_s)
        for each in day.arrivals
    )


def real_outcome(day: Day) -> Outcome:
    return Outcome(fates=real_fates(day), times=day.times)


def figures(outcome: Outcome, within_s: Mapping[str, float], queue: str = "") -> Figures:
    """`within_s` is the service level of each queue; without `queue`, of all together."""
    fates = [fate for fate in outcome.fates if queue in ("", fate.queue)]
    waits = sorted(fate.waited_s for fate in fates if fate.outcome == ANSWERED)
    abandoned = sum(fate.outcome == ABANDONED for fate in fates)
    return Figures(
        offered=len(fates),
        answered=len(waits),
        abandoned=abandoned,
        other=len(fates) - len(waits) - abandoned,
        service_level=_level(fates, within_s),
        abandoned_share=abandoned / len(fates) if fates else None,
        mean_wait_s=fmean(waits) if waits else None,
        p50_wait_s=quantile(waits, 0.5),
        p90_wait_s=quantile(waits, 0.9),
        longest_wait_s=waits[-1] if waits else None,
        occupancy=occupancy(outcome.times),
    )


def slots(
    outcome: Outcome, day: Day, length_s: float, within_s: Mapping[str, float], queue: str = ""
) -> tuple[Slot, ...]:
    """The day in pieces, by the time at which callers came."""
    pieces: list[list[Fate]] = [[] for _ in range(max(1, round((day.until - day.since) / length_s)))]
    for fate in outcome.fates:
        if queue in ("", fate.queue):
            place = int((fate.at - day.since) / length_s)
            pieces[min(max(place, 0), len(pieces) - 1)].append(fate)
    return tuple(
        Slot(
            at=day.since + place * length_s,
            offered=len(fates),
            service_level=_level(fates, within_s),
            mean_wait_s=fmean(waits)
            if (waits := [f.waited_s for f in fates if f.outcome == ANSWERED])
            else None,
        )
        for place, fates in enumerate(pieces)
    )


def quantile(ordered: Sequence[float], share: float) -> float | None:
    """The smallest value that so many are not above."""
    if not ordered:
        return None
    return ordered[min(len(ordered) - 1, max(0, -int(-share * len(ordered) // 1) - 1))]


def occupancy(times: Mapping[AgentId, Mapping[str, float]]) -> float | None:
    contact = sum(states.get(state, 0.0) for states in times.values() for state in _CONTACT)
    idle = sum(states.get("idle", 0.0) for states in times.values())
    return contact / (contact + idle) if contact + idle > 0 else None


def _level(fates: Iterable[Fate], within_s: Mapping[str, float]) -> float | None:
    found = [fate.outcome == ANSWERED and fate.waited_s <= within_s.get(fate.queue, 20.0) for fate in fates]
    return sum(found) / len(found) if found else None
