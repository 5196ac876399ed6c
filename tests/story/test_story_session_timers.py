"""Proves session timers (RFC 4028) in whole calls: five hours of talk with refreshes in both roles that disturb nothing,
and that a peer which is gone ends the call on both legs with a cause of its own; late offers that need PRACK
(RFC 3262); peers whose `session_timer` or `reliable_provisionals` is off, after a restart too.

Does not prove the negotiation line by line (`tests/sip/test_session_timer.py`).
"""

import asyncio

from story_floor import NORTH, SWITCH, Centre, about, centre, fixed, told, trunk

from softswitch.config.routes import Route
from softswitch.config.sip import Sip
from softswitch.rtp.commands import SetPeer
from softswitch.testing.manners import answering
from softswitch.testing.peer_call import PeerCall
from softswitch.testing.raw_peer import RawPeer
from softswitch.testing.sound import described

HOURS_S = 5 * 3600.0
LATE = centre(route={"9003": Route(to="extension:1003")})


async def talking(c: Centre) -> tuple[PeerCall, PeerCall]:
    c.phone("1001").on_call = answering(1.0)
    call = c.caller()
    agent = await c.phone("1001").next_call()
    await asyncio.sleep(3)
    assert len(c.switch.media.bridges) == 1
    return call, agent


@told()
async def test_five_hours_with_refreshes_in_both_roles(c: Centre) -> None:
    """The caller refreshes his leg, the switch refreshes the agent's: each every 15 minutes, by UPDATE."""
    call, agent = await talking(c)
    before = len(c.switch.media.told(SetPeer))
    recordings = set(c.switch.media.recordings)
    assert recordings
    await asyncio.sleep(HOURS_S)
    assert c.north.sent("UPDATE") == c.north.heard("200 UPDATE") == 20
    assert c.phone("1001").heard("UPDATE") == c.phone("1001").sent("200 UPDATE") == 20
    assert len(c.switch.media.told(SetPeer)) == before, "the media workers hear nothing of it"
    assert set(c.switch.media.recordings) == recordings and len(c.switch.media.bridges) == 1
    call.hang_up()
    await agent.hung_up()
    cdr = await c.cdr()
    assert (cdr["cause"], cdr["talk_s"], cdr["hold_s"]) == ("normal", about(HOURS_S + 2), 0.0)


@told()
async def test_five_hours_with_refreshes_by_reinvite(c: Centre) -> None:
    """Peers that do not know UPDATE, one of them on hold: the hold stays one hold."""
    call, agent = await talking(c)
    agent.hold()
    await asyncio.sleep(1)
    for leg in c.live().legs.values():
        assert leg.session is not None
        leg.session.refresh._update = False
    call.session.refresh._update = False
    before = len(c.switch.media.told(SetPeer))
    await asyncio.sleep(HOURS_S)
    assert c.phone("1001").heard("INVITE") == 21
    assert c.north.heard("200 INVITE") == 21
    versions = {
        one.body.partition(b"o=")[2].partition(b"\r\n")[0] for one in c.phone("1001").requests("INVITE")[1:]
    }
    assert len(versions) == 1, "the version of an unchanged description stays"
    assert len(c.switch.media.told(SetPeer)) == before
    assert c.switch.media.bridges == frozenset()
    call.hang_up()
    cdr = await c.cdr()
    assert cdr["hold_s"] == about(HOURS_S + 1)


@told()
async def test_an_agents_phone_that_loses_power(c: Centre) -> None:
    """Nobody answers the refresh: both legs fall, and the CDR says why."""
    call, _ = await talking(c)
    c.phone("1001").unplug()
    await asyncio.sleep(900)
    await call.hung_up()
    cdr = await c.cdr()
    assert (cdr["ended_by"], cdr["cause"]) == ("switch", "session expired")
    assert cdr["ended"] - cdr["started"] == about(1 + 900 + 32)
    c.phone("1001").plug()


@told()
async def test_a_caller_who_loses_power(c: Centre) -> None:
    """He was to refresh: BYE to the agent 32 s before the interval is over."""
    _, agent = await talking(c)
    c.north.close()
    await asyncio.sleep(1700)
    await agent.hung_up()
    cdr = await c.cdr()
    assert (cdr["ended_by"], cdr["cause"]) == ("switch", "session expired")
    assert cdr["ended"] - cdr["started"] == about(1800 - 32)


