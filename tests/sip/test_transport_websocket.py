"""Proves SIP over WebSocket (RFC 7118) against aiohttp's client: subprotocol, origins, text and binary, size, pings,
deadlines, a phone that does not read, nothing left of connections that break; and of streams what `test_sip_transport.py`
has not: pings that are no message, our keep-alive, IPv6, advertised addresses.

Does not prove calls (`tests/interop/test_transports.py`).
"""

import asyncio
import contextlib
import gc
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import uvloop
from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from softswitch.config.sip import Sip
from softswitch.sip.advertised import AdvertisedAddress
from softswitch.sip.connection_table import ConnectionTable
from softswitch.sip.source import Source
from softswitch.sip.transport import SocketTransport, StreamLimits
from softswitch.sip.websocket import origin_allowed
from softswitch.sip.wire import WireEvents

MESSAGE = b"OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/WS x.invalid;branch=z9hG4bKd\r\nContent-Length: 0\r\n\r\n"

pytestmark = pytest.mark.filterwarnings("ignore:Overriding the .event_loop_policy. fixture")


@pytest.fixture(params=[asyncio.DefaultEventLoopPolicy, uvloop.EventLoopPolicy], ids=["asyncio", "uvloop"])
def event_loop_policy(request: pytest.FixtureRequest) -> asyncio.AbstractEventLoopPolicy:
    return request.param()  # type: ignore[no-any-return]


class Seen:
    def __init__(self) -> None:
        self.received: list[tuple[bytes, Source]] = []
        self.lost: list[Source] = []
        self.events = WireEvents(
            received=lambda data, source: self.received.append((data, source)),
            broken=lambda error, source: None,
            lost=self.lost.append,
        )


@contextlib.asynccontextmanager
async def running(
    *listen: str, limits: StreamLimits | None = None, origins: tuple[str, ...] = ()
) -> AsyncIterator[tuple[SocketTransport, Seen, str]]:
    transport, seen = SocketTransport(listen or ("ws://127.0.0.1:0",), limits, origins=origins), Seen()
    await transport.start(seen.events)
    try:
        yield transport, seen, f"http://127.0.0.1:{transport.listeners[0].port}/"
    finally:
        await transport.stop()


@contextlib.asynccontextmanager
async def phone(url: str, **more: Any) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    protocols = more.pop("protocols", ("sip",))
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(url, protocols=protocols, **more) as socket,
    ):
        yield socket


