"""Proves TLS against Python's own ssl on both sides: our listeners and our connections, good, expired, self-signed and
foreign certificates, names of RFC 5922, two hosts on one address, stalled handshakes, certificates replaced under load.

Does not prove phones (`tests/interop/test_transports.py`).
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from softswitch.config.schema import Config
from softswitch.config.sip import Sip
from softswitch.config.transports import TrunkTls
from softswitch.config.trunks import Trunk
from softswitch.errors import UnusableError
from softswitch.sip.certificate_name import is_for
from softswitch.sip.source import Source
from softswitch.sip.tls import TlsContexts
from softswitch.sip.transport import SocketTransport, StreamLimits
from softswitch.sip.wire import WireEvents
from tools.peers.certificates import Authority

MESSAGE = b"OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TLS c;branch=z9hG4bKd\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


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
    config: Config, limits: StreamLimits | None = None
) -> AsyncIterator[tuple[SocketTransport, Seen]]:
    transport = SocketTransport(config.sip.listen, limits, tls=TlsContexts(config))
    seen = Seen()
    await transport.start(seen.events)
    try:
        yield transport, seen
    finally:
        await transport.stop()


@contextlib.asynccontextmanager
async def peer(certificate: Path, ca: Path | None = None) -> AsyncIterator[tuple[int, list[Any]]]:
    """A TLS server of Python's: its port and what it heard, with the client's certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    if ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(ca)
    heard: list[Any] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        data = await reader.read(4096)
        if data:
            heard.append((data, writer.get_extra_info("peercert")))
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1], heard
    finally:
        server.close()


async def until(condition: Any, seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def server_config(certificate: Path, **more: Any) -> Config:
    return Config(sip=Sip(listen=("tls://127.0.0.1:0",), tls_certificate=str(certificate), **more))


def client_context(ca: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(ca))


async def dial(port: int, ca: Path, name: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", port, ssl=client_context(ca), server_hostname=name)


async def test_a_phone_speaks_tls_and_is_answered_on_its_connection(authority: Authority) -> None:
    file = authority.issue("switch", dns=["sip.example.com"])
    async with running(server_config(file)) as (transport, seen):
        reader, writer = await dial(transport.listeners[0].port, authority.file, "sip.example.com")
        writer.write(MESSAGE)
        await until(lambda: seen.received)
        source = seen.received[0][1]
        assert source.transport == "tls" and transport.connected(source)
        assert transport.connections() == {"tls": 1}
        transport.send(b"answer", source)
        assert await reader.readexactly(6) == b"answer"
        assert writer.get_extra_info("ssl_object").version() == "TLSv1.3"
        writer.close()
        await until(lambda: seen.lost == [source])


async def test_old_versions_and_plain_text_get_nothing(authority: Authority) -> None:
    file = authority.issue("old", dns=["sip.example.com"])
    async with running(server_config(file)) as (transport, seen):
        port = transport.listeners[0].port
        context = client_context(authority.file)
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.maximum_version = ssl.TLSVersion.TLSv1_1
        with pytest.raises((ssl.SSLError, ConnectionError)):
            await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="sip.example.com")
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(MESSAGE)
        with contextlib.suppress(ConnectionError):
            assert b"SIP/2.0" not in await asyncio.wait_for(reader.read(), 10.0)
        assert seen.received == []
        writer.close()


async def test_a_stalled_handshake_ends_and_counts_against_the_caps(authority: Authority) -> None:
    limits = StreamLimits(handshake_s=0.4, connections_per_address=3)
    async with running(server_config(authority.issue("slow", dns=["x.example"])), limits) as (transport, _):
        where = ("127.0.0.1", transport.listeners[0].port)
        streams = [await asyncio.open_connection(*where) for _ in range(5)]
        await until(lambda: transport.counts["connections refused: too many from one address"] == 2)
        for reader, _ in streams:
            with contextlib.suppress(ConnectionError):
                assert await asyncio.wait_for(reader.read(), 10.0) == b""
        assert transport.counts["connections lost before they stood"] == 3
        again = await asyncio.open_connection(*where)
        for _, writer in (*streams, again):
            writer.close()


async def test_new_certificates_count_from_the_reload_on_and_connections_stand(authority: Authority) -> None:
    first, second = authority.issue("first", dns=["a.example"]), authority.issue("second", dns=["b.example"])
    async with running(server_config(first)) as (transport, seen):
        port = transport.listeners[0].port
        reader, writer = await dial(port, authority.file, "a.example")
        with pytest.raises(UnusableError, match=r"sip\.tls_certificate.*/missing\.pem"):
            transport.reconfigure(server_config(authority.folder / "missing.pem"))
        _, again = await dial(port, authority.file, "a.example")
        transport.reconfigure(server_config(second))
        _, other = await dial(port, authority.file, "b.example")
        writer.write(MESSAGE)
        await until(lambda: seen.received)
        transport.send(b"kept", seen.received[0][1])
        assert await reader.readexactly(4) == b"kept"
        for one in (writer, again, other):
            one.close()


async def test_a_client_certificate_can_be_demanded(authority: Authority) -> None:
    file = authority.issue("demanding", dns=["a.example"])
    config = server_config(file, tls_ca=str(authority.file), tls_clients="required")
    async with running(config) as (transport, seen):
        port = transport.listeners[0].port
        reader, writer = await dial(port, authority.file, "a.example")
        writer.write(MESSAGE)
        with contextlib.suppress(ConnectionError, ssl.SSLError):
            assert await asyncio.wait_for(reader.read(), 10.0) == b""
        writer.close()
        assert seen.received == []
        context = client_context(authority.file)
        context.load_cert_chain(authority.issue("client", dns=["trunk.example"]))
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="a.example")
        writer.write(MESSAGE)
        await until(lambda: seen.received)
        writer.close()


