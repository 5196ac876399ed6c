"""Via of RFC 3261 sections 18.2 and 20.42, with `rport` of RFC 3581."""

import re
from dataclasses import dataclass

from softswitch.sip.errors import ParseError
from softswitch.sip.grammar import TOKEN, split
from softswitch.sip.params import NO_PARAMS, Params

MAGIC_COOKIE = "z9hG4bK"

_SLASH = r"[ \t]*/[ \t]*"
_VIA = re.compile(
    rf"(?P<protocol>{TOKEN}{_SLASH}{TOKEN}){_SLASH}(?P<transport>{TOKEN})[ \t]+"
    r"(?P<host>\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9_.\-]+)"
    r"(?:[ \t]*:[ \t]*(?P<port>[0-9]{1,5}))?[ \t]*(?P<params>;.*)?",
    re.DOTALL,
)


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
        match = _VIA.fullmatch(text)
        if match is None:
            raise ParseError("a Via that cannot be read")
        protocol, transport, host, port_text, params = match.groups()
        port = None if port_text is None else int(port_text)
        if port is not None and not 0 < port < 65536:
            raise ParseError("a Via whose port is out of range")
        if len(protocol) != 7:
            protocol = protocol.replace(" ", "").replace("\t", "")
        return cls(transport, host, port, Params.parse(params) if params else NO_PARAMS, protocol)

    def __str__(self) -> str:
        port = "" if self.port is None else f":{self.port}"
        return f"{self.protocol}/{self.transport} {self.host}{port}{self.params}"

    @classmethod
    def parse_list(cls, text: str) -> list["Via"]:
        return [cls.parse(piece.strip(" \t")) for piece in split(text, ",")]

    @property
    def branch(self) -> str:
        """Empty for a peer of RFC 2543 that sent none."""
        return self.params.get("branch") or ""

    @property
    def sent_by(self) -> str:
        """Host in lower case and port, the default one filled in: what transactions and responses are matched by."""
        port = self.port or (5061 if self.transport.upper() in ("TLS", "WSS") else 5060)
        return f"{self.host.lower()}:{port}"

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
