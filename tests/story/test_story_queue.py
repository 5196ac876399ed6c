"""Proves queue calls from INVITE to CDR: greeted, queued, answered, talked, hung up by either side.

Does not prove sound: media workers are fake here, and only what they are told is looked at.
"""

import asyncio
import json
from collections.abc import Callable

from story_floor import CALLER, SECRET, SWITCH, Centre, about, centre, fixed, members, sales, told

from softswitch.acd.values import AgentState
from softswitch.call.why import spread
from softswitch.config.routes import Route
from softswitch.ids import WorkerId
from softswitch.rtp.commands import Music, Play, StartRecording, StopPlay, StopRecording
from softswitch.testing.manners import answering, busy, refusing, ringing
from softswitch.testing.peer import Peer
from softswitch.testing.peer_call import PeerCall

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
    await asyncio.sleep(1)
    assert c.switch.media.told(Music, caller)[-1].prompt is not None
    assert c.agent("ana").state is AgentState.RINGING
    await asyncio.sleep(4)
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


@told()
async def test_a_caller_whose_agent_answers_at_once_is_played_no_music(c: Centre) -> None:
    c.phone("1001").on_call = answering(0.0)
    call = c.caller("700")
    await call.answered()
    caller = c.leg_of("trunk:north")
    c.press("1")
    agent = await c.phone("1001").next_call()
    await asyncio.sleep(1)
    assert c.agent("ana").state is AgentState.TALKING
    assert c.switch.media.told(Music, caller) == []
    call.hang_up()
    await agent.hung_up()
    await c.settled()


@told()
async def test_the_agent_hangs_up(c: Centre) -> None:
    c.phone("1001").on_call = answering(1.0)
    call = c.caller()
    agent = await c.phone("1001").next_call()
    await asyncio.sleep(6)
    agent.hang_up()
    await call.hung_up()
    cdr = await c.cdr()
    assert (cdr["ended_by"], cdr["cause"], cdr["talk_s"]) == ("callee", "normal", about(5))
    [bye] = c.north.requests("BYE")
    assert bye.headers.get("Reason") == 'Q.850;cause=16;text="normal"'
    [visit] = await c.visits()
    assert visit["completed_by"] == "agent"
    assert c.log()[-1] == "sales|ana|COMPLETEAGENT|1|5|1"


@told()
async def test_a_phone_that_rings_out_and_then_the_next_agent(c: Centre) -> None:
    c.phone("1001").on_call = ringing
    c.phone("1002").on_call = answering(1.0)
    call = c.caller()
    first = await c.phone("1001").next_call()
    await c.phone("1002").next_call()
    await asyncio.sleep(4)
    assert first.session.over
    [cancel] = c.phone("1001").requests("CANCEL")
    assert "no answer" in (cancel.headers.get("Reason") or "")
    assert c.agent("ben").state is AgentState.TALKING
    assert c.agent("ana").state is AgentState.RESTING
    call.hang_up()
    assert await c.offers() == [("ana", "no answer", 487), ("ben", "answered", 200)]
    cdr = await c.cdr()
    assert (cdr["agent"], cdr["wait_s"]) == ("ben", about(16))
    assert [line.split("|")[1:3] for line in c.log()] == [
        ["NONE", "ENTERQUEUE"],
        ["ana", "RINGNOANSWER"],
        ["ben", "CONNECT"],
        ["ben", "COMPLETECALLER"],
    ]


@told(centre(**sales(members=members("ana", "ben", "eva", "roy"))))
async def test_busy_declined_broken_and_unregistered_phones_cost_the_caller_nothing(c: Centre) -> None:
    c.phone("1001").on_call = busy
    c.phone("1002").on_call = refusing(603)
    c.phone("1003").on_call = refusing(500)
    assert c.agent("roy").state is AgentState.UNREACHABLE
    call = c.caller()
    await call.answered()
    await asyncio.sleep(1)
    assert await c.offers() == [("ana", "busy", 486), ("ben", "rejected", 603), ("eva", "failed", 500)]
    assert [c.agent(name).state for name in ("ana", "ben", "eva")] == [AgentState.RESTING] * 3
    assert c.waiting() == 1
    c.phone("1005").on_call = answering(1.0)
    assert await c.phone("1005").sign_in() == 200
    await c.phone("1005").next_call()
    await asyncio.sleep(3)
    assert c.agent("roy").state is AgentState.TALKING
    call.hang_up()
    [visit] = await c.visits()
    assert (visit["outcome"], visit["agent"], visit["original_position"]) == ("answered", "roy", 1)


