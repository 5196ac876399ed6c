"""CSeq of RFC 3261 section 20.16: a number below 2**31 and a method."""

import re
from dataclasses import dataclass
from functools import lru_cache

from softswitch.sip.errors import ParseError
from softswitch.sip.grammar import TOKEN

LARGEST = 2**31 - 1

_LONGEST_REMEMBERED = 32
_CSEQ = re.compile(rf"([0-9]{{1,10}})[ \t]+({TOKEN})")


@dataclass(slots=True, unsafe_hash=True)
class CSeq:
    """Immutable by agreement; not frozen, because that doubles what making one costs, and each message makes several."""

    number: int
    method: str
    """Methods know case: `invite` is not `INVITE`."""

    @classmethod
    def parse(cls, text: str) -> "CSeq":
        return _remembered(text) if len(text) <= _LONGEST_REMEMBERED else cls._parse(text)

    @classmethod
    def _parse(cls, text: str) -> "CSeq":
        match = _CSEQ.fullmatch(text)
        if match is None or (number := int(match[1])) > LARGEST:
            raise ParseError("CSeq is no number below 2**31 and a method")
        return cls(number, match[2])

    def __str__(self) -> str:
        return f"{self.number} {self.method}"


@lru_cache(maxsize=2048)
def _remembered(text: str) -> CSeq:
    """Most calls count alike."""
    return CSeq._parse(text)
