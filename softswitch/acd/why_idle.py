"""Why an agent gets no calls at this moment, as far as the queues know: his state, and each of his queues.

Asked by people, rarely; so it looks at everything the slow way and changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from softswitch.acd.agents import AgentRecord
from softswitch.acd.candidates import unsuited
from softswitch.acd.queues import QueueRecord
from softswitch.acd.roster import Roster
from softswitch.acd.values import AgentState, AgentStatus
from softswitch.acd.waiting import WaitingRoom
from softswitch.ids import AgentId, CallId, QueueName

MOST = 10
"""Agents named who go first, and reasons given, for each queue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IdleQueue:
    """One of his queues."""

    queue: QueueName
    waiting: int
    """Callers in line, rung for or not."""
    rung: int
    """Of these, so many are being rung for."""
    penalty: int
    reasons: tuple[str, ...]
    """Why those who wait are not for him; empty: nobody waits for whom no phone rings."""
    ahead: tuple[AgentId, ...]
    """Idle agents who are rung before him there, first ones first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IdleWhy:
    agent: AgentId
    status: AgentStatus
    reason: str
    """Of the status."""
    state: AgentState
    since: float
    until: float | None
    """When the state ends by itself; None: it does not, or nobody knows."""
    call: CallId | None
    queue: QueueName | None
    missed: int
    """Offers in a row that he let ring."""
    queues: tuple[IdleQueue, ...]


class WhyIdle:
    def __init__(self, queues: Mapping[QueueName, QueueRecord], roster: Roster, room: WaitingRoom) -> None:
        self._queues = queues
        self._roster = roster
        self._room = room

    def explain(self, name: AgentId) -> IdleWhy:
        agent = self._roster.get(name)
        return IdleWhy(
            agent=agent.agent,
            status=agent.status,
            reason=agent.reason,
            state=agent.state,
            since=agent.state_since,
            until=_until(agent),
            call=agent.context[1],
            queue=agent.context[0],
            missed=agent.missed,
            queues=tuple(self._queue(agent, queue) for queue in agent.group.queues),
        )

    def _queue(self, agent: AgentRecord, queue: QueueRecord) -> IdleQueue:
        reasons: dict[str, int] = {}
        for group in self._room.classes():
            if group.queue is queue and group.waiting and not agent.group.bit & group.demand.agents_mask:
                told = unsuited(agent.group, group.demand)
                reasons[told] = reasons.get(told, 0) + group.waiting
        callers = queue.line.in_order()
        return IdleQueue(
            queue=queue.name,
            waiting=len(callers),
            rung=sum(bool(caller.offers) for caller in callers),
            penalty=agent.group.penalties.get(queue.name, 0),
            reasons=tuple(f"{told} ({callers} waiting)" for told, callers in list(reasons.items())[:MOST]),
            ahead=self._ahead(agent, queue),
        )

    def _ahead(self, agent: AgentRecord, queue: QueueRecord) -> tuple[AgentId, ...]:
        """By penalty and strategy; what a caller's skills change of it, only his call can tell."""
        if queue.strategy.everyone:
            return ()

        def place(each: AgentRecord) -> tuple[float, ...]:
            return (each.group.penalties.get(queue.name, 0), *queue.strategy.key(each, queue), each.serial)

        own = place(agent)
        first = sorted(
            (place(each), each.agent)
            for each in queue.agents
            if each is not agent and each.state is AgentState.IDLE and place(each) < own
        )
        return tuple(name for _, name in first[:MOST])


def _until(agent: AgentRecord) -> float | None:
    timer = {
        AgentState.WRAP_UP: agent.wrapup,
        AgentState.RESTING: agent.rest,
        AgentState.UNREACHABLE: agent.suspect if agent.reachable else None,
    }.get(agent.state)
    return None if timer is None else timer.due
