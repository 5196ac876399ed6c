"""Proves what happens inside talks: hold and resume from either side, new addresses, offers that come late or not at all,
keys, retransmissions, and peers that fall silent.

Does not prove transactions and offers one by one (`tests/sip`).
"""

import asyncio

from story_floor import NORTH, SWITCH, Centre, about, centre, members, sales, told

from softswitch.facts import CallHeld, CallResumed
from softswitch.ids import LegId
from softswitch.rtp.commands import Music, Play, SendDigits, SetPeer
from softswitch.testing.manners import answering
from softswitch.testing.network import deliver_later, losing_first
from softswitch.testing.peer_call import PeerCall
from softswitch.testing.raw_peer import RawPeer
from softswitch.testing.sound import described


async def talking(c: Centre) -> tuple[PeerCall, PeerCall]:
    """The caller and the agent talk."""
    c.phone("1001").on_call = answering(1.0)
    call = c.caller()
    agent = await c.phone("1001").next_call()
    await asyncio.sleep(3)
    assert len(c.switch.media.bridges) == 1
    return call, agent


def music_of(c: Centre, leg: LegId) -> str:
    told = c.switch.media.told(Music, leg)
    return (told[-1].prompt or "").rsplit("/")[-1] if told else ""


@told()
async def test_the_agent_holds_and_resumes(c: Centre) -> None:
    call, agent = await talking(c)
    caller, phone = c.leg_of("trunk:north"), c.leg_of("endpoint:1001")
    agent.hold()
    await asyncio.sleep(5)
    assert c.switch.media.bridges == frozenset()
    assert (music_of(c, caller), music_of(c, phone)) == ("music.wav", "")
    assert c.switch.media.peer(phone).send is False
    agent.resume()
    await asyncio.sleep(2)
    assert c.switch.media.bridges == {frozenset((caller, phone))}
    assert music_of(c, caller) == ""
    assert c.switch.media.peer(phone).send is True
    assert [fact.by for fact in c.switch.happened(CallHeld)] == ["callee"]
    assert [fact.by for fact in c.switch.happened(CallResumed)] == ["callee"]
    call.hang_up()
    cdr = await c.cdr()
    assert (cdr["hold_s"], cdr["talk_s"]) == (about(5), about(4)), "talk is without hold"
    assert [line.split("|")[2] for line in c.log()] == [
        "ENTERQUEUE",
        "CONNECT",
        "CALLERONHOLD",
        "CALLEROFFHOLD",
        "COMPLETECALLER",
    ]
    [visit] = await c.visits()
    assert visit["hold_s"] == about(5)


@told()
async def test_the_caller_holds_and_hangs_up(c: Centre) -> None:
    call, agent = await talking(c)
    call.hold()
    await asyncio.sleep(3)
    assert music_of(c, c.leg_of("endpoint:1001")) == "music.wav"
    call.hang_up()
    await agent.hung_up()
    assert (await c.cdr())["hold_s"] == about(3)


@told()
async def test_both_hold_at_once_and_resume_one_by_one(c: Centre) -> None:
    call, agent = await talking(c)
    caller, phone = c.leg_of("trunk:north"), c.leg_of("endpoint:1001")
    call.hold()
    agent.hold()
    await asyncio.sleep(2)
    assert (music_of(c, caller), music_of(c, phone)) == ("", "")
    assert c.switch.media.bridges == frozenset()
    call.resume()
    await asyncio.sleep(2)
    assert (music_of(c, caller), music_of(c, phone)) == ("music.wav", "")
    assert c.switch.media.bridges == frozenset()
    agent.resume()
    await asyncio.sleep(1)
    assert len(c.switch.media.bridges) == 1
    call.hang_up()
    cdr = await c.cdr()
    assert cdr["hold_s"] == about(4)
    assert [line.split("|")[2] for line in c.log()].count("CALLERONHOLD") == 1


@told()
async def test_a_caller_who_holds_while_he_waits_and_resumes_in_the_talk(c: Centre) -> None:
    c.phone("1001").on_call = answering(3.0)
    call = c.caller()
    await call.answered()
    call.hold()
    agent = await c.phone("1001").next_call()
    await asyncio.sleep(5)
    assert c.live().stage == "talk"
    assert c.switch.media.bridges == frozenset()
    assert music_of(c, c.leg_of("endpoint:1001")) == "music.wav"
    call.resume()
    await asyncio.sleep(1)
    assert len(c.switch.media.bridges) == 1
    agent.hang_up()
    await call.hung_up()
    assert (await c.cdr())["hold_s"] == about(2)


