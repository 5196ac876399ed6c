"""SIP over WebSocket, the server side (RFC 7118): one message a frame, the connection is the only way to the phone.

Refused: whoever does not speak the subprotocol `sip`, and pages of origins that the administrator did not name. Pings
find the dead; a phone that does not read, or whose first message does not come in time, is disconnected.
"""

import asyncio
from collections import deque
from urllib.parse import urlsplit

from aiohttp import WSMsgType, web
from aiohttp.web_protocol import RequestHandler

from softswitch.sip.connection_table import ConnectionTable, Seat
from softswitch.sip.source import Source
from softswitch.sip.stream_connection import MAX_RESTS, MESSAGES_AT_ONCE, REST_S, looks_like_sip
from softswitch.sip.stream_limits import StreamLimits
from softswitch.sip.web_connections import WebConnections
from softswitch.sip.wire import WireEvents

SUBPROTOCOL = "sip"
_HEADER_BYTES = 8190


class WebSocketConnection:
    """One phone behind a WebSocket; `serve` lasts as long as it does."""

    def __init__(
        self,
        socket: web.WebSocketResponse,
        transport: asyncio.Transport,
        source: Source,
        events: WireEvents,
        limits: StreamLimits,
    ) -> None:
        self.source = source
        self.local: tuple[str, int] = transport.get_extra_info("sockname")[:2]
        self._socket = socket
        self._transport = transport
        self._events = events
        self._limits = limits
        self._unsent: deque[bytes] = deque()
        self._unsent_bytes = 0
        self._something = asyncio.Event()

    def write(self, data: bytes) -> None:
        self._unsent.append(data)
        self._unsent_bytes += len(data)
        self._something.set()
        if self._unsent_bytes > self._limits.unsent_bytes:
            self.abort()

    def abort(self) -> None:
        self._transport.abort()

    async def serve(self) -> str:
        """Why it was closed by us; empty when the phone went."""
        loop = asyncio.get_running_loop()
        sender = loop.create_task(self._send())
        first = loop.call_later(self._limits.message_deadline_s, self.abort)
        valid = False
        heard, rests = 0, 0
        try:
            async for frame in self._socket:
                if frame.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                    continue
                data: bytes = (
                    frame.data.encode("utf-8", "surrogateescape")
                    if isinstance(frame.data, str)
                    else frame.data
                )
                if not valid and looks_like_sip(data):
                    valid = True
                    first.cancel()
                if self._events.received(data, self.source) is False:
                    rests += 1
                    if rests > MAX_RESTS:
                        self.abort()
                        return "connections closed: more is sent than is heard"
                    await asyncio.sleep(REST_S)
                    continue
                heard, rests = heard + 1, 0
                if heard % MESSAGES_AT_ONCE == 0:
                    await asyncio.sleep(0)
        finally:
            first.cancel()
            sender.cancel()
            error = self._socket.exception()
            if error is not None:
                # The socket keeps what it was broken off with, which keeps the frames that it came through, and these it.
                error.__traceback__ = error.__context__ = None
        if self._unsent_bytes > self._limits.unsent_bytes or sender.done():
            return "connections closed: the peer does not read"
        return "" if valid else "connections closed: a message was not finished in time"

    async def _send(self) -> None:
        """In order; text where it is text, as browsers expect it."""
        try:
            while True:
                while self._unsent:
                    data = self._unsent[0]
                    async with asyncio.timeout(self._limits.read_deadline_s):
                        await self._send_one(data)
                    self._unsent.popleft()
                    self._unsent_bytes -= len(data)
                self._something.clear()
                await self._something.wait()
        except (TimeoutError, ConnectionError, RuntimeError):
            self.abort()

    async def _send_one(self, data: bytes) -> None:
        try:
            await self._socket.send_str(data.decode())
        except UnicodeDecodeError:
            await self._socket.send_bytes(data)


class WebSocketGate(web.Server):
    """The HTTP side of one listener: what is no WebSocket for SIP is refused and closed."""

    def __init__(
        self,
        transport: str,
        owner: WebConnections,
        table: ConnectionTable,
        limits: StreamLimits,
        events: WireEvents,
    ) -> None:
        super().__init__(
            self._serve,
            access_log=None,
            lingering_time=0.0,
            max_line_size=_HEADER_BYTES,
            max_field_size=_HEADER_BYTES,
        )
        self._kind = transport
        self._owner = owner
        self._table = table
        self._limits = limits
        self._events = events
        self._seats: dict[RequestHandler, Seat] = {}
        self._deadlines: dict[RequestHandler, asyncio.TimerHandle] = {}
        """Of those who have opened none yet."""

    def protocol(self, seat: Seat) -> RequestHandler:
        """For a connection that was accepted."""
        handler: RequestHandler = self()
        self._seats[handler] = seat
        loop = asyncio.get_running_loop()
        self._deadlines[handler] = loop.call_later(self._limits.handshake_s, self._too_late, handler)
        return handler

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        super().connection_lost(handler, exc)
        self._in_time(handler)
        # By this the two hold each other, a dozen kilobytes that only the collector would find.
        handler._data_received_cb = None
        seat = self._seats.pop(handler, None)
        if seat is not None:
            self._table.leave(seat)

    def _in_time(self, handler: RequestHandler) -> None:
        deadline = self._deadlines.pop(handler, None)
        if deadline is not None:
            deadline.cancel()

    def _too_late(self, handler: RequestHandler) -> None:
        del self._deadlines[handler]
        seat = self._seats.pop(handler, None)
        if seat is not None:
            self._owner.count("connections closed: no WebSocket was opened in time")
            seat.abort()
            self._table.leave(seat)

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        refused = self._refusal(request)
        transport = request.transport
        if refused is not None or transport is None:
            response = refused or web.Response(status=400)
            response.force_close()
            return response
        socket = web.WebSocketResponse(
            protocols=(SUBPROTOCOL,),
            heartbeat=self._limits.ping_s,
            max_msg_size=self._limits.message_bytes + 1,
            compress=False,
        )
        await socket.prepare(request)
        self._in_time(request.protocol)
        peer = transport.get_extra_info("peername")
        source = Source(self._kind, peer[0], peer[1])
        connection = WebSocketConnection(socket, transport, source, self._events, self._limits)
        self._owner.web_joined(connection)
        try:
            problem = await connection.serve()
        finally:
            self._owner.web_left(connection)
        if problem:
            self._owner.count(problem)
        return socket

    def _refusal(self, request: web.BaseRequest) -> web.Response | None:
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return web.Response(
                status=426, text="SIP over WebSocket only\n", headers={"Upgrade": "websocket"}
            )
        offered = [one.strip() for one in request.headers.get("Sec-WebSocket-Protocol", "").split(",")]
        if SUBPROTOCOL not in offered:
            self._owner.count("connections refused: a WebSocket without the subprotocol sip")
            return web.Response(status=400, text="Sec-WebSocket-Protocol must be sip\n")
        if not origin_allowed(
            request.headers.getall("Origin", []), request.headers.get("Host", ""), self._owner.origins
        ):
            self._owner.count("connections refused: a WebSocket of a foreign origin")
            return web.Response(status=403, text="this origin is not allowed\n")
        return None


def origin_allowed(origins: list[str], host: str, allowed: tuple[str, ...]) -> bool:
    """Programs send no Origin. A page may always come from the host that it calls."""
    if not origins or "*" in allowed:
        return True
    origin = origins[0].rstrip("/").lower()
    return len(origins) == 1 and (
        origin in {one.rstrip("/").lower() for one in allowed}
        or (not allowed and bool(host) and urlsplit(origin).netloc == host.lower())
    )
