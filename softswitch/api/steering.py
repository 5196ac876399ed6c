"""Routes of steering calls: transfer and consult, supervisors and their audit, conferences."""

from dataclasses import dataclass

from aiohttp import web

from softswitch.api.answers import answer, body_as, query_as
from softswitch.api.guard import ACTOR
from softswitch.api.steering_control import AuditSearch, SteeringControl, SuperviseWish
from softswitch.api.steering_views import SteeredView


@dataclass(frozen=True, slots=True, kw_only=True)
class To:
    target: str
    by: str = ""
    """Who leaves or consults: `caller`, `callee`; empty: whoever serves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class By:
    by: str = ""
    """Who parks the other: `caller`, `callee`; empty: whoever serves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class At:
    extension: str
    """The phone that is to have the call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    extension: str = ""
    """Empty: where whoever asks sits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    queue: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Priority:
    priority: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    mode: str


class SteeringRoutes:
    def __init__(self, control: SteeringControl) -> None:
        self._control = control

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/v1/calls/{call}/{order:transfer|consult}", self.send_on),
            web.post("/v1/calls/{call}/park", self.park),
            web.post("/v1/calls/{call}/pickup", self.pickup),
            web.post("/v1/calls/{call}/pull", self.pull),
            web.post("/v1/calls/{call}/move", self.move),
            web.post("/v1/calls/{call}/priority", self.priority),
            web.post("/v1/calls/{call}/{order:complete|back|three-way}", self.consulting),
            web.get("/v1/supervisions", self.supervisions),
            web.post("/v1/supervisions", self.supervise),
            web.get("/v1/supervisions/audit", self.audit),
            web.post("/v1/supervisions/{supervision}/mode", self.mode),
            web.delete("/v1/supervisions/{supervision}", self.end),
            web.get("/v1/conferences", self.conferences),
            web.get("/v1/conferences/{conference}", self.conference),
            web.post("/v1/conferences/{conference}/{order:lock|unlock}", self.lock),
            web.post("/v1/conferences/{conference}/members/{call}/{order:mute|unmute}", self.mute),
            web.delete("/v1/conferences/{conference}/members/{call}", self.kick),
        ]

    async def send_on(self, request: web.Request) -> web.Response:
        call, order = request.match_info["call"], request.match_info["order"]
        to = await body_as(request, To)
        order_of = self._control.transfer if order == "transfer" else self._control.consult
        await order_of(call, to.target, to.by)
        return answer(SteeredView(call=call, order=order, details={"target": to.target}), 202)

    async def park(self, request: web.Request) -> web.Response:
        call = request.match_info["call"]
        place = await self._control.park(call, (await body_as(request, By)).by)
        return answer(SteeredView(call=call, order="park", details={"place": str(place)}), 202)

    async def pickup(self, request: web.Request) -> web.Response:
        call, at = request.match_info["call"], await body_as(request, At)
        await self._control.pickup(call, at.extension)
        return answer(SteeredView(call=call, order="pickup", details={"extension": at.extension}), 202)

    async def pull(self, request: web.Request) -> web.Response:
        call, wish = request.match_info["call"], await body_as(request, Pull)
        phone = await self._control.pull(call, wish.extension, request[ACTOR].person)
        return answer(SteeredView(call=call, order="pull", details={"extension": phone}), 202)

    async def move(self, request: web.Request) -> web.Response:
        call, to = request.match_info["call"], await body_as(request, Move)
        await self._control.move(call, to.queue)
        return answer(SteeredView(call=call, order="move", details={"queue": to.queue}), 202)

    async def priority(self, request: web.Request) -> web.Response:
        call, wish = request.match_info["call"], await body_as(request, Priority)
        await self._control.priority(call, wish.priority)
        return answer(SteeredView(call=call, order="priority", details={"priority": str(wish.priority)}), 202)

    async def consulting(self, request: web.Request) -> web.Response:
        call, order = request.match_info["call"], request.match_info["order"]
        orders = {
            "complete": self._control.complete,
            "back": self._control.back,
            "three-way": self._control.three_way,
        }
        await orders[order](call)
        return answer(SteeredView(call=call, order=order), 202)

    async def supervisions(self, request: web.Request) -> web.Response:
        return answer(self._control.supervisions())

    async def supervise(self, request: web.Request) -> web.Response:
        return answer(await self._control.supervise(await body_as(request, SuperviseWish)), 201)

    async def audit(self, request: web.Request) -> web.Response:
        return answer(await self._control.audit(query_as(request, AuditSearch)))

    async def mode(self, request: web.Request) -> web.Response:
        mode = (await body_as(request, Mode)).mode
        return answer(await self._control.supervision_mode(request.match_info["supervision"], mode))

    async def end(self, request: web.Request) -> web.Response:
        supervision = request.match_info["supervision"]
        await self._control.supervision_end(supervision)
        return answer({"supervision": supervision})

    async def conferences(self, request: web.Request) -> web.Response:
        return answer(self._control.conferences())

    async def conference(self, request: web.Request) -> web.Response:
        return answer(self._control.conference(request.match_info["conference"]))

    async def lock(self, request: web.Request) -> web.Response:
        locked = request.match_info["order"] == "lock"
        return answer(await self._control.conference_lock(request.match_info["conference"], locked))

    async def mute(self, request: web.Request) -> web.Response:
        given = request.match_info
        muted = given["order"] == "mute"
        return answer(await self._control.conference_mute(given["conference"], given["call"], muted))

    async def kick(self, request: web.Request) -> web.Response:
        given = request.match_info
        return answer(await self._control.conference_kick(given["conference"], given["call"]))
