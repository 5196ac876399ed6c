"""Routes of SIP messages: the ladder of a call, the live stream, and the switch's call to itself."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

from aiohttp import web
from pydantic_core import to_json

from softswitch.api.answers import answer, body_as, query_as
from softswitch.api.trace_views import CallTraceView, TracedView


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceSearch:
    """Empty means any."""

    call: str = ""
    number: str = ""
    peer: str = ""
    method: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SelftestWish:
    address: str
    """The loopback address that the test calls from and is called at."""
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SelftestView:
    number: str
    """What the test dials; it leads back to it."""
    user: str
    token: str
    """Good for one test, and only from its address."""
    realm: str
    targets: tuple[str, ...]
    """`udp:ADDRESS:PORT` of the switch."""


class TraceControl(Protocol):
    async def of_call(self, call: str) -> CallTraceView:
        """Live, just ended, or kept because it failed. Raises `UnknownThing` when there is nothing."""

    def follow(self, search: TraceSearch) -> AsyncGenerator[TracedView | int | None, None]:
        """A number says how many were left out; None is a sign of life. Raises `NotPossible`."""

    def close(self) -> None:
        """Ends all streams."""

    def arm_selftest(self, wish: SelftestWish) -> SelftestView: ...

    def disarm_selftest(self) -> None: ...


class TraceRoutes:
    def __init__(self, control: TraceControl) -> None:
        self._control = control

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/v1/calls/{call}/messages", self.messages),
            web.get("/v1/sip/trace", self.follow),
            web.post("/v1/selftest", self.arm),
            web.delete("/v1/selftest", self.disarm),
        ]

    async def shut(self, application: web.Application) -> None:
        """When the server ends, so do those who follow."""
        self._control.close()

    async def messages(self, request: web.Request) -> web.Response:
        return answer(await self._control.of_call(request.match_info["call"]))

    async def follow(self, request: web.Request) -> web.StreamResponse:
        """A line of JSON for each message: the message, `{"dropped": N}`, or an empty line now and then."""
        stream = self._control.follow(query_as(request, TraceSearch))
        async with aclosing(stream):
            await anext(stream)  # whoever reads our header misses nothing from then on
            response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
            await response.prepare(request)
            try:
                async for each in stream:
                    await response.write(_line(each))
            except ConnectionError:
                pass
        return response

    async def arm(self, request: web.Request) -> web.Response:
        return answer(self._control.arm_selftest(await body_as(request, SelftestWish)))

    async def disarm(self, request: web.Request) -> web.Response:
        self._control.disarm_selftest()
        return answer({"selftest": "over"})


def _line(each: TracedView | int | None) -> bytes:
    if each is None:
        return b"\n"
    return to_json({"dropped": each} if isinstance(each, int) else each) + b"\n"