@told(centre(endpoint={"1001": fixed("1001"), "1002": fixed("1002")}, **sales(members=members("ana"))))
async def test_a_phone_that_is_unplugged_is_held_for_unreachable(c: Centre) -> None:
    c.phone("1001").unplug()
    call = c.caller()
    await call.answered()
    await asyncio.sleep(40)
    offers = await c.offers()
    assert offers and {result for _, result, _ in offers} == {"no answer"}
    call.hang_up()


@told(centre(**sales(strategy="ring-all")))
async def test_all_phones_ring_one_answers_and_the_others_are_cancelled(c: Centre) -> None:
    c.phone("1001").on_call = ringing
    c.phone("1002").on_call = answering(3.0)
    call = c.caller()
    loser = await c.phone("1001").next_call()
    await c.phone("1002").next_call()
    await asyncio.sleep(5)
    assert loser.session.over
    [cancel] = c.phone("1001").requests("CANCEL")
    assert 'text="lost race"' in (cancel.headers.get("Reason") or "")
    assert c.agent("ana").state is AgentState.IDLE
    call.hang_up()
    assert sorted(await c.offers()) == [("ana", "lost race", 487), ("ben", "answered", 200)]
    assert [line.split("|")[2] for line in c.log()] == ["ENTERQUEUE", "CONNECT", "COMPLETECALLER"]


@told(centre(**sales(strategy="ring-all")))
async def test_two_answers_that_cross_give_one_talk(c: Centre) -> None:
    c.phone("1001").on_call = c.phone("1002").on_call = ringing
    call = c.caller()
    one, two = await c.phone("1001").next_call(), await c.phone("1002").next_call()
    await asyncio.sleep(2)
    one.answer()
    two.answer()
    await asyncio.sleep(2)
    states = sorted((c.agent("ana").state, c.agent("ben").state))
    assert states == [AgentState.IDLE, AgentState.TALKING]
    loser = "1002" if c.agent("ana").state is AgentState.TALKING else "1001"
    heard = [step for step in c.phone(loser).ladder() if step.startswith("<")]
    assert heard == ["< INVITE", "< CANCEL", "< ACK", "< BYE"]
    assert len(c.switch.media.bridges) == 1
    call.hang_up()
    assert {result for _, result, _ in await c.offers()} == {"answered", "lost race"}
    assert len([row for row in c.switch.rows("legs") if row["party"].startswith("endpoint")]) == 1


@told(centre(**sales(members=members("ana"), wrapuptime=3.0)))
async def test_callers_are_served_by_age_and_the_agent_wraps_up_between(c: Centre) -> None:
    c.phone("1001").on_call = answering(1.0)
    calls = []
    for number in ("+341", "+342", "+343"):
        calls.append(c.caller(user=number))
        await asyncio.sleep(0.5)
    served = []
    for _ in calls:
        agent = await c.phone("1001").next_call()
        served.append(agent.invite.from_.uri.user)
        await asyncio.sleep(4)
        agent.hang_up()
    assert served == ["+341", "+342", "+343"]
    await asyncio.sleep(10)
    visits = await c.visits()
    assert [visit["wrapup_s"] for visit in visits] == [about(3)] * 3
    assert [visit["original_position"] for visit in visits] == [1, 2, 3]
    states = [row["state"] for row in c.switch.rows("agent_intervals", "began") if row["agent"] == "ana"]
    assert states == ["idle", *["ringing", "talking", "wrap-up"] * 3]


@told()
async def test_why_an_agent_was_chosen_is_kept(c: Centre) -> None:
    c.phone("1001").on_call = answering(1.0)
    call = c.caller()
    await c.phone("1001").next_call()
    await asyncio.sleep(2)
    call.hang_up()
    await c.settled()
    [offer] = c.switch.rows("offers")
    why = spread(json.loads(offer["why"]))
    assert (why["strategy"], why["position"]) == ("longest-idle", 1)
    assert [candidate["agent"] for candidate in why["candidates"]] == ["ana", "ben"]


@told(centre(route={"605": Route(to="queue:sales", language="es")}, **sales(members=members("roy"))))
async def test_a_route_says_the_language(c: Centre) -> None:
    c.switch.reload(
        centre(
            route={"605": Route(to="queue:sales", language="es")},
            **sales(members=members("roy"), announce_frequency=10.0, announce_first_s=1.0),
        )
    )
    call = c.caller("605")
    await call.answered()
    await asyncio.sleep(2)
    [announced] = c.switch.media.told(Play)
    assert announced.prompts and all("/es/" in prompt for prompt in announced.prompts)
    call.hang_up()


