"""Proves what each result of an offer means for agent and caller, and that races between answer and cancel are safe.

Does not prove that a phone is cancelled: that is the work of whoever carries the decisions out.
"""

from collections.abc import Callable

import pytest
from acd_floor import Floor, members, raises_and_keeps

from softswitch.acd.errors import NotKnown
from softswitch.acd.offers import AFTERMATH, REMEMBERED_S
from softswitch.acd.values import (
    AgentState,
    AgentStatus,
    Connect,
    Offer,
    OfferResult,
    StateChanged,
    StatusChanged,
)
from softswitch.config.queues import Delays, Queue

DELAYS = Delays(busy_s=11, reject_s=12, no_answer_s=13, failed_s=14)


def two(**more: object) -> Floor:
    queue = Queue(members=members("ann", "bob"), timeout=15, delays=DELAYS, announce_frequency=0, **more)  # type: ignore[arg-type]
    return Floor({"q": queue}, "ann bob")


def test_every_result_but_an_answer_has_an_aftermath() -> None:
    assert set(AFTERMATH) == set(OfferResult) - {OfferResult.ANSWERED}


@pytest.mark.parametrize(
    ("result", "state", "seconds"),
    [
        (OfferResult.BUSY, AgentState.RESTING, 11),
        (OfferResult.REJECTED, AgentState.RESTING, 12),
        (OfferResult.NO_ANSWER, AgentState.RESTING, 13),
        (OfferResult.FAILED, AgentState.RESTING, 14),
        (OfferResult.UNREACHABLE, AgentState.UNREACHABLE, 14),
    ],
)
def test_a_failed_offer_rests_the_agent_by_cause_and_the_caller_keeps_his_place(
    result: OfferResult, state: AgentState, seconds: float
) -> None:
    floor = two()
    offer = floor.one(Offer, floor.call("c1"))
    floor.call("c2", priority=-1)
    floor.run(2)
    out = floor.result(offer, result)
    assert floor.states("ann", out) == [state]
    assert floor.engine.position(offer.call) == 1
    floor.run(seconds - 0.5)
    assert floor.state("ann") is state
    floor.run(0.5)
    assert floor.state("ann") is not state


def test_a_failed_offer_goes_to_the_next_agent_at_once() -> None:
    floor = two()
    offer = floor.one(Offer, floor.call("c1"))
    assert floor.rung(floor.result(offer, OfferResult.REJECTED)) == [("bob", "c1")]


def test_ring_timeout_cancels_and_rings_the_next_agent() -> None:
    floor = two()
    floor.call("c1")
    out = floor.run(15)
    assert floor.cancelled(out) == [("ann", "no answer")]
    assert floor.rung(out) == [("bob", "c1")]
    assert [type(each) for each in out][:2] == [type(out[0]), StateChanged]
    floor.run(15)
    assert floor.rung() == [("ann", "c1")], "his rest of 13 s was over before bob's phone had rung out"


def test_the_only_agent_is_rung_again_after_his_rest() -> None:
    floor = Floor({"q": Queue(members=members("ann"), delays=DELAYS)}, "ann")
    floor.result(floor.one(Offer, floor.call("c1")), OfferResult.BUSY)
    assert floor.rung(floor.run(10.9)) == []
    assert floor.rung(floor.run(0.2)) == [("ann", "c1")]


def test_a_delay_of_zero_does_not_hammer_a_phone_that_fails_at_once() -> None:
    queue = Queue(members=members("ann"), delays=Delays(busy_s=0, reject_s=0, no_answer_s=0, failed_s=0))
    floor = Floor({"q": queue}, "ann")
    floor.result(floor.one(Offer, floor.call("c1")), OfferResult.BUSY)
    offers = 0
    until = floor.now + 1
    while (due := floor.engine.next_deadline()) is not None and due <= until:
        floor.now = due
        for offer in floor.of(Offer, floor.did(floor.engine.tick(due))):
            offers += 1
            floor.result(offer, OfferResult.BUSY)
    assert 5 <= offers <= 10


def test_who_let_it_ring_goes_behind_the_others_but_who_declined_does_not() -> None:
    for result, next_one in ((OfferResult.NO_ANSWER, "bob"), (OfferResult.REJECTED, "ann")):
        floor = two()
        floor.result(floor.one(Offer, floor.call("c1")), result)
        floor.gone("c1")
        floor.run(20)
        assert floor.rung(floor.call("c2")) == [(next_one, "c2")]


