"""Proves who is served and who is rung: priority, age and weight across queues; penalty, skill level, each strategy.

Does not prove the order of events on a wire; time is virtual and the engine is asked directly.
"""

import pytest
from acd_floor import Floor, members

from softswitch.acd.values import Offer, OfferResult
from softswitch.config.queues import Agent, Queue
from softswitch.ids import CallId


def test_priority_then_age_whatever_the_order_of_arrival() -> None:
    floor = Floor({"q": Queue(members=members("ann"), wrapuptime=0)}, "ann", login=False)
    floor.call("young")
    floor.call("old", entered=floor.now - 60)
    floor.call("important", priority=5)
    assert floor.rung(floor.available("ann")) == [("ann", "important")]
    served = []
    while offers := floor.of(Offer):
        served.append(offers[0].call)
        floor.answer(offers[0])
        floor.released("ann", offers[0].call)
    assert served == ["important", "old", "young"]


def test_one_order_over_all_queues_with_weight_added_to_priority() -> None:
    queues = {
        "sales": Queue(members=members("ann"), wrapuptime=0),
        "vip": Queue(members=members("ann"), wrapuptime=0, weight=3),
    }
    floor = Floor(queues, "ann", login=False)
    floor.call("older", "sales", entered=floor.now - 300)
    floor.call("vip", "vip")
    floor.call("urgent", "sales", priority=4)
    served = []
    floor.available("ann")
    while offers := floor.of(Offer):
        served.append(offers[0].call)
        floor.answer(offers[0])
        floor.released("ann", offers[0].call)
    assert served == ["urgent", "vip", "older"]


def test_longest_idle_over_all_queues_first() -> None:
    queues = {name: Queue(members=members("ann", "bob", "cid"), wrapuptime=0) for name in ("q", "other")}
    floor = Floor(queues, "ann bob cid")
    assert [floor.talk(f"c{n}", 10, "q" if n % 2 else "other") for n in range(6)] == ["ann", "bob", "cid"] * 2


def test_a_call_that_no_queue_gave_counts_as_one_for_the_longest_idle() -> None:
    floor = Floor({"q": Queue(members=members("ann", "bob"))}, "ann bob")
    floor.occupied("ann", +1)
    floor.run(5)
    floor.occupied("ann", -1)
    floor.run(5)
    assert floor.rung(floor.call("c")) == [("bob", "c")]


def test_a_pause_does_not_put_back_in_the_order() -> None:
    floor = Floor({"q": Queue(members=members("ann", "bob"))}, "ann bob")
    floor.pause("ann")
    floor.run(5)
    floor.available("ann")
    assert floor.rung(floor.call("c")) == [("ann", "c")]


def test_fewest_calls_first_then_longest_idle() -> None:
    floor = Floor(
        {"q": Queue(strategy="fewest-calls", members=members("ann", "bob"), wrapuptime=0)}, "ann bob cid"
    )
    assert [floor.talk(f"c{n}", 5) for n in range(3)] == ["ann", "bob", "ann"]
    floor.pause("ann")
    assert floor.talk("c3", 5) == "bob"
    assert floor.talk("c4", 5) == "bob"
    floor.available("ann")
    assert floor.talk("c5", 5) == "ann", "calls are not forgotten by a pause"


def test_round_robin_goes_on_after_the_last_one_rung() -> None:
    floor = Floor(
        {"q": Queue(strategy="round-robin", members=members("ann", "bob", "cid"), wrapuptime=0)},
        "cid bob ann",
    )
    assert [floor.talk(f"c{n}", 5) for n in range(4)] == ["ann", "bob", "cid", "ann"]
    floor.pause("bob")
    assert floor.talk("c4", 5) == "cid"
    floor.available("bob")
    assert [floor.talk(f"c{n}", 5) for n in range(5, 8)] == ["ann", "bob", "cid"], (
        "who was absent missed his turn"
    )


def test_round_robin_keeps_the_turn_of_who_was_idle_but_did_not_suit() -> None:
    agents = {
        "ann": Agent(endpoint="1"),
        "bob": Agent(endpoint="2"),
        "cid": Agent(endpoint="3", skills={"tv": 1}),
    }
    queue = Queue(strategy="round-robin", members=members("ann", "bob", "cid"), wrapuptime=0)
    floor = Floor({"q": queue}, agents)
    assert floor.talk("c1", 5, skills={"tv": 1}) == "cid"
    assert [floor.talk(f"c{n}", 5) for n in range(2, 7)] == ["ann", "bob", "ann", "bob", "cid"]


