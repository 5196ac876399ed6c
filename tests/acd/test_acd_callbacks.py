"""Proves, over random events: no caller who is to be called back is lost, each keeps the place that his age gives him
through holds, failed attempts and restarts, one attempt at a time to one number, nobody is rung for who cannot be called,
the engine's invariants hold after every event; and the rules of the book one by one.

Does not prove what the switch does on the line (`tests/story/test_callback_story.py`).
"""

import random
from dataclasses import replace

import pytest
from acd_floor import Floor, members
from hypothesis import given, settings
from hypothesis import strategies as st

from softswitch.acd.callback import (
    FOLLOWS,
    OPEN,
    SOON_S,
    Callback,
    CallbackBook,
    CallbackRules,
    CallbackState,
)
from softswitch.acd.errors import NotKnown, WrongState
from softswitch.acd.places import MOST, Place, Places
from softswitch.acd.values import AgentState, CancelOffer, Connect, Offer, OfferResult, WaitingCall
from softswitch.config.queues import Queue
from softswitch.ids import AgentId, CallId, QueueName

RULES = CallbackRules(attempts=3, pause_s=300, busy_pause_s=60, keep_s=3600)
Q = QueueName("q")


def callback(name: str, *, number: str = "", entered: float = 0.0, **more: object) -> Callback:
    return Callback(
        callback=name,
        call=CallId(f"asked-{name}"),
        queue=Q,
        number=number or f"+{name}",
        source="trunk:north",
        entered=entered,
        asked=entered + 10,
        **more,  # type: ignore[arg-type]
    )


def floor(agents: str = "ann", **more: object) -> Floor:
    return Floor(
        {"q": Queue(members=members(*agents.split()), wrapuptime=0, announce_frequency=0, **more)}, agents
    )  # type: ignore[arg-type]


def lined_up(f: Floor, name: str, entered: float, **more: object) -> None:
    place = WaitingCall(call=CallId(name), queue=Q, entered=entered, virtual=True, restored=True, **more)  # type: ignore[arg-type]
    f.did(f.engine.call_waiting(place, f.now))


def order(f: Floor) -> list[str]:
    return [view.call for view in f.engine.queue_view(Q, f.now).waiting]


# --- the engine -------------------------------------------------------------------------------------------------------


def test_a_virtual_caller_stands_where_his_age_puts_him() -> None:
    f = floor()
    f.pause("ann")
    f.call("live")
    lined_up(f, "back", f.now - 60)
    assert order(f) == ["back", "live"]
    f.available("ann")
    assert f.engine.queue_view(Q, f.now).waiting[0].ringing == ("ann",)
    assert f.engine.queue_view(Q, f.now).waiting[0].virtual


def test_held_he_keeps_his_place_and_others_are_served() -> None:
    f = floor()
    f.pause("ann")
    lined_up(f, "back", f.now - 60)
    f.call("live")
    f.did(f.engine.hold(CallId("back"), f.now))
    assert order(f) == ["back", "live"]
    assert f.rung(f.available("ann")) == [("ann", "live")]
    f.gone("live")
    assert f.engine.agent_view(AgentId("ann"), f.now).state is AgentState.IDLE, "nobody rings for him"
    assert f.rung(f.did(f.engine.release(CallId("back"), f.now))) == [("ann", "back")]


def test_holding_one_who_is_offered_frees_the_agent_at_no_cost() -> None:
    f = floor()
    lined_up(f, "back", f.now - 60)
    f.call("live")
    out = f.did(f.engine.hold(CallId("back"), f.now))
    assert [each.agent for each in out if isinstance(each, CancelOffer)] == ["ann"]
    assert f.rung(out) == [("ann", "live")]


def test_joining_held_rings_nobody() -> None:
    f = floor()
    lined_up(f, "back", f.now - 60, held=True)
    assert f.engine.agent_view(AgentId("ann"), f.now).state is AgentState.IDLE


