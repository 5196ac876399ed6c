"""Which transport and port a URI asks for (RFC 3261 sections 18, 19.1.2, 26.2; RFC 7118), before any name is resolved.

`sips:` goes over TLS or not at all. To a WebSocket nobody opens a connection: its phones are reached by the one they
opened. A place behind TLS carries the host of its URI, which the peer's certificate must be for (RFC 5922 section 4).
"""

from softswitch.sip.source import Source, source_of
from softswitch.sip.uri import Uri
from softswitch.sip.via import Via

DEFAULT_PORTS = {"udp": 5060, "tcp": 5060, "tls": 5061, "ws": 80, "wss": 443}
_PLAIN = {"": "udp", "udp": "udp", "tcp": "tcp", "tls": "tls"}
_SECURE = {"": "tls", "tcp": "tls", "tls": "tls"}


def transport_of(uri: Uri) -> str:
    """The transport by which requests to `uri` leave; empty when there is none."""
    if uri.scheme == "sip":
        return _PLAIN.get(uri.transport, "")
    return _SECURE.get(uri.transport, "") if uri.scheme == "sips" else ""


def place(uri: Uri, transport: str, address: str, port: int) -> Source:
    """An address that was found for `uri`."""
    return source_of(transport, address, port, host_of(uri) if transport == "tls" else "")


def direct_place(uri: Uri) -> Source | None:
    """Where a URI with an IP address leads; None when no transport does."""
    transport = transport_of(uri)
    if not transport:
        return None
    return place(uri, transport, uri.host.strip("[]"), uri.port or DEFAULT_PORTS[transport])


def host_of(uri: Uri) -> str:
    """The name or address that a certificate must be for: lower case, no brackets, no dot at the end."""
    return uri.host.strip("[]").rstrip(".").lower()


def own_contact(place: str, transport: str, user: str, *, secure: bool) -> str:
    """A Contact value of ours: `sips:` for what was asked for as that and came over TLS (RFC 3261 section 12.1.1)."""
    told = {"udp": "", "wss": ";transport=ws"}.get(transport, f";transport={transport}")
    if secure and transport in ("tls", "wss"):
        scheme, told = "sips", ";transport=ws" if transport == "wss" else ""
    else:
        scheme = "sip"
    return f"<{scheme}:{user}@{place}{told}>" if user else f"<{scheme}:{place}{told}>"


def reply_place(via: Via, lost: Source) -> Source | None:
    """Where a response goes whose connection is gone (section 18.2.2): the address it came from, the port of sent-by; None
    where nobody can connect to."""
    if lost.transport not in ("tcp", "tls"):
        return None
    name = via.host.strip("[]").lower() if lost.transport == "tls" else ""
    return Source(lost.transport, lost.address, via.port or DEFAULT_PORTS[lost.transport], name)
