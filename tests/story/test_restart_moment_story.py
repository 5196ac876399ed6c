"""Proves that what two parties agreed on right before `kill -9`, when no row knew of it yet, is known afterwards, since the
media worker was told: a hold and its end, of either side, in the CDR to the second, and the new place of a peer's media,
that a fax is no hold, and that it is encrypted now. How soon a hold is written, and how often at most.

How few calls such a moment hits, over real sockets: `tests/interop/test_calls_over_kill.py`.
"""

import asyncio
import base64
import json
from itertools import pairwise
from pathlib import Path

import pytest
from story_floor import PHONES, Centre, centre, fixed, members, sales, told
from stream_talk import FAX, answered_last, headings, lines, offers_to

from softswitch.call.snapshots import AT_ONCE_S, Snapshots
from softswitch.ids import CallId
from softswitch.rtp.commands import SetPeer
from softswitch.sip.events import ReofferAnswered
from softswitch.sip.sdp import SessionDescription
from softswitch.store.rows import SnapshotRow
from softswitch.testing.manners import answering
from softswitch.testing.peer_call import PeerCall
from softswitch.testing.sound import described

FLOOR = centre(**sales(members=members("ana")))
SIDES = pytest.mark.parametrize("who", ["customer", "agent"])
HEARTBEAT_S = 1.0
"""How exactly it is known when the process died."""


async def in_talk(c: Centre) -> tuple[PeerCall, PeerCall]:
    c.phone("1001").on_call = answering(0.5)
    call = c.caller()
    agent = await c.phone("1001").next_call()
    await asyncio.sleep(3)
    assert len(c.switch.media.bridges) == 1
    return call, agent


