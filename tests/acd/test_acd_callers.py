"""Proves how callers join, wait, are told their position, change place and leave; and what the queue counts of it."""

import pytest
from acd_floor import Floor, members, raises_and_keeps

from softswitch.acd.errors import NotKnown, Refused, WrongState
from softswitch.acd.values import AgentState, Announce, Offer, OfferResult, Overflow
from softswitch.config.queues import Agent, Queue
from softswitch.ids import AgentId, CallId, QueueName

QUIET = {"announce_frequency": 0.0}


def busy(**queue: object) -> Floor:
    """A queue whose only agent is paused, so that callers wait."""
    floor = Floor({"q": Queue(members=members("ann"), **queue), "r": Queue(members=members("ann"))}, "ann")  # type: ignore[arg-type]
    floor.pause("ann")
    return floor


def test_a_full_queue_sends_on_at_once() -> None:
    floor = busy(maxlen=2, on_full="queue:r")
    floor.call("c1")
    floor.call("c2")
    assert floor.overflowed(floor.call("c3")) == [("c3", "full", "queue:r")]
    floor.gone("c1")
    assert floor.overflowed(floor.call("c4")) == []
    assert floor.overflowed(floor.call("c5", restored=True)) == [], "who was in before a restart stays in"


@pytest.mark.parametrize(
    ("joinempty", "logged_out", "paused", "unreachable", "talking"),
    [("yes", 1, 1, 1, 1), ("logged-in", 0, 1, 1, 1), ("no", 0, 0, 0, 1)],
)
def test_joinempty(joinempty: str, logged_out: int, paused: int, unreachable: int, talking: int) -> None:
    def joins(prepare: str) -> bool:
        queue = Queue(members=members("ann"), joinempty=joinempty, on_empty="message:sorry")  # type: ignore[arg-type]
        floor = Floor({"q": queue}, "ann bob", login=prepare != "out")
        if prepare == "paused":
            floor.pause("ann")
        elif prepare == "unreachable":
            floor.reachable("ann", False)
        elif prepare == "talking":
            floor.answer(floor.one(Offer, floor.call("first")))
        out = floor.overflowed(floor.call("c"))
        assert out in ([], [("c", "join empty", "message:sorry")])
        return not out

    assert [joins("out"), joins("paused"), joins("unreachable"), joins("talking")] == [
        bool(logged_out),
        bool(paused),
        bool(unreachable),
        bool(talking),
    ]


def test_join_empty_is_asked_before_full_and_looks_at_skills() -> None:
    agents = {"ann": Agent(endpoint="1", skills={"dsl": 1})}
    floor = Floor({"q": Queue(members=members("ann"), joinempty="logged-in", maxlen=1)}, agents)
    floor.call("c1")
    assert [reason for _, reason, _ in floor.overflowed(floor.call("c2", skills={"fr": 1}))] == ["join empty"]
    assert [reason for _, reason, _ in floor.overflowed(floor.call("c3"))] == ["full"]


def test_callers_leave_when_the_last_agent_logs_out_not_when_he_pauses() -> None:
    queue = Queue(members=members("ann", "bob"), leavewhenempty=True, on_empty="message:gone")
    floor = Floor({"q": queue}, "ann bob")
    floor.pause("ann")
    floor.pause("bob")
    floor.call("c1")
    floor.call("c2")
    assert floor.overflowed(floor.logout("ann")) == []
    out = floor.logout("bob")
    assert floor.overflowed(out) == [("c1", "empty", "message:gone"), ("c2", "empty", "message:gone")]
    assert floor.overflowed(floor.call("c3")) == [("c3", "empty", "message:gone")]


def test_maximum_wait_overflows_with_wait_and_position() -> None:
    floor = busy(max_wait=30, on_timeout="queue:r", **QUIET)
    floor.call("c1")
    floor.run(10)
    floor.call("c2", priority=1)
    floor.run(20)
    left = floor.one(Overflow)
    assert (left.call, left.reason, left.target, left.waited_s, left.position) == (
        "c1",
        "timeout",
        "queue:r",
        30,
        2,
    )


def test_maximum_wait_of_one_who_keeps_his_age_counts_from_this_queue() -> None:
    floor = busy(max_wait=30, **QUIET)
    floor.call("moved", entered=floor.now - 100, joined=floor.now)
    floor.call("restored", entered=floor.now - 20, restored=True)
    assert floor.overflowed(floor.run(10)) == [("restored", "timeout", "hangup")]
    assert floor.overflowed(floor.run(20)) == [("moved", "timeout", "hangup")]


