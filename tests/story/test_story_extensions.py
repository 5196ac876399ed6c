"""Proves calls between phones: early media, every way in which a call is not answered, redirection, limits and recording.

Does not prove registration (`tests/sip`), but for phones that ring at several places.
"""

import asyncio
from dataclasses import replace

from story_floor import PHONES, ROAMING, SECRET, SWITCH, Centre, about, centre, fixed, told

from softswitch.acd.values import AgentState
from softswitch.rtp.commands import Music, PauseRecording, StartRecording, StopRecording
from softswitch.testing.manners import answering, busy, refusing, ringing
from softswitch.testing.peer import Peer
from softswitch.testing.sound import described


@told()
async def test_they_talk_and_the_caller_hangs_up(c: Centre) -> None:
    c.phone("1002").on_call = answering(2.0)
    call = c.phone("1001").call("1002")
    other = await c.phone("1002").next_call()
    await call.answered()
    assert call.progress == [180]
    invite = other.invite
    assert (invite.from_.uri.user, invite.max_forwards) == ("1001", 69)
    await asyncio.sleep(3)
    assert c.switch.media.bridges == {frozenset((c.leg_of("endpoint:1001"), c.leg_of("endpoint:1002")))}
    assert c.agent("ana").state is c.agent("ben").state is AgentState.OCCUPIED
    call.hang_up()
    await other.hung_up()
    cdr = await c.cdr()
    assert (cdr["source"], cdr["ani"], cdr["dnis"]) == ("endpoint:1001", "1001", "1002")
    assert (cdr["ended_by"], cdr["cause"], cdr["destination"]) == ("caller", "normal", "endpoint:1002")
    assert (cdr["talk_s"], cdr["queue"], cdr["recording"]) == (about(3), None, None)
    assert c.agent("ana").state is c.agent("ben").state is AgentState.IDLE
    assert sorted(row["party"] for row in c.switch.rows("legs")) == ["endpoint:1001", "endpoint:1002"]


@told()
async def test_the_callee_hangs_up(c: Centre) -> None:
    c.phone("1002").on_call = answering(0.0)
    call = c.phone("1001").call("1002")
    other = await c.phone("1002").next_call()
    await call.answered()
    await asyncio.sleep(1)
    other.hang_up()
    await call.hung_up()
    cdr = await c.cdr()
    assert (cdr["ended_by"], cdr["cause"]) == ("callee", "normal")


@told()
async def test_early_media_of_the_callee_reaches_the_caller(c: Centre) -> None:
    c.phone("1002").on_call = lambda call: call.ring(183, early=True)
    call = c.phone("1001").call("1002")
    other = await c.phone("1002").next_call()
    await asyncio.sleep(1)
    assert call.progress == [183]
    [early] = [event for event in call.events if getattr(event, "status", 0) == 183]
    assert early.sdp is not None and early.sdp.media[0].port == 10000  # type: ignore[union-attr]
    assert len(c.switch.media.bridges) == 1
    other.answer()
    await call.answered()
    await asyncio.sleep(1)
    call.hang_up()


@told()
async def test_early_media_that_cannot_be_used_is_passed_over(c: Centre) -> None:
    def odd(call: object) -> None:
        call.session.incoming.reliability = ""  # type: ignore[attr-defined]
        call.session.ring(183, described("192.0.2.12", codecs=("G729",)))  # type: ignore[attr-defined]
        call.peer.flush()  # type: ignore[attr-defined]

    c.phone("1002").on_call = odd  # type: ignore[assignment]
    call = c.phone("1001").call("1002")
    other = await c.phone("1002").next_call()
    await asyncio.sleep(1)
    assert call.progress == [180]
    other.answer()
    await call.answered()
    call.hang_up()


@told()
async def test_busy(c: Centre) -> None:
    c.phone("1002").on_call = busy
    assert await c.phone("1001").call("1002").refused() == 486
    cdr = await c.cdr()
    assert (cdr["ended_by"], cdr["cause"], cdr["sip_status"], cdr["answered"]) == (
        "callee",
        "busy",
        486,
        None,
    )


