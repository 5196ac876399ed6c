"""How well the ranges of waiting time came that callers were told.

Judged is who was served, by how long he had still waited; and who gave up or left after more than the whole range, since he
cannot come within it any more. Who left before that might have been served in time: he is counted, and not judged.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from math import isfinite
from statistics import fmean

from softswitch.ids import CallId, QueueName

FORMULAS = {
    "within_share": "within / judged: served after a wait within the range that was told",
    "early": "served sooner than told",
    "late": "served later than told, or gone after the longest that was told",
    "judged": "told, then served, or gone after the longest that was told",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """One range as one caller was told it."""

    call: CallId
    queue: QueueName
    at: float
    low_s: float
    high_s: float
    """Infinite: no end was told."""
    expected_s: float
    exact: tuple[float, float] | None = None
    """The range before it was rounded to what can be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A promise and what came: he left the queue `came_s` after it."""

    promise: Promise
    came_s: float
    served: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PromiseFigures:
    told: int
    judged: int
    within: int
    early: int
    late: int
    within_share: float | None
    exact_share: float | None
    """Likewise within the range before it was rounded for telling: four fifths are aimed at."""
    mean_width_s: float | None
    """Of the ranges with an end."""
    mean_error_s: float | None
    """Expected less came, of those who were served: above 0 they were told too much."""


def promise_figures(kept: Iterable[Kept]) -> PromiseFigures:
    told = early = late = within = exact = 0
    widths: list[float] = []
    errors: list[float] = []
    for each in kept:
        promise = each.promise
        told += 1
        if isfinite(promise.high_s):
            widths.append(promise.high_s - promise.low_s)
        if each.came_s > promise.high_s:
            late += 1
        elif each.served:
            within += each.came_s >= promise.low_s
            early += each.came_s < promise.low_s
        if each.served and promise.exact is not None:
            exact += promise.exact[0] <= each.came_s <= promise.exact[1]
        if each.served:
            errors.append(promise.expected_s - each.came_s)
    judged = within + early + late
    return PromiseFigures(
        told=told,
        judged=judged,
        within=within,
        early=early,
        late=late,
        within_share=within / judged if judged else None,
        exact_share=exact / judged if judged else None,
        mean_width_s=fmean(widths) if widths else None,
        mean_error_s=fmean(errors) if errors else None,
    )


def first_of_each(kept: Iterable[Kept]) -> tuple[Kept, ...]:
    """What each caller was told first in each queue, which looks furthest ahead."""
    first: dict[tuple[CallId, QueueName], Kept] = {}
    for each in kept:
        key = (each.promise.call, each.promise.queue)
        if key not in first or each.promise.at < first[key].promise.at:
            first[key] = each
    return tuple(first.values())