@pytest.fixture
def unwritten(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if each process died before it could write a hold down."""
    monkeypatch.setattr(Snapshots, "write_now", lambda self, call: None)


async def alive(c: Centre) -> None:
    """The process says that it lives, as it does each second, half a second before what follows."""
    c.switch.parts.store.heartbeat()
    await asyncio.sleep(0.5)


async def killed_at_once(c: Centre) -> None:
    """When the last message has arrived, before what it changed is written."""
    await asyncio.sleep(0.02)
    await c.restart()
    await asyncio.sleep(1)


def holds_logged(c: Centre) -> list[str]:
    return [verb for line in c.log() for verb in line.split("|") if "HOLD" in verb]


@SIDES
def test_a_hold_of_the_last_moment(who: str, tmp_path: Path, unwritten: None) -> None:
    @told(FLOOR)
    async def story(c: Centre) -> None:
        call, agent = await in_talk(c)
        holds = call if who == "customer" else agent
        await alive(c)
        holds.hold()
        await killed_at_once(c)
        assert c.switch.media.bridges == frozenset()
        other = "endpoint:1001" if who == "customer" else "trunk:north"
        assert c.switch.media.music(c.leg_of(other)) is not None
        await asyncio.sleep(5)
        holds.resume()
        await asyncio.sleep(2)
        assert len(c.switch.media.bridges) == 1
        call.hang_up()
        cdr = await c.cdr()
        assert cdr["hold_s"] == pytest.approx(2 + 1 + 5, abs=HEARTBEAT_S + 0.1)
        assert cdr["talk_s"] == pytest.approx(3.5 + 2, abs=HEARTBEAT_S + 0.1)
        assert holds_logged(c) == ["CALLERONHOLD", "CALLEROFFHOLD"]

    story(tmp_path)


@SIDES
def test_the_end_of_a_hold_of_the_last_moment(who: str, tmp_path: Path, unwritten: None) -> None:
    """Else both would hear music, or nothing, for the rest of the call."""

    @told(FLOOR)
    async def story(c: Centre) -> None:
        call, agent = await in_talk(c)
        holds = call if who == "customer" else agent
        holds.hold()
        await asyncio.sleep(4.5)
        await alive(c)
        holds.resume()
        await killed_at_once(c)
        assert len(c.switch.media.bridges) == 1
        await asyncio.sleep(4)
        call.hang_up()
        cdr = await c.cdr()
        assert cdr["hold_s"] == pytest.approx(5, abs=HEARTBEAT_S + 0.1)
        assert cdr["talk_s"] == pytest.approx(3 + 2 + 1 + 4, abs=HEARTBEAT_S + 0.1)
        assert holds_logged(c) == ["CALLERONHOLD", "CALLEROFFHOLD"]

    story(tmp_path)


@told(FLOOR)
async def test_where_the_media_of_a_peer_has_moved_to_in_the_last_moment(c: Centre) -> None:
    """A worker that dies later is told the new place, not the one of before."""
    call, _ = await in_talk(c)
    was = c.live().caller.negotiated
    call.reoffer(call.describe(port=45_678))
    await killed_at_once(c)
    now = c.live().caller.negotiated
    assert was is not None and now is not None
    assert (now.port, now.address) == (45_678, was.address) and was.port != 45_678
    call.hang_up()


@told(FLOOR)
async def test_audio_that_gave_way_to_a_fax_in_the_last_moment_is_asked_back_and_is_no_hold(
    c: Centre,
) -> None:
    """No row knows of the ports that the fax goes through, so it is over."""
    here, there = PHONES["1001"], PHONES["1003"]
    c.phone("1003").on_call = answering(0.5)
    call = c.phone("1001").call("1003")
    machine = await c.phone("1003").next_call()
    await call.answered()
    await asyncio.sleep(3)
    call.on_offer = lambda offered: lines(here, FAX.format(port=4106), audio=None, version=2)
    machine.reoffer(lines(there, FAX.format(port=4306), audio=None, version=2))
    await machine.until(ReofferAnswered)
    assert headings(answered_last(machine)) == [("image", True)]
    for peer, address in ((call, here), (machine, there)):
        peer.on_offer = lambda offered, address=address: lines(address, version=3)  # type: ignore[misc]
    await killed_at_once(c)
    for peer in (call, machine):
        assert headings(offers_to(peer)[-1]) == [("audio", True)]
    sides = c.live().legs.values()
    assert [(leg.held, leg.negotiated.send) for leg in sides if leg.negotiated] == [(False, True)] * 2
    assert all(c.switch.media.peer(leg.id).send for leg in sides) and len(c.switch.media.bridges) == 1
    await asyncio.sleep(5)
    call.hang_up()
    cdr = await c.cdr()
    assert cdr["hold_s"] == 0 and cdr["cause"] == "normal"


@told(centre(endpoint={name: fixed(name, srtp="optional") for name in ("1001", "1002")}))
async def test_what_was_encrypted_in_the_last_moment_never_goes_back_to_clear(c: Centre) -> None:
    c.phone("1002").on_call = answering(0.5)
    call = c.phone("1001").call("1002")
    await call.answered()
    await asyncio.sleep(3)
    leg = c.leg_of("endpoint:1001")
    assert c.switch.media.peer(leg).key_in is None
    call.reoffer(encrypted(2))
    await call.until(ReofferAnswered)
    ours = c.switch.media.peer(leg).key_out
    assert ours is not None
    await killed_at_once(c)
    caller = c.live().caller
    assert caller.srtp == ours.suite and ours in caller.keys
    call.on_offer = lambda offered: encrypted(3)
    before = len(c.switch.media.told(SetPeer, leg))
    c.switch.media.die()
    await asyncio.sleep(1)
    told_since = c.switch.media.told(SetPeer, leg)[before:]
    assert told_since and all(each.key_in is not None and each.key_out is not None for each in told_since)
    offered = offers_to(call)[-1].media[0]
    assert offered.protocol == "RTP/SAVP" and offered.has("crypto")
    call.hang_up()
    assert (await c.cdr())["cause"] == "normal"


def encrypted(version: int) -> SessionDescription:
    text = described(PHONES["1001"], version=version).serialize().decode().replace("RTP/AVP", "RTP/SAVP")
    key = base64.b64encode(bytes(range(30))).decode()
    return SessionDescription.parse(f"{text}a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{key}\r\n".encode())


@told(FLOOR)
async def test_a_hold_is_written_within_moments(c: Centre) -> None:
    """Not a tenth of a second later, as what can be lost more easily is."""
    call, agent = await in_talk(c)
    before = c.switch.rows("snapshots")[0]["data"]
    agent.hold()
    await asyncio.sleep(0.05)
    after = c.switch.rows("snapshots")[0]["data"]
    assert before != after and str(CallId(c.live().id)) in after
    await c.restart()
    await asyncio.sleep(1)
    assert c.switch.media.bridges == frozenset()
    call.hang_up()
    cdr = await c.cdr()
    assert cdr["hold_s"] == pytest.approx(2 + 1, abs=0.2), "to the moment, not to the second"


@told(FLOOR)
async def test_holds_that_come_faster_than_people_hold_are_written_in_the_usual_way(c: Centre) -> None:
    """The last one too, soon; whoever sends them does not set how often the disk is written to."""
    call, agent = await in_talk(c)
    writes: list[float] = []
    store, loop = c.switch.parts.services.store, asyncio.get_running_loop()
    write = store.snapshot

    def noted(row: SnapshotRow, *, now: bool = False) -> None:
        writes.extend([loop.time()] if now else [])
        write(row, now=now)

    store.snapshot = noted  # type: ignore[method-assign]
    began = loop.time()
    for _ in range(50):
        agent.hold()
        await asyncio.sleep(0.012)
        agent.resume()
        await asyncio.sleep(0.012)
    took = loop.time() - began
    agent.hold()
    await asyncio.sleep(0.25)
    assert took / AT_ONCE_S / 4 <= len(writes) <= took / AT_ONCE_S + 1
    assert all(later - earlier >= AT_ONCE_S for earlier, later in pairwise(writes))
    written = json.loads(c.switch.rows("snapshots")[0]["data"])
    assert written["talk"]["held"] == [c.leg_of("endpoint:1001")]
    call.hang_up()
