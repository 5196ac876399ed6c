"""Routes of what has been: CDRs and recordings; and of recording on demand."""

import asyncio
from dataclasses import replace
from pathlib import Path

from aiohttp import web

from softswitch.api.answers import answer, query_as
from softswitch.api.control import CdrSearch, RecordingSearch, SwitchControl
from softswitch.api.errors import BadRequest, NotPossible

MAX_ROWS = 10_000


class PastRoutes:
    def __init__(self, control: SwitchControl) -> None:
        self._control = control

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/v1/recordings", self.recordings),
            web.get("/v1/recordings/{recording}", self.recording),
            web.get("/v1/recordings/{recording}/sound", self.sound),
            web.post("/v1/calls/{call}/recording", self.start_recording),
            web.delete("/v1/calls/{call}/recording", self.stop_recording),
            web.post("/v1/calls/{call}/mask", self.mask),
            web.delete("/v1/calls/{call}/mask", self.unmask),
            web.get("/v1/cdrs", self.cdrs),
            web.get("/v1/cdrs/{call}", self.cdr),
        ]

    async def recordings(self, request: web.Request) -> web.Response:
        search = query_as(request, RecordingSearch)
        return answer(
            await self._control.recordings(replace(search, limit=_rows(search.limit, search.offset)))
        )

    async def recording(self, request: web.Request) -> web.Response:
        return answer(await self._control.recording(request.match_info["recording"]))

    async def sound(self, request: web.Request) -> web.StreamResponse:
        """The file as it lies on the switch's machine, whoever owns it there."""
        recording = request.match_info["recording"]
        view = await self._control.recording(recording)
        file = Path(view.file)
        if not view.file or not await asyncio.to_thread(file.is_file):
            raise NotPossible(f"the sound of {recording} is gone")
        return web.FileResponse(file)

    async def start_recording(self, request: web.Request) -> web.Response:
        return answer(await self._control.recording_start(request.match_info["call"]))

    async def stop_recording(self, request: web.Request) -> web.Response:
        return answer(await self._control.recording_stop(request.match_info["call"]))

    async def mask(self, request: web.Request) -> web.Response:
        return await self._mask(request, on=True)

    async def unmask(self, request: web.Request) -> web.Response:
        return await self._mask(request, on=False)

    async def _mask(self, request: web.Request, *, on: bool) -> web.Response:
        call = request.match_info["call"]
        await self._control.recording_mask(call, on=on)
        return answer({"call": call, "masked": on})

    async def cdrs(self, request: web.Request) -> web.Response:
        search = query_as(request, CdrSearch)
        return answer(await self._control.cdrs(replace(search, limit=_rows(search.limit, search.offset))))

    async def cdr(self, request: web.Request) -> web.Response:
        return answer(await self._control.cdr(request.match_info["call"]))


def _rows(limit: int, offset: int) -> int:
    if limit < 1 or offset < 0:
        raise BadRequest("limit must be at least 1 and offset at least 0")
    return min(limit, MAX_ROWS)
