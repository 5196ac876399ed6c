"""Routes of `why` and `why-idle`: what became of a call and for what reasons, and why an agent gets none."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from aiohttp import web

from softswitch.api.answers import answer


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyLine:
    at: float
    """Wall."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyCallView:
    call: str
    live: bool
    lines: tuple[WhyLine, ...]
    """In order of time."""
    offers: tuple[Mapping[str, Any], ...] = ()
    """Each with all that was stored: candidates with scores, and why others were skipped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyIdleQueueView:
    queue: str
    waiting: int
    rung: int
    penalty: int
    reasons: tuple[str, ...] = ()
    ahead: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WhyIdleView:
    agent: str
    status: str
    reason: str
    state: str
    since: float
    until: float | None
    lines: tuple[str, ...]
    """The first is the reason."""
    changes: tuple[WhyLine, ...] = ()
    """What changed last, latest first."""
    queues: tuple[WhyIdleQueueView, ...] = ()


class WhyControl(Protocol):
    async def call(self, call: str) -> WhyCallView:
        """Raises `UnknownThing`."""

    async def idle(self, agent: str) -> WhyIdleView:
        """Raises `UnknownThing`."""


class WhyRoutes:
    def __init__(self, control: WhyControl) -> None:
        self._control = control

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/v1/why/calls/{call}", self.call),
            web.get("/v1/why/agents/{agent}", self.idle),
        ]

    async def call(self, request: web.Request) -> web.Response:
        return answer(await self._control.call(request.match_info["call"]))

    async def idle(self, request: web.Request) -> web.Response:
        return answer(await self._control.idle(request.match_info["agent"]))
