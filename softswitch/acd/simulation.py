"""Replays a day through the real engine on virtual time: same callers, same people at work, perhaps other rules.

What is taken as it was: when each caller came, with which priority and skills; how long his talk and wrap-up lasted;
when each agent was logged in, paused (automatic pauses too: the engine makes none of its own here), away or on a call of
his own. What is drawn, from one seed: patience of those who were answered (`patience`), talk and wrap-up of those who
were not (from those of the same queue), and how each offer is taken (from those of the same agent). Draws belong to the
caller, so two runs of one seed differ by their rules only.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from heapq import heappop, heappush
from itertools import count
from math import inf
from typing import Protocol

from softswitch.acd.day import ABANDONED, ANSWERED, Arrival, Day, Duty, Reaction
from softswitch.acd.engine import Engine
from softswitch.acd.errors import AcdError
from softswitch.acd.habits import Handling
from softswitch.acd.promises import Promise
from softswitch.acd.rules import Rules
from softswitch.acd.values import (
    AgentState,
    AgentStatus,
    Announce,
    CancelOffer,
    Connect,
    Decision,
    Offer,
    OfferResult,
    Overflow,
    WaitingCall,
)
from softswitch.acd.wait_range import WaitRange
from softswitch.config.matching import Matching
from softswitch.config.queues import Agent, Queue
from softswitch.config.target import Target
from softswitch.ids import AgentId, CallId, OfferId, QueueName

AFTER_S = 4 * 3600.0
"""Those who still wait so long after the day has ended are given up."""
_SLIGHT_S = 0.05
"""Wrap-up that differs by less is the engine's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Who serves what by which rules."""

    queues: Mapping[str, Queue]
    agents: Mapping[str, Agent]
    duties: tuple[Duty, ...]
    matching: Matching = field(default_factory=Matching)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What became of one caller in one queue."""

    call: CallId
    queue: QueueName
    at: float
    outcome: str
    """`answered`, `abandoned`, a reason of `Overflow`, or `unfinished`."""
    waited_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    fates: tuple[Fate, ...]
    times: Mapping[AgentId, Mapping[str, float]] = field(default_factory=dict)
    """Seconds of each agent in each state until the end of the day."""
    promises: tuple[Promise, ...] = ()
    """Every range that a caller was told, in order of time."""


class People(Protocol):
    """What people do; `habits.Habits` learns it from the day."""

    def patience(self, arrival: Arrival) -> float: ...

    def handling(self, arrival: Arrival) -> Handling: ...

    def reaction(self, agent: AgentId) -> Reaction: ...


class Simulation:
    """One run; make it, then `run`."""

    def __init__(self, day: Day, plan: Plan, habits: People) -> None:
        self._day, self._plan, self._habits = day, plan, habits
        queues = {
            name: replace(queue, autopause=0, strategy_plugin="") for name, queue in plan.queues.items()
        }
        self._queues = queues
        serial = count(1)
        self._engine = Engine(
            queues,
            plan.agents,
            day.since,
            new_offer_id=lambda: OfferId(str(next(serial))),
            rules=Rules(matching=plan.matching),
        )
        self._events: list[tuple[float, int, Callable[[float], list[Decision]]]] = []
        self._serial = count()
        self._callers: dict[CallId, tuple[Arrival, float]] = {}
        """Those who wait, and when they joined this queue."""
        self._ringing: set[OfferId] = set()
        self._busy: dict[AgentId, int] = {}
        self._fates: list[Fate] = []
        self._times: dict[AgentId, Mapping[str, float]] = {}
        self._promises: list[Promise] = []

    def run(self) -> Outcome:
        day, engine = self._day, self._engine
        for duty in self._plan.duties:
            if AgentId(duty.agent) in self._plan.agents:
                self._at(max(day.since, duty.began), partial(self._declare, duty))
        for agent, ended in self._last(day.until).items():
            self._at(ended, partial(self._home, agent))
        for arrival in day.arrivals:
            if arrival.queue in self._queues and not arrival.follows:
                self._at(arrival.at, partial(self._arrive, arrival))
        self._at(day.until, self._close)
        while self._events:
            due = engine.next_deadline()
            now = self._events[0][0]
            if due is not None and due < now:
                self._act(engine.tick(due), due)
                continue
            if now > day.until + AFTER_S:
                break
            self._act(heappop(self._events)[2](now), now)
        for call in list(self._callers):
            self._end(call, "unfinished", day.until + AFTER_S)
        return Outcome(fates=tuple(self._fates), times=self._times, promises=tuple(self._promises))

    def _last(self, until: float) -> dict[AgentId, float]:
        """When each agent was last seen at work."""
        last: dict[AgentId, float] = {}
        for duty in self._plan.duties:
            if AgentId(duty.agent) in self._plan.agents:
                last[duty.agent] = max(duty.ended, last.get(duty.agent, 0.0))
        return {agent: ended for agent, ended in last.items() if ended < until}

    def _at(self, when: float, what: Callable[[float], list[Decision]]) -> None:
        heappush(self._events, (when, next(self._serial), what))

    # --- agents -------------------------------------------------------------------------------------------------------

    def _declare(self, duty: Duty, now: float) -> list[Decision]:
        engine, out = self._engine, []
        view = engine.agent_view(duty.agent, now)
        if (view.status, view.reason) != (duty.status, duty.reason):
            out += engine.agent_status(duty.agent, duty.status, duty.reason, now)
        out += engine.agent_reachable(duty.agent, duty.reachable, now)
        busy = self._busy.get(duty.agent, 0)
        if duty.occupied != bool(busy):
            self._busy[duty.agent] = int(duty.occupied)
            out += engine.agent_occupied(duty.agent, 1 if duty.occupied else -1, now)
        return out

    def _home(self, agent: AgentId, now: float) -> list[Decision]:
        if self._engine.agent_view(agent, now).status is AgentStatus.LOGGED_OUT:
            return []
        return self._engine.agent_status(agent, AgentStatus.LOGGED_OUT, "", now)

    def _close(self, now: float) -> list[Decision]:
        """The day is over: what agents did until now counts, and who waits is served to the end."""
        snapshot = self._engine.snapshot(now)
        self._times = {
            view.agent: {state.value: seconds for state, seconds in view.times.items()}
            for view in snapshot.agents
        }
        return []

    # --- callers ------------------------------------------------------------------------------------------------------

    def _arrive(self, arrival: Arrival, now: float) -> list[Decision]:
        patience = self._habits.patience(arrival)
        if patience < inf:
            self._at(arrival.at + patience, lambda when: self._give_up(arrival.call, when))
        return self._join(arrival, now)

    def _join(self, arrival: Arrival, now: float) -> list[Decision]:
        self._callers[arrival.call] = arrival, now
        return self._engine.call_waiting(
            WaitingCall(
                call=arrival.call,
                queue=arrival.queue,
                entered=arrival.at,
                joined=now,
                priority=arrival.priority,
                skills=arrival.skills,
                ani=arrival.ani,
            ),
            now,
        )

    def _give_up(self, call: CallId, now: float) -> list[Decision]:
        if call not in self._callers:
            return []
        self._end(call, ABANDONED, now)
        return self._engine.call_gone(call, now)

    def _end(self, call: CallId, outcome: str, now: float) -> Arrival:
        arrival, joined = self._callers.pop(call)
        waited_s = max(0.0, now - joined)
        self._fates.append(
            Fate(call=call, queue=arrival.queue, at=joined, outcome=outcome, waited_s=waited_s)
        )
        return arrival

    # --- what the engine decides --------------------------------------------------------------------------------------

    def _act(self, decisions: list[Decision], now: float) -> None:
        pending = list(decisions)
        while pending:
            decision = pending.pop(0)
            match decision:
                case Offer():
                    self._offer(decision, now)
                case CancelOffer():
                    self._ringing.discard(decision.offer)
                case Connect():
                    self._connect(decision, now)
                case Overflow():
                    pending += self._overflow(decision, now)
                case Announce(wait=WaitRange() as wait):
                    told = wait.told()
                    self._promises.append(
                        Promise(
                            call=decision.call,
                            queue=decision.queue,
                            at=now,
                            low_s=told.low_s,
                            high_s=told.high_s,
                            expected_s=told.expected_s,
                            exact=(wait.low_s, wait.high_s),
                        )
                    )

    def _offer(self, offer: Offer, now: float) -> None:
        reaction = self._habits.reaction(offer.agent)
        self._ringing.add(offer.offer)
        if reaction.result is not OfferResult.NO_ANSWER or offer.ring_s <= 0:
            self._at(now + reaction.after_s, lambda when: self._result(offer.offer, reaction.result, when))

    def _result(self, offer: OfferId, result: OfferResult, now: float) -> list[Decision]:
        if offer not in self._ringing:
            return []
        self._ringing.discard(offer)
        return self._engine.offer_result(offer, result, now)

    def _connect(self, connect: Connect, now: float) -> None:
        handling = self._habits.handling(self._end(connect.call, ANSWERED, now))
        self._at(
            now + handling.talk_s,
            lambda when: self._hang_up(connect.agent, connect.call, handling.wrapup_s, when),
        )

    def _hang_up(self, agent: AgentId, call: CallId, wrapup_s: float, now: float) -> list[Decision]:
        engine = self._engine
        out = engine.call_released(agent, call, now)
        if wrapup_s >= 0 and agent in self._plan.agents:
            own = engine.agent_view(agent, now).wrapup_left_s
            if own > 0 and wrapup_s > own + _SLIGHT_S:
                out += engine.wrapup(agent, now, extend_s=wrapup_s - own)
            elif own > wrapup_s + _SLIGHT_S:
                self._at(now + wrapup_s, lambda when: self._ready(agent, when))
        return out

    def _ready(self, agent: AgentId, now: float) -> list[Decision]:
        if self._engine.agent_view(agent, now).state is not AgentState.WRAP_UP:
            return []
        try:
            return self._engine.wrapup(agent, now, end=True)
        except AcdError:
            return []

    def _overflow(self, overflow: Overflow, now: float) -> list[Decision]:
        arrival = self._end(overflow.call, overflow.reason, now)
        target = Target.parse(overflow.target)
        if target.kind != "queue" or target.name not in self._queues:
            return []
        moved = replace(arrival, queue=QueueName(target.name), call=CallId(f"{arrival.call}+"))
        if len(moved.call) - len(moved.call.rstrip("+")) > len(self._queues):
            return []  # queues that lead to each other in a circle
        return self._arrive_again(moved, now)

    def _arrive_again(self, arrival: Arrival, now: float) -> list[Decision]:
        """He goes on in the next queue with his age; his patience goes on too."""
        patience = self._habits.patience(replace(arrival, call=CallId(arrival.call.rstrip("+"))))
        if patience < inf:
            when = max(now, arrival.at + patience)
            self._at(when, lambda then: self._give_up(arrival.call, then))
        return self._join(arrival, now)
