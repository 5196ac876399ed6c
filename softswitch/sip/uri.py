"""URIs of RFC 3261 section 19.1: `sip:` and `sips:` taken apart, `tel:` in number and parameters, others opaque.

Order, escaping and unknown parts survive `parse` and `str`. Stricter than peers are where routing depends on it (host,
port, one `@`), more liberal than the grammar in the user part, where phones put `#` and raw UTF-8. What is not ASCII is
escaped when parsed, so that a URI can be written to any log, database or message.
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache

from softswitch.sip.errors import ParseError
from softswitch.sip.grammar import fold
from softswitch.sip.params import NO_PARAMS, Params

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*):")
_PLAIN = re.compile(
    r"(sips?):(?:([A-Za-z0-9\-_.!~*'()&=+$#]+)@)?([A-Za-z0-9_.\-]+)(?::([0-9]{1,5}))?(;[A-Za-z0-9\-_.!~*+=;]+)?"
)
"""Nearly every URI of a call: cheap to recognise, and taken apart as `Uri.parse` would."""
USUAL_URI = r"sips?:(?:[A-Za-z0-9\-_.!~*'()&=+$#]+@)?[A-Za-z0-9_.\-]+(?::(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}))?"
"""Of these, one without parameters, and whose port there is: `Uri.parse` takes it."""
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9_.\-]+)(?::([0-9]{1,5}))?")
_TEL_NUMBER = re.compile(r"(?:[A-Za-z0-9+*#\-.()_!~']|%[0-9A-Fa-f]{2})+")
"""More than RFC 3966 has digits and separators, but nothing that would end the user part of a `sip:` made of it."""
_ODD = re.compile(r'[\x00-\x20<>"\x7f\\]')
_HEX = re.compile(r"%([0-9A-Fa-f]{2})")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_NOT_ASCII = re.compile(rb"[\x80-\xff]")
_NOT_USER = re.compile(rb"[^A-Za-z0-9\-_.!~*'()&=+$,;?/]")
_NOT_NUMBER = re.compile(rb"[^A-Za-z0-9\-_.!~*'()&=+$,;?/%]")
_NUMBER = re.compile(r"[A-Za-z0-9\-_.!~*'()+#]*")
_LONGEST_REMEMBERED = 128
_DEFAULT_MUST_MATCH = ("user", "ttl", "method", "maddr", "transport")


def unescape(text: str) -> str:
    """`%HH` resolved; bytes that are then no UTF-8 survive as surrogates."""
    if "%" not in text:
        return text
    raw = re.sub(rb"%([0-9A-Fa-f]{2})", lambda match: bytes([int(match[1], 16)]), _encoded(text))
    return raw.decode("utf-8", "surrogateescape")


def escape_user(text: str) -> str:
    """`text` as the user part of a URI: everything that the grammar does not allow there becomes `%HH`."""
    return _NOT_USER.sub(lambda match: b"%%%02X" % match[0][0], _encoded(text)).decode("ascii")


def number_as_user(number: str) -> str:
    """A dialled number (`Uri.number`) as the user part of a URI; what is escaped in it stays so."""
    return _NOT_NUMBER.sub(lambda match: b"%%%02X" % match[0][0], _encoded(number)).decode("ascii")


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


@dataclass(slots=True, unsafe_hash=True)
class Uri:
    """Immutable by agreement; not frozen, because that doubles what making one costs, and each message makes several."""

    scheme: str
    """In lower case."""
    user: str = ""
    """As written, escapes included; the number of a `tel:`."""
    host: str = ""
    """As written, IPv6 in brackets; empty for a URI that is neither `sip:` nor `sips:`."""
    port: int | None = None
    params: Params = NO_PARAMS
    headers: str = ""
    """What stands behind the question mark, as written."""
    password: str | None = None
    opaque: str = ""
    """All behind the scheme of a URI that is neither `sip:`, `sips:` nor `tel:`."""
    _text: str = field(default="", init=False, repr=False, compare=False)
    """As it is written, once it was: a call writes the same ones several times."""

    @classmethod
    def parse(cls, text: str | bytes) -> "Uri":
        if isinstance(text, bytes):
            text = text.decode("utf-8", "surrogateescape")
        return _remembered(text) if len(text) <= _LONGEST_REMEMBERED else cls._parse(text)

    @classmethod
    def _parse(cls, text: str) -> "Uri":
        if not text.isascii():
            text = _NOT_ASCII.sub(lambda match: b"%%%02X" % match[0][0], _encoded(text)).decode("ascii")
        plain = _PLAIN.fullmatch(text)
        if plain is not None:
            scheme, user, host, port, params = plain.groups()
            return cls(scheme, user or "", host, _port(port), Params.parse(params) if params else NO_PARAMS)
        match = _SCHEME.match(text)
        if match is None or _ODD.search(text):
            raise ParseError("no URI")
        scheme, rest = match[1].lower(), text[match.end() :]
        if scheme in ("sip", "sips"):
            return cls._parse_sip(scheme, rest)
        if scheme == "tel":
            number, semicolon, params = rest.partition(";")
            if _TEL_NUMBER.fullmatch(number) is None:
                raise ParseError("a tel URI without a number")
            return cls(scheme, number, params=Params.parse(semicolon + params))
        if not rest:
            raise ParseError("an empty URI")
        return cls(scheme, opaque=rest)

    @classmethod
    def _parse_sip(cls, scheme: str, rest: str) -> "Uri":
        userinfo, at, place = rest.rpartition("@")
        if "@" in userinfo or (at and not userinfo):
            raise ParseError("a URI with an empty user, or more than one @")
        user, colon, password = userinfo.partition(":")
        if at and not user:
            raise ParseError("a URI with an empty user")
        place, question, headers = place.partition("?")
        if question and not headers:
            raise ParseError("a URI with an empty header part")
        host_port, semicolon, params = place.partition(";")
        match = _HOST.fullmatch(host_port)
        if match is None:
            raise ParseError("a URI whose host or port cannot be read")
        if "%" in rest and _BAD_ESCAPE.search(rest):
            raise ParseError("a URI with a broken escape")
        parsed = Params.parse(semicolon + params) if semicolon else NO_PARAMS
        return cls(scheme, user, match[1], _port(match[2]), parsed, headers, password if colon else None)

    def __str__(self) -> str:
        text = self._text
        if not text:
            text = self._text = self._written()
        return text

    def _written(self) -> str:
        if self.scheme not in ("sip", "sips"):
            return f"{self.scheme}:{self.user}{self.params.written}{self.opaque}"
        password = "" if self.password is None else f":{self.password}"
        user = f"{self.user}{password}@" if self.user else ""
        port = "" if self.port is None else f":{self.port}"
        headers = f"?{self.headers}" if self.headers else ""
        return f"{self.scheme}:{user}{self.host}{port}{self.params.written}{headers}"

    @property
    def is_sip(self) -> bool:
        return self.scheme in ("sip", "sips")

    @property
    def unescaped_user(self) -> str:
        """May hold any byte a peer escaped: for comparing, not for showing (`readable` does that)."""
        return unescape(self.user)

    @property
    def number(self) -> str:
        """The user part as a dialled number. An escape that stands for what a number may hold is that (RFC 3261 section
        19.1.4), so that nobody gets by a rule for numbers; with any other escape it is as written."""
        user = self.user
        if "%" not in user:
            return user
        plain = unescape(user)
        return plain if _NUMBER.fullmatch(plain) else user

    @property
    def transport(self) -> str:
        """The `transport` parameter in lower case; empty when there is none."""
        return "" if self.params is NO_PARAMS else fold(self.params.get("transport") or "")

    def canonical_aor(self) -> str:
        """The key of an address of record (RFC 3261 §10.3 step 5): no parameters, no port, unescaped, host folded."""
        if not self.is_sip:
            return f"{self.scheme}:{unescape(self.user or self.opaque)}"
        return f"sip:{self.unescaped_user}@{self.host.lower()}"

    def bare(self) -> "Uri":
        """Without parameters, headers and password: what From and To show."""
        return Uri(self.scheme, self.user, self.host, self.port, opaque=self.opaque)

    def matches(self, other: "Uri") -> bool:
        """Equal by RFC 3261 section 19.1.4 (by text for schemes that it does not speak of)."""
        if self is other:
            return True
        if not self.is_sip or not other.is_sip:
            return (self.scheme, self.opaque, self.user, self.params) == (
                other.scheme,
                other.opaque,
                other.user,
                other.params,
            )
        return (
            self.scheme == other.scheme
            and _canonical(self.user) == _canonical(other.user)
            and _canonical(self.password) == _canonical(other.password)
            and self.host.lower() == other.host.lower()
            and self.port == other.port
            and _params_match(self.params, other.params)
            and _header_set(self.headers) == _header_set(other.headers)
        )


@lru_cache(maxsize=4096)
def _remembered(text: str) -> Uri:
    """A phone's or a trunk's URI comes again with each of its messages."""
    return Uri._parse(text)


def _port(text: str | None) -> int | None:
    if text is None:
        return None
    port = int(text)
    if not 0 < port < 65536:
        raise ParseError("a URI whose port is out of range")
    return port


def _canonical(text: str | None) -> str | None:
    """Escapes of unreserved characters resolved, the hex of all others in upper case."""
    if text is None or "%" not in text:
        return text

    def resolved(match: re.Match[str]) -> str:
        char = chr(int(match[1], 16))
        return char if char.isascii() and (char.isalnum() or char in "-_.!~*'()") else match[0].upper()

    return _HEX.sub(resolved, text)


def _params_match(ours: Params, theirs: Params) -> bool:
    """One in both must be equal; one in only one counts when the RFC names it."""
    for name in {**ours, **theirs}:
        if name in ours and name in theirs:
            if fold(_canonical(ours[name]) or "") != fold(_canonical(theirs[name]) or ""):
                return False
        elif name in _DEFAULT_MUST_MATCH:
            return False
    return True


def _header_set(text: str) -> list[tuple[str, str | None]]:
    parts = (piece.partition("=") for piece in text.split("&") if piece)
    return sorted((fold(name), _canonical(value) or "") for name, _, value in parts)
