"""Routes of bans: who is not listened to, and why."""

from aiohttp import web

from softswitch.api.answers import answer, body_as
from softswitch.api.security_control import BanWish, SecurityControl


class SecurityRoutes:
    def __init__(self, control: SecurityControl) -> None:
        self._control = control

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/v1/security", self.show),
            web.post("/v1/security/bans", self.ban),
            web.delete("/v1/security/bans/{address}", self.unban),
        ]

    async def show(self, request: web.Request) -> web.Response:
        return answer(self._control.show())

    async def ban(self, request: web.Request) -> web.Response:
        return answer(self._control.ban(await body_as(request, BanWish)), 201)

    async def unban(self, request: web.Request) -> web.Response:
        return answer(self._control.unban(request.match_info["address"]))
