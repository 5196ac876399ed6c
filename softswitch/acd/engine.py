"""The engine: every event of the queues goes in here, every decision comes out in the order to be carried out.

Synchronous, without clock or I/O: time is the `now` of each call (monotonic seconds), the shell calls `tick` when
`next_deadline` has come. Each event changes what it is about, then one step is common to all: callers leave deserted
queues, idle agents and waiting callers are matched, callers who have waited longest leave. An event that raises has
changed nothing.

This class only composes: rules are in `entry` (callers), `ringing` (offers), `duty` (agents), `reload`, `announcer`,
`matcher`. It has more public methods than we like a class to have, since it is the whole surface of the room.
"""

from collections.abc import Callable, Iterable, Mapping, Set

from softswitch.acd.announcer import Announcer
from softswitch.acd.bound import Bound
from softswitch.acd.departures import Departures
from softswitch.acd.duty import Duty
from softswitch.acd.entry import Entry
from softswitch.acd.errors import Refused
from softswitch.acd.estimate import Estimator
from softswitch.acd.healing import Healing
from softswitch.acd.invariants import Invariants
from softswitch.acd.last_agents import LastAgents
from softswitch.acd.matcher import Matcher
from softswitch.acd.plugins import Plugins
from softswitch.acd.queues import QueueRecord
from softswitch.acd.reload import Reload
from softswitch.acd.ringing import Ringing
from softswitch.acd.roster import Roster
from softswitch.acd.rules import Rules
from softswitch.acd.timers import Timers
from softswitch.acd.values import (
    AgentStatus,
    AgentView,
    Decision,
    Healed,
    OfferResult,
    QueueView,
    Snapshot,
    Stance,
    WaitingCall,
)
from softswitch.acd.views import Views, agent_view, stance
from softswitch.acd.wait_range import WaitRange
from softswitch.acd.waiting import WaitingRoom
from softswitch.acd.why_idle import IdleWhy, WhyIdle
from softswitch.config.queues import Agent, Queue
from softswitch.ids import AgentId, CallId, OfferId, QueueName