@told()
async def test_the_agent_is_offered_the_callers_codec_first(c: Centre) -> None:
    c.phone("1001").on_call = answering(1.0)
    call = c.caller(sdp=described(NORTH, codecs=("PCMU",)))
    agent = await c.phone("1001").next_call()
    offer = agent.session.offer
    assert offer is not None and offer.media[0].formats == ("0", "8", "101")
    await asyncio.sleep(2)
    call.hang_up()


@told()
async def test_a_callers_new_address(c: Centre) -> None:
    call, agent = await talking(c)
    caller = c.leg_of("trunk:north")
    call.reoffer(described("198.51.100.77", port=6000, codecs=("PCMU",), version=9))
    await asyncio.sleep(1)
    peer = c.switch.media.peer(caller)
    assert (peer.address, peer.port, peer.codec) == ("198.51.100.77", 6000, "PCMU")
    assert len(c.switch.media.bridges) == 1 and c.switch.happened(CallHeld) == []
    agent.hang_up()
    await call.hung_up()


@told()
async def test_a_new_offer_that_cannot_be_served_changes_nothing(c: Centre) -> None:
    call, agent = await talking(c)
    before = c.switch.media.peer(c.leg_of("trunk:north"))
    call.reoffer(described(NORTH, codecs=("G729",), version=9))
    await asyncio.sleep(1)
    assert c.north.heard("488 INVITE") == 1
    assert c.switch.media.peer(c.leg_of("trunk:north")) == before
    assert len(c.switch.media.bridges) == 1
    agent.hang_up()
    await call.hung_up()


@told()
async def test_keys_by_info_reach_flow_and_far_side(c: Centre) -> None:
    c.phone("1003").on_call = answering(1.0)
    call = c.caller("700")
    await call.answered()
    call.press("3")
    await c.phone("1003").next_call()
    await asyncio.sleep(3)
    assert c.live().stage == "talk"
    call.press("5")
    await asyncio.sleep(1)
    [sent] = c.switch.media.told(SendDigits)
    assert (sent.leg, sent.digits) == (c.leg_of("endpoint:1003"), "5")
    c.press("6")
    await asyncio.sleep(0.1)
    assert len(c.switch.media.told(SendDigits)) == 1, "what the audio carries is not sent twice"
    call.hang_up()


@told()
async def test_a_callers_invite_that_comes_again(c: Centre) -> None:
    c.phone("1001").on_call = answering(1.0)
    call = c.caller()
    await call.answered()
    [invite] = [one for one in c.network.packets if one.sender == c.north.place and b"INVITE sip" in one.data]
    deliver_later(c.network, invite.data, invite.sender, invite.receiver)
    await c.phone("1001").next_call()
    await asyncio.sleep(3)
    deliver_later(c.network, invite.data, invite.sender, invite.receiver)
    await asyncio.sleep(1)
    call.hang_up()
    await c.settled()
    assert c.phone("1001").heard("INVITE") == 1
    assert c.switch.parts.manager.total == 1


@told(centre(**sales(members=members("roy"))), script=losing_first("ACK", 100))
async def test_an_answer_that_is_never_acknowledged(c: Centre) -> None:
    call = c.caller()
    await call.hung_up()
    cdr = await c.cdr()
    assert (cdr["ended_by"], cdr["cause"]) == ("switch", "no ack")
    assert cdr["ended"] - cdr["started"] == about(32)
    assert c.north.heard("200 INVITE") > 5


@told()
async def test_an_invite_without_an_offer(c: Centre) -> None:
    c.north.close()
    c.phone("1001").on_call = answering(1.0)
    raw = RawPeer(c.network, NORTH, name="late", switch=SWITCH)
    raw.invite("600")
    answer = await raw.response(200)
    assert b"m=audio 10000 RTP/AVP 8 0 101" in answer.body
    raw.request("ACK", 1, described(NORTH, port=7000, codecs=("PCMU",)).serialize())
    await c.phone("1001").next_call()
    await asyncio.sleep(3)
    peer = c.switch.media.peer(c.leg_of("trunk:north"))
    assert (peer.port, peer.codec) == (7000, "PCMU")
    assert len(c.switch.media.bridges) == 1
    raw.request("BYE", 2)
    await raw.response(200, 2)
    assert (await c.cdr())["cause"] == "normal"
    raw.close()


@told()
async def test_an_offer_of_ours_that_nobody_answers(c: Centre) -> None:
    c.north.close()
    raw = RawPeer(c.network, NORTH, name="late", switch=SWITCH)
    raw.invite("700")
    await raw.response(200)
    raw.request("ACK", 1)
    bye = await raw.asked("BYE", 5.0)
    raw.respond(bye, 200)
    cdr = await c.cdr()
    assert (cdr["ended_by"], cdr["cause"]) == ("caller", "no common codec")
    raw.close()


