"""Proves where callers go whom a queue does not serve: too long, full, empty, by a key; and calls out of hours.

Does not prove the queue's own rules in depth; `tests/acd` does.
"""

import asyncio
from dataclasses import replace

from story_floor import CALLER, SALES, Centre, about, centre, members, sales, told

from softswitch.acd.values import AgentState
from softswitch.config.queues import Queue
from softswitch.config.routes import Calendar, Route
from softswitch.rtp.commands import Music, Play, StartRecording
from softswitch.testing.manners import answering, ringing

SUPPORT = Queue(members=members("eva"), announce_frequency=0.0, wrapuptime=0.0)


def after_sales(target: str, **more: object) -> dict[str, dict[str, Queue]]:
    """Nobody serves sales but ana, whose phone does not matter; who waits 10 s goes to `target`."""
    changed = {"members": members("ana"), "max_wait": 10.0, "on_timeout": target, **more}
    return {"sales": replace(SALES, **changed), "support": SUPPORT}  # type: ignore[arg-type]


@told(centre(queue=after_sales("queue:support", members=members("roy"))))
async def test_too_long_and_on_to_another_queue(c: Centre) -> None:
    c.phone("1003").on_call = answering(1.0)
    call = c.caller()
    await c.phone("1003").next_call()
    await asyncio.sleep(3)
    call.hang_up()
    cdr = await c.cdr()
    assert (cdr["queue"], cdr["agent"], cdr["wait_s"]) == ("support", "eva", about(11))
    assert [(row["queue"], row["outcome"], row["wait_s"]) for row in await c.visits()] == [
        ("sales", "timeout", about(10)),
        ("support", "answered", about(1)),
    ]
    assert [line.split("|")[0::2][:2] for line in c.log()] == [
        ["sales", "ENTERQUEUE"],
        ["sales", "EXITWITHTIMEOUT"],
        ["support", "ENTERQUEUE"],
        ["support", "CONNECT"],
        ["support", "COMPLETECALLER"],
    ]


@told(centre(queue=after_sales("message:sales", members=members("roy"))))
async def test_too_long_and_on_to_a_message_box(c: Centre) -> None:
    call = c.caller()
    await call.answered()
    await asyncio.sleep(11.5)
    caller = c.leg_of("trunk:north")
    assert [prompt.rsplit("/")[-1] for prompt in c.switch.media.told(Play, caller)[-1].prompts] == [
        "leave-message.wav",
        "tone:beep",
    ]
    assert c.switch.media.told(Music, caller)[-1].prompt is None
    await asyncio.sleep(3)
    [started] = c.switch.media.told(StartRecording)
    assert (started.tracks, started.spec.channels, started.spec.max_s) == ((caller,), 1, 60)
    await asyncio.sleep(5)
    c.press("#")
    await call.hung_up()
    cdr = await c.cdr()
    assert (cdr["ended_by"], cdr["cause"], cdr["destination"]) == ("switch", "normal", "message:sales")
    [row] = c.switch.rows("recordings")
    assert (row["box"], row["state"], row["recording"]) == ("sales", "ended", cdr["recording"])


@told(centre(queue=after_sales("extension:1004", members=members("roy"))))
async def test_too_long_and_on_to_a_phone(c: Centre) -> None:
    c.phone("1004").on_call = answering(2.0)
    call = c.caller()
    await c.phone("1004").next_call()
    assert c.switch.media.told(Music, c.leg_of("trunk:north"))[-1].prompt == "tone:ringback"
    await asyncio.sleep(4)
    call.hang_up()
    cdr = await c.cdr()
    assert (cdr["destination"], cdr["queue"], cdr["agent"]) == ("endpoint:1004", "sales", None)
    assert (cdr["wait_s"], cdr["talk_s"]) == (about(10), about(2))


@told(centre(queue=after_sales("trunk:south/+34911", members=members("roy"))))
async def test_too_long_and_out_to_a_number(c: Centre) -> None:
    c.south.on_call = answering(1.0)
    call = c.caller()
    other = await c.south.next_call()
    assert (other.invite.uri.user, other.invite.from_.uri.user) == ("+34911", CALLER)
    await asyncio.sleep(2)
    call.hang_up()
    assert (await c.cdr())["destination"] == "trunk:south/+34911"


