"""Proves that a caller may hang up at any moment of a queue call: no phone goes on ringing, no agent stays taken, and CDR,
offers, visits and queue_log say what happened.

Does not prove the order in which callers are served (`test_story_queue.py`, `tests/acd`).
"""

import asyncio
from dataclasses import replace

from story_floor import SALES, Centre, about, centre, members, sales, told

from softswitch.acd.values import AgentState
from softswitch.config.routes import Route
from softswitch.rtp.commands import Bridge, Play
from softswitch.testing.manners import answering, ringing


@told()
async def test_while_he_is_greeted(c: Centre) -> None:
    call = c.caller("700")
    await call.answered()
    await asyncio.sleep(0.5)
    call.hang_up()
    cdr = await c.cdr()
    assert (cdr["ended_by"], cdr["cause"], cdr["sip_status"]) == ("caller", "normal", 200)
    assert (cdr["last_stage"], cdr["queue"], cdr["wait_s"]) == ("greet", None, 0)
    assert c.north.ladder()[-2:] == ["> BYE", "< 200 BYE"]
    assert c.log() == [] and await c.offers() == []


@told()
async def test_while_an_agents_phone_rings_that_phone_is_cancelled(c: Centre) -> None:
    c.phone("1001").on_call = ringing
    call = c.caller()
    agent = await c.phone("1001").next_call()
    await asyncio.sleep(4)
    call.hang_up()
    await asyncio.sleep(1)
    assert agent.session.over
    assert c.phone("1001").ladder() == [
        "< INVITE",
        "> 100 INVITE",
        "> 180 INVITE",
        "< CANCEL",
        "> 200 CANCEL",
        "> 487 INVITE",
        "< ACK",
    ]
    assert c.agent("ana").state is AgentState.IDLE
    assert await c.offers() == [("ana", "cancelled", 487)]
    [visit] = await c.visits()
    assert (visit["outcome"], visit["wait_s"], visit["agent"]) == ("abandoned", about(4), None)
    assert [line.split("|")[2] for line in c.log()] == ["ENTERQUEUE", "RINGCANCELED", "ABANDON"]
    cdr = await c.cdr()
    assert (cdr["cause"], cdr["last_stage"], cdr["agent"], cdr["talk_s"]) == ("normal", "wait", None, 0)


@told()
async def test_in_the_instant_the_agent_answers_and_the_agent_was_first(c: Centre) -> None:
    c.phone("1001").on_call = ringing
    call = c.caller()
    agent = await c.phone("1001").next_call()
    await asyncio.sleep(3)
    agent.answer()
    call.hang_up()
    await agent.hung_up()
    await asyncio.sleep(1)
    assert c.phone("1001").ladder()[-4:] == ["> 200 INVITE", "< ACK", "< BYE", "> 200 BYE"]
    assert c.switch.media.told(Bridge) == []
    [visit] = await c.visits()
    assert (visit["outcome"], visit["talk_s"]) == ("abandoned", 0)
    assert await c.offers() == [("ana", "answered", 200)]
    cdr = await c.cdr()
    assert (cdr["ended_by"], cdr["cause"], cdr["bridged"], cdr["agent"]) == ("caller", "normal", None, None)
    assert [line.split("|")[2] for line in c.log()] == ["ENTERQUEUE", "CONNECT", "ABANDON"]


@told()
async def test_in_the_instant_the_agent_answers_and_the_caller_was_first(c: Centre) -> None:
    c.phone("1001").on_call = ringing
    call = c.caller()
    agent = await c.phone("1001").next_call()
    await asyncio.sleep(3)
    call.hang_up()
    agent.answer()
    await agent.hung_up()
    await asyncio.sleep(1)
    assert c.agent("ana").state in (AgentState.IDLE, AgentState.WRAP_UP)
    assert c.phone("1001").heard("BYE") == 1
    [visit] = await c.visits()
    assert visit["outcome"] == "abandoned"
    cdr = await c.cdr()
    assert (cdr["ended_by"], cdr["bridged"], cdr["agent"]) == ("caller", None, None)


