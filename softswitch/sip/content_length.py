"""Content-Length of RFC 3261 section 20.14: digits only, and one value however often it stands there."""

from functools import lru_cache

from softswitch.sip.errors import ParseError
from softswitch.sip.grammar import number
from softswitch.sip.headers import Headers

LARGEST_BODY = 2**31 - 1


@lru_cache(maxsize=2048)
def content_length_of(text: str) -> int:
    return number(text, "Content-Length", LARGEST_BODY)


def read_content_length(headers: Headers) -> int | None:
    """The one value of Content-Length, however often it stands there; raises ParseError when there are two."""
    text = headers.value("content-length")
    if text is None:
        return None
    length = content_length_of(text)
    if headers.keys.count("content-length") > 1:
        values = headers.get_all("content-length")
        if any(content_length_of(other) != length for other in values):
            raise ParseError("two values of Content-Length", reason="Bad Content-Length")
    return length
