"""How much of the switch one peer, and all peers together, may take through connections."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamLimits:
    message_bytes: int = 65535
    message_deadline_s: float = 15.0
    """For the rest of a message that has begun, and for the first valid one of a connection that a peer opened."""
    handshake_s: float = 10.0
    """For the handshake of TLS, and the request that opens a WebSocket."""
    connect_deadline_s: float = 8.0
    """For a connection of ours, handshake included."""
    connections: int = 4000
    """Of peers; those that we open are not counted."""
    connections_per_address: int = 400
    unsent_bytes: int = 1 << 20
    """A peer that leaves so much unread is disconnected."""
    read_deadline_s: float = 20.0
    """A peer that leaves more than a little unread for so long is disconnected too."""
    waiting_messages: int = 64
    """For a connection that is being opened."""
    keepalive_s: float = 0.0
    """Pause between keep-alives on connections that we opened (RFC 5626 section 3.5.1); 0 sends none."""
    ping_s: float = 30.0
    """Pause between pings of a WebSocket; one that is not answered within half of it ends the connection."""
