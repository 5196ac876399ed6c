"""Proves over real sockets: events come over a WebSocket and as lines, from a number on; the server over TCP has
nothing but what may be read, and that only with the secret, which may change; followers end when the server does.

Does not prove the events of a real switch: tests/interop/test_feeds.py does.
"""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from softswitch.api.errors import NotProven
from softswitch.api.feed import EventSearch
from softswitch.api.metrics import Metrics
from softswitch.api.public import PublicServer
from softswitch.api.server import ApiServer
from softswitch.bus import Bus
from softswitch.testing.control import FakeControl


@pytest.fixture
async def unix(tmp_path: Path) -> AsyncIterator[aiohttp.ClientSession]:
    server = ApiServer(FakeControl(), Bus(), tmp_path / "control.sock")
    await server.start()
    async with aiohttp.ClientSession(
        connector=aiohttp.UnixConnector(str(tmp_path / "control.sock"))
    ) as session:
        yield session
    await server.stop()


async def test_lines(unix: aiohttp.ClientSession) -> None:
    async with unix.get("http://switch/v1/events?since=1") as response:
        assert response.content_type == "application/x-ndjson"
        lines = [json.loads(line) for line in (await response.text()).splitlines()]
    assert [each["type"] for each in lines] == ["hello", "queue.joined"] and lines[1]["seq"] == 2


async def test_web_socket(unix: aiohttp.ClientSession) -> None:
    async with unix.ws_connect("http://switch/v1/events") as socket:
        said = [json.loads(each.data) async for each in socket]
    assert [each.get("seq") for each in said] == [None, 1, 2]


async def test_queries_are_checked(unix: aiohttp.ClientSession) -> None:
    async with unix.get("http://switch/v1/events?sinc=1") as response:
        assert response.status == 400 and "did you mean 'since'" in (await response.json())["hint"]
    async with unix.get("http://switch/v1/events?since=x") as response:
        assert response.status == 400
    async with unix.get("http://switch/v1/feed") as response:
        assert (await response.json())["webhooks"][0]["webhook"] == "crm"
    assert "hidden" not in repr(EventSearch(token="hidden"))


class Tcp:
    def __init__(self) -> None:
        self.secret = "right"
        self.ready = True
        control = FakeControl()
        self.server = PublicServer(control.feed, Metrics(control), ready=lambda: self.ready, admit=self.admit)

    def admit(self, shown: str, address: str, path: str) -> None:
        if not self.secret or shown != self.secret:
            raise NotProven("the secret is needed")

    async def get(self, path: str, **headers: str) -> tuple[int, str]:
        base = f"http://127.0.0.1:{self.server.port}"
        async with aiohttp.ClientSession() as session, session.get(base + path, headers=headers) as response:
            return response.status, await response.text()


@pytest.fixture
async def tcp() -> AsyncIterator[Tcp]:
    tcp = Tcp()
    await tcp.server.start("127.0.0.1", 0)
    yield tcp
    await tcp.server.stop()


async def test_only_with_the_secret(tcp: Tcp) -> None:
    for path in ("/metrics", "/v1/events", "/health", "/ready", "/v1/calls", "/"):
        assert (await tcp.get(path))[0] == 401
        assert (await tcp.get(path, Authorization="Bearer wrong"))[0] == 401
        assert (await tcp.get(path + "?token=wrong"))[0] == 401
    status, text = await tcp.get("/metrics", Authorization="Bearer right")
    assert status == 200 and "softswitch_queue_callers" in text
    assert (await tcp.get("/v1/events?token=right"))[0] == 200
    tcp.secret = "other"
    assert (await tcp.get("/health?token=right"))[0] == 401
    tcp.secret = ""
    assert (await tcp.get("/health", Authorization="Bearer "))[0] == 401


async def test_nothing_but_what_may_be_read(tcp: Tcp) -> None:
    shown = {"Authorization": "Bearer right"}
    for path in ("/v1/calls", "/v1/status", "/v1/feed", "/v1/reload", "/v1/agents"):
        assert (await tcp.get(path, **shown))[0] == 404
    assert (await tcp.get("/ready", **shown))[0] == 200
    tcp.ready = False
    assert (await tcp.get("/ready", **shown))[0] == 503