@told()
async def test_declined(c: Centre) -> None:
    c.phone("1002").on_call = refusing(603)
    assert await c.phone("1001").call("1002").refused() == 603
    assert (await c.cdr())["cause"] == "rejected"


@told()
async def test_nobody_answers(c: Centre) -> None:
    c.phone("1002").on_call = ringing
    call = c.phone("1001").call("1002")
    assert await call.refused() == 480
    assert c.phone("1002").heard("CANCEL") == 1
    cdr = await c.cdr()
    assert (cdr["ended_by"], cdr["cause"], cdr["sip_status"]) == ("callee", "no answer", 480)
    assert cdr["ended"] - cdr["started"] == about(60)


@told()
async def test_a_phone_that_is_not_registered(c: Centre) -> None:
    assert await c.phone("1001").call(ROAMING).refused() == 480
    assert (await c.cdr())["cause"] == "unreachable"


@told()
async def test_the_caller_cancels(c: Centre) -> None:
    c.phone("1002").on_call = ringing
    call = c.phone("1001").call("1002")
    await c.phone("1002").next_call()
    await asyncio.sleep(3)
    call.hang_up()
    await asyncio.sleep(1)
    assert c.phone("1001").ladder()[-4:] == ["> CANCEL", "< 200 CANCEL", "< 487 INVITE", "> ACK"]
    assert c.phone("1002").heard("CANCEL") == 1
    cdr = await c.cdr()
    assert (cdr["ended_by"], cdr["cause"], cdr["sip_status"]) == ("caller", "cancelled", 487)


@told()
async def test_the_caller_cancels_in_the_instant_of_the_answer(c: Centre) -> None:
    c.phone("1002").on_call = ringing
    call = c.phone("1001").call("1002")
    other = await c.phone("1002").next_call()
    await asyncio.sleep(3)
    other.answer()
    call.hang_up()
    await other.hung_up()
    cdr = await c.cdr()
    assert (cdr["ended_by"], cdr["cause"]) == ("caller", "cancelled")


@told()
async def test_the_answer_in_the_instant_of_the_callers_cancel(c: Centre) -> None:
    c.phone("1002").on_call = ringing
    call = c.phone("1001").call("1002")
    other = await c.phone("1002").next_call()
    await asyncio.sleep(3)
    call.hang_up()
    other.answer()
    await other.hung_up()
    assert (await c.cdr())["cause"] == "cancelled"


@told()
async def test_a_callee_who_answers_and_hangs_up_in_one_breath(c: Centre) -> None:
    c.phone("1002").on_call = ringing
    call = c.phone("1001").call("1002")
    other = await c.phone("1002").next_call()
    await asyncio.sleep(1)
    other.answer()
    await asyncio.sleep(0.01)
    other.hang_up()
    await call.over()
    assert (await c.cdr())["ended_by"] == "callee"


@told()
async def test_a_phone_redirects_to_another(c: Centre) -> None:
    c.phone("1002").on_call = refusing(302, f"sip:1003@{SWITCH}")
    c.phone("1003").on_call = answering(1.0)
    call = c.phone("1001").call("1002")
    await c.phone("1003").next_call()
    await call.answered()
    call.hang_up()
    assert (await c.cdr())["destination"] == "endpoint:1003"


@told()
async def test_a_phone_may_not_redirect_to_the_outside(c: Centre) -> None:
    c.phone("1002").on_call = refusing(302, "sip:+34900000000@198.51.100.20", "sip:9112@192.0.2.1")
    assert await c.phone("1001").call("1002").refused() == 480
    assert c.south.ladder() == []
    assert (await c.cdr())["cause"] == "unreachable"


@told()
async def test_phones_that_redirect_to_each_other(c: Centre) -> None:
    c.phone("1002").on_call = refusing(302, f"sip:1003@{SWITCH}")
    c.phone("1003").on_call = refusing(302, f"sip:1002@{SWITCH}")
    assert await c.phone("1001").call("1002").refused() == 480
    assert c.phone("1002").heard("INVITE") + c.phone("1003").heard("INVITE") == 6


