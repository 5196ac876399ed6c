"""Requests and responses of RFC 3261 section 7: bytes in, lines indexed, typed values read at first access.

`parse_message` checks only what is needed to cut a message: start line, header names, Content-Length. Each property
raises ParseError for a bad value; `validate` reads all that routing depends on, once. A `ParseError` of a request that
can still be answered carries it as `partial`.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Self, TypeVar

from softswitch.sip.address import Address, checked_tag, tag_of
from softswitch.sip.content_length import content_length_of, read_content_length
from softswitch.sip.cseq import CSeq
from softswitch.sip.errors import ParseError
from softswitch.sip.grammar import IS_TOKEN, is_unsafe
from softswitch.sip.header_numbers import expires_of, max_forwards_of
from softswitch.sip.headers import Headers
from softswitch.sip.reason import phrase
from softswitch.sip.start_line import broken_request_line, request_line, status_line
from softswitch.sip.uri import Uri
from softswitch.sip.via import Via

__all__ = [
    "Message",
    "ParseError",
    "Request",
    "Response",
    "make_response",
    "parse_message",
    "salvage_request",
]

T = TypeVar("T")

_CALL_ID = re.compile(r"[!-~]+")
_ONCE = (("from", "From"), ("to", "To"), ("call-id", "Call-ID"), ("cseq", "CSeq"))
_NEEDED = frozenset(key for key, _ in _ONCE)
_AT_MOST_ONCE = ("max-forwards", "content-type", "expires")
_ECHOED = ("via", "from", "to", "call-id", "cseq")
"""By each response (RFC 3261 section 8.2.6.2)."""
_ECHOED_BY_100 = (*_ECHOED, "timestamp")
_ECHOED_WITHIN_DIALOG = (*_ECHOED, "record-route")


class Message:
    """What requests and responses share. `headers` may be changed; typed values follow."""

    __slots__ = ("body", "headers")

    def __init__(self, headers: Headers, body: bytes) -> None:
        self.headers = headers
        self.body = body

    @property
    def start_line(self) -> str:
        raise NotImplementedError

    def to_bytes(self) -> bytes:
        """The message as it goes on the wire, with the Content-Length of its body."""
        headers = self.headers
        if "content-length" not in headers.keys:
            headers.end(len(self.body))
        elif not self._states_its_length():
            headers.set("Content-Length", str(len(self.body)))
        return headers.below(self.start_line).encode("utf-8", "surrogateescape") + self.body

    def _states_its_length(self) -> bool:
        """Once, and right; leading zeros are a peer's."""
        headers, length = self.headers, len(self.body)
        if headers.keys.count("content-length") != 1:
            return False
        try:
            return headers.value("content-length") == str(length) or self.content_length == length
        except ParseError:
            return False

    @property
    def top_via(self) -> Via:
        vias = self.headers.remembered_list("via")
        return vias[0] if vias else self._required("via", _first_via)

    @property
    def vias(self) -> list[Via]:
        found: list[Via] | None = self.headers.remembered.get("via[]")
        return found if found is not None else self.headers.parsed_list("via", Via.parse_list)

    @property
    def from_(self) -> Address:
        found: Address | None = self.headers.remembered.get("from")
        return found if found is not None else self._required("from", Address.parse)

    @property
    def to(self) -> Address:
        found: Address | None = self.headers.remembered.get("to")
        return found if found is not None else self._required("to", Address.parse)

    @property
    def from_tag(self) -> str:
        """The tag alone: cheaper than `from_.tag`."""
        found: str | None = self.headers.remembered.get("from;tag")
        return found if found is not None else self.headers.tag("from", tag_of)

    @property
    def to_tag(self) -> str:
        """The tag alone: cheaper than `to.tag`."""
        found: str | None = self.headers.remembered.get("to;tag")
        return found if found is not None else self.headers.tag("to", tag_of)

    @property
    def call_id(self) -> str:
        found: str | None = self.headers.remembered.get("call-id")
        return found if found is not None else self._required("call-id", _call_id)

    @property
    def cseq(self) -> CSeq:
        found: CSeq | None = self.headers.remembered.get("cseq")
        return found if found is not None else self._required("cseq", CSeq.parse)

    @property
    def contact_is_star(self) -> bool:
        return self.headers.value("contact") == "*" and self.headers.keys.count("contact") == 1

    @property
    def contacts(self) -> list[Address]:
        """Empty for `Contact: *`."""
        found: list[Address] | None = self.headers.remembered.get("contact[]")
        if found is not None:
            return found
        if self.headers.value("contact") == "*" and self.contact_is_star:
            return []
        return self.headers.parsed_list("contact", Address.parse_list)

    @property
    def routes(self) -> list[Address]:
        return self.headers.parsed_list("route", _bracketed_list)

    @property
    def record_routes(self) -> list[Address]:
        return self.headers.parsed_list("record-route", _bracketed_list)

    @property
    def max_forwards(self) -> int | None:
        return self.headers.parsed("max-forwards", max_forwards_of)

    @property
    def content_length(self) -> int | None:
        """As the header says; `body` has been cut to it."""
        return self.headers.parsed("content-length", content_length_of)

    @property
    def content_type(self) -> str:
        """Type and subtype in lower case without parameters; empty when there is none."""
        value = self.headers.value("content-type") or ""
        return value.partition(";")[0].rstrip(" \t").lower()

    @property
    def expires(self) -> int | None:
        """Seconds; what does not fit in 32 bits counts as the largest that does."""
        return self.headers.parsed("expires", expires_of)

    def validate(self, *, vias_read: bool = False) -> None:
        """Raises ParseError when a header that routing depends on is missing, doubled or unreadable. `vias_read`: whoever
        asks has read them already."""
        headers = self.headers
        there, remembered = headers.first_values(), headers.remembered
        if len(there) != len(headers.keys) or not there.keys() >= _NEEDED:
            _check_counts(headers.keys)
        if not vias_read and not self.vias:
            raise ParseError("no via")
        # In this order: what is told of two faults is always the same.
        remembered["from;tag"] = checked_tag(there["from"])
        remembered["to;tag"] = checked_tag(there["to"])
        remembered["call-id"] = _call_id(there["call-id"])
        remembered["cseq"] = CSeq.parse(there["cseq"])
        for key, read, parse in _READ_WHERE_THERE:
            if key in there:
                read(headers, key, parse)
        if "contact" in there:
            _ = self.contacts

    def _required(self, key: str, parse: Callable[[str], T]) -> T:
        headers = self.headers
        text = headers.value(key)
        if text is None:
            raise ParseError(f"no {key}")
        value = headers.remembered[key] = parse(text)
        return value


