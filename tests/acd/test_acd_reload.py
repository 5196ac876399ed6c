"""Proves that a changed configuration is taken over while calls wait, ring and talk, and that nothing live is cut."""

from acd_floor import Floor, members, raises_and_keeps

from softswitch.acd.errors import NotKnown
from softswitch.acd.values import AgentState, Offer, OfferResult
from softswitch.config.queues import Agent, Queue
from softswitch.ids import AgentId, CallId, QueueName

ANN, BOB = Agent(endpoint="1"), Agent(endpoint="2")


def change(floor: Floor, queues: dict[str, Queue], agents: dict[str, Agent]) -> None:
    floor.did(floor.engine.configure(queues, agents, floor.now))


def test_the_same_configuration_changes_nothing() -> None:
    queues = {"q": Queue(members=members("ann", "bob"))}
    floor = Floor(queues, {"ann": ANN, "bob": BOB})
    offer = floor.one(Offer, floor.call("c1"))
    change(floor, queues, {"ann": ANN, "bob": BOB})
    assert floor.last == []
    assert floor.connected(floor.answer(offer)) == [("ann", "c1")]


def test_an_added_agent_serves_who_waits_once_he_logs_in() -> None:
    floor = Floor({"q": Queue(members=members("ann"))}, {"ann": ANN}, login=False)
    floor.call("c1")
    change(floor, {"q": Queue(members=members("ann", "bob"))}, {"ann": ANN, "bob": BOB})
    assert floor.rung(floor.available("bob")) == [("bob", "c1")]


def test_an_agent_made_member_while_idle_is_rung_at_once() -> None:
    floor = Floor({"q": Queue(members=members("ann"))}, {"ann": ANN, "bob": BOB})
    floor.pause("ann")
    floor.call("c1")
    change(floor, {"q": Queue(members=members("ann", "bob"))}, {"ann": ANN, "bob": BOB})
    assert floor.rung() == [("bob", "c1")]


def test_a_removed_agent_finishes_his_call_and_is_forgotten() -> None:
    floor = Floor({"q": Queue(members=members("ann"))}, {"ann": ANN, "bob": BOB})
    floor.answer(floor.one(Offer, floor.call("c1")))
    change(floor, {"q": Queue(members=members("bob"))}, {"bob": BOB})
    assert floor.state("ann") is AgentState.TALKING
    assert floor.states("ann", floor.released("ann", "c1")) == [AgentState.OFFLINE]
    raises_and_keeps(floor, NotKnown, lambda: floor.state("ann"))


def test_a_removed_agent_who_rings_is_cancelled_and_his_caller_rung_elsewhere() -> None:
    floor = Floor({"q": Queue(members=members("ann", "bob"))}, {"ann": ANN, "bob": BOB})
    floor.call("c1")
    change(floor, {"q": Queue(members=members("bob"))}, {"bob": BOB})
    assert floor.cancelled() == [("ann", "logged out")]
    assert floor.rung() == [("bob", "c1")]
    raises_and_keeps(floor, NotKnown, lambda: floor.state("ann"))


def test_an_agent_removed_and_taken_back_during_his_call() -> None:
    queues = {"q": Queue(members=members("ann"), wrapuptime=0)}
    floor = Floor(queues, {"ann": ANN})
    floor.answer(floor.one(Offer, floor.call("c1")))
    change(floor, {}, {})
    change(floor, queues, {"ann": ANN})
    floor.available("ann")
    floor.call("c2")
    assert floor.rung(floor.released("ann", "c1")) == [("ann", "c2")]


def test_callers_of_a_removed_queue_leave_as_if_it_ran_empty() -> None:
    queues = {"q": Queue(members=members("ann"), on_empty="queue:r"), "r": Queue(members=members("ann"))}
    floor = Floor(queues, {"ann": ANN})
    floor.call("c1")
    floor.call("c2")
    change(floor, {"r": queues["r"]}, {"ann": ANN})
    assert floor.cancelled() == [("ann", "left queue")]
    assert floor.overflowed() == [("c1", "empty", "queue:r"), ("c2", "empty", "queue:r")]
    assert floor.state("ann") is AgentState.IDLE
    raises_and_keeps(floor, NotKnown, lambda: floor.call("c3"))


def test_a_talk_keeps_the_wrapup_it_began_with() -> None:
    floor = Floor({"q": Queue(members=members("ann"), wrapuptime=10)}, {"ann": ANN})
    floor.answer(floor.one(Offer, floor.call("c1")))
    change(floor, {}, {"ann": ANN})
    floor.released("ann", "c1")
    assert floor.engine.agent_view(AgentId("ann"), floor.now).wrapup_left_s == 10


def test_callers_keep_place_and_age_and_get_the_new_limits() -> None:
    floor = Floor({"q": Queue(members=members("ann"))}, {"ann": ANN}, login=False)
    floor.call("c1")
    floor.call("c2", priority=1)
    floor.run(30)
    change(floor, {"q": Queue(members=members("ann"), max_wait=40, announce_frequency=0)}, {"ann": ANN})
    assert [floor.engine.position(CallId(call)) for call in ("c1", "c2")] == [2, 1]
    assert floor.overflowed(floor.run(9)) == []
    assert sorted(floor.overflowed(floor.run(1))) == [
        ("c1", "timeout", "hangup"),
        ("c2", "timeout", "hangup"),
    ]


def test_a_changed_weight_and_skills_count_at_once() -> None:
    queues = {"q": Queue(members=members("ann")), "r": Queue(members=members("ann"))}
    floor = Floor(queues, {"ann": ANN}, login=False)
    floor.call("c1", "q")
    floor.call("c2", "r")
    agents = {"ann": Agent(endpoint="1", skills={"tv": 2})}
    change(floor, {"q": queues["q"], "r": Queue(members=members("ann"), weight=1, skills={"tv": 1})}, agents)
    assert floor.rung(floor.available("ann")) == [("ann", "c2")]


def test_a_changed_strategy_counts_at_once() -> None:
    floor = Floor({"q": Queue(members=members("ann", "bob"))}, {"ann": ANN, "bob": BOB})
    change(floor, {"q": Queue(members=members("ann", "bob"), strategy="ring-all")}, {"ann": ANN, "bob": BOB})
    assert floor.rung(floor.call("c1")) == [("ann", "c1"), ("bob", "c1")]


def test_a_rest_and_a_wrapup_go_on_through_a_reload() -> None:
    queues = {"q": Queue(members=members("ann", "bob"), announce_frequency=0)}
    floor = Floor(queues, {"ann": ANN, "bob": BOB})
    floor.result(floor.one(Offer, floor.call("c1")), OfferResult.REJECTED)
    floor.answer(floor.one(Offer))
    floor.released("bob", "c1")
    change(floor, queues, {"ann": ANN, "bob": BOB})
    assert (floor.state("ann"), floor.state("bob")) == (AgentState.RESTING, AgentState.WRAP_UP)
    floor.run(10)
    assert (floor.state("ann"), floor.state("bob")) == (AgentState.IDLE, AgentState.IDLE)


def test_a_member_who_is_no_agent_is_refused_before_anything_changes() -> None:
    floor = Floor({"q": Queue(members=members("ann"))}, {"ann": ANN})
    floor.call("c1")
    raises_and_keeps(
        floor, NotKnown, lambda: floor.engine.configure({"r": Queue(members=members("x"))}, {}, floor.now)
    )
    assert floor.engine.queue_view(QueueName("q"), floor.now).waiting[0].ringing == ("ann",)
