"""Proves what the sockets do, over real loopback sockets: many datagrams, hostile streams, deadlines, caps, back-pressure,
connections that break, and errors at start that say what to do.

Times are shortened through `StreamLimits`; the few waits here are for the kernel, not for protocol timers.
"""

import asyncio
import contextlib
import signal
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import uvloop

from softswitch.errors import UnusableError
from softswitch.sip import datagrams
from softswitch.sip.errors import FramingError
from softswitch.sip.source import Source
from softswitch.sip.transport import SocketTransport, StreamLimits
from softswitch.sip.wire import WireEvents

MESSAGE = b"OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP c;branch=z9hG4bKd\r\nContent-Length: 3\r\n\r\nxyz"

pytestmark = pytest.mark.filterwarnings("ignore:Overriding the .event_loop_policy. fixture")


@pytest.fixture(params=[asyncio.DefaultEventLoopPolicy, uvloop.EventLoopPolicy], ids=["asyncio", "uvloop"])
def event_loop_policy(request: pytest.FixtureRequest) -> asyncio.AbstractEventLoopPolicy:
    """The switch runs on uvloop, and on asyncio where that is missing."""
    # A loop of an earlier test may have left its wake-up descriptor, which uvloop would put back though it is closed.
    signal.set_wakeup_fd(-1)
    return request.param()  # type: ignore[no-any-return]


class Seen:
    """What a transport told."""

    def __init__(self) -> None:
        self.received: list[tuple[bytes, Source]] = []
        self.broken: list[FramingError] = []
        self.lost: list[Source] = []
        self.known: set[str] = set()
        self.events = WireEvents(
            received=lambda data, source: self.received.append((data, source)),
            broken=lambda error, source: self.broken.append(error),
            lost=self.lost.append,
            known=lambda address: address in self.known,
        )


@contextlib.asynccontextmanager
async def running(
    limits: StreamLimits | None = None, listen: tuple[str, ...] = ("udp://127.0.0.1:0", "tcp://127.0.0.1:0")
) -> AsyncIterator[tuple[SocketTransport, Seen]]:
    transport, seen = SocketTransport(listen, limits or StreamLimits()), Seen()
    await transport.start(seen.events)
    try:
        yield transport, seen
    finally:
        await transport.stop()


def place(transport: SocketTransport, kind: str) -> tuple[str, int]:
    found = next(listener for listener in transport.listeners if listener.transport == kind)
    return found.address, found.port


async def until(condition, seconds: float = 5.0) -> None:  # type: ignore[no-untyped-def]
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def test_a_burst_of_datagrams_arrives_whole_and_in_order() -> None:
    async with running() as (transport, seen):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for number in range(500):
                sender.sendto(b"%d" % number, place(transport, "udp"))
            await until(lambda: len(seen.received) == 500)
            assert [data for data, _ in seen.received] == [b"%d" % number for number in range(500)]
            assert seen.received[0][1] == Source("udp", "127.0.0.1", sender.getsockname()[1])


async def test_what_a_datagram_has_led_to_does_not_wait_for_all_that_came_behind_it() -> None:
    """Each takes longer to handle than the loop is kept."""
    order: list[str] = []

    def handled(data: bytes, source: Source) -> None:
        ends = time.monotonic() + 2 * datagrams.WAKEUP_S
        while time.monotonic() < ends:
            pass
        order.append(data.decode())
        asyncio.get_running_loop().call_soon(order.append, f"after {data.decode()}")

    transport = SocketTransport(("udp://127.0.0.1:0",), StreamLimits())
    await transport.start(replace(Seen().events, received=handled))
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for number in range(5):
                sender.sendto(b"%d" % number, place(transport, "udp"))
            await until(lambda: len(order) == 10)
    finally:
        await transport.stop()
    assert [said for said in order if " " not in said] == ["0", "1", "2", "3", "4"]
    assert all(order.index(f"after {n}") < order.index(str(n + 2)) for n in range(3)), order


async def test_the_largest_datagram_arrives_and_an_answer_goes_back() -> None:
    async with running() as (transport, seen):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            sender.sendto(b"x" * 65507, place(transport, "udp"))
            await until(lambda: seen.received)
            assert len(seen.received[0][0]) == 65507
            transport.send(b"back", seen.received[0][1])
            assert await asyncio.get_running_loop().sock_recv(sender, 100) == b"back"


async def test_a_datagram_that_cannot_leave_is_reported_not_raised() -> None:
    async with running() as (transport, seen):
        target = Source("udp", "127.0.0.1", 9)
        transport.send(b"x" * 70000, target)
        await until(lambda: seen.lost)
        assert seen.lost == [target]


