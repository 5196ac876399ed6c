"""How long callers will probably wait, as the control API shows it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitRangeView:
    """Four of five callers wait between these."""

    low_s: float
    high_s: float
    expected_s: float
    """The mean."""
