"""Proves that peers who pour messages into streams take neither the loop nor the memory: few messages are cut at a time,
connections of which nothing more is heard are not read, and closed when that goes on. Over real loopback sockets.

Does not prove what is heard of whom (`test_guard.py`), nor what calls suffer meanwhile (`benchmarks/flood.py`).
"""

import asyncio
import itertools
import time

import aiohttp
import pytest
from test_sip_transport import MESSAGE, Seen, place, running, until

from softswitch.sip import stream_connection, websocket
from softswitch.sip.source import Source
from softswitch.sip.transport import SocketTransport, StreamLimits
from softswitch.sip.wire import WireEvents

FLOOD = MESSAGE * 3000


class Deaf(Seen):
    """Hears so many messages, and no more."""

    def __init__(self, hears: int) -> None:
        super().__init__()
        self.offered = 0
        self.hears = hears
        self.events = WireEvents(
            received=self._received, broken=lambda error, source: None, lost=self.lost.append
        )

    def _received(self, data: bytes, source: Source) -> bool:
        self.offered += 1
        if len(self.received) >= self.hears:
            return False
        self.received.append((data, source))
        return True


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (stream_connection, websocket):
        monkeypatch.setattr(module, "REST_S", 0.01)


async def test_what_is_not_heard_is_not_read_and_the_connection_closed_in_the_end(impatient: None) -> None:
    transport, seen = SocketTransport(("tcp://127.0.0.1:0",)), Deaf(5)
    await transport.start(seen.events)
    try:
        _reader, writer = await asyncio.open_connection(*place(transport, "tcp"))
        writer.write(FLOOD)
        await until(lambda: seen.lost)
        assert len(seen.received) == 5 and seen.offered == 5 + stream_connection.MAX_RESTS + 1
        assert transport.counts["connections closed: more is sent than is heard"] == 1
        writer.close()
    finally:
        await transport.stop()


async def test_who_is_heard_again_loses_what_was_too_much_and_no_more(impatient: None) -> None:
    transport, seen = SocketTransport(("tcp://127.0.0.1:0",)), Deaf(5)
    await transport.start(seen.events)
    try:
        _, writer = await asyncio.open_connection(*place(transport, "tcp"))
        writer.write(MESSAGE * 500)
        await until(lambda: seen.offered > 7)
        seen.hears = 1000
        await until(lambda: seen.offered == 500)
        assert len(seen.received) > 480 and not seen.lost
        writer.write(MESSAGE)
        await until(lambda: seen.offered == 501)
        writer.close()
    finally:
        await transport.stop()


async def test_a_burst_of_a_peer_that_is_heard_arrives_whole_in_turns() -> None:
    """Others have their turn between: the loop is never held for the whole of it."""
    async with running() as (transport, seen):
        _, writer = await asyncio.open_connection(*place(transport, "tcp"))
        turns: list[int] = []

        async def count() -> None:
            while len(seen.received) < 3000:
                turns.append(len(seen.received))
                await asyncio.sleep(0)

        writer.write(FLOOD + MESSAGE[:20])
        await asyncio.wait_for(count(), 20.0)
        assert len(seen.received) == 3000
        steps = [after - before for before, after in itertools.pairwise(turns)]
        assert max(steps) <= 2 * stream_connection.MESSAGES_AT_ONCE
        writer.write(MESSAGE[20:])
        await until(lambda: len(seen.received) == 3001)
        writer.close()


async def test_half_a_message_behind_a_burst_has_its_deadline() -> None:
    async with running(StreamLimits(message_deadline_s=0.1)) as (transport, seen):
        _, writer = await asyncio.open_connection(*place(transport, "tcp"))
        writer.write(MESSAGE * 100 + MESSAGE[:20])
        await until(lambda: seen.lost)
        assert len(seen.received) == 100
        assert transport.counts["connections closed: a message was not finished in time"] == 1
        writer.close()


async def test_a_websocket_that_floods_is_closed_too(impatient: None) -> None:
    transport, seen = SocketTransport(("ws://127.0.0.1:0",)), Deaf(5)
    await transport.start(seen.events)
    try:
        host, port = place(transport, "ws")
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"http://{host}:{port}/", protocols=("sip",)) as socket,
        ):
            for _ in range(200):
                await socket.send_bytes(MESSAGE)
            await until(lambda: seen.lost)
            assert len(seen.received) == 5 and seen.offered == 5 + stream_connection.MAX_RESTS + 1
    finally:
        await transport.stop()


async def test_forty_streams_full_of_small_messages_do_not_hold_up_the_loop() -> None:
    """What strangers pour in is left in the kernel: the work is the same however much they send."""
    transport, seen = SocketTransport(("tcp://127.0.0.1:0",)), Deaf(100)
    await transport.start(seen.events)
    try:
        where = place(transport, "tcp")
        streams = [await asyncio.open_connection(*where) for _ in range(40)]
        for _, writer in streams:
            writer.write(b"OPTIONS sip:a@b SIP/2.0\r\nl:0\r\n\r\n" * 8000)
        began, cpu = time.monotonic(), time.process_time()
        while time.monotonic() - began < 1.0:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        assert seen.offered < 40 * 8000 / 100
        assert time.process_time() - cpu < 0.9
        for _, writer in streams:
            writer.transport.abort()
    finally:
        await transport.stop()
