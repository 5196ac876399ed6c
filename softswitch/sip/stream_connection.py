"""One connection of TCP or TLS, accepted or opened: framing, deadlines, back-pressure (RFC 3261 section 18, RFC 5626).

A peer can waste its own connection only: it has a framer, a deadline for what it began, and limits on what it leaves
unread. Until the first SIP message came whole, the deadline of an accepted connection runs on, whatever else is sent. Few
messages are cut at once; where one is not heard, since there were too many, the connection is not read for a while, and
closed when that goes on.
"""

import asyncio
from collections.abc import Callable
from typing import Protocol, cast

from softswitch.sip.errors import FramingError
from softswitch.sip.framing import StreamFramer
from softswitch.sip.source import Source
from softswitch.sip.stream_limits import StreamLimits
from softswitch.sip.wire import WireEvents

KEEPALIVE = b"\r\n\r\n"
_UNREAD_AT_EASE = 64 << 10
MESSAGES_AT_ONCE = 32
"""Of one connection, before others and the calls have their turn."""
REST_S = 0.5
"""How long a connection is not read of which a message was not heard."""
MAX_RESTS = 20
"""In a row, until it is closed."""


class ConnectionOwner(Protocol):
    """Told of a connection that stands and of its end; once each."""

    def joined(self, connection: "StreamConnection") -> bool:
        """False: it is not wanted and is aborted; no end is told then."""

    def left(self, connection: "StreamConnection") -> None: ...

    def count(self, what: str) -> None: ...


class StreamConnection(asyncio.Protocol):
    """`destination` is where it was opened to; None for one that a peer opened. `on_end` is told of its end in any case."""

    def __init__(
        self,
        owner: ConnectionOwner,
        events: WireEvents,
        limits: StreamLimits,
        transport: str,
        destination: Source | None = None,
        on_end: Callable[[], None] | None = None,
    ) -> None:
        self._on_end = on_end
        self._owner = owner
        self._events = events
        self._limits = limits
        self._framer = StreamFramer(limits.message_bytes)
        self._valid = destination is not None
        self._deadline: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None
        self._keepalive: asyncio.TimerHandle | None = None
        self._rest: asyncio.TimerHandle | None = None
        self._rests = 0
        self._handed = False
        """Something was complete when it was last looked at."""
        self._joined = False
        self.wire: asyncio.Transport | None = None
        self.opened = destination is not None
        self.source = destination or Source(transport, "", 0)
        self.local: tuple[str, int] = ("", 0)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.Transport, transport)  # uvloop's is one without saying so
        self.wire = transport
        peer, local = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        if peer is None or local is None:
            transport.abort()
            return
        if not self.opened:
            self.source = Source(self.source.transport, peer[0], peer[1])
        self.local = (local[0], local[1])
        if not self._owner.joined(self):
            transport.abort()
            return
        self._joined = True
        transport.set_write_buffer_limits(high=min(_UNREAD_AT_EASE, self._limits.unsent_bytes))
        if not self.opened:
            self._restart_deadline()
        elif self._limits.keepalive_s:
            self._keep_alive()

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._deadline, self._unread, self._keepalive, self._rest):
            if timer is not None:
                timer.cancel()
        if self._on_end is not None:
            self._on_end()
        if self._joined:
            self._joined = False
            self._owner.left(self)

    def data_received(self, data: bytes) -> None:
        self._framer.add(data)
        if self._rest is None:
            self._serve()

    def _serve(self) -> None:
        """What is complete, as far as it is this connection's turn."""
        try:
            rest_s = self._hand_over()
        except FramingError as error:
            self._events.broken(error, self.source)
            if self.wire is not None:
                self.wire.close()
            return
        if rest_s is not None:
            self._pause(rest_s)
        elif self._valid and not self._framer.buffered:
            self._stop_deadline()
        elif self._valid and (self._handed or self._deadline is None):
            self._restart_deadline()

    def _pause(self, rest_s: float) -> None:
        if self._rests > MAX_RESTS:
            self._owner.count("connections closed: more is sent than is heard")
            self.abort()
        elif self.wire is not None and not self.wire.is_closing():
            if self._valid:
                self._stop_deadline()
            self.wire.pause_reading()
            self._rest = asyncio.get_running_loop().call_later(rest_s, self._go_on)

    def _go_on(self) -> None:
        self._rest = None
        self._serve()
        if self._rest is None and self.wire is not None and not self.wire.is_closing():
            self.wire.resume_reading()

    def pause_writing(self) -> None:
        loop = asyncio.get_running_loop()
        self._unread = self._unread or loop.call_later(self._limits.read_deadline_s, self._does_not_read)

    def resume_writing(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def write(self, data: bytes) -> None:
        wire = self.wire
        if wire is None or wire.is_closing():
            return
        wire.write(data)
        if wire.get_write_buffer_size() > self._limits.unsent_bytes:
            self._does_not_read()

    def abort(self) -> None:
        if self.wire is not None:
            self.wire.abort()

    def _hand_over(self) -> float | None:
        """Seconds for which nothing more is to be read; None: nothing complete is left. Raises FramingError."""
        self._handed = False
        for _ in range(MESSAGES_AT_ONCE):
            item = self._framer.take()
            if item is None:
                return None
            self._handed = True
            data = item if isinstance(item, bytes) else KEEPALIVE
            self._valid = self._valid or looks_like_sip(data)
            if self._events.received(data, self.source) is False:
                self._rests += 1
                return REST_S
            self._rests = 0
        return 0.0

    def _keep_alive(self) -> None:
        if self._keepalive is not None:
            self.write(KEEPALIVE)
        loop = asyncio.get_running_loop()
        self._keepalive = loop.call_later(self._limits.keepalive_s, self._keep_alive)

    def _restart_deadline(self) -> None:
        self._stop_deadline()
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(self._limits.message_deadline_s, self._overdue)

    def _stop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _overdue(self) -> None:
        self._owner.count("connections closed: a message was not finished in time")
        self.abort()

    def _does_not_read(self) -> None:
        if self.wire is not None and not self.wire.is_closing():
            self._owner.count("connections closed: the peer does not read")
        self.abort()


def looks_like_sip(message: bytes) -> bool:
    """Its first line is that of a request or response."""
    line = message[: message.find(b"\r\n")]
    return line.startswith(b"SIP/2.0 ") or line.endswith(b" SIP/2.0")
