"""Proves that reports equal their rows: compares them, figure by figure, with what `store/recount.py` counts."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from softswitch.store.definitions import Settings
from softswitch.store.intervals import Interval
from softswitch.store.recount import MOST_FINDINGS, Finding, Recount
from softswitch.store.reports import Agents, Reports
from softswitch.store.sums import AgentFigures, CallerFigures

_PARTS_OF_OFFERED = (
    *("answered", "abandoned", "overflowed", "left_by_key", "withdrawn", "callbacks", "crashed", "other"),
)
_NEAR = 1e-6
"""Relative: sums of the same numbers in another order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    rows: int
    """Counted again."""
    figures: int
    """Compared."""
    findings: tuple[Finding, ...]


async def check(path: Path, reports: Reports, parts: Sequence[Interval], settings: Settings) -> Checked:
    """All reports on callers and agents of these parts against the rows."""
    recount = Recount(path, parts, settings)
    callers = {by: await reports.callers(parts, by, settings) for by in ("queue", "dnis")}
    agents = await reports.agents(parts, settings)
    await asyncio.to_thread(recount.run)
    comparison = _Comparison()
    for by, figures in callers.items():
        comparison.compare(f"by {by}", figures, recount.callers[by], CallerFigures)
        comparison.whole(by, figures)
    comparison.compare("of agent", _flat(agents), _flat(recount.agents), AgentFigures)
    found = [*recount.findings, *comparison.findings]
    return Checked(rows=recount.rows, figures=comparison.figures, findings=tuple(found[:MOST_FINDINGS]))


def _flat(agents: Agents) -> Mapping[tuple[float, str], AgentFigures]:
    """Without the zeros that one of two ways of counting may name."""
    for figures in agents.values():
        for times in (figures.states, figures.pauses):
            for word in [word for word, seconds in times.items() if abs(seconds) < _NEAR]:
                del times[word]
    return {key: figures for key, figures in agents.items() if figures != AgentFigures()}


class _Comparison:
    def __init__(self) -> None:
        self.findings: list[Finding] = []
        self.figures = 0

    def compare(
        self,
        what: str,
        told: Mapping[tuple[float, str], Any],
        counted: Mapping[tuple[float, str], Any],
        kind: Callable[[], Any],
    ) -> None:
        for start, name in sorted({*told, *counted}):
            mine, theirs = told.get((start, name), kind()), counted.get((start, name), kind())
            for each in fields(mine):
                self._one(
                    f"{what} {name or '-'}, part from {start:.0f}, {each.name}", mine, theirs, each.name
                )

    def _one(self, where: str, told: Any, counted: Any, name: str) -> None:
        self.figures += 1
        first, second = getattr(told, name), getattr(counted, name)
        if isinstance(first, dict):
            for word in sorted({*first, *second}):
                self._equal(f"{where} {word}", first.get(word, 0.0), second.get(word, 0.0))
        else:
            self._equal(where, first, second)

    def _equal(self, where: str, told: float, counted: float) -> None:
        if abs(told - counted) > _NEAR * max(1.0, abs(told), abs(counted)):
            problem = f"the report says {told:g}, its rows say {counted:g}"
            self.findings.append(Finding(what="report", where=where, problem=problem))

    def whole(self, by: str, figures: Mapping[tuple[float, str], CallerFigures]) -> None:
        """Whoever was offered left in one way."""
        for (start, name), mine in figures.items():
            self.figures += 1
            ways = sum(getattr(mine, way) for way in _PARTS_OF_OFFERED)
            if ways != mine.offered:
                where, problem = (
                    f"by {by} {name}, part from {start:.0f}",
                    f"{mine.offered} offered, {ways} left",
                )
                self.findings.append(Finding(what="sums", where=where, problem=problem))
