"""Proves that followers get every event once and in order, resume after a number, are told of gaps (also over a
restart), get only the topics that they want, and that the ring never keeps more than its size; whatever the order of
writing and reading.

Does not prove how it goes over a socket: tests/interop/test_feeds.py does.
"""

from hypothesis import given
from hypothesis import strategies as st

from softswitch import facts
from softswitch.facts import AlarmRaised, CallAnswered, Fact
from softswitch.feed.ring import EventRing, Follower, Gap
from softswitch.feed.topics import TOPICS, Topics, manager_name, topic_of
from softswitch.ids import CallId

STARTED = 1_780_000_000.5


def alarm(number: int) -> Fact:
    return AlarmRaised(name=f"a{number}", message="x", wall=number, monotonic=number)


def ring(size: int, events: int) -> EventRing:
    made = EventRing(size, STARTED)
    for number in range(events):
        made.add(alarm(number))
    return made


def test_numbers_go_up_by_one_and_begin_with_the_start() -> None:
    made = ring(10, 3)
    gap, events = made.after(made.begins - 1, 10)
    assert gap is None and [event.number for event in events] == [
        made.begins,
        made.begins + 1,
        made.begins + 2,
    ]
    assert EventRing(10, STARTED + 1).begins > made.next


def test_a_gap_is_told() -> None:
    made = ring(3, 10)
    gap, events = made.after(made.begins, 10)
    assert gap == Gap(made.begins + 1, made.begins + 6, 6) and len(events) == 3
    gap, _ = made.after(made.begins - 5000, 10)
    assert gap is not None and gap.missed is None
    assert gap.values()["type"] == "gap"


def test_who_knows_more_than_there_is_gets_what_comes() -> None:
    made = ring(3, 2)
    follower = Follower(made, Topics(()), made.next + 500)
    assert follower.read() == (None, [])
    made.add(alarm(7))
    assert [event.fact for event in follower.read()[1]] == [alarm(7)]


def test_topics_choose() -> None:
    made = EventRing(10, STARTED)
    follower = Follower(made, Topics(("call.*",)), None)
    made.add(alarm(1))
    made.add(CallAnswered(call=CallId("C1"), wall=5.0, monotonic=1.0))
    assert [event.values("sw1") for event in follower.read()[1]] == [
        {"seq": made.begins + 1, "type": "call.answered", "time": 5.0, "node": "sw1", "call": "C1"}
    ]
    assert follower.behind == 0


def test_without_a_size_nothing_is_kept_but_the_count() -> None:
    made = ring(0, 4)
    assert made.oldest == made.next == made.begins + 4


@given(st.lists(st.integers(0, 30), max_size=30), st.integers(1, 20), st.integers(1, 7))
def test_each_event_once_and_in_order(bursts: list[int], size: int, most: int) -> None:
    made, seen, missed = EventRing(size, STARTED), [], 0
    follower = Follower(made, Topics(()), None)
    for burst in bursts:
        for _ in range(burst):
            made.add(alarm(made.next))
        gap, events = follower.read(most)
        missed += (gap.missed or 0) if gap is not None else 0
        seen += [event.number for event in events]
    while follower.behind:
        gap, events = follower.read(most)
        missed += (gap.missed or 0) if gap is not None else 0
        seen += [event.number for event in events]
    assert seen == sorted(set(seen)) and len(seen) + missed == sum(bursts)


def test_every_fact_has_a_name_and_no_two_have_the_same() -> None:
    kinds = [kind for kind in vars(facts).values() if isinstance(kind, type) and issubclass(kind, Fact)]
    names = [topic_of(kind) for kind in kinds if kind not in (Fact, facts.CallFact)]
    assert len(names) == len(set(names)) >= len(TOPICS)
    assert all("." in name for name in names)


def test_asterisks_names() -> None:
    left = facts.CallerLeftQueue(
        call=CallId("C"), queue="q", reason="abandoned", waited_s=1.0, position=1, wall=1.0, monotonic=1.0
    )
    assert manager_name(left) == "QueueCallerAbandon"
    assert manager_name(alarm(1)) == ""
