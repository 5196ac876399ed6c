"""Each caller's stay in each queue: its row, its facts, and its lines in the queue_log, written when it ends.

Owns nothing that decides: with this file's calls removed, every caller would still be served.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypedDict

from softswitch.acd.values import AgentState, Connect, Overflow, StateChanged
from softswitch.call.call import Call
from softswitch.call.services import Services
from softswitch.call.stages import Wait
from softswitch.call.termination import By, Cause
from softswitch.facts import AgentConnected, AgentDumped, CallerLeftQueue, CallQueued, QueueTalkEnded
from softswitch.ids import AgentId, CallId, LegId, OfferId, QueueName
from softswitch.store import queue_log as lines
from softswitch.store.rows import QueueLogRow, QueueVisit
from softswitch.value import replaced, value

_WRAP_UP = AgentState.WRAP_UP
"""Each change of a state asks for it: a member of an enumeration costs six times as much as a name of the module."""


@value
class Talked:
    """How long two parties were connected: talking, and one of them on hold."""

    talk_s: float
    hold_s: float


@dataclass(frozen=True, slots=True)
class Transfer:
    """The agent has put his caller through to somebody else."""

    number: str
    """Number, phone, queue …"""
    third: LegId | None = None
    """The party that he had consulted before; None: he had not."""


class Place(TypedDict):
    position: int
    original_position: int
    wait_s: float


class Ended(TypedDict):
    wait_s: float
    talk_s: float
    original_position: int


@dataclass(slots=True)
class Visit:
    queue: QueueName
    entered: float
    original_position: int
    priority: int
    skills: Mapping[str, int] = field(default_factory=dict)
    """What he needs beside the queue's own."""
    refused: bool = False
    position: int = 0
    wait_s: float = 0.0
    agent: AgentId | None = None
    offer: OfferId | None = None
    held_since: float | None = None
    """Wall."""

    def place(self) -> Place:
        """What every line about leaving says."""
        return {"position": self.position, "original_position": self.original_position, "wait_s": self.wait_s}