async def until(condition: Any, seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_phone_is_answered_on_its_socket_text_or_binary() -> None:
    async with running() as (transport, seen, url), phone(url) as socket:
        assert socket.protocol == "sip"
        await socket.send_str(MESSAGE.decode())
        await socket.send_bytes(MESSAGE)
        await until(lambda: len(seen.received) == 2)
        source = seen.received[0][1]
        assert [data for data, _ in seen.received] == [MESSAGE, MESSAGE]
        assert source.transport == "ws" and transport.connected(source)
        assert transport.local_address(source) == ("127.0.0.1", transport.listeners[0].port)
        for data in (b"first", "zwölf".encode(), b"\xff\xfe"):
            transport.send(data, source)
        assert [(await socket.receive()).data for _ in range(3)] == ["first", "zwölf", b"\xff\xfe"]
        await socket.close()
        await until(lambda: seen.lost == [source])
        transport.send(b"late", source)
        await until(lambda: seen.lost == [source, source])


@pytest.mark.parametrize(
    ("protocols", "headers", "status"),
    [
        ((), {}, 400),
        (("xmpp",), {}, 400),
        (("sip",), {"Origin": "https://evil.example"}, 403),
        (("sip",), {"Origin": "https://phones.example"}, 0),
        (("xmpp", "sip"), {}, 0),
    ],
)
async def test_subprotocol_and_origin_are_asked_for(
    protocols: tuple[str, ...], headers: dict[str, str], status: int
) -> None:
    async with running(origins=("https://phones.example",)) as (_, _seen, url):
        if not status:
            async with phone(url, protocols=protocols, headers=headers) as socket:
                assert socket.protocol == "sip"
            return
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            async with phone(url, protocols=protocols, headers=headers):
                pass
        assert refused.value.status == status


async def test_plain_http_is_refused_and_closed() -> None:
    async with running() as (_, seen, url), aiohttp.ClientSession() as session:
        async with session.get(url) as answer:
            assert (answer.status, answer.headers["Upgrade"]) == (426, "websocket")
        async with session.post(url, data=b"x" * 100_000) as answer:
            assert answer.status == 426
        assert seen.received == []


async def test_a_message_beyond_the_limit_ends_the_connection() -> None:
    async with running(limits=StreamLimits(message_bytes=2000)) as (_, seen, url), phone(url) as socket:
        await socket.send_bytes(MESSAGE + b"x" * (2000 - len(MESSAGE)))
        await until(lambda: seen.received)
        await socket.send_bytes(b"x" * 2001)
        assert (await socket.receive()).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
        assert len(seen.received) == 1


async def test_who_says_nothing_valid_is_not_kept() -> None:
    limits = StreamLimits(message_deadline_s=0.3, handshake_s=0.3)
    async with running(limits=limits) as (transport, seen, url), phone(url) as socket, phone(url) as good:
        await good.send_bytes(MESSAGE)
        await socket.send_bytes(b"\r\n\r\n")
        await socket.send_bytes(b"hello")
        half, writer = await asyncio.open_connection("127.0.0.1", transport.listeners[0].port)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n")
        with contextlib.suppress(ConnectionError):
            assert await asyncio.wait_for(half.read(), 10.0) == b""
        assert (await socket.receive(10.0)).type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
        await until(lambda: transport.connections() == {"ws": 1})
        assert any(data == MESSAGE for data, _ in seen.received)
        writer.close()


async def test_nothing_is_left_of_connections_that_are_broken_off() -> None:
    """Not even what only the collector would find: strangers decide how many there are."""
    request = (
        b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Protocol: sip\r\n\r\n"
    )
    loop = asyncio.get_running_loop()
    async with running() as (transport, seen, _):
        gc.collect()
        gc.disable()
        try:
            for sent in (b"", MESSAGE[:20], b"\x81\x82", b"\xff\xff\xff\xff"):
                with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as peer:
                    peer.setblocking(False)
                    await loop.sock_connect(peer, ("127.0.0.1", transport.listeners[0].port))
                    await loop.sock_sendall(peer, request)
                    assert b" 101 " in await loop.sock_recv(peer, 500)
                    await loop.sock_sendall(peer, sent)
                    await asyncio.sleep(0.02)
                    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            await until(lambda: len(seen.lost) == 4 and not any(transport.connections().values()))
            await asyncio.sleep(0.05)
            kept = [
                one for one in gc.get_objects() if isinstance(one, (RequestHandler, web.WebSocketResponse))
            ]
            assert not kept
        finally:
            gc.enable()


async def test_the_dead_are_found_by_pings() -> None:
    async with (
        running(limits=StreamLimits(ping_s=0.2)) as (_, seen, url),
        phone(url, autoping=False) as socket,
    ):
        await socket.send_bytes(MESSAGE)
        assert (await socket.receive(10.0)).type == aiohttp.WSMsgType.PING
        await until(lambda: seen.lost)


async def test_a_phone_that_does_not_read_is_disconnected() -> None:
    async with (
        running(limits=StreamLimits(unsent_bytes=1 << 16)) as (transport, seen, url),
        phone(url) as socket,
    ):
        await socket.send_bytes(MESSAGE)
        await until(lambda: seen.received)
        for _ in range(400):
            transport.send(b"x" * 65536, seen.received[0][1])
        await until(lambda: seen.lost)
        assert transport.counts["connections closed: the peer does not read"] == 1


def test_origins() -> None:
    assert origin_allowed([], "sip.example", ())
    assert origin_allowed(["https://sip.example"], "sip.example", ())
    assert origin_allowed(["https://sip.example:8443"], "sip.example:8443", ())
    assert origin_allowed(["https://x.example"], "sip.example", ("*",))
    assert origin_allowed(["https://X.example"], "sip.example", ("https://x.example/",))
    assert not origin_allowed(["https://sip.example"], "sip.example", ("https://x.example",))
    assert not origin_allowed(["null"], "", ())
    assert not origin_allowed(["https://sip.example", "https://sip.example"], "sip.example", ())


async def test_pings_alone_do_not_keep_a_stream_open() -> None:
    limits = StreamLimits(message_deadline_s=0.4)
    async with running("tcp://127.0.0.1:0", limits=limits) as (transport, seen, _):
        reader, writer = await asyncio.open_connection("127.0.0.1", transport.listeners[0].port)
        with contextlib.suppress(ConnectionError):
            for _ in range(1000):
                writer.write(b"\r\n\r\n")
                await writer.drain()
                await asyncio.sleep(0.02)
                if reader.at_eof():
                    break
        await until(lambda: seen.lost)
        writer.close()


async def test_connections_of_ours_are_kept_alive() -> None:
    heard = bytearray()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100):
            heard.extend(data)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with running("tcp://127.0.0.1:0", limits=StreamLimits(keepalive_s=0.1)) as (transport, _, _url):
        transport.send(MESSAGE, Source("tcp", *server.sockets[0].getsockname()[:2]))
        await until(lambda: heard.endswith(b"\r\n\r\n" * 3) and heard.startswith(MESSAGE))
    server.close()


