"""What a caller wants hidden (RFC 3323 section 4.2, RFC 3325 section 9.3): the Privacy header of a request."""

from softswitch.sip.grammar import fold
from softswitch.sip.message import Request

HIDES = frozenset({"id", "header", "user"})
_KNOWN = (*sorted(HIDES), "session", "critical")
LONGEST = 128


def privacy_of(request: Request) -> tuple[str, ...]:
    """The known words, in one order; empty: nothing is hidden, also for `none`."""
    if "Privacy" not in request.headers:
        return ()
    text = ";".join(request.headers.get_all("Privacy"))[:LONGEST]
    words = {fold(word.strip(" \t")) for word in text.replace(",", ";").split(";")}
    if "none" in words or words.isdisjoint(HIDES):
        return ()
    return tuple(word for word in _KNOWN if word in words)
