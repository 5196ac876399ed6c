"""Proves that a caller who wants to be unknown (RFC 3323) is anonymous to phones and to trunks that are not trusted, that a
trusted trunk is told who he is and that it must not say so, that `none` hides nothing, that `header` hides our Contact and
what he wrote himself but not his number, and what a Remote-Party-ID of a trusted trunk does.
"""

import asyncio

import pytest
from story_floor import NORTH, SOUTH, Centre, centre, members, sales, told, trunk

from softswitch.config.routes import Route
from softswitch.sip.message import Request
from softswitch.testing.manners import answering

CENTRE = centre(trunk={"south": trunk(SOUTH, trusted=True)})


async def called(c: Centre, number: str, privacy: str) -> Request:
    peer = c.south if number.startswith("9") else c.phone("1002")
    peer.on_call = answering(0.1)
    call = c.phone("1001").call(number, headers=(("Privacy", privacy),))
    await call.answered()
    await asyncio.sleep(1)
    call.hang_up()
    return peer.calls[-1].invite


@pytest.mark.parametrize("privacy", ["id", "user;id", "user", "ID; critical"])
def test_hidden(privacy: str, tmp_path: object) -> None:
    @told(CENTRE)
    async def story(c: Centre) -> None:
        for number in ("1002", "9555"):
            invite = await called(c, number, privacy)
            assert str(invite.from_.uri) == "sip:anonymous@anonymous.invalid"
            assert "1001" not in str(invite.contacts[0])
            told_who = "<sip:1001@" in (invite.headers.get("P-Asserted-Identity") or "")
            assert told_who == number.startswith("9")
            assert invite.headers.get("Privacy") == ("id;critical" if "crit" in privacy else "id")

    story(tmp_path)


@told(CENTRE)
async def test_not_hidden(c: Centre) -> None:
    for privacy in ("none", "id;none", "session", "nonsense"):
        invite = await called(c, "1002", privacy)
        assert invite.from_.uri.user == "1001" and invite.headers.get("Privacy") is None


IDENTITY = ("Identity", "eyJhbGciOiJFUzI1NiJ9..c2ln;info=<https://cert.example/a.pem>;alg=ES256")


@told(centre(trunk={"south": trunk(SOUTH)}))
async def test_header_hides_what_leads_to_him_but_not_his_number(c: Centre) -> None:
    c.south.on_call = answering(0.1)
    for privacy in ("none", "header", "id"):
        call = c.phone("1001").call("9555", headers=(("Privacy", privacy), IDENTITY))
        await call.answered()
        call.hang_up()
        await asyncio.sleep(1)
    shown, header, hidden = (each.invite for each in c.south.calls)
    assert shown.contacts[0].uri.user == "1001" and shown.headers.get("Identity") == IDENTITY[1]
    assert header.from_.uri.user == "1001" and header.contacts[0].uri.user == "anonymous"
    assert header.headers.get("Identity") is None and header.headers.get("Privacy") is None
    assert hidden.from_.uri.user == "anonymous" and hidden.headers.get("Identity") is None


RPID = '"Ann" <sip:+34600123123@198.51.100.10>;party=calling;screen=yes;privacy='


@told(centre(trunk={"north": trunk(NORTH, trusted=True)}, route={"600": Route(to="extension:1001")}))
async def test_a_remote_party_id_of_a_trusted_trunk(c: Centre) -> None:
    c.phone("1001").on_call = answering(0.1)
    for privacy in ("off", "full"):
        call = c.caller("600", user="anonymous", headers=(("Remote-Party-ID", RPID + privacy),))
        await call.answered()
        call.hang_up()
        await asyncio.sleep(1)
    shown, hidden = (each.invite.from_ for each in c.phone("1001").calls)
    assert (shown.uri.user, shown.display_name) == ("+34600123123", "Ann")
    assert hidden.uri.user == "anonymous"
    await c.settled()
    assert {row["ani"] for row in c.switch.cdrs()} == {"+34600123123"}


@told(centre(route={"600": Route(to="extension:1001")}))
async def test_a_remote_party_id_of_anybody_else_counts_for_nothing(c: Centre) -> None:
    c.phone("1001").on_call = answering(0.1)
    call = c.caller("600", headers=(("Remote-Party-ID", RPID + "full"),))
    await call.answered()
    call.hang_up()
    assert c.phone("1001").calls[0].invite.from_.uri.user == "+34600000001"


@told(centre(trunk={"north": trunk(NORTH), "south": trunk(SOUTH)}, **sales(members=members("ana"))))
async def test_who_is_unknown_stays_so_after_a_restart_and_whoever_puts_him_through(c: Centre) -> None:
    """By the agent to a trunk that is not trusted, and to a phone, though his INVITE is not known any more."""
    for number in ("9555", "1003"):
        c.phone("1001").on_call = answering(0.1)
        c.phone("1003").on_call = c.south.on_call = answering(0.5)
        call = c.caller(headers=(("Privacy", "id;header;history"),))
        agent = await c.phone("1001").next_call()
        await asyncio.sleep(2)
        await c.restart()
        await asyncio.sleep(1)
        agent.refer(number)
        assert await agent.referred() == 200
        await asyncio.sleep(1)
        call.hang_up()
        await asyncio.sleep(10)
    for peer in (c.south, c.phone("1003")):
        invite = peer.calls[0].invite
        assert invite.from_.uri.user == "anonymous" and "anonymous" in str(invite.contacts[0])
        assert b"34600000001" not in invite.to_bytes()


@told(centre(trunk={"south": trunk(SOUTH, caller_id="ppi"), "north": trunk(NORTH, caller_id="pai")}))
async def test_who_called_is_unknown_to_whom_his_party_is_put_through(c: Centre) -> None:
    """The phone that called puts through whom it had called: what is shown is still its number."""
    c.south.on_call = c.phone("1003").on_call = answering(0.2)
    call = c.phone("1001").call("9555", headers=(("Privacy", "header"),))
    await call.answered()
    await asyncio.sleep(1)
    call.refer("1003")
    assert await call.referred() == 200
    await asyncio.sleep(1)
    assert "anonymous" in str(c.phone("1003").calls[0].invite.contacts[0])
    c.south.calls[0].hang_up()
