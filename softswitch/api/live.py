"""Routes of what is going on now: status, calls, lines, queues, agents, trunks, registrations; and of running it."""

from dataclasses import dataclass

from aiohttp import web

from softswitch.api.answers import answer, body_as
from softswitch.api.control import SwitchControl


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrapup:
    extend_s: float = 0.0
    """0 ends it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AtEndpoint:
    endpoint: str = ""
    """Empty: the phone of the configuration."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    now: bool = False


class LiveRoutes:
    def __init__(self, control: SwitchControl) -> None:
        self._control = control

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/v1/status", self.status),
            web.get("/v1/calls", self.calls),
            web.get("/v1/calls/{call}", self.call),
            web.delete("/v1/calls/{call}", self.hangup),
            web.get("/v1/lines", self.lines),
            web.get("/v1/queues", self.queues),
            web.get("/v1/queues/{queue}", self.queue),
            web.get("/v1/agents", self.agents),
            web.post("/v1/agents/{agent}/{action:login|logout|pause|resume|wrapup|endpoint}", self.agent),
            web.get("/v1/trunks", self.trunks),
            web.get("/v1/registrations", self.registrations),
            web.post("/v1/reload", self.reload),
            web.post("/v1/stop", self.stop),
        ]

    async def status(self, request: web.Request) -> web.Response:
        return answer(self._control.status())

    async def calls(self, request: web.Request) -> web.Response:
        return answer(self._control.calls())

    async def call(self, request: web.Request) -> web.Response:
        return answer(await self._control.call(request.match_info["call"]))

    async def hangup(self, request: web.Request) -> web.Response:
        call = request.match_info["call"]
        await self._control.hangup(call)
        return answer({"call": call})

    async def lines(self, request: web.Request) -> web.Response:
        return answer(self._control.lines())

    async def queues(self, request: web.Request) -> web.Response:
        return answer(self._control.queues())

    async def queue(self, request: web.Request) -> web.Response:
        return answer(self._control.queue(request.match_info["queue"]))

    async def agents(self, request: web.Request) -> web.Response:
        return answer(self._control.agents())

    async def agent(self, request: web.Request) -> web.Response:
        agent, control = request.match_info["agent"], self._control
        match request.match_info["action"]:
            case "login":
                view = await control.agent_login(agent, (await body_as(request, AtEndpoint)).endpoint)
            case "logout":
                view = await control.agent_logout(agent)
            case "pause":
                view = await control.agent_pause(agent, (await body_as(request, Pause)).reason)
            case "resume":
                view = await control.agent_resume(agent)
            case "wrapup":
                view = await control.agent_wrapup(agent, (await body_as(request, Wrapup)).extend_s)
            case _:
                view = await control.agent_endpoint(agent, (await body_as(request, AtEndpoint)).endpoint)
        return answer(view)

    async def trunks(self, request: web.Request) -> web.Response:
        return answer(self._control.trunks())

    async def registrations(self, request: web.Request) -> web.Response:
        return answer(self._control.registrations())

    async def reload(self, request: web.Request) -> web.Response:
        view = await self._control.reload()
        return answer(view, 422 if view.problems else 200)

    async def stop(self, request: web.Request) -> web.Response:
        return answer(await self._control.stop((await body_as(request, Stop)).now), 202)