def test_round_robin_of_one_queue_ignores_the_turns_of_another() -> None:
    queue = Queue(strategy="round-robin", members=members("ann", "bob"), wrapuptime=0)
    floor = Floor({"q": queue, "r": queue}, "ann bob")
    assert [
        floor.talk("c1", 1, "q"),
        floor.talk("c2", 1, "r"),
        floor.talk("c3", 1, "q"),
        floor.talk("c4", 1, "r"),
    ] == [
        "ann",
        "ann",
        "bob",
        "bob",
    ]


def test_lower_penalty_first_however_long_others_are_idle() -> None:
    floor = Floor({"q": Queue(members=members(bob=0, ann=1), wrapuptime=0)}, "ann bob")
    assert [floor.talk("c1", 50), floor.talk("c2", 50)] == ["bob", "bob"]
    floor.pause("bob")
    assert floor.talk("c3", 5) == "ann"


def test_right_agent_by_skill_level_then_longest_idle() -> None:
    agents = {
        "ann": Agent(endpoint="1", skills={"dsl": 2}),
        "bob": Agent(endpoint="2", skills={"dsl": 5}),
        "cid": Agent(endpoint="3", skills={"dsl": 5}),
        "dot": Agent(endpoint="4", skills={"billing": 5}),
    }
    floor = Floor({"q": Queue(skills={"dsl": 2}, wrapuptime=0)}, agents)
    offers = [floor.one(Offer, floor.call(f"c{n}")) for n in range(3)]
    assert [offer.agent for offer in offers] == ["bob", "cid", "ann"]
    assert floor.rung(floor.call("c3")) == [], "who lacks the skill is never rung"


def test_skills_of_caller_and_queue_add_up_and_may_be_met_by_nobody() -> None:
    agents = {
        "ann": Agent(endpoint="1", skills={"dsl": 5, "ro": 1}),
        "bob": Agent(endpoint="2", skills={"dsl": 3, "ro": 4}),
    }
    floor = Floor({"q": Queue(skills={"dsl": 2})}, agents)
    assert floor.rung(floor.call("c1", skills={"ro": 3})) == [("bob", "c1")]
    assert floor.rung(floor.call("c2", skills={"ro": 5})) == []
    assert floor.rung(floor.call("c3", skills={"fr": 1})) == []
    assert floor.rung(floor.call("c4", skills={"dsl": 4})) == [("ann", "c4")]


def test_members_must_have_the_skills_too() -> None:
    agents = {"ann": Agent(endpoint="1"), "bob": Agent(endpoint="2", skills={"dsl": 1})}
    floor = Floor({"q": Queue(members=members("ann", "bob"), skills={"dsl": 1})}, agents)
    assert floor.rung(floor.call("c1")) == [("bob", "c1")]
    assert floor.rung(floor.call("c2")) == []


def test_no_members_and_no_skills_is_everybody() -> None:
    floor = Floor({"q": Queue()}, "ann bob")
    assert floor.rung(floor.call("c1")) == [("ann", "c1")]
    assert floor.rung(floor.call("c2")) == [("bob", "c2")]


def test_autofill_serves_as_many_callers_as_agents_are_idle() -> None:
    floor = Floor({"q": Queue(members=members("ann", "bob", "cid"))}, "ann bob cid")
    for n in range(4):
        floor.call(f"c{n}")
    assert floor.rung(floor.log) == [("ann", "c0"), ("bob", "c1"), ("cid", "c2")]


def test_agents_who_become_idle_together_serve_the_callers_in_order() -> None:
    floor = Floor({"q": Queue(members=members("ann", "bob"), wrapuptime=5, announce_frequency=0)}, "ann bob")
    for call in ("c1", "c2"):
        floor.answer(floor.one(Offer, floor.call(call)))
    for n in range(3, 6):
        floor.call(f"c{n}")
    floor.released("bob", "c2")
    floor.released("ann", "c1")
    assert floor.rung(floor.run(5)) == [("ann", "c3"), ("bob", "c4")]


