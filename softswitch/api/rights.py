"""Routes of the audit trail, and of who asks."""

from dataclasses import replace

from aiohttp import web

from softswitch.api.answers import answer, query_as
from softswitch.api.guard import ACTOR
from softswitch.api.rights_control import RightsControl, TrailSearch

MOST_ROWS = 10_000


class RightsRoutes:
    def __init__(self, control: RightsControl) -> None:
        self._control = control

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/v1/audit", self.audit), web.get("/v1/whoami", self.whoami)]

    async def audit(self, request: web.Request) -> web.Response:
        search = query_as(request, TrailSearch)
        return answer(await self._control.trail(replace(search, limit=max(1, min(search.limit, MOST_ROWS)))))

    async def whoami(self, request: web.Request) -> web.Response:
        return answer(self._control.who(request[ACTOR]))