def client_config(authority: Authority, **tls: Any) -> Config:
    trunks = {"them": Trunk(host="sips:trunk.example", tls=TrunkTls(**tls))} if tls else {}
    return Config(sip=Sip(listen=("tcp://127.0.0.1:0",), tls_ca=str(authority.file)), trunk=trunks)


@pytest.mark.parametrize(
    ("names", "days", "self_signed", "tls", "good"),
    [
        ({"dns": ["trunk.example"]}, 30, False, {}, True),
        ({"uris": ["sip:trunk.example"], "dns": ["host7.example"]}, 30, False, {}, True),
        ({"dns": ["other.example"]}, 30, False, {}, False),
        ({"uris": ["sip:other.example"], "dns": ["trunk.example"]}, 30, False, {}, False),
        ({"dns": ["*.example"]}, 30, False, {}, False),
        ({"dns": ["trunk.example"]}, -1, False, {}, False),
        ({"dns": ["trunk.example"]}, 30, True, {}, False),
        ({}, 30, False, {}, False),
        ({"dns": ["other.example"]}, 30, False, {"name": "other.example"}, True),
        ({"dns": ["other.example"]}, 30, False, {"verify": "chain"}, True),
        ({"dns": ["trunk.example"]}, 30, True, {"verify": "chain"}, False),
        ({"dns": ["trunk.example"]}, 30, True, {"verify": "none"}, True),
    ],
)  # fmt: skip
async def test_a_peer_must_be_who_was_asked_for(
    authority: Authority, names: dict[str, Any], days: int, self_signed: bool, tls: dict[str, Any], good: bool
) -> None:
    file = authority.issue("peer", days=days, self_signed=self_signed, **names)
    async with peer(file) as (port, heard), running(client_config(authority, **tls)) as (transport, seen):
        destination = Source("tls", "127.0.0.1", port, "trunk.example")
        transport.send(MESSAGE, destination)
        await until(lambda: heard or seen.lost)
        assert [data for data, _ in heard] == ([MESSAGE] if good else [])
        assert seen.lost == ([] if good else [destination])
        assert transport.connected(destination) == good