def test_an_agent_is_kept_longer_while_the_caller_is_called() -> None:
    f = floor(timeout=15)
    lined_up(f, "back", f.now - 60, reserve_s=30)
    f.run(40)
    assert f.engine.agent_view(AgentId("ann"), f.now).state is AgentState.RINGING
    f.run(10)
    assert [each.reason for each in f.log if isinstance(each, CancelOffer)] == ["no answer"]


def test_nothing_sends_a_virtual_caller_away_and_he_takes_nobodys_room() -> None:
    f = floor(max_wait=20, leavewhenempty=True, maxlen=1)
    f.pause("ann")
    lined_up(f, "back", f.now)
    f.run(60)
    f.logout("ann")
    assert order(f) == ["back"]
    f.available("ann")
    f.pause("ann")
    f.call("live")
    assert order(f) == ["back", "live"], "maxlen counts those on the line"


def test_reached_he_is_a_caller_like_any_other_at_his_place() -> None:
    f = floor()
    f.pause("ann")
    lined_up(f, "back", f.now - 60)
    f.call("live")
    f.did(f.engine.embody(CallId("back"), f.now))
    assert not f.engine.queue_view(Q, f.now).waiting[0].virtual
    assert f.rung(f.available("ann")) == [("ann", "back")]
    with pytest.raises(WrongState):
        f.engine.hold(CallId("back"), f.now)


def test_figures_count_him_once() -> None:
    f = floor()
    f.pause("ann")
    f.call("live")
    f.did(f.engine.call_gone(CallId("live"), f.now, "callback"))
    lined_up(f, "back", f.now - 10)
    out = f.available("ann")
    [offer] = [each for each in out if isinstance(each, Offer)]
    f.did(f.engine.offer_result(offer.offer, OfferResult.ANSWERED, f.now))
    view = f.engine.queue_view(Q, f.now)
    assert (view.offered, view.left, view.answered, view.abandoned) == (1, 1, 0, 0)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 1_000_000))
def test_no_caller_is_lost_and_every_place_is_kept(seed: int) -> None:
    """Agents, live callers and callbacks at random; `acd_floor` checks the invariants after each event."""
    draw, f = random.Random(seed), floor("ann bob cid")
    entered: dict[str, float] = {}
    held: set[str] = set()
    live: set[str] = set()
    rung: dict[str, Offer] = {}
    talks: list[tuple[AgentId, CallId]] = []
    served: set[str] = set()

    def saw(decisions: list[object]) -> None:
        for each in decisions:
            match each:
                case Offer():
                    assert each.call not in held, "nobody is rung for one who cannot be called"
                    rung[each.offer] = each
                case CancelOffer():
                    rung.pop(each.offer, None)
                case Connect():
                    rung.pop(each.offer, None)
                    served.add(each.call)
                    live.discard(each.call)
                    entered.pop(each.call)
                    talks.append((each.agent, each.call))

    def add(virtual: bool) -> None:
        name = f"c{len(entered) + len(served) + draw.randrange(10**9)}"
        entered[name] = f.now - (draw.uniform(0, 300) if virtual else 0)
        place = WaitingCall(
            call=CallId(name),
            queue=Q,
            entered=entered[name],
            virtual=virtual,
            held=virtual and draw.random() < 0.3,
            restored=virtual,
        )
        if place.held:
            held.add(name)
        if not virtual:
            live.add(name)
        saw(f.did(f.engine.call_waiting(place, f.now)))

    for _ in range(80):
        virtual = sorted(entered.keys() - live)
        match draw.randrange(9):
            case 0:
                add(virtual=True)
            case 1:
                add(virtual=False)
            case 2 if virtual:
                name = draw.choice(virtual)
                held.add(name)
                saw(f.did(f.engine.hold(CallId(name), f.now)))
            case 3 if held:
                name = draw.choice(sorted(held))
                held.discard(name)
                saw(f.did(f.engine.release(CallId(name), f.now)))
            case 4 if rung:
                offer = rung.pop(draw.choice(sorted(rung)))
                result = draw.choice([OfferResult.ANSWERED, OfferResult.BUSY, OfferResult.CANCELLED])
                saw(f.did(f.engine.offer_result(offer.offer, result, f.now)))
            case 5 if talks:
                saw(f.did(f.engine.call_released(*talks.pop(), f.now)))
            case 6 if virtual:
                name = draw.choice(virtual)
                held.discard(name)
                live.add(name)
                saw(f.did(f.engine.embody(CallId(name), f.now)))
            case 7 if virtual:  # an attempt has failed: the same place under another id
                name = draw.choice(virtual)
                saw(f.did(f.engine.call_gone(CallId(name), f.now, "withdrawn")))
                held.discard(name)
                again = f"{name}+"
                entered[again] = entered.pop(name)
                place = WaitingCall(
                    call=CallId(again), queue=Q, entered=entered[again], virtual=True, restored=True
                )
                saw(f.did(f.engine.call_waiting(place, f.now)))
            case _:
                saw(f.run(draw.uniform(0, 20)))
        waiting = order(f)
        assert set(waiting) == set(entered), "nobody is lost, and nobody waits twice"
        assert [entered[each] for each in waiting] == sorted(entered.values()), "every place is kept"


