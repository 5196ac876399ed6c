"""Proves that a hold is understood however a peer spells it (RFC 3264 section 8.4, RFC 6337 section 5.3), from the caller
and from the agent: as fact, in the CDR, as a marker of the recording; and that any plain offer resumes.

`recvonly` is no hold: such a party wants to hear us.
"""

import asyncio
from collections.abc import Callable

import pytest
from story_floor import NORTH, SWITCH, Centre, about, told

from softswitch.facts import CallHeld, CallResumed
from softswitch.rtp.commands import MarkRecording, Music
from softswitch.sip.sdp import SessionDescription
from softswitch.testing.manners import answering
from softswitch.testing.peer_call import PeerCall
from softswitch.testing.raw_peer import RawPeer
from softswitch.testing.sound import described

Spelling = Callable[[str, int], SessionDescription]


def edited(*changes: tuple[str, str]) -> Spelling:
    def spell(address: str, version: int) -> SessionDescription:
        text = described(address, version=version).serialize().decode()
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        return SessionDescription.parse(text.encode())

    return spell


def zeros(address: str, version: int, direction: str) -> SessionDescription:
    text = described(address, version=version, direction=direction).serialize().decode()
    return SessionDescription.parse(text.replace(f"c=IN IP4 {address}", "c=IN IP4 0.0.0.0").encode())


SPELLINGS: dict[str, Spelling] = {
    "sendonly": edited(("a=sendrecv", "a=sendonly")),
    "inactive": edited(("a=sendrecv", "a=inactive")),
    "for the session": edited(("a=sendrecv\r\n", ""), ("t=0 0\r\n", "t=0 0\r\na=sendonly\r\n")),
    "zeros": lambda address, version: zeros(address, version, "sendrecv"),
    "zeros and inactive": lambda address, version: zeros(address, version, "inactive"),
    "port 0": edited(("m=audio 4000", "m=audio 0")),
}
PLAIN = edited(("a=sendrecv\r\n", ""))


async def talking(c: Centre) -> tuple[PeerCall, PeerCall]:
    c.phone("1001").on_call = answering(1.0)
    call = c.caller()
    agent = await c.phone("1001").next_call()
    await asyncio.sleep(3)
    return call, agent


def holds(spelling: str, by: str) -> Callable[..., None]:
    @told()
    async def story(c: Centre) -> None:
        call, agent = await talking(c)
        holder = call if by == "caller" else agent
        held = c.leg_of("endpoint:1001" if by == "caller" else "trunk:north")
        address = holder.peer.address
        holder.reoffer(SPELLINGS[spelling](address, 7))
        await asyncio.sleep(5)
        assert [fact.by for fact in c.switch.happened(CallHeld)] == [by]
        assert c.switch.media.bridges == frozenset()
        music = c.switch.media.told(Music, held)[-1]
        assert music.prompt is not None
        holder.reoffer(PLAIN(address, 8))
        await asyncio.sleep(2)
        assert [fact.by for fact in c.switch.happened(CallResumed)] == [by]
        assert len(c.switch.media.bridges) == 1
        marks = [each.kind for each in c.switch.media.told(MarkRecording)]
        assert [kind for kind in marks if kind in ("hold", "resume")] == ["hold", "resume"]
        call.hang_up()
        assert (await c.cdr())["hold_s"] == about(5)

    return story


@pytest.mark.parametrize("by", ["caller", "callee"])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_hold_is_a_hold(spelling: str, by: str, tmp_path) -> None:  # type: ignore[no-untyped-def]
    holds(spelling, by)(tmp_path)


@told()
async def test_who_only_listens_holds_nobody(c: Centre) -> None:
    call, _ = await talking(c)
    call.reoffer(edited(("a=sendrecv", "a=recvonly"))(NORTH, 7))
    await asyncio.sleep(2)
    assert c.switch.happened(CallHeld) == []
    assert len(c.switch.media.bridges) == 1
    call.hang_up()
    await c.settled()


@told()
async def test_a_new_invite_without_an_offer_during_a_hold(c: Centre) -> None:
    """It is given the full offer of what we can do; the answer says whether the hold goes on."""
    c.north.close()
    c.phone("1001").on_call = answering(1.0)
    raw = RawPeer(c.network, NORTH, name="late", switch=SWITCH)
    raw.invite("600", described(NORTH).serialize())
    await raw.response(200)
    raw.request("ACK", 1)
    await c.phone("1001").next_call()
    await asyncio.sleep(3)
    raw.request("INVITE", 2, described(NORTH, direction="sendonly", version=2).serialize())
    held = await raw.response(200, 2)
    assert b"a=recvonly" in held.body
    raw.request("ACK", 2)
    raw.request("INVITE", 3)
    answer = await raw.response(200, 3)
    assert b"a=sendrecv" in answer.body
    raw.request("ACK", 3, described(NORTH, direction="sendonly", version=3).serialize())
    await asyncio.sleep(1)
    assert c.switch.media.bridges == frozenset() and c.switch.happened(CallResumed) == []
    raw.request("INVITE", 4)
    await raw.response(200, 4)
    raw.request("ACK", 4, described(NORTH, version=4).serialize())
    await asyncio.sleep(1)
    assert len(c.switch.media.bridges) == 1
    raw.request("BYE", 5)
    await raw.response(200, 5)
    raw.close()
    await c.settled()
