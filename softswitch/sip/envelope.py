"""What one NOTIFY adds to a body that many share."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Envelope:
    user: str
    """User part of the address that is watched, as the subscriber wrote it."""
    host: str
    """And its host: what the subscriber knows us by."""
    version: int
    """Rises by one with each NOTIFY of a subscription."""
    full: bool
    """All of the state, not only what has changed."""
    live: bool
    """Something is going on at the resource."""

    @property
    def address(self) -> str:
        return f"sip:{self.user}@{self.host}"
