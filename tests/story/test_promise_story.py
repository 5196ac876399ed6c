"""Proves, on virtual time, what callers are told while they wait and what comes of it: ranges told, stored and reported; an
agent's answer connects while a prompt plays, within 100 ms; keys are heard during every prompt; whoever hung up or was cut
off takes his place again within `resume_s`, also after a restart, and is told so.

Does not prove the ranges (`tests/acd/test_wait_range.py`) nor what is heard.
"""

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest
from story_floor import CALLER, Centre, about, centre, members, sales, told

from softswitch.acd.values import AgentState
from softswitch.api.report_control import ReportSearch
from softswitch.call.call import Call
from softswitch.call.termination import SESSION_EXPIRED
from softswitch.config.callback import Callback
from softswitch.config.flow import Enqueue, Flow, Play
from softswitch.config.routes import Route
from softswitch.rtp.commands import Bridge
from softswitch.rtp.commands import Play as PlayCommand
from softswitch.testing.manners import answering, ringing
from softswitch.testing.peer_call import PeerCall
from softswitch.testing.virtual_time import VirtualTimeLoop

SECOND, THIRD = "+34600000002", "+34600000003"
ONE = sales(members=members("ana"), announce_frequency=30.0, record="never")
RESUMES = sales(members=members("ana"), resume_s=120.0)


def of(c: Centre, number: str) -> Call:
    [call] = [each for each in c.switch.parts.manager.calls.values() if each.ani == number]
    return call


def prompts(c: Centre) -> list[str]:
    return [
        prompt.rpartition("/")[2].removesuffix(".wav")
        for play in c.switch.media.told(PlayCommand)
        for prompt in play.prompts
    ]


