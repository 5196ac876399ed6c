"""Drives the queue engine: callers in, agents' phones ringing, and each decision carried out the moment it is made.

The engine decides and reserves; this file only acts. One loop timer stands for the engine's next deadline.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import structlog

from softswitch.acd.engine import Engine
from softswitch.acd.errors import AcdError
from softswitch.acd.values import (
    Announce,
    CancelOffer,
    Connect,
    Decision,
    Healed,
    Offer,
    OfferResult,
    Overflow,
    PauseOverdue,
    StateChanged,
    StatusChanged,
    StrategyFailed,
    WaitingCall,
)
from softswitch.call.call import Call
from softswitch.call.callbacks import Callbacks
from softswitch.call.desk import Desk
from softswitch.call.kept_places import KeptPlaces
from softswitch.call.leg import Leg
from softswitch.call.offers import Offers
from softswitch.call.queue_alarms import QueueAlarms
from softswitch.call.services import Services
from softswitch.call.stages import Wait
from softswitch.call.visits import Talked, Transfer, Visits
from softswitch.ids import AgentId, CallId, OfferId, QueueName

AWAITED_S = 5.0
"""How long nobody is rung after a restart, while callers who waited before it have not entered again."""

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Connected:
    agent: AgentId
    leg: Leg
    taken: bool = False


class Dispatcher:
    def __init__(self, services: Services, engine: Engine, visits: Visits) -> None:
        self.engine = engine
        self.desk = Desk(services, engine, self.act)
        self.callbacks = Callbacks(services, engine, self.act)
        self.callbacks.ring = self._ring_back
        self.places = KeptPlaces(services)
        self.offers = Offers(services, self.desk, self._offer_result)
        self._services = services
        self.visits = visits
        self._calls: dict[CallId, Call] = {}
        """Callers who wait."""
        self._connected: dict[CallId, Connected] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        """What it is armed for, monotonic."""
        self.alarms = QueueAlarms(
            services,
            engine,
            self.act,
            lambda: (self._calls.keys() | self.callbacks.places(), self._connected.keys()),
        )
        self._handlers: dict[type[Any], Callable[[Any], None]] = {
            Offer: self._offer,
            CancelOffer: self._cancel_offer,
            Connect: self._connect,
            Overflow: self._overflow,
            Announce: self._announce,
            StatusChanged: self._status_changed,
            StateChanged: self._state_changed,
            PauseOverdue: self.alarms.overdue,
            StrategyFailed: self.alarms.strategy_failed,
            Healed: self.alarms.healed,
        }

    def _now(self) -> float:
        return self._services.clock.monotonic()

    # --- what calls ask for -----------------------------------------------------------------------------------------

    def enter(self, call: Call, stage: Wait) -> bool:
        """The caller waits, since `stage.entered`; Connect, Overflow and Announce come to his mailbox. False: the queue
        refuses him, and Overflow is there already."""
        clock = self._services.clock
        joined = clock.monotonic() - max(0.0, clock.wall() - stage.entered)
        waiting = WaitingCall(
            call=call.id,
            queue=stage.queue,
            entered=joined - stage.waited_s,
            joined=joined,
            priority=stage.priority,
            skills=stage.skills,
            preferred=stage.preferred,
            agents=stage.agents,
            agents_s=stage.agents_s,
            ani=call.ani,
            restored=stage.kept,
        )
        if self.engine.waits(call.id):  # he was called back, and stands in his place already
            self._calls[call.id] = call
            self.visits.begin(call, stage, self.engine.position(call.id), refused=False)
            self.act(self.engine.embody(call.id, self._now()))
            self.callbacks.start_reserved(call)
            return True
        self._calls[call.id] = call
        decisions = self.engine.call_waiting(waiting, self._now())
        refused = [one for one in decisions if isinstance(one, Overflow) and one.call == call.id]
        position = refused[0].position if refused else self.engine.position(call.id)
        self.visits.begin(call, stage, position, refused=bool(refused))
        self.act(decisions)
        return not refused

    def await_callers(self, calls: Iterable[CallId]) -> None:
        """They waited before a restart, and enter again: nobody is rung before all have."""
        awaited = frozenset(calls)
        if awaited:
            self.engine.await_callers(awaited, self._now() + AWAITED_S)
            self._arm()

    def not_coming(self, call: CallId) -> None:
        """A call from before a restart is over, or goes on elsewhere."""
        self.act(self.engine.not_coming(call, self._now()))

    def leave(self, call: Call, reason: str, key: str = "") -> None:
        """The caller waits no more, by himself: `abandoned`, `key`, or `withdrawn`, when `key` says what for."""
        connected = self._connected.get(call.id)
        if connected is not None and not connected.taken:
            self.talk_over(call, None)  # the call owns the phone already and hangs it up at its end
            return
        if self._calls.pop(call.id, None) is None:
            return
        position = self.engine.position(call.id) or 1
        decisions = self.engine.call_gone(call.id, self._now(), reason)
        self.act(decisions)
        self.visits.left(call, reason, position=position, key=key)

    def change_priority(self, call: Call, priority: int) -> None:
        """He waits on with another one, which a restart finds too."""
        visit = self.visits.of(call.id)
        if visit is not None:
            visit.priority = priority
        self.act(self.engine.change_priority(call.id, priority, self._now()))
        self._services.changed(call.id)

    def waits(self, call: CallId) -> bool:
        """False when an agent has answered or the queue has given up, and the call has still to read so."""
        return call in self._calls

    def take(self, call: Call) -> Leg:
        """The agent's phone that answered this caller; the call owns it now."""
        connected = self._connected[call.id]
        connected.taken = True
        return connected.leg

    def dumped(self, call: Call) -> None:
        """The agent hung up before they could talk: he goes to wrap-up, the caller waits on."""
        connected = self._connected.pop(call.id)
        self.visits.dumped(call)
        self.act(self.engine.call_released(connected.agent, call.id, self._now()))

    def take_up(self, call: Call, agent: AgentId, leg: Leg, queue: QueueName, since: float) -> None:
        """The caller talks to this agent, since before this process began. Raises OurError or PeerError when that cannot
        be any more."""
        decisions = self.engine.restore_talk(agent, call.id, queue, since, self._now())
        self._connected[call.id] = Connected(agent, leg, taken=True)
        self.act(decisions)

    def held(self, call: CallId, held: bool) -> None:
        self.visits.held(call, held)

    def talk_over(self, call: Call, talked: Talked | None, transfer: Transfer | None = None) -> None:
        """The talk with an agent is over, or never began (None): he goes to wrap-up. Nothing for calls without one."""
        connected = self._connected.pop(call.id, None)
        if connected is None:
            return
        self.visits.talk_over(call, talked, transfer)
        if connected.leg is call.caller and call.over is None:
            self._services.lines.no_queue_call(connected.leg.id)  # it was the caller who left
        self.act(self.engine.call_released(connected.agent, call.id, self._now()))

    def reached(self, call: Call, stage: Wait, connect: Connect) -> None:
        """One who was called back after his agent is on the line: his stay and their talk begin."""
        leg = self._connected[call.id].leg
        self.visits.begin(call, stage, connect.position, refused=False)
        self.visits.connected(call, connect, leg=leg.id, rang_s=0.0)

    def let_go(self, call: Call) -> None:
        """One who was called back could not be reached: his agent is free again."""
        self._calls.pop(call.id, None)
        connected = self._connected.pop(call.id, None)
        if connected is None:
            return
        self.act(self.engine.call_released(connected.agent, call.id, self._now()))
        try:
            self.act(self.engine.wrapup(connected.agent, self._now(), end=True))
        except AcdError:
            pass  # he has no wrap-up

    def callers(self) -> frozenset[CallId]:
        """Calls that wait, ring agents or have one."""
        return frozenset(self._calls) | frozenset(self._connected) | self.offers.callers()

    # --- what the engine decides --------------------------------------------------------------------------------------

    def act(self, decisions: Iterable[Decision]) -> None:
        """Carry out decisions in order, then set the timer for the next one that time will make. One that cannot be
        carried out holds up neither the others nor the timer."""
        for decision in decisions:
            try:
                self._handlers[type(decision)](decision)
            except Exception:
                _log.exception("a decision of the queues could not be carried out", decision=decision)
        if self._services.config.general.log_level == "debug":
            self.alarms.look_close()
        self._arm()

    def _arm(self) -> None:
        """A timer that runs out too early is left to do so, and armed again then: each call has deadlines of its own, of
        which the most are never reached."""
        deadline = self.engine.next_deadline()
        if deadline is None or (self._timer is not None and self._due <= deadline):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._due = deadline
        delay = max(0.0, deadline - self._now())
        self._timer = asyncio.get_running_loop().call_later(delay, self._tick)

    def _tick(self) -> None:
        self._timer = None
        deadline = self.engine.next_deadline()
        if deadline is not None and deadline <= self._now():
            self.act(self.engine.tick(self._now()))
        else:
            self._arm()

    def _offer(self, offer: Offer) -> None:
        call = self._calls.get(offer.call)
        if call is None:
            self.callbacks.offered(offer)
        else:
            self.offers.start(offer, call)

    def _ring_back(self, offer: Offer, call: Call) -> None:
        self._calls[call.id] = call
        self.offers.start(offer, call)

    def _offer_result(self, offer: OfferId, result: OfferResult) -> None:
        self.act(self.engine.offer_result(offer, result, self._now()))

    def _cancel_offer(self, cancelled: CancelOffer) -> None:
        self.callbacks.withdrawn(cancelled.offer)
        self.offers.cancel(cancelled.offer, cancelled.reason)

    def _connect(self, connect: Connect) -> None:
        call = self._calls.pop(connect.call)
        leg, rang_s = self.offers.take(connect.offer)
        self._connected[call.id] = Connected(connect.agent, leg)
        call.adopt(leg)
        if self.visits.of(call.id) is not None:  # else he is being called back, and not on the line yet
            self.visits.connected(call, connect, leg=leg.id, rang_s=rang_s)
        call.post(connect)

    def _overflow(self, overflow: Overflow) -> None:
        if self.callbacks.queue_gone(overflow.call):
            attempt = self._calls.pop(overflow.call, None)
            if attempt is not None:
                attempt.post(overflow)
            return
        call = self._calls.pop(overflow.call)
        self.visits.overflowed(call, overflow)
        call.post(overflow)

    def _announce(self, announce: Announce) -> None:
        call = self._calls.get(announce.call)
        if call is not None:
            call.post(announce)

    def _status_changed(self, changed: StatusChanged) -> None:
        self.desk.status_changed(changed)
        self.alarms.status_changed(changed)

    def _state_changed(self, changed: StateChanged) -> None:
        self.desk.state_changed(changed)
        self.visits.state_changed(changed)

    def close(self) -> None:
        self.callbacks.close()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
