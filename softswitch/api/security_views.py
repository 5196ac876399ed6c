"""What the control API shows of bans, rates and load."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class BanView:
    address: str
    """An address, or a network `ADDRESS/BITS`."""
    why: str
    since: float
    """Wall seconds."""
    until: float | None
    """None: until it is lifted."""
    times: int
    """How often this source has been banned."""
    manual: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SecurityView:
    bans: tuple[BanView, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    """What was not heard and what was done wrong, by the reason, since the switch started."""
    sources: int = 0
    """Addresses that are remembered."""
    unanswered: int = 0
    """Requests too short to be answered without amplifying them."""
    load: str = "normal"
    """`normal`, `high` (new calls are refused), `severe` (registrations too)."""
    pressure: float = 0.0
    """1 is where new calls are refused, 2 where registrations are."""
    refused_by_load: int = 0
