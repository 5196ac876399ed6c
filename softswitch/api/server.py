"""The control API's HTTP server on a Unix socket that only its owner, and a group that is named, may open.

Owns the socket file and how errors are answered; what is asked of the switch is in the route files, and who may ask it in
`guard.py`. No TCP port is opened here.
"""

import grp
import os
import socket
import stat
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

import structlog
from aiohttp import web

from softswitch.api.answers import MAX_BODY_BYTES, answer, error_answer
from softswitch.api.callbacks import CallbackRoutes
from softswitch.api.control import SwitchControl
from softswitch.api.errors import ApiError, http_status
from softswitch.api.events import EventsRoutes
from softswitch.api.feed import FeedRoutes
from softswitch.api.flows import FlowRoutes
from softswitch.api.guard import Guard
from softswitch.api.live import LiveRoutes
from softswitch.api.metrics import CONTENT_TYPE, Metrics
from softswitch.api.past import PastRoutes
from softswitch.api.reports import ReportRoutes
from softswitch.api.rights import RightsRoutes
from softswitch.api.security import SecurityRoutes
from softswitch.api.steering import SteeringRoutes
from softswitch.api.texts import TextRoutes
from softswitch.api.trace import TraceRoutes
from softswitch.api.trunks import TrunkRoutes
from softswitch.api.voice import VoiceRoutes
from softswitch.api.why import WhyRoutes
from softswitch.bus import Bus
from softswitch.errors import SoftswitchError, UnusableError

_log = structlog.get_logger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ApiServer:
    def __init__(
        self,
        control: SwitchControl,
        bus: Bus,
        path: Path,
        service_levels: Iterable[float] = (),
        group: str = "",
    ) -> None:
        """`service_levels`: those of the queues, which become buckets of the waiting time in the metrics. `group`: whose
        members may open the socket too."""
        self._path = path
        self._group = group
        self._bus = bus
        self.metrics = Metrics(control, service_levels)
        self._runner = web.AppRunner(
            _application(control, self.metrics), handle_signals=False, access_log=None
        )
        self._inode: int | None = None
        self._detach: Callable[[], None] | None = None

    async def start(self) -> None:
        """Raises `UnusableError` when the socket cannot be made or another switch answers on it."""
        listening = _listen(self._path, self._group)
        self._inode = self._path.stat().st_ino
        self._detach = self.metrics.attach(self._bus)
        await self._runner.setup()
        await web.SockSite(self._runner, listening).start()

    async def stop(self) -> None:
        """Ends open requests and removes the socket, unless another switch has put its own there."""
        if self._detach is not None:
            self._detach()
        await self._runner.cleanup()
        try:
            if self._path.stat().st_ino == self._inode:
                self._path.unlink()
        except FileNotFoundError:
            pass


def _application(control: SwitchControl, metrics: Metrics) -> web.Application:
    guard = Guard(control.rights)
    application = web.Application(
        middlewares=[errors_answered, guard.middleware], client_max_size=MAX_BODY_BYTES
    )

    async def health(request: web.Request) -> web.Response:
        return answer({"status": "ok"})

    async def ready(request: web.Request) -> web.Response:
        is_ready = control.ready()
        return answer({"ready": is_ready}, 200 if is_ready else 503)

    async def metrics_text(request: web.Request) -> web.Response:
        return web.Response(body=metrics.text(), headers={"Content-Type": CONTENT_TYPE})

    application.add_routes(
        [web.get("/health", health), web.get("/ready", ready), web.get("/metrics", metrics_text)]
    )
    application.add_routes(SteeringRoutes(control.steering).routes())
    application.add_routes(TrunkRoutes(control.trunking).routes())
    application.add_routes(SecurityRoutes(control.security).routes())
    application.add_routes(EventsRoutes(control.events).routes())
    application.add_routes(WhyRoutes(control.why).routes())
    application.add_routes(CallbackRoutes(control.callbacks).routes())
    application.add_routes(FlowRoutes(control.flows).routes())
    application.add_routes(TextRoutes(control.texts).routes())
    application.add_routes(VoiceRoutes(control.voice).routes())
    application.add_routes(RightsRoutes(control.rights).routes())
    application.add_routes(LiveRoutes(control).routes())
    application.add_routes(PastRoutes(control).routes())
    application.add_routes(ReportRoutes(control.reports).routes())
    tracing = TraceRoutes(control.trace)
    application.add_routes(tracing.routes())
    application.on_shutdown.append(tracing.shut)
    feed = FeedRoutes(control.feed)
    application.add_routes(feed.routes())
    application.on_shutdown.append(feed.shut)
    return application


@web.middleware
async def errors_answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Everything that a handler raises, as JSON with a status."""
    try:
        return await handler(request)
    except SoftswitchError as error:
        hint = error.hint if isinstance(error, ApiError) else ""
        return error_answer(http_status(error), str(error), hint)
    except web.HTTPRequestEntityTooLarge:
        return error_answer(413, f"the body is longer than {MAX_BODY_BYTES} bytes")
    except web.HTTPException as error:
        return error_answer(error.status, f"{request.method} {request.path}: {error.reason}")
    except Exception:
        _log.exception("a request of the control API failed", method=request.method, path=request.path)
        return error_answer(500, "internal error", "the log of the switch says more")


def _listen(path: Path, group: str) -> socket.socket:
    """A listening Unix socket of mode 0600, or 0660 for a group, in the place of a dead one."""
    listening = socket.socket(socket.AF_UNIX)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _remove_dead(path)
        # Synchronous between the two calls, so no other file of this process is made under this mask.
        mask = os.umask(0o177)
        try:
            listening.bind(os.fsencode(path))
        finally:
            os.umask(mask)
        if group:
            _open_to(path, group)
        listening.listen(64)
        listening.setblocking(False)
    except OSError as error:
        listening.close()
        raise UnusableError(
            f"the control socket {path} cannot be made: {error.strerror or error}; set general.control_socket"
        ) from error
    except UnusableError:
        listening.close()
        raise
    return listening


def _open_to(path: Path, group: str) -> None:
    try:
        number = grp.getgrnam(group).gr_gid
    except KeyError:
        raise UnusableError(f"general.control_group: this machine has no group {group!r}") from None
    os.chown(path, -1, number)
    path.chmod(0o660)


def _remove_dead(path: Path) -> None:
    if not path.exists():
        return
    if not stat.S_ISSOCK(path.stat().st_mode):
        raise UnusableError(f"{path} exists and is no socket; set general.control_socket to another path")
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(os.fsencode(path))
        except OSError:
            path.unlink(missing_ok=True)
            return
    raise UnusableError(f"a switch is already running at {path}; `softswitch stop` ends it")