class Request(Message):
    __slots__ = ("_uri", "_uri_text", "method")

    def __init__(self, method: str, uri: Uri | str, headers: Headers, body: bytes = b"") -> None:
        """A `uri` in text is parsed at first access."""
        self.headers = headers
        self.body = body
        self.method = method
        self._uri: Uri | None
        if isinstance(uri, str):
            self._uri, self._uri_text = None, uri
        else:
            self._uri, self._uri_text = uri, str(uri)

    @classmethod
    def build(
        cls, method: str, uri: Uri | str, *, headers: Iterable[tuple[str, str]] = (), body: bytes = b""
    ) -> Self:
        """A request of ours; raises ValueError for a method or value that would break the message."""
        if IS_TOKEN.fullmatch(method) is None:
            raise ValueError("a method that is no token")
        return cls(method, Uri.parse(uri) if isinstance(uri, str) else uri, Headers(headers), body)

    @property
    def uri(self) -> Uri:
        if self._uri is None:
            self._uri = Uri.parse(self._uri_text)
        return self._uri

    @uri.setter
    def uri(self, uri: Uri | str) -> None:
        self._uri = None if isinstance(uri, str) else uri
        self._uri_text = str(uri)

    @property
    def start_line(self) -> str:
        return f"{self.method} {self._uri_text} SIP/2.0"

    def validate(self, *, vias_read: bool = False) -> None:
        """Also that CSeq repeats the method. The error carries this request, if it has a Via to answer to."""
        try:
            if self.uri.headers:
                raise ParseError("a Request-URI with headers")
            super().validate(vias_read=vias_read)
            if self.cseq.method != self.method:
                raise ParseError("CSeq has another method", reason="Bad CSeq")
        except ParseError as error:
            error.partial = _answerable(self)
            raise

    def __repr__(self) -> str:
        return f"<Request {self.method}>"


