"""Proves the parts on their own: skill masks against plain comparison, the timer heap against sorting, bounded memory."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softswitch.acd.agents import AgentRecord
from softswitch.acd.experience import MeanTime
from softswitch.acd.offers import LiveOffer, Offers
from softswitch.acd.queues import QueueRecord
from softswitch.acd.roster import Roster
from softswitch.acd.skills import SkillBook, combined, shortfall
from softswitch.acd.timers import Timers
from softswitch.acd.values import Decision, WaitingCall
from softswitch.acd.waiting import WaitingRoom
from softswitch.config.queues import Agent, Queue
from softswitch.ids import AgentId, CallId, OfferId, QueueName

SKILLS = st.dictionaries(st.sampled_from(["a", "b", "c"]), st.integers(1, 5))


@settings(max_examples=300, deadline=None)
@given(st.lists(SKILLS, max_size=6), SKILLS, SKILLS)
def test_masks_say_what_comparing_levels_says(
    agents: list[dict[str, int]], queue: dict[str, int], caller: dict[str, int]
) -> None:
    book = SkillBook(agents)
    required = combined(queue, caller)
    needed = book.needed(required)
    for own in agents:
        plain = all(own.get(skill, 0) >= least for part in (queue, caller) for skill, least in part.items())
        assert (needed is not None and needed & ~book.mask(own) == 0) == plain
        assert (shortfall(required, own) == "") == plain


def test_bits_are_bounded_by_the_configuration() -> None:
    book = SkillBook([{"a": 3}, {"a": 5}])
    assert book.needed({"a": 0}) == 0
    assert book.needed({"a": 1}) == book.needed({"a": 3})
    assert book.needed({"a": 4}) == book.needed({"a": 5})
    assert book.needed({"a": 6}) is None
    assert book.needed({"other": 1}) is None


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 100), st.booleans()), max_size=60), st.floats(0, 100))
def test_timers_fire_in_order_and_not_if_cancelled(plan: list[tuple[float, bool]], now: float) -> None:
    timers = Timers()
    fired: list[tuple[float, int]] = []

    def fire(subject: tuple[float, int], now: float, out: list[Decision]) -> None:
        fired.append(subject)

    handles = [timers.at(due, fire, (due, index)) for index, (due, _) in enumerate(plan)]
    for handle, (_, cancel) in zip(handles, plan, strict=True):
        if cancel:
            timers.cancel(handle)
            timers.cancel(handle)
    left = sorted((due, index) for index, (due, cancel) in enumerate(plan) if not cancel)
    assert timers.next_due() == (left[0][0] if left else None)
    timers.run(now, [])
    assert fired == [each for each in left if each[0] <= now]
    assert timers.next_due() == next((due for due, _ in left if due > now), None)


def test_a_timer_armed_or_cancelled_by_another_of_the_same_moment() -> None:
    timers = Timers()
    fired: list[str] = []

    def note(subject: str, now: float, out: list[Decision]) -> None:
        fired.append(subject)

    def first(subject: str, now: float, out: list[Decision]) -> None:
        fired.append(subject)
        timers.cancel(doomed)
        timers.at(now, note, "new")

    timers.at(1.0, first, "first")
    doomed = timers.at(1.0, note, "doomed")
    timers.run(1.0, [])
    assert fired == ["first"]
    timers.run(1.0, [])
    assert fired == ["first", "new"], "a run ends, whatever its timers arm"


def test_cancelled_timers_do_not_pile_up() -> None:
    timers = Timers()
    for _ in range(10_000):
        timers.cancel(timers.at(1e9, lambda subject, now, out: None, None))
    assert len(timers) < 1000
    timers.at(1e9 + 0.5, lambda subject, now, out: None, None)
    assert timers.next_due() == 1e9 + 0.5
    for _ in range(10_000):
        timers.cancel(timers.at(1e9, lambda subject, now, out: None, None))
    assert len(timers) < 1000, "nor in the second that is looked at"


def test_a_mean_time_is_plain_at_first_and_forgets_slowly_later() -> None:
    handle = MeanTime()
    handle.add(100)
    handle.add(200)
    assert handle.mean_s == 150
    for _ in range(500):
        handle.add(300)
    assert handle.mean_s == pytest.approx(300, abs=1)
    handle.add(350)
    assert handle.mean_s == pytest.approx(301, abs=1)


def room_with_queue() -> tuple[WaitingRoom, QueueRecord]:
    roster = Roster(Timers())
    queue = QueueRecord(QueueName("q"), Queue())
    roster.agents[AgentId("ann")] = AgentRecord(AgentId("ann"), Agent(endpoint="1"), 1, 0.0)
    roster.rebuild({queue.name: queue})
    return WaitingRoom(roster), queue


def test_needs_that_no_caller_has_any_more_are_forgotten() -> None:
    room, queue = room_with_queue()
    for n in range(2000):
        given_call = WaitingCall(call=CallId(f"c{n}"), queue=queue.name, entered=0.0, skills={f"s{n}": 1})
        room.remove(room.add(given_call, queue))
    assert len(list(room.classes())) < 300
    assert room.waiting_mask == 0


def test_entries_of_callers_who_left_do_not_pile_up() -> None:
    room, queue = room_with_queue()
    room.add(WaitingCall(call=CallId("first"), queue=queue.name, entered=0.0), queue)
    for n in range(5000):
        given_call = WaitingCall(call=CallId(f"c{n}"), queue=queue.name, entered=1.0 + n)
        caller = room.add(given_call, queue)
        room.remove(caller)
    assert len(caller.group.heap) < 200
    assert len(queue.line) == 1


def test_cancelled_offers_are_remembered_within_bounds() -> None:
    room, queue = room_with_queue()
    caller = room.add(WaitingCall(call=CallId("c"), queue=queue.name, entered=0.0), queue)
    agent = AgentRecord(AgentId("ann"), Agent(endpoint="1"), 1, 0.0)
    offers = Offers()
    for n in range(70_000):
        offers.remember(LiveOffer(OfferId(f"o{n}"), caller, agent, 0, 0.0), 0.0)
    assert len(offers._cancelled) <= 65_536
    offers.remember(LiveOffer(OfferId("last"), caller, agent, 0, 0.0), 1000.0)
    assert len(offers._cancelled) == 1