@told(centre(queue=after_sales("hangup", members=members("roy"))))
async def test_too_long_and_the_end(c: Centre) -> None:
    call = c.caller()
    await call.hung_up()
    cdr = await c.cdr()
    assert (cdr["ended_by"], cdr["cause"], cdr["sip_status"]) == ("switch", "queue timeout", 200)
    [bye] = c.north.requests("BYE")
    assert "queue timeout" in (bye.headers.get("Reason") or "")


@told(centre(queue=after_sales("hangup", timeout=15.0)))
async def test_an_agent_who_rings_at_the_end_of_the_wait_is_the_last_chance(c: Centre) -> None:
    c.phone("1001").on_call = answering(12.0)
    call = c.caller()
    await c.phone("1001").next_call()
    await asyncio.sleep(14)
    assert c.agent("ana").state is AgentState.TALKING
    call.hang_up()
    [visit] = await c.visits()
    assert (visit["outcome"], visit["wait_s"]) == ("answered", about(12))


@told(centre(queue=after_sales("hangup", timeout=15.0)))
async def test_the_last_chance_is_missed(c: Centre) -> None:
    c.phone("1001").on_call = ringing
    call = c.caller()
    await call.hung_up()
    assert await c.offers() == [("ana", "no answer", 487)]
    [visit] = await c.visits()
    assert (visit["outcome"], visit["wait_s"]) == ("timeout", about(15))


@told(centre(**sales(members=members("roy"), maxlen=1, on_full="hangup:busy")))
async def test_a_full_queue_hangs_up(c: Centre) -> None:
    first = c.caller()
    await first.answered()
    second = c.caller(user="+342")
    assert await second.over() == 486, "a queue that refuses him is not to be paid for"
    await c.settled()
    refused = next(row for row in c.switch.cdrs() if row["ani"] == "+342")
    assert (refused["ended_by"], refused["cause"]) == ("switch", "queue full")
    assert [row["outcome"] for row in await c.visits()] == ["full"]
    assert [line.split("|")[2] for line in c.log()] == ["ENTERQUEUE", "FULL"], (
        "who is refused has not entered"
    )
    first.hang_up()


@told(
    centre(
        queue={
            "sales": replace(SALES, members=members("roy"), maxlen=1, on_full="queue:support"),
            "support": SUPPORT,
        }
    )
)
async def test_a_full_queue_leads_on(c: Centre) -> None:
    c.phone("1003").on_call = answering(1.0)
    first = c.caller()
    await first.answered()
    second = c.caller(user="+342")
    await c.phone("1003").next_call()
    await asyncio.sleep(2)
    second.hang_up()
    first.hang_up()
    assert sorted((row["queue"], row["outcome"]) for row in await c.visits()) == [
        ("sales", "abandoned"),
        ("sales", "full"),
        ("support", "answered"),
    ]


@told(centre(**sales(members=members("roy"), joinempty="no", on_empty="play:closed")))
async def test_nobody_there_to_join_for(c: Centre) -> None:
    call = c.caller()
    await call.hung_up()
    caller = c.switch.media.told(Play)[-1]
    assert caller.prompts[0].endswith("closed.wav")
    [visit] = await c.visits()
    assert visit["outcome"] == "join empty"
    assert c.log() == ["sales|NONE|JOINEMPTY"]
    cdr = await c.cdr()
    assert (cdr["ended_by"], cdr["last_stage"]) == ("switch", "say")


@told(centre(**sales(members=members("ana"), leavewhenempty=True, on_empty="hangup:congestion", timeout=0.0)))
async def test_the_last_agent_goes_home(c: Centre) -> None:
    c.phone("1001").on_call = ringing
    call = c.caller()
    await c.phone("1001").next_call()
    await asyncio.sleep(3)
    await c.switch.control.agent_logout("ana")
    await call.hung_up()
    cdr = await c.cdr()
    assert (cdr["cause"], cdr["wait_s"]) == ("queue empty", about(3))
    assert c.phone("1001").heard("CANCEL") == 1
    assert [row["outcome"] for row in await c.visits()] == ["empty"]


