"""An address to listen on, as the configuration writes it: `TRANSPORT://ADDRESS:PORT`, IPv6 in brackets."""

import re
from dataclasses import dataclass, field

from softswitch.errors import UnusableError
from softswitch.sip.nat import is_address
from softswitch.sip.source import TRANSPORTS

_LISTEN = re.compile(rf"({'|'.join(TRANSPORTS)})://(\[[0-9A-Fa-f:.]+\]|[0-9.]+):([0-9]{{1,5}})")


@dataclass(slots=True)
class Listener:
    """Not frozen: port 0 becomes the one that the system gave."""

    transport: str
    address: str
    """IPv6 without brackets."""
    port: int
    text: str = field(default="", compare=False)
    """As the configuration wrote it."""

    @classmethod
    def parse(cls, text: str) -> "Listener":
        match = _LISTEN.fullmatch(text)
        if match is None or not is_address(match[2]) or int(match[3]) > 65535:
            raise UnusableError(
                f"sip.listen: {text!r} is no TRANSPORT://ADDRESS:PORT such as udp://ADDRESS:PORT; "
                f"TRANSPORT is one of {', '.join(TRANSPORTS)}"
            )
        return cls(match[1], match[2].strip("[]"), int(match[3]), text)

    def __str__(self) -> str:
        host = f"[{self.address}]" if self.ipv6 else self.address
        return f"{self.transport}://{host}:{self.port}"

    @property
    def wildcard(self) -> bool:
        return self.address in ("0.0.0.0", "::")

    @property
    def ipv6(self) -> bool:
        return ":" in self.address

    @property
    def secure(self) -> bool:
        return self.transport in ("tls", "wss")

    @property
    def web(self) -> bool:
        return self.transport in ("ws", "wss")
