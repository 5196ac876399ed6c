"""What a stack has seen since it began: plain counters, for the command line and metrics."""

from collections import Counter
from dataclasses import dataclass, field


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
    faults: int = 0
    """Exceptions of ours, each logged once for its kind."""