class Engine:
    def __init__(
        self,
        queues: Mapping[str, Queue],
        agents: Mapping[str, Agent],
        now: float,
        *,
        new_offer_id: Callable[[], OfferId],
        rules: Rules | None = None,
    ) -> None:
        records: dict[QueueName, QueueRecord] = {}
        self._timers = timers = Timers()
        self._roster = roster = Roster(timers)
        self._room = room = WaitingRoom(roster)
        estimator = Estimator(roster, room)
        announcer = Announcer(timers, estimator)
        departures = Departures(room, timers, announcer)
        self._last = last = LastAgents()
        bound = Bound(roster, room, timers, last)
        self._plugins = Plugins()
        self._ringing = Ringing(roster, room, timers, departures, new_offer_id, bound, last)
        self._entry = Entry(records, roster, room, timers, announcer, departures, self._ringing, bound)
        self._duty = Duty(roster, self._ringing, timers)
        self._reload = Reload(records, roster, room, self._ringing, self._entry)
        self._matcher = Matcher(roster, room, self._ringing, bound, self._plugins)
        self._why_idle = WhyIdle(records, roster, room)
        self._views = Views(records, roster, room, estimator)
        self._healing = Healing(records, roster, room, self._ringing.offers)
        self._invariants = Invariants(records, roster, room, self._ringing.offers)
        self._govern(rules or Rules())
        self._reload.apply(queues, agents, now, [])

    def _govern(self, rules: Rules) -> None:
        self._reload.matching = rules.matching
        self._roster.pauses.configure(rules.pause_reasons)
        self._roster.unreachable_logout_s = rules.matching.unreachable_logout_s
        self._plugins.configure(rules)

    def configure(
        self,
        queues: Mapping[str, Queue],
        agents: Mapping[str, Agent],
        now: float,
        rules: Rules | None = None,
    ) -> list[Decision]:
        """Take over a changed configuration; see `reload`. Without `rules` those of before hold."""
        out: list[Decision] = []
        if rules is not None:
            self._govern(rules)
        self._reload.apply(queues, agents, now, out)
        return self._conclude(now, out)

    def served_before(self, queue: QueueName, ani: str, agent: AgentId, at: float) -> None:
        """Before a restart this agent served this number; `at` in this engine's time."""
        self._last.served(queue, ani, agent, at)

    # --- callers ------------------------------------------------------------------------------------------------------

    def call_waiting(self, call: WaitingCall, now: float) -> list[Decision]:
        """He joins his queue, or is sent on at once by an `Overflow`."""
        self._room.awaited.discard(call.call)
        out: list[Decision] = []
        self._entry.join(call, now, out)
        return self._conclude(now, out)

    def await_callers(self, calls: Iterable[CallId], until: float) -> None:
        """These waited before a restart and will join again: nobody is rung for anybody before all have, or `until`. Else
        the first to come would be served before those who stood before him."""
        self._room.awaited.update(calls)
        self._timers.at(until, WaitingRoom.nobody_more, self._room)

    def not_coming(self, call: CallId, now: float) -> list[Decision]:
        """One of those awaited is over, or goes elsewhere."""
        if call not in self._room.awaited:
            return []
        self._room.awaited.discard(call)
        return self._conclude(now, [])

    def call_gone(self, call: CallId, now: float, reason: str = "abandoned") -> list[Decision]:
        """He waits no more: `abandoned`, `key`, `callback` or `withdrawn`. Report this before the results of his offers."""
        out: list[Decision] = []
        self._entry.gone(call, reason, now, out)
        return self._conclude(now, out)

    def hold(self, call: CallId, now: float) -> list[Decision]:
        """One who is to be called back cannot be now: he keeps his place, and his turn does not come."""
        out: list[Decision] = []
        self._entry.hold(call, now, out)
        return self._conclude(now, out)

    def release(self, call: CallId, now: float) -> list[Decision]:
        """His turn may come again."""
        self._entry.release(call)
        return self._conclude(now, [])

    def embody(self, call: CallId, now: float) -> list[Decision]:
        """One who was called back is on the line, at his old place."""
        self._entry.embody(call, now)
        return self._conclude(now, [])

    def change_priority(self, call: CallId, priority: int, now: float) -> list[Decision]:
        self._entry.change_priority(call, priority, now)
        return self._conclude(now, [])

    def move(self, call: CallId, queue: QueueName, now: float) -> list[Decision]:
        """To another queue, keeping his age; `Refused` if he could not join it."""
        out: list[Decision] = []
        self._entry.move(call, queue, now, out)
        return self._conclude(now, out)

    def obstacle(self, call: CallId, queue: QueueName) -> str:
        """Why he who waits elsewhere could not join that queue now: `full`, `join empty`, `empty`; empty: he could."""
        return self._entry.obstacle(call, queue)

    def offer_result(self, offer: OfferId, result: OfferResult, now: float) -> list[Decision]:
        """How the ringing ended. An answer to an offer cancelled lately gets its `CancelOffer` (`lost race`)."""
        out: list[Decision] = []
        self._ringing.result(offer, result, now, out)
        return self._conclude(now, out)

    # --- agents -------------------------------------------------------------------------------------------------------

    def call_released(self, agent: AgentId, call: CallId, now: float) -> list[Decision]:
        """The talk that a `Connect` began is over for this agent."""
        out: list[Decision] = []
        self._duty.released(agent, call, now, out)
        return self._conclude(now, out)

    def agent_status(self, agent: AgentId, status: AgentStatus, reason: str, now: float) -> list[Decision]:
        out: list[Decision] = []
        self._duty.status(agent, status, reason, now, out)
        return self._conclude(now, out)

    def restore_agent(
        self, agent: AgentId, status: AgentStatus, reason: str, since: float, now: float
    ) -> list[Decision]:
        """What he had declared before a restart, `since` in this engine's time; no `StatusChanged` comes of it."""
        out: list[Decision] = []
        self._duty.restore(agent, status, reason, since, now, out)
        return self._conclude(now, out)

    def restore_talk(
        self, agent: AgentId, call: CallId, queue: QueueName, since: float, now: float
    ) -> list[Decision]:
        """He has been talking on this queue call since before a restart; its end comes by `call_released`."""
        out: list[Decision] = []
        self._duty.restore_talk(agent, call, self._entry.queue(queue), since, now, out)
        return self._conclude(now, out)

    def agent_reachable(self, agent: AgentId, reachable: bool, now: float) -> list[Decision]:
        """His phone is registered or not. Until told otherwise it is."""
        out: list[Decision] = []
        self._duty.reachable(agent, reachable, now, out)
        return self._conclude(now, out)

    def agent_occupied(self, agent: AgentId, delta: int, now: float) -> list[Decision]:
        """A call that is not a queue's began (+1) or ended (-1) on his phone."""
        out: list[Decision] = []
        self._duty.occupied(agent, delta, now, out)
        return self._conclude(now, out)

    def wrapup(
        self, agent: AgentId, now: float, *, end: bool = False, extend_s: float = 0.0
    ) -> list[Decision]:
        """End his wrap-up, or give him more of it; one of both."""
        out: list[Decision] = []
        if end == bool(extend_s):
            raise Refused("wrap-up is either ended or extended")
        if end:
            self._duty.end_wrapup(agent, now, out)
        else:
            self._duty.extend_wrapup(agent, extend_s)
        return self._conclude(now, out)

    # --- time ---------------------------------------------------------------------------------------------------------

    def tick(self, now: float) -> list[Decision]:
        """Whatever is due by `now`; harmless when nothing is."""
        out: list[Decision] = []
        self._timers.run(now, out)
        return self._conclude(now, out)

    def next_deadline(self) -> float | None:
        return self._timers.next_due()

    def _conclude(self, now: float, out: list[Decision]) -> list[Decision]:
        if self._roster.emptied:
            self._entry.leave_empty(now, out)
        self._matcher.match(now, out)
        if self._entry.overdue and not self._room.awaited:
            self._entry.expire(now, out)
        return out

    def heal(
        self, now: float, *, waiting: Set[CallId] | None = None, talking: Set[CallId] | None = None
    ) -> list[Decision]:
        """Look whether all is as it must be, and put right what is not; see `healing`. The calls that wait and those that
        talk are compared with the ones known here, where they are given."""
        problems, out = self._invariants.violated(), list[Decision]()
        if problems:
            self._healing.repair(now, out)
        if talking is not None:
            for agent, call in self._healing.talks_of_nobody(talking):
                problems.append(f"agent {agent} talks on call {call}, which is over")
                self._duty.released(agent, call, now, out)
        if waiting is not None:
            for call in self._healing.callers_of_nobody(waiting):
                problems.append(f"call {call} waits, and is over")
                self._entry.gone(call, "abandoned", now, out)
        if not problems:
            return []
        return self._conclude(now, [Healed(problems=tuple(problems)), *out])

    # --- looking ------------------------------------------------------------------------------------------------------

    def waits(self, call: CallId) -> bool:
        """He is in a queue, on the line or to be called back."""
        return call in self._room.callers

    def position(self, call: CallId) -> int:
        """His place in his queue, 1 is served next."""
        caller = self._room.get(call)
        return caller.queue.line.position(caller)

    def wait_of(self, call: CallId, now: float) -> WaitRange | None:
        """How long he will probably wait from now on; None: nobody knows."""
        return self._views.wait_of(self._room.get(call), now)

    def snapshot(self, now: float) -> Snapshot:
        return self._views.snapshot(now)

    def waiting(self, queue: QueueName) -> int:
        """Callers who wait there, rung for or not."""
        return len(self._entry.queue(queue).line)

    def queue_view(self, queue: QueueName, now: float) -> QueueView:
        return self._views.queue(self._entry.queue(queue), now)

    def agent_view(self, agent: AgentId, now: float) -> AgentView:
        return agent_view(self._roster.get(agent), now)

    def stance(self, agent: AgentId) -> Stance:
        return stance(self._roster.get(agent))

    def why_idle(self, agent: AgentId) -> IdleWhy:
        """Why he gets no calls now."""
        return self._why_idle.explain(agent)

    def invariants(self) -> list[str]:
        """What is wrong with the engine's own state, checked the slow way; empty is health."""
        return self._invariants.violated()
