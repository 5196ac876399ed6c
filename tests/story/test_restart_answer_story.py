"""Proves that `kill -9` within moments of an answer leaves nobody behind: of an agent's phone that has answered one dialog
stays or is hung up, never two for one call, whenever the kill comes and whatever the phone remembers; a caller's INVITE
that is repeated after the restart is no second call, nor is its copy by another way; a 2xx without its ACK is repeated
until the ACK comes, and the call is hung up when it never does.

Does not prove it of connections, which die with the process.
"""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from story_floor import SWITCH, Centre, centre, fixed, members, sales, told

from softswitch.call.farewell import read_open
from softswitch.call.snapshot import CallSnapshot
from softswitch.call.snapshots import Snapshots
from softswitch.sip.events import HungUp
from softswitch.sip.sdp import SessionDescription
from softswitch.sip.server_transaction import ServerInput
from softswitch.sip.source import Source
from softswitch.testing.manners import answering
from softswitch.testing.network import DELAY_S, Packet, deliver_later
from softswitch.testing.peer import Peer
from softswitch.testing.peer_call import PeerCall
from softswitch.testing.sound import described

FLOOR = centre(**sales(members=members("ana")))
MOMENTS = pytest.mark.parametrize("after_ms", [0, 20, 50, 80, 100])
TIMEOUT_S = 32.0
"""64*T1."""


@pytest.fixture
def unwritten(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the process died before it could write the talk down."""
    monkeypatch.setattr(Snapshots, "write_now", lambda self, call: None)


def at_once(after_s: float) -> Callable[[PeerCall], None]:
    """A phone that answers without a word before."""

    def script(call: PeerCall) -> None:
        asyncio.get_running_loop().call_later(after_s, call.answer)

    return script


def late(call: PeerCall) -> None:
    """A phone that takes its time before it says that it rings."""
    asyncio.get_running_loop().call_later(0.3, call.ring)
    asyncio.get_running_loop().call_later(0.8, call.answer)


def open_dialogs(c: Centre) -> list[str]:
    """Tags of phones that ring, as written down."""
    [row] = c.switch.rows("snapshots")
    return [each.dialog.remote_tag for each in read_open(row["data"]) if each.dialog is not None]


async def acknowledged(c: Centre, peer: Peer) -> None:
    """Our ACK for `peer` leaves."""
    left = asyncio.Event()

    def script(packet: Packet) -> float:
        if packet.first_line.startswith("ACK ") and packet.receiver == peer.place:
            left.set()
        return DELAY_S

    c.network.script = script
    await left.wait()


def one_dialog(c: Centre) -> None:
    """At the phones; all others were hung up."""
    calls = [call for phone in c.phones.values() for call in phone.calls]
    assert [call.session.over for call in calls].count(False) == 1
    for call in calls:
        if call.session.over:
            assert any(isinstance(event, HungUp) for event in call.events), call.events


async def killed_after_answer(c: Centre, after_ms: int, down_s: float = 2.0) -> PeerCall:
    call = c.caller()
    await acknowledged(c, c.phone("1001"))
    await asyncio.sleep(after_ms / 1000)
    await c.restart(down_s=down_s)
    return call


async def hangs_up_well(c: Centre, call: PeerCall) -> None:
    one_dialog(c)
    assert not call.session.over
    call.hang_up()
    await asyncio.sleep(2)
    assert all(each.session.over for phone in c.phones.values() for each in phone.calls)
    cdr = await c.cdr()
    assert (cdr["ended_by"], cdr["cause"]) == ("caller", "normal")


async def outlives_the_kill(c: Centre, after_ms: int) -> None:
    """The agent's phone rings once, and the call goes on until the caller hangs up."""
    c.phone("1001").on_call = answering(0.5)
    call = await killed_after_answer(c, after_ms)
    await asyncio.sleep(15)
    if after_ms >= 20:
        assert c.phone("1001").heard("CANCEL") == 0 and len(c.phone("1001").calls) == 1
    await hangs_up_well(c, call)


# --- an agent has answered ----------------------------------------------------------------------------------------------


@MOMENTS
def test_a_talk_that_has_just_begun_goes_on(after_ms: int, tmp_path: Path) -> None:
    @told(FLOOR)
    async def story(c: Centre) -> None:
        await outlives_the_kill(c, after_ms)

    story(tmp_path)


@MOMENTS
def test_an_agent_who_is_told_what_comes_is_told_again(after_ms: int, tmp_path: Path) -> None:
    """The caller is not his yet."""

    @told(centre(**sales(members=members("ana"), agent_announce="welcome")))
    async def story(c: Centre) -> None:
        await outlives_the_kill(c, after_ms)

    story(tmp_path)


@MOMENTS
@pytest.mark.parametrize("manner", [answering, at_once])
def test_a_talk_of_which_nobody_knows_is_hung_up(
    after_ms: int, manner: Callable[[float], Any], tmp_path: Path, unwritten: None
) -> None:
    """The agent is offered the caller again, and has no second dialog."""

    @told(FLOOR)
    async def story(c: Centre) -> None:
        c.phone("1001").on_call = manner(0.5)
        call = await killed_after_answer(c, after_ms)
        first = c.phone("1001").calls[0]
        await asyncio.sleep(15)
        if after_ms < 50:
            assert first.session.over, "no row knew of its answer"
        await hangs_up_well(c, call)

    story(tmp_path)


@told(FLOOR)
async def test_a_phone_that_has_forgotten_its_invite_is_hung_up(c: Centre) -> None:
    """As RFC 3261 had it before RFC 6026: the transaction ends with the 2xx, and CANCEL gets 481."""
    phone = c.phone("1001")
    phone.on_call = late
    call = c.caller()
    await acknowledged(c, phone)
    assert open_dialogs(c), "its 180 came after the row of the offer"
    for transaction in list(phone.stack._table.servers.values()):
        transaction.apply(ServerInput.TIMER_L, asyncio.get_running_loop().time())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Snapshots, "write_now", lambda self, call: None)
        await c.restart()
    await asyncio.sleep(15)
    assert phone.sent("481 CANCEL") == 1 and phone.calls[0].session.over
    await hangs_up_well(c, call)


