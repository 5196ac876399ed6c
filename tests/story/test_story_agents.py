"""Proves what agents do at their phones: feature codes with and without PIN, recording keys, their own calls between
queue calls; and message boxes.

Does not prove the command line (`tests/cli`).
"""

import asyncio
from dataclasses import replace

import pytest
import structlog
from story_floor import SALES, Centre, about, centre, members, sales, told

from softswitch.acd.values import AgentState, AgentStatus
from softswitch.call.events import RecordOrdered
from softswitch.call.stages import Feature, arguments_of
from softswitch.config.features import Features
from softswitch.config.queues import Agent
from softswitch.rtp.commands import PauseRecording, Play, StartRecording, StopRecording
from softswitch.testing.manners import answering, ringing


async def dials(c: Centre, phone: str, code: str) -> int:
    """Dial a feature code and hear it out; 200, or how it was refused."""
    call = c.phone(phone).call(code)
    status = await call.over()
    await asyncio.sleep(0.1)
    return status


def said(c: Centre) -> str:
    """The prompt played last."""
    return c.switch.media.told(Play)[-1].prompts[0].rsplit("/")[-1]


@told()
async def test_out_and_in_again(c: Centre) -> None:
    assert await dials(c, "1001", "*12") == 200
    assert said(c) == "agent-logout.wav"
    assert c.agent("ana").state is AgentState.OFFLINE
    assert await dials(c, "1001", "*11") == 200
    assert said(c) == "agent-login.wav"
    assert c.agent("ana").state is AgentState.IDLE
    assert [line.split("|")[1:] for line in c.log()] == [
        ["ana", "REMOVEMEMBER"],
        ["ana", "AGENTLOGOFF", "1001", "0"],
        ["ana", "AGENTLOGIN", "1001"],
        ["ana", "ADDMEMBER"],
    ]
    cdrs = c.switch.cdrs()
    assert [(row["dnis"], row["cause"], row["last_stage"]) for row in cdrs] == [
        ("*12", "normal", "say"),
        ("*11", "normal", "say"),
    ]


@told()
async def test_pause_with_a_reason_and_resume(c: Centre) -> None:
    assert await dials(c, "1001", "*132") == 200
    view = c.agent("ana")
    assert (view.status, view.reason, view.state) == (AgentStatus.PAUSED, "lunch", AgentState.PAUSED)
    assert said(c) == "agent-paused.wav"
    assert await dials(c, "1001", "*14") == 200
    assert said(c) == "agent-resumed.wav"
    assert c.agent("ana").state is AgentState.IDLE
    assert c.log() == [
        "NONE|ana|PAUSEALL|lunch",
        "sales|ana|PAUSE|lunch",
        "NONE|ana|UNPAUSEALL",
        "sales|ana|UNPAUSE",
    ]
    rows = c.switch.rows("agent_intervals", "began")
    assert ("paused", "lunch") in [(row["state"], row["reason"]) for row in rows]


@told()
async def test_pause_without_a_reason_takes_the_first_and_an_unknown_one_is_refused(c: Centre) -> None:
    assert await dials(c, "1001", "*13") == 200
    assert c.agent("ana").reason == "break"
    assert await dials(c, "1001", "*1399") == 403
    assert c.agent("ana").reason == "break"


@pytest.mark.parametrize("code", ["*13", "*14"])
def test_who_is_logged_out_can_neither_pause_nor_resume(code: str, tmp_path: object) -> None:
    @told(centre(agent={"ana": Agent(endpoint="1001")}))
    async def story(c: Centre) -> None:
        assert c.agent("ana").state is AgentState.OFFLINE
        assert await dials(c, "1001", code) == 403
        assert c.agent("ana").state is AgentState.OFFLINE

    story(tmp_path)


@told()
async def test_resume_ends_a_wrap_up(c: Centre) -> None:
    c.phone("1001").on_call = answering(0.0)
    call = c.caller()
    await c.phone("1001").next_call()
    await asyncio.sleep(2)
    call.hang_up()
    await asyncio.sleep(1)
    assert c.agent("ana").state is AgentState.WRAP_UP
    assert await dials(c, "1001", "*14") == 200
    assert c.agent("ana").state is AgentState.IDLE
    [visit] = await c.visits()
    assert visit["wrapup_s"] == about(1)