def test_a_caller_nobody_can_serve_does_not_hold_up_the_next() -> None:
    agents = {"ann": Agent(endpoint="1", skills={"dsl": 1})}
    floor = Floor({"q": Queue(skills={"dsl": 1}), "r": Queue(members=members("ann"))}, agents, login=False)
    floor.call("hopeless", priority=9, skills={"dsl": 4})
    floor.call("easy", "r")
    assert floor.rung(floor.available("ann")) == [("ann", "easy")]


def test_ring_all_rings_everyone_and_the_first_answer_wins() -> None:
    floor = Floor({"q": Queue(strategy="ring-all", members=members("ann", "bob", "cid"))}, "ann bob cid")
    floor.pause("cid")
    floor.call("c1")
    offers = {offer.agent: offer for offer in floor.of(Offer)}
    assert list(offers) == ["ann", "bob"]
    floor.answer(offers["bob"])
    assert floor.connected() == [("bob", "c1")]
    assert floor.cancelled() == [("ann", "lost race")]
    assert floor.state("ann") == "idle"
    assert floor.cancelled(floor.answer(offers["ann"])) == [("ann", "lost race")], (
        "he answered too, a moment later"
    )
    assert floor.state("ann") == "idle"


def test_ring_all_serves_another_caller_with_agents_of_another_class() -> None:
    agents = {"ann": Agent(endpoint="1", skills={"dsl": 1}), "bob": Agent(endpoint="2", skills={"tv": 1})}
    floor = Floor({"q": Queue(strategy="ring-all", members=members("ann", "bob"))}, agents)
    assert floor.rung(floor.call("c1", skills={"dsl": 1})) == [("ann", "c1")]
    assert floor.rung(floor.call("c2", skills={"tv": 1})) == [("bob", "c2")]


def test_ring_all_lets_who_comes_later_join() -> None:
    floor = Floor(
        {"q": Queue(strategy="ring-all", members=members("ann", "bob", "cid"))}, "ann bob cid", login=False
    )
    floor.available("ann")
    floor.call("c1")
    assert floor.rung(floor.available("bob")) == [("bob", "c1")]
    assert floor.rung(floor.available("cid")) == [("cid", "c1")]


def test_ring_all_serves_several_callers_at_once() -> None:
    floor = Floor(
        {"q": Queue(strategy="ring-all", members=members("ann", "bob", "cid", "dot"))}, "ann bob cid dot"
    )
    floor.call("c1")
    out = floor.call("c2")
    assert floor.cancelled(out) == [("cid", "shared"), ("dot", "shared")]
    assert floor.rung(out) == [("cid", "c2"), ("dot", "c2")]
    assert len(floor.rung(floor.call("c3"))) == 1
    assert len(floor.rung(floor.call("c4"))) == 1
    assert floor.rung(floor.call("c5")) == [], "each caller keeps one agent at least"


def test_ring_all_rings_the_lowest_penalty_only_until_they_have_failed() -> None:
    queue = Queue(strategy="ring-all", members=members("ann", "bob", cid=1), timeout=10)
    floor = Floor({"q": queue}, "ann bob cid")
    assert floor.rung(floor.call("c1")) == [("ann", "c1"), ("bob", "c1")]
    out = floor.run(10)
    assert floor.cancelled(out) == [("ann", "no answer"), ("bob", "no answer")]
    assert floor.rung(out) == [("cid", "c1")]


def test_ring_all_lets_nobody_of_higher_penalty_join() -> None:
    queue = Queue(strategy="ring-all", members=members("ann", bob=1))
    floor = Floor({"q": queue}, "ann bob")
    offer = floor.one(Offer, floor.call("c1"))
    floor.pause("bob")
    assert floor.rung(floor.available("bob")) == []
    assert floor.rung(floor.result(offer, OfferResult.BUSY)) == [("bob", "c1")]
    assert floor.rung(floor.run(10)) == [("ann", "c1")], "of lower penalty: joins"
    floor.result(floor.of(Offer, floor.log)[1], OfferResult.BUSY)
    assert floor.rung(floor.run(10)) == [], "bob is back, but it is ann who rings now"


