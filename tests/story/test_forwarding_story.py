"""Proves what trunks are told of calls that go on from whom they were for: History-Info (RFC 7044) and Diversion (RFC 5806)
after a redirection, an overflow of a queue, a route that leads out, and a transfer; indices that grow from those that a
trusted trunk sent; nothing of it to trunks that are not trusted, nor from them; `caller_id = "diversion"`; Referred-By to
phones and trusted trunks, in our words.

Of a phone's own words in a Referred-By nothing is passed on; a trunk's History-Info is proven by hand-written headers.
"""

import asyncio

import pytest
from story_floor import CALLER, NORTH, SOUTH, Centre, centre, fixed, members, sales, told, trunk

from softswitch.config.routes import Route
from softswitch.config.schema import Config
from softswitch.sip.history_info import Forwarded, Past, past_of
from softswitch.sip.message import Request
from softswitch.sip.uri import Uri
from softswitch.testing.manners import answering, refusing
from softswitch.testing.peer_call import PeerCall

OUT = {"602": Route(to="trunk:south/+34911"), "603": Route(to="extension:1002")}
TRUSTED = trunk(SOUTH, trusted=True)
HOST = "192.0.2.1"


def trusting(**more: object) -> Config:
    south = more.pop("south", TRUSTED)
    return centre(
        **{"trunk": {"north": trunk(NORTH, trusted=True), "south": south}, "route": OUT, **more}  # type: ignore[dict-item]
    )


async def out(c: Centre, number: str = "602", **more: object) -> Request:
    """A customer calls `number`; the INVITE that comes out at the trunk south."""
    c.south.on_call = answering(0.1)
    call = c.caller(number, **more)
    await call.answered()
    await asyncio.sleep(1)
    call.hang_up()
    return c.south.calls[-1].invite


@told(trusting())
async def test_a_route_that_leads_a_caller_out(c: Centre) -> None:
    invite = await out(c)
    assert invite.headers.get("Diversion") == f"<sip:602@{HOST}>;reason=unconditional;counter=1"
    assert invite.headers.get_list("History-Info") == [
        f"<sip:602@{HOST}?Reason=SIP%3Bcause%3D302>;index=1",
        f"<sip:+34911@{SOUTH}>;index=1.1;mp=1",
    ]
    assert invite.from_.uri.user == CALLER


@told(trusting())
async def test_a_phone_that_calls_out_forwards_nothing(c: Centre) -> None:
    c.south.on_call = answering(0.1)
    call = c.phone("1001").call("9555")
    await call.answered()
    call.hang_up()
    headers = c.south.calls[0].invite.headers
    assert headers.get("Diversion") is None and headers.get("History-Info") is None


RECEIVED = (
    (
        "History-Info",
        "<sip:+34900@a.example>;index=1, <sip:602@b.example?Reason=SIP%3Bcause%3D486>;index=1.2;mp=1",
    ),
    ("Diversion", '"Bob" <sip:+34900@a.example>;reason=user-busy;counter=2'),
)


@told(trusting())
async def test_what_a_trusted_trunk_tells_is_kept_and_lengthened(c: Centre) -> None:
    invite = await out(c, headers=RECEIVED)
    entries = invite.headers.get_list("History-Info")
    assert ", ".join(entries[:2]) == RECEIVED[0][1] and len(entries) == 3
    assert entries[2] == f"<sip:+34911@{SOUTH}>;index=1.2.1;mp=1.2"
    assert invite.headers.get_list("Diversion") == [
        f"<sip:602@{HOST}>;reason=unconditional;counter=1",
        RECEIVED[1][1],
    ]


@told(centre(trunk={"south": TRUSTED}, route=OUT))
async def test_what_others_tell_is_left(c: Centre) -> None:
    invite = await out(c, headers=RECEIVED)
    assert len(invite.headers.get_list("History-Info")) == 2
    assert "+34900" not in str(invite.headers)


@told(trusting(south=trunk(SOUTH)))
async def test_a_trunk_that_is_not_trusted_is_told_nothing(c: Centre) -> None:
    invite = await out(c, headers=RECEIVED)
    assert invite.headers.get("History-Info") is None and invite.headers.get("Diversion") is None


@told(trusting())
async def test_a_caller_who_hides_his_history(c: Centre) -> None:
    invite = await out(c, headers=(*RECEIVED, ("Privacy", "history")))
    assert invite.headers.get("History-Info") is None and invite.headers.get("Diversion") is None
    assert invite.from_.uri.user == CALLER


@told(trusting(south=trunk(SOUTH, caller_id="diversion", caller_number="+34955")))
async def test_the_callers_number_beside_ours(c: Centre) -> None:
    invite = await out(c, headers=RECEIVED)
    assert invite.from_.uri.user == CALLER
    assert invite.headers.get_list("Diversion") == [f"<sip:+34955@{HOST}>;reason=unconditional;counter=1"]
    assert invite.headers.get("History-Info") is None
    call = c.phone("1001").call("9555")
    await call.answered()
    call.hang_up()
    own = c.south.calls[-1].invite
    assert own.from_.uri.user == "+34955" and own.headers.get("Diversion") is None