class Response(Message):
    __slots__ = ("reason", "status")

    def __init__(self, status: int, reason: str, headers: Headers, body: bytes = b"") -> None:
        self.headers = headers
        self.body = body
        self.status = status
        self.reason = reason

    @classmethod
    def build(
        cls,
        status: int,
        reason: str | None = None,
        *,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> Self:
        reason = phrase(status) if reason is None else reason
        if not 100 <= status <= 699 or is_unsafe(reason):
            raise ValueError("a status or reason that would break the message")
        return cls(status, reason, Headers(headers), body)

    @property
    def start_line(self) -> str:
        return f"SIP/2.0 {self.status} {self.reason}"

    def __repr__(self) -> str:
        return f"<Response {self.status}>"


def parse_message(data: bytes) -> Request | Response:
    """One datagram, or one message that `StreamFramer` cut from a stream.

    Line ends in front are skipped and bytes behind Content-Length dropped (RFC 3261 sections 7.5 and 18.3).
    """
    if data[:1] in (b"\r", b"\n"):
        data = data.lstrip(b"\r\n")
    end = data.find(b"\r\n\r\n")
    text = (data if end < 0 else data[:end]).decode("utf-8", "surrogateescape")
    start_line, _, lines = text.partition("\r\n")
    asked = None if start_line.startswith("SIP/2.0 ") else request_line(start_line)
    try:
        if end < 0:
            raise ParseError("no empty line behind the headers")
        message: Request | Response
        if asked is not None:
            message = Request(*asked, Headers.parse(lines))
        else:
            message = Response(*status_line(start_line), Headers.parse(lines))
        message.body = _cut_body(message.headers, data, end + 4)
    except ParseError as error:
        error.partial = salvage_request(data if end < 0 else data[:end])
        raise
    return message


def _cut_body(headers: Headers, data: bytes, start: int) -> bytes:
    length = read_content_length(headers)
    if length == 0:
        return b""
    if length is None:
        return data[start:]
    if length > len(data) - start:
        raise ParseError("a body shorter than its Content-Length", reason="Bad Content-Length")
    return data[start : start + length]


def salvage_request(head: bytes) -> Request | None:
    """What can be read of a broken request, to answer it without state; None when nobody could be answered."""
    start_line, _, lines = head.decode("utf-8", "surrogateescape").partition("\r\n")
    asked = broken_request_line(start_line)
    if asked is None:
        return None
    return _answerable(Request(*asked, Headers.parse(lines, salvage=True)))


def _answerable(request: Request) -> Request | None:
    try:
        _ = request.top_via
    except ParseError:
        return None
    return request


def make_response(
    request: Request,
    status: int,
    reason: str | None = None,
    *,
    to_tag: str | None = None,
    headers: Iterable[tuple[str, str]] = (),
    body: bytes = b"",
    content_type: str | None = None,
) -> Response:
    """A response by RFC 3261 section 8.2.6. `to_tag` is added where the request's To has none."""
    made = Headers()
    echoed = _ECHOED_BY_100 if status == 100 else _ECHOED_WITHIN_DIALOG if status < 300 else _ECHOED
    made.echo(request.headers, echoed, tag=to_tag if to_tag and not _has_tag(request) else "")
    if content_type is not None:
        headers = (*headers, ("Content-Type", content_type))
    if headers:
        made.extend(headers)
    if not 100 <= status <= 699 or (reason is not None and is_unsafe(reason)):
        raise ValueError("a status or reason that would break the message")
    return Response(status, phrase(status) if reason is None else reason, made, body)


def _check_counts(keys: Sequence[str]) -> None:
    for key, name in _ONCE:
        if keys.count(key) != 1:
            raise ParseError(f"{name} must be there once", reason=f"Bad {name}")
    for key in _AT_MOST_ONCE:
        if keys.count(key) > 1:
            raise ParseError("a header that may come once came twice")


def _has_tag(request: Request) -> bool:
    """An unreadable To is answered as it came."""
    try:
        return bool(request.to_tag)
    except ParseError:
        return True


def _first_via(text: str) -> Via:
    return Via.parse_list(text)[0] if "," in text else Via.parse(text)


def _bracketed_list(text: str) -> list[Address]:
    addresses = Address.parse_list(text)
    if "<" not in text:
        raise ParseError("a route without angle brackets")
    return addresses


def _call_id(text: str) -> str:
    if _CALL_ID.fullmatch(text) is None:
        raise ParseError("Call-ID cannot be read", reason="Bad Call-ID")
    return text


_READ_WHERE_THERE: tuple[tuple[str, Callable[..., object], Callable[[str], object]], ...] = (
    ("max-forwards", Headers.parsed, max_forwards_of),
    ("expires", Headers.parsed, expires_of),
    ("route", Headers.parsed_list, _bracketed_list),
    ("record-route", Headers.parsed_list, _bracketed_list),
)