# --- the book ---------------------------------------------------------------------------------------------------------


def test_states_follow_their_table() -> None:
    assert set(FOLLOWS) == set(CallbackState)
    assert {state for state, after in FOLLOWS.items() if after} == OPEN


def test_attempts_with_pauses_until_it_is_given_up() -> None:
    book = CallbackBook()
    book.ask(callback("a"))
    for attempt, (result, pause) in enumerate([("busy", 60), ("no answer", 300)], 1):
        assert book.try_now("a", CallId("c"), 100.0).state is CallbackState.TRYING
        failed = book.failed("a", result, 100.0, RULES)
        assert (failed.state, failed.attempts, failed.next_at) == (
            CallbackState.PAUSED,
            attempt,
            100.0 + pause,
        )
        assert book.due(failed.next_at - 1) == []
        assert [each.callback for each in book.due(failed.next_at)] == ["a"]
    book.try_now("a", CallId("c"), 900.0)
    assert book.failed("a", "no answer", 900.0, RULES).state is CallbackState.GAVE_UP
    assert len(book) == 0
    assert book.next_due({Q: 3600.0}) is None


@pytest.mark.parametrize("result", ["toll guard", "unknown number", "not allowed", "no way"])
def test_what_cannot_succeed_is_given_up_at_once(result: str) -> None:
    book = CallbackBook()
    book.ask(callback("a"))
    book.try_now("a", CallId("c"), 0.0)
    assert book.failed("a", result, 0.0, RULES).state is CallbackState.GAVE_UP


@pytest.mark.parametrize("result", ["agent gone", "restart", "cut off"])
def test_what_is_not_his_doing_is_no_attempt(result: str) -> None:
    book = CallbackBook()
    book.ask(callback("a"))
    book.try_now("a", CallId("c"), 0.0)
    failed = book.failed("a", result, 0.0, RULES)
    assert (failed.attempts, failed.next_at) == (0, SOON_S)


def test_one_attempt_in_flight_for_a_number() -> None:
    book = CallbackBook()
    book.ask(callback("a", number="+1"))
    book.ask(replace(callback("b", number="+1"), queue=QueueName("other")))
    book.try_now("a", CallId("c"), 0.0)
    assert book.in_flight("+1")
    with pytest.raises(WrongState):
        book.try_now("b", CallId("d"), 0.0)
    with pytest.raises(WrongState):
        book.try_now("a", CallId("d"), 0.0)
    assert book.postpone("b", 60, 0.0).next_at == 60.0


