"""One connection of TCP or TLS, accepted or opened: framing, deadlines, back-pressure (RFC 3261 section 18, RFC 5626).

A peer can waste its own connection only: it has a framer, a deadline for what it began, and limits on what it leaves
unread. Until the first SIP message came whole, the deadline of an accepted connection runs on, whatever else is sent.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol, cast

from softswitch.sip.errors import FramingError, Ping
from softswitch.sip.framing import StreamFramer
from softswitch.sip.source import Source
from softswitch.sip.stream_limits import StreamLimits
from softswitch.sip.wire import WireEvents

KEEPALIVE = b"\r\n\r\n"
_UNREAD_AT_EASE = 64 << 10


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
        for timer in (self._deadline, self._unread, self._keepalive):
            if timer is not None:
                timer.cancel()
        if self._on_end is not None:
            self._on_end()
        if self._joined:
            self._joined = False
            self._owner.left(self)

    def data_received(self, data: bytes) -> None:
        try:
            found = self._framer.feed(data)
        except FramingError as error:
            self._hand_over(error.before)
            self._events.broken(error, self.source)
            if self.wire is not None:
                self.wire.close()
            return
        self._hand_over(found)
        if not self._valid:
            return
        if not self._framer.buffered:
            self._stop_deadline()
        elif found or self._deadline is None:
            self._restart_deadline()

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

    def _hand_over(self, found: "Sequence[bytes | Ping]") -> None:
        for item in found:
            if isinstance(item, bytes):
                self._valid = self._valid or looks_like_sip(item)
                self._events.received(item, self.source)
            else:
                self._events.received(KEEPALIVE, self.source)

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