async def test_messages_of_a_stream_are_cut_however_they_arrive() -> None:
    async with running() as (transport, seen):
        reader, writer = await asyncio.open_connection(*place(transport, "tcp"))
        for byte in MESSAGE:
            writer.write(bytes([byte]))
            await asyncio.sleep(0)
        writer.write(MESSAGE * 3 + b"\r\n\r\n")
        await until(lambda: len(seen.received) == 5)
        assert [data for data, _ in seen.received] == [MESSAGE] * 4 + [b"\r\n\r\n"]
        source = seen.received[0][1]
        assert transport.connected(source)
        transport.send(b"answer", source)
        assert await reader.readexactly(6) == b"answer"
        writer.close()
        await until(lambda: seen.lost == [source])
        assert not transport.connected(source)


@pytest.mark.parametrize(
    "length",
    [b"-1", b"+5", b"1_0", b"\xd9\xa3", b"4294967328", b"9" * 5000, b"65536", b"3\r\nContent-Length: 4"],
)
async def test_a_bad_length_closes_the_stream_and_nothing_behind_it_is_read(length: bytes) -> None:
    smuggled = MESSAGE.replace(b"OPTIONS", b"INVITE")
    async with running() as (transport, seen):
        reader, writer = await asyncio.open_connection(*place(transport, "tcp"))
        head = MESSAGE[: MESSAGE.index(b"Content-Length")]
        writer.write(MESSAGE + head + b"Content-Length: " + length + b"\r\n\r\n" + smuggled)
        assert await asyncio.wait_for(reader.read(), 5.0) == b""
        assert [data for data, _ in seen.received] == [MESSAGE]
        assert len(seen.broken) == 1
        writer.close()


async def test_half_a_message_and_no_message_are_not_waited_for() -> None:
    async with running(StreamLimits(message_deadline_s=0.1)) as (transport, seen):
        silent = await asyncio.open_connection(*place(transport, "tcp"))
        half = await asyncio.open_connection(*place(transport, "tcp"))
        half[1].write(MESSAGE[:20])
        good = await asyncio.open_connection(*place(transport, "tcp"))
        good[1].write(MESSAGE)
        await until(lambda: seen.received)
        for reader, _ in (silent, half):
            with contextlib.suppress(ConnectionResetError):
                assert await asyncio.wait_for(reader.read(), 5.0) == b""
        assert transport.connected(seen.received[0][1])
        for _, writer in (silent, half, good):
            writer.close()


async def test_a_slow_drip_does_not_prolong_the_deadline() -> None:
    async with running(StreamLimits(message_deadline_s=0.2)) as (transport, _seen):
        reader, writer = await asyncio.open_connection(*place(transport, "tcp"))
        loop = asyncio.get_running_loop()
        begun = loop.time()
        with contextlib.suppress(ConnectionError):
            while not reader.at_eof() and loop.time() - begun < 5.0:
                writer.write(b"x")
                await writer.drain()
                await asyncio.sleep(0.02)
        assert loop.time() - begun < 2.0
        writer.close()


async def test_connections_are_capped_for_each_address_and_in_all() -> None:
    async with running(StreamLimits(connections=3, connections_per_address=2)) as (transport, _seen):
        streams = [await asyncio.open_connection(*place(transport, "tcp")) for _ in range(5)]
        await until(lambda: sum(transport.counts.values()) == 3)
        assert transport.counts["connections refused: too many from one address"] == 3
        for _, writer in streams:
            writer.close()


async def test_who_fills_the_table_loses_his_oldest_connection_to_a_newcomer() -> None:
    async with running(StreamLimits(connections=3, connections_per_address=3)) as (transport, seen):
        where = place(transport, "tcp")
        greedy = [await asyncio.open_connection(*where, local_addr=("127.0.0.9", 0)) for _ in range(3)]
        oldest = Source("tcp", *greedy[0][1].get_extra_info("sockname"))
        await until(lambda: transport.connected(oldest))
        others, streams = [], []
        for number in (1, 2, 3):
            streams.append(await asyncio.open_connection(*where, local_addr=(f"127.0.1.{number}", 0)))
            others.append(Source("tcp", *streams[-1][1].get_extra_info("sockname")))
            await until(lambda: sum(transport.counts.values()) == len(others))
        await until(lambda: len(seen.lost) == 3)
        assert seen.lost[0] == oldest
        assert all(transport.connected(other) for other in others)
        assert transport.counts["connections closed: room for another address"] == 3
        for _, writer in (*greedy, *streams):
            writer.close()


async def test_many_addresses_that_hold_a_little_each_shut_out_no_newcomer_and_nobody_we_know() -> None:
    limits = StreamLimits(connections=4, connections_per_address=4)
    async with running(limits) as (transport, seen):
        seen.known |= {"127.0.2.1", "127.0.2.2"}
        where, streams, sources = place(transport, "tcp"), [], []

        async def connect(address: str) -> None:
            streams.append(await asyncio.open_connection(*where, local_addr=(address, 0)))
            sources.append(Source("tcp", *streams[-1][1].get_extra_info("sockname")))
            await until(lambda: transport.connected(sources[-1]) or sum(transport.counts.values()) > 3)

        for address in (
            "127.0.2.1",
            "127.0.1.1",
            "127.0.2.2",
            "127.0.1.2",
            "127.0.1.3",
            "127.0.1.4",
            "127.0.1.5",
        ):
            await connect(address)
        await until(lambda: len(seen.lost) == 3)
        assert seen.lost == [sources[1], sources[3], sources[4]], "the oldest strangers"
        seen.known |= {"127.0.1.4", "127.0.1.5"}
        await connect("127.0.1.6")
        assert transport.counts["connections refused: too many"] == 1, "all that are there are known"
        for _, writer in streams:
            writer.close()


