"""Proves what a caller who asks by `sips:` is given in whole calls (RFC 5630): phones and trunks that are `sips:`
themselves, 480 with Warning 380 where there is none, no way around it by a redirection; what the switch serves itself, a
queue say, it serves, for there the call arrives.

The rules of messages are in `tests/sip/test_secure_uris.py`, TLS itself in `tests/interop/test_sips.py`.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from story_floor import NORTH, PHONES, SWITCH, Centre, centre, told, trunk

from softswitch.config.endpoints import Endpoint
from softswitch.config.routes import Route
from softswitch.config.trunks import GroupMember, Trunk, TrunkGroup
from softswitch.sip.message import Request
from softswitch.testing.manners import answering
from softswitch.testing.raw_peer import RawPeer
from softswitch.testing.sound import described

VAULT, GATE = "192.0.2.60", "198.51.100.60"
FLOOR = centre(
    endpoint={"1004": Endpoint(contact=f"sips:vault@{VAULT}")},
    trunk={"gate": Trunk(host=f"sips:{GATE}", options_interval_s=0.0), "south": trunk("198.51.100.20")},
    trunk_group={
        "any": TrunkGroup(members=(GroupMember(trunk="south"), GroupMember(trunk="gate", priority=2)))
    },
    route={
        "1002": Route(to="extension:1002", source=("trunk:*",)),
        "1004": Route(to="extension:1004", source=("trunk:*",)),
        "_8.": Route(to="trunk:south", source=("trunk:*",)),
        "_7.": Route(to="trunk:any", source=("trunk:*",)),
    },
)


@contextmanager
def secure(c: Centre, address: str, name: str) -> Iterator[RawPeer]:
    peer = RawPeer(c.network, address, name=name, switch=SWITCH, secure=True)
    try:
        yield peer
    finally:
        peer.close()


def calls(c: Centre, address: str) -> int:
    """INVITEs that have left for somebody."""
    return sum(
        packet.receiver.address == address and packet.data.startswith(b"INVITE")
        for packet in c.network.packets
    )


async def refused(caller: RawPeer, number: str) -> None:
    caller.invite(number, described(NORTH).serialize())
    refusal = await caller.response(480)
    caller.request("ACK", 1, again=True)
    assert refusal.headers.get("Warning") == '380 softswitch "SIPS Not Allowed"'


@told(FLOOR)
async def test_a_phone_in_clear_is_not_called_and_the_cdr_says_so(c: Centre) -> None:
    with secure(c, NORTH, "north") as caller:
        await refused(caller, "1002")
        cdr = await c.cdr()
        assert (cdr["cause"], cdr["sip_status"], cdr["ended_by"]) == ("unreachable", 480, "switch")
    assert calls(c, PHONES["1002"]) == 0


@told(FLOOR)
async def test_a_phone_by_sips_is_called_so_and_by_sip_too(c: Centre) -> None:
    with secure(c, NORTH, "north") as caller, secure(c, VAULT, "vault") as vault:
        caller.invite("1004", described(NORTH).serialize())
        asked = await vault.asked("INVITE")
        assert (asked.uri.scheme, asked.contacts[0].uri.scheme) == ("sips", "sips")
        vault.respond(asked, 200, described(VAULT).serialize(), tag="v")
        answer = await caller.response(200)
        assert answer.contacts[0].uri.scheme == "sips"
        caller.request("ACK", 1)
        await asyncio.sleep(2)
        caller.request("BYE", 2)
        bye = await vault.asked("BYE")
        assert bye.uri.scheme == "sips"
        vault.respond(bye, 200)
        await caller.response(200, 2)
        assert (await c.cdr())["cause"] == "normal"


@told(FLOOR)
async def test_a_redirection_is_no_way_around_it(c: Centre) -> None:
    with secure(c, NORTH, "north") as caller, secure(c, VAULT, "vault") as vault:
        caller.invite("1004", described(NORTH).serialize())
        asked = await vault.asked("INVITE")
        vault.respond(asked, 302, tag="v", headers=(f"Contact: <sip:1002@{SWITCH}>",))
        refusal = await caller.response(480)
        caller.request("ACK", 1, again=True)
        assert "SIPS Not Allowed" in (refusal.headers.get("Warning") or "")
        await c.settled()
    assert calls(c, PHONES["1002"]) == 0


@told(FLOOR)
async def test_of_trunks_only_one_by_sips_is_tried(c: Centre) -> None:
    with secure(c, NORTH, "north") as caller, secure(c, GATE, "gate") as gate:
        await refused(caller, "8123")
        caller.close()
        await c.settled()
        with secure(c, NORTH, "again") as again:
            again.invite("7123", described(NORTH).serialize())
            asked = await gate.asked("INVITE")
            assert isinstance(asked, Request) and asked.uri.scheme == "sips"
            gate.respond(asked, 486, tag="g")
            await again.response(486)
            again.request("ACK", 1, again=True)
            await c.settled()
    assert calls(c, "198.51.100.20") == 0


@told(FLOOR)
async def test_a_queue_is_where_the_call_arrives(c: Centre) -> None:
    c.phone("1001").on_call = answering(1.0)
    with secure(c, NORTH, "north") as caller:
        caller.invite("600", described(NORTH).serialize())
        answer = await caller.response(200)
        assert answer.contacts[0].uri.scheme == "sips"
        caller.request("ACK", 1)
        await c.phone("1001").next_call()
        await asyncio.sleep(3)
        assert len(c.switch.media.bridges) == 1
        caller.request("BYE", 2)
        await caller.response(200, 2)
        assert (await c.cdr())["agent"] == "ana"
