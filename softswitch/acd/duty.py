"""What agents do and what is done to them apart from offers: status, phone, other calls, the end of a talk, wrap-up."""

from softswitch.acd.agents import AgentRecord, Talk
from softswitch.acd.errors import Refused, WrongState
from softswitch.acd.queues import QueueRecord
from softswitch.acd.ringing import Ringing
from softswitch.acd.roster import Roster
from softswitch.acd.timers import Timers
from softswitch.acd.values import AgentStatus, Decision
from softswitch.ids import AgentId, CallId


class Duty:
    def __init__(self, roster: Roster, ringing: Ringing, timers: Timers) -> None:
        self._roster = roster
        self._ringing = ringing
        self._timers = timers

    def status(
        self, name: AgentId, status: AgentStatus, reason: str, now: float, out: list[Decision]
    ) -> None:
        agent = self._present(name)
        if (status, reason) == (agent.status, agent.reason):
            return
        if status is not AgentStatus.AVAILABLE:
            cause = "logged out" if status is AgentStatus.LOGGED_OUT else "paused"
            if status is AgentStatus.PAUSED:
                self._roster.pauses.ask(agent, reason)
            self._ringing.withdraw_from(agent, cause, now, out)
        self._roster.set_status(agent, status, reason, now, out)

    def restore(
        self, name: AgentId, status: AgentStatus, reason: str, since: float, now: float, out: list[Decision]
    ) -> None:
        """Put back what he had declared before a restart; it is no new declaration, so only the state is reported."""
        agent = self._present(name)
        if agent.status is not AgentStatus.LOGGED_OUT:
            raise WrongState(f"agent {name} has declared a status already")
        declared: list[Decision] = []
        self._roster.set_status(agent, status, reason, now, declared, min(since, now))
        agent.idle_since = min(since, now)
        self._roster.resort(agent)
        out.extend(declared[1:])

    def restore_talk(
        self,
        name: AgentId,
        call: CallId,
        queue: QueueRecord,
        since: float,
        now: float,
        out: list[Decision],
    ) -> None:
        """Put back a talk that began before a restart; nobody was rung for it here."""
        agent = self._present(name)
        if agent.talk is not None or agent.offer is not None:
            raise WrongState(f"agent {name} has a call already")
        own = agent.config.wrapuptime
        agent.talk = Talk(call, queue, since, queue.config.wrapuptime if own is None else own)
        self._roster.settle(agent, now, out, restored=True)

    def reachable(self, name: AgentId, reachable: bool, now: float, out: list[Decision]) -> None:
        self._roster.set_reachable(self._roster.get(name), reachable, now, out)

    def occupied(self, name: AgentId, delta: int, now: float, out: list[Decision]) -> None:
        """He began or ended a call that no queue gave him; it takes him from a queue's offer, and counts as a call."""
        agent = self._roster.get(name)
        if delta not in (1, -1):
            raise Refused(f"calls of agent {name} begin and end one by one, not {delta:+d}")
        if agent.occupied + delta < 0:
            raise WrongState(f"agent {name} is on no call that could end")
        agent.occupied += delta
        if delta > 0:
            self._ringing.withdraw_from(agent, "occupied", now, out)
        else:
            agent.idle_since = now
        self._roster.settle(agent, now, out)

    def released(self, name: AgentId, call: CallId, now: float, out: list[Decision]) -> None:
        """The talk is over: wrap-up, unless he has logged out meanwhile."""
        agent = self._roster.get(name)
        talk = agent.talk
        if talk is None or talk.call != call:
            raise WrongState(f"agent {name} does not talk on call {call}")
        agent.talk = None
        seconds = max(0.0, now - talk.since)
        agent.talk_s += seconds
        agent.idle_since = now
        talk.queue.figures.talk(seconds)
        talk.queue.experience.handled(seconds + talk.wrapup_s, talk.kind)
        if talk.wrapup_s > 0 and agent.logged_in:
            agent.wrapup = self._timers.at(now + talk.wrapup_s, self._wrapped_up, agent)
        self._roster.settle(agent, now, out)
        if agent.leaving:
            self._roster.forget(agent)

    def end_wrapup(self, name: AgentId, now: float, out: list[Decision]) -> None:
        agent = self._in_wrapup(name)
        self._timers.cancel(agent.wrapup)
        self._wrapped_up(agent, now, out)

    def extend_wrapup(self, name: AgentId, seconds: float) -> None:
        agent = self._in_wrapup(name)
        if not 0 < seconds < float("inf"):
            raise Refused(f"wrap-up cannot be extended by {seconds} s")
        timer = agent.wrapup
        if timer is not None:
            self._timers.cancel(timer)
            agent.wrapup = self._timers.at(timer.due + seconds, self._wrapped_up, agent)

    def _wrapped_up(self, agent: AgentRecord, now: float, out: list[Decision]) -> None:
        agent.wrapup = None
        agent.idle_since = now
        self._roster.settle(agent, now, out)

    def _in_wrapup(self, name: AgentId) -> AgentRecord:
        agent = self._roster.get(name)
        if agent.wrapup is None:
            raise WrongState(f"agent {name} is not in wrap-up")
        return agent

    def _present(self, name: AgentId) -> AgentRecord:
        agent = self._roster.get(name)
        if agent.leaving:
            raise WrongState(f"agent {name} is no longer configured")
        return agent