@told()
async def test_an_agent_who_calls_the_queue_is_not_rung_for_himself(c: Centre) -> None:
    c.phone("1002").on_call = answering(1.0)
    call = c.phone("1001").call("600")
    await call.answered()
    await asyncio.sleep(3)
    assert (c.agent("ana").state, c.agent("ben").state) == (AgentState.OCCUPIED, AgentState.TALKING)
    assert c.phone("1001").heard("INVITE") == 0
    call.hang_up()
    assert (await c.cdr())["source"] == "endpoint:1001"


@told(centre(**sales(members=members("roy"))))
async def test_an_agent_with_two_phones_on_one_extension(c: Centre) -> None:
    here = c.phone("1005")
    there = Peer(c.network, "192.0.2.99", name="1005", switch=SWITCH, secret=SECRET)
    here.on_call, there.on_call = ringing, answering(2.0)
    assert await here.sign_in() == await there.sign_in() == 200
    call = c.caller()
    await there.next_call()
    await asyncio.sleep(4)
    assert c.agent("roy").state is AgentState.TALKING
    assert here.heard("CANCEL") == 1
    call.hang_up()
    assert await c.offers() == [("roy", "answered", 200)]
    there.close()


VIP = {"601": Route(to="queue:sales", priority=5)}


@told(centre(route=VIP, **sales(members=members("ana"), wrapuptime=0.0)))
async def test_a_higher_priority_goes_first(c: Centre) -> None:
    c.phone("1001").on_call = answering(1.0)
    first = c.caller(user="+341")
    await c.phone("1001").next_call()
    await asyncio.sleep(2)
    c.caller(user="+342")
    await asyncio.sleep(2)
    c.caller("601", user="+343")
    await asyncio.sleep(2)
    first.hang_up()
    agent = await c.phone("1001").next_call()
    assert agent.invite.from_.uri.user == "+343"
    await asyncio.sleep(2)
    agent.hang_up()
    agent = await c.phone("1001").next_call()
    assert agent.invite.from_.uri.user == "+342"
    await asyncio.sleep(2)
    agent.hang_up()
    await asyncio.sleep(1)
    assert sorted(visit["priority"] for visit in await c.visits()) == [0, 0, 5]


@told(centre(**sales(members=members("ana"), announce_frequency=10.0, announce_first_s=3.0)))
async def test_he_is_told_his_position_over_the_music_and_cut_off_when_the_agent_answers(c: Centre) -> None:
    c.phone("1001").on_call = ringing
    call = c.caller()
    agent = await c.phone("1001").next_call()
    caller = c.leg_of("trunk:north")
    c.switch.media.play_s = 4.0
    await asyncio.sleep(3.5)
    [told_him] = c.switch.media.told(Play, caller)
    assert any("position" in prompt for prompt in told_him.prompts), told_him
    assert c.switch.media.told(Music, caller)[-1].prompt is not None
    agent.answer()
    await asyncio.sleep(0.5)
    assert c.switch.media.told(StopPlay, caller)
    assert len(c.switch.media.bridges) == 1
    call.hang_up()


@told(centre(**sales(members=members("ana"))))
async def test_an_agent_who_logs_out_while_ringing_is_cancelled_and_the_caller_waits_on(c: Centre) -> None:
    c.phone("1001").on_call = ringing
    call = c.caller()
    await c.phone("1001").next_call()
    await asyncio.sleep(2)
    await c.switch.control.agent_logout("ana")
    await asyncio.sleep(1)
    assert c.phone("1001").heard("CANCEL") == 1
    assert c.agent("ana").state is AgentState.OFFLINE
    assert c.waiting() == 1
    await c.switch.control.agent_login("ana", "")
    await c.phone("1001").next_call()
    call.hang_up()
    assert await c.offers() == [("ana", "cancelled", 487), ("ana", "cancelled", 487)]


@told(centre(**sales(members=members("ana"))))
async def test_an_agent_who_logs_out_while_talking_talks_on_and_is_not_rung_again(c: Centre) -> None:
    c.phone("1001").on_call = answering(1.0)
    call = c.caller()
    await c.phone("1001").next_call()
    await asyncio.sleep(3)
    await c.switch.control.agent_logout("ana")
    await asyncio.sleep(3)
    assert len(c.switch.media.bridges) == 1
    call.hang_up()
    await asyncio.sleep(20)
    assert c.agent("ana").state is AgentState.OFFLINE
    [visit] = await c.visits()
    assert (visit["outcome"], visit["talk_s"]) == ("answered", about(5))


