"""Routes of callbacks."""

from aiohttp import web

from softswitch.api.answers import answer, query_as
from softswitch.api.callback_control import CallbackControl, CallbackSearch


class CallbackRoutes:
    def __init__(self, control: CallbackControl) -> None:
        self._control = control

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/v1/callbacks", self.callbacks),
            web.delete("/v1/callbacks/{callback}", self.cancel),
        ]

    async def callbacks(self, request: web.Request) -> web.Response:
        return answer(await self._control.callbacks(query_as(request, CallbackSearch).since))

    async def cancel(self, request: web.Request) -> web.Response:
        return answer(await self._control.cancel(request.match_info["callback"]))
