"""Max-Forwards and Expires (RFC 3261 sections 20.22 and 20.19): digits only."""

from functools import lru_cache

from softswitch.sip.grammar import clamped_number, number

LARGEST_EXPIRES = 2**32 - 1


@lru_cache(maxsize=256)
def max_forwards_of(text: str) -> int:
    return number(text, "Max-Forwards", 255)


def expires_of(text: str) -> int:
    """Seconds; what does not fit in 32 bits counts as the largest that does."""
    return clamped_number(text, "Expires", LARGEST_EXPIRES)