@told()
async def test_a_flow_goes_on_after_a_redirection_that_led_nowhere(c: Centre) -> None:
    c.phone("1003").on_call = refusing(302, f"sip:1004@{SWITCH}")
    c.phone("1004").on_call = busy
    call = c.caller("700")
    await call.answered()
    c.press("3")
    await c.phone("1004").next_call()
    await asyncio.sleep(1)
    assert c.live().stage == "greet"
    call.hang_up()


@told()
async def test_a_flow_hears_ringing_and_goes_on_when_nobody_answers(c: Centre) -> None:
    c.phone("1003").on_call = ringing
    call = c.caller("700")
    await call.answered()
    c.press("3")
    await c.phone("1003").next_call()
    caller = c.leg_of("trunk:north")
    assert c.switch.media.told(Music, caller)[-1].prompt == "tone:ringback"
    await asyncio.sleep(10.5)
    assert c.switch.media.told(Music, caller)[-1].prompt is None
    assert c.live().stage == "greet"
    assert c.phone("1003").heard("CANCEL") == 1
    call.hang_up()


@told()
async def test_an_extension_that_a_caller_types_and_nobody_has(c: Centre) -> None:
    call = c.caller("700")
    await call.answered()
    c.press("4")
    await asyncio.sleep(0.1)
    c.press("4711")
    await asyncio.sleep(1)
    assert c.live().stage == "greet"
    call.hang_up()


@told()
async def test_an_extension_that_a_caller_types(c: Centre) -> None:
    c.phone("1004").on_call = answering(1.0)
    call = c.caller("700")
    await call.answered()
    c.press("4")
    await asyncio.sleep(0.1)
    c.press("1004")
    await c.phone("1004").next_call()
    await asyncio.sleep(2)
    assert c.live().stage == "talk"
    call.hang_up()


@told(centre(endpoint={"1002": fixed("1002", max_calls=1)}))
async def test_a_phone_with_all_its_calls_is_busy(c: Centre) -> None:
    c.phone("1002").on_call = answering(0.0)
    first = c.phone("1001").call("1002")
    await first.answered()
    assert await c.phone("1003").call("1002").refused() == 486
    assert c.phone("1002").heard("INVITE") == 1
    assert await c.phone("1002").call("1003").refused() == 486
    first.hang_up()
    await c.settled()
    assert sorted(row["cause"] for row in c.switch.cdrs()) == ["busy", "no capacity", "normal"]


@told()
async def test_a_phone_rings_at_two_places_and_one_answers(c: Centre) -> None:
    here = c.phone(ROAMING)
    there = Peer(c.network, "192.0.2.99", name=ROAMING, switch=SWITCH, secret=SECRET)
    assert await here.sign_in() == await there.sign_in() == 200
    here.on_call, there.on_call = ringing, answering(2.0)
    call = c.phone("1001").call(ROAMING)
    loser = await here.next_call()
    await call.answered()
    await asyncio.sleep(1)
    assert loser.session.over
    [cancel] = here.requests("CANCEL")
    assert "completed elsewhere" in (cancel.headers.get("Reason") or "")
    call.hang_up()
    await c.settled()
    there.close()


@told()
async def test_two_places_answer_at_once(c: Centre) -> None:
    here = c.phone(ROAMING)
    there = Peer(c.network, "192.0.2.99", name=ROAMING, switch=SWITCH, secret=SECRET)
    assert await here.sign_in() == await there.sign_in() == 200
    here.on_call, there.on_call = ringing, ringing
    call = c.phone("1001").call(ROAMING)
    one, two = await here.next_call(), await there.next_call()
    await asyncio.sleep(1)
    one.answer()
    two.answer()
    await call.answered()
    await asyncio.sleep(1)
    assert sorted((one.session.over, two.session.over)) == [False, True]
    call.hang_up()
    await c.settled()
    there.close()


