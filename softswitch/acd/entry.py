"""Callers joining a queue, waiting too long, changing place, and leaving of their own or for lack of agents."""

from collections.abc import Mapping
from dataclasses import replace

from softswitch.acd.announcer import Announcer
from softswitch.acd.bound import Bound
from softswitch.acd.callers import Caller
from softswitch.acd.departures import Departures
from softswitch.acd.errors import NotKnown, Refused, WrongState
from softswitch.acd.needs import steps_passed
from softswitch.acd.queues import QueueRecord
from softswitch.acd.ringing import Ringing
from softswitch.acd.roster import Roster
from softswitch.acd.timers import Timers
from softswitch.acd.values import Decision, Overflow, WaitingCall
from softswitch.acd.waiting import CallClass, WaitingRoom
from softswitch.ids import CallId, QueueName

GONE: Mapping[str, str] = {
    "abandoned": "caller gone",
    "key": "left queue",
    "withdrawn": "left queue",
    "callback": "left queue",
}
"""Why a caller may be gone, and what those who ring for him are told."""


GIVES_UP = frozenset({"abandoned", "key", "callback"})
"""Reasons of his own: those behind him need not wait for him any more."""


class Entry:
    def __init__(
        self,
        queues: Mapping[QueueName, QueueRecord],
        roster: Roster,
        room: WaitingRoom,
        timers: Timers,
        announcer: Announcer,
        departures: Departures,
        ringing: Ringing,
        bound: Bound,
    ) -> None:
        self._queues = queues
        self._roster = roster
        self._room = room
        self._timers = timers
        self._announcer = announcer
        self._departures = departures
        self._ringing = ringing
        self._bound = bound
        self.overdue: list[Caller] = []
        """Who has waited longest since the last match."""

    def queue(self, name: QueueName) -> QueueRecord:
        try:
            return self._queues[name]
        except KeyError:
            raise NotKnown(f"no queue {name}") from None

    def join(self, given: WaitingCall, now: float, out: list[Decision]) -> None:
        queue = self.queue(given.queue)
        if given.call in self._room.callers:
            raise WrongState(
                f"call {given.call} waits already, in {self._room.callers[given.call].queue.name}"
            )
        queue.figures.offered += not given.virtual
        reason = "" if given.restored else self._obstacle(queue, given)
        if not reason:
            self._admit(given, queue, now)
            return
        queue.figures.depart(reason)
        out.append(
            Overflow(
                call=given.call,
                queue=queue.name,
                reason=reason,
                target=queue.config.on_full if reason == "full" else queue.config.on_empty,
                waited_s=max(0.0, now - given.entered),
                position=len(queue.line) + 1,
            )
        )

    def obstacle(self, call: CallId, name: QueueName) -> str:
        """Why this caller could not join that queue."""
        return self._obstacle(self.queue(name), replace(self._room.get(call).given, queue=name))

    def _obstacle(self, queue: QueueRecord, given: WaitingCall) -> str:
        """Why he may not join; first whether agents are there, then whether there is room."""
        config = queue.config
        if queue.join_absent is not None or queue.leave_absent is not None:
            serving = self._room.group_for(queue, given).demand.agents_mask
            if queue.join_absent is not None and not serving & self._roster.present_mask(queue.join_absent):
                return "join empty"
            if queue.leave_absent is not None and not serving & self._roster.present_mask(queue.leave_absent):
                return "empty"
        if 0 < config.maxlen <= len(queue.line) - queue.virtual:
            return "full"
        return ""

    def _admit(self, given: WaitingCall, queue: QueueRecord, now: float) -> None:
        caller = self._room.add(given, queue)
        self.arm(caller, now)
        if queue.ripe:
            self._announcer.moved(queue, queue.line.position(caller) + 1, now)

    def arm(self, caller: Caller, now: float) -> None:
        """Set the timers of a caller by the configuration of his queue; again after that has changed."""
        if not caller.virtual:
            self._announcer.begin(caller, now)
        config = caller.queue.config
        if config.steps or caller.step_timer is not None:
            self._arm_step(caller, now)
        if caller.given.agents or caller.wanted or config.sticky_s > 0:
            self._bound.forget(caller)
            self._room.unbind(caller)
            self._bound.tie(caller, now)
        if caller.max_wait is not None:
            self._timers.cancel(caller.max_wait)
            caller.max_wait = None
        caller.last_chance = False
        longest = config.max_wait
        if longest > 0 and caller.counts:
            caller.max_wait = self._timers.at(caller.joined + longest, self._waited_longest, caller)

    def _arm_step(self, caller: Caller, now: float) -> None:
        """Let him pass the steps whose time has come, and set the timer of the next."""
        self._timers.cancel(caller.step_timer)
        caller.step_timer = None
        steps = caller.queue.config.steps
        if not steps:
            return
        passed = steps_passed(steps, now - caller.joined)
        if passed != caller.step:
            self._room.regroup(caller, passed)
        if passed < len(steps):
            due = caller.joined + steps[passed].after
            caller.step_timer = self._timers.at(due, self._next_step, caller)

    def _next_step(self, caller: Caller, now: float, out: list[Decision]) -> None:
        caller.step_timer = None
        self._room.regroup(caller, caller.step + 1)
        steps = caller.queue.config.steps
        if caller.step < len(steps):
            due = caller.joined + steps[caller.step].after
            caller.step_timer = self._timers.at(due, self._next_step, caller)

    def _waited_longest(self, caller: Caller, now: float, out: list[Decision]) -> None:
        caller.max_wait = None
        self.overdue.append(caller)

    def expire(self, now: float, out: list[Decision]) -> None:
        """After the match, so that an agent free in the same moment goes first: send off whoever nobody rings for."""
        overdue, self.overdue = self.overdue, []
        for caller in overdue:
            if self._room.callers.get(caller.call) is not caller:
                continue
            if caller.offers:
                caller.last_chance = True
                self._room.close_to_more(caller)
            else:
                self._departures.overflow(caller, "timeout", caller.queue.config.on_timeout, now, out)

    def gone(self, call: CallId, reason: str, now: float, out: list[Decision]) -> None:
        caller = self._room.get(call)
        if reason not in GONE:
            raise Refused(f"a caller leaves by {', '.join(GONE)}, not by {reason}")
        self._ringing.withdraw_all(caller, GONE[reason], now, out)
        self._departures.leave(caller, now, gave_up=reason in GIVES_UP)
        if caller.counts:
            caller.queue.figures.depart(reason)

    def hold(self, call: CallId, now: float, out: list[Decision]) -> None:
        """He cannot be called back now: whoever rings for him is free, and he keeps his place."""
        caller = self._virtual(call)
        self._ringing.withdraw_all(caller, "left queue", now, out)
        self._room.hold(caller)

    def release(self, call: CallId) -> None:
        self._room.release(self._virtual(call))

    def embody(self, call: CallId, now: float) -> None:
        """He has been reached and is on the line; agents who are kept for him stay so."""
        caller = self._virtual(call)
        self._room.release(caller)
        self._room.embody(caller)
        self._announcer.begin(caller, now)

    def _virtual(self, call: CallId) -> Caller:
        caller = self._room.get(call)
        if not caller.virtual:
            raise WrongState(f"call {call} is on the line, and not called back")
        return caller

    def change_priority(self, call: CallId, priority: int, now: float) -> None:
        caller = self._room.get(call)
        line = caller.queue.line
        before = line.position(caller)
        self._room.rerank(caller, priority)
        self._announcer.moved(caller.queue, min(before, line.position(caller)), now)

    def move(self, call: CallId, name: QueueName, now: float, out: list[Decision]) -> None:
        """To another queue, keeping priority and age; refused where he could not join."""
        caller = self._room.get(call)
        queue = self.queue(name)
        if queue is caller.queue:
            raise Refused(f"call {call} waits in {name} already")
        given = replace(caller.given, queue=name, priority=caller.priority, joined=now, restored=False)
        obstacle = self._obstacle(queue, given)
        if obstacle:
            raise Refused(f"call {call} cannot join {name}: {obstacle}")
        self._ringing.withdraw_all(caller, "left queue", now, out)
        self._departures.leave(caller, now)
        caller.queue.figures.depart("moved")
        queue.figures.offered += 1
        self._admit(given, queue, now)

    def leave_empty(self, now: float, out: list[Decision]) -> None:
        """The last agent of a class has logged out: callers leave the queues that say so."""
        self._roster.emptied = False
        deserted = [group for group in self._room.classes() if self._deserted(group)]
        for group in deserted:
            for caller in group.queue.line.in_order():
                if caller.group is group and not caller.virtual:
                    self.send_off(caller, now, out)

    def send_off(self, caller: Caller, now: float, out: list[Decision]) -> None:
        """To `on_empty`, whoever rings for him."""
        self._ringing.withdraw_all(caller, "left queue", now, out)
        self._departures.overflow(caller, "empty", caller.queue.config.on_empty, now, out)

    def _deserted(self, group: CallClass) -> bool:
        absent = group.queue.leave_absent
        return bool(
            group.callers
            and absent is not None
            and not group.demand.agents_mask & self._roster.present_mask(absent)
        )
