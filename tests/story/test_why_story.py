"""`why` and `why-idle` on a live mixed scenario: skills that relax, a pause with its reason, a talk, wrap-up, a missed
call, an agent idle longer; while the calls live, and from their rows when they are over.

Proves the words and their times against what really happened on virtual time. Does not prove the command line
(`tests/cli/test_why_commands.py`).
"""

import asyncio
import re
from collections.abc import Callable

import pytest
from story_floor import CALLER, Centre, centre, members, sales, told

from softswitch.acd.values import AgentState
from softswitch.api.errors import UnknownThing
from softswitch.api.why import WhyCallView
from softswitch.call.idle_told import idle_told
from softswitch.config.matching import Step
from softswitch.config.queues import Agent
from softswitch.ids import AgentId
from softswitch.testing.manners import answering, ringing

AGENTS = {
    "ana": Agent(endpoint="1001", login="on-start", skills={"english": 1}),
    "ben": Agent(endpoint="1002", login="on-start", skills={"english": 3}),
    "eva": Agent(endpoint="1003", login="on-start", skills={"english": 3}),
    "roy": Agent(endpoint="1004"),
}
MIXED = centre(
    agent=AGENTS,
    **sales(
        timeout=60.0, members=(), skills={"english": 2}, steps=(Step(after=60.0, skills={"english": 1}),)
    ),
)


async def story_of(c: Centre, call: str) -> WhyCallView:
    return await c.switch.control.why.call(call)


def texts(view: WhyCallView) -> list[str]:
    return [line.text for line in view.lines]


def idle_lines(c: Centre, agent: str) -> tuple[str, ...]:
    """Asked of the engine at once: the whole answer reads the database too, which takes its time."""
    parts = c.switch.parts
    return idle_told(parts.dispatcher.engine.why_idle(AgentId(agent)), parts.clock.monotonic())


async def until(holds: Callable[[], bool]) -> None:
    """Virtual seconds pass until it does; a hundred are enough for anything here."""
    for _ in range(1000):
        if holds():
            return
        await asyncio.sleep(0.1)
    raise AssertionError("it never came to that")


@told(MIXED)
async def test_a_mixed_day_is_explained(c: Centre) -> None:
    await c.switch.control.agent_pause("ben", "lunch")
    c.phone("1003").on_call = answering(2.0)
    c.phone("1001").on_call = answering(20.0)
    first = c.caller("700", user="+34600000001")
    await first.answered()
    c.press("1")
    await asyncio.sleep(4)
    assert c.agent("eva").state is AgentState.TALKING
    [first_id] = c.switch.parts.manager.calls

    second = c.caller("600", user="+34600000002")
    await second.answered()
    await asyncio.sleep(5)
    [second_id] = set(c.switch.parts.manager.calls) - {first_id}

    first_line, second_line = idle_lines(c, "ana")
    assert first_line.startswith("idle, and those who wait are not for him; idle ")
    assert second_line == "queue sales: 1 waiting; not for him: skill english 1 < 2 (1 waiting)"
    assert idle_lines(c, "ben")[0].startswith("paused (lunch), since")
    assert idle_lines(c, "ben")[1] == "queue sales: 1 waiting meanwhile"
    assert idle_lines(c, "eva")[0].startswith(f"on call {first_id} of queue sales, since ")
    assert idle_lines(c, "roy")[0].startswith("not logged in, since")

    live = await story_of(c, second_id)
    assert live.live
    assert re.fullmatch(
        r"waits in queue sales at position 1, [0-9]+ s so far; 1 agents idle there", texts(live)[-1]
    )
    await until(lambda: c.agent("ana").state is AgentState.TALKING)
    first.hang_up()
    second.hang_up()
    await until(lambda: c.agent("eva").state is AgentState.WRAP_UP)
    assert idle_lines(c, "eva")[0].startswith("in wrap-up, ")
    await c.settled()

    told_first, told_second = await story_of(c, first_id), await story_of(c, second_id)
    assert not told_first.live
    assert texts(told_first)[:5] == [
        f"came from trunk:north: {CALLER} called 700",
        "route 700 leads to flow:main",
        "enters flow main",
        "pressed 1 in menu main.choose",
        "waits in queue sales, strategy longest-idle, needs english 2",
    ]
    [offered] = [text for text in texts(told_first) if text.startswith("offered to")]
    assert offered.startswith("offered to eva by longest-idle: idle ")
    assert "ana: skill english 1 < 2" in offered
    assert "ben: paused (lunch)" in offered
    assert texts(told_first)[-1].startswith("ended by caller: normal (SIP 200), ")
    steps = [line for line in told_second.lines if "suffices" in line.text]
    assert [line.text for line in steps] == ["after 1:00 english 1 suffices"]
    [offer] = [line for line in told_second.lines if line.text.startswith("offered to ana")]
    assert offer.at == pytest.approx(steps[0].at, abs=0.1)
    assert "needed english 1" in offer.text and "eva: talking" in offer.text
    assert told_second.offers[0]["why"]["step"] == 1
    assert any(text.startswith("leaves queue sales after 1:") for text in texts(told_second))


@told(centre(**sales(timeout=5.0)))
async def test_a_missed_call_and_the_one_who_is_next(c: Centre) -> None:
    c.phone("1001").on_call = ringing
    c.phone("1002").on_call = answering(1.0)
    call = c.caller()
    await call.answered()
    await until(lambda: c.agent("ana").state is AgentState.RESTING)
    assert re.fullmatch(
        r"left in peace for [0-9]+ s more after a failed offer, 1 missed in a row", idle_lines(c, "ana")[0]
    )
    assert c.agent("ben").state is AgentState.RINGING
    view = await story_of(c, c.live().id)
    assert [offer["agent"] for offer in view.offers] == ["ana", "ben"]
    assert texts(view)[-1].endswith("ben rung; 0 agents idle there")
    await until(lambda: c.agent("ben").state is AgentState.TALKING)
    assert "ana: no answer after 5 s" in texts(await story_of(c, c.live().id))
    await until(lambda: c.agent("ana").state is AgentState.IDLE)
    call.hang_up()
    await asyncio.sleep(15)
    assert idle_lines(c, "ben")[1] == "queue sales: nobody waits; rung before him: ana"
    assert idle_lines(c, "ana")[1] == "queue sales: nobody waits; he is next"
    idle = await c.switch.control.why.idle("ben")
    assert (idle.state, idle.until) == ("idle", None)
    latest = [change.text.split(" until")[0] for change in idle.changes][:2]
    assert latest == ["was wrap-up, queue sales", "was talking, queue sales"]


@told(centre(agent={"roy": Agent(endpoint="1005", login="on-start")}, **sales(members=members("roy"))))
async def test_a_phone_that_is_not_registered(c: Centre) -> None:
    assert idle_lines(c, "roy")[0].startswith("the phone is not registered, since")
    assert idle_lines(c, "ana")[-1] == "serves no queue: neither member of one nor with the skills of one"
    with pytest.raises(UnknownThing):
        await c.switch.control.why.idle("nobody")
    with pytest.raises(UnknownThing):
        await story_of(c, "nothing")