def test_an_agent_who_rings_when_the_wait_is_over_is_the_last_chance() -> None:
    floor = Floor({"q": Queue(members=members("ann", "bob"), max_wait=10, timeout=15, **QUIET)}, "ann bob")  # type: ignore[arg-type]
    offer = floor.one(Offer, floor.call("c1"))
    assert floor.overflowed(floor.run(14)) == []
    out = floor.run(1)
    assert floor.cancelled(out) == [("ann", "no answer")]
    assert floor.overflowed(out) == [("c1", "timeout", "hangup")]
    assert floor.rung(out) == [], "bob is idle, but the chance was the last"
    floor.call("c2")
    offer = floor.one(Offer)
    floor.run(12)
    assert floor.connected(floor.answer(offer)) == [(offer.agent, "c2")]


def test_last_chance_of_a_caller_whom_many_are_rung_for() -> None:
    floor = Floor(
        {"q": Queue(strategy="ring-all", members=members("ann", "bob", "cid"), max_wait=5)}, "ann bob cid"
    )
    floor.pause("cid")
    offers = {offer.agent: offer for offer in floor.of(Offer, floor.call("c1"))}
    floor.run(6)
    assert floor.rung(floor.available("cid")) == [], "nobody joins now"
    assert floor.overflowed(floor.result(offers["ann"], OfferResult.BUSY)) == []
    assert floor.overflowed(floor.result(offers["bob"], OfferResult.BUSY)) == [("c1", "timeout", "hangup")]


def test_an_agent_free_in_the_moment_the_wait_is_over_is_rung() -> None:
    queue = Queue(members=members("ann"), wrapuptime=10, max_wait=10, timeout=15, **QUIET)  # type: ignore[arg-type]
    floor = Floor({"q": queue}, "ann")
    floor.answer(floor.one(Offer, floor.call("c1")))
    floor.released("ann", "c1")
    floor.call("c2")
    out = floor.run(10)
    assert floor.rung(out) == [("ann", "c2")]
    assert floor.overflowed(out) == []
    assert floor.overflowed(floor.run(15)) == [("c2", "timeout", "hangup")]


def test_announcements_by_time_and_when_the_position_changes() -> None:
    floor = busy(announce_first_s=3, announce_frequency=60)
    floor.call("c1")
    floor.call("c2")
    begun = floor.now
    told: list[tuple[float, str, int]] = []

    def listen(seconds: float) -> None:
        until = floor.now + seconds
        while (due := floor.engine.next_deadline()) is not None and due <= until:
            floor.now = due
            for each in floor.of(Announce, floor.did(floor.engine.tick(due))):
                told.append((round(floor.now - begun, 3), each.call, each.position))
        floor.now = until

    listen(10)
    assert told == [(3, "c1", 1), (3, "c2", 2)]
    floor.gone("c1")
    listen(30)
    assert told[2:] == [(18, "c2", 1)], "15 s after the last time, not at once"
    floor.call("vip", priority=1)
    listen(1)
    assert told[3:] == [(40, "c2", 2)], "longer ago than 15 s: at once"
    listen(65)
    assert told[4:] == [(43, "vip", 1), (100, "c2", 2), (103, "vip", 1)]


def test_no_announcements_where_none_are_configured() -> None:
    for quiet in (
        {"announce_frequency": 0},
        {"announce_position": False, "announce_holdtime": False},
    ):
        floor = busy(**quiet)
        floor.call("c1")
        assert floor.run(600) == []


def test_a_long_line_is_told_in_parts() -> None:
    floor = busy(announce_first_s=0, announce_frequency=100)
    for n in range(250):
        floor.call(f"c{n}")
    floor.run(20)
    floor.gone("c0")
    assert len(floor.of(Announce, floor.did(floor.engine.tick(floor.now)))) == 100
    assert len(floor.of(Announce, floor.run(1))) == 149


def test_expected_wait_is_position_times_handle_time_by_agents() -> None:
    floor = Floor({"q": Queue(members=members("ann", "bob"), wrapuptime=20)}, "ann bob cid")
    view = floor.engine.queue_view(QueueName("q"), floor.now)
    assert view.wait is not None
    assert view.wait.expected_s == 0.0
    floor.talk("c1", 100)
    floor.pause("bob")
    floor.call("c2")
    floor.call("c3")
    told = {each.call: each.wait.expected_s for each in floor.of(Announce, floor.run(3)) if each.wait}
    assert told == {"c2": pytest.approx(120.0), "c3": pytest.approx(240.0)}
    view = floor.engine.queue_view(QueueName("q"), floor.now)
    assert view.wait is not None
    assert view.wait.expected_s == pytest.approx(360.0)
    assert view.wait.low_s < 360.0 < view.wait.high_s
    ahead = floor.engine.wait_of(CallId("c2"), floor.now)
    assert ahead is not None
    assert ahead.expected_s == pytest.approx(120.0)


