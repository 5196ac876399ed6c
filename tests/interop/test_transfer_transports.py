"""Proves transfers over transports with programs that are not ours: baresip over TLS with SRTP holds a customer, whom SIPp
brings over TCP, and puts him through to a queue whose agent is SIPp over TCP; a WebSocket phone (aiohttp) calls, refreshes
its session, holds, and puts its party through to another phone. After each the CDR, the segments, the talk times and the
recording are right.

The whole matrix of parties is in `tests/story/test_transfer_matrix_story.py`. baresip 1.0 makes no attended transfers.
"""

import asyncio
import itertools
import ssl
import time
from pathlib import Path
from typing import Any

import aiohttp
from test_transports import WebPhone

from tools.peers.baresip import Baresip
from tools.peers.centre import TRUNK_ADDRESS, agent, desk, phone, queue, trunk
from tools.peers.certificates import Authority
from tools.peers.ports import free_port
from tools.peers.scenario import Scenario
from tools.peers.sip_text import Message, compose, sdp
from tools.peers.sipp import Sipp
from tools.peers.switch import StartSwitch, Switch, wait_for

ANA, EVA = "127.0.0.31", "127.0.0.33"


def _config(**endpoints: Any) -> dict[str, Any]:
    return {
        "trunk": {"carrier": trunk()},
        "endpoint": endpoints,
        "agent": {"ana": agent("1001"), "eva": agent("1003")},
        "queue": {"support": queue(["ana"], record="always"), "second": queue(["eva"], record="always")},
        "route": {
            "600": {"to": "queue:support"},
            "601": {"to": "queue:second"},
            "1003": {"to": "extension:1003"},
        },
    }


def _customer(switch: Switch, folder: Path, *, tcp: bool) -> Sipp:
    steps = Scenario("customer", "+34600000001", "600").invite().connected().expect_bye()
    return Sipp(steps, folder, remote=switch.sip, address=TRUNK_ADDRESS, tcp=tcp)


def _segments(switch: Switch, call_id: str, count: int = 2) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    row = switch.cdr(call_id)
    found = switch.wait_rows("SELECT * FROM segments WHERE call = ? ORDER BY began", row["call"], count=count)
    assert abs(row["talk_s"] - sum(each["talk_s"] for each in found)) < 0.3
    for before, after in itertools.pairwise(found):
        assert before["ended_by"] == "transfer" and before["ended"] <= after["began"] + 0.2
    return row, found


def _held(switch: Switch) -> bool:
    details = [switch.cli("calls", "show", call["call"]) for call in switch.cli("calls")]
    return any(leg["held"] for detail in details for leg in detail["legs"])


def _recorded(switch: Switch, call: str, at_least: float) -> None:
    [recording] = switch.wait_rows("SELECT * FROM recordings WHERE call = ? AND state = 'ended'", call)
    assert recording["seconds"] >= at_least


def test_baresip_over_tls_puts_a_customer_through_to_a_queue(
    start_switch: StartSwitch, tmp_path: Path
) -> None:
    authority = Authority(tmp_path / "certificates")
    certificate = authority.issue("switch", addresses=["127.0.0.1"], dns=["localhost"])
    port, tls = free_port(tcp=True), free_port(tcp=True)
    eva = Sipp(
        Scenario("eva", "1003").called().accept().pause(1).bye(), tmp_path / "sipp", address=EVA, tcp=True
    )
    config = _config(**{"1001": phone("one", srtp="required"), "1003": desk(f"{eva.contact};transport=tcp")})
    listen = [f"udp://127.0.0.1:{port}", f"tcp://127.0.0.1:{port}", f"tls://127.0.0.1:{tls}"]
    config["sip"] = {"listen": listen, "tls_certificate": str(certificate)}
    switch = start_switch(config, port=port)
    ana = Baresip(
        "1001", tmp_path / "ana", ("127.0.0.1", tls), password="one", address="127.0.0.22",
        transport="tls", ca=authority.file, mediaenc="srtp-mand",
    )  # fmt: skip
    with ana, eva, _customer(switch, tmp_path / "sipp", tcp=True) as customer:
        ana.wait_event("CALL_ESTABLISHED")
        time.sleep(0.5)  # they talk
        ana.hold()
        wait_for(lambda: _held(switch), what="the customer is on hold")
        ana.command("transfer", f"sip:601@127.0.0.1:{tls}")
        ana.wait_event("CALL_CLOSED")
        for party in (eva, customer):
            result = party.wait()
            assert result.exit_code == 0, result.errors
    row, (first, second) = _segments(switch, customer.result().requests("INVITE", "sent")[0].get("call-id"))
    assert (row["queue"], row["agent"], row["ended_by"]) == ("second", "eva", "callee")
    assert (first["agent"], second["agent"]) == ("ana", "eva")
    assert first["hold_s"] > 0 and second["talk_s"] > 0.8
    _recorded(switch, row["call"], first["talk_s"] + second["talk_s"])


