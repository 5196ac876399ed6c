"""Routes of reports."""

from aiohttp import web

from softswitch.api.answers import answer, query_as
from softswitch.api.errors import BadRequest
from softswitch.api.report_control import ReportControl, ReportSearch

MAX_INTERVALS = 10_000


class ReportRoutes:
    def __init__(self, control: ReportControl) -> None:
        self._control = control

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/v1/reports", self.definitions),
            web.get("/v1/reports/check", self.check),
            web.post("/v1/reports/recompute", self.recompute),
            web.get("/v1/reports/{kind}", self.report),
        ]

    async def definitions(self, request: web.Request) -> web.Response:
        return answer(self._control.definitions())

    async def report(self, request: web.Request) -> web.Response:
        return answer(await self._control.report(request.match_info["kind"], _search(request)))

    async def check(self, request: web.Request) -> web.Response:
        return answer(await self._control.check(_search(request)))

    async def recompute(self, request: web.Request) -> web.Response:
        await self._control.recompute()
        return answer({"recomputed": True})


def _search(request: web.Request) -> ReportSearch:
    search = query_as(request, ReportSearch)
    length = search.until - search.since
    if not 0 < length < float("inf"):
        raise BadRequest("until must lie after since")
    if not 0 <= search.interval_s < float("inf"):
        raise BadRequest("interval_s must not be below zero")
    if search.interval_s and length / search.interval_s > MAX_INTERVALS:
        raise BadRequest(f"that is more than {MAX_INTERVALS} intervals", hint="choose a longer interval")
    if not 0 < search.days <= 366:
        raise BadRequest("days must be above 0 and at most 366")
    if not 0 < search.service_level < 1:
        raise BadRequest("service_level must lie between 0 and 1")
    return search