@told(trusting(**sales(members=members("roy"), max_wait=5.0, on_timeout="trunk:south/+34922")))
async def test_a_queue_that_overflows(c: Centre) -> None:
    c.south.on_call = answering(0.1)
    call = c.caller("600")
    await asyncio.sleep(8)
    invite = c.south.calls[0].invite
    assert invite.headers.get("Diversion") == f"<sip:600@{HOST}>;reason=no-answer;counter=1"
    assert invite.headers.get_list("History-Info")[0].startswith(f"<sip:600@{HOST}?Reason=SIP%3Bcause%3D408>")
    call.hang_up()


@told(trusting(endpoint={"1002": fixed("1002", caller_number="+34952"), "1003": fixed("1003")}))
async def test_a_phone_that_redirects_and_one_that_puts_through(c: Centre) -> None:
    """1002 sends its caller to 1003, who puts him through outside: each has given the call on."""
    c.phone("1002").on_call = refusing(302, f"sip:1003@{HOST}")
    c.phone("1003").on_call = answering(0.1)
    c.south.on_call = answering(0.1)
    call = c.caller("603")
    await call.answered()
    await asyncio.sleep(1)
    c.phone("1003").calls[0].refer("9777", ("Referred-By", "<sip:boss@elsewhere>"))
    await asyncio.sleep(2)
    invite = c.south.calls[0].invite
    assert invite.headers.get_list("Diversion") == [
        f"<sip:1003@{HOST}>;reason=deflection;counter=1",
        f"<sip:+34952@{HOST}>;reason=unconditional;counter=1",
    ]
    assert invite.headers.get_list("History-Info") == [
        f"<sip:603@{HOST}>;index=1",
        f"<sip:+34952@{HOST}?Reason=SIP%3Bcause%3D302>;index=1.1",
        f"<sip:1003@{HOST}?Reason=SIP%3Bcause%3D302>;index=1.2",
        f"<sip:777@{SOUTH}>;index=1.2.1;mp=1.2",
    ]
    assert invite.headers.get("Referred-By") == f"<sip:1003@{HOST}>"
    call.hang_up()


async def talking(c: Centre) -> tuple[PeerCall, PeerCall]:
    c.phone("1001").on_call = answering(0.1)
    call = c.caller("600")
    agent = await c.phone("1001").next_call()
    await asyncio.sleep(2)
    return call, agent


@pytest.mark.parametrize("trusted", [True, False])
def test_referred_by(trusted: bool, tmp_path: object) -> None:
    @told(trusting(south=trunk(SOUTH, trusted=trusted), **sales(members=members("ana"))))
    async def story(c: Centre) -> None:
        call, agent = await talking(c)
        c.phone("1003").on_call = refusing(486)
        agent.refer("1003")
        assert await agent.referred() == 486
        assert c.phone("1003").calls[0].invite.headers.get("Referred-By") == f"<sip:1001@{HOST}>"
        assert c.live().forwarded == (), "he was given back"
        c.south.on_call = answering(0.1)
        agent.events.clear()
        agent.refer("9555")
        assert await agent.referred() == 200
        invite = c.south.calls[0].invite
        assert invite.headers.get("Referred-By") == (f"<sip:1001@{HOST}>" if trusted else None)
        call.hang_up()

    story(tmp_path)


# --- the lists by themselves ------------------------------------------------------------------------------------------


def invite(*headers: tuple[str, str]) -> Request:
    return Request.build("INVITE", Uri.parse("sip:1@h"), headers=headers)


@pytest.mark.parametrize(
    "value",
    [
        "<sip:a@b>",
        "<sip:a@b>;index=x",
        "<sip:a@b>;index=1, garbage",
        "<sip:a@b>;index=1." + "1." * 20 + "1",
        ", ".join(f"<sip:a@b>;index={n}" for n in range(1, 40)),
        f"<sip:{'a' * 5000}@b>;index=1",
    ],
)
def test_a_history_that_cannot_be_read_is_left_out(value: str) -> None:
    assert past_of(invite(("History-Info", value))).history == ()


def test_nothing_is_told_of_a_call_that_came_straight() -> None:
    assert Past(called="1").history_info("h", Uri.parse("sip:2@h")) == ""
    assert Past().diversion("h") == ()


def test_who_is_called_again_stands_in_the_list_once() -> None:
    busy = Forwarded(number="1001", why="user-busy", refused=True)
    told = Past(called="1001", steps=(busy,)).history_info("h", Uri.parse("sip:2@x"))
    assert told == "<sip:1001@h?Reason=SIP%3Bcause%3D486>;index=1, <sip:2@x>;index=2;mp=1"
