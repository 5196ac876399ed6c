"""An address to listen on, as the configuration writes it: `udp://ADDRESS:PORT` or `tcp://ADDRESS:PORT`."""

import re
from dataclasses import dataclass

from softswitch.errors import UnusableError
from softswitch.sip.nat import is_address

_LISTEN = re.compile(r"(udp|tcp)://(\[[0-9A-Fa-f:.]+\]|[0-9.]+):([0-9]{1,5})")


@dataclass(slots=True)
class Listener:
    """Not frozen: port 0 becomes the one that the system gave."""

    transport: str
    address: str
    """IPv6 without brackets."""
    port: int

    @classmethod
    def parse(cls, text: str) -> "Listener":
        match = _LISTEN.fullmatch(text)
        if match is None or not is_address(match[2]) or int(match[3]) > 65535:
            raise UnusableError(f"sip.listen: {text!r} is no udp://ADDRESS:PORT or tcp://ADDRESS:PORT")
        return cls(match[1], match[2].strip("[]"), int(match[3]))

    def __str__(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{self.transport}://{host}:{self.port}"

    @property
    def wildcard(self) -> bool:
        return self.address in ("0.0.0.0", "::")
