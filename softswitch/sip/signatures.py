"""How scanners give themselves away: texts in headers, `HEADER: TEXT`, found without regard to case.

Asked only for requests of strangers. A header that is not there matches nothing.
"""

from collections.abc import Iterable

from softswitch.sip.message import Request

_LONGEST = 512
"""Characters of a header that are looked at."""


class Signatures:
    def __init__(self, texts: Iterable[str]) -> None:
        """Raises ValueError for one without a header's name or without text."""
        self._wanted = tuple(parsed_signature(text) for text in texts)

    def match(self, request: Request) -> str:
        """The first that fits, as `HEADER: TEXT`; empty when none does."""
        headers = request.headers
        for name, text in self._wanted:
            value = headers.get(name)
            if value is not None and text in value[:_LONGEST].lower():
                return f"{name}: {text}"
        return ""


def parsed_signature(text: str) -> tuple[str, str]:
    """Header name and text in lower case; raises ValueError."""
    name, colon, wanted = text.partition(":")
    if not colon or not name.strip() or not wanted.strip():
        raise ValueError(f"{text!r} is not HEADER: TEXT")
    return name.strip(), wanted.strip().lower()
