"""The routes of flows and their versions."""

from aiohttp import web

from softswitch.api.answers import answer, body_as
from softswitch.api.flow_control import FlowControl, VersionWish


class FlowRoutes:
    def __init__(self, control: FlowControl) -> None:
        self._control = control

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/v1/flows", self.flows),
            web.post("/v1/flows/{flow}/version", self.use),
        ]

    async def flows(self, request: web.Request) -> web.Response:
        del request
        return answer(self._control.flows())

    async def use(self, request: web.Request) -> web.Response:
        wish = await body_as(request, VersionWish)
        return answer(await self._control.use(request.match_info["flow"], wish))