# --- a caller's INVITE comes again ----------------------------------------------------------------------------------------


def again(c: Centre, *changes: tuple[bytes, bytes]) -> None:
    """The caller's INVITE, as it was or by another way."""
    data = next(each.data for each in c.network.packets if each.first_line.startswith("INVITE sip:600@"))
    for old, new in changes:
        assert old in data
        data = data.replace(old, new)
    deliver_later(c.network, data, c.north.place, Source("udp", SWITCH, 5060))


@told(FLOOR)
async def test_an_invite_that_is_repeated_is_no_second_call(c: Centre) -> None:
    c.phone("1001").on_call = answering(0.5)
    call = c.caller()
    await asyncio.sleep(3)
    for _ in range(2):
        await c.restart()
        again(c)
        again(c, (b"branch=z9hG4bK", b"branch=z9hG4bKcopy"))
        await asyncio.sleep(1)
        assert len(c.switch.parts.manager.calls) == 1
    assert c.north.heard("482 INVITE") == 2
    assert c.north.heard("200 INVITE") == 1, "its ACK is in"
    await hangs_up_well(c, call)


@told(FLOOR)
async def test_who_waits_is_no_second_caller(c: Centre) -> None:
    call = c.caller()
    await asyncio.sleep(1)
    await c.restart()
    again(c)
    again(c, (b"branch=z9hG4bK", b"branch=z9hG4bKcopy"))
    await asyncio.sleep(1)
    assert c.waiting() == 1 and len(c.switch.parts.manager.calls) == 1
    call.hang_up()
    await c.cdr()


@told(FLOOR)
async def test_it_is_forgotten_in_time(c: Centre) -> None:
    """64*T1 after the answer, as without a restart."""
    c.phone("1001").on_call = answering(0.5)
    call = c.caller()
    await asyncio.sleep(20)
    await c.restart()
    servers = c.switch.parts.sip._stack._table.servers
    assert len(servers) == 1
    await asyncio.sleep(TIMEOUT_S - 20 - 2 + 1)
    assert not servers
    await hangs_up_well(c, call)


# --- no ACK ---------------------------------------------------------------------------------------------------------------


def without_ack(c: Centre, caller: Peer) -> None:
    """None from him arrives."""

    def script(packet: Packet) -> float | None:
        lost = packet.first_line.startswith("ACK ") and packet.sender == caller.place
        return None if lost else DELAY_S

    c.network.script = script


@told(FLOOR)
async def test_an_answer_is_repeated_until_its_ack(c: Centre) -> None:
    c.phone("1001").on_call = answering(0.5)
    without_ack(c, c.north)
    call = c.caller()
    await asyncio.sleep(3)
    first = answers(c, c.north)
    await c.restart()
    await asyncio.sleep(1.2)
    repeated = answers(c, c.north)[len(first) :]
    assert len(repeated) == 2 and set(repeated) == set(first), "the very same answer, at once and after T1"
    c.network.script = lambda packet: DELAY_S
    await asyncio.sleep(5)
    before = len(answers(c, c.north))
    await asyncio.sleep(TIMEOUT_S)
    assert len(answers(c, c.north)) == before
    await hangs_up_well(c, call)


