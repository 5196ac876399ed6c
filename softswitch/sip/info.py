"""DTMF in INFO bodies: `application/dtmf-relay` (Signal=, Duration=) and `application/dtmf` (one character)."""

import re

_SIGNAL = re.compile(
    rb"(?:\A|[\r\n])[ \t]*Signal[ \t]*=[ \t]*([0-9A-Da-d*#]|1[0-5])[ \t]*(?:[\r\n]|\Z)", re.IGNORECASE
)
_BARE = re.compile(rb"\s*([0-9A-Da-d*#]|1[0-5])\s*")
_NUMBERED = {10: "*", 11: "#", 12: "A", 13: "B", 14: "C", 15: "D"}


def digit_of(content_type: str, body: bytes) -> str:
    """The digit, `0`-`9 A`-`D * #`; empty when the body is of another kind or says none."""
    if content_type == "application/dtmf-relay":
        match = _SIGNAL.search(body[:256])
    elif content_type == "application/dtmf":
        match = _BARE.fullmatch(body[:16]) if len(body) <= 16 else None
    else:
        return ""
    if match is None:
        return ""
    text = match[1].decode("ascii").upper()
    return _NUMBERED[int(text)] if len(text) == 2 else text
