"""How many agents each queue would have needed, and how many were there; pure.

Erlang C and A take arrivals as random and agents as serving this queue alone: who serves several is counted in each.
"""

from collections.abc import Iterator, Mapping, Sequence
from math import inf

from softswitch.acd.erlang import Load, agents_needed
from softswitch.acd.errors import Refused
from softswitch.store.definitions import Settings
from softswitch.store.intervals import Interval
from softswitch.store.reader import Record
from softswitch.store.reports import Agents, Callers
from softswitch.store.sums import PRESENT, AgentFigures, CallerFigures, ratio


def staffing(
    parts: Sequence[Interval],
    callers: Callers,
    agents: Agents,
    settings: Settings,
    serving: Mapping[str, frozenset[str]],
    *,
    service_level: float,
) -> Iterator[Record]:
    """Each part of each queue in which anybody came or was there."""
    for queue in sorted({name for _, name in callers} | set(serving)):
        whole = CallerFigures()
        for (_, name), figures in callers.items():
            if name == queue:
                whole.add(figures.sums())
        if not whole.offered:
            continue
        patience = whole.wait_s / whole.abandoned if whole.abandoned else inf
        x = settings.service_level_s.get(queue, settings.default_service_level_s)
        for start, end in parts:
            came = callers.get((start, queue), CallerFigures())
            present = _present(agents, start, end - start, serving.get(queue, frozenset()))
            if not came.offered and not present:
                continue
            aht = _handle_s(came) or _handle_s(whole)
            needed_c = _needed(came.offered / (end - start), aht, inf, x, service_level)
            needed_a = _needed(came.offered / (end - start), aht, patience, x, service_level)
            yield {
                "start": start,
                "end": end,
                "queue": queue,
                "offered": came.offered,
                "erlangs": came.offered / (end - start) * aht if aht else None,
                "aht_s": aht,
                "patience_s": patience if patience < inf else None,
                "needed_c": needed_c,
                "needed_a": needed_a,
                "present": present,
                "spare": present - needed_a if needed_a is not None else None,
            }


def _handle_s(figures: CallerFigures) -> float | None:
    return ratio(figures.talk_s + figures.hold_s + figures.wrapup_s, figures.answered) or None


def _present(agents: Agents, start: float, length: float, who: frozenset[str]) -> float:
    figures = (agents.get((start, agent), AgentFigures()) for agent in who)
    return sum(each.states.get(state, 0.0) for each in figures for state in PRESENT) / length


def _needed(per_s: float, aht: float | None, patience: float, within_s: float, share: float) -> int | None:
    """None: it cannot be told, because nobody was ever answered or the load is beyond all sense."""
    if not per_s:
        return 0
    if aht is None or patience <= 0:
        return None
    try:
        load = Load(calls_per_s=per_s, handle_s=aht, patience_s=patience)
        return agents_needed(load, within_s=within_s, service_level=share)
    except Refused:
        return None
