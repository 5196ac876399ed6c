"""Proves by random histories of events that no caller is lost, no agent is reserved twice, nobody idles beside a caller.

A model that shares no code with the engine follows the decisions only: who waits, who rings whom, who talks. After each
event it checks the engine's own invariants, work conservation, the order of service within a queue, wrap-up and rest
kept, last chances, and that the times in states sum to the time that passed. Does not prove expected waits or figures.
"""

from itertools import count

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from softswitch.acd.engine import Engine
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

LEVELS = st.dictionaries(st.sampled_from(["a", "b"]), st.integers(1, 3), max_size=2)
NAMES = ["ann", "bob", "cid", "dot", "eve"]
QUEUES = ["q", "r", "s"]


@st.composite
def queue_configs(draw: st.DrawFn) -> Queue:
    chosen = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=4))
    return Queue(
        strategy=draw(st.sampled_from(["longest-idle", "round-robin", "fewest-calls", "ring-all"])),
        members=tuple(Member(agent=name, penalty=draw(st.integers(0, 1))) for name in chosen),
        skills=draw(LEVELS) if draw(st.booleans()) else {},
        timeout=draw(st.sampled_from([0.0, 5.0, 15.0])),
        wrapuptime=draw(st.sampled_from([0.0, 7.0])),
        weight=draw(st.integers(0, 1)),
        maxlen=draw(st.sampled_from([0, 0, 3])),
        max_wait=draw(st.sampled_from([0.0, 0.0, 12.0, 40.0])),
        joinempty=draw(st.sampled_from(["yes", "yes", "logged-in", "no"])),
        leavewhenempty=draw(st.booleans()),
        autopause=draw(st.sampled_from([0, 2])),
        delays=Delays(busy_s=draw(st.sampled_from([0.0, 4.0])), no_answer_s=3.0, failed_s=6.0),
        announce_frequency=draw(st.sampled_from([0.0, 10.0, 30.0])),
    )


CONFIGS = st.tuples(
    st.fixed_dictionaries({name: queue_configs() for name in QUEUES}),
    st.fixed_dictionaries(dict.fromkeys(NAMES, LEVELS)),
    st.sets(st.sampled_from(QUEUES), min_size=1),
    st.sets(st.sampled_from(NAMES), min_size=2),
)


