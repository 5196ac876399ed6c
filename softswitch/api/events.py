"""Routes of subscriptions and of messages in boxes."""

from dataclasses import dataclass
from typing import Literal

from aiohttp import web

from softswitch.api.answers import answer, query_as
from softswitch.api.events_control import EventsControl

MOST_MESSAGES = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageSearch:
    box: str = ""
    which: Literal["all", "new", "old"] = "all"
    limit: int = 100


class EventsRoutes:
    def __init__(self, control: EventsControl) -> None:
        self._control = control

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/v1/subscriptions", self.subscriptions),
            web.get("/v1/subscriptions/figures", self.figures),
            web.get("/v1/boxes", self.boxes),
            web.get("/v1/messages", self.messages),
            web.post("/v1/messages/{message}/{mark:heard|new}", self.mark),
            web.delete("/v1/messages/{message}", self.delete),
        ]

    async def subscriptions(self, request: web.Request) -> web.Response:
        return answer(self._control.subscriptions())

    async def figures(self, request: web.Request) -> web.Response:
        return answer(self._control.figures())

    async def boxes(self, request: web.Request) -> web.Response:
        return answer(self._control.boxes())

    async def messages(self, request: web.Request) -> web.Response:
        search = query_as(request, MessageSearch)
        new = None if search.which == "all" else search.which == "new"
        limit = max(1, min(search.limit, MOST_MESSAGES))
        return answer(await self._control.messages(search.box, new, limit))

    async def mark(self, request: web.Request) -> web.Response:
        given = request.match_info
        return answer(await self._control.mark(given["message"], given["mark"] == "heard"))

    async def delete(self, request: web.Request) -> web.Response:
        message = request.match_info["message"]
        await self._control.delete(message)
        return answer({"message": message})