PINNED = {"ana": Agent(endpoint="1001", pin="4321"), "ben": Agent(endpoint="1002", login="on-start")}


@told(centre(agent=PINNED))
async def test_an_agent_sits_down_at_anothers_phone_with_his_pin(c: Centre) -> None:
    c.phone("1004").on_call = answering(0.0)
    assert await dials(c, "1004", "*11ana4321") == 200
    assert c.agent("ana").state is AgentState.IDLE
    await c.switch.control.agent_logout("ben")
    call = c.caller()
    await c.phone("1004").next_call()
    await asyncio.sleep(1)
    assert c.agent("ana").state is AgentState.TALKING
    assert c.phone("1001").ladder() == []
    call.hang_up()


@told(centre(agent=PINNED))
async def test_a_pin_is_written_nowhere(c: Centre) -> None:
    with structlog.testing.capture_logs() as lines:
        assert await dials(c, "1004", "*11ana4321") == 200
    assert (await c.cdr())["dnis"] == "*11"
    assert lines and "4321" not in str(lines)
    assert "4321" not in str(arguments_of(Feature(feature="login", argument="ana4321")))


@told(centre(agent=PINNED))
async def test_he_takes_the_phone_of_who_sat_there(c: Centre) -> None:
    assert await dials(c, "1002", "*11ana4321") == 200
    assert (c.agent("ana").state, c.agent("ben").state) == (AgentState.IDLE, AgentState.OFFLINE)


@told(centre(agent=PINNED))
async def test_wrong_pins_say_no_more_than_unknown_agents(c: Centre) -> None:
    assert await dials(c, "1004", "*11ana9999") == 403
    assert await dials(c, "1004", "*11zoe4321") == 403
    assert await dials(c, "1004", "*11ben") == 403
    assert c.agent("ana").state is AgentState.OFFLINE
    assert {(row["cause"], row["sip_status"]) for row in c.switch.cdrs()} == {("not allowed", 403)}


@told()
async def test_a_phone_without_an_agent_has_no_features(c: Centre) -> None:
    assert await dials(c, "1004", "*11") == 403


@told(replace(centre(), features=Features(login="", logout="")))
async def test_codes_that_are_switched_off_are_numbers_like_others(c: Centre) -> None:
    assert await dials(c, "1001", "*11") == 404


@told()
async def test_callers_from_outside_have_no_features(c: Centre) -> None:
    assert await c.caller("*12").refused() == 404


@told(centre(**sales(members=members("ana"))))
async def test_an_agent_who_calls_out_is_not_rung_and_counts_as_busy_since(c: Centre) -> None:
    c.south.on_call = answering(0.0)
    own = c.phone("1001").call("9112")
    await own.answered()
    call = c.caller()
    await call.answered()
    await asyncio.sleep(2)
    assert (c.agent("ana").state, c.waiting()) == (AgentState.OCCUPIED, 1)
    c.phone("1001").on_call = answering(0.0)
    own.hang_up()
    await c.phone("1001").next_call()
    await asyncio.sleep(1)
    assert c.agent("ana").state is AgentState.TALKING
    call.hang_up()


@told(centre(**sales(members=members("ana"))))
async def test_an_agent_who_picks_up_to_call_while_his_phone_rings(c: Centre) -> None:
    c.phone("1001").on_call = ringing
    call = c.caller()
    await c.phone("1001").next_call()
    await asyncio.sleep(1)
    c.south.on_call = answering(0.0)
    own = c.phone("1001").call("9112")
    await own.answered()
    assert c.phone("1001").heard("CANCEL") == 1
    assert c.waiting() == 1
    own.hang_up()
    call.hang_up()
    assert (await c.offers())[0] == ("ana", "cancelled", 487)