def test_autopause_counts_misses_in_a_row_only() -> None:
    floor = Floor(
        {"q": Queue(members=members("ann"), autopause=2, delays=Delays(no_answer_s=1, busy_s=1))}, "ann"
    )
    floor.call("c1")
    floor.run(15)
    floor.run(1)
    floor.result(floor.one(Offer), OfferResult.BUSY)
    floor.run(1)
    assert floor.state("ann") is AgentState.RINGING
    out = floor.run(15)
    changed = floor.one(StatusChanged, out)
    assert (changed.status, changed.reason) == (AgentStatus.PAUSED, "autopause")
    assert floor.states("ann", out) == [AgentState.PAUSED]
    floor.run(60)
    assert floor.state("ann") is AgentState.PAUSED
    assert floor.rung(floor.available("ann")) == [("ann", "c1")], "back, with the count begun anew"
    floor.run(15)
    assert floor.state("ann") is AgentState.RESTING


def test_an_answer_ends_the_count_of_misses() -> None:
    floor = Floor({"q": Queue(members=members("ann"), autopause=2, wrapuptime=0)}, "ann")
    floor.call("c1")
    floor.run(15)
    floor.run(5)
    floor.answer(floor.one(Offer))
    floor.released("ann", "c1")
    floor.call("c2")
    floor.run(15)
    assert floor.state("ann") is AgentState.RESTING


def test_busy_and_rejected_never_autopause() -> None:
    floor = Floor({"q": Queue(members=members("ann"), autopause=1)}, "ann")
    floor.result(floor.one(Offer, floor.call("c1")), OfferResult.BUSY)
    floor.run(10)
    floor.result(floor.one(Offer), OfferResult.REJECTED)
    assert floor.state("ann") is AgentState.RESTING


def test_answer_connects_with_wait_and_position() -> None:
    floor = two()
    offer = floor.one(Offer, floor.call("c1", entered=floor.now - 30))
    floor.run(4)
    connect = floor.one(Connect, floor.answer(offer))
    assert (connect.agent, connect.call, connect.waited_s, connect.position) == ("ann", "c1", 34, 1)
    raises_and_keeps(floor, NotKnown, lambda: floor.engine.position(offer.call))


def test_an_answer_that_crosses_a_cancel_loses_the_race() -> None:
    crossings: list[Callable[[Floor], object]] = [
        lambda floor: floor.run(15),
        lambda floor: floor.gone("c1"),
        lambda floor: floor.pause("ann"),
        lambda floor: floor.logout("ann"),
        lambda floor: floor.occupied("ann", +1),
    ]
    for cross in crossings:
        floor = two()
        offer = floor.one(Offer, floor.call("c1"))
        cross(floor)
        before = floor.engine.snapshot(floor.now)
        assert floor.cancelled(floor.answer(offer)) == [("ann", "lost race")]
        assert floor.engine.snapshot(floor.now) == before


def test_confirmations_of_a_cancel_are_expected_and_change_nothing() -> None:
    floor = two()
    offer = floor.one(Offer, floor.call("c1"))
    assert floor.cancelled(floor.gone("c1")) == [("ann", "caller gone")]
    for late in (OfferResult.CANCELLED, OfferResult.BUSY, OfferResult.CANCELLED):
        assert floor.result(offer, late) == []
    assert floor.state("ann") is AgentState.IDLE


def test_unknown_and_finished_offers_are_faults() -> None:
    floor = two()
    offer = floor.one(Offer, floor.call("c1"))
    raises_and_keeps(floor, NotKnown, lambda: floor.result("nonsense", OfferResult.ANSWERED))
    floor.answer(offer)
    raises_and_keeps(floor, NotKnown, lambda: floor.answer(offer))
    forgotten = floor.one(Offer, floor.call("c2"))
    floor.gone("c2")
    floor.run(REMEMBERED_S)
    floor.call("c3")
    floor.gone("c3")
    raises_and_keeps(floor, NotKnown, lambda: floor.answer(forgotten))


def test_caller_gone_while_ringing_costs_the_agent_nothing() -> None:
    floor = two()
    floor.call("c1")
    floor.run(3)
    floor.gone("c1")
    assert floor.state("ann") is AgentState.IDLE
    assert floor.rung(floor.call("c2")) == [("ann", "c2")]


def test_no_ring_limit_rings_on() -> None:
    floor = Floor({"q": Queue(members=members("ann"), timeout=0, announce_frequency=0)}, "ann")
    offer = floor.one(Offer, floor.call("c1"))
    assert floor.run(3600) == []
    assert floor.connected(floor.answer(offer)) == [("ann", "c1")]


def test_ring_all_caller_waits_for_the_last_phone() -> None:
    floor = Floor({"q": Queue(strategy="ring-all", members=members("ann", "bob"), delays=DELAYS)}, "ann bob")
    offers = {offer.agent: offer for offer in floor.of(Offer, floor.call("c1"))}
    assert floor.rung(floor.result(offers["ann"], OfferResult.REJECTED)) == []
    assert floor.rung(floor.result(offers["bob"], OfferResult.BUSY)) == []
    assert floor.rung(floor.run(11)) == [("bob", "c1")]
    assert floor.rung(floor.run(1)) == [("ann", "c1")], "joins those who ring"
