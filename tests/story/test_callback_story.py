"""Proves callbacks whole, on virtual time: offered, asked for, the place kept, agent first and caller first, busy, no
answer, machines, agents who leave, a number asked for twice, a caller who calls in meanwhile, cancel, opening hours, the
guard against toll fraud, a restart, and what is written of each.

Does not prove sound, nor how SIPp sees it: `tests/interop/test_callback_sipp.py` does.
"""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from story_floor import CALLER, ROAMING, SECRET, SWITCH, Centre, about, centre, members, sales, told, trunk

from softswitch.acd.callback import CallbackState
from softswitch.acd.values import AgentState
from softswitch.call.call import Call
from softswitch.call.termination import ADMIN_HUNG_UP
from softswitch.config.callback import Callback
from softswitch.config.routes import Calendar
from softswitch.config.trunks import Toll
from softswitch.rtp.commands import Play
from softswitch.sip.events import Cancelled
from softswitch.testing.manners import answering, busy, ringing
from softswitch.testing.peer import Peer
from softswitch.testing.peer_call import PeerCall
from softswitch.testing.virtual_time import VirtualTimeLoop

SECOND, THIRD = "+34600000002", "+34600000003"
BACK = Callback(least_wait_s=0, pause_s=60, busy_pause_s=20, ring_s=20)


def queue(callback: Callback = BACK, **more: object) -> dict[str, object]:
    """One agent, who is told nothing; announcements every 30 s."""
    return sales(members=members("ana"), announce_frequency=30.0, callback=callback, **more)


AGENT_FIRST = centre(**queue())
CALLER_FIRST = centre(**queue(replace(BACK, first="caller")))


def of(c: Centre, number: str) -> Call:
    [call] = [each for each in c.switch.parts.manager.calls.values() if each.ani == number]
    return call


