"""What a stack has seen since it began: plain counters, for the command line and metrics."""

from collections import Counter
from dataclasses import dataclass, field

METHODS = frozenset(
    b"INVITE ACK BYE CANCEL OPTIONS REGISTER INFO MESSAGE NOTIFY PRACK PUBLISH REFER SUBSCRIBE UPDATE".split()
)
"""Those that are counted by name; a peer may invent others."""
_RESPONSE = b"SIP/2.0 "


@dataclass(slots=True)
class Messages:
    """Messages that went one way, by what they are."""

    requests: Counter[bytes] = field(default_factory=Counter)
    """By method."""
    responses: Counter[bytes] = field(default_factory=Counter)
    """By status, three digits."""

    def count(self, data: bytes) -> None:
        """Looks at the first bytes only: it is done for every message."""
        if data[:8] == _RESPONSE:
            status = data[8:11]
            if status.isdigit():
                self.responses[status] += 1
            return
        method = data[: data.find(b" ", 0, 12)]
        self.requests[method if method in METHODS else b"other"] += 1


@dataclass(slots=True)
class StackStats:
    received: int = 0
    """Datagrams and messages of streams."""
    sent: int = 0
    unparsable: int = 0
    """What was no SIP, or SIP that cannot be answered."""
    keepalives: int = 0
    repeated: int = 0
    """Requests of a peer that came again and were answered by their transaction."""
    stray: int = 0
    """Responses and ACKs that belong to nothing."""
    stateless: Counter[int] = field(default_factory=Counter)
    """Stateless final responses by status."""
    too_short: int = 0
    """Requests of strangers without an answer, since any would have been more than half as long again."""
    sessions_in: int = 0
    sessions_out: int = 0
    incoming: Messages = field(default_factory=Messages)
    outgoing: Messages = field(default_factory=Messages)
    faults: int = 0
    """Exceptions of ours, each logged once for its kind."""
