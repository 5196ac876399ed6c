"""Proves that `kill -9` leaves nobody in a dialog that no call goes on with: a caller without an offer whose answer is
missing, one who is hung up and has not acknowledged, a supervisor between two talks, every fork of a carrier, and a trunk
that challenges our BYE; that all of them are told at the start after the next when that was killed as well, and forgotten
once they have been told; and that a supervisor's stay has its end in the rows.

Of REFERs: `test_restart_refer_story.py`. Does not prove it of calls less than a tenth of a second old.
"""

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from unittest.mock import patch

import pytest
from story_floor import FAULTS, NORTH, SOUTH, SWITCH, Centre, centre, fixed, members, sales, told, trunk

from softswitch.api.steering_control import SuperviseWish
from softswitch.call.snapshots import Snapshots
from softswitch.config.credentials import Auth
from softswitch.config.secret import Secret
from softswitch.sip.digest import Credentials, verify
from softswitch.sip.events import Cancelled, HungUp
from softswitch.sip.message import Request, Response, make_response
from softswitch.sip.source import Source
from softswitch.testing.manners import answering, ringing
from softswitch.testing.network import DELAY_S, Packet
from softswitch.testing.peer_call import PeerCall
from softswitch.testing.raw_peer import RawPeer
from softswitch.testing.sound import described

FLOOR = centre(**sales(members=members("ana")))
CUSTOMER, ANA, EVA = "trunk:north", "endpoint:1001", "endpoint:1003"
FORGOTTEN_S = 75.0
"""Longer than anything is repeated."""


async def forgotten(c: Centre) -> None:
    assert c.switch.rows("farewells") != []
    await asyncio.sleep(FORGOTTEN_S)
    assert c.switch.rows("farewells") == []


# --- a late offer ---------------------------------------------------------------------------------------------------------


def by_hand(c: Centre) -> RawPeer:
    c.north.close()
    return RawPeer(c.network, NORTH, name="north", switch=SWITCH)


def count(raw: RawPeer, method: str) -> int:
    return len([one for one in raw.received if isinstance(one, Request) and one.method == method])


@pytest.mark.parametrize("after_s", [0.3, 5.0])
@pytest.mark.parametrize("acknowledges", [True, False])
def test_a_caller_without_an_offer_whose_answer_is_missing_is_hung_up(
    after_s: float, acknowledges: bool, tmp_path: Path
) -> None:
    """Behind his ACK, for which our 2xx is repeated, or when 64*T1 are over (RFC 3261 section 15)."""

    @told(FLOOR)
    async def story(c: Centre) -> None:
        raw = by_hand(c)
        raw.invite("600")
        answer = await raw.response(200)
        assert answer.body, "our offer"
        await asyncio.sleep(after_s)
        raw.received.clear()
        await c.restart()
        repeated = await raw.response(200, patience_s=1.0)
        assert repeated.body == answer.body
        assert count(raw, "BYE") == 0
        if acknowledges:
            raw.request("ACK", 1, described(NORTH).serialize())
        bye = await raw.asked("BYE", patience_s=1.0 if acknowledges else 32.0)
        assert bye.from_tag == answer.to_tag
        raw.respond(bye, 200)
        await forgotten(c)
        cdr = await c.cdr()
        assert (cdr["ended_by"], cdr["cause"]) == ("crash", "crash")
        raw.close()

    story(tmp_path)


@told(FLOOR)
async def test_a_caller_who_was_answered_in_the_last_moment_is_hung_up(c: Centre) -> None:
    """The row says that he rings: he does not heed a 503, and a BYE follows."""
    c.phone("1002").on_call = ringing
    call = c.phone("1001").call("1002")
    rung = await c.phone("1002").next_call()
    await asyncio.sleep(2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Snapshots, "_write", lambda self, call, now=False: None)
        rung.answer()
        await call.answered()
        await asyncio.sleep(0.02)
        await c.restart()
    assert isinstance(await call.until(HungUp, patience_s=10), HungUp)
    assert isinstance(await rung.until(HungUp, patience_s=10), HungUp)
    await c.settled()