async def read(answer: Awaitable[Any]) -> Any:
    """What the database is asked for, while time passes as it does."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    with loop.beside_threads():
        return await answer


async def served_first(c: Centre, number: str = CALLER) -> PeerCall:
    """Somebody talks to ana, so that all others wait."""
    c.phone("1001").on_call = answering(1.0)
    call = c.caller(user=number)
    await c.phone("1001").next_call()
    await asyncio.sleep(2)
    return call


async def asks(c: Centre, number: str = SECOND, *, key: str = "1") -> PeerCall:
    """He waits, is told that he may be called back, and wants it."""
    call = c.caller(user=number)
    await call.answered()
    await asyncio.sleep(4)
    c.switch.media.press(of(c, number).caller.id, key)
    return call


def prompts(c: Centre) -> list[str]:
    return [
        prompt.rpartition("/")[2].removesuffix(".wav")
        for play in c.switch.media.told(Play)
        for prompt in play.prompts
    ]


def verbs(c: Centre) -> list[str]:
    """Verbs of the queue_log that are about callbacks."""
    return [each.split("|")[2] for each in c.log() if "CALLBACK" in each]


def states(c: Centre) -> list[tuple[str, str, str, int]]:
    return [
        (row["number"], row["state"], row["result"], row["attempts"])
        for row in c.switch.rows("callbacks", "asked")
    ]


@told(AGENT_FIRST)
async def test_agent_first_in_his_place(c: Centre) -> None:
    first = await served_first(c)
    second = await asks(c)
    await second.hung_up()
    assert "callback-offer" in prompts(c)
    assert prompts(c)[-len(SECOND) - 2 :][0] == "callback-accepted"
    assert c.waiting() == 1, "he stands in line"
    third = c.caller(user=THIRD)
    await third.answered()
    assert [each.ani for each in c.switch.control.queue("sales").callers] == [SECOND, THIRD]
    c.north.on_call = answering(2.0)
    first.hang_up()
    ana = await c.phone("1001").next_call()  # after her wrap-up
    back = await c.north.next_call()
    assert back.session.request is not None
    assert back.session.request.uri.user == SECOND
    assert c.agent("ana").state is AgentState.TALKING
    assert "callback-agent" in prompts(c)
    await asyncio.sleep(3)
    call = of(c, SECOND)
    assert call.stage == "talk"
    assert c.switch.media.bridges == {frozenset((call.caller.id, c.leg_of("endpoint:1001")))}
    await asyncio.sleep(5)
    back.hang_up()
    await ana.hung_up()
    third.hang_up()
    await c.settled()
    assert states(c) == [(SECOND, "reached", "reached", 1)]
    assert verbs(c) == ["CALLBACKREQUEST", "CALLBACKTRY", "CALLBACKREACHED"]
    rows = {row["call"]: row for row in c.switch.cdrs()}
    asked = next(row for row in rows.values() if row["cause"] == "called back")
    made = rows[call.id]
    assert (asked["ani"], asked["ended_by"]) == (SECOND, "switch")
    assert (made["ani"], made["source"], made["cause"], made["agent"]) == (
        SECOND,
        "trunk:north",
        "normal",
        "ana",
    )
    assert made["talk_s"] == about(6)
    outcomes = {row["call"]: row["outcome"] for row in await c.visits()}
    assert outcomes[asked["call"]] == "callback"
    assert outcomes[made["call"]] == "answered"
    [attempt] = c.switch.rows("attempts")
    assert (attempt["number"], attempt["cause"], attempt["source"]) == (SECOND, "answered", "trunk:north")


@told(CALLER_FIRST)
async def test_caller_first_while_an_agent_is_kept_for_him(c: Centre) -> None:
    first = await served_first(c)
    await (await asks(c)).hung_up()
    c.north.on_call = answering(3.0)
    first.hang_up()
    back = await c.north.next_call()
    await asyncio.sleep(2)
    assert c.agent("ana").state is AgentState.RINGING, "kept"
    assert len(c.phone("1001").calls) == 1, "and not rung yet"
    ana = await c.phone("1001").next_call()
    await asyncio.sleep(4)
    assert of(c, SECOND).stage == "talk"
    back.hang_up()
    await ana.hung_up()
    await c.settled()
    assert states(c) == [(SECOND, "reached", "reached", 1)]
    made = next(
        row
        for row in c.switch.cdrs()
        if row["source"] == "trunk:north" and row["cause"] == "normal" and row["ani"] == SECOND
    )
    assert made["wait_s"] == about(1.0), "only what he waited on the line"
    assert made["talk_s"] == about(3.0)
    assert [row[1] for row in await c.offers()] == ["answered", "answered"]


@told(AGENT_FIRST)
async def test_busy_and_no_answer_are_tried_again_and_given_up(c: Centre) -> None:
    first = await served_first(c)
    await (await asks(c)).hung_up()
    c.north.on_call = busy
    first.hang_up()
    await c.north.next_call()
    await asyncio.sleep(8)
    assert "callback-failed" in prompts(c), "so the agent knows"
    assert c.agent("ana").state is AgentState.IDLE, "without wrap-up"
    [known] = c.switch.parts.dispatcher.callbacks.book
    assert (known.state, known.result, known.attempts) == (CallbackState.PAUSED, "busy", 1)
    assert c.waiting() == 1, "he keeps his place"
    began = asyncio.get_running_loop().time()
    c.north.on_call = ringing
    again = await c.north.next_call()
    assert asyncio.get_running_loop().time() - began < 20
    await again.until(Cancelled)
    await asyncio.sleep(3)
    [known] = c.switch.parts.dispatcher.callbacks.book
    assert (known.result, known.attempts) == ("no answer", 2)
    await c.north.next_call(patience_s=90)
    await asyncio.sleep(30)
    assert list(c.switch.parts.dispatcher.callbacks.book) == []
    assert c.waiting() == 0
    await c.settled()
    assert states(c) == [(SECOND, "gave up", "no answer", 3)]
    assert verbs(c) == [
        "CALLBACKREQUEST",
        *["CALLBACKTRY", "CALLBACKFAILED"] * 3,
        "CALLBACKGAVEUP",
    ]
    assert len(c.north.calls) == 3, "one attempt at a time, and no more than that"
    causes = [row["cause"] for row in c.switch.cdrs() if row["ani"] == SECOND]
    assert sorted(causes) == ["busy", "called back", "no answer", "no answer"]


@told(centre(**queue(replace(BACK, first="caller", attempts=1))))
async def test_caller_first_who_does_not_answer_costs_the_agent_nothing(c: Centre) -> None:
    first = await served_first(c)
    await (await asks(c)).hung_up()
    c.north.on_call = ringing
    first.hang_up()
    await (await c.north.next_call()).until(Cancelled)
    await asyncio.sleep(1)
    assert c.agent("ana").state is AgentState.IDLE
    assert len(c.phone("1001").calls) == 1
    await c.settled()
    assert states(c) == [(SECOND, "gave up", "no answer", 1)]


@told(centre(**queue(replace(BACK, first="caller", confirm_key="1", confirm_s=5))))
async def test_a_machine_presses_no_key_and_a_person_does(c: Centre) -> None:
    first = await served_first(c)
    await (await asks(c)).hung_up()
    c.north.on_call = answering(1.0)
    first.hang_up()
    machine = await c.north.next_call()
    await machine.hung_up()
    assert "callback-greeting" in prompts(c)
    [known] = c.switch.parts.dispatcher.callbacks.book
    assert (known.result, known.attempts) == ("machine", 1)
    person = await c.north.next_call()
    await asyncio.sleep(1)
    await asyncio.sleep(2)
    c.switch.media.press(of(c, SECOND).caller.id, "1")
    ana = await c.phone("1001").next_call()
    await asyncio.sleep(3)
    assert of(c, SECOND).stage == "talk"
    person.hang_up()
    await ana.hung_up()


@told(centre(**queue(replace(BACK, least_ring_s=2.0, attempts=1))))
async def test_who_answers_at_once_is_a_machine(c: Centre) -> None:
    first = await served_first(c)
    await (await asks(c)).hung_up()
    c.north.on_call = answering(0.1)
    first.hang_up()
    await (await c.north.next_call()).hung_up()
    await asyncio.sleep(3)
    await c.settled()
    assert states(c) == [(SECOND, "gave up", "machine", 1)]


@told(AGENT_FIRST)
async def test_the_agent_hangs_up_before_the_caller_answers(c: Centre) -> None:
    first = await served_first(c)
    await (await asks(c)).hung_up()
    c.north.on_call = ringing
    first.hang_up()
    ana = await c.phone("1001").next_call()
    rung = await c.north.next_call()
    await asyncio.sleep(3)
    ana.hang_up()
    await rung.until(Cancelled)
    [known] = c.switch.parts.dispatcher.callbacks.book
    assert (known.result, known.attempts) == ("agent gone", 0), "none of his attempts"
    c.north.on_call = answering(1.0)
    again = await c.north.next_call()
    await asyncio.sleep(4)
    assert of(c, SECOND).stage == "talk"
    again.hang_up()


@told(CALLER_FIRST)
async def test_he_hangs_up_while_his_agent_rings(c: Centre) -> None:
    first = await served_first(c)
    await (await asks(c)).hung_up()
    c.phone("1001").on_call = ringing
    c.north.on_call = answering(1.0)
    first.hang_up()
    back = await c.north.next_call()
    await asyncio.sleep(3)
    assert len(c.phone("1001").calls) == 2, "she rings"
    back.hang_up()
    await asyncio.sleep(2)
    assert list(c.switch.parts.dispatcher.callbacks.book) == []
    await asyncio.sleep(100)
    assert len(c.north.calls) == 1
    await c.settled()
    assert states(c) == [(SECOND, "reached", "reached", 1)]
    assert [row["outcome"] for row in await c.visits()][-1] == "abandoned"


@told(AGENT_FIRST)
async def test_who_asks_twice_is_one_callback_at_his_first_place(c: Centre) -> None:
    first = await served_first(c)
    await (await asks(c)).hung_up()
    third = c.caller(user=THIRD)
    await third.answered()
    [before] = c.switch.parts.dispatcher.callbacks.book
    again = c.caller(user=SECOND)
    await again.answered()
    await asyncio.sleep(1)
    assert "place-kept" in prompts(c), "he has called himself, and stands before the third"
    assert [each.ani for each in c.switch.control.queue("sales").callers] == [SECOND, THIRD]
    assert list(c.switch.parts.dispatcher.callbacks.book) == []
    await asyncio.sleep(3)
    c.switch.media.press(of(c, SECOND).caller.id, "1")
    await again.hung_up()
    [after] = c.switch.parts.dispatcher.callbacks.book
    assert after.entered == pytest.approx(before.entered, abs=0.1)
    assert [each.ani for each in c.switch.control.queue("sales").callers] == [SECOND, THIRD]
    c.north.on_call = answering(1.0)
    first.hang_up()
    back = await c.north.next_call()
    await asyncio.sleep(3)
    back.hang_up()
    third.hang_up()
    await c.settled()
    assert states(c) == [(SECOND, "called in", "called in", 0), (SECOND, "reached", "reached", 1)]
    assert len(c.north.calls) == 1


@told(AGENT_FIRST)
async def test_he_calls_in_while_he_is_being_called(c: Centre) -> None:
    first = await served_first(c)
    await (await asks(c)).hung_up()
    c.north.on_call = ringing
    first.hang_up()
    rung = await c.north.next_call()
    await asyncio.sleep(2)
    c.phone("1001").on_call = answering(1.0)
    himself = c.caller(user=SECOND)
    await rung.until(Cancelled)
    await himself.answered()
    await asyncio.sleep(20)
    assert of(c, SECOND).stage == "talk"
    himself.hang_up()
    await c.settled()
    assert [row[1] for row in states(c)] == ["called in"]
    assert len(c.north.calls) == 1


@told(AGENT_FIRST)
async def test_two_devices_answer_at_once_and_one_talks(c: Centre) -> None:
    """A phone of ours with two devices asked for it; both answer in the same moment, and nobody is called again."""
    first = await served_first(c)
    desk, twin = c.phone(ROAMING), Peer(c.network, "192.0.2.16", name=ROAMING, switch=SWITCH, secret=SECRET)
    assert [await desk.sign_in(), await twin.sign_in()] == [200, 200]
    call = desk.call("600")
    await call.answered()
    await asyncio.sleep(4)
    c.switch.media.press(of(c, ROAMING).caller.id, "1")
    await call.hung_up()
    desk.on_call = twin.on_call = answering(1.0)
    first.hang_up()
    both = [await desk.next_call(), await twin.next_call()]
    await asyncio.sleep(4)
    assert of(c, ROAMING).stage == "talk"
    assert sorted(each.session.over for each in both) == [False, True]
    await asyncio.sleep(400)
    assert (len(desk.calls), len(twin.calls)) == (1, 1), "answered, and not called again"
    next(each for each in both if not each.session.over).hang_up()
    await c.settled()
    assert states(c) == [(ROAMING, "reached", "reached", 1)]
    twin.close()


@told(AGENT_FIRST)
async def test_cancelled_by_somebody_in_charge(c: Centre) -> None:
    first = await served_first(c)
    await (await asks(c)).hung_up()
    [view] = await c.switch.control.callbacks.callbacks(None)
    assert (view.number, view.state, view.position) == (SECOND, "waiting", 1)
    cancelled = await c.switch.control.callbacks.cancel(view.callback)
    assert cancelled.state == "cancelled"
    first.hang_up()
    await asyncio.sleep(60)
    assert c.north.calls == []
    assert c.waiting() == 0
    assert states(c) == [(SECOND, "cancelled", "cancelled", 0)]
    [view] = await read(c.switch.control.callbacks.callbacks(0.0))
    assert view.state == "cancelled"
    assert verbs(c)[-1] == "CALLBACKCANCEL"


@told(AGENT_FIRST)
async def test_cancelled_while_the_caller_rings(c: Centre) -> None:
    first = await served_first(c)
    await (await asks(c)).hung_up()
    c.north.on_call = ringing
    first.hang_up()
    rung = await c.north.next_call()
    await asyncio.sleep(1)
    [view] = await c.switch.control.callbacks.callbacks(None)
    await c.switch.control.callbacks.cancel(view.callback)
    await rung.until(Cancelled)
    await asyncio.sleep(30)
    assert c.agent("ana").state is AgentState.IDLE
    assert len(c.north.calls) == 1


@told(AGENT_FIRST)
async def test_a_restart_keeps_place_and_attempts(c: Centre) -> None:
    await served_first(c)
    await (await asks(c)).hung_up()
    third = c.caller(user=THIRD)
    await third.answered()
    await c.settled()
    [before] = c.switch.parts.dispatcher.callbacks.book
    await c.restart()
    [after] = c.switch.parts.dispatcher.callbacks.book
    assert (after.callback, after.entered, after.state) == (
        before.callback,
        before.entered,
        CallbackState.WAITING,
    )
    await asyncio.sleep(0.1)
    assert [each.ani for each in c.switch.control.queue("sales").callers] == [SECOND, THIRD]
    c.north.on_call = answering(1.0)
    await asyncio.sleep(2)
    of(c, CALLER).stop(ADMIN_HUNG_UP)
    back = await c.north.next_call()
    await asyncio.sleep(3)
    assert of(c, SECOND).stage == "talk"
    back.hang_up()
    third.hang_up()


@told(AGENT_FIRST)
async def test_a_restart_while_he_rings_is_no_attempt(c: Centre) -> None:
    first = await served_first(c)
    await (await asks(c)).hung_up()
    c.north.on_call = ringing
    first.hang_up()
    await c.north.next_call()
    await c.settled()
    await c.restart()
    c.north.on_call = answering(1.0)
    back = await c.north.next_call()
    await asyncio.sleep(3)
    assert of(c, SECOND).stage == "talk"
    back.hang_up()
    await c.settled()
    assert states(c) == [(SECOND, "reached", "reached", 1)]


@told(
    centre(
        **queue(replace(BACK, when="day")),
        calendar={"day": Calendar(hours={"mon-sun": "00:00-24:00"}, closed=("1970-01-01",))},
    )
)
async def test_outside_opening_hours_nobody_is_offered_it(c: Centre) -> None:
    first = await served_first(c)
    second = c.caller(user=SECOND)
    await second.answered()
    await asyncio.sleep(40)
    opened = c.switch.parts.services.calendars["day"]
    is_open = opened.is_open(datetime.fromtimestamp(c.switch.parts.clock.wall(), tz=UTC))
    assert ("callback-offer" in prompts(c)) is is_open
    first.hang_up()
    second.hang_up()


@told(centre(**queue(), toll=Toll(enabled=True, allowed=("34",), blocked=("346",))))
async def test_the_toll_guard_counts_before_anything_is_promised(c: Centre) -> None:
    first = await served_first(c)
    second = c.caller(user=SECOND)
    await second.answered()
    await asyncio.sleep(5)
    assert "callback-offer" not in prompts(c)
    first.hang_up()
    second.hang_up()


@told(AGENT_FIRST)
async def test_numbers_that_cannot_be_called_are_offered_nothing(c: Centre) -> None:
    first = await served_first(c)
    hidden = c.caller(user="anonymous")
    await hidden.answered()
    await asyncio.sleep(5)
    assert "callback-offer" not in prompts(c)
    first.hang_up()
    hidden.hang_up()


@told(centre(**queue(replace(BACK, least_wait_s=100))))
async def test_offered_only_where_it_helps(c: Centre) -> None:
    first = await served_first(c)
    await asyncio.sleep(55)
    first.hang_up()
    first = await served_first(c)  # one call has kept ana for about a minute
    second = c.caller(user=SECOND)
    await second.answered()
    await asyncio.sleep(5)
    assert "callback-offer" not in prompts(c), "next in line: less than 100 s"
    third = c.caller(user=THIRD)
    await third.answered()
    await asyncio.sleep(5)
    assert "callback-offer" in prompts(c), "behind him it is more"
    for call in (first, second, third):
        call.hang_up()


@told(AGENT_FIRST)
async def test_a_reload_without_the_queue_ends_what_waits_there(c: Centre) -> None:
    first = await served_first(c)
    await (await asks(c)).hung_up()
    config = c.switch.parts.services.config
    c.switch.reload(replace(config, queue={}, route={}))
    await asyncio.sleep(1)
    assert list(c.switch.parts.dispatcher.callbacks.book) == []
    first.hang_up()
    await c.settled()
    assert states(c) == [(SECOND, "gave up", "no queue", 0)]


@told(centre(**queue(), trunk={"north": trunk("198.51.100.10", caller_number="+34910000000")}))
async def test_he_is_shown_the_number_of_the_centre(c: Centre) -> None:
    first = await served_first(c)
    await (await asks(c)).hung_up()
    c.north.on_call = busy
    first.hang_up()
    back = await c.north.next_call()
    assert back.session.request is not None
    assert back.session.request.from_.uri.user == "+34910000000"
    [known] = c.switch.parts.dispatcher.callbacks.book
    await c.switch.control.callbacks.cancel(known.callback)


@told(AGENT_FIRST)
async def test_why_tells_it(c: Centre) -> None:
    first = await served_first(c)
    second = await asks(c)
    asked = of(c, SECOND).id
    await second.hung_up()
    c.north.on_call = busy
    first.hang_up()
    await c.north.next_call()
    made = of(c, SECOND).id
    await asyncio.sleep(10)
    lines = [each.text for each in (await read(c.switch.control.why.call(asked))).lines]
    assert any(text.startswith("is to be called back in queue sales") for text in lines)
    assert any("asked to be called back" in text for text in lines)
    lines = [each.text for each in (await read(c.switch.control.why.call(made))).lines]
    assert "call back number 1 of queue sales, agent first" in lines
    assert "call back: busy; again in 20 s" in lines
    [known] = c.switch.parts.dispatcher.callbacks.book
    await c.switch.control.callbacks.cancel(known.callback)
