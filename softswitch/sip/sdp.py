"""SDP of RFC 4566: every line kept in order, understood or not; what is understood is read from those lines.

Bounded: 64 KiB, 1,024 lines, 16 media descriptions. Line ends may be LF alone (section 5 asks for that). What a line
means is checked where it is used, so that T.38, `fmtp` without `rtpmap` or a host name in `c=` pass through. Values are
immutable by agreement; not frozen, because that doubles what making one costs, and each call makes dozens.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from softswitch.errors import PeerError

MAX_BYTES = 65536
MAX_LINES = 1024
MAX_MEDIA = 16
DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")

_LINE = re.compile(r"([a-z])=([^\r\n\0]*)")
_VALUE = re.compile(r"[^\r\n\0]*")
_LONGEST_REMEMBERED = 1024
_LONGEST_ADDRESS = 64
_RTPMAP = re.compile(r"([0-9]{1,3}) +([^ /]+)/([0-9]{1,6})(?:/([0-9]{1,3}))? *")
_FORMAT = re.compile(r"[0-9]{1,3}")
NULL_ADDRESSES = ("0.0.0.0", "::", "0:0:0:0:0:0:0:0")


class SdpError(PeerError):
    """A body that is no SDP (400), or one that cannot be answered (488)."""


@dataclass(slots=True, unsafe_hash=True)
class Line:
    type: str
    """One letter."""
    value: str

    def __str__(self) -> str:
        return f"{self.type}={self.value}"


@dataclass(slots=True, unsafe_hash=True)
class Connection:
    address_type: str
    """`IP4` or `IP6`."""
    address: str
    """An address or a host name, without the TTL of a multicast address."""

    @classmethod
    def parse(cls, value: str) -> "Connection":
        return _remembered_connection(value) if len(value) <= _LONGEST_ADDRESS else cls._parse(value)

    @classmethod
    def _parse(cls, value: str) -> "Connection":
        parts = value.split()
        if len(parts) != 3 or parts[0] != "IN" or parts[1] not in ("IP4", "IP6"):
            raise SdpError("a c= line that cannot be read")
        return cls(parts[1], parts[2].partition("/")[0])

    def __str__(self) -> str:
        return f"IN {self.address_type} {self.address}"

    @property
    def is_null(self) -> bool:
        """The way to hold of RFC 2543."""
        return self.address in NULL_ADDRESSES


@dataclass(slots=True, unsafe_hash=True)
class Origin:
    username: str
    session_id: str
    version: str
    address_type: str
    address: str

    @classmethod
    def parse(cls, value: str) -> "Origin":
        username, session_id, version, _, address_type, address = cls.check(value)
        return cls(username, session_id, version, address_type, address)

    @staticmethod
    def check(value: str) -> list[str]:
        """Its parts; raises SdpError."""
        parts = value.split()
        if len(parts) != 6:
            raise SdpError("an o= line that cannot be read")
        return parts

    def __str__(self) -> str:
        return f"{self.username} {self.session_id} {self.version} IN {self.address_type} {self.address}"


@dataclass(slots=True, unsafe_hash=True)
class RtpMap:
    encoding: str
    """As written; compare without regard to case."""
    clock: int
    channels: int = 1


class Lines(tuple[Line, ...]):
    """The lines of one section. What they say is read once: those of a peer's media are the same in each of its calls,
    so that they are shared between descriptions (`_lines_of`)."""

    @cached_property
    def attributes(self) -> Mapping[str, Sequence[str]]:
        """Each `a=name:value` by its name, in order."""
        found: dict[str, list[str]] = {}
        for line in self:
            if line.type == "a":
                name, _, value = line.value.partition(":")
                found.setdefault(name.strip(" "), []).append(value.strip(" "))
        return found

    @cached_property
    def rtpmaps(self) -> Mapping[int, RtpMap]:
        found: dict[int, RtpMap] = {}
        for value in self.attributes.get("rtpmap", ()):
            match = _RTPMAP.fullmatch(value)
            if match is not None:
                found.setdefault(int(match[1]), RtpMap(match[2], int(match[3]), int(match[4] or 1)))
        return found

    @cached_property
    def direction(self) -> str | None:
        for line in self:
            if line.type == "a" and line.value.strip(" ") in DIRECTIONS:
                return line.value.strip(" ")
        return None

    @cached_property
    def connection(self) -> Connection | None:
        """Raises SdpError."""
        for line in self:
            if line.type == "c":
                return Connection.parse(line.value)
        return None

    @cached_property
    def ptime_ms(self) -> int | None:
        """None when absent or no plain number."""
        return self._milliseconds("ptime")

    @cached_property
    def largest_ptime_ms(self) -> int | None:
        """The value of `maxptime`; None as above."""
        return self._milliseconds("maxptime")

    def _milliseconds(self, name: str) -> int | None:
        value = next(iter(self.attributes.get(name, ())), "").partition(".")[0]
        return int(value) if _FORMAT.fullmatch(value) else None

    @cached_property
    def known(self) -> dict[tuple[str, ...], Any]:
        """What `codec_lines` has found for the formats of an m-line."""
        return {}

    @cached_property
    def text(self) -> str:
        """As they go on the wire, each with its CRLF."""
        return "".join([f"{line.type}={line.value}\r\n" for line in self])


class Head(Lines):
    """The lines of a session that begin with `v=` and `o=`, which are of one call; what else they say is that of `rest`,
    which is shared between calls."""

    rest: Lines

    @classmethod
    def of(cls, origin: str, rest: Lines) -> "Head":
        """`origin` is what stands behind `o=`."""
        self = cls((_VERSION, Line("o", origin), *rest))
        self.rest = rest
        return self

    @property
    def attributes(self) -> Mapping[str, Sequence[str]]:
        return self.rest.attributes

    @property
    def rtpmaps(self) -> Mapping[int, RtpMap]:
        return self.rest.rtpmaps

    @property
    def direction(self) -> str | None:
        return self.rest.direction

    @property
    def connection(self) -> Connection | None:
        return self.rest.connection

    @property
    def text(self) -> str:
        return f"v=0\r\n{self[1]}\r\n{self.rest.text}"


NO_LINES = Lines()
_VERSION = Line("v", "0")


@lru_cache(maxsize=1024)
def _remembered_connection(value: str) -> Connection:
    """A peer has few addresses. Raises SdpError."""
    return Connection._parse(value)


def _lines_of(text: str) -> Lines:
    """Raises SdpError."""
    lines = []
    for item in text.split("\n") if text else ():
        match = _LINE.fullmatch(item)
        if match is None:
            raise SdpError("a line of SDP that cannot be read")
        lines.append(Line(match[1], match[2]))
    return Lines(lines)


class _Section:
    """What the session and each media description share: attributes, connection and direction among their lines."""

    __slots__ = ()
    lines: Lines

    def values(self, line_type: str) -> Iterator[str]:
        return (line.value for line in self.lines if line.type == line_type)

    def attributes(self, name: str) -> Iterator[str]:
        """Values of each `a=name:value`, empty for `a=name`."""
        return iter(self.lines.attributes.get(name, ()))

    def has(self, name: str) -> bool:
        return name in self.lines.attributes

    @property
    def connection(self) -> Connection | None:
        return self.lines.connection

    @property
    def direction(self) -> str | None:
        """The direction attribute of this section; None when it has none."""
        return self.lines.direction


@dataclass(slots=True, unsafe_hash=True)
class MediaDescription(_Section):
    kind: str
    """`audio`, `video`, `image` …"""
    port: int
    """0 refuses the stream, or says that it is over."""
    protocol: str
    formats: tuple[str, ...]
    lines: Lines = NO_LINES
    port_count: int | None = None

    @classmethod
    def parse(cls, value: str, lines: Lines) -> "MediaDescription":
        parts = value.split()
        port, slash, count = parts[1].partition("/") if len(parts) >= 3 else ("", "", "")
        if not _is_port(port) or (slash and not _is_port(count)):
            raise SdpError("an m= line that cannot be read")
        return cls(parts[0], int(port), parts[2], tuple(parts[3:]), lines, int(count) if slash else None)

    @property
    def heading(self) -> str:
        count = "" if self.port_count is None else f"/{self.port_count}"
        return " ".join((self.kind, f"{self.port}{count}", self.protocol, *self.formats))

    @property
    def rtpmaps(self) -> Mapping[int, RtpMap]:
        """Payload type to encoding; the first line counts, what cannot be read is passed over."""
        return self.lines.rtpmaps

    @property
    def payload_types(self) -> list[int]:
        """The formats of an RTP stream as numbers, in order of preference; others are left out."""
        return [int(text) for text in self.formats if _FORMAT.fullmatch(text) and int(text) < 128]


@dataclass(slots=True, unsafe_hash=True)
class SessionDescription(_Section):
    lines: Lines
    """All lines in front of the first `m=`, `v=` and `o=` included."""
    media: tuple[MediaDescription, ...] = ()
    _data: bytes = field(default=b"", init=False, repr=False, compare=False)
    """As it goes on the wire, once it was asked for: what a message says is kept for a restart as well."""

    @classmethod
    def parse(cls, data: bytes) -> "SessionDescription":
        if len(data) > MAX_BYTES:
            raise SdpError("an SDP beyond 64 KiB")
        text = data.decode("utf-8", "surrogateescape").replace("\r\n", "\n").rstrip("\n")
        if text.count("\n") >= MAX_LINES:
            raise SdpError("an SDP of too many lines")
        head, *sections = text.split("\nm=")
        session = _head_of(head)
        if len(sections) > MAX_MEDIA:
            raise SdpError("an SDP of too many media", sip_status=488)
        if not session or session[0].type != "v" or session[0].value != "0":
            raise SdpError("an SDP that does not begin with v=0")
        parsed = cls(session, tuple([_media_of(section) for section in sections]))
        Origin.check(parsed.origin_value)
        return parsed

    def serialize(self) -> bytes:
        if not self._data:
            media = [f"m={each.heading}\r\n{each.lines.text}" for each in self.media]
            self._data = (self.lines.text + "".join(media)).encode("utf-8", "surrogateescape")
        return self._data

    @property
    def origin_value(self) -> str:
        """As it stands behind `o=`; empty when there is none."""
        for line in self.lines:
            if line.type == "o":
                return line.value
        return ""

    @property
    def origin(self) -> Origin:
        return Origin.parse(self.origin_value)

    def with_origin(self, origin: Origin) -> "SessionDescription":
        lines = Lines(Line("o", str(origin)) if line.type == "o" else line for line in self.lines)
        return SessionDescription(lines, self.media)

    def connection_of(self, media: MediaDescription) -> Connection:
        """Its own `c=`, or the session's."""
        connection = media.lines.connection or self.lines.connection
        if connection is None:
            raise SdpError("a stream without c=")
        return connection

    def direction_of(self, media: MediaDescription) -> str:
        """Its own direction, or the session's, or `sendrecv`."""
        return media.lines.direction or self.lines.direction or "sendrecv"


