"""SIP messages as the control API shows them: without secrets."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedView:
    at: float
    """Wall seconds."""
    outgoing: bool
    """The switch sent it."""
    transport: str
    local: tuple[str, int]
    peer: tuple[str, int]
    call: str
    """Call that it belongs to; empty for registrations and the like."""
    leg: str
    party: str
    """`trunk:NAME` or `endpoint:NAME`; empty where nobody is known."""
    sip_call_id: str
    method: str
    status: int
    """0 for a request."""
    line: str
    """`INVITE 600`, `200 OK`."""
    cseq: str
    facts: str
    """Codecs, port, direction of its session description."""
    text: str
    """The message, its secrets masked; each character is one byte (ISO 8859-1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTraceView:
    call: str
    messages: tuple[TracedView, ...] = ()
    left_out: int = 0
    """Messages from the middle of long legs that are not kept."""
    kept: bool = False
    """Read from disk, the call being no longer in memory."""
