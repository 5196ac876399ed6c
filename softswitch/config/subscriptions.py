"""The keys of `[subscriptions]`: how long, how many and how fast phones may be told of what they watch."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriptions:
    """Busy lamps, presence and message lamps (RFC 6665). Who may watch what is said by `watches` of phones."""

    min_expires_s: int = 60
    """Shortest subscription accepted; shorter ones get 423."""
    default_expires_s: int = 3600
    """Time when the phone names none."""
    max_expires_s: int = 3600
    """Longest time granted. After a crash of the switch lamps stand still until their phone refreshes, so long at most."""
    most: int = 10000
    """Subscriptions at once; more get 503 with Retry-After."""
    most_per_peer: int = 200
    """Subscriptions of one phone; more get 403."""
    per_second: float = 4.0
    """NOTIFYs to one subscription; of what changes more often the latest state is told."""
