"""What may be read over TCP, by who shows the secret or a token: the feed of events, metrics, health. Nothing can be done
here.

Off unless `events.listen` says where. The secret comes as a bearer token (RFC 6750), or in the query where a browser's
WebSocket can send no header; pages of other sites cannot use it, because they do not know it.
"""

from collections.abc import Callable

import structlog
from aiohttp import web

from softswitch.api.answers import answer, error_answer
from softswitch.api.errors import NotProven
from softswitch.api.feed import FeedControl, FeedRoutes
from softswitch.api.guard import ACTOR
from softswitch.api.metrics import CONTENT_TYPE, Metrics
from softswitch.api.server import Handler, errors_answered
from softswitch.call.permissions import Actor
from softswitch.errors import UnusableError

_log = structlog.get_logger(__name__)


class PublicServer:
    """`admit` is asked at each request, with what is shown, the address and the path; it says who that is, or raises."""

    def __init__(
        self,
        feed: FeedControl,
        metrics: Metrics,
        *,
        ready: Callable[[], bool],
        admit: Callable[[str, str, str], Actor | None],
    ) -> None:
        self._metrics = metrics
        self._ready = ready
        self._admit = admit
        application = web.Application(middlewares=[errors_answered, self._proven], client_max_size=4096)
        application.add_routes(
            [
                web.get("/health", self._health),
                web.get("/ready", self._is_ready),
                web.get("/metrics", self._text),
            ]
        )
        routes = FeedRoutes(feed)
        application.add_routes([web.get("/v1/events", routes.events)])
        application.on_shutdown.append(routes.shut)
        self._runner = web.AppRunner(application, handle_signals=False, access_log=None)

    async def start(self, host: str, port: int) -> None:
        """Raises `UnusableError`."""
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host, port).start()
        except OSError as error:
            raise UnusableError(
                f"events.listen {host}:{port} cannot be used: {error.strerror or error}; choose another port"
            ) from error
        _log.info("events and metrics", listen=f"{host}:{port}")

    @property
    def port(self) -> int:
        """Where it listens; 0: nowhere."""
        return int(self._runner.addresses[0][1]) if self._runner.addresses else 0

    async def stop(self) -> None:
        await self._runner.cleanup()

    @web.middleware
    async def _proven(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        shown = request.headers.get("Authorization", "").removeprefix("Bearer ") or request.query.get(
            "token", ""
        )
        try:
            actor = self._admit(shown, str(request.remote or ""), request.path)
        except NotProven as error:
            refused = error_answer(401, str(error), error.hint)
            refused.headers["WWW-Authenticate"] = 'Bearer realm="softswitch"'
            return refused
        if actor is not None:
            request[ACTOR] = actor
        return await handler(request)

    async def _health(self, request: web.Request) -> web.Response:
        return answer({"status": "ok"})

    async def _is_ready(self, request: web.Request) -> web.Response:
        ready = self._ready()
        return answer({"ready": ready}, 200 if ready else 503)

    async def _text(self, request: web.Request) -> web.Response:
        return web.Response(body=self._metrics.text(), headers={"Content-Type": CONTENT_TYPE})