@pytest.mark.parametrize("strategy", ["longest-idle", "round-robin", "fewest-calls", "ring-all"])
def test_why_tells_strategy_candidates_and_who_was_skipped(strategy: str) -> None:
    agents = {
        "ann": Agent(endpoint="1", skills={"dsl": 3}),
        "bob": Agent(endpoint="2", skills={"dsl": 3}),
        "cid": Agent(endpoint="3", skills={"dsl": 1}),
        "dot": Agent(endpoint="4", skills={"dsl": 3}),
    }
    queue = Queue(strategy=strategy, members=members("ann", "bob", "cid", "dot"), skills={"dsl": 2})  # type: ignore[arg-type]
    floor = Floor({"q": queue}, agents)
    floor.pause("dot")
    why = floor.of(Offer, floor.call("c1", entered=floor.now - 7))[0].why
    assert (why.strategy, why.waited_s, why.position) == (strategy, 7, 1)
    assert why.candidates[0].agent == "ann"
    assert {line.agent: line.skipped for line in why.candidates} == {
        "ann": "",
        "bob": "",
        "cid": "skill dsl 1 < 2",
        "dot": "paused (lunch)",
    }
    assert all(bool(line.score) == (not line.skipped) for line in why.candidates)
    assert why.candidates[0].score <= why.candidates[1].score


def test_why_tells_what_held_when_the_offer_was_made_whenever_it_is_read() -> None:
    queue = Queue(members=members("ann", "bob", "cid", dot=1), skills={"dsl": 1})
    staff = {name: Agent(endpoint=name, skills={"dsl": 2}) for name in ("ann", "bob", "cid", "dot")}
    read, later = Floor({"q": queue}, staff), Floor({"q": queue}, staff)
    for floor in (read, later):
        floor.pause("cid")
        floor.run(5)
        floor.call("c1")
    at_once = tuple(read.one(Offer).why.candidates)
    assert [(line.agent, line.skipped) for line in at_once] == [
        ("ann", ""),
        ("bob", ""),
        ("dot", ""),
        ("cid", "paused (lunch)"),
    ]
    later.pause("bob")
    later.available("cid")
    later.engine.configure({"q": Queue(members=members("ann"))}, {"ann": staff["ann"]}, later.now)
    later.run(3)
    why = later.of(Offer, later.log)[0].why
    assert why.candidates == at_once
    assert (len(why.candidates), why.candidates[-1], why.candidates[1:3]) == (4, at_once[3], at_once[1:3])


def test_why_says_how_long_an_agent_rests_and_is_never_longer_than_fifty_lines() -> None:
    names = [f"a{n}" for n in range(80)]
    floor = Floor({"q": Queue(members=members(*names))}, " ".join(names))
    floor.run(15)
    first = floor.one(Offer, floor.call("c1"))
    assert len(first.why.candidates) <= 50
    floor.run(15)
    again = floor.one(Offer)
    skipped = {line.agent: line.skipped for line in again.why.candidates}
    assert skipped[first.agent] == "resting 5 s"
    assert again.why.candidates[0].agent == again.agent


def test_after_a_restart_nobody_is_rung_before_all_who_stood_in_line_stand_there_again() -> None:
    floor = Floor({"q": Queue(members=members("ann"), wrapuptime=0)}, "ann")
    floor.engine.await_callers((CallId("young"), CallId("important"), CallId("lost")), floor.now + 5)
    assert floor.rung(floor.call("young", restored=True)) == []
    assert floor.rung(floor.call("stranger")) == []
    assert floor.engine.invariants() == []
    assert floor.rung(floor.call("important", restored=True, priority=5)) == []
    assert floor.rung(floor.did(floor.engine.not_coming(CallId("stranger"), floor.now))) == []
    assert floor.rung(floor.did(floor.engine.not_coming(CallId("lost"), floor.now))) == [("ann", "important")]


def test_after_a_restart_those_who_do_not_come_are_waited_for_only_so_long() -> None:
    floor = Floor({"q": Queue(members=members("ann"), wrapuptime=0)}, "ann")
    floor.engine.await_callers((CallId("lost"),), floor.now + 5)
    floor.call("young")
    assert floor.rung(floor.run(4.9)) == []
    assert floor.rung(floor.run(0.2)) == [("ann", "young")]
    assert floor.rung(floor.did(floor.engine.not_coming(CallId("lost"), floor.now))) == []