@told(FLOOR)
async def test_a_bye_that_waits_for_an_ack_is_not_forgotten(c: Centre) -> None:
    """The agent has hung up, the call is over and has its CDR; the caller has not acknowledged our 2xx yet."""

    def script(packet: Packet) -> float | None:
        return None if packet.first_line.startswith("ACK ") and packet.sender == c.north.place else DELAY_S

    c.network.script = script
    c.phone("1001").on_call = answering(0.5)
    call = c.caller()
    agent = await c.phone("1001").next_call()
    await asyncio.sleep(3)
    agent.hang_up()
    cdr = await c.cdr()
    assert cdr["ended"] and not call.session.over
    await c.restart()
    c.network.script = lambda packet: DELAY_S
    await asyncio.sleep(6)
    assert call.session.over and c.north.heard("BYE") == 1
    await forgotten(c)


# --- a crash behind the crash ---------------------------------------------------------------------------------------------


async def mute(c: Centre) -> None:
    """Of what the switch says at its next start nothing arrives, and then it is killed again."""
    c.network.script = lambda packet: None if packet.sender.address == SWITCH else DELAY_S
    await c.restart()
    await asyncio.sleep(0.3)
    await c.restart()
    c.network.script = lambda packet: DELAY_S


@told()
async def test_a_second_crash_does_not_forget_whom_to_tell(c: Centre) -> None:
    c.phone("1002").on_call = ringing
    call = c.phone("1001").call("1002")
    rung = await c.phone("1002").next_call()
    await asyncio.sleep(2)
    await mute(c)
    assert (await c.cdr())["cause"] == "crash", "closed at the first start"
    assert await call.refused() == 503
    assert isinstance(await rung.until(Cancelled, patience_s=5), Cancelled)
    await forgotten(c)
    before = len(c.network.packets)
    await c.restart()
    await asyncio.sleep(5)
    assert len(c.network.packets) == before, "nobody is told again"


@told(FLOOR)
async def test_a_second_crash_does_not_forget_the_phones_of_calls_that_go_on(c: Centre) -> None:
    c.phone("1001").on_call = ringing
    call = c.caller()
    rung = await c.phone("1001").next_call()
    await asyncio.sleep(2)
    c.phone("1001").on_call = answering(0.5)
    await mute(c)
    assert isinstance(await rung.until(Cancelled, patience_s=5), Cancelled)
    await asyncio.sleep(10)
    assert c.live().stage == "talk" and not call.session.over
    call.hang_up()
    await c.cdr()


@told(FLOOR)
async def test_a_dialog_that_another_call_has_is_not_hung_up_and_not_kept(c: Centre) -> None:
    c.phone("1001").on_call = answering(0.5)
    call = c.caller()
    await asyncio.sleep(3)
    for leg in c.live().legs.values():
        c.switch.parts.farewells.leaves(leg)
    await c.settled()
    assert len(c.switch.rows("farewells")) == 2
    await c.restart()
    await asyncio.sleep(3)
    assert not call.session.over and c.live().stage == "talk"
    assert c.switch.rows("farewells") == []
    call.hang_up()
    await c.cdr()


@told()
async def test_calls_that_share_a_leg_leave_nobody_behind(c: Centre) -> None:
    """A row that another one contradicts is no call any more; whoever else was in it is hung up."""
    c.phone("1002").on_call = c.phone("1004").on_call = answering(0.5)
    first = c.phone("1001").call("1002")
    await asyncio.sleep(2)
    second = c.phone("1003").call("1004")
    await asyncio.sleep(2)
    rows = {row["call"]: json.loads(row["data"]) for row in c.switch.rows("snapshots", "call")}
    (_, older), (name, newer) = sorted(rows.items(), key=lambda each: each[1]["stages"][-1][1])
    newer["legs"].append(older["legs"][-1])
    await written(c, name, newer)
    await c.restart()
    await asyncio.sleep(5)
    assert first.session.over
    assert c.phone("1002").calls[0].session.over, "another call had its leg, and needed it no more"
    assert not second.session.over
    second.hang_up()
    await c.settled()


async def written(c: Centre, call: str, data: object) -> None:
    """As if the call's row had said so."""
    with closing(sqlite3.connect(c.switch.folder / "softswitch.db")) as connection, connection:
        connection.execute("UPDATE snapshots SET data = ? WHERE call = ?", (json.dumps(data), call))


# --- supervisors ----------------------------------------------------------------------------------------------------------