class Visits:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._visits: dict[CallId, Visit] = {}
        self._answered: dict[AgentId, QueueVisit] = {}
        """The row of each agent's latest talk: his wrap-up is added to it when it is over."""
        self._wrap_up_began: dict[AgentId, float] = {}

    def underway(self) -> frozenset[CallId]:
        """Calls whose stay in a queue, or talk with its agent, is not over."""
        return frozenset(self._visits)

    def of(self, call: CallId) -> Visit | None:
        return self._visits.get(call)

    def take_up(self, call: CallId, visit: Visit) -> None:
        """It began before this process did; nothing is told again."""
        self._visits[call] = visit

    def begin(self, call: Call, stage: Wait, position: int, *, refused: bool) -> None:
        """`refused`: he was not let in, so that he never entered as far as the queue_log goes."""
        if call.id in self._visits:
            return  # he waits on, after an agent who hung up before they could talk
        queue, priority = stage.queue, stage.priority
        self._visits[call.id] = Visit(
            queue, stage.entered, position, priority, skills=stage.skills, refused=refused
        )
        call.figures.queue = queue
        services, now = self._services, self._wall()
        if not refused:
            self._log(
                lines.enter_queue(now, call.id, queue, ani=call.ani, position=position, name=call.ani_name)
            )
        services.bus.publish(
            CallQueued(
                call=call.id,
                queue=queue,
                priority=priority,
                position=position,
                refused=refused,
                wall=now,
                monotonic=services.clock.monotonic(),
            )
        )

    def connected(self, call: Call, connect: Connect, *, leg: LegId, rang_s: float) -> None:
        visit = self._visits[call.id]
        now = self._services.clock.wall()
        visit.agent, visit.position, visit.offer = connect.agent, connect.position, connect.offer
        self._answered.pop(connect.agent, None)  # what follows is this caller's wrap-up
        self._waited(call, visit, now)
        self._log(
            lines.connect(
                now, call.id, visit.queue, connect.agent, wait_s=visit.wait_s, leg=leg, ring_s=rang_s
            )
        )
        self._left_fact(call, visit, "connected")
        self._services.bus.publish(
            AgentConnected(
                call=call.id,
                queue=visit.queue,
                agent=connect.agent,
                leg=leg,
                waited_s=visit.wait_s,
                rang_s=rang_s,
                wall=now,
                monotonic=self._services.clock.monotonic(),
            )
        )

    def left(self, call: Call, reason: str, *, position: int, key: str = "") -> None:
        """By himself: `abandoned`, `key`, or `withdrawn`, when `key` says what for."""
        visit = self._visits.pop(call.id)
        visit.position = position
        self._waited(call, visit, self._services.clock.wall())
        place = visit.place()
        if reason == "key":
            self._log(lines.exit_with_key(self._wall(), call.id, visit.queue, key=key, **place))
        elif reason == "callback":
            pass  # told where it is asked for
        elif reason == "withdrawn":
            self._log(lines.withdraw(self._wall(), call.id, visit.queue, **place, info=key))
        else:
            self._log(lines.abandon(self._wall(), call.id, visit.queue, **place))
        self._write(call, visit, reason)

    def overflowed(self, call: Call, overflow: Overflow) -> None:
        visit = self._visits.pop(call.id)
        visit.position = overflow.position
        self._waited(call, visit, self._services.clock.wall())
        if overflow.reason == "timeout":
            self._log(lines.exit_with_timeout(self._wall(), call.id, visit.queue, **visit.place()))
        elif visit.refused:
            refused = lines.full if overflow.reason == "full" else lines.join_empty
            self._log(refused(self._wall(), call.id, visit.queue))
        elif overflow.reason == "empty":
            self._log(lines.exit_empty(self._wall(), call.id, visit.queue, **visit.place()))
        self._write(call, visit, overflow.reason)

    def held(self, call: CallId, held: bool) -> None:
        visit = self._visits.get(call)
        if visit is None or visit.agent is None:
            return
        now = self._wall()
        if held:
            visit.held_since = now
            self._log(lines.caller_on_hold(now, call, visit.queue, visit.agent))
        elif visit.held_since is not None:
            held_s, visit.held_since = now - visit.held_since, None
            self._log(lines.caller_off_hold(now, call, visit.queue, visit.agent, held_s=held_s))

    def dumped(self, call: Call) -> None:
        """His agent hung up before they could talk: this stay goes on as if nobody had answered."""
        visit = self._visits[call.id]
        assert visit.agent is not None
        self._log(lines.agent_dump(self._wall(), call.id, visit.queue, visit.agent))
        self._services.bus.publish(
            AgentDumped(
                call=call.id,
                queue=visit.queue,
                agent=visit.agent,
                position=visit.position,
                wall=self._wall(),
                monotonic=self._services.clock.monotonic(),
            )
        )
        call.figures.wait_s -= visit.wait_s
        visit.agent = visit.offer = None
        visit.wait_s = 0.0

    def talk_over(self, call: Call, talked: Talked | None, transfer: Transfer | None = None) -> None:
        visit = self._visits.pop(call.id)
        assert visit.agent is not None
        if talked is None:
            # Nobody talked: the two had no audio for each other, or he hung up between the answer and the bridge.
            who = (self._wall(), call.id, visit.queue)
            deaf = call.over is not None and call.over.cause in (Cause.MEDIA_FAILED, Cause.NO_CODEC)
            self._log(lines.sys_compat(*who, visit.agent) if deaf else lines.abandon(*who, **visit.place()))
            self._write(call, visit, "abandoned")
            return
        by_caller = call.over is not None and call.over.by is By.CALLER
        self._log_end(call, visit, talked, transfer, by_caller=by_caller)
        completed_by = "transfer" if transfer is not None else "caller" if by_caller else "agent"
        self._write(call, visit, "answered", talked.talk_s, talked.hold_s, completed_by)
        self._services.bus.publish(
            QueueTalkEnded(
                call=call.id,
                queue=visit.queue,
                agent=visit.agent,
                waited_s=visit.wait_s,
                talk_s=talked.talk_s,
                hold_s=talked.hold_s,
                completed_by=completed_by,
                wall=self._wall(),
                monotonic=self._services.clock.monotonic(),
            )
        )

    def _log_end(
        self, call: Call, visit: Visit, talked: Talked, transfer: Transfer | None, *, by_caller: bool
    ) -> None:
        """COMPLETECALLER, COMPLETEAGENT, BLINDTRANSFER or ATTENDEDTRANSFER: one of them ends each talk."""
        assert visit.agent is not None
        who = (self._wall(), call.id, visit.queue, visit.agent)
        figures = Ended(
            wait_s=visit.wait_s,
            talk_s=talked.talk_s + talked.hold_s,
            original_position=visit.original_position,
        )
        if transfer is None:
            self._log(lines.complete(*who, by_agent=not by_caller, **figures))
        elif transfer.third is None:
            self._log(lines.blind_transfer(*who, number=transfer.number, **figures))
        else:
            self._log(lines.attended_transfer(*who, other=transfer.third, **figures))

    def state_changed(self, changed: StateChanged) -> None:
        """An agent's wrap-up belongs to the visit before it."""
        if changed.new is _WRAP_UP:
            self._wrap_up_began[changed.agent] = self._services.clock.monotonic()
        elif changed.old is _WRAP_UP:
            now = self._services.clock.monotonic()
            began, row = self._wrap_up_began.pop(changed.agent, now), self._answered.pop(changed.agent, None)
            if row is not None:
                self._services.store.visit(replaced(row, wrapup_s=now - began))

    def _wall(self) -> float:
        return self._services.clock.wall()

    def _log(self, row: QueueLogRow) -> None:
        self._services.queue_log.write(row)

    def _waited(self, call: Call, visit: Visit, now: float) -> None:
        visit.wait_s = max(0.0, now - visit.entered)
        call.figures.wait_s += visit.wait_s

    def _write(
        self,
        call: Call,
        visit: Visit,
        outcome: str,
        talk_s: float = 0.0,
        hold_s: float = 0.0,
        completed_by: str = "",
    ) -> None:
        row = QueueVisit(
            call=call.id,
            queue=visit.queue,
            entered=visit.entered,
            left=visit.entered + visit.wait_s,
            outcome=outcome,
            wait_s=visit.wait_s,
            position=visit.position,
            original_position=visit.original_position,
            priority=visit.priority,
            skills=" ".join(sorted(visit.skills)) or None,
            needs=json.dumps(dict(visit.skills)) if visit.skills else "",
            agent=visit.agent if outcome == "answered" else None,
            talk_s=talk_s,
            hold_s=hold_s,
            completed_by=completed_by,
        )
        self._services.store.visit(row)
        if visit.agent is not None and outcome == "answered":
            self._answered[visit.agent] = row
        if outcome != "answered":
            self._left_fact(call, visit, outcome)

    def _left_fact(self, call: Call, visit: Visit, reason: str) -> None:
        clock = self._services.clock
        self._services.bus.publish(
            CallerLeftQueue(
                call=call.id,
                queue=visit.queue,
                reason=reason,
                waited_s=visit.wait_s,
                position=visit.position,
                original_position=visit.original_position,
                wall=clock.wall(),
                monotonic=clock.monotonic(),
            )
        )