@told(centre(**sales(record="on-demand")))
async def test_the_agent_records_on_demand_and_the_caller_cannot(c: Centre) -> None:
    c.phone("1001").on_call = answering(0.0)
    call = c.caller()
    await c.phone("1001").next_call()
    await asyncio.sleep(1)
    c.press("*1")
    await asyncio.sleep(0.1)
    assert c.switch.media.told(StartRecording) == []
    c.press("*1", "endpoint:1001")
    await asyncio.sleep(2)
    assert len(c.switch.media.recordings) == 1
    call.hang_up()
    cdr = await c.cdr()
    [row] = c.switch.rows("recordings")
    assert (row["recording"], row["agent"], row["queue"]) == (cdr["recording"], "ana", "sales")


@told(centre(agent={"ana": Agent(endpoint="1001", login="on-start", record="never")}))
async def test_an_agents_own_wish_goes_before_the_queues(c: Centre) -> None:
    c.phone("1001").on_call = answering(0.0)
    call = c.caller()
    await c.phone("1001").next_call()
    await asyncio.sleep(1)
    c.press("*1", "endpoint:1001")
    await asyncio.sleep(1)
    assert c.switch.media.told(StartRecording) == []
    call.hang_up()
    assert (await c.cdr())["recording"] is None


@told()
async def test_somebody_in_charge_records_and_stops(c: Centre) -> None:
    c.phone("1002").on_call = answering(0.0)
    call = c.phone("1001").call("1002")
    await call.answered()
    await asyncio.sleep(0.1)
    live = c.live().id
    c.live().post(RecordOrdered(True))
    await asyncio.sleep(2)
    assert c.switch.parts.recordings.is_recording(live)
    c.live().post(RecordOrdered(False))
    await asyncio.sleep(1)
    assert not c.switch.parts.recordings.is_recording(live)
    assert [paused.paused for paused in c.switch.media.told(PauseRecording)] == [True]
    assert c.switch.media.told(StopRecording) == []
    call.hang_up()


@told()
async def test_a_message_ends_with_a_key_and_the_flow_goes_on(c: Centre) -> None:
    call = c.caller("700")
    await call.answered()
    c.press("2")
    await asyncio.sleep(2.5)
    assert len(c.switch.media.recordings) == 1
    await asyncio.sleep(4)
    c.press("#")
    await asyncio.sleep(0.1)
    assert c.switch.media.recordings == frozenset()
    assert said(c) == "goodbye.wav"
    await call.hung_up()
    cdr = await c.cdr()
    assert (cdr["destination"], cdr["ended_by"]) == ("message:sales", "switch")
    [row] = c.switch.rows("recordings")
    assert (row["box"], row["channels"], row["seconds"], row["ani"]) == (
        "sales",
        1,
        about(4.5),
        "+34600000001",
    )


@told()
async def test_a_message_ends_when_he_hangs_up(c: Centre) -> None:
    call = c.caller("700")
    await call.answered()
    c.press("2")
    await asyncio.sleep(5)
    call.hang_up()
    cdr = await c.cdr()
    assert (cdr["ended_by"], cdr["cause"], cdr["last_stage"]) == ("caller", "normal", "message")
    [row] = c.switch.rows("recordings")
    assert (row["state"], row["seconds"]) == ("ended", about(3))


@told()
async def test_a_message_has_a_longest_length(c: Centre) -> None:
    call = c.caller("700")
    await call.answered()
    c.press("2")
    await call.hung_up()
    await c.cdr()
    [row] = c.switch.rows("recordings")
    assert row["seconds"] == about(60)


@told(centre(queue={"sales": replace(SALES, members=members("ana"), autopause=2, timeout=3.0)}))
async def test_an_agent_who_lets_it_ring_twice_is_paused(c: Centre) -> None:
    c.phone("1001").on_call = ringing
    call = c.caller()
    await call.answered()
    await asyncio.sleep(20)
    view = c.agent("ana")
    assert (view.status, view.reason) == (AgentStatus.PAUSED, "autopause")
    assert [result for _, result, _ in await c.offers()] == ["no answer", "no answer"]
    call.hang_up()