@told(centre(sip=Sip(session_expires_s=0)))
async def test_none_of_ours_gives_what_the_caller_asks_for(c: Centre) -> None:
    c.north.close()
    c.phone("1001").on_call = answering(1.0)
    raw = RawPeer(c.network, NORTH, name="north", switch=SWITCH)
    raw.invite("600", described(NORTH).serialize())
    answer = await raw.response(200)
    assert "Session-Expires" not in answer.headers
    raw.request("ACK", 1)
    agent = await c.phone("1001").next_call()
    assert "Session-Expires" not in agent.invite.headers
    await asyncio.sleep(2)
    raw.request("BYE", 2)
    await raw.response(200, 2)
    raw.close()
    await c.settled()


@told(LATE)
async def test_a_caller_whose_first_provisional_must_have_our_offer(c: Centre) -> None:
    """An INVITE without an offer that requires 100rel (RFC 3262 section 5): our offer in the 183, the answer in PRACK, and
    a 2xx without a description."""
    c.north.close()
    c.phone("1003").on_call = answering(3.0)
    raw = RawPeer(c.network, NORTH, name="late", switch=SWITCH)
    raw.invite("9003", headers=("Require: 100rel",))
    early = await raw.response(183)
    assert b"m=audio" in early.body and early.headers.get("Require") == "100rel"
    rack = f"RAck: {early.headers.get('RSeq')} 1 INVITE"
    raw.request("PRACK", 2, described(NORTH, port=7000, codecs=("PCMU",)).serialize(), headers=(rack,))
    await raw.response(200, 2)
    answer = await raw.response(200)
    assert answer.body == b""
    raw.request("ACK", 1)
    await asyncio.sleep(1)
    peer = c.switch.media.peer(c.leg_of("trunk:north"))
    assert (peer.port, peer.codec) == (7000, "PCMU")
    assert len(c.switch.media.bridges) == 1
    raw.request("BYE", 3)
    await raw.response(200, 3)
    assert (await c.cdr())["cause"] == "normal"
    raw.close()


@told(LATE)
async def test_a_caller_whose_answer_in_prack_cannot_be_used(c: Centre) -> None:
    c.north.close()
    c.phone("1003").on_call = answering(3.0)
    raw = RawPeer(c.network, NORTH, name="late", switch=SWITCH)
    raw.invite("9003", headers=("Require: 100rel",))
    early = await raw.response(183)
    rack = f"RAck: {early.headers.get('RSeq')} 1 INVITE"
    raw.request("PRACK", 2, described(NORTH, codecs=("G729",)).serialize(), headers=(rack,))
    await raw.response(488)
    raw.request("ACK", 1, again=True)
    assert (await c.cdr())["cause"] == "no common codec"
    raw.close()


OFF = centre(
    trunk={"north": trunk(NORTH, session_timer="off")}, endpoint={"1001": fixed("1001", session_timer="off")}
)


@told(OFF)
async def test_peers_that_get_no_timer(c: Centre) -> None:
    """Neither the trunk that asks for one nor the phone that knows them: the word is not even said."""
    call, agent = await talking(c)
    asked = agent.invite.headers
    assert asked.get("Session-Expires") is None and "timer" not in asked.get_list("Supported")
    assert "replaces" in asked.get_list("Supported")
    assert call.invite.headers.get("Session-Expires"), "it did ask"
    await asyncio.sleep(3600.0)
    for peer in (c.north, c.phone("1001")):
        assert peer.heard("UPDATE") == peer.sent("UPDATE") == peer.sent("INVITE") - (peer is c.north) == 0
    call.hang_up()
    await agent.hung_up()


@told(
    centre(
        trunk={"north": trunk(NORTH, reliable_provisionals="off")},
        endpoint={"1001": fixed("1001", session_timer="off")},
    )
)
async def test_what_a_peer_is_not_told_it_is_not_told_after_a_restart_either(c: Centre) -> None:
    call, agent = await talking(c)
    await c.restart(worker_too=True)
    await asyncio.sleep(3)
    for peer, without in ((c.north, "100rel"), (c.phone("1001"), "timer")):
        offered = peer.requests("INVITE")[-1].headers
        assert offered.get("Contact") and without not in offered.get_list("Supported")
        assert "replaces" in offered.get_list("Supported")
    call.hang_up()
    await agent.hung_up()
