"""Proves queue calls from INVITE to CDR: greeted, queued, answered, talked, hung up by either side.

Does not prove sound: media workers are fake here, and only what they are told is looked at.
"""

import asyncio

from story_floor import CALLER, Centre, about, told

from softswitch.acd.values import AgentState
from softswitch.rtp.commands import Music, Play, StartRecording, StopRecording
from softswitch.testing.manners import answering

SERVED = ["< INVITE", "> 100 INVITE", "> 180 INVITE", "> 200 INVITE", "< ACK", "< BYE", "> 200 BYE"]


@told()
async def test_a_caller_is_greeted_waits_talks_and_hangs_up(c: Centre) -> None:
    c.phone("1001").on_call = answering(2.0)
    call = c.caller("700")
    await call.answered()
    caller = c.leg_of("trunk:north")
    assert c.switch.media.told(Play, caller)[0].prompts[0].endswith("en/welcome.wav")
    c.press("1")
    agent = await c.phone("1001").next_call()
    assert c.switch.media.told(Music, caller)[-1].prompt is not None
    assert c.agent("ana").state is AgentState.RINGING
    await asyncio.sleep(5)
    assert c.agent("ana").state is AgentState.TALKING
    assert c.switch.media.bridges == {frozenset((caller, c.leg_of("endpoint:1001")))}
    [started] = c.switch.media.told(StartRecording)
    assert started.tracks == (caller, c.leg_of("endpoint:1001"))
    assert (started.spec.channels, started.spec.encoding) == (2, "PCMU")
    call.hang_up()
    await agent.hung_up()
    await c.settled()
    assert c.agent("ana").state is AgentState.WRAP_UP
    assert c.north.ladder() == [
        "> INVITE",
        "< 100 INVITE",
        "< 200 INVITE",
        "> ACK",
        "> BYE",
        "< 200 BYE",
    ]
    assert c.phone("1001").ladder() == SERVED
    [stopped] = c.switch.media.told(StopRecording)
    assert stopped.recording == started.spec.recording
    cdr = await c.cdr()
    assert (cdr["source"], cdr["ani"], cdr["dnis"]) == ("trunk:north", CALLER, "700")
    assert (cdr["ended_by"], cdr["cause"], cdr["sip_status"]) == ("caller", "normal", 200)
    assert (cdr["queue"], cdr["agent"], cdr["destination"]) == ("sales", "ana", "agent:ana")
    assert (cdr["last_stage"], cdr["recording"]) == ("talk", started.spec.recording)
    assert (cdr["wait_s"], cdr["talk_s"]) == (about(2), about(3))
    assert await c.offers() == [("ana", "answered", 200)]
    [visit] = await c.visits()
    assert (visit["outcome"], visit["agent"], visit["completed_by"]) == ("answered", "ana", "caller")
    assert c.log() == [
        f"sales|NONE|ENTERQUEUE||{CALLER}|1",
        f"sales|ana|CONNECT|2|{agent_leg(c)}|2",
        "sales|ana|COMPLETECALLER|2|3|1",
    ]
    await asyncio.sleep(10)
    [visit] = await c.visits()
    assert visit["wrapup_s"] == about(5)
    assert c.agent("ana").state is AgentState.IDLE
    [recording] = c.switch.rows("recordings")
    assert (recording["state"], recording["agent"], recording["channels"]) == ("ended", "ana", 2)


def agent_leg(c: Centre) -> str:
    """The agent's leg, in the place of a channel's unique id."""
    [leg] = [row["leg"] for row in c.switch.rows("legs") if row["party"] == "endpoint:1001"]
    return str(leg)
