"""Where a message came from, or is to go: transport, address and port. Never what a header claims."""

from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from softswitch.sip.errors import ParseError

TRANSPORTS: Final = ("udp", "tcp", "tls", "ws", "wss")


@dataclass(frozen=True, slots=True)
class Source:
    transport: str
    """`udp`, `tcp`, `tls`, `ws` or `wss`."""
    address: str
    """An IP address as text, IPv6 without brackets."""
    port: int
    name: str = ""
    """Of a connection that we open over TLS: whom the peer's certificate must name. Places with different names never
    share a connection, though they lead to one address."""

    @property
    def secure(self) -> bool:
        return self.transport in ("tls", "wss")

    @property
    def ip(self) -> IPv4Address | IPv6Address:
        """The address as a value; one of IPv4 that came in over an IPv6 socket is the IPv4 one."""
        return _ip(self.address)

    def check(self) -> None:
        """Raises ParseError when nothing can be sent there: what was written down is no place."""
        try:
            ok = self.transport in TRANSPORTS and 0 < self.port < 65536 and bool(self.ip)
        except ValueError:
            ok = False
        if not ok:
            raise ParseError("a place that nothing can be sent to")

    def __str__(self) -> str:
        address = f"[{self.address}]" if ":" in self.address else self.address
        return f"{self.transport}:{address}:{self.port}"


@lru_cache(maxsize=8192)
def source_of(transport: str, address: str, port: int, name: str = "") -> Source:
    """The same value for the same place: peers come again with each message."""
    return Source(transport, address, port, name)


@lru_cache(maxsize=8192)
def _ip(address: str) -> IPv4Address | IPv6Address:
    ip = ip_address(address.partition("%")[0])
    return (ip.ipv4_mapped or ip) if isinstance(ip, IPv6Address) else ip
