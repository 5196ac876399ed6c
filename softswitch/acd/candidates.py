"""Who could be rung in one decision, and why others of the queue were not: recorded when it is made, put in words when
somebody reads it.

Bounded whatever the size of the queue: the chosen one, runners-up from the top of the heaps, and the first agents of
the queue with the reason why they were skipped. In a queue of up to 50 agents nobody is left out; in a larger one some
runners-up stand for all. Nothing that is kept here changes later: entries of heaps, what held of each agent, demands and
classes of agents are replaced by others.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, overload

from softswitch.acd.skills import shortfall
from softswitch.acd.values import Candidate
from softswitch.ids import AgentId

if TYPE_CHECKING:
    from softswitch.acd.agent_class import AgentClass, Entry
    from softswitch.acd.demand import Demand
    from softswitch.acd.queues import Told
    from softswitch.acd.roster import Tier

MOST = 50

Scored = tuple[AgentId, tuple[float, ...]]
"""One who could be rung, and what he was sorted by."""
Skipped = tuple[AgentId, str]
"""One who could not, and why."""


class Candidates(Sequence[Candidate]):
    __slots__ = ("_chosen", "_demand", "_lines", "_now", "_runners_up", "_told", "_turn")

    def __init__(
        self,
        demand: Demand,
        chosen: Sequence[tuple[Tier, Entry]],
        runners_up: Sequence[tuple[Tier, Entry]],
        told: Sequence[Told],
        turn: float,
        now: float,
    ) -> None:
        """`chosen`: whom the decision is about first, then those rung with him."""
        self._demand = demand
        self._chosen = chosen
        self._runners_up = runners_up
        self._told = told
        self._turn = turn
        self._now = now
        self._lines: tuple[Candidate, ...] | None = None

    @overload
    def __getitem__(self, place: int) -> Candidate: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[Candidate, ...]: ...
    def __getitem__(self, place: int | slice) -> Candidate | tuple[Candidate, ...]:
        return self._read()[place]

    def __len__(self) -> int:
        return len(self._read())

    def __iter__(self) -> Iterator[Candidate]:
        return iter(self._read())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._read() == tuple(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(self._read())

    def _read(self) -> tuple[Candidate, ...]:
        if self._lines is None:
            lines = [Candidate(agent=agent, score=score) for agent, score in self.scored()]
            lines += [Candidate(agent=agent, score=(), skipped=why) for agent, why in self.skipped()]
            self._lines = tuple(lines[:MOST])
        return self._lines

    def scored(self) -> list[Scored]:
        """Those who could be rung: the chosen first, then the others by score."""
        runners_up = sorted(map(self._scored, self._runners_up), key=lambda line: line[1])
        return [*map(self._scored, self._chosen), *runners_up]

    def _scored(self, found: tuple[Tier, Entry]) -> Scored:
        tier, entry = found
        shown = self._demand.strategy.shown((entry[0], entry[1]), self._turn, self._now)
        return entry[4].agent, (tier[0], tier[1], *shown) if self._demand.required else (tier[0], *shown)

    def skipped(self) -> list[Skipped]:
        """Most are on a call: of a busy centre it is said of half a hundred at each decision."""
        mask, all_suit = self._demand.agents_mask, self._demand.all_suit
        skipped = [
            (agent, told if isinstance(told, str) else self._reason(group, told))
            for (agent, group), told in zip(self._demand.examined, self._told, strict=True)
            if told is not None or not (all_suit or group.bit & mask)
        ]
        return skipped[: max(0, MOST - len(self._chosen) - len(self._runners_up))]

    def _reason(self, group: AgentClass, told: float | None) -> str:
        return unsuited(group, self._demand) if told is None else f"resting {told - self._now:.0f} s"


def sorted_out(candidates: Sequence[Candidate]) -> tuple[list[Scored], list[Skipped]]:
    """Those who could be rung and those who could not, for whoever needs no value for each of fifty."""
    if isinstance(candidates, Candidates):
        return candidates.scored()[:MOST], candidates.skipped()
    scored = [(each.agent, each.score) for each in candidates if not each.skipped]
    return scored, [(each.agent, each.skipped) for each in candidates if each.skipped]


def unsuited(agents: AgentClass, demand: Demand) -> str:
    """Why agents of the queue may not serve these callers, whatever they do."""
    missing = shortfall(demand.required, agents.levels)
    if missing:
        return missing
    penalty = agents.penalties.get(demand.queue)
    return "no member" if penalty is None else f"penalty {penalty} not open yet"
