"""A first-come queue of equal agents, caller by caller: the recursion of Kiefer and Wolfowitz (1955), with hang-ups.

Ten lines that share nothing with the queue engine: what it does with the same gaps, talks and patience can be compared
exactly, and a million callers take a second, so that theory can be met without the noise of a short run.
"""

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import inf

import numpy as np

_CHUNK = 500_000
NOTICED_S = 1e-6
"""Who waits less has not waited."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    wait_probability: float
    mean_wait_s: float
    abandoned: float


def waits(
    gaps: Iterable[float], talks: Iterable[float], patience: Iterable[float], agents: int
) -> Iterator[tuple[float, bool]]:
    """How long each caller waits, and whether he hung up."""
    free_at, now = [0.0] * agents, 0.0
    for gap, talk, bears in zip(gaps, talks, patience, strict=True):
        now += gap
        wait = max(0.0, free_at[0] - now)
        if wait > bears:
            yield bears, True
        else:
            heapq.heapreplace(free_at, now + wait + talk)
            yield wait, False


def means_of(found: Iterable[tuple[float, bool]]) -> Means:
    count = waited = lost = 0
    total = 0.0
    for wait, hung_up in found:
        count += 1
        waited += wait > NOTICED_S
        total += wait
        lost += hung_up
    return Means(wait_probability=waited / count, mean_wait_s=total / count, abandoned=lost / count)


def long_run(
    agents: int, calls_per_s: float, talk_s: float, patience_s: float, calls: int, seed: tuple[int, ...]
) -> Means:
    """Exponential gaps, talks and patience (`inf`: nobody hangs up)."""
    return means_of(
        waits(
            _drawn(1 / calls_per_s, calls, (*seed, 0)),
            _drawn(talk_s, calls, (*seed, 1)),
            _drawn(patience_s, calls, (*seed, 2)),
            agents,
        )
    )


def _drawn(mean: float, calls: int, seed: tuple[int, ...]) -> Iterator[float]:
    draw = np.random.default_rng(seed)
    for begin in range(0, calls, _CHUNK):
        count = min(_CHUNK, calls - begin)
        yield from (inf for _ in range(count)) if mean == inf else draw.exponential(mean, count).tolist()
