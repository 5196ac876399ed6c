"""How long callers will probably wait, for whoever looks."""

from softswitch.acd.wait_range import WaitRange
from softswitch.api.wait_views import WaitRangeView
from softswitch.app.parts import Parts
from softswitch.ids import CallId

WAITS_SHOWN = 200
"""Callers of one queue whose waits are computed for a view."""


def wait_view(wait: WaitRange | None) -> WaitRangeView | None:
    if wait is None:
        return None
    return WaitRangeView(low_s=wait.low_s, high_s=wait.high_s, expected_s=wait.expected_s)


def wait_ahead(parts: Parts, call: CallId, *, virtual: bool = False) -> WaitRangeView | None:
    """Of a caller who waits, or is to be called back; None for all others."""
    if not (virtual or parts.dispatcher.waits(call)):
        return None
    return wait_view(parts.dispatcher.engine.wait_of(call, parts.clock.monotonic()))
