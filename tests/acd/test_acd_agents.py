"""Proves status against state: every pair of the table, log out and pause in each state, wrap-up, rest, other calls."""

import pytest
from acd_floor import Floor, members, raises_and_keeps

from softswitch.acd.agents import FOLLOWS, STATE, Activity
from softswitch.acd.errors import NotKnown, Refused, WrongState
from softswitch.acd.values import AgentState, AgentStatus, Offer, OfferResult, StateChanged, StatusChanged
from softswitch.config.queues import Agent, Queue
from softswitch.ids import AgentId

S = AgentState


def one(**queue: object) -> Floor:
    queue.setdefault("announce_frequency", 0)
    return Floor({"q": Queue(members=members("ann"), **queue)}, "ann")  # type: ignore[arg-type]


def talking(**queue: object) -> Floor:
    floor = one(**queue)
    floor.answer(floor.one(Offer, floor.call("c1")))
    return floor


def test_the_tables_are_whole() -> None:
    missing = {(status, activity) for status in AgentStatus for activity in Activity} - set(STATE)
    assert missing == {(AgentStatus.PAUSED, Activity.RINGING), (AgentStatus.LOGGED_OUT, Activity.RINGING)}
    assert set(FOLLOWS) == set(AgentState)
    assert {state for state, after in FOLLOWS.items() if S.TALKING in after} == {S.RINGING}
    assert {state for state, after in FOLLOWS.items() if S.RINGING in after} == {S.IDLE}


def test_log_in_and_out() -> None:
    floor = Floor({"q": Queue(members=members("ann"))}, "ann", login=False)
    assert floor.state("ann") is S.OFFLINE
    out = floor.available("ann")
    assert [type(each) for each in out] == [StatusChanged, StateChanged]
    assert floor.available("ann") == [], "nothing changes, nothing is said"
    assert floor.states("ann", floor.logout("ann")) == [S.OFFLINE]


def test_another_reason_for_the_same_pause_is_a_change_of_status_only() -> None:
    floor = one()
    floor.pause("ann", "lunch")
    out = floor.pause("ann", "training")
    assert [(each.reason) for each in floor.of(StatusChanged, out)] == ["training"]
    assert floor.states("ann", out) == []


def test_pause_and_log_out_while_ringing_cancel_the_offer_and_keep_the_caller() -> None:
    for leave, reason, state in (("pause", "paused", S.PAUSED), ("logout", "logged out", S.OFFLINE)):
        floor = Floor({"q": Queue(members=members("ann", "bob"))}, "ann bob")
        floor.call("c1")
        out = getattr(floor, leave)("ann")
        assert floor.cancelled(out) == [("ann", reason)]
        assert floor.states("ann", out) == [state]
        assert floor.rung(out) == [("bob", "c1")]


def test_pause_while_talking_follows_after_call_and_wrapup() -> None:
    floor = talking(wrapuptime=10)
    out = floor.pause("ann")
    assert floor.one(StatusChanged, out).status is AgentStatus.PAUSED
    assert floor.states("ann", out) == []
    assert floor.states("ann", floor.released("ann", "c1")) == [S.WRAP_UP]
    assert floor.states("ann", floor.run(10)) == [S.PAUSED]


def test_log_out_while_talking_follows_after_the_call_without_wrapup() -> None:
    floor = talking(wrapuptime=10)
    floor.logout("ann")
    assert floor.state("ann") is S.TALKING
    assert floor.states("ann", floor.released("ann", "c1")) == [S.OFFLINE]
    assert floor.states("ann", floor.available("ann")) == [S.IDLE]


def test_log_out_and_back_while_talking_is_as_if_nothing_was() -> None:
    floor = talking(wrapuptime=10)
    floor.logout("ann")
    floor.available("ann")
    assert floor.states("ann", floor.released("ann", "c1")) == [S.WRAP_UP]


def test_log_out_ends_wrapup_and_pause_does_not() -> None:
    floor = talking(wrapuptime=10)
    floor.released("ann", "c1")
    assert floor.states("ann", floor.pause("ann")) == []
    assert floor.states("ann", floor.logout("ann")) == [S.OFFLINE]
    assert floor.run(60) == []
    assert floor.states("ann", floor.available("ann")) == [S.IDLE]


def test_coming_back_ends_a_rest() -> None:
    floor = one()
    floor.result(floor.one(Offer, floor.call("c1")), OfferResult.REJECTED)
    floor.pause("ann")
    assert floor.rung(floor.available("ann")) == [("ann", "c1")]


@pytest.mark.parametrize(("own", "seconds"), [(None, 10.0), (3.5, 3.5), (0.0, 0.0)])
def test_wrapup_of_agent_overrides_the_queues(own: float | None, seconds: float) -> None:
    agents = {"ann": Agent(endpoint="1", wrapuptime=own)}
    floor = Floor({"q": Queue(members=members("ann"), wrapuptime=10, announce_frequency=0)}, agents)
    floor.answer(floor.one(Offer, floor.call("c1")))
    floor.call("c2")
    out = floor.released("ann", "c1")
    if seconds:
        assert floor.states("ann", out) == [S.WRAP_UP]
        assert floor.engine.agent_view(AgentId("ann"), floor.now).wrapup_left_s == seconds
        assert floor.run(seconds - 0.001) == []
        out = floor.run(0.002)
    assert floor.states("ann", out) == [S.IDLE, S.RINGING]