def test_the_same_number_in_the_same_queue_is_one_callback_at_the_better_place() -> None:
    book = CallbackBook()
    book.ask(callback("a", number="+1", entered=50, skills={"en": 1}, labels={"lang": "en"}))
    merged = book.ask(callback("b", number="+1", entered=90, priority=2, skills={"es": 2}, labels={"x": "y"}))
    assert (merged.callback, merged.entered, merged.priority) == ("a", 50, 2)
    assert merged.skills == {"es": 2}
    assert merged.labels == {"lang": "en", "x": "y"}
    assert len(book) == 1


def test_kept_for_so_long_but_not_while_he_is_called() -> None:
    book = CallbackBook()
    book.ask(callback("a"))
    book.ask(callback("b", entered=5))
    book.try_now("b", CallId("c"), 100.0)
    assert book.next_due({Q: 3600.0}) == 3610.0
    assert [each.callback for each in book.expired(5000.0, {Q: 3600.0})] == ["a"]
    assert [each.callback for each in book] == ["b"]


def test_after_a_restart_attempts_and_places_are_as_they_were() -> None:
    book = CallbackBook()
    trying = replace(callback("a", entered=7), state=CallbackState.TRYING, attempts=1)
    paused = replace(callback("b", entered=8), state=CallbackState.PAUSED, next_at=500.0, attempts=2)
    over = replace(callback("c"), state=CallbackState.CANCELLED)
    restored = book.restore([trying, paused, over])
    assert [(each.callback, each.state, each.attempts, each.entered) for each in restored] == [
        ("a", CallbackState.WAITING, 1, 7),
        ("b", CallbackState.PAUSED, 2, 8),
    ]
    assert book.restore([trying, paused]) == [], "once"
    with pytest.raises(NotKnown):
        book.get("c")


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3), st.floats(0, 400)), max_size=60))
def test_the_book_loses_nobody_and_never_tries_one_number_twice(events: list[tuple[int, int, float]]) -> None:
    book, now, asked, over = CallbackBook(), 0.0, 0, 0
    for what, who, seconds in events:
        now += seconds
        known = book.of_number(Q, f"+{who}")
        match what:
            case 0:
                before = len(book)
                book.ask(callback(f"cb{asked}", number=f"+{who}", entered=now))
                asked += 1
                assert len(book) - before == (known is None)
                over += known is not None
            case 1 if known is not None and known.state is CallbackState.WAITING:
                book.try_now(known.callback, CallId("c"), now)
            case 2 if known is not None and known.state is CallbackState.TRYING:
                over += not book.failed(known.callback, "busy", now, RULES).open
            case 3 if known is not None and known.state is CallbackState.TRYING:
                book.connected(known.callback, now)
                over += 1
            case 4 if known is not None:
                book.end(known.callback, CallbackState.CANCELLED, now)
                over += 1
            case _:
                book.due(now)
        assert asked == len(book) + over
        trying = [each.number for each in book if each.state is CallbackState.TRYING]
        assert len(trying) == len(set(trying))
        assert all((each.next_at is not None) == (each.state is CallbackState.PAUSED) for each in book)


# --- places -----------------------------------------------------------------------------------------------------------


def test_a_place_is_taken_once_and_in_time() -> None:
    places = Places()
    places.keep(Place(queue=Q, number="+1", entered=5.0, left=100.0))
    places.keep(Place(queue=Q, number="+2", entered=6.0, left=100.0))
    found = places.take(Q, "+1", 160.0, 60.0)
    assert found is not None
    assert found.entered == 5.0
    assert places.take(Q, "+1", 160.0, 60.0) is None
    assert places.take(Q, "+2", 161.0, 60.0) is None
    assert len(places) == 0


def test_places_are_bounded() -> None:
    places = Places()
    for n in range(MOST + 10):
        places.keep(Place(queue=Q, number=f"+{n}", entered=0.0, left=float(n)))
    assert len(places) == MOST
    assert places.take(Q, "+0", 20.0, 60.0) is None