async def test_a_peer_that_never_reads_is_disconnected() -> None:
    async with running(StreamLimits(unsent_bytes=1 << 16)) as (transport, seen):
        _, writer = await asyncio.open_connection(*place(transport, "tcp"), limit=1)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(MESSAGE)
        await until(lambda: seen.received)
        source = seen.received[0][1]
        for _ in range(200):
            transport.send(b"x" * 65536, source)
        await until(lambda: seen.lost)
        assert transport.counts["connections closed: the peer does not read"] == 1
        writer.close()


async def test_a_connection_is_opened_for_the_first_message_and_used_for_all() -> None:
    async with running() as (transport, _seen), running() as (other, there):
        destination = Source("tcp", *place(other, "tcp"))
        for _ in range(3):
            transport.send(MESSAGE, destination)
        await until(lambda: len(there.received) == 3)
        assert len({source for _, source in there.received}) == 1
        assert transport.connected(destination)


async def test_a_connection_that_cannot_be_opened_is_reported() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    async with running() as (transport, seen):
        transport.send(MESSAGE, Source("tcp", "127.0.0.1", port))
        await until(lambda: seen.lost)
        assert seen.lost == [Source("tcp", "127.0.0.1", port)]


async def test_a_peer_is_answered_from_the_socket_it_sent_to() -> None:
    async with running(listen=("udp://127.0.0.1:0", "udp://127.0.0.1:0")) as (transport, seen):
        second = transport.listeners[1]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            sender.sendto(b"hello", (second.address, second.port))
            await until(lambda: seen.received)
            source = seen.received[0][1]
            assert transport.local_address(source) == ("127.0.0.1", second.port)
            transport.send(b"back", source)
            sender.settimeout(5.0)
            _, peer = sender.recvfrom(100)
            assert peer == (second.address, second.port)


async def test_strangers_do_not_make_us_forget_where_a_phone_sent_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datagrams, "REMEMBERED_PEERS", 10)
    async with running(listen=("udp://127.0.0.1:0", "udp://127.0.0.1:0")) as (transport, seen):
        seen.known.add("127.0.3.1")
        second = transport.listeners[1].address, transport.listeners[1].port

        def send(address: str, to: tuple[str, int]) -> socket.socket:
            made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            made.bind((address, 0))
            made.sendto(b"hello", to)
            return made

        with contextlib.closing(send("127.0.3.1", second)) as phone:
            await until(lambda: len(seen.received) == 1)
            for number in range(100):
                send(f"127.0.4.{number}", place(transport, "udp")).close()
            await until(lambda: len(seen.received) == 101)
            transport.send(b"call", seen.received[0][1])
            phone.settimeout(5.0)
            assert await asyncio.to_thread(phone.recvfrom, 100) == (b"call", second)


async def test_a_wildcard_shows_the_address_that_leads_to_the_peer() -> None:
    async with running(listen=("udp://0.0.0.0:0", "tcp://0.0.0.0:0")) as (transport, _seen):
        port = transport.listeners[0].port
        assert transport.local_address(Source("udp", "127.0.0.1", 5060)) == ("127.0.0.1", port)
        assert ("127.0.0.1", port) in transport.own_addresses()


async def test_an_address_in_use_or_unreadable_is_named_with_what_to_do() -> None:
    async with running() as (transport, _seen):
        host, port = place(transport, "tcp")
        with pytest.raises(UnusableError, match=rf"tcp://{host}:{port}.*choose another"):
            await SocketTransport((f"tcp://{host}:{port}",)).start(Seen().events)
    for text in ("udp://localhost:5060", "sctp://127.0.0.1:5061", "udp://127.0.0.1:70000", "127.0.0.1"):
        with pytest.raises(UnusableError, match="udp://ADDRESS:PORT"):
            SocketTransport((text,))


async def test_a_connection_that_we_opened_may_stay_silent() -> None:
    async with running(StreamLimits(message_deadline_s=0.05)) as (transport, _seen):
        kept: list[
            asyncio.StreamWriter
        ] = []  # from Python 3.13 on, a writer that nobody holds closes its connection
        server = await asyncio.start_server(lambda reader, writer: kept.append(writer), "127.0.0.1", 0)
        destination = Source("tcp", *server.sockets[0].getsockname()[:2])
        transport.send(MESSAGE, destination)
        await until(lambda: transport.connected(destination))
        await asyncio.sleep(0.2)
        assert transport.connected(destination)
        kept[0].close()
        server.close()
