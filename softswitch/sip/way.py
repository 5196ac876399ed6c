"""Which transport and port a URI asks for (RFC 3261 sections 18, 19.1.2, 26.2; RFC 7118), before any name is resolved.

`sips:` goes over TLS or not at all. To a WebSocket nobody opens a connection: its phones are reached by the one they
opened. A place behind TLS carries the host of its URI, which the peer's certificate must be for (RFC 5922 section 4).
"""

from softswitch.sip.source import Source
from softswitch.sip.uri import Uri

DEFAULT_PORTS = {"udp": 5060, "tcp": 5060, "tls": 5061, "ws": 80, "wss": 443}
_PLAIN = {"": "udp", "udp": "udp", "tcp": "tcp", "tls": "tls"}
_SECURE = {"": "tls", "tcp": "tls", "tls": "tls"}


def transport_of(uri: Uri) -> str:
    """The transport by which requests to `uri` leave; empty when there is none."""
    return {"sip": _PLAIN, "sips": _SECURE}.get(uri.scheme, {}).get(uri.transport, "")


def place(uri: Uri, transport: str, address: str, port: int) -> Source:
    """An address that was found for `uri`."""
    return Source(transport, address, port, host_of(uri) if transport == "tls" else "")


def direct_place(uri: Uri) -> Source | None:
    """Where a URI with an IP address leads; None when no transport does."""
    transport = transport_of(uri)
    if not transport:
        return None
    return place(uri, transport, uri.host.strip("[]"), uri.port or DEFAULT_PORTS[transport])


def host_of(uri: Uri) -> str:
    """The name or address that a certificate must be for: lower case, no brackets, no dot at the end."""
    return uri.host.strip("[]").rstrip(".").lower()
