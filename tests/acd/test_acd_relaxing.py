"""Proves how demands on agents change with waiting: steps, alternatives, penalties, a second group in a surge, preferred
skills, ageing of priorities, and agents whom a caller wants (by name, or because they served him last).

Does not prove random histories of them; `test_acd_machine` does.
"""

import pytest
from acd_floor import Floor, members

from softswitch.acd.values import Offer
from softswitch.config.matching import Matching, Step, Surge
from softswitch.config.queues import Agent, Queue
from softswitch.ids import AgentId


def staff(**skills: dict[str, int]) -> dict[str, Agent]:
    return {name: Agent(endpoint=name, skills=levels) for name, levels in skills.items()}


def test_levels_are_relaxed_and_another_skill_helps_out_later() -> None:
    queue = Queue(
        skills={"support": 4},
        steps=(Step(after=30, skills={"support": 2}), Step(after=60, also={"sales": 1})),
        timeout=0,
    )
    floor = Floor({"q": queue}, staff(ann={"support": 2}, bob={"sales": 3}, cid={"support": 1}))
    floor.call("c1")
    floor.call("c2")
    assert floor.rung(floor.run(29.9)) == []
    assert floor.rung(floor.run(0.2)) == [("ann", "c1")]
    assert floor.rung(floor.run(29.8)) == [], "nobody for the second one yet"
    assert floor.rung(floor.run(0.2)) == [("bob", "c2")]


def test_the_skilled_are_rung_before_those_whom_a_step_lets_in() -> None:
    queue = Queue(skills={"support": 4}, steps=(Step(after=5, skills={"support": 1}, also={"sales": 5}),))
    agents = staff(zoe={"sales": 5}, low={"support": 1}, top={"support": 5})
    floor = Floor({"q": queue}, agents, login=False)
    floor.call("c1")
    floor.run(10)
    for name in ("zoe", "low", "top"):
        floor.reachable(name, True)
    floor.call("c2")
    floor.run(10)
    assert floor.rung(floor.available("zoe")) == [("zoe", "c1")]
    floor.pause("zoe")
    floor.gone("c1")
    floor.gone("c2")
    for name in ("zoe", "low", "top"):
        floor.available(name)
    offer = floor.one(Offer, floor.call("c3", entered=floor.now - 10))
    assert offer.agent == "top"
    assert floor.rung(floor.call("c4", entered=floor.now - 10)) == [("low", "c4")]
    assert floor.rung(floor.call("c5", entered=floor.now - 10)) == [("zoe", "c5")]


def test_what_the_caller_brought_along_is_needed_of_helpers_too() -> None:
    queue = Queue(skills={"support": 3}, steps=(Step(after=5, also={"sales": 1}),))
    floor = Floor({"q": queue}, staff(ann={"sales": 5}, bob={"sales": 1, "french": 2}))
    floor.call("c1", skills={"french": 2})
    assert floor.rung(floor.run(6)) == [("bob", "c1")]


def test_a_skill_can_be_waived() -> None:
    queue = Queue(skills={"support": 3, "french": 1}, steps=(Step(after=5, skills={"french": 0}),))
    floor = Floor({"q": queue}, staff(ann={"support": 3}))
    floor.call("c1")
    assert floor.rung(floor.run(6)) == [("ann", "c1")]


def test_members_outside_of_the_penalties_are_not_rung_until_a_step_lifts_them() -> None:
    queue = Queue(
        members=members("ann", bob=5, cid=9),
        min_penalty=1,
        max_penalty=5,
        steps=(Step(after=20, max_penalty=9),),
        timeout=0,
    )
    floor = Floor({"q": queue}, "ann bob cid")
    assert floor.rung(floor.call("c1")) == [("bob", "c1")]
    assert floor.rung(floor.call("c2")) == []
    assert floor.rung(floor.run(20)) == [("cid", "c2")]
    assert floor.rung(floor.call("c3")) == [], "ann's penalty is too low"


def test_a_restored_caller_has_passed_the_steps_of_his_waiting() -> None:
    queue = Queue(skills={"a": 3}, steps=(Step(after=30, skills={"a": 1}),))
    floor = Floor({"q": queue}, staff(ann={"a": 1}))
    assert floor.rung(floor.call("c1", entered=floor.now - 31, restored=True)) == [("ann", "c1")]


def test_a_second_group_helps_while_many_wait() -> None:
    queue = Queue(members=members("ann"), surge=Surge(waiting=3, until=1, agents=("bob", "cid")), timeout=0)
    floor = Floor({"q": queue}, "ann bob cid")
    floor.call("c1")
    assert floor.rung(floor.call("c2")) == []
    assert floor.rung(floor.call("c3")) == [("bob", "c2"), ("cid", "c3")]
    floor.answer("offer2")
    floor.answer("offer3")
    floor.released("bob", "c2")
    floor.run(15)
    assert floor.rung(floor.call("c4")) == [], "one waits: the surge is over, and two are not many yet"


def test_preferred_skills_go_first_and_nobody_waits_for_them() -> None:
    agents = staff(ann={"a": 3}, bob={"a": 3, "gold": 4}, cid={"a": 3, "gold": 1})
    floor = Floor({"q": Queue(skills={"a": 1}, preferred_skills={"gold": 2})}, agents)
    assert floor.rung(floor.call("c1")) == [("bob", "c1")]
    assert floor.rung(floor.call("c2")) == [("ann", "c2")], "a level too low counts for nothing"


