"""name-addr and addr-spec of RFC 3261 section 20.10, as From, To, Contact, Route and their like carry them.

Without angle brackets, what follows a semicolon belongs to the header, not to the URI, and `?` or `,` are refused.
A display name may hold more than the grammar's tokens (phones send `José (2)` unquoted), but no comma.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from softswitch.sip.errors import ParseError
from softswitch.sip.grammar import TOKEN, quote, quoted_string, readable, split
from softswitch.sip.params import NO_PARAMS, Params
from softswitch.sip.uri import USUAL_URI, Uri

_LONGEST_REMEMBERED = 256
_USUAL = re.compile(rf'(?:"[ !#-\[\]-~]*" ?)?<{USUAL_URI}>(?:;tag=({TOKEN}))?')
"""Nearly every From and To: there is nothing to be said against it."""
_NOT_DISPLAY = re.compile(r'["<>,;\\\x00\r\n]')


@dataclass(slots=True, unsafe_hash=True)
class Address:
    """Immutable by agreement; not frozen, because that doubles what making one costs, and each message makes several."""

    uri: Uri
    display_name: str = ""
    """Unquoted, unescaped, and readable: no control characters, bytes that were no UTF-8 read as Latin-1."""
    params: Params = NO_PARAMS

    @classmethod
    def parse(cls, text: str) -> "Address":
        """One address with nothing before or behind it."""
        return _remembered(text) if len(text) <= _LONGEST_REMEMBERED else cls._parse(text)

    @classmethod
    def _parse(cls, text: str) -> "Address":
        display, rest = "", text
        if text.startswith('"'):
            display, end = quoted_string(text)
            rest = text[end:].lstrip(" \t")
            if not rest.startswith("<"):
                raise ParseError("a display name without an address")
        left = rest.find("<")
        if left < 0:
            return cls._parse_addr_spec(rest)
        if left > 0:
            display = rest[:left].rstrip(" \t")
            if _NOT_DISPLAY.search(display):
                raise ParseError("a display name that needs quotes")
        right = rest.find(">", left)
        if right < 0:
            raise ParseError("an angle bracket is never closed")
        params = rest[right + 1 :].strip(" \t")
        display = readable(display) if display else ""
        return cls(Uri.parse(rest[left + 1 : right]), display, Params.parse(params))

    @classmethod
    def _parse_addr_spec(cls, text: str) -> "Address":
        spec, semicolon, params = text.partition(";")
        if "," in spec or "?" in spec:
            raise ParseError("a URI with a comma or question mark needs angle brackets")
        return cls(Uri.parse(spec.rstrip(" \t")), params=Params.parse(semicolon + params))

    def __str__(self) -> str:
        display = f"{quote(self.display_name)} " if self.display_name else ""
        return f"{display}<{self.uri}>{self.params.written}"

    @classmethod
    def parse_list(cls, text: str) -> list["Address"]:
        """A comma list; commas in quotes and angle brackets do not count."""
        if "," not in text:
            return [cls.parse(text.strip(" \t"))]
        return [cls.parse(piece.strip(" \t")) for piece in split(text, ",")]

    @property
    def tag(self) -> str:
        """Empty when there is none."""
        return self.params.get("tag") or ""


@lru_cache(maxsize=2048)
def _remembered(text: str) -> Address:
    """From, To and Contact come again with each message of a dialog."""
    return Address._parse(text)


def checked_tag(text: str) -> str:
    """The tag; raises ParseError where `Address.parse` would."""
    usual = _USUAL.fullmatch(text)
    return usual[1] or "" if usual is not None else Address.parse(text).tag


def tag_of(text: str) -> str:
    """The tag of a From or To without taking the address apart: on the path of each message."""
    head, bracket, tag = text.rpartition(">;tag=")
    if bracket and tag.isalnum() and tag.isascii() and '"' not in head and ">" not in head:
        return tag
    behind = text.rfind(">") + 1
    if '"' in text and (not behind or text.find('"', behind) >= 0):
        return Address.parse(text).tag
    semicolon = text.find(";", behind)
    return "" if semicolon < 0 else Params.parse(text[semicolon:]).get("tag") or ""
