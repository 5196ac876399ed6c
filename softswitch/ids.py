"""The names of things that live for a while: one NewType each, so that two strings are never swapped.

Owns how generated ids look: 10 characters of milliseconds since 1970 and 10 of entropy, in Crockford base 32,
so that they sort by time, are safe as file names and never hold what a peer sent.
"""

from typing import NewType

CallId = NewType("CallId", str)
"""One caller's whole stay in the switch, across stages and transfers. Not the SIP Call-ID."""
LegId = NewType("LegId", str)
"""One SIP dialog with its media: a call has one leg for its caller and one for each party it is connected to."""
OfferId = NewType("OfferId", str)
"""One ringing of one agent for one waiting call."""
RecordingId = NewType("RecordingId", str)
MixId = NewType("MixId", str)
"""Legs of one worker that hear each other by a gain matrix: a supervised call or a conference."""
AgentId = NewType("AgentId", str)
QueueName = NewType("QueueName", str)
EndpointName = NewType("EndpointName", str)
TrunkName = NewType("TrunkName", str)
WorkerId = NewType("WorkerId", int)

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = tuple(first + second for first in _ALPHABET for second in _ALPHABET)
ENTROPY_BYTES = 7


def generated_id(wall: float, entropy: bytes) -> str:
    """Twenty characters from `wall` (seconds since 1970) and `entropy` (at least 7 bytes)."""
    if len(entropy) < ENTROPY_BYTES:
        raise ValueError(f"{ENTROPY_BYTES} bytes of entropy are needed, not {len(entropy)}")
    when, random, pairs = int(wall * 1000), int.from_bytes(entropy[:ENTROPY_BYTES]), _PAIRS
    return (  # a call has four: written out it takes half the time of a loop
        f"{pairs[when >> 40 & 1023]}{pairs[when >> 30 & 1023]}{pairs[when >> 20 & 1023]}"
        f"{pairs[when >> 10 & 1023]}{pairs[when & 1023]}"
        f"{pairs[random >> 40 & 1023]}{pairs[random >> 30 & 1023]}{pairs[random >> 20 & 1023]}"
        f"{pairs[random >> 10 & 1023]}{pairs[random & 1023]}"
    )
