"""Legs that hear each other sit on one media worker; one that sits elsewhere goes there."""

from softswitch.call.leg import Leg


def sits_beside(leg: Leg, other: Leg) -> bool:
    return leg.opened is not None and other.opened is not None and leg.opened.worker == other.opened.worker


async def sit_beside(leg: Leg, other: Leg) -> None:
    """Go to the other leg's worker, where it is not the same; the peer is told the new port by re-INVITE. Raises
    MediaError."""
    if not sits_beside(leg, other):
        await leg.move(beside=other)