def test_expected_wait_is_unknown_without_agents_or_experience() -> None:
    floor = busy(announce_first_s=1)
    floor.call("c1")
    assert floor.one(Announce, floor.run(1)).wait is None


def test_changing_priority_changes_place_and_service() -> None:
    floor = busy(wrapuptime=0)
    floor.call("c1")
    floor.call("c2")
    floor.did(floor.engine.change_priority(CallId("c2"), 7, floor.now))
    assert [floor.engine.position(CallId(call)) for call in ("c1", "c2")] == [2, 1]
    assert floor.rung(floor.available("ann")) == [("ann", "c2")]
    floor.did(floor.engine.change_priority(CallId("c2"), -7, floor.now))
    assert [view.call for view in floor.engine.queue_view(QueueName("q"), floor.now).waiting] == ["c1", "c2"]


def test_moving_keeps_age_and_priority_and_cancels_who_rings() -> None:
    queues = {"q": Queue(members=members("ann")), "r": Queue(members=members("bob"), max_wait=40)}
    floor = Floor(queues, "ann bob")
    floor.call("c1", priority=3)
    floor.run(10)
    out = floor.did(floor.engine.move(CallId("c1"), QueueName("r"), floor.now))
    assert floor.cancelled(out) == [("ann", "left queue")]
    offer = floor.one(Offer, out)
    assert (offer.agent, offer.queue, offer.why.waited_s) == ("bob", "r", 10)
    floor.result(offer, OfferResult.REJECTED)
    assert floor.engine.queue_view(QueueName("q"), floor.now).left == 1
    assert floor.engine.queue_view(QueueName("r"), floor.now).waiting[0].priority == 3


def test_a_move_that_the_queue_would_refuse_changes_nothing() -> None:
    queues = {"q": Queue(members=members("ann")), "r": Queue(members=members("ann"), maxlen=1)}
    floor = Floor(queues, "ann", login=False)
    floor.call("c1")
    floor.call("c2", "r")
    for name in ("r", "q"):
        raises_and_keeps(
            floor, Refused, lambda name=name: floor.engine.move(CallId("c1"), QueueName(name), floor.now)
        )
    raises_and_keeps(floor, NotKnown, lambda: floor.engine.move(CallId("c1"), QueueName("x"), floor.now))


def test_figures_count_each_caller_once() -> None:
    floor = Floor(
        {"q": Queue(members=members("ann"), wrapuptime=0, servicelevel=20, maxlen=3, **QUIET)}, "ann"
    )  # type: ignore[arg-type]
    floor.talk("quick", 60)
    floor.pause("ann")
    floor.call("slow")
    floor.call("lost")
    floor.call("key")
    floor.call("full")
    floor.gone("lost")
    floor.gone("key", "key")
    floor.run(40)
    floor.answer(floor.one(Offer, floor.available("ann")))
    floor.run(20)
    view = floor.engine.queue_view(QueueName("q"), floor.now)
    assert (view.offered, view.answered, view.abandoned, view.overflowed, view.left) == (5, 2, 1, 1, 1)
    assert (view.answered_in_sl, view.mean_wait_s, view.mean_talk_s) == (1, 20.0, 60.0)
    assert (view.talking, view.idle, view.waiting) == (1, 0, ())


def test_nonsense_is_refused_and_changes_nothing() -> None:
    floor = busy()
    floor.call("c1")
    raises_and_keeps(floor, WrongState, lambda: floor.call("c1"))
    raises_and_keeps(floor, WrongState, lambda: floor.call("c1", "r"))
    raises_and_keeps(floor, NotKnown, lambda: floor.call("c2", "nowhere"))
    raises_and_keeps(floor, NotKnown, lambda: floor.gone("c2"))
    raises_and_keeps(floor, Refused, lambda: floor.gone("c1", "bored"))
    raises_and_keeps(floor, NotKnown, lambda: floor.engine.change_priority(CallId("c2"), 1, floor.now))
    raises_and_keeps(floor, NotKnown, lambda: floor.available("nobody"))
    raises_and_keeps(floor, NotKnown, lambda: floor.engine.queue_view(QueueName("x"), floor.now))
    raises_and_keeps(floor, NotKnown, lambda: floor.engine.agent_view(AgentId("x"), floor.now))


def test_a_caller_who_returns_after_a_failed_bridge_keeps_his_place() -> None:
    floor = Floor({"q": Queue(members=members("ann", "bob"))}, "ann bob")
    entered = floor.now
    floor.answer(floor.one(Offer, floor.call("c1")))
    floor.released("ann", "c1")
    floor.run(1)
    assert floor.rung(floor.call("c1", entered=entered)) == [("bob", "c1")]
    assert floor.state("ann") is AgentState.WRAP_UP