def _head_of(text: str) -> Lines:
    """The lines of the session. Nearly all of them begin with `v=` and `o=`: that is of one call, what follows is of the
    peer. Raises SdpError."""
    version, _, behind = text.partition("\n")
    origin, _, rest = behind.partition("\n")
    if version != "v=0" or origin[:2] != "o=" or not rest or _VALUE.fullmatch(origin) is None:
        return _lines_of(text)
    return Head.of(origin[2:], _usual_lines(rest))


def _media_of(text: str) -> MediaDescription:
    """What stands behind `m=`, up to the next. Raises SdpError."""
    value, _, rest = text.partition("\n")
    if _VALUE.fullmatch(value) is None:
        raise SdpError("a line of SDP that cannot be read")
    return MediaDescription.parse(value, _usual_lines(rest))


def _usual_lines(text: str) -> Lines:
    """Keys are of one call: to remember them helps nobody, and they would outlive it. Raises SdpError."""
    usual = len(text) <= _LONGEST_REMEMBERED and "crypto:" not in text and "k=" not in text
    return _remembered_lines(text) if usual else _lines_of(text)


@lru_cache(maxsize=1024)
def _remembered_lines(text: str) -> Lines:
    return _lines_of(text)


def _is_port(text: str) -> bool:
    return len(text) <= 5 and text.isascii() and text.isdigit() and int(text) < 65536
