"""Why an offer was made: who else could have been rung, and why others of the queue were not.

Bounded whatever the size of the queue: the chosen one, some runners-up from the top of the heaps, and the first agents
of the queue with the reason why they were skipped. Lines that hold for as long as an agent's state does are kept with
the agent, so that a decision makes few new objects.
"""

from softswitch.acd.agent_class import Entry
from softswitch.acd.agents import AgentRecord
from softswitch.acd.callers import Caller
from softswitch.acd.roster import Roster, Tier
from softswitch.acd.skills import shortfall
from softswitch.acd.strategy import STRATEGIES
from softswitch.acd.values import AgentState, Candidate, Why
from softswitch.acd.waiting import CallClass

MOST = 50
_RUNNERS_UP = 9
_PER_CLASS = 4
_EXAMINED = MOST - 1 - _RUNNERS_UP


def candidate(group: CallClass, tier: Tier, entry: Entry, now: float) -> Candidate:
    """One who could be rung, with what he was sorted by."""
    strategy = STRATEGIES[group.queue.config.strategy]
    shown = strategy.shown((entry[0], entry[1]), group.queue, now)
    score = (tier[0], tier[1], *shown) if group.required else (tier[0], *shown)
    return Candidate(agent=entry[4].agent, score=score)


def others(group: CallClass, roster: Roster, chosen: frozenset[str], now: float) -> list[Candidate]:
    """Runners-up in order, then those skipped."""
    found = [line for line in _runners_up(group, roster, now) if line.agent not in chosen]
    found.sort(key=lambda line: line.score)
    for agent in group.queue.agents[:_EXAMINED]:
        if agent.state is not AgentState.IDLE:
            if agent.agent not in chosen:
                found.append(_busy(agent, now))
        elif not agent.group.bit & group.agents_mask:
            found.append(
                Candidate(agent=agent.agent, score=(), skipped=shortfall(group.required, agent.group.levels))
            )
    return found


def why(caller: Caller, lines: tuple[Candidate, ...], position: int, now: float) -> Why:
    return Why(
        strategy=caller.queue.config.strategy,
        waited_s=caller.waited(now),
        position=position,
        candidates=lines[:MOST],
    )


def _runners_up(group: CallClass, roster: Roster, now: float) -> list[Candidate]:
    found: list[Candidate] = []
    idle = group.agents_mask & roster.idle_mask
    if not idle:
        return found
    for tier in group.tiers:
        for agents in roster.classes_of(tier[2] & idle):
            for entry in agents.some_idle(group.queue.order, _PER_CLASS):
                found.append(candidate(group, tier, entry, now))
                if len(found) > _RUNNERS_UP:
                    return found
    return found


def _busy(agent: AgentRecord, now: float) -> Candidate:
    if agent.state is AgentState.RESTING and agent.rest is not None:
        return Candidate(agent=agent.agent, score=(), skipped=f"resting {agent.rest.due - now:.0f} s")
    if agent.skipped is None:
        agent.skipped = Candidate(agent=agent.agent, score=(), skipped=str(agent.state))
    return agent.skipped
