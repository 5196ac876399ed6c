"""Routes of messages with their mails, and of surveys."""

from dataclasses import dataclass
from typing import Literal

from aiohttp import web

from softswitch.api.answers import answer, query_as
from softswitch.api.voice_control import SurveySearch, VoiceControl

MOST = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class VoicemailSearch:
    box: str = ""
    which: Literal["all", "new", "old"] = "all"
    limit: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyReport:
    since: float | None = None
    until: float | None = None
    survey: str = ""
    queue: str = ""
    agent: str = ""
    by: Literal["agent", "queue", "survey"] = "queue"


class VoiceRoutes:
    def __init__(self, control: VoiceControl) -> None:
        self._control = control

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/v1/voicemail", self.voicemail),
            web.get("/v1/voicemail/{message}", self.one),
            web.get("/v1/surveys/answers", self.answers),
            web.get("/v1/surveys/figures", self.figures),
        ]

    async def voicemail(self, request: web.Request) -> web.Response:
        search = query_as(request, VoicemailSearch)
        new = None if search.which == "all" else search.which == "new"
        limit = max(1, min(search.limit, MOST))
        return answer(await self._control.voicemail(search.box, new, limit))

    async def one(self, request: web.Request) -> web.Response:
        return answer(await self._control.one(request.match_info["message"]))

    async def answers(self, request: web.Request) -> web.Response:
        return answer(await self._control.survey_answers(query_as(request, SurveySearch)))

    async def figures(self, request: web.Request) -> web.Response:
        asked = query_as(request, SurveyReport)
        search = SurveySearch(
            since=asked.since, until=asked.until, survey=asked.survey, queue=asked.queue, agent=asked.agent
        )
        return answer(await self._control.survey_figures(search, asked.by))
