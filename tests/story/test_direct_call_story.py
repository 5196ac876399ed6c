"""Proves on a whole switch: calls between phones with direct media are proxied and written down, agents are busy meanwhile,
limits and everything that needs the switch keep a call here; MESSAGEs between phones and through trunks where a route says
so; texts of the switch itself; nobody else is served.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from story_floor import NORTH, PHONES, SOUTH, SWITCH, Centre, about, centre, fixed, told

from softswitch.acd.values import AgentState
from softswitch.api.text_control import TextWish
from softswitch.config.routes import Route
from softswitch.sip.message import Request, Response, parse_message
from softswitch.sip.source import Source
from softswitch.testing.manners import answering, busy
from softswitch.testing.network import deliver_later

DIRECT = centre(endpoint={name: fixed(name, direct_media=True) for name in ("1001", "1002")})


async def eventually(condition: Callable[[], object], within_s: float = 5.0) -> None:
    """On virtual time, so that looking costs nothing."""
    for _ in range(round(within_s / 0.02)):
        if condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not happen in time")


@told(DIRECT)
async def test_two_phones_talk_directly(c: Centre) -> None:
    c.phone("1002").on_call = answering(2.0)
    call = c.phone("1001").call("1002")
    other = await c.phone("1002").next_call()
    assert [via.host for via in other.invite.vias] == [SWITCH, PHONES["1001"]]
    assert other.invite.headers.get("Call-ID") == call.session.call_id
    await call.answered()
    assert not c.switch.media.legs, "no port of ours is in use"
    await asyncio.sleep(3)
    assert c.agent("ana").state is c.agent("ben").state is AgentState.OCCUPIED
    [live] = c.switch.parts.direct.live.values()
    assert live.party == "endpoint:1002"
    call.hang_up()
    await other.hung_up()
    cdr = await c.cdr()
    assert (cdr["source"], cdr["ani"], cdr["dnis"]) == ("endpoint:1001", "1001", "1002")
    assert (cdr["ended_by"], cdr["cause"], cdr["destination"]) == ("caller", "normal", "endpoint:1002")
    assert (cdr["talk_s"], cdr["last_stage"], cdr["sip_status"]) == (about(3), "direct", 200)
    assert c.agent("ana").state is c.agent("ben").state is AgentState.IDLE


@told(DIRECT)
async def test_the_callee_hangs_up(c: Centre) -> None:
    c.phone("1002").on_call = answering(0.0)
    call = c.phone("1001").call("1002")
    other = await c.phone("1002").next_call()
    await call.answered()
    await asyncio.sleep(1)
    other.hang_up()
    await call.hung_up()
    cdr = await c.cdr()
    assert (cdr["ended_by"], cdr["cause"], cdr["last_stage"]) == ("callee", "normal", "direct")


@told(DIRECT)
async def test_busy_and_given_up(c: Centre) -> None:
    c.phone("1002").on_call = busy
    await c.phone("1001").call("1002").refused()
    cdr = await c.cdr()
    assert (cdr["cause"], cdr["sip_status"], cdr["answered"], cdr["last_stage"]) == (
        "busy",
        486,
        None,
        "direct",
    )


@told(centre(endpoint={"1001": fixed("1001", direct_media=True)}))
async def test_both_must_say_so(c: Centre) -> None:
    await _stays_here(c)


@told(centre(endpoint={name: fixed(name, direct_media=True, record="always") for name in ("1001", "1002")}))
async def test_a_recorded_call_stays_here(c: Centre) -> None:
    await _stays_here(c)


async def _stays_here(c: Centre) -> None:
    c.phone("1002").on_call = answering(0.0)
    call = c.phone("1001").call("1002")
    await call.answered()
    assert len(c.switch.media.legs) == 2 and not c.switch.parts.direct.live
    call.hang_up()


@told(centre(route={"77": Route(to="extension:1002", direct_media=True)}))
async def test_a_route_can_say_so(c: Centre) -> None:
    c.phone("1002").on_call = answering(0.0)
    call = c.phone("1001").call("77")
    await call.answered()
    assert not c.switch.media.legs and len(c.switch.parts.direct.live) == 1
    call.hang_up()
    assert (await c.cdr())["dnis"] == "77"


# --- messages ---------------------------------------------------------------------------------------------------------


class Writer:
    """Sends requests from an address, and sees what comes there."""

    def __init__(self, c: Centre, address: str) -> None:
        self._c = c
        self.place = Source("udp", address, 5060)
        self.raw: list[bytes] = []
        c.network.attach(self.place, lambda data, sender, now: self.raw.append(data))
        self._number = 0

    @property
    def statuses(self) -> list[int]:
        return [one.status for one in map(parse_message, self.raw) if isinstance(one, Response)]

    @property
    def requests(self) -> list[Request]:
        return [one for one in map(parse_message, self.raw) if isinstance(one, Request)]

    def send(self, method: str, to: str, *, user: str, body: bytes = b"hello", extra: str = "") -> None:
        self._number += 1
        head = (
            f"{method} sip:{to}@{SWITCH} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {self.place.address}:5060;branch=z9hG4bKw{self._number}{method};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:{user}@{SWITCH}>;tag=w{self._number}\r\nTo: <sip:{to}@{SWITCH}>\r\n"
            f"Call-ID: {method}-{self._number}@{self.place.address}\r\nCSeq: 1 {method}\r\n{extra}"
            f"Contact: <sip:{user}@{self.place.address}>\r\n"
            f"Content-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        deliver_later(self._c.network, head.encode() + body, self.place, Source("udp", SWITCH, 5060))

    def answer(self, status: int) -> None:
        asked = self.requests[-1]
        lines = [f"SIP/2.0 {status} Yes"]
        for name in ("Via", "From", "To", "Call-ID", "CSeq"):
            lines += [f"{name}: {value}" for value in asked.headers.get_all(name)]
        data = "\r\n".join([*lines, "Content-Length: 0", "", ""]).encode()
        deliver_later(self._c.network, data, self.place, Source("udp", SWITCH, 5060))


@told()
async def test_a_message_goes_from_phone_to_phone(c: Centre) -> None:
    alice, bob = Writer(c, PHONES["1001"]), Writer(c, PHONES["1002"])
    alice.send("MESSAGE", "1002", user="1001", extra="P-Asserted-Identity: <sip:boss@x>\r\nX-Odd:  1\r\n")
    await eventually(lambda: bob.requests)
    [got] = bob.requests
    assert got.body == b"hello" and b"X-Odd:  1\r\n" in bob.raw[0]
    assert "P-Asserted-Identity" not in got.headers
    bob.answer(200)
    await eventually(lambda: alice.statuses)
    assert alice.statuses == [200]


@told()
async def test_options_about_another_phone_are_asked_of_it(c: Centre) -> None:
    alice, bob = Writer(c, PHONES["1001"]), Writer(c, PHONES["1002"])
    alice.send("OPTIONS", "1002", user="1001", body=b"")
    await eventually(lambda: bob.requests)
    bob.answer(486)
    await eventually(lambda: alice.statuses)
    alice.send("OPTIONS", "1001", user="1001", body=b"")
    await eventually(lambda: len(alice.statuses) == 2)
    assert alice.statuses == [486, 200] and len(bob.requests) == 1


THROUGH = {
    "0800": Route(to="trunk:south", messages=True),
    "555": Route(to="extension:1002", messages=True),
}


@told(centre(route=THROUGH))
async def test_messages_through_trunks_where_a_route_says_so(c: Centre) -> None:
    alice, north = Writer(c, PHONES["1001"]), Writer(c, NORTH)
    south, bob = Writer(c, SOUTH), Writer(c, PHONES["1002"])
    alice.send("MESSAGE", "0800", user="1001")
    await eventually(lambda: south.requests)
    assert str(south.requests[0].uri) == f"sip:0800@{SOUTH}"
    south.answer(202)
    await eventually(lambda: alice.statuses)
    north.send("MESSAGE", "555", user="+34600000001")
    await eventually(lambda: bob.requests)
    bob.answer(200)
    await eventually(lambda: north.statuses)
    assert (alice.statuses, north.statuses) == ([202], [200])
    alice.send("MESSAGE", "9123", user="1001")
    north.send("MESSAGE", "1002", user="1001")
    await eventually(lambda: len(alice.statuses) + len(north.statuses) == 4)
    assert (alice.statuses[1], north.statuses[1]) == (403, 404)
    assert len(south.requests) == len(bob.requests) == 1


@pytest.mark.parametrize(
    ("method", "status"),
    [
        *((method, 407) for method in ("MESSAGE", "INFO")),
        *((method, 401) for method in ("INVITE", "SUBSCRIBE", "REGISTER")),
        *((method, 481) for method in ("NOTIFY", "REFER", "UPDATE", "PRACK", "BYE", "CANCEL")),
        ("PUBLISH", 405),
        ("OPTIONS", 200),
    ],
)
def test_a_stranger_reaches_nobody(method: str, status: int, tmp_path: Path) -> None:
    """Row 8 of the security classes: no method is a relay, whoever From says it is."""

    @told(centre(route={"0800": Route(to="trunk:south", messages=True)}))
    async def story(c: Centre) -> None:
        eve, bob, south = Writer(c, "203.0.113.9"), Writer(c, PHONES["1002"]), Writer(c, SOUTH)
        eve.send(method, "1002", user="1001", extra=f"Route: <sip:{SWITCH};lr>\r\n")
        eve.send(method, "0800", user="1001")
        eve.send(method, "1002", user="1001", extra=f"Route: <sip:{SWITCH};lr>, <sip:{SOUTH};lr>\r\n")
        await eventually(lambda: len(eve.statuses) == 3)
        assert eve.statuses == [status] * 3
        assert not bob.raw and not south.raw
        assert c.switch.cdrs() == []

    story(tmp_path)


@told()
async def test_nobody_writes_another_phones_number_into_his_from(c: Centre) -> None:
    alice, bob = Writer(c, PHONES["1001"]), Writer(c, PHONES["1002"])
    alice.send("MESSAGE", "1002", user="1003")
    await eventually(lambda: alice.statuses)
    assert alice.statuses == [403] and not bob.raw


@told()
async def test_texts_of_the_switch(c: Centre) -> None:
    alice, bob, eva = (Writer(c, PHONES[name]) for name in ("1001", "1002", "1003"))
    sending = asyncio.ensure_future(c.switch.control.texts.send(TextWish(queue="sales", text="¡hola!")))
    await eventually(lambda: alice.requests and bob.requests)
    assert alice.requests[0].body.decode() == "¡hola!" and not eva.raw
    assert str(alice.requests[0].from_.uri) == f"sip:switch@{SWITCH}"
    alice.answer(200)
    bob.answer(486)
    views = {view.endpoint: view.status for view in await sending}
    assert views == {"1001": 200, "1002": 486}
    [none] = await c.switch.control.texts.send(TextWish(to="1005", text="x"))
    assert (none.status, none.address) == (480, "")


@told(DIRECT)
async def test_a_switch_that_stops_leaves_no_call_open(c: Centre) -> None:
    c.phone("1002").on_call = answering(0.0)
    call = c.phone("1001").call("1002")
    await call.answered()
    await asyncio.sleep(1)
    await c.switch.parts.direct.stop()
    cdr = await c.cdr()
    assert (cdr["cause"], cdr["ended_by"]) == ("shutdown", "switch")
    call.hang_up()
    await asyncio.sleep(1)
    assert len(c.switch.cdrs()) == 1