def answers(c: Centre, caller: Peer) -> list[bytes]:
    """To the caller's INVITE."""
    return [
        each.data
        for each in c.network.packets
        if each.receiver == caller.place
        and each.first_line.startswith("SIP/2.0 200")
        and b" INVITE\r\n" in each.data
    ]


@pytest.mark.parametrize("kills", [1, 2])
def test_a_phone_whose_ack_was_lost_gets_it_after_a_kill(kills: int, tmp_path: Path) -> None:
    """It repeats its 2xx until then, and would hang up the talk after 64*T1 (section 13.2.2.4)."""

    @told(FLOOR)
    async def story(c: Centre) -> None:
        phone = c.phone("1001")
        phone.on_call = answering(0.5)
        c.network.script = lambda packet: None if packet.first_line.startswith("ACK sip:1001@") else DELAY_S
        call = c.caller()
        await phone.next_call()
        await asyncio.sleep(1)
        for _ in range(kills):
            await c.restart(down_s=1.0)
        c.network.script = lambda packet: DELAY_S
        await asyncio.sleep(TIMEOUT_S + 1)
        acks = [each for each in phone.requests("ACK") if each.cseq.number == 1]
        assert acks and acks[-1].to_tag == phone.calls[0].session.local_tag
        before = phone.sent("200 INVITE")
        await asyncio.sleep(TIMEOUT_S)
        assert phone.sent("200 INVITE") == before
        await hangs_up_well(c, call)

    story(tmp_path)


KEY = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
ENCRYPTED = f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}\r\n"


@pytest.mark.parametrize("worker_too", [False, True])
def test_an_answer_with_a_key_is_repeated_while_somebody_knows_the_key(
    worker_too: bool, tmp_path: Path
) -> None:
    """No row has it: the media worker has. When that dies too, nothing is repeated that would say something else."""

    @told(centre(endpoint={"1003": fixed("1003", srtp="required")}, **sales(members=members("ana"))))
    async def story(c: Centre) -> None:
        caller = c.phone("1003")
        c.phone("1001").on_call = answering(0.5)
        without_ack(c, caller)
        offer = described(caller.address).serialize().decode().replace("RTP/AVP", "RTP/SAVP") + ENCRYPTED
        call = caller.call("600", sdp=SessionDescription.parse(offer.encode()))
        await asyncio.sleep(3)
        first = answers(c, caller)
        key = first[0].partition(b"inline:")[2].split()[0]
        assert len(key) == 40 and key.decode() not in c.switch.rows("snapshots")[0]["data"]
        await c.restart(worker_too=worker_too)
        await asyncio.sleep(1.2)
        repeated = answers(c, caller)[len(first) :]
        assert set(repeated) == (set() if worker_too else set(first))
        c.network.script = lambda packet: DELAY_S
        call.hang_up()
        await c.cdr()

    story(tmp_path)


@pytest.mark.parametrize("killed", [False, True])
def test_a_caller_who_never_acknowledges_is_hung_up(killed: bool, tmp_path: Path) -> None:
    """After 64*T1 from the answer, with a restart or without."""

    @told(FLOOR)
    async def story(c: Centre) -> None:
        c.phone("1001").on_call = answering(0.5)
        without_ack(c, c.north)
        call = c.caller()
        await asyncio.sleep(5)
        if killed:
            await c.restart()
        else:
            await asyncio.sleep(2)
        await asyncio.sleep(TIMEOUT_S - 7 - 1)
        assert not call.session.over
        await asyncio.sleep(2)
        assert call.session.over and c.north.heard("BYE") == 1
        assert all(each.session.over for each in c.phone("1001").calls)
        cdr = await c.cdr()
        assert cdr["cause"] == "no ack"

    story(tmp_path)


# --- rows of before -------------------------------------------------------------------------------------------------------


@told(FLOOR)
async def test_rows_without_any_of_this_are_read(c: Centre) -> None:
    c.phone("1001").on_call = answering(5)
    call = c.caller()
    await asyncio.sleep(1)
    [row] = c.switch.rows("snapshots")
    values = json.loads(row["data"])
    assert read_open(row["data"])[0].dialog is not None
    assert CallSnapshot.from_json(row["data"]).legs[0].session.answered is not None
    del values["open"][0]["dialog"], values["legs"][0]["session"]["answered"]
    old = CallSnapshot.from_json(json.dumps(values))
    assert old.open[0].dialog is None and old.legs[0].session.answered is None
    call.hang_up()
    await c.settled()