class Browser(WebPhone):
    """It also hears what the switch asks it."""

    async def asked(self, method: str) -> Message:
        """The next request of this method, answered with 200."""
        while True:
            frame = await self._socket.receive(timeout=20)
            data = frame.data.encode() if isinstance(frame.data, str) else frame.data
            message = Message.parse(data)
            if message.status:
                continue
            headers = [(name, message.get(name)) for name in ("Via", "From", "To", "Call-ID", "CSeq")]
            await self._socket.send_bytes(compose("SIP/2.0 200 OK", headers, ""))
            if message.method == method:
                return message


async def _browse(switch: Switch, wss: int, authority: Authority) -> str:
    """Register, call, refresh, hold, put through; the Call-ID of the call."""
    context = ssl.create_default_context(cafile=str(authority.file))
    url, host = f"https://127.0.0.1:{wss}/", f"127.0.0.1:{wss}"
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(
            url, protocols=("sip",), ssl=context, headers={"Origin": f"https://{host}"}
        ) as socket,
    ):
        browser = Browser(socket, "1002", "two", host)
        own = browser.parties(f"<sip:1002@{host}>")
        response, _ = await browser.request("REGISTER", f"sip:{host}", [*own, ("Expires", "60")])
        assert response.status == 200
        uri, timer = f"sip:1001@{host}", [("Supported", "timer"), ("Session-Expires", "90;refresher=uac")]
        media = sdp("127.0.0.22", free_port("127.0.0.22", count=2))
        response, sent = await browser.request("INVITE", uri, [*browser.parties(f"<{uri}>"), *timer], media)
        assert response.status == 200 and response.get("Session-Expires").startswith("90")
        target = response.address("Contact")
        within = [*(field for field in sent if field[0] in ("From", "Call-ID")), ("To", response.get("To"))]
        await browser.send("ACK", target, [*within, ("CSeq", f"{response.cseq} ACK")])
        response, _ = await browser.request("UPDATE", target, [*within, *timer])
        assert response.status == 200 and "refresher=uac" in response.get("Session-Expires")
        held = media.replace("a=sendrecv", "a=sendonly")
        response, _ = await browser.request("INVITE", target, within, held)
        assert response.status == 200 and "a=recvonly" in response.body
        await browser.send("ACK", target, [*within, ("CSeq", f"{response.cseq} ACK")])
        response, _ = await browser.request("REFER", target, [*within, ("Refer-To", f"<sip:1003@{host}>")])
        assert response.status == 202
        while "200" not in (await browser.asked("NOTIFY")).body.split("\r\n")[0]:
            pass
        await browser.asked("BYE")
        return next(value for name, value in within if name == "Call-ID")


def test_a_websocket_phone_puts_its_party_through_to_a_phone(
    start_switch: StartSwitch, tmp_path: Path
) -> None:
    authority = Authority(tmp_path / "certificates")
    certificate = authority.issue("switch", addresses=["127.0.0.1"], dns=["localhost"])
    port, wss = free_port(tcp=True), free_port(tcp=True)
    folder = tmp_path / "sipp"
    bob = Sipp(Scenario("bob", "1001").called().accept().expect_bye(), folder, address=ANA)
    eva = Sipp(Scenario("eva", "1003").called().accept().pause(1).bye(), folder, address=EVA)
    config = _config(**{"1001": desk(bob.contact), "1002": phone("two"), "1003": desk(eva.contact)})
    config["route"]["1001"] = {"to": "extension:1001"}
    listen = [f"udp://127.0.0.1:{port}", f"tcp://127.0.0.1:{port}", f"wss://127.0.0.1:{wss}"]
    config["sip"] = {"listen": listen, "tls_certificate": str(certificate)}
    switch = start_switch(config, port=port)
    with bob, eva:
        call_id = asyncio.run(_browse(switch, wss, authority))
        for party in (eva, bob):
            result = party.wait()
            assert result.exit_code == 0, result.errors
    row, (first, second) = _segments(switch, call_id)
    assert (first["party"], second["party"]) == ("endpoint:1002", "endpoint:1003"), "who talked with 1001"
    assert row["source"] == "endpoint:1002" and second["talk_s"] > 0.8