def test_wrapup_ended_and_extended_by_hand() -> None:
    floor = talking(wrapuptime=10)
    raises_and_keeps(floor, WrongState, lambda: floor.engine.wrapup(AgentId("ann"), floor.now, end=True))
    floor.released("ann", "c1")
    floor.run(5)
    assert floor.did(floor.engine.wrapup(AgentId("ann"), floor.now, extend_s=20)) == []
    floor.run(24)
    assert floor.state("ann") is S.WRAP_UP
    assert floor.states("ann", floor.did(floor.engine.wrapup(AgentId("ann"), floor.now, end=True))) == [
        S.IDLE
    ]
    assert floor.run(60) == []
    floor.answer(floor.one(Offer, floor.call("c2")))
    floor.released("ann", "c2")
    for bad in ({"end": True, "extend_s": 3.0}, {}, {"extend_s": -1.0}, {"extend_s": float("nan")}):
        raises_and_keeps(
            floor, Refused, lambda bad=bad: floor.engine.wrapup(AgentId("ann"), floor.now, **bad)
        )


def test_a_call_of_his_own_occupies_and_ends_an_offer() -> None:
    floor = one()
    floor.call("c1")
    out = floor.occupied("ann", +1)
    assert floor.cancelled(out) == [("ann", "occupied")]
    assert floor.states("ann", out) == [S.OCCUPIED]
    assert floor.occupied("ann", +1) == []
    assert floor.occupied("ann", -1) == []
    out = floor.occupied("ann", -1)
    assert floor.states("ann", out) == [S.IDLE, S.RINGING]
    raises_and_keeps(floor, WrongState, lambda: floor.occupied("ann", -1))
    raises_and_keeps(floor, Refused, lambda: floor.occupied("ann", 2))


def test_a_call_of_his_own_during_talk_and_wrapup() -> None:
    floor = talking(wrapuptime=10)
    assert floor.occupied("ann", +1) == []
    assert floor.states("ann", floor.released("ann", "c1")) == [S.OCCUPIED]
    floor.run(4)
    assert floor.states("ann", floor.occupied("ann", -1)) == [S.WRAP_UP]
    assert floor.states("ann", floor.run(6)) == [S.IDLE]


def test_unregistered_phones_are_not_rung() -> None:
    floor = one()
    assert floor.states("ann", floor.reachable("ann", False)) == [S.UNREACHABLE]
    floor.call("c1")
    assert floor.rung(floor.run(100)) == []
    assert floor.rung(floor.reachable("ann", True)) == [("ann", "c1")]


def test_an_unreachable_phone_is_tried_again_after_a_while_or_when_it_registers() -> None:
    floor = one()
    floor.result(floor.one(Offer, floor.call("c1")), OfferResult.UNREACHABLE)
    assert floor.state("ann") is S.UNREACHABLE
    offer = floor.one(Offer, floor.run(10))
    floor.result(offer, OfferResult.UNREACHABLE)
    assert floor.rung(floor.reachable("ann", True)) == [("ann", "c1")]
    floor.result(floor.one(Offer), OfferResult.UNREACHABLE)
    floor.reachable("ann", False)
    assert floor.rung(floor.run(100)) == [], "told that it is gone: no more guessing"


def test_registration_lost_while_ringing_or_talking_does_not_disturb_the_call() -> None:
    floor = one(wrapuptime=0)
    offer = floor.one(Offer, floor.call("c1"))
    assert floor.reachable("ann", False) == []
    assert floor.connected(floor.answer(offer)) == [("ann", "c1")]
    assert floor.states("ann", floor.released("ann", "c1")) == [S.UNREACHABLE]


def test_released_only_what_is_talking() -> None:
    floor = talking()
    raises_and_keeps(floor, WrongState, lambda: floor.released("ann", "c2"))
    raises_and_keeps(floor, NotKnown, lambda: floor.released("bob", "c1"))
    floor.released("ann", "c1")
    raises_and_keeps(floor, WrongState, lambda: floor.released("ann", "c1"))


def test_restoring_reports_the_state_but_no_new_declaration() -> None:
    floor = Floor({"q": Queue(members=members("ann", "bob"))}, "ann bob", login=False)
    ann, bob = AgentId("ann"), AgentId("bob")
    out = floor.did(floor.engine.restore_agent(ann, AgentStatus.AVAILABLE, "", floor.now - 50, floor.now))
    assert [type(each) for each in out] == [StateChanged]
    floor.did(floor.engine.restore_agent(bob, AgentStatus.AVAILABLE, "", floor.now - 90, floor.now))
    assert floor.rung(floor.call("c1")) == [("bob", "c1")], "he is idle for longer"
    raises_and_keeps(
        floor,
        WrongState,
        lambda: floor.engine.restore_agent(ann, AgentStatus.PAUSED, "", floor.now, floor.now),
    )


def test_a_restored_pause_keeps_its_reason() -> None:
    floor = Floor({"q": Queue(members=members("ann"))}, "ann", login=False)
    floor.did(
        floor.engine.restore_agent(AgentId("ann"), AgentStatus.PAUSED, "lunch", floor.now - 60, floor.now)
    )
    view = floor.engine.agent_view(AgentId("ann"), floor.now)
    assert (view.status, view.reason, view.state) == (AgentStatus.PAUSED, "lunch", S.PAUSED)


def test_times_in_states_sum_to_the_time_that_passed() -> None:
    floor = one(wrapuptime=10)
    begun = floor.engine.agent_view(AgentId("ann"), floor.now).state_since
    floor.run(7)
    offer = floor.one(Offer, floor.call("c1"))
    floor.run(5)
    floor.answer(offer)
    floor.run(60)
    floor.released("ann", "c1")
    floor.run(15)
    floor.pause("ann")
    floor.run(30)
    view = floor.engine.agent_view(AgentId("ann"), floor.now)
    assert view.times[S.RINGING] == 5
    assert view.times[S.TALKING] == view.talk_s == 60
    assert view.times[S.WRAP_UP] == 10
    assert view.times[S.PAUSED] == 30
    assert sum(view.times.values()) == floor.now - begun
    assert view.calls == 1
