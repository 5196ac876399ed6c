"""Cuts a byte stream into SIP messages by Content-Length (RFC 3261 sections 7.5 and 18.3), and sees keep-alives.

A stream on which a length is missing, doubled with another value, no plain number or beyond the limit is lost: the
error says so before a byte of that body is kept, and nothing behind it is ever read as a message. Items are cut one at a
time, when they are taken: what a peer sends too much of is never looked at.
"""

from softswitch.sip.content_length import read_content_length
from softswitch.sip.errors import FramingError, ParseError, Ping
from softswitch.sip.headers import Headers
from softswitch.sip.message import salvage_request

__all__ = ["FramingError", "Ping", "StreamFramer"]

_END_OF_HEAD = b"\r\n\r\n"


class StreamFramer:
    """One per connection. After a `FramingError` the connection must be closed: every later `take` raises again."""

    def __init__(self, max_message_bytes: int) -> None:
        self._limit = max_message_bytes
        self._buffer = bytearray()
        self._scanned = 0
        self._needed = 0
        self._lost = False

    @property
    def buffered(self) -> int:
        """Bytes of a message that is not complete yet: with a deadline on it, a slow peer is found out."""
        return 0 if self._buffer == b"\r\n" else len(self._buffer)

    def feed(self, data: bytes) -> list[bytes | Ping]:
        """What is complete now, in order. When the stream breaks, what came whole before that is in `error.before`."""
        self.add(data)
        found: list[bytes | Ping] = []
        try:
            while (item := self.take()) is not None:
                found.append(item)
        except FramingError as error:
            error.before = found
            raise
        return found

    def add(self, data: bytes) -> None:
        """Keep what has come; nothing is looked at yet."""
        self._buffer += data

    def take(self) -> bytes | Ping | None:
        """The next item that is complete; None: more bytes are needed."""
        if self._lost:
            raise FramingError("the stream was lost before")
        try:
            while (item := self._next()) is not None:
                length, piece = item
                del self._buffer[:length]
                if piece is not None:
                    return piece
        except FramingError:
            self._lost = True
            self._buffer.clear()
            raise
        return None

    def _next(self) -> tuple[int, bytes | Ping | None] | None:
        """Length of the next item and what it is (None: a CRLF that means nothing); None when more bytes are needed."""
        buffer = self._buffer
        available = len(buffer)
        if not self._needed:
            if buffer.startswith(_END_OF_HEAD):
                return 4, Ping()
            if buffer.startswith(b"\r\n"):
                return (2, None) if (available > 2 and buffer[2] != 0x0D) or available > 3 else None
            if available < 4:
                return None
            end = buffer.find(_END_OF_HEAD, max(self._scanned - 3, 0))
            if end < 0:
                if available > self._limit:
                    raise self._error("a head beyond the limit", self._limit, 513)
                self._scanned = available
                return None
            self._needed = self._message_length(end)
            self._scanned = 0
        if available < self._needed:
            return None
        length, self._needed = self._needed, 0
        return length, bytes(buffer[:length])

    def _message_length(self, end: int) -> int:
        head = end + 4
        if head > self._limit:
            raise self._error("a head beyond the limit", end, 513)
        _, _, lines = self._buffer[:end].decode("utf-8", "surrogateescape").partition("\r\n")
        try:
            length = read_content_length(Headers.parse(lines))
        except ParseError as error:
            raise self._error(str(error), end, error.sip_status) from error
        if length is None:
            raise self._error("no Content-Length on a stream", end, 400)
        if head + length > self._limit:
            raise self._error("a body beyond the limit", end, 413)
        return head + length

    def _error(self, message: str, end: int, status: int) -> FramingError:
        partial = salvage_request(bytes(self._buffer[:end]))
        return FramingError(message, sip_status=status, partial=partial)
