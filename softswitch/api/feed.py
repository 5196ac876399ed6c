"""The feed of events: over a WebSocket, or as lines of JSON to whoever asks without one; and the state of webhooks.

`since` is the last number that the asker knows, `topics` patterns with commas between them. The first value says where the
feed is; a gap says what was lost.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any, Protocol

from aiohttp import web
from pydantic_core import to_json

from softswitch.api.answers import answer, query_as
from softswitch.api.guard import ACTOR
from softswitch.call.permissions import Actor

SENT_WITHIN_S = 30.0
"""Who does not take one value in so long is gone."""
HEARTBEAT_S = 20.0
MAX_SAID_BYTES = 4096
"""What a follower may say; nothing of it is heeded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSearch:
    since: int | None = None
    topics: str = ""
    token: str = field(default="", repr=False)
    """What the public server has looked at already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookView:
    webhook: str
    url: str
    waiting: int
    failing: bool
    taken: int
    retried: int
    lost: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedView:
    """Figures since the switch started."""

    oldest: int
    """Number of the oldest event kept."""
    latest: int
    followers: int
    manager_clients: int
    """Clients of the manager interface."""
    manager_dropped: int
    """Of them, those that were too slow."""
    webhooks: tuple[WebhookView, ...]


class FeedControl(Protocol):
    def follow(self, search: EventSearch, actor: Actor | None) -> AsyncGenerator[dict[str, Any] | None, None]:
        """What this one may see; nobody in particular is whoever has the secret. None is a sign of life. Raises
        `NotPossible`."""

    def figures(self) -> FeedView: ...

    def close(self) -> None:
        """Ends all streams."""


class FeedRoutes:
    def __init__(self, control: FeedControl) -> None:
        self._control = control

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/v1/events", self.events), web.get("/v1/feed", self.feed)]

    async def shut(self, application: web.Application) -> None:
        """When the server ends, so do those who follow."""
        self._control.close()

    async def feed(self, request: web.Request) -> web.Response:
        return answer(self._control.figures())

    async def events(self, request: web.Request) -> web.StreamResponse:
        stream = self._control.follow(query_as(request, EventSearch), request.get(ACTOR))
        async with aclosing(stream):
            first = await anext(stream)  # whoever reads our header misses nothing from then on
            if request.headers.get("Upgrade", "").lower() == "websocket":
                return await _to_websocket(request, first, stream)
            return await _to_lines(request, first, stream)


async def _to_lines(
    request: web.Request, first: dict[str, Any] | None, stream: AsyncGenerator[dict[str, Any] | None, None]
) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
    await response.prepare(request)
    try:
        await response.write(to_json(first) + b"\n")
        async for each in stream:
            async with asyncio.timeout(SENT_WITHIN_S):
                await response.write(b"\n" if each is None else to_json(each) + b"\n")
    except (ConnectionError, TimeoutError):
        pass
    return response


async def _to_websocket(
    request: web.Request, first: dict[str, Any] | None, stream: AsyncGenerator[dict[str, Any] | None, None]
) -> web.StreamResponse:
    socket = web.WebSocketResponse(heartbeat=HEARTBEAT_S, max_msg_size=MAX_SAID_BYTES)
    await socket.prepare(request)
    listening = asyncio.create_task(_listen(socket), name="event follower")
    try:
        await socket.send_str(to_json(first).decode())
        async for each in stream:
            if socket.closed:
                break
            if each is not None:
                async with asyncio.timeout(SENT_WITHIN_S):
                    await socket.send_str(to_json(each).decode())
    except (ConnectionError, TimeoutError):
        pass
    finally:
        listening.cancel()
        await socket.close()
    return socket


async def _listen(socket: web.WebSocketResponse) -> None:
    """Notices that the other side closes."""
    async for _ in socket:
        pass
