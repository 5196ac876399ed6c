"""A model of a contact centre that shares no code with the engine: it follows the decisions and checks them.

Who waits, who rings for whom, who talks, who must be left in peace until when. Actions choose what they act on by
`choose`, so that the same model is driven by hypothesis and by long seeded histories.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

from softswitch.acd.engine import Engine
from softswitch.acd.errors import Refused
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
    StateChanged,
    StatusChanged,
    WaitingCall,
)
from softswitch.config.schema import Agent, Delays, Member, Queue
from softswitch.ids import AgentId, CallId, OfferId, QueueName

NAMES = ["ann", "bob", "cid", "dot", "eve"]
QUEUES = ["q", "r", "s"]
DELAYS = Delays(busy_s=4.0, reject_s=0.0, no_answer_s=3.0, failed_s=6.0)
REST = {
    OfferResult.BUSY: 4.0,
    OfferResult.REJECTED: 0.1,
    OfferResult.NO_ANSWER: 3.0,
    OfferResult.FAILED: 6.0,
}
WRAPUP_S = 7.0

Choose = Callable[[Sequence[Any]], Any]


def any_skills(choose: Choose, likely: int) -> dict[str, int]:
    return {skill: choose([1, 1, 2, 3]) for skill in ("a", "b") if choose(range(10)) < likely}


def any_queue(choose: Choose) -> Queue:
    staff = [name for name in NAMES if choose([True, True, False])] if choose([True, False]) else []
    return Queue(
        strategy=choose(["longest-idle", "round-robin", "fewest-calls", "ring-all", "ring-all"]),
        members=tuple(Member(agent=name, penalty=choose([0, 0, 1])) for name in staff),
        skills=any_skills(choose, 2),
        timeout=choose([0.0, 5.0, 15.0]),
        wrapuptime=choose([0.0, WRAPUP_S]),
        weight=choose([0, 1]),
        maxlen=choose([0, 0, 0, 4]),
        max_wait=choose([0.0, 0.0, 12.0, 40.0]),
        joinempty=choose(["yes", "yes", "yes", "logged-in", "no"]),
        leavewhenempty=choose([False, False, True]),
        autopause=choose([0, 0, 2]),
        delays=DELAYS,
        announce_frequency=choose([0.0, 10.0, 30.0]),
    )


class Model:
    def __init__(self, choose: Choose) -> None:
        self.choose = choose
        self.now = 0.0
        self.serial = count()
        self.seen: Counter[str] = Counter()
        self.waiting: dict[str, WaitingCall] = {}
        self.offers: dict[str, Offer] = {}
        self.talks: dict[str, str] = {}
        self.cancelled: list[tuple[float, str]] = []
        self.last_chances: dict[str, float] = {}
        self.states: dict[str, tuple[AgentState, float]] = {}
        self.spent: dict[str, dict[AgentState, float]] = {}
        self.status: dict[str, AgentStatus] = {}
        self.not_before: dict[str, float] = {}
        """When an agent may be rung again, after wrap-up or rest."""
        self.occupied: dict[str, int] = {}
        self._pick()
        self.engine = Engine(
            self.queues, self.agents, self.now, new_offer_id=lambda: OfferId(f"o{next(self.serial)}")
        )
        self._known()
        for name in self.agents:
            self._did(self.engine.agent_status(AgentId(name), AgentStatus.AVAILABLE, "", self.now))

    def _pick(self) -> None:
        choose = self.choose
        kept = [name for name in NAMES if choose(range(4))]
        self.agents = {name: Agent(endpoint=name, skills=any_skills(choose, 7)) for name in kept}
        self.queues: dict[str, Queue] = {}
        for name in QUEUES:
            if choose(range(6)):
                queue = any_queue(choose)
                staff = tuple(member for member in queue.members if member.agent in self.agents)
                self.queues[name] = replace(queue, members=staff)

    def _known(self) -> None:
        for name in self.agents:
            if name not in self.states:
                self.states[name] = (AgentState.OFFLINE, self.now)
                self.spent[name] = dict.fromkeys(AgentState, 0.0)
                self.status[name] = AgentStatus.LOGGED_OUT
                self.occupied[name] = 0

    def _forget(self, name: str) -> None:
        for known in (self.states, self.spent, self.status, self.occupied, self.not_before):
            known.pop(name, None)

    # --- following the decisions --------------------------------------------------------------------------------------

    def _did(self, decisions: list[Decision]) -> None:
        for each in decisions:
            self.seen[type(each).__name__] += 1
            if isinstance(each, Offer):
                self._offered(each)
            elif isinstance(each, CancelOffer):
                self._cancelled(each)
            elif isinstance(each, Connect):
                self._connected(each)
            elif isinstance(each, Overflow):
                self._overflowed(each)
            elif isinstance(each, StateChanged):
                self._changed(each)
            elif isinstance(each, StatusChanged):
                self.status[each.agent] = each.status
            else:
                assert isinstance(each, Announce)
                assert each.call in self.waiting

    def _offered(self, offer: Offer) -> None:
        assert offer.call in self.waiting, "only who waits is offered"
        assert all(other.agent != offer.agent for other in self.offers.values()), "reserved once"
        assert offer.agent not in self.talks
        assert self.status[offer.agent] is AgentStatus.AVAILABLE
        assert self.now >= self.not_before.get(offer.agent, 0.0), "wrap-up and rest are respected"
        assert offer.call not in self.last_chances, "nobody new is rung after the longest wait"
        assert offer.offer not in self.offers
        ringing = [other for other in self.offers.values() if other.call == offer.call]
        assert not ringing or self.queues[offer.queue].strategy == "ring-all" or self.reloaded
        if ringing and not self.reloaded:
            self.seen["more ring"] += 1
            assert self._penalty(offer) <= max(self._penalty(other) for other in ringing)
        chosen = offer.why.candidates[0]
        assert (chosen.agent, chosen.skipped) == (offer.agent, "")
        assert len(offer.why.candidates) <= 50
        self.offers[offer.offer] = offer

    def _penalty(self, offer: Offer) -> int:
        return next(
            (each.penalty for each in self.queues[offer.queue].members if each.agent == offer.agent), 0
        )

    def _cancelled(self, cancel: CancelOffer) -> None:
        offer = self.offers.pop(cancel.offer)
        self.seen[cancel.reason] += 1
        assert (offer.agent, offer.call) == (cancel.agent, cancel.call)
        self.cancelled.append((self.now, cancel.offer))
        if cancel.reason == "no answer":
            self.not_before[cancel.agent] = self.now + REST[OfferResult.NO_ANSWER]

    def _connected(self, connect: Connect) -> None:
        offer = self.offers.pop(connect.offer)
        assert (offer.agent, offer.call) == (connect.agent, connect.call)
        assert connect.agent not in self.talks
        self.talks[connect.agent] = connect.call
        self._left(connect.call)

    def _overflowed(self, overflow: Overflow) -> None:
        self.seen[
            f"{overflow.reason}{' after last chance' if overflow.call in self.last_chances else ''}"
        ] += 1
        assert all(offer.call != overflow.call for offer in self.offers.values()), "nobody rings for him"
        self._left(overflow.call)

    def _left(self, call: str) -> None:
        del self.waiting[call]
        self.last_chances.pop(call, None)

    def _changed(self, change: StateChanged) -> None:
        state, since = self.states[change.agent]
        assert state is change.old
        assert change.new is not change.old
        self.spent[change.agent][state] += self.now - since
        self.states[change.agent] = (change.new, self.now)
        if change.new is AgentState.PAUSED and change.old is AgentState.RINGING:
            self.not_before.pop(change.agent, None)

    # --- actions ------------------------------------------------------------------------------------------------------

    def call(self) -> None:
        if not self.queues:
            return
        given = WaitingCall(
            call=CallId(f"c{next(self.serial)}"),
            queue=QueueName(self.choose(sorted(self.queues))),
            entered=self.now - self.choose([0.0, 0.0, 20.0]),
            joined=self.now,
            priority=self.choose([0, 0, 1, 2]),
            skills=any_skills(self.choose, 2),
        )
        self.waiting[given.call] = given
        self._did(self.engine.call_waiting(given, self.now))

    def gone(self) -> None:
        if not self.waiting:
            return
        call = self.choose(sorted(self.waiting))
        ringing = {offer.agent for offer in self.offers.values() if offer.call == call}
        out = self.engine.call_gone(CallId(call), self.now, self.choose(["abandoned", "key", "withdrawn"]))
        assert {each.agent for each in out if isinstance(each, CancelOffer) and each.call == call} == ringing
        self._left(call)
        self._did(out)

    def answer(self) -> None:
        if not self.offers:
            return
        offer = self.offers[self.choose(sorted(self.offers))]
        others = sum(other.call == offer.call for other in self.offers.values()) - 1
        out = self.engine.offer_result(offer.offer, OfferResult.ANSWERED, self.now)
        assert [each.offer for each in out if isinstance(each, Connect)] == [offer.offer]
        assert sum(isinstance(each, CancelOffer) and each.reason == "lost race" for each in out) == others
        self._did(out)

    def fail(self) -> None:
        if not self.offers:
            return
        offer = self.offers.pop(self.choose(sorted(self.offers)))
        result = self.choose([each for each in OfferResult if each is not OfferResult.ANSWERED])
        if result in REST:
            self.not_before[offer.agent] = self.now + REST[result]
        self._did(self.engine.offer_result(offer.offer, result, self.now))

    def late_result(self) -> None:
        self.cancelled = [each for each in self.cancelled if self.now - each[0] < 60]
        if not self.cancelled:
            return
        result = self.choose(list(OfferResult))
        out = self.engine.offer_result(OfferId(self.choose(self.cancelled[-3:])[1]), result, self.now)
        reasons = [each.reason for each in out if isinstance(each, CancelOffer)]
        assert len(out) == len(reasons)
        assert reasons == (["lost race"] if result is OfferResult.ANSWERED else [])

    def released(self) -> None:
        if not self.talks:
            return
        agent = self.choose(sorted(self.talks))
        out = self.engine.call_released(AgentId(agent), CallId(self.talks.pop(agent)), self.now)
        if any(isinstance(each, StateChanged) and each.new is AgentState.WRAP_UP for each in out):
            self.not_before[agent] = self.now + WRAPUP_S
        self._did(out)
        if agent not in self.agents:
            self._forget(agent)

    def declare(self) -> None:
        if not self.agents:
            return
        self._declare(self.choose(sorted(self.agents)), self.choose([*AgentStatus, AgentStatus.AVAILABLE]))

    def _declare(self, agent: str, status: AgentStatus) -> None:
        in_wrapup = self.states[agent][0] is AgentState.WRAP_UP
        if status is not self.status[agent] and (status is AgentStatus.LOGGED_OUT or not in_wrapup):
            self.not_before.pop(agent, None)
        self._did(self.engine.agent_status(AgentId(agent), status, self.choose(["x", "y"]), self.now))
        assert self.status[agent] is status

    def resume(self) -> None:
        """Everybody back to work, so that histories do not run dry."""
        for name in sorted(self.agents):
            if self.occupied[name]:
                self.occupied[name] -= 1
                self._did(self.engine.agent_occupied(AgentId(name), -1, self.now))
            self._did(self.engine.agent_reachable(AgentId(name), True, self.now))
            if self.status[name] is not AgentStatus.AVAILABLE:
                self._declare(name, AgentStatus.AVAILABLE)

    def reach(self) -> None:
        if self.agents:
            agent = AgentId(self.choose(sorted(self.agents)))
            self._did(self.engine.agent_reachable(agent, self.choose([True, True, False]), self.now))

    def other_call(self) -> None:
        if self.agents:
            agent = self.choose(sorted(self.agents))
            delta = -1 if self.occupied[agent] else 1
            self.occupied[agent] += delta
            self._did(self.engine.agent_occupied(AgentId(agent), delta, self.now))

    def wrapup(self) -> None:
        wrapping = sorted(
            name
            for name, (state, _) in self.states.items()
            if state is AgentState.WRAP_UP and name in self.agents
        )
        if not wrapping:
            return
        agent = self.choose(wrapping)
        if self.choose([True, False]):
            self.not_before[agent] = self.not_before.get(agent, self.now) + 5.0
            self._did(self.engine.wrapup(AgentId(agent), self.now, extend_s=5.0))
        else:
            self.not_before.pop(agent, None)
            self._did(self.engine.wrapup(AgentId(agent), self.now, end=True))

    def reprioritise(self) -> None:
        if self.waiting:
            call = CallId(self.choose(sorted(self.waiting)))
            priority = self.choose([0, 1, 2, 3])
            self._did(self.engine.change_priority(call, priority, self.now))
            self.waiting[call] = replace(self.waiting[call], priority=priority)

    def move(self) -> None:
        if not self.waiting:
            return
        call = CallId(self.choose(sorted(self.waiting)))
        queue = QueueName(self.choose(sorted(self.queues)))
        before = self.engine.snapshot(self.now)
        try:
            out = self.engine.move(call, queue, self.now)
        except Refused:
            assert self.engine.snapshot(self.now) == before
            return
        self.last_chances.pop(call, None)
        self.waiting[call] = replace(self.waiting[call], queue=queue, joined=self.now)
        self._did(out)

    def pass_time(self) -> None:
        until = self.now + self.choose([0.5, 0.5, 3.0, 3.0, 8.0, 30.0])
        for _ in range(5000):
            due = self.engine.next_deadline()
            if due is None or due > until:
                break
            self.now = max(self.now, due)
            self._did(self.engine.tick(self.now))
            self._last_chances()
            self.check()
        else:
            raise AssertionError("the engine asks to be woken for ever")
        self.now = until

    def _last_chances(self) -> None:
        """After a tick whoever has waited longest is either gone or being rung for the last time."""
        for call, given in self.waiting.items():
            longest = self.queues[given.queue].max_wait
            joined = given.entered if given.joined is None else given.joined
            if longest and self.now >= joined + longest:
                assert any(offer.call == call for offer in self.offers.values()), (
                    "waits beyond the longest wait"
                )
                self.last_chances[call] = joined + longest

    def reload(self) -> None:
        self.reloaded = True
        self._pick()
        self.last_chances.clear()
        out = self.engine.configure(self.queues, self.agents, self.now)
        self._known()
        self._did(out)
        for name in [name for name in self.states if name not in self.agents and name not in self.talks]:
            self._forget(name)

    reloaded = False
    """Offers may ring on that the new configuration would not make."""

    ACTIONS = (
        call,
        gone,
        answer,
        fail,
        late_result,
        released,
        declare,
        reach,
        other_call,
        wrapup,
        reprioritise,
        move,
    )
    OFTEN = (call, call, call, answer, answer, released, released, fail, pass_time, pass_time, resume)

    # --- what must hold -----------------------------------------------------------------------------------------------

    def check(self) -> None:
        assert self.engine.invariants() == []
        self._nobody_is_lost()
        self._work_is_conserved()
        self._times_sum_up()

    def _nobody_is_lost(self) -> None:
        snapshot = self.engine.snapshot(self.now)
        views = {caller.call: caller for queue in snapshot.queues for caller in queue.waiting}
        assert set(views) == set(self.waiting)
        ringing = {(offer.call, offer.agent) for offer in self.offers.values()}
        assert {(call, agent) for call, view in views.items() for agent in view.ringing} == ringing
        for queue in snapshot.queues:
            order = [
                (-self.waiting[each.call].priority, self.waiting[each.call].entered) for each in queue.waiting
            ]
            assert order == sorted(order)
            assert [caller.position for caller in queue.waiting] == list(range(1, len(order) + 1))
            assert all(self.waiting[caller.call].queue == queue.queue for caller in queue.waiting)

    def _work_is_conserved(self) -> None:
        offered = {offer.call for offer in self.offers.values()}
        for call, given in self.waiting.items():
            if call in offered:
                continue
            queue = self.queues[given.queue]
            for name, agent in self.agents.items():
                serves = not queue.members or any(member.agent == name for member in queue.members)
                able = all(
                    agent.skills.get(skill, 0) >= level
                    for part in (queue.skills, given.skills)
                    for skill, level in part.items()
                )
                assert not (serves and able and self.states[name][0] is AgentState.IDLE), (name, call)

    def _times_sum_up(self) -> None:
        for view in self.engine.snapshot(self.now).agents:
            state, since = self.states[view.agent]
            assert view.state is state
            assert view.status is self.status[view.agent]
            assert (state is AgentState.TALKING) == (view.agent in self.talks)
            for each, seconds in self.spent[view.agent].items():
                expected = seconds + (self.now - since if each is state else 0.0)
                assert abs(view.times[each] - expected) < 1e-6