@told()
async def test_a_cancel_that_crosses_the_agents_answer(c: Centre) -> None:
    """The agent's 200 is on its way when our CANCEL leaves: it is acknowledged and hung up."""
    c.phone("1001").on_call = ringing
    call = c.caller()
    agent = await c.phone("1001").next_call()
    await asyncio.sleep(3)
    call.hang_up()
    await asyncio.sleep(0.006)
    agent.answer()
    await agent.hung_up()
    await asyncio.sleep(1)
    assert c.phone("1001").heard("CANCEL") == 1
    assert c.phone("1001").heard("ACK") == 1
    assert c.agent("ana").state is AgentState.IDLE
    assert await c.offers() == [("ana", "cancelled", 487)]


@told(centre(**sales(agent_announce="agent-announce-sales")))
async def test_while_the_agent_hears_what_comes(c: Centre) -> None:
    c.phone("1001").on_call = answering(1.0)
    call = c.caller()
    agent = await c.phone("1001").next_call()
    await asyncio.sleep(1.5)
    [announced] = c.switch.media.told(Play, c.leg_of("endpoint:1001"))
    assert announced.prompts[0].endswith("en/agent-announce-sales.wav")
    assert c.switch.media.bridges == frozenset()
    call.hang_up()
    await agent.hung_up()
    [visit] = await c.visits()
    assert (visit["outcome"], visit["talk_s"]) == ("abandoned", 0)
    assert c.agent("ana").state is AgentState.WRAP_UP
    cdr = await c.cdr()
    assert (cdr["ended_by"], cdr["talk_s"], cdr["recording"]) == ("caller", 0, None)


@told(centre(**sales(agent_announce="agent-announce-sales")))
async def test_after_the_announcement_they_talk(c: Centre) -> None:
    c.phone("1001").on_call = answering(1.0)
    call = c.caller()
    agent = await c.phone("1001").next_call()
    await asyncio.sleep(4)
    assert len(c.switch.media.bridges) == 1
    agent.hang_up()
    await call.hung_up()
    cdr = await c.cdr()
    assert (cdr["ended_by"], cdr["cause"], cdr["talk_s"]) == ("callee", "normal", about(2))
    [visit] = await c.visits()
    assert visit["completed_by"] == "agent"


@told(centre(**sales(agent_announce="agent-announce-sales")))
async def test_an_agent_who_hangs_up_at_the_announcement_does_not_cost_the_caller_his_place(
    c: Centre,
) -> None:
    c.phone("1001").on_call = answering(1.0)
    c.phone("1002").on_call = answering(1.0)
    call = c.caller()
    first = await c.phone("1001").next_call()
    await asyncio.sleep(1.5)
    first.hang_up()
    await c.phone("1002").next_call()
    await asyncio.sleep(5)
    assert c.agent("ben").state is AgentState.TALKING
    call.hang_up()
    cdr = await c.cdr()
    assert (cdr["agent"], cdr["ended_by"], cdr["wait_s"]) == ("ben", "caller", about(2.5))


QUICK = replace(SALES, members=members("ana"), wrapuptime=0.0)
ANNOUNCED = replace(SALES, members=members("ana"), agent_announce="agent-announce-sales")


@told(centre(queue={"quick": QUICK, "sales": ANNOUNCED}, route={"603": Route(to="queue:quick")}))
async def test_the_wrap_up_after_a_call_that_was_not_talked_counts_for_no_other(c: Centre) -> None:
    c.phone("1001").on_call = answering(0.0)
    first = c.caller("603")
    await c.phone("1001").next_call()
    await asyncio.sleep(3)
    first.hang_up()
    await asyncio.sleep(1)
    second = c.caller()
    agent = await c.phone("1001").next_call()
    await asyncio.sleep(0.3)
    agent.hang_up()
    await asyncio.sleep(0.3)
    assert c.agent("ana").state is AgentState.WRAP_UP
    second.hang_up()
    await asyncio.sleep(8)
    assert [(row["queue"], row["outcome"], row["wrapup_s"]) for row in await c.visits()] == [
        ("quick", "answered", 0),
        ("sales", "abandoned", 0),
    ]


@told(centre(queue={"sales": replace(SALES, members=(), skills={"none": 1})}))
async def test_while_he_waits_and_nobody_serves_the_queue(c: Centre) -> None:
    call = c.caller()
    await call.answered()
    await asyncio.sleep(30)
    assert c.waiting() == 1
    call.hang_up()
    [visit] = await c.visits()
    assert (visit["outcome"], visit["wait_s"], visit["position"]) == ("abandoned", about(30), 1)
    assert c.log() == ["sales|NONE|ENTERQUEUE||+34600000001|1", "sales|NONE|ABANDON|1|1|30"]