@told()
async def test_two_places_one_busy_and_one_silent(c: Centre) -> None:
    here = c.phone(ROAMING)
    there = Peer(c.network, "192.0.2.99", name=ROAMING, switch=SWITCH, secret=SECRET)
    assert await here.sign_in() == await there.sign_in() == 200
    here.on_call, there.on_call = busy, refusing(480)
    assert await c.phone("1001").call(ROAMING).refused() == 486
    await c.settled()
    there.close()


@told(centre(endpoint={"1002": fixed("1002", record="always")}))
async def test_recorded_because_the_callee_wants_it(c: Centre) -> None:
    c.phone("1002").on_call = answering(0.0)
    call = c.phone("1001").call("1002")
    await call.answered()
    await asyncio.sleep(2)
    assert len(c.switch.media.told(StartRecording)) == 1
    call.hang_up()
    cdr = await c.cdr()
    [row] = c.switch.rows("recordings")
    assert row["recording"] == cdr["recording"] and row["seconds"] == about(2)


@told(centre(endpoint={"1002": fixed("1002", record="on-demand")}))
async def test_recorded_while_the_key_says_so(c: Centre) -> None:
    c.phone("1002").on_call = answering(0.0)
    call = c.phone("1001").call("1002")
    await call.answered()
    await asyncio.sleep(2)
    assert c.switch.media.told(StartRecording) == []
    c.press("*1", "endpoint:1002")
    await asyncio.sleep(3)
    assert len(c.switch.media.told(StartRecording)) == 1
    c.press("*1", "endpoint:1002")
    await asyncio.sleep(1)
    assert [paused.paused for paused in c.switch.media.told(PauseRecording)] == [True]
    c.press("*1", "endpoint:1002")
    await asyncio.sleep(1)
    assert [paused.paused for paused in c.switch.media.told(PauseRecording)] == [True, False]
    call.hang_up()
    await c.cdr()
    assert len(c.switch.media.told(StopRecording)) == len(c.switch.media.told(StartRecording)) == 1
    [row] = c.switch.rows("recordings")
    assert row["seconds"] == about(5)


@told()
async def test_no_common_codec(c: Centre) -> None:
    call = c.phone("1001").call("1002", sdp=described(PHONES["1001"], codecs=("G729",)))
    assert await call.refused() == 488
    cdr = await c.cdr()
    assert (cdr["ended_by"], cdr["cause"], cdr["sip_status"]) == ("caller", "no common codec", 488)
    assert c.phone("1002").ladder() == []


@told()
async def test_an_answer_without_a_common_codec(c: Centre) -> None:
    c.phone("1002").on_call = lambda call: call.answer(described(PHONES["1002"], codecs=("G729",)))
    call = c.phone("1001").call("1002")
    assert await call.refused() == 488
    assert c.phone("1002").heard("BYE") == 1
    assert (await c.cdr())["cause"] == "no common codec"


@told()
async def test_a_number_that_nobody_has(c: Centre) -> None:
    assert await c.phone("1001").call("5555").refused() == 404
    cdr = await c.cdr()
    assert (cdr["ended_by"], cdr["cause"], cdr["dnis"]) == ("switch", "unknown number", "5555")


@told(centre(routing=replace(centre().routing, unknown_prompt="closed")))
async def test_a_number_that_nobody_has_and_a_word_about_it(c: Centre) -> None:
    call = c.phone("1001").call("5555")
    assert await call.refused() == 404
    assert call.progress == [183]
    cdr = await c.cdr()
    assert (cdr["answered"], cdr["last_stage"]) == (None, "say")


@told()
async def test_a_call_that_has_come_through_too_many_hands(c: Centre) -> None:
    call = c.phone("1001").call("1002", max_forwards=1)
    c.phone("1002").on_call = answering(0.0)
    status = await call.over()
    assert status == 483
    assert c.phone("1002").heard("INVITE") == 1
    assert (await c.cdr())["cause"] == "loop"