@told(config=centre(**sales(members=members("ana"), wrapuptime=0.0)))
async def test_who_waits_is_rung_for_before_the_agents_last_call_is_cleaned_up(c: Centre) -> None:
    await an_agent_hangs_up_while_somebody_waits(c)
    sent = [packet for packet in c.network.packets if packet.sender.address == SWITCH]
    rung = next(packet.number for packet in reversed(sent) if packet.first_line.startswith("INVITE"))
    taken_down = next(packet.number for packet in sent if packet.first_line.startswith("BYE"))
    assert rung < taken_down


@told(config=centre(**sales(members=members("ana"), wrapuptime=0.0)))
async def test_without_a_port_at_hand_the_agent_is_rung_as_soon_as_there_is_one(c: Centre) -> None:
    c.switch.media.open_s = 0.2
    await an_agent_hangs_up_while_somebody_waits(c)


async def an_agent_hangs_up_while_somebody_waits(c: Centre) -> None:
    phone = c.phone("1001")
    phone.on_call = answering(0.0)
    first = c.caller("600")
    await first.answered()
    talking = await phone.next_call()
    second = c.caller("600", user="+34600000002")
    await second.answered()
    await asyncio.sleep(2)
    talking.hang_up()
    again = await phone.next_call()
    await first.hung_up()
    await asyncio.sleep(1)
    assert c.agent("ana").state is AgentState.TALKING
    second.hang_up()
    await again.hung_up()
    await c.settled()
    assert [(row["agent"], row["cause"], row["ended_by"]) for row in c.switch.cdrs()] == [
        ("ana", "normal", "callee"),
        ("ana", "normal", "caller"),
    ]


def with_one_line() -> Callable[[PeerCall], None]:
    """A phone that is busy while it has a call."""
    taken: list[PeerCall] = []

    def script(call: PeerCall) -> None:
        if any(not each.session.over for each in taken):
            call.reject(486)
            return
        taken.append(call)
        call.ring()
        call.answer()

    return script


@told(config=centre(**sales(members=members("ana"), wrapuptime=0.0)))
async def test_a_phone_with_one_line_has_it_free_before_it_is_rung_again(c: Centre) -> None:
    phone = c.phone("1001")
    phone.on_call = with_one_line()
    first = c.caller("600")
    await first.answered()
    await phone.next_call()
    second = c.caller("600", user="+34600000002")
    await second.answered()
    await asyncio.sleep(2)
    first.hang_up()
    again = await phone.next_call()
    await asyncio.sleep(1)
    second.hang_up()
    await again.hung_up()
    assert await c.offers() == [("ana", "answered", 200), ("ana", "answered", 200)]
    requests = [line for line in phone.ladder() if line.startswith("<") and "ACK" not in line]
    assert requests == ["< INVITE", "< BYE", "< INVITE", "< BYE"]


@told(config=centre(**sales(members=members("ana"), wrapuptime=0.0)))
async def test_when_all_who_wait_leave_at_once_nobody_is_rung_for_them_in_turn(c: Centre) -> None:
    phone = c.phone("1001")
    phone.on_call = ringing
    calls = [c.caller("600", user=f"+346000000{number:02}") for number in range(12)]
    for call in calls:
        await call.answered()
    await phone.next_call()
    await asyncio.sleep(1)
    for call in calls:
        call.hang_up()
    await asyncio.sleep(2)
    assert [line for line in phone.ladder() if line == "< INVITE"] == ["< INVITE"]
    assert c.agent("ana").state is AgentState.IDLE
    assert [row["cause"] for row in c.switch.cdrs()] == ["normal"] * 12


@told(config=centre(**sales(members=members("ana", "ben"), wrapuptime=0.0)))
async def test_a_phone_whose_port_is_lost_while_it_rings_rings_no_more(c: Centre) -> None:
    c.phone("1001").on_call = ringing
    c.phone("1002").on_call = answering(0.0)
    call = c.caller("600")
    await call.answered()
    rung = await c.phone("1001").next_call()
    await asyncio.sleep(1)
    manager = c.switch.parts.manager
    manager.on_legs_lost(WorkerId(1), frozenset((c.leg_of("endpoint:1001"),)))
    talking = await c.phone("1002").next_call()
    await asyncio.sleep(1)
    assert rung.session.over
    assert c.agent("ben").state is AgentState.TALKING
    call.hang_up()
    await talking.hung_up()
    assert await c.offers() == [("ana", "failed", 503), ("ben", "answered", 200)]
