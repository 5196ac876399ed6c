"""The route of instant messages to phones."""

from aiohttp import web

from softswitch.api.answers import answer, body_as
from softswitch.api.text_control import TextControl, TextWish


class TextRoutes:
    def __init__(self, control: TextControl) -> None:
        self._control = control

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/v1/texts", self.send)]

    async def send(self, request: web.Request) -> web.Response:
        return answer(await self._control.send(await body_as(request, TextWish)))