SUPERVISED = centre(endpoint={"1004": fixed("1004", supervises=("*",))}, **sales(members=members("ana")))


async def following(c: Centre) -> PeerCall:
    c.phone("1004").on_call = answering(0.5)
    await c.switch.control.steering.supervise(SuperviseWish(phone="1004", agent="ana", follow=True))
    boss = await c.phone("1004").next_call()
    await asyncio.sleep(2)
    return boss


@pytest.mark.parametrize("talked", [True, False])
def test_a_supervisor_between_two_talks_is_hung_up(talked: bool, tmp_path: Path) -> None:
    @told(SUPERVISED)
    async def story(c: Centre) -> None:
        c.phone("1001").on_call = answering(0.5)
        boss = await following(c)
        if talked:
            call = c.caller()
            await asyncio.sleep(3)
            call.hang_up()
            await asyncio.sleep(2)
        assert not boss.session.over
        await c.restart()
        assert isinstance(await boss.until(HungUp, patience_s=5), HungUp)
        await forgotten(c)

    story(tmp_path)


@told(SUPERVISED)
async def test_a_supervisor_who_is_rung_before_anybody_talks_is_cancelled(c: Centre) -> None:
    c.phone("1004").on_call = ringing
    await c.switch.control.steering.supervise(SuperviseWish(phone="1004", agent="ana", follow=True))
    boss = await c.phone("1004").next_call()
    await asyncio.sleep(2)
    await c.restart()
    assert isinstance(await boss.until(Cancelled, patience_s=5), Cancelled)
    await forgotten(c)


@told(SUPERVISED)
async def test_who_has_left_has_no_row(c: Centre) -> None:
    boss = await following(c)
    assert len(c.switch.rows("farewells")) == 1
    boss.hang_up()
    await c.settled()
    assert c.switch.rows("farewells") == []


@pytest.mark.parametrize("dials", [False, True])
def test_a_stay_that_a_crash_cuts_off_has_its_end(dials: bool, tmp_path: Path) -> None:
    """At the last heartbeat; what the supervisor did after that is the latest that is known."""

    @told(SUPERVISED)
    async def story(c: Centre) -> None:
        c.phone("1001").on_call = answering(0.5)
        call = c.caller()
        await asyncio.sleep(2)
        if dials:
            boss = c.phone("1004").call("*15ana")
            await asyncio.sleep(1)
        else:
            boss = await following(c)
        assert len(c.switch.media.mixes) == 1, c.switch.rows("supervisions")
        [row] = c.switch.rows("supervisions")
        assert row["ended"] is None
        c.switch.parts.store.heartbeat()
        died = c.switch.parts.clock.wall()
        await asyncio.sleep(0.5)
        await c.restart()
        assert isinstance(await boss.until(HungUp, patience_s=5), HungUp)
        await c.settled()
        [after] = c.switch.rows("supervisions")
        assert (after["ended"], after["why"]) == (pytest.approx(died, abs=0.01), "crash")
        assert {**after, "ended": None, "why": ""} == row
        call.hang_up()
        await c.settled()

    story(tmp_path)


# --- carriers -------------------------------------------------------------------------------------------------------------


def sdp(port: int) -> bytes:
    return described(SOUTH, port=port, codecs=("PCMU",)).serialize()


@pytest.mark.parametrize("winner", ["one", "two"])
def test_every_fork_of_a_carrier_is_hung_up(winner: str, tmp_path: Path) -> None:
    """One of them has answered in the last moment, and whichever it was, it knows nothing of an INVITE any more."""

    @told()
    async def story(c: Centre) -> None:
        c.south.close()
        raw = RawPeer(c.network, SOUTH, name="south", switch=SWITCH)
        call = c.phone("1001").call("9555")
        invite = await raw.asked("INVITE")
        for tag in ("one", "two"):
            await asyncio.sleep(0.5)
            raw.respond(invite, 183, sdp(5001), tag=tag)
        await asyncio.sleep(1)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Snapshots, "_write", lambda self, call, now=False: None)
            raw.respond(invite, 200, sdp(5001), tag=winner)
            await raw.asked("ACK")
            await c.restart()
        cancel = await raw.asked("CANCEL", patience_s=2)
        raw.respond(cancel, 481)
        await asyncio.sleep(1)
        byes = {one.to_tag: one for one in raw.received if isinstance(one, Request) and one.method == "BYE"}
        assert byes.keys() == {"one", "two"}
        for tag, bye in byes.items():
            raw.respond(bye, 200 if tag == winner else 481)
        assert isinstance(await call.until(HungUp, patience_s=10), HungUp)
        await forgotten(c)
        raw.close()

    story(tmp_path)


