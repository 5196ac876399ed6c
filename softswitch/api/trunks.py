"""Routes about calls out: groups of trunks, dead servers, a number put to the test, and the guard against toll fraud."""

from dataclasses import dataclass

from aiohttp import web

from softswitch.api.answers import answer, query_as
from softswitch.api.trunk_control import TrunkControl


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteQuestion:
    number: str
    source: str = ""


class TrunkRoutes:
    def __init__(self, control: TrunkControl) -> None:
        self._control = control

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/v1/trunk-groups", self.groups),
            web.get("/v1/dead-targets", self.dead_targets),
            web.get("/v1/route-test", self.route_test),
            web.get("/v1/fraud", self.fraud),
        ]

    async def groups(self, request: web.Request) -> web.Response:
        return answer(self._control.groups())

    async def dead_targets(self, request: web.Request) -> web.Response:
        return answer(self._control.dead_targets())

    async def route_test(self, request: web.Request) -> web.Response:
        asked = query_as(request, RouteQuestion)
        return answer(self._control.route_test(asked.number, asked.source))

    async def fraud(self, request: web.Request) -> web.Response:
        return answer(self._control.fraud())