async def test_who_reads_too_slowly_is_disconnected_in_time() -> None:
    limits = StreamLimits(read_deadline_s=0.3)
    async with running("tcp://127.0.0.1:0", limits=limits) as (transport, seen, _):
        _, writer = await asyncio.open_connection("127.0.0.1", transport.listeners[0].port, limit=1)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(MESSAGE)
        await until(lambda: seen.received)
        for _ in range(400):
            if transport.connected(seen.received[0][1]):
                transport.send(b"x" * 32768, seen.received[0][1])
                await asyncio.sleep(0)
        await until(lambda: seen.lost)
        assert transport.counts["connections closed: the peer does not read"] == 1
        writer.close()


async def test_both_ip_versions_each_from_its_socket_and_with_its_own_advertised_address() -> None:
    listen = ("udp://127.0.0.1:0", "udp://[::1]:0", "tcp://[::1]:0")
    async with running(*listen) as (transport, seen, _):
        four, six = transport.listeners[:2]
        loop = asyncio.get_running_loop()
        heard: list[tuple[bytes, Any]] = []

        class Peer(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, addr: Any) -> None:
                heard.append((data, addr[:2]))

        peer, _ = await loop.create_datagram_endpoint(Peer, local_addr=("::1", 0))
        peer.sendto(MESSAGE, ("::1", six.port))
        await until(lambda: seen.received)
        source = seen.received[0][1]
        assert (source.transport, source.address) == ("udp", "::1")
        transport.send(b"back", source)
        await until(lambda: heard)
        assert heard == [(b"back", ("::1", six.port))]
        peer.close()
        sip = Sip(
            listen=listen, local_nets=(), external_address="203.0.113.1",
            advertised={"udp://[::1]:0": "[2001:db8::5]:15060"},
        )  # fmt: skip
        told = AdvertisedAddress(transport, sip)
        assert told.towards(source) == ("2001:db8::5", 15060)
        assert told.towards(Source("udp", "127.0.0.1", 5060)) == ("203.0.113.1", four.port)
        assert told.towards(Source("tcp", "::1", 5060)) == ("::1", transport.listeners[2].port)


def test_a_seat_is_left_once() -> None:
    table = ConnectionTable(StreamLimits(connections=2, connections_per_address=2), Counter())
    seat = table.admit("192.0.2.1", "tls", lambda: None)
    assert seat is not None and table.by_transport() == {"tls": 1}
    table.leave(seat)
    table.leave(seat)
    assert len(table) == 0 and table.admit("192.0.2.1", "tls", lambda: None) is not None