@told()
async def test_an_offer_of_ours_that_is_answered_with_another_codec(c: Centre) -> None:
    c.north.close()
    raw = RawPeer(c.network, NORTH, name="late", switch=SWITCH)
    raw.invite("700")
    await raw.response(200)
    raw.request("ACK", 1, described(NORTH, codecs=("G729",)).serialize())
    bye = await raw.asked("BYE", 5.0)
    raw.respond(bye, 200)
    assert (await c.cdr())["cause"] == "no common codec"
    raw.close()


@told()
async def test_a_new_invite_without_an_offer(c: Centre) -> None:
    c.north.close()
    raw = RawPeer(c.network, NORTH, name="late", switch=SWITCH)
    raw.invite("700", described(NORTH).serialize())
    await raw.response(200)
    raw.request("ACK", 1)
    await asyncio.sleep(1)
    raw.request("INVITE", 2)
    answer = await raw.response(200, 2)
    assert b"a=sendrecv" in answer.body and b"RTP/AVP 0 8 101" in answer.body  # what is spoken comes first
    raw.request("ACK", 2, described(NORTH, port=7700, codecs=("PCMA",)).serialize())
    await asyncio.sleep(1)
    peer = c.switch.media.peer(c.leg_of("trunk:north"))
    assert (peer.port, peer.codec) == (7700, "PCMA")
    raw.request("BYE", 3)
    await raw.response(200, 3)
    raw.close()
    await c.settled()


@told()
async def test_two_new_offers_at_once_of_one_caller(c: Centre) -> None:
    """The second before the first is acknowledged: RFC 3261 section 14.2."""
    c.north.close()
    raw = RawPeer(c.network, NORTH, name="hasty", switch=SWITCH)
    raw.invite("700", described(NORTH).serialize())
    await raw.response(200)
    raw.request("ACK", 1)
    await asyncio.sleep(1)
    raw.request("INVITE", 2, described(NORTH, port=7001, version=2).serialize())
    await raw.response(200, 2)
    raw.request("INVITE", 3, described(NORTH, port=7002, version=3).serialize())
    await asyncio.sleep(0.1)
    raw.request("ACK", 2)
    raw.request("ACK", 3)
    await asyncio.sleep(0.5)
    assert len(c.switch.parts.manager.calls) == 1
    raw.request("BYE", 4)
    await raw.response(200, 4)
    raw.close()
    await c.settled()


@told()
async def test_an_agent_from_whom_nothing_is_heard(c: Centre) -> None:
    call, agent = await talking(c)
    c.switch.media.fall_silent(c.leg_of("endpoint:1001"), 60.0)
    await call.hung_up()
    await agent.hung_up()
    cdr = await c.cdr()
    assert (cdr["ended_by"], cdr["cause"]) == ("switch", "peer silent")


@told()
async def test_an_agent_who_holds_may_be_silent(c: Centre) -> None:
    call, agent = await talking(c)
    agent.hold()
    await asyncio.sleep(1)
    c.switch.media.fall_silent(c.leg_of("endpoint:1001"), 60.0)
    await asyncio.sleep(1)
    assert len(c.switch.parts.manager.calls) == 1
    call.hang_up()


@told()
async def test_a_callers_bye_is_answered_when_the_cdr_is_safe(c: Centre) -> None:
    call, _ = await talking(c)
    call.hang_up()
    await asyncio.sleep(0.0101)
    [row] = c.switch.cdrs()
    assert row["ended"] is not None
    assert c.north.heard("200 BYE") == 1


@told()
async def test_a_caller_who_cancels_while_his_port_is_being_opened(c: Centre) -> None:
    c.switch.media.open_s = 1.0
    call = c.caller()
    await asyncio.sleep(0.5)
    call.hang_up()
    await asyncio.sleep(2)
    cdr = await c.cdr()
    assert (cdr["ended_by"], cdr["cause"], cdr["sip_status"]) == ("caller", "cancelled", 487)
    assert c.north.ladder()[-3:] == ["< 200 CANCEL", "< 487 INVITE", "> ACK"]


@told()
async def test_a_caller_who_leaves_while_the_agents_port_is_being_opened(c: Centre) -> None:
    call = c.caller("700")
    await call.answered()
    c.switch.media.open_s = 1.0
    c.press("1")
    await asyncio.sleep(0.5)
    call.hang_up()
    await asyncio.sleep(3)
    assert c.phone("1001").ladder() == []
    assert await c.offers() == [("ana", "cancelled", 487)]


@told()
async def test_prompts_go_to_the_leg_that_asked(c: Centre) -> None:
    call = c.caller("700")
    await call.answered()
    await asyncio.sleep(0.1)
    assert {command.leg for command in c.switch.media.told(Play)} == {c.leg_of("trunk:north")}
    assert c.switch.media.told(SetPeer)[0].address == NORTH
    call.hang_up()
