"""A model of a contact centre that shares no code with the engine: it follows the decisions and checks them.

Who waits, who rings for whom, who talks, who must be left in peace until when. Actions choose what they act on by
`choose`, so that the same model is driven by hypothesis and by long seeded histories.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import replace
from itertools import count
from typing import Any

from softswitch.acd.engine import Engine
from softswitch.acd.errors import Refused
from softswitch.acd.facts import AgentFacts, CallerFacts
from softswitch.acd.rules import Rules
from softswitch.acd.strategy import STRATEGIES
from softswitch.acd.values import (
    AgentState,
    AgentStatus,
    Announce,
    CancelOffer,
    Candidate,
    Connect,
    Decision,
    Offer,
    OfferResult,
    Overflow,
    PauseOverdue,
    StateChanged,
    StatusChanged,
    StrategyFailed,
    WaitingCall,
)
from softswitch.config.matching import Matching, PauseReason, Step, Surge
from softswitch.config.queues import Agent, Delays, Member, Queue
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
STEPS = (
    Step(after=4.0, skills={"a": 1, "b": 0}, max_penalty=1),
    Step(after=9.0, also={"b": 1}),
)
SKILLED_SURGE = Surge(waiting=3, until=2, skills={"a": 1})
REASONS = {"x": PauseReason(max_agents=1), "y": PauseReason(max_minutes=0.2, then="resume")}


def _last(caller: CallerFacts, agents: Sequence[AgentFacts]) -> str:
    return agents[-1].agent


def _raises(caller: CallerFacts, agents: Sequence[AgentFacts]) -> str:
    raise RuntimeError("broken")


def _nonsense(caller: CallerFacts, agents: Sequence[AgentFacts]) -> str:
    return "nobody"


PLUGINS = {"last": _last, "raises": _raises, "nonsense": _nonsense}

Choose = Callable[[Sequence[Any]], Any]


def any_skills(choose: Choose, likely: int) -> dict[str, int]:
    return {skill: choose([1, 1, 2, 3]) for skill in ("a", "b") if choose(range(10)) < likely}


def any_queue(choose: Choose) -> Queue:
    staff = [name for name in NAMES if choose([True, True, False])] if choose([True, False]) else []
    return Queue(
        strategy=choose([*STRATEGIES, "ring-all", "progressive"]),
        strategy_plugin=choose(["", "", "", "", "last", "raises", "nonsense"]),
        progressive_s=2.0,
        preferred_skills=choose([{}, {}, {"b": 2}]),
        skilled_first=choose([True, True, False]),
        max_penalty=choose([None, None, 0]),
        steps=choose([(), (), STEPS[:1], STEPS]),
        surge=choose([None, None, Surge(waiting=3, until=1, agents=("dot", "eve")), SKILLED_SURGE]),
        autopause_on=choose([("no answer",), ("no answer", "busy", "rejected")]),
        autopause_release_s=choose([0.0, 5.0]),
        members=tuple(Member(agent=name, penalty=choose([0, 0, 1])) for name in staff),
        skills=any_skills(choose, 2),
        timeout=choose([0.0, 5.0, 15.0]),
        wrapuptime=choose([0.0, WRAPUP_S]),
        weight=choose([0, 1]),
        maxlen=choose([0, 0, 0, 4]),
        max_wait=choose([0.0, 0.0, 12.0, 40.0]),
        joinempty=choose(["yes", "yes", "yes", "logged-in", "no", "paused,inuse,ringing"]),
        leavewhenempty=choose([False, False, False, True, "strict", "inuse,wrapup"]),
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
        self.unread: dict[str, Sequence[Candidate]] = {}
        """Candidates of each offer, which nobody has asked for yet."""
        self.talks: dict[str, str] = {}
        self.cancelled: list[tuple[float, str]] = []
        self.last_chances: dict[str, float] = {}
        self.states: dict[str, tuple[AgentState, float]] = {}
        self.spent: dict[str, dict[AgentState, float]] = {}
        self.status: dict[str, AgentStatus] = {}
        self.not_before: dict[str, float] = {}
        """When an agent may be rung again, after wrap-up or rest."""
        self.occupied: dict[str, int] = {}
        self.untied: set[str] = set()
        """Callers who are no more bound to the agents they want."""
        self.rules = Rules(
            matching=Matching(priority_ageing_s=choose([0.0, 0.0, 10.0]), seed=7),
            pause_reasons=REASONS,
            plugins=PLUGINS,
        )
        self._pick()
        self.engine = self._new_engine()
        self._known()
        for name in self.agents:
            self._did(self.engine.agent_status(AgentId(name), AgentStatus.AVAILABLE, "", self.now))

    def _new_engine(self) -> Engine:
        return Engine(
            self.queues,
            self.agents,
            self.now,
            new_offer_id=lambda: OfferId(f"o{next(self.serial)}"),
            rules=self.rules,
        )

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
            elif isinstance(each, Announce):
                assert each.call in self.waiting
            else:
                assert isinstance(each, PauseOverdue | StrategyFailed), each

    def _offered(self, offer: Offer) -> None:
        assert offer.call in self.waiting, "only who waits is offered"
        assert all(other.agent != offer.agent for other in self.offers.values()), "reserved once"
        assert offer.agent not in self.talks
        assert self.status[offer.agent] is AgentStatus.AVAILABLE
        assert self.now >= self.not_before.get(offer.agent, 0.0), "wrap-up and rest are respected"
        assert offer.call not in self.last_chances, "nobody new is rung after the longest wait"
        assert offer.offer not in self.offers
        ringing = [other for other in self.offers.values() if other.call == offer.call]
        strategy = self.queues[offer.queue].strategy
        assert not ringing or strategy in ("ring-all", "progressive") or self.reloaded
        if ringing and not self.reloaded:
            self.seen["more ring" if strategy == "ring-all" else "one more rings"] += 1
            if strategy == "ring-all":
                assert self._penalty(offer) <= max(self._penalty(other) for other in ringing)
        if not ringing:
            self._in_order(offer.call)
        self._may_serve(offer)
        self.unread[offer.offer] = copy(offer.why.candidates)
        chosen = offer.why.candidates[0]
        assert (chosen.agent, chosen.skipped) == (offer.agent, "")
        assert len(offer.why.candidates) <= 50
        self.offers[offer.offer] = offer

    def _in_order(self, call: str) -> None:
        """Nobody who needs the same is passed over."""
        offered = {other.call for other in self.offers.values()}
        mine = self.waiting[CallId(call)]
        for other, given in self.waiting.items():
            if other == call or other in offered or mine.agents or given.agents:
                continue
            if self._needs(given) == self._needs(mine):
                assert self.rank(given) >= self.rank(mine), f"{other} was to be served before {call}"
                self.seen["order looked at"] += 1

    def _needs(self, given: WaitingCall) -> tuple[object, ...]:
        return given.queue, given.skills, self._step(given)

    def rank(self, given: WaitingCall) -> tuple[float, float]:
        ageing_s = self.rules.matching.priority_ageing_s
        if ageing_s:
            return (0.0, given.entered - ageing_s * given.priority)
        return (-given.priority, given.entered)

    def _step(self, given: WaitingCall) -> int:
        joined = given.entered if given.joined is None else given.joined
        return sum(joined + step.after <= self.now for step in self.queues[given.queue].steps)

    def serves(self, given: WaitingCall, name: str, *, surging: bool) -> bool:
        """Worked out from the configuration alone."""
        queue, skills = self.queues[given.queue], self.agents[name].skills
        needed = {
            skill: max(queue.skills.get(skill, 0), given.skills.get(skill, 0))
            for skill in {*queue.skills, *given.skills}
        }
        most = 99 if queue.max_penalty is None else queue.max_penalty
        others = []
        for step in queue.steps[: self._step(given)]:
            needed |= {
                skill: min(needed[skill], level) for skill, level in step.skills.items() if skill in needed
            }
            most = max(most, step.max_penalty or 0)
            if step.also:
                others.append(step.also)
        own = {
            skill: level
            for skill, level in needed.items()
            if skill in given.skills and skill not in queue.skills
        }
        penalties = {member.agent: member.penalty for member in queue.members}
        able = all(skills.get(skill, 0) >= level for skill, level in needed.items())
        if able and (not queue.members or penalties.get(name, 1000) <= most):
            return True
        surge = queue.surge
        if surging and surge is not None and (name in surge.agents if surge.agents else True):
            others.append(surge.skills)
        return any(
            all(
                skills.get(skill, 0) >= max(other.get(skill, 0), own.get(skill, 0))
                for skill in {*other, *own}
            )
            for other in others
        )

    def _may_serve(self, offer: Offer) -> None:
        given = self.waiting[offer.call]
        if not self.reloaded:
            assert offer.agent in given.agents or self.serves(given, offer.agent, surging=True)
            if not self.serves(given, offer.agent, surging=False):
                self.seen["surge or wanted"] += 1
        if given.agents and offer.call not in self.untied:
            self.seen["wanted"] += offer.agent in given.agents

    def _penalty(self, offer: Offer) -> int:
        return next(
            (each.penalty for each in self.queues[offer.queue].members if each.agent == offer.agent), 0
        )

    def _cancelled(self, cancel: CancelOffer) -> None:
        offer = self.offers.pop(cancel.offer)
        self.untied.add(offer.call)
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
            agents=self.choose([(), (), (), (), (AgentId("ann"),), (AgentId("cid"), AgentId("dot"))]),
            agents_s=self.choose([0.0, 10.0]),
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
        self.untied.add(offer.call)
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
        reason = self.choose(["x", "y"])
        paused = [view.agent for view in self.engine.snapshot(self.now).agents if view.reason == "x"]
        paused = [name for name in paused if self.status[name] is AgentStatus.PAUSED and name != agent]
        if status is AgentStatus.PAUSED and reason == "x" and paused:
            self._refused(agent, reason)
            return
        self._did(self.engine.agent_status(AgentId(agent), status, reason, self.now))
        assert self.status[agent] is status

    def _refused(self, agent: str, reason: str) -> None:
        before = self.engine.snapshot(self.now)
        view = self.engine.agent_view(AgentId(agent), self.now)
        if (view.status, view.reason) == (AgentStatus.PAUSED, reason):
            return
        try:
            self.engine.agent_status(AgentId(agent), AgentStatus.PAUSED, reason, self.now)
        except Refused:
            self.seen["pause refused"] += 1
            assert self.engine.snapshot(self.now) == before
        else:
            raise AssertionError("more agents pause than may")

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
            out = self.engine.change_priority(call, priority, self.now)
            self.waiting[call] = replace(self.waiting[call], priority=priority)
            self._did(out)

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
        self.untied.discard(call)

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
        self.rules = replace(
            self.rules, matching=replace(self.rules.matching, priority_ageing_s=self.choose([0.0, 10.0]))
        )
        out = self.engine.configure(self.queues, self.agents, self.now, self.rules)
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
        self._reasons_stay()
        self._nobody_is_lost()
        self._work_is_conserved()
        self._times_sum_up()

    def _reasons_stay(self) -> None:
        """Reasons that are asked for now are those that held when the offer was made."""
        for name, offer in self.offers.items():
            assert tuple(copy(self.unread[name])) == tuple(offer.why.candidates)

    def _nobody_is_lost(self) -> None:
        snapshot = self.engine.snapshot(self.now)
        views = {caller.call: caller for queue in snapshot.queues for caller in queue.waiting}
        assert set(views) == set(self.waiting)
        ringing = {(offer.call, offer.agent) for offer in self.offers.values()}
        assert {(call, agent) for call, view in views.items() for agent in view.ringing} == ringing
        for queue in snapshot.queues:
            order = [self.rank(self.waiting[each.call]) for each in queue.waiting]
            assert order == sorted(order)
            assert [caller.position for caller in queue.waiting] == list(range(1, len(order) + 1))
            assert all(self.waiting[caller.call].queue == queue.queue for caller in queue.waiting)

    def _work_is_conserved(self) -> None:
        offered = {offer.call for offer in self.offers.values()}
        for call, given in self.waiting.items():
            if call in offered:
                continue
            if self._may_be_tied(call, given):
                continue
            surge = self.queues[given.queue].surge
            line = sum(other.queue == given.queue for other in self.waiting.values())
            surging = surge is not None and line >= surge.waiting
            for name in self.agents:
                if self.states[name][0] is AgentState.IDLE:
                    assert not self.serves(given, name, surging=surging), (name, call)

    def _may_be_tied(self, call: str, given: WaitingCall) -> bool:
        """He may wait for certain agents alone."""
        joined = given.entered if given.joined is None else given.joined
        if not given.agents or call in self.untied or self.now >= joined + given.agents_s:
            return False
        if not any(self.status.get(name) is AgentStatus.AVAILABLE for name in given.agents):
            self.untied.add(call)
            return False
        return True

    def _times_sum_up(self) -> None:
        for view in self.engine.snapshot(self.now).agents:
            state, since = self.states[view.agent]
            assert view.state is state
            assert view.status is self.status[view.agent]
            assert (state is AgentState.TALKING) == (view.agent in self.talks)
            for each, seconds in self.spent[view.agent].items():
                expected = seconds + (self.now - since if each is state else 0.0)
                assert abs(view.times[each] - expected) < 1e-6