async def test_a_connection_serves_only_the_name_that_it_proved(authority: Authority) -> None:
    file = authority.issue("one", dns=["good.example"])
    async with peer(file) as (port, heard), running(client_config(authority)) as (transport, seen):
        good, evil = (Source("tls", "127.0.0.1", port, name) for name in ("good.example", "evil.example"))
        transport.send(MESSAGE, good)
        await until(lambda: heard)
        transport.send(MESSAGE, evil)
        await until(lambda: seen.lost)
        assert seen.lost == [evil] and len(heard) == 1
        assert transport.connected(good) and not transport.connected(evil)
        nameless = Source("tls", "127.0.0.1", port)
        transport.send(MESSAGE, nameless)
        await until(lambda: len(seen.lost) == 2)
        assert seen.lost[1] == nameless, "nobody can be verified without a name"


async def test_two_names_on_one_address_have_a_connection_each(authority: Authority) -> None:
    file = authority.issue("two", dns=["a.example", "b.example"])
    async with peer(file) as (port, heard), running(client_config(authority)) as (transport, _):
        for name in ("a.example", "b.example", "a.example"):
            transport.send(MESSAGE, Source("tls", "127.0.0.1", port, name))
        await until(lambda: len(heard) == 2)
        assert transport.connections() == {"tls": 2}


async def test_a_trunk_can_be_shown_a_certificate(authority: Authority) -> None:
    file = authority.issue("strict", dns=["trunk.example"])
    ours = str(authority.issue("ours", dns=["us.example"]))
    async with (
        peer(file, authority.file) as (port, heard),
        running(client_config(authority, certificate=ours)) as (transport, _),
    ):
        transport.send(MESSAGE, Source("tls", "127.0.0.1", port, "trunk.example"))
        await until(lambda: heard)
        assert ("DNS", "us.example") in heard[0][1]["subjectAltName"]


async def test_a_server_that_never_shakes_hands_is_given_up(authority: Authority) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        limits = StreamLimits(connect_deadline_s=0.3)
        async with running(client_config(authority), limits) as (transport, seen):
            destination = Source("tls", "127.0.0.1", silent.getsockname()[1], "trunk.example")
            transport.send(MESSAGE, destination)
            await until(lambda: seen.lost == [destination])


@pytest.mark.parametrize(
    ("found", "name", "wildcards", "good"),
    [
        ([("DNS", "Example.COM")], "example.com", False, True),
        ([("DNS", "*.example.com")], "sbc.example.com", True, True),
        ([("DNS", "*.example.com")], "a.b.example.com", True, False),
        ([("DNS", "*.com")], "example.com", True, False),
        ([("DNS", "*")], "com", True, False),
        ([("IP Address", "192.0.2.1")], "192.0.2.1", False, True),
        ([("DNS", "192.0.2.1")], "192.0.2.1", False, False),
        ([("IP Address", "2001:DB8:0:0:0:0:0:1")], "2001:db8::1", False, True),
        ([("URI", "sip:bob@example.com")], "example.com", False, False),
        ([("URI", "sips:example.com")], "example.com", False, False),
        ([("URI", "https://example.com"), ("DNS", "example.com")], "example.com", False, True),
    ],
)  # fmt: skip
def test_names_of_certificates(found: list[tuple[str, str]], name: str, wildcards: bool, good: bool) -> None:
    assert is_for({"subjectAltName": found}, name, wildcards=wildcards) == good


def test_a_listener_of_tls_needs_a_certificate() -> None:
    async def start() -> None:
        await SocketTransport(("tls://127.0.0.1:0",)).start(Seen().events)

    with pytest.raises(UnusableError, match=r"needs sip\.tls_certificate"):
        asyncio.run(start())