@told(centre(**sales(keys={"1": "message:sales"})))
async def test_a_key_leads_out_while_a_phone_rings(c: Centre) -> None:
    c.phone("1001").on_call = ringing
    call = c.caller()
    await c.phone("1001").next_call()
    await asyncio.sleep(2)
    c.press("7")
    await asyncio.sleep(1)
    assert c.waiting() == 1
    c.press("1")
    await asyncio.sleep(3)
    assert c.phone("1001").heard("CANCEL") == 1
    assert c.switch.media.told(Music, c.leg_of("trunk:north"))[-1].prompt is None
    call.hang_up()
    cdr = await c.cdr()
    assert (cdr["ended_by"], cdr["destination"], cdr["last_stage"]) == ("caller", "message:sales", "message")
    [visit] = await c.visits()
    assert (visit["outcome"], visit["wait_s"]) == ("key", about(3))
    assert c.log()[-1] == "sales|NONE|EXITWITHKEY|1|1|1|3"
    assert await c.offers() == [("ana", "cancelled", 487)]


@told(centre(**sales(keys={"1": "message:sales"})))
async def test_a_key_in_the_instant_the_agent_answers_comes_too_late(c: Centre) -> None:
    """The agent has the caller already: who left him behind would leave him on a line with nobody."""
    c.phone("1001").on_call = ringing
    call = c.caller()
    agent = await c.phone("1001").next_call()
    await asyncio.sleep(2)
    call.press("1")
    agent.answer()
    await asyncio.sleep(1)
    assert c.live().stage == "talk"
    assert c.agent("ana").state is AgentState.TALKING
    call.hang_up()
    await asyncio.sleep(1)
    assert [row["outcome"] for row in await c.visits()] == ["answered"]


@told(centre(**sales(members=members("roy"), keys={"9": "flow:main"})))
async def test_a_key_leads_into_a_flow_without_the_music(c: Centre) -> None:
    call = c.caller()
    await call.answered()
    await asyncio.sleep(1)
    c.press("9")
    await asyncio.sleep(0.1)
    assert c.switch.media.told(Music, c.leg_of("trunk:north"))[-1].prompt is None
    assert c.live().stage == "greet"
    call.hang_up()


CLOSED = {"never": Calendar(hours={"sun": "00:00-00:01"})}


@told(centre(calendar=CLOSED, route={"602": Route(to="queue:sales", when="never", otherwise="play:closed")}))
async def test_out_of_hours(c: Centre) -> None:
    call = c.caller("602")
    await call.hung_up()
    assert c.switch.media.told(Play)[0].prompts[0].endswith("en/closed.wav")
    cdr = await c.cdr()
    assert (cdr["ended_by"], cdr["cause"], cdr["last_stage"]) == ("switch", "flow ended", "say")
    assert (cdr["queue"], c.log()) == (None, [])


@told(centre(calendar=CLOSED, route={"602": Route(to="queue:sales", when="never", otherwise="hangup")}))
async def test_out_of_hours_without_a_word(c: Centre) -> None:
    assert await c.caller("602").refused() == 603
    cdr = await c.cdr()
    assert (cdr["answered"], cdr["sip_status"], cdr["ani"]) == (None, 603, CALLER)


@told(
    centre(
        queue={
            "sales": replace(SALES, members=members("roy"), joinempty="no", on_empty="queue:support"),
            "support": replace(SUPPORT, maxlen=1, on_full="queue:sales", members=members("roy")),
        }
    )
)
async def test_queues_that_send_a_caller_round_and_round_lose_him_and_nobody_else(c: Centre) -> None:
    first = c.caller()
    await first.answered()
    second = c.caller(user="+342")
    assert await second.over() == 482
    await c.settled()
    lost = next(row for row in c.switch.cdrs() if row["ani"] == "+342")
    assert (lost["ended_by"], lost["cause"]) == ("switch", "loop")
    assert c.waiting("support") == 1
    first.hang_up()