@told()
async def test_dialogs_of_a_phone_do_not_make_a_row_as_long_as_it_likes(c: Centre) -> None:
    c.phone("1002").close()
    raw = RawPeer(c.network, "192.0.2.12", name="1002", switch=SWITCH)
    call = c.phone("1001").call("1002")
    invite = await raw.asked("INVITE")
    hops = tuple(f"Record-Route: <sip:hop{number}.example;lr;way={'x' * 900}>" for number in range(20))
    raw.respond(invite, 180, tag="one", headers=hops)
    await asyncio.sleep(1)
    [row] = c.switch.rows("snapshots")
    assert len(row["data"]) < 12_000
    await c.restart()
    cancel = await raw.asked("CANCEL", patience_s=2)
    raw.respond(cancel, 200, tag="one")
    raw.respond(invite, 487, tag="one")
    assert await call.refused() == 503
    await asyncio.sleep(1)
    raw.close()


PROVIDER = Secret.from_password("acme", "provider", "hush")


def challenging(request: Request, source: Source) -> Response | None:
    """Wants digest for whatever it is asked."""
    text = request.headers.get("Proxy-Authorization")
    if text is not None and verify(Credentials.parse(text), request.method, {"MD5": PROVIDER.ha1_md5}):
        return None
    challenge = 'Digest realm="provider", nonce="abc123", algorithm=MD5, qop="auth"'
    return make_response(request, 407, to_tag="challenge", headers=(("Proxy-Authenticate", challenge),))


@told()
async def test_a_trunk_that_challenges_our_bye_is_hung_up(c: Centre) -> None:
    """It answered in the last moment, when no row knew of it."""
    secrets = {**c.switch.parts.services.secrets, ("trunk", "south"): PROVIDER}
    config = centre(trunk={"south": trunk(SOUTH, auth=Auth(user="acme"))})
    c.switch.reload(config, secrets)
    c.south.close()
    raw = RawPeer(c.network, SOUTH, name="south", switch=SWITCH)
    call = c.phone("1001").call("9555")
    invite = await raw.asked("INVITE")
    raw.respond(invite, 183, sdp(5001), tag="one")
    await asyncio.sleep(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Snapshots, "_write", lambda self, call, now=False: None)
        raw.respond(invite, 200, sdp(5001), tag="one")
        await raw.asked("ACK")
        await c.restart()
    raw.respond(await raw.asked("CANCEL", patience_s=2), 481)
    bye = await raw.asked("BYE", patience_s=2)
    challenge = 'Digest realm="provider", nonce="abc123", algorithm=MD5, qop="auth"'
    raw.received.clear()
    raw.respond(bye, 407, headers=(f"Proxy-Authenticate: {challenge}",))
    again = await raw.asked("BYE", patience_s=2)
    assert challenging(again, raw.place) is None and again.cseq.number == bye.cseq.number + 1
    raw.respond(again, 200)
    assert isinstance(await call.until(HungUp, patience_s=10), HungUp)
    await c.settled()
    raw.close()


def no_such_ring(*_: object, **__: object) -> None:
    raise RuntimeError("no such ring")


@told(SUPERVISED)
async def test_a_supervisor_who_cannot_be_written_down_costs_no_call_its_row(c: Centre) -> None:
    c.phone("1004").on_call = ringing
    with patch("softswitch.call.snapshots.open_rings", no_such_ring):
        await c.switch.control.steering.supervise(SuperviseWish(phone="1004", agent="ana", follow=True))
        await c.phone("1004").next_call()
        await asyncio.sleep(1)
    assert FAULTS == ["a call could not be written down: RuntimeError('no such ring')"]
    FAULTS.clear()
    await c.switch.control.agent_pause("ana", "")
    waiting = c.caller()
    await waiting.answered()
    await asyncio.sleep(1)
    assert len(c.switch.rows("snapshots")) == 1
    waiting.hang_up()