class Centre(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.serial = count()
        self.waiting: dict[str, WaitingCall] = {}
        self.offers: dict[str, Offer] = {}
        self.talks: dict[str, str] = {}
        self.ended: list[str] = []
        self.states: dict[str, tuple[AgentState, float]] = {}
        self.spent: dict[str, dict[AgentState, float]] = {}
        self.status: dict[str, AgentStatus] = {}
        self.not_before: dict[str, float] = {}
        self.occupied: dict[str, int] = {}

    @initialize(config=CONFIGS)
    def begin(self, config: tuple[dict[str, Queue], dict[str, dict[str, int]], set[str], set[str]]) -> None:
        self._pick(config)
        self.engine = Engine(
            self.queues, self.agents, self.now, new_offer_id=lambda: OfferId(f"o{next(self.serial)}")
        )
        self._known()
        for name in self.agents:
            self._did(self.engine.agent_status(AgentId(name), AgentStatus.AVAILABLE, "", self.now))

    def _pick(self, config: tuple[dict[str, Queue], dict[str, dict[str, int]], set[str], set[str]]) -> None:
        queues, skills, kept_queues, kept_agents = config
        self.agents = {
            name: Agent(endpoint=name, skills=skills[name]) for name in NAMES if name in kept_agents
        }
        self.queues = {}
        for name in QUEUES:
            if name in kept_queues:
                queue = queues[name]
                staff = tuple(member for member in queue.members if member.agent in kept_agents)
                self.queues[name] = Queue(
                    **{key: getattr(queue, key) for key in Queue.__dataclass_fields__ if key != "members"},
                    members=staff,
                )

    def _known(self) -> None:
        for name in self.agents:
            if name not in self.states:
                self.states[name] = (AgentState.OFFLINE, self.now)
                self.spent[name] = dict.fromkeys(AgentState, 0.0)
                self.status[name] = AgentStatus.LOGGED_OUT
                self.occupied[name] = 0

    # --- following the decisions --------------------------------------------------------------------------------------

    def _did(self, decisions: list[Decision]) -> None:
        for each in decisions:
            if isinstance(each, Offer):
                self._offered(each)
            elif isinstance(each, CancelOffer):
                self.offers.pop(each.offer, None)
                self.ended.append(each.offer)
            elif isinstance(each, Connect):
                offer = self.offers.pop(each.offer)
                assert (offer.agent, offer.call) == (each.agent, each.call)
                assert each.agent not in self.talks
                self.talks[each.agent] = each.call
                del self.waiting[each.call]
            elif isinstance(each, Overflow):
                if each.reason not in ("full", "join empty"):
                    self.waiting.pop(each.call, None)
                assert all(offer.call != each.call for offer in self.offers.values())
            elif isinstance(each, StateChanged):
                self._state(each)
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
        assert offer.offer not in self.offers
        self.offers[offer.offer] = offer

    def _state(self, change: StateChanged) -> None:
        state, since = self.states[change.agent]
        assert state is change.old
        assert change.new is not change.old
        self.spent[change.agent][state] += self.now - since
        self.states[change.agent] = (change.new, self.now)

    # --- events -------------------------------------------------------------------------------------------------------

    @rule(
        queue=st.sampled_from(QUEUES),
        skills=LEVELS | st.just({}),
        priority=st.integers(0, 2),
        age=st.sampled_from([0.0, 0.0, 20.0]),
    )
    def call(self, queue: str, skills: dict[str, int], priority: int, age: float) -> None:
        if queue not in self.queues:
            return
        given = WaitingCall(
            call=CallId(f"c{next(self.serial)}"),
            queue=QueueName(queue),
            entered=self.now - age,
            priority=priority,
            skills=skills,
        )
        self.waiting[given.call] = given
        out = self.engine.call_waiting(given, self.now)
        for each in out:
            if isinstance(each, Overflow) and each.call == given.call:
                self.waiting.pop(given.call, None)
        self._did(out)

    @precondition(lambda self: self.waiting)
    @rule(data=st.data(), reason=st.sampled_from(["abandoned", "key", "withdrawn"]))
    def gone(self, data: st.DataObject, reason: str) -> None:
        call = data.draw(st.sampled_from(sorted(self.waiting)))
        ringing = {offer.agent for offer in self.offers.values() if offer.call == call}
        out = self.engine.call_gone(CallId(call), self.now, reason)
        assert {each.agent for each in out if isinstance(each, CancelOffer) and each.call == call} == ringing
        del self.waiting[call]
        self._did(out)

    @precondition(lambda self: self.offers)
    @rule(data=st.data(), result=st.sampled_from([*OfferResult, OfferResult.ANSWERED, OfferResult.ANSWERED]))
    def result(self, data: st.DataObject, result: OfferResult) -> None:
        offer = self.offers[data.draw(st.sampled_from(sorted(self.offers)))]
        out = self.engine.offer_result(offer.offer, result, self.now)
        if result is not OfferResult.ANSWERED:
            del self.offers[offer.offer]
            rest = {OfferResult.BUSY: 0.1, OfferResult.NO_ANSWER: 3.0, OfferResult.FAILED: 6.0}
            self.not_before[offer.agent] = self.now + rest.get(result, 0.0)
        else:
            assert any(isinstance(each, Connect) and each.offer == offer.offer for each in out)
        self._did(out)

    @precondition(lambda self: self.ended)
    @rule(data=st.data(), result=st.sampled_from(list(OfferResult)))
    def late_result(self, data: st.DataObject, result: OfferResult) -> None:
        offer = data.draw(st.sampled_from(self.ended[-3:]))
        out = self.engine.offer_result(OfferId(offer), result, self.now)
        if result is OfferResult.ANSWERED:
            assert [each.reason for each in out if isinstance(each, CancelOffer)] == ["lost race"]
        else:
            assert out == []

    @precondition(lambda self: self.talks)
    @rule(data=st.data())
    def released(self, data: st.DataObject) -> None:
        agent = data.draw(st.sampled_from(sorted(self.talks)))
        out = self.engine.call_released(AgentId(agent), CallId(self.talks.pop(agent)), self.now)
        for each in out:
            if isinstance(each, StateChanged) and each.agent == agent and each.new is AgentState.WRAP_UP:
                self.not_before[agent] = self.now + 7.0
        self._did(out)
        if agent not in self.agents:
            del self.states[agent], self.spent[agent], self.status[agent], self.occupied[agent]

    @rule(
        data=st.data(),
        status=st.sampled_from([*AgentStatus, AgentStatus.AVAILABLE]),
        reason=st.sampled_from("xy"),
    )
    def declare(self, data: st.DataObject, status: AgentStatus, reason: str) -> None:
        agent = data.draw(st.sampled_from(sorted(self.agents)))
        if status is not self.status[agent] and (
            status is AgentStatus.LOGGED_OUT or self.states[agent][0] is not AgentState.WRAP_UP
        ):
            self.not_before.pop(agent, None)
        self._did(self.engine.agent_status(AgentId(agent), status, reason, self.now))
        assert self.status[agent] is status

    @rule(data=st.data(), reachable=st.booleans())
    def reach(self, data: st.DataObject, reachable: bool) -> None:
        agent = data.draw(st.sampled_from(sorted(self.agents)))
        self._did(self.engine.agent_reachable(AgentId(agent), reachable, self.now))

    @rule(data=st.data(), begin=st.booleans())
    def other_call(self, data: st.DataObject, begin: bool) -> None:
        agent = data.draw(st.sampled_from(sorted(self.agents)))
        if begin or self.occupied[agent]:
            self.occupied[agent] += 1 if begin else -1
            self._did(self.engine.agent_occupied(AgentId(agent), 1 if begin else -1, self.now))

    @rule(data=st.data(), extend=st.booleans())
    def wrapup(self, data: st.DataObject, extend: bool) -> None:
        wrapping = sorted(name for name, (state, _) in self.states.items() if state is AgentState.WRAP_UP)
        if not wrapping:
            return
        agent = data.draw(st.sampled_from(wrapping))
        if extend:
            self.not_before[agent] = self.not_before.get(agent, self.now) + 5.0
            self._did(self.engine.wrapup(AgentId(agent), self.now, extend_s=5.0))
        else:
            self.not_before.pop(agent, None)
            self._did(self.engine.wrapup(AgentId(agent), self.now, end=True))

    @precondition(lambda self: self.waiting)
    @rule(data=st.data(), priority=st.integers(0, 3))
    def reprioritise(self, data: st.DataObject, priority: int) -> None:
        call = data.draw(st.sampled_from(sorted(self.waiting)))
        self._did(self.engine.change_priority(CallId(call), priority, self.now))

    @rule(seconds=st.sampled_from([0.5, 3.0, 8.0, 30.0]))
    def pass_time(self, seconds: float) -> None:
        until = self.now + seconds
        for _ in range(2000):
            due = self.engine.next_deadline()
            if due is None or due > until:
                break
            self.now = max(self.now, due)
            self._did(self.engine.tick(self.now))
        else:
            raise AssertionError("the engine asks to be woken for ever")
        self.now = until

    @rule(config=CONFIGS)
    def reload(self, config: tuple[dict[str, Queue], dict[str, dict[str, int]], set[str], set[str]]) -> None:
        self._pick(config)
        out = self.engine.configure(self.queues, self.agents, self.now)
        self._known()
        self._did(out)
        for name in [name for name in self.states if name not in self.agents and name not in self.talks]:
            del self.states[name], self.spent[name], self.status[name], self.occupied[name]
            self.not_before.pop(name, None)

    # --- what must hold -----------------------------------------------------------------------------------------------

    @invariant()
    def engine_is_sound(self) -> None:
        if hasattr(self, "engine"):
            assert self.engine.invariants() == []

    @invariant()
    def nobody_is_lost(self) -> None:
        if not hasattr(self, "engine"):
            return
        snapshot = self.engine.snapshot(self.now)
        views = {caller.call: caller for queue in snapshot.queues for caller in queue.waiting}
        assert set(views) == set(self.waiting)
        ringing = {(offer.call, offer.agent) for offer in self.offers.values()}
        assert {(call, agent) for call, view in views.items() for agent in view.ringing} == ringing
        for queue in snapshot.queues:
            order = [(-caller.priority, self.waiting[caller.call].entered) for caller in queue.waiting]
            assert order == sorted(order)
            assert [caller.position for caller in queue.waiting] == list(range(1, len(order) + 1))

    @invariant()
    def work_is_conserved(self) -> None:
        if not hasattr(self, "engine"):
            return
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

    @invariant()
    def times_sum_up(self) -> None:
        if not hasattr(self, "engine"):
            return
        for view in self.engine.snapshot(self.now).agents:
            state, since = self.states[view.agent]
            assert view.state is state
            assert view.status is self.status[view.agent]
            for each, seconds in self.spent[view.agent].items():
                expected = seconds + (self.now - since if each is state else 0.0)
                assert abs(view.times[each] - expected) < 1e-6


Centre.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TestCentre = Centre.TestCase
