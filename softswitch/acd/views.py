"""The engine's present state as values, for boards and the command line."""

from collections.abc import Mapping

from softswitch.acd.agents import AgentRecord
from softswitch.acd.callers import Caller
from softswitch.acd.estimate import Estimator, range_of
from softswitch.acd.queues import QueueRecord
from softswitch.acd.roster import Roster
from softswitch.acd.values import AgentState, AgentView, CallerView, QueueView, Snapshot, Stance
from softswitch.acd.wait_range import WaitRange
from softswitch.acd.waiting import WaitingRoom
from softswitch.ids import QueueName


class Views:
    def __init__(
        self, queues: Mapping[QueueName, QueueRecord], roster: Roster, room: WaitingRoom, estimator: Estimator
    ) -> None:
        self._queues = queues
        self._roster = roster
        self._room = room
        self._estimator = estimator

    def snapshot(self, now: float) -> Snapshot:
        return Snapshot(
            queues=tuple(self.queue(queue, now) for queue in self._queues.values()),
            agents=tuple(agent_view(agent, now) for agent in self._roster.agents.values()),
        )

    def queue(self, queue: QueueRecord, now: float) -> QueueView:
        figures = queue.figures
        callers = queue.line.in_order()
        return QueueView(
            queue=queue.name,
            strategy=queue.config.strategy,
            waiting=tuple(_caller_view(caller, place, now) for place, caller in enumerate(callers, 1)),
            agents=tuple(agent.agent for agent in queue.agents),
            idle=sum(agent.state is AgentState.IDLE for agent in queue.agents),
            talking=sum(agent.talk is not None and agent.talk.queue is queue for agent in queue.agents),
            offered=figures.offered,
            answered=figures.answered,
            abandoned=figures.abandoned,
            overflowed=figures.overflowed,
            answered_in_sl=figures.answered_in_sl,
            longest_wait_s=max((caller.waited(now) for caller in callers), default=0.0),
            mean_wait_s=figures.mean_wait_s,
            mean_talk_s=figures.mean_talk_s,
            wait=self._newcomer(queue, now),
            left=figures.left,
        )

    def _newcomer(self, queue: QueueRecord, now: float) -> WaitRange | None:
        return range_of(queue, self._estimator.of_newcomer(self._room.group_for(queue, None), now))

    def wait_of(self, caller: Caller, now: float) -> WaitRange | None:
        """From now on; not part of every snapshot, since those who wait may be many."""
        return range_of(caller.queue, self._estimator.of_caller(caller, now))


def agent_view(agent: AgentRecord, now: float) -> AgentView:
    wrapup = agent.wrapup
    talking_s = max(0.0, now - agent.talk.since) if agent.talk is not None else 0.0
    return AgentView(
        agent=agent.agent,
        status=agent.status,
        reason=agent.reason,
        state=agent.state,
        state_since=agent.state_since,
        queue=agent.context[0],
        call=agent.context[1],
        queues=tuple(queue.name for queue in agent.group.queues),
        skills=dict(agent.config.skills),
        calls=agent.calls,
        talk_s=agent.talk_s + talking_s,
        idle_since=agent.idle_since if agent.state is AgentState.IDLE else None,
        wrapup_left_s=max(0.0, wrapup.due - now) if wrapup is not None else 0.0,
        times=agent.times_until(now),
    )


def stance(agent: AgentRecord) -> Stance:
    queue, call = agent.context
    return Stance(status=agent.status, reason=agent.reason, state=agent.state, queue=queue, call=call)


def _caller_view(caller: Caller, position: int, now: float) -> CallerView:
    return CallerView(
        call=caller.call,
        queue=caller.queue.name,
        position=position,
        priority=caller.priority,
        waited_s=caller.waited(now),
        ringing=tuple(live.agent.agent for live in caller.offers.values()),
        virtual=caller.virtual,
    )