def test_skill_need_not_go_first() -> None:
    agents = staff(ann={"a": 1}, bob={"a": 5})
    floor = Floor({"q": Queue(skills={"a": 1}, skilled_first=False)}, agents)
    assert floor.rung(floor.call("c1")) == [("ann", "c1")]


def ageing(seconds: float) -> Floor:
    floor = Floor({"q": Queue(members=members("ann"), wrapuptime=0), "r": Queue(weight=2)}, "ann")
    rules = floor.rules(matching=Matching(priority_ageing_s=seconds))
    floor.did(floor.engine.configure(floor.queues, floor.agents, floor.now, rules))
    return floor


@pytest.mark.parametrize(("seconds", "first"), [(0.0, "high"), (60.0, "high"), (10.0, "low")])
def test_waiting_outweighs_priority(seconds: float, first: str) -> None:
    floor = ageing(seconds)
    floor.occupied("ann", +1)
    floor.call("low")
    floor.run(30)
    floor.call("high", priority=2)
    assert floor.rung(floor.occupied("ann", -1)) == [("ann", first)]


def test_with_ageing_nobody_starves_beside_an_endless_stream_of_higher_priority() -> None:
    """Agents are overloaded: two important callers arrive in the time that one takes."""
    for seconds, served_within in ((0.0, None), (20.0, 5 * 20 * 2)):
        floor = ageing(seconds)
        floor.occupied("ann", +1)
        floor.call("low")
        began, offer = floor.now, None
        for n in range(200):
            floor.call(f"a{n}", priority=5)
            floor.call(f"b{n}", priority=5)
            out = floor.occupied("ann", -1) if n == 0 else floor.released("ann", offer.call)  # type: ignore[union-attr]
            offer = floor.one(Offer, out)
            if offer.call == "low":
                break
            floor.answer(offer)
            floor.run(10)
        waited = floor.now - began if offer is not None and offer.call == "low" else None
        assert (waited is None) == (served_within is None)
        assert waited is None or waited <= served_within  # type: ignore[operator]


def wanted(*names: str, seconds: float = 0.0) -> dict[str, object]:
    return {"agents": tuple(AgentId(name) for name in names), "agents_s": seconds}


def test_a_preferred_agent_is_rung_when_idle_and_not_waited_for() -> None:
    floor = Floor({"q": Queue(members=members("ann", "bob"))}, "ann bob")
    assert floor.rung(floor.call("c1", **wanted("bob"))) == [("bob", "c1")]
    assert floor.rung(floor.call("c2", **wanted("bob"))) == [("ann", "c2")]


def test_a_named_agent_is_waited_for_so_long() -> None:
    floor = Floor({"q": Queue(members=members("ann", "bob"), wrapuptime=0)}, "ann bob")
    floor.occupied("bob", +1)
    assert floor.rung(floor.call("c1", **wanted("bob", seconds=20))) == []
    assert floor.rung(floor.run(19)) == []
    assert floor.rung(floor.run(1)) == [("ann", "c1")]


def test_a_named_agent_serves_his_caller_before_older_ones() -> None:
    floor = Floor({"q": Queue(members=members("bob"))}, "bob")
    floor.occupied("bob", +1)
    floor.call("old")
    floor.call("his", **wanted("bob", seconds=20))
    assert floor.rung(floor.occupied("bob", -1)) == [("bob", "his")]


@pytest.mark.parametrize("leaving", ["pause", "logout", "unreachable"])
def test_nobody_waits_for_an_agent_who_is_not_at_work(leaving: str) -> None:
    floor = Floor({"q": Queue(members=members("ann", "bob"))}, "ann bob")
    floor.occupied("bob", +1)
    floor.call("c1", **wanted("bob", seconds=60))
    out = {
        "pause": lambda: floor.pause("bob"),
        "logout": lambda: floor.logout("bob"),
        "unreachable": lambda: floor.reachable("bob", False),
    }[leaving]()
    assert floor.rung(out) == [("ann", "c1")]
    assert floor.rung(floor.call("c2", **wanted("bob", seconds=60))) == []
    floor.gone("c2")


def test_a_named_agent_who_does_not_answer_is_not_waited_for_any_longer() -> None:
    floor = Floor({"q": Queue(members=members("ann", "bob"), timeout=5)}, "ann bob")
    assert floor.rung(floor.call("c1", **wanted("bob", seconds=60))) == [("bob", "c1")]
    assert floor.rung(floor.run(5)) == [("ann", "c1")]


def test_agents_of_other_queues_are_not_rung_by_name() -> None:
    floor = Floor({"q": Queue(members=members("ann")), "r": Queue(members=members("bob"))}, "ann bob")
    assert floor.rung(floor.call("c1", **wanted("bob", seconds=60))) == [("ann", "c1")]


def test_whoever_calls_again_meets_the_same_agent() -> None:
    queue = Queue(members=members("ann", "bob"), wrapuptime=0, sticky_s=30, sticky_within_h=1)
    floor = Floor({"q": queue}, "ann bob")
    assert floor.talk("c1", 10, ani="+34911") == "ann"
    floor.talk("c2", 10, ani="+34912")
    floor.occupied("ann", +1)
    assert floor.rung(floor.call("c3", ani="+34911")) == [], "ann is busy, and waited for"
    assert floor.rung(floor.occupied("ann", -1)) == [("ann", "c3")]
    floor.answer("offer3")
    floor.run(5)
    floor.released("ann", "c3")
    floor.run(3700)
    assert floor.rung(floor.call("c4", ani="+34911")) == [("bob", "c4")], "that is forgotten by now"
