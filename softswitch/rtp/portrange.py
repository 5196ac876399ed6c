"""A range of UDP ports as the configuration writes it, `FIRST-LAST`: even ports for RTP, the odd ones above for RTCP."""

import itertools
import re
from dataclasses import dataclass

from softswitch.errors import UnusableError

_PATTERN = re.compile(r"([0-9]{1,5})-([0-9]{1,5})")


@dataclass(frozen=True, slots=True)
class PortRange:
    first: int
    """The first even port."""
    last: int
    """The last odd port."""

    @classmethod
    def parse(cls, text: str) -> "PortRange":
        """Raises UnusableError that says what was expected."""
        match = _PATTERN.fullmatch(text.strip())
        if match is None:
            raise UnusableError(f"rtp.ports = {text!r}: expected FIRST-LAST, like 10000-20000")
        first, last = int(match[1]), int(match[2])
        first += first % 2
        last -= 1 - last % 2
        if not 1024 <= first < last <= 65535:
            raise UnusableError(
                f"rtp.ports = {text!r}: expected at least one even and odd port in 1024-65535"
            )
        return cls(first, last)

    @property
    def pairs(self) -> int:
        return (self.last - self.first + 1) // 2

    def split(self, parts: int) -> "list[PortRange]":
        """`parts` ranges that do not overlap, of as equal size as can be."""
        if parts > self.pairs:
            raise UnusableError(f"rtp.ports = {self}: {self.pairs} port pairs for {parts} media workers")
        edges = [self.first + 2 * (self.pairs * part // parts) for part in range(parts + 1)]
        return [PortRange(low, high - 1) for low, high in itertools.pairwise(edges)]

    def __str__(self) -> str:
        return f"{self.first}-{self.last}"
