"""Proves over real sockets of the manager interface: a client that does not read is disconnected and the others hear
on, who asks for a long list is not slow for that, more clients than may are closed, a failed log-in is told and then
closed, who does not log in is not kept, facts are looked at only while somebody is connected, and no secret is logged.

Does not prove what the events say: tests/story/test_manager_story.py does.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import structlog

sys.path.insert(0, str(Path(__file__).parents[1] / "asterisk"))
from test_manager_session import QUEUE, Centre

from softswitch.app import manager_feed
from softswitch.app.manager_feed import ManagerFeed
from softswitch.app.parts import Parts
from softswitch.asterisk.centre import QueueInfo
from softswitch.bus import Bus
from softswitch.clock import SystemClock
from softswitch.config.feeds import Ami
from softswitch.config.schema import Config
from softswitch.config.secret import Secret
from softswitch.facts import CallQueued
from softswitch.ids import CallId, QueueName
from tools.peers.switch import wait_for

LOGIN = b"Action: Login\r\nUsername: board\r\nSecret: s3cret\r\n\r\n"
QUEUED = CallQueued(
    call=CallId("C1"), queue=QueueName("sales"), priority=0, position=1, wall=1.0, monotonic=1.0
)


class Many(Centre):
    """A queue in which thousands wait."""

    def queues(self, only: str = "") -> tuple[QueueInfo, ...]:
        return (replace(QUEUE, entries=QUEUE.entries * 20_000),)


class Running:
    def __init__(self, **more: Any) -> None:
        self.bus = Bus()
        settings = Ami(listen="127.0.0.1:0", user="board", **{"clients": 3, "waiting_kb": 64, **more})
        services = SimpleNamespace(
            config=Config(ami=settings),
            secrets={("ami", ""): Secret(user="board", password="s3cret")},
            entropy=os.urandom,
        )
        parts = SimpleNamespace(bus=self.bus, services=services, clock=SystemClock())
        self.feed = ManagerFeed(cast(Parts, parts), Many())

    async def client(self, *, log_in: bool = True) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.feed.port)
        if log_in:
            assert (await reader.readline()).startswith(b"Asterisk Call Manager/")
            writer.write(LOGIN)
            await until(reader, b"FullyBooted")
            await reader.readuntil(b"\r\n\r\n")
        return reader, writer


async def until(reader: asyncio.StreamReader, word: bytes) -> bytes:
    async with asyncio.timeout(20):
        return await reader.readuntil(word)


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    running = Running()
    await running.feed.start()
    yield running
    await running.feed.stop()


async def test_a_client_that_does_not_read_is_dropped_and_others_hear_on(running: Running) -> None:
    _, stuck = await running.client()
    reader, writer = await running.client()
    heard = 0
    async with asyncio.timeout(30):
        while not running.feed.dropped:
            for _ in range(200):
                running.bus.publish(QUEUED)
            heard += (await reader.read(1 << 20)).count(b"QueueCallerJoin")
    assert running.feed.clients == 1 and heard > 100
    for each in (stuck, writer):
        each.close()


async def test_who_asks_for_a_long_list_is_not_slow(running: Running) -> None:
    reader, writer = await running.client()
    writer.write(b"Action: QueueStatus\r\n\r\n" * 3)
    await asyncio.sleep(0.05)
    for _ in range(50):
        running.bus.publish(QUEUED)
    for _ in range(3):
        async with asyncio.timeout(30):
            while b"QueueStatusComplete" not in await reader.readline():
                pass
    assert running.feed.dropped == 0
    writer.close()


async def test_more_clients_than_may_are_closed(running: Running) -> None:
    clients = [await running.client() for _ in range(3)]
    reader, writer = await running.client(log_in=False)
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        assert await reader.readexactly(1)
    for _, each in [*clients, (reader, writer)]:
        each.close()


async def test_a_failed_log_in_is_told_closed_and_logged_without_its_secret(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(manager_feed, "FAILED_LINGERS_S", 0.05)
    with structlog.testing.capture_logs() as logs:
        reader, writer = await running.client(log_in=False)
        writer.write(LOGIN.replace(b"s3cret", b"guessed"))
        async with asyncio.timeout(10):
            answer = await reader.read()
    assert b"Authentication failed" in answer
    assert any("log-in" in each["event"] for each in logs)
    assert "guessed" not in str(logs) and "s3cret" not in str(logs)
    writer.close()


async def test_who_does_not_log_in_is_not_kept(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manager_feed, "LOG_IN_WITHIN_S", 0.05)
    reader, writer = await running.client(log_in=False)
    async with asyncio.timeout(10):
        assert (await reader.read()).startswith(b"Asterisk")
    writer.close()


async def test_facts_are_looked_at_only_while_somebody_is_there(running: Running) -> None:
    assert not running.bus._subscribers
    _, writer = await running.client()
    assert len(running.bus._subscribers) == 1
    writer.close()
    await asyncio.to_thread(wait_for, lambda: not running.bus._subscribers, 10, "nobody to look")
