"""Proves every transport with programs that are not ours, against one running switch: baresip over TLS with SRTP registers
and talks to a WebSocket phone (aiohttp) and to a SIPp caller over IPv6; SIPp calls over TCP; a page of another origin, a
wrong name and slow connections get nowhere; certificates are replaced by a reload while calls go on.

The crowd of slow connections waits for real deadlines, so it comes only with `SOFTSWITCH_SLOW_CONNECTIONS=2000`; the same
deadlines, shortened, are in `tests/sip/test_transport_*.py`.
"""

import asyncio
import contextlib
import os
import socket
import ssl
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tools.peers.baresip import Baresip
from tools.peers.centre import TRUNK_ADDRESS, phone, trunk
from tools.peers.certificates import Authority
from tools.peers.ports import free_port
from tools.peers.processes import Usage
from tools.peers.rtp_party import RtpParty
from tools.peers.scenario import Scenario
from tools.peers.sip_text import Credentials, Message, compose, sdp, token
from tools.peers.sipp import Sipp
from tools.peers.speech import HEARD, correlation, sentence
from tools.peers.switch import StartSwitch, Switch

SLOW = int(os.environ.get("SOFTSWITCH_SLOW_CONNECTIONS", "0"))
SAYS, CALLER = 12, 11


class WebPhone:
    """A phone in a browser, as far as SIP is concerned: registers, calls, hangs up, all on one WebSocket."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, user: str, password: str, host: str) -> None:
        self._socket = socket
        self._user = user
        self._host = host
        self._credentials = Credentials(user=user, password=password)
        self._place = f"{token()}.invalid"
        self._cseq = 0

    async def request(
        self, method: str, uri: str, headers: list[tuple[str, str]], body: str = ""
    ) -> tuple[Message, list[tuple[str, str]]]:
        """The final response, a challenge answered on the way; and the headers that were sent."""
        extra: list[tuple[str, str]] = []
        while True:
            self._cseq += 1
            sent = [*headers, ("CSeq", f"{self._cseq} {method}"), *extra]
            await self.send(method, uri, sent, body)
            response = await self._final(method)
            if response.status not in (401, 407) or extra:
                return response, sent
            extra = [self._credentials.answer(response, method, uri)]

    async def send(self, method: str, uri: str, headers: list[tuple[str, str]], body: str = "") -> None:
        via = ("Via", f"SIP/2.0/WS {self._place};branch=z9hG4bK{token()}")
        contact = ("Contact", f"<sip:{self._user}@{self._place};transport=ws>")
        data = compose(f"{method} {uri} SIP/2.0", [via, ("Max-Forwards", "70"), *headers, contact], body)
        await self._socket.send_bytes(data)

    def parties(self, to: str) -> list[tuple[str, str]]:
        return [("From", f"<sip:{self._user}@{self._host}>;tag={token()}"), ("To", to), ("Call-ID", token())]

    async def _final(self, method: str) -> Message:
        while True:
            frame = await self._socket.receive(timeout=30)
            data = frame.data.encode() if isinstance(frame.data, str) else frame.data
            message = Message.parse(data)
            if message.status >= 200 and message.method == method:
                return message


class Edge:
    """A switch with every transport, and what its peers need."""

    def __init__(self, start_switch: StartSwitch, folder: Path) -> None:
        self.authority = Authority(folder / "certificates")
        self.certificate = folder / "switch.pem"
        self.certificate.touch(mode=0o600)
        self.renew("first", "127.0.0.1")
        port = free_port(tcp=True)
        self.tls, self.ws, self.wss = (free_port(tcp=True) for _ in range(3))
        self.six = free_port("::1", tcp=True)
        listen = [
            f"udp://127.0.0.1:{port}", f"tcp://127.0.0.1:{port}", f"tls://127.0.0.1:{self.tls}",
            f"ws://127.0.0.1:{self.ws}", f"wss://127.0.0.1:{self.wss}", f"udp://[::1]:{self.six}", f"tcp://[::1]:{self.six}",
        ]  # fmt: skip
        config: dict[str, Any] = {
            "sip": {"listen": listen, "tls_certificate": str(self.certificate)},
            "trunk": {"carrier": trunk(), "six": {**trunk(), "host": "sip:[::1]:5999", "match": ["::1/128"]}},
            "endpoint": {"1001": phone("one", srtp="required"), "1002": phone("two")},
            "route": {"1001": {"to": "extension:1001"}, "600": {"to": "extension:1001"}},
        }
        self.switch: Switch = start_switch(config, port=port)

    def renew(self, name: str, address: str) -> None:
        issued = self.authority.issue(name, addresses=[address], dns=["localhost", f"{name}.example"])
        self.certificate.write_bytes(issued.read_bytes())

    def baresip(self, folder: Path) -> Baresip:
        return Baresip(
            "1001", folder / "phone", ("127.0.0.1", self.tls), password="one", address="127.0.0.22",
            speech=sentence(SAYS), transport="tls", ca=self.authority.file, mediaenc="srtp-mand",
        )  # fmt: skip

    def certificate_names(self) -> str:
        context = ssl.create_default_context(cafile=str(self.authority.file))
        with (
            socket.create_connection(("127.0.0.1", self.tls), timeout=10) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as secured,
        ):
            return str(secured.getpeercert())


@pytest.fixture
def edge(start_switch: StartSwitch, tmp_path: Path) -> Edge:
    return Edge(start_switch, tmp_path)


async def _web_call(edge: Edge, party: RtpParty) -> None:
    """From a WebSocket phone over TLS to the TLS phone: registers, is answered, hears it, hangs up."""
    context = ssl.create_default_context(cafile=str(edge.authority.file))
    url, host = f"https://127.0.0.1:{edge.wss}/", f"127.0.0.1:{edge.wss}"
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(
                url, protocols=("sip",), ssl=context, headers={"Origin": "https://evil.example"}
            )
        async with session.ws_connect(
            url, protocols=("sip",), ssl=context, headers={"Origin": f"https://{host}"}
        ) as socket:
            phone = WebPhone(socket, "1002", "two", host)
            own = phone.parties(f"<sip:1002@{host}>")
            response, _ = await phone.request("REGISTER", f"sip:{host}", [*own, ("Expires", "60")])
            assert response.status == 200 and ".invalid;transport=ws" in response.get("Contact")
            assert edge.switch.cli("status")["sip"]["connections"] == {"tls": 1, "wss": 1}
            uri, body = f"sip:1001@{host}", sdp(party.address, party.port)
            parties = phone.parties(f"<{uri}>")
            response, sent = await phone.request("INVITE", uri, parties, body)
            assert response.status == 200
            assert response.get("Contact").endswith(";transport=ws>")
            within = [
                *(field for field in sent if field[0] in ("From", "Call-ID")), ("To", response.get("To")),
            ]  # fmt: skip
            target = response.address("Contact")
            cseq = response.cseq
            await phone.send("ACK", target, [*within, ("CSeq", f"{cseq} ACK")])
            party.peer = response.media()
            await asyncio.sleep(4)
            response, _ = await phone.request("BYE", target, within)
            assert response.status == 200


def test_a_tls_phone_talks_over_every_other_transport(edge: Edge, tmp_path: Path) -> None:
    with edge.baresip(tmp_path) as called, RtpParty("127.0.0.31") as party:
        binding = edge.switch.cli("registrations")[0]
        assert "tls" in str(binding)
        asyncio.run(_web_call(edge, party))
        called.wait_event("CALL_CLOSED")
        assert correlation(sentence(SAYS), party.heard()).score > HEARD
        edge.renew("second", "127.0.0.1")
        edge.switch.cli("reload")
        assert "second.example" in edge.certificate_names()
        scenario = Scenario("six", "34600111222", number="600").invite().connected().pause(1).bye()
        sipp = Sipp(scenario, tmp_path / "sipp", remote=("::1", edge.six), address="::1")
        result = sipp.run()
        assert result.exit_code == 0, result.errors
        answer = next(
            m for way, m in result.messages if way == "got" and m.status == 200 and m.method == "INVITE"
        )
        assert "c=IN IP6 ::1" in answer.body and "received=::1" in answer.get("Via")
        assert f"@[::1]:{edge.six}" in answer.get("Contact")
        scenario = Scenario("tcp", "34600111222", number="600").invite().connected().pause(0.2).bye()
        result = Sipp(
            scenario,
            tmp_path / "tcp",
            remote=edge.switch.sip,
            address=TRUNK_ADDRESS,
            tcp=True,
            calls=3,
            limit=1,
        ).run()
        assert result.exit_code == 0, result.errors


async def _crawl(edge: Edge, until: float) -> int:
    """So many connections, each a byte a second, some over TLS without a handshake; how many ended before `until`."""

    async def one(number: int) -> bool:
        port = edge.tls if number % 4 == 0 else edge.ws if number % 4 == 1 else edge.switch.port
        source = f"127.0.{1 + number // 200}.{1 + number % 200}"
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
        except OSError:
            return True
        text = (
            b"\x16\x03\x01"
            if number % 4 == 0
            else b"GET / HTTP/1.1\r\nX: "
            if number % 4 == 1
            else b"INVITE sip:x"
        )
        with contextlib.suppress(OSError):
            for byte in text + b"a" * 100:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(1)
                if reader.at_eof() or time.monotonic() > until:
                    break
        ended = time.monotonic() < until
        writer.close()
        return ended

    return sum(await asyncio.gather(*(one(number) for number in range(SLOW))))


@pytest.mark.skipif(not SLOW, reason="SOFTSWITCH_SLOW_CONNECTIONS is not set")
def test_slow_connections_take_little_and_not_for_long(edge: Edge) -> None:
    before = edge.switch.usage()[edge.switch.pid]
    seen: list[Usage] = []

    async def watch() -> int:
        crowd = asyncio.create_task(_crawl(edge, time.monotonic() + 40))
        while not crowd.done():
            await asyncio.sleep(1)
            await asyncio.to_thread(edge.switch.options, 10.0)
            seen.append(edge.switch.usage()[edge.switch.pid])
        return await crowd

    assert asyncio.run(watch()) == SLOW, "each was closed within its deadline"
    files = max(now.files for now in seen) - before.files
    grown = max(now.rss_mb for now in seen) - before.rss_mb
    left = seen[-1].files - before.files
    print(f"{SLOW} slow connections: {files} more files, {grown:.1f} MB more; {left} files left")
    assert files <= SLOW + 20 and left <= 5
    assert grown < 20 + SLOW * 0.06