async def read(answer: Awaitable[Any]) -> Any:
    """What the database is asked for, while time passes as it does."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    with loop.beside_threads():
        return await answer


async def talks(c: Centre, number: str = CALLER) -> PeerCall:
    c.phone("1001").on_call = answering(1.0)
    call = c.caller(user=number)
    await c.phone("1001").next_call()
    await asyncio.sleep(2)
    return call


@told(centre(**ONE))
async def test_a_range_is_told_kept_and_reported(c: Centre) -> None:
    first = await talks(c)
    await asyncio.sleep(200)
    first.hang_up()
    await asyncio.sleep(10)
    first = await talks(c)
    second = c.caller(user=SECOND)
    await second.answered()
    await asyncio.sleep(5)
    assert "wait-less-than" in prompts(c)
    detail = c.switch.control.queue("sales")
    assert detail.queue.wait is not None
    assert detail.queue.wait.low_s < detail.queue.wait.expected_s < detail.queue.wait.high_s
    assert detail.callers[0].wait is not None
    shown = await read(c.switch.control.call(of(c, SECOND).id))
    assert shown.wait is not None
    assert shown.wait.expected_s < detail.queue.wait.expected_s, "who comes now waits longer"
    await asyncio.sleep(100)
    first.hang_up()
    await asyncio.sleep(10)
    assert of(c, SECOND).stage == "talk"
    second.hang_up()
    await c.settled()
    rows = c.switch.rows("wait_promises", "told")
    assert len(rows) == 4, "every 30 s"
    assert {row["low_s"] for row in rows} == {0.0}
    assert all(row["high_s"] % 60 == 0 for row in rows)
    wall = c.switch.parts.clock.wall()
    asked = ReportSearch(since=wall - 3600, until=wall)
    report = await read(c.switch.control.reports.report("promises", asked))
    [row] = report.rows
    assert (row["queue"], row["promised"], row["judged"], row["within"]) == ("sales", 1, 1, 1)
    assert (row["within_share"], row["every_share"], row["ranges_told"]) == (1.0, 1.0, 4)
    lines = [each.text for each in (await read(c.switch.control.why.call(rows[0]["call"]))).lines]
    assert any(text.startswith("is told: position 1, 0 s to ") for text in lines)


@told(centre(**ONE))
async def test_an_answer_connects_while_a_prompt_plays(c: Centre) -> None:
    """A prompt of a minute, over which an agent becomes free, is rung and answers."""
    c.switch.media.play_s = 60.0
    first = await talks(c)
    await asyncio.sleep(20)
    second = c.caller(user=SECOND)
    await second.answered()
    await asyncio.sleep(4)
    assert "position-is" in prompts(c), "it plays from now on"
    loop = asyncio.get_running_loop()
    bridged: list[float] = []
    send = c.switch.media.send

    def noticed(command: object) -> None:
        if isinstance(command, Bridge):
            bridged.append(loop.time())
        send(command)  # type: ignore[arg-type]

    c.switch.parts.services.media.send = noticed  # type: ignore[method-assign]
    c.phone("1001").on_call = ringing
    hung_up = loop.time()
    first.hang_up()
    ana = await c.phone("1001").next_call()
    assert loop.time() - hung_up == about(5.0), "rung as soon as her wrap-up is over, whatever plays"
    await asyncio.sleep(1.5)
    answered = loop.time()
    ana.answer()
    await asyncio.sleep(1)
    assert c.agent("ana").state is AgentState.TALKING
    assert len(bridged) == 1
    assert bridged[0] - answered <= 0.1
    second.hang_up()


KEYS = sales(
    members=members("ana"),
    announce_frequency=30.0,
    periodic_announce="please-wait",
    keys={"7": "play:closed"},
    resume_s=120.0,
    callback=Callback(key="1", least_wait_s=0),
)


@pytest.mark.parametrize("after_s", [0.0, 3.0, 3.5, 4.5, 6.0, 9.0])
def test_a_key_is_heard_during_any_prompt(after_s: float, tmp_path: object) -> None:
    """Position, wait, offer of a callback and periodic prompt are played one after another: keys count during each."""

    @told(centre(**KEYS))
    async def story(c: Centre) -> None:
        first = await talks(c)
        second = c.caller(user=SECOND)
        await second.answered()
        await asyncio.sleep(after_s + 0.05)
        c.switch.media.press(of(c, SECOND).caller.id, "7")
        await asyncio.sleep(0.1)
        assert of(c, SECOND).stage == "say"
        await second.hung_up()
        first.hang_up()

    story(tmp_path)


HELLO = Flow(start="play", node={"play": Play(prompt="welcome", next="in"), "in": Enqueue(queue="sales")})


@told(centre(**KEYS, flow={"hello": HELLO}, route={"800": Route(to="flow:hello")}))
async def test_a_key_is_heard_while_he_is_told_that_his_place_was_kept(c: Centre) -> None:
    first = await talks(c)
    second = c.caller("800", user=SECOND)
    await second.answered()
    await asyncio.sleep(10)
    second.hang_up()
    await asyncio.sleep(5)
    again = c.caller("800", user=SECOND)
    await again.answered()
    await asyncio.sleep(1.5)
    assert prompts(c)[-1] == "place-kept"
    c.switch.media.press(of(c, SECOND).caller.id, "7")
    await again.hung_up()
    assert "closed" in prompts(c)
    first.hang_up()


# --- resuming a place -------------------------------------------------------------------------------------------------


@told(centre(**RESUMES))
async def test_who_hung_up_takes_his_place_again_and_is_told_so(c: Centre) -> None:
    first = await talks(c)
    second = c.caller(user=SECOND)
    await second.answered()
    await asyncio.sleep(5)
    third = c.caller(user=THIRD)
    await third.answered()
    await asyncio.sleep(5)
    second.hang_up()
    await asyncio.sleep(60)
    assert "place-kept" not in prompts(c)
    again = c.caller(user=SECOND)
    await again.answered()
    await asyncio.sleep(1)
    assert "place-kept" in prompts(c)
    assert [each.ani for each in c.switch.control.queue("sales").callers] == [SECOND, THIRD]
    lines = [each.text for each in (await read(c.switch.control.why.call(of(c, SECOND).id))).lines]
    assert any("takes the place that the queue kept for him: 1:1" in text for text in lines), lines
    first.hang_up()
    await c.phone("1001").next_call()
    await asyncio.sleep(2)
    assert of(c, SECOND).stage == "talk"
    again.hang_up()
    third.hang_up()
    await c.settled()
    waits = [row["wait_s"] for row in await c.visits() if row["outcome"] == "answered"]
    assert max(waits) < 20, "this stay counts for itself"


@told(centre(**RESUMES))
async def test_who_comes_too_late_begins_anew(c: Centre) -> None:
    first = await talks(c)
    second = c.caller(user=SECOND)
    await second.answered()
    third = c.caller(user=THIRD)
    await third.answered()
    second.hang_up()
    await asyncio.sleep(125)
    again = c.caller(user=SECOND)
    await again.answered()
    await asyncio.sleep(1)
    assert [each.ani for each in c.switch.control.queue("sales").callers] == [THIRD, SECOND]
    assert "place-kept" not in prompts(c)
    for call in (first, again, third):
        call.hang_up()


@told(centre(**RESUMES))
async def test_who_was_cut_off_from_his_talk_comes_first_and_to_the_same_agent(c: Centre) -> None:
    c.phone("1001").on_call = answering(1.0)
    await talks(c, SECOND)
    third = c.caller(user=THIRD)
    await third.answered()
    await asyncio.sleep(5)
    of(c, SECOND).stop(SESSION_EXPIRED)
    await asyncio.sleep(2)
    again = c.caller(user=SECOND)
    await again.answered()
    await asyncio.sleep(1)
    assert [each.ani for each in c.switch.control.queue("sales").callers] == [SECOND, THIRD]
    await asyncio.sleep(8)
    assert of(c, SECOND).stage == "talk"
    again.hang_up()
    third.hang_up()


@told(centre(**RESUMES))
async def test_who_was_served_and_hung_up_himself_has_no_place(c: Centre) -> None:
    first = await talks(c, SECOND)
    third = c.caller(user=THIRD)
    await third.answered()
    first.hang_up()
    again = c.caller(user=SECOND)
    await again.answered()
    await asyncio.sleep(1)
    assert [each.ani for each in c.switch.control.queue("sales").callers] == [THIRD, SECOND]
    again.hang_up()
    third.hang_up()


@told(centre(**RESUMES))
async def test_places_are_kept_over_a_restart(c: Centre) -> None:
    await talks(c)
    second = c.caller(user=SECOND)
    await second.answered()
    await asyncio.sleep(20)
    third = c.caller(user=THIRD)
    await third.answered()
    second.hang_up()
    await c.settled()
    await c.restart()
    again = c.caller(user=SECOND)
    await again.answered()
    await asyncio.sleep(1)
    assert [each.ani for each in c.switch.control.queue("sales").callers] == [SECOND, THIRD]
    again.hang_up()
    third.hang_up()
    of(c, CALLER).stop(SESSION_EXPIRED)


@told(centre(**sales(members=members("ana"))))
async def test_nobody_resumes_where_it_is_not_configured(c: Centre) -> None:
    first = await talks(c)
    second = c.caller(user=SECOND)
    await second.answered()
    third = c.caller(user=THIRD)
    await third.answered()
    second.hang_up()
    again = c.caller(user=SECOND)
    await again.answered()
    await asyncio.sleep(1)
    assert [each.ani for each in c.switch.control.queue("sales").callers] == [THIRD, SECOND]
    for call in (first, again, third):
        call.hang_up()
