"""Via of RFC 3261 sections 18.2 and 20.42, with `rport` of RFC 3581."""

import re
from dataclasses import dataclass
from functools import lru_cache

from softswitch.sip.errors import ParseError
from softswitch.sip.grammar import TOKEN, split
from softswitch.sip.params import NO_PARAMS, Params

MAGIC_COOKIE = "z9hG4bK"

_SLASH = r"[ \t]*/[ \t]*"
_SENDER = re.compile(
    rf"(?P<protocol>{TOKEN}{_SLASH}{TOKEN}){_SLASH}(?P<transport>{TOKEN})[ \t]+"
    r"(?P<host>\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9_.\-]+)"
    r"(?:[ \t]*:[ \t]*(?P<port>[0-9]{1,5}))?[ \t]*"
)
"""All in front of the parameters."""
_LONGEST_REMEMBERED = 128


@dataclass(slots=True, unsafe_hash=True)
class Via:
    """Immutable by agreement; not frozen, because that doubles what making one costs, and each message makes several."""

    transport: str
    """As written; compare without regard to case."""
    host: str
    """Name or address of sent-by; IPv6 in brackets."""
    port: int | None = None
    params: Params = NO_PARAMS
    protocol: str = "SIP/2.0"

    @classmethod
    def parse(cls, text: str) -> "Via":
        sender = text.partition(";")[0]
        known = _remembered_sender(sender) if len(sender) <= _LONGEST_REMEMBERED else _sender(sender)
        transport, host, port, protocol = known
        params = Params.parse(text[len(sender) :]) if len(sender) < len(text) else NO_PARAMS
        return cls(transport, host, port, params, protocol)

    def __str__(self) -> str:
        port = "" if self.port is None else f":{self.port}"
        return f"{self.protocol}/{self.transport} {self.host}{port}{self.params.written}"

    @classmethod
    def parse_list(cls, text: str) -> list["Via"]:
        if "," not in text:
            return [cls.parse(text.strip(" \t"))]
        return [cls.parse(piece.strip(" \t")) for piece in split(text, ",")]

    @property
    def branch(self) -> str:
        """Empty for a peer of RFC 2543 that sent none."""
        return self.params.get("branch") or ""

    @property
    def sent_by(self) -> str:
        """Host in lower case and port, the default one filled in: what transactions and responses are matched by."""
        short = len(self.host) + len(self.transport) <= _LONGEST_REMEMBERED
        return (_remembered_sent_by if short else _sent_by)(self.transport, self.host, self.port)

    @property
    def received(self) -> str | None:
        return self.params.get("received")

    @property
    def rport(self) -> int | None:
        """The port filled in by a server; None when absent or still empty (`wants_rport` tells them apart)."""
        value = self.params.get("rport")
        if value is None or re.fullmatch(r"[0-9]{1,5}", value) is None:
            return None
        return int(value)

    @property
    def wants_rport(self) -> bool:
        return "rport" in self.params

    def received_from(self, address: str, port: int) -> "Via":
        """With `received` where sent-by differs or rport was asked for, and `rport` filled in then (RFC 3581 §4)."""
        params = self.params
        if self.wants_rport:
            params = params.filled("rport", str(port), "received", address)
        elif self.host.strip("[]").lower() != address.lower():
            params = params.having("received", address)
        if params is self.params:
            return self
        return Via(self.transport, self.host, self.port, params, self.protocol)


def _sender(text: str) -> tuple[str, str, int | None, str]:
    """Transport, host, port and protocol."""
    match = _SENDER.fullmatch(text)
    if match is None:
        raise ParseError("a Via that cannot be read")
    protocol, transport, host, port_text = match.groups()
    port = None if port_text is None else int(port_text)
    if port is not None and not 0 < port < 65536:
        raise ParseError("a Via whose port is out of range")
    if len(protocol) != 7:
        protocol = protocol.replace(" ", "").replace("\t", "")
    return transport, host, port, protocol


@lru_cache(maxsize=4096)
def _remembered_sender(text: str) -> tuple[str, str, int | None, str]:
    """All messages of a peer have it in common."""
    return _sender(text)


@lru_cache(maxsize=4096)
def _remembered_sent_by(transport: str, host: str, port: int | None) -> str:
    return _sent_by(transport, host, port)


def _sent_by(transport: str, host: str, port: int | None) -> str:
    return f"{host.lower()}:{port or (5061 if transport.upper() in ('TLS', 'WSS') else 5060)}"
