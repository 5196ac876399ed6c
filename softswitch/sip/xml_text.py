"""Text of ours inside the XML of event bodies: escaped, without what XML 1.0 cannot hold, and never long.

`HOST` stands in fragments for the host that a subscriber knows us by; XML cannot hold it, so nothing else can be it.
"""

import re
from xml.sax.saxutils import escape

HOST = "\0"
LONGEST = 128
HEAD = b'<?xml version="1.0" encoding="UTF-8"?>\n'
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_QUOTES = {'"': "&quot;", "'": "&apos;", "\t": " ", "\n": " ", "\r": " "}


def text(value: str) -> str:
    """`value` for use between tags or inside a quoted attribute."""
    return escape(_ILLEGAL.sub("", value[:LONGEST]), _QUOTES)


def with_host(fragment: bytes, host: str) -> bytes:
    """`fragment` with every `HOST` in it replaced."""
    return fragment.replace(b"\0", text(host).encode())
