"""Why an offer was made: who else could have been rung, and why others of the queue were not.

Bounded whatever the size of the queue: the chosen one, runners-up from the top of the heaps, and the first agents of
the queue with the reason why they were skipped. In a queue of up to 50 agents nobody is left out; in a larger one some
runners-up stand for all. The list of those skipped is kept with the class of callers until one of its agents changes
state, so in a large queue it costs next to nothing.
"""

from collections.abc import Iterator
from itertools import islice

from softswitch.acd.agent_class import Entry
from softswitch.acd.agents import AgentRecord
from softswitch.acd.callers import Caller
from softswitch.acd.queues import EXAMINED
from softswitch.acd.roster import Roster, Tier
from softswitch.acd.skills import shortfall
from softswitch.acd.values import AgentState, Candidate, Why
from softswitch.acd.waiting import CallClass
from softswitch.ids import AgentId

MOST = 50
_RUNNERS_UP = MOST - 1 - EXAMINED
"""Listed in a queue of more agents than are examined."""


def candidate(group: CallClass, tier: Tier, entry: Entry, now: float) -> Candidate:
    """One who could be rung, with what he was sorted by."""
    shown = group.queue.strategy.shown((entry[0], entry[1]), group.queue, now)
    score = (tier[0], tier[1], *shown) if group.required else (tier[0], *shown)
    return Candidate(agent=entry[4].agent, score=score)


def others(group: CallClass, roster: Roster, chosen: set[AgentId], now: float) -> tuple[Candidate, ...]:
    """Runners-up in order, then those skipped. To be asked before the chosen are reserved."""
    return (*_runners_up(group, roster, chosen, now), *_skipped(group, now))


def why(caller: Caller, lines: tuple[Candidate, ...], position: int, now: float) -> Why:
    return Why(
        strategy=caller.queue.config.strategy,
        waited_s=caller.waited(now),
        position=position,
        candidates=lines[:MOST],
        required=caller.group.required,
        step=caller.step,
    )


def _runners_up(group: CallClass, roster: Roster, chosen: set[AgentId], now: float) -> list[Candidate]:
    idle_classes = roster.classes_of(group.agents_mask & roster.idle_mask)
    if sum(agents.idle for agents in idle_classes) <= len(chosen):
        return []
    limit = MOST if len(group.queue.agents) <= EXAMINED else _RUNNERS_UP
    idle = _idle_others(group, roster, chosen, limit + len(chosen))
    found = [candidate(group, tier, entry, now) for tier, entry in islice(idle, limit)]
    found.sort(key=lambda line: line.score)
    return found


def _idle_others(
    group: CallClass, roster: Roster, chosen: set[AgentId], limit: int
) -> Iterator[tuple[Tier, Entry]]:
    for tier in group.tiers:
        mask = tier[2] & roster.idle_mask
        if not mask:
            continue
        for agents in roster.classes_of(mask):
            for entry in agents.some_idle(group.queue.order, limit):
                if entry[4].agent not in chosen:
                    yield tier, entry


def _skipped(group: CallClass, now: float) -> tuple[Candidate, ...]:
    queue = group.queue
    if group.skipped_at == queue.changes:
        return group.skipped
    found: list[Candidate] = []
    resting = False
    for agent in queue.agents[:EXAMINED]:
        line = agent.skipped or _skip(agent, group, now)  # remembered until he changes state
        if line is not None:
            found.append(line)
        resting = resting or agent.state is AgentState.RESTING
    lines = tuple(found)
    if not resting:
        group.skipped, group.skipped_at = lines, queue.changes
    return lines


def _skip(agent: AgentRecord, group: CallClass, now: float) -> Candidate | None:
    """Why he is no candidate; None: he is one."""
    if agent.state is AgentState.IDLE:
        if agent.group.bit & group.agents_mask:
            return None
        return Candidate(agent=agent.agent, score=(), skipped=unsuited(agent, group))
    if agent.state is AgentState.RESTING and agent.rest is not None:
        return Candidate(agent=agent.agent, score=(), skipped=f"resting {agent.rest.due - now:.0f} s")
    if agent.skipped is None:
        told = (
            f"paused ({agent.reason})"
            if agent.state is AgentState.PAUSED and agent.reason
            else str(agent.state)
        )
        agent.skipped = Candidate(agent=agent.agent, score=(), skipped=told)
    return agent.skipped


def unsuited(agent: AgentRecord, group: CallClass) -> str:
    """Why an agent of the queue may not serve these callers, whatever he does."""
    missing = shortfall(group.required, agent.group.levels)
    if missing:
        return missing
    penalty = agent.group.penalties.get(group.queue.name)
    return "no member" if penalty is None else f"penalty {penalty} not open yet"
