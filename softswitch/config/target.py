"""Where a call can be sent, written as one short string in routes, flows and overflows.

`flow:main` · `queue:support` · `extension:1001` · `trunk:carrier` (a trunk or a group; same number) ·
`trunk:carrier/+34911` · `lcr:world` (the cheapest trunk for the number) ·
`message:sales` (record a message in that box) · `play:closed` (say it, then hang up) · `hangup` · `hangup:busy` ·
`agent:ana` (at whatever phone she sits) · `conference:monday` (join that room).
"""

import re
from dataclasses import dataclass
from functools import lru_cache

KINDS = ("flow", "queue", "extension", "trunk", "message", "play", "hangup", "agent", "conference", "lcr")
OUTWARD = frozenset({"trunk", "lcr"})
"""Kinds that lead out through a trunk."""
HANGUP_STATUS = {"": 603, "busy": 486, "congestion": 503, "unknown": 404, "declined": 603}

_PATTERN = re.compile(r"(?P<kind>[a-z]+)(?::(?P<name>[^/\s]+)(?:/(?P<argument>[^\s]+))?)?")


@dataclass(frozen=True, slots=True)
class Target:
    kind: str
    """One of `KINDS`."""
    name: str = ""
    argument: str = ""
    """The number to dial at a trunk; empty means the number that was called."""

    @classmethod
    @lru_cache(maxsize=1024)
    def parse(cls, text: str) -> "Target":
        """Raises ValueError that says what was expected. A configuration has few, and each call is led by one."""
        match = _PATTERN.fullmatch(text)
        if match is None or match["kind"] not in KINDS:
            raise ValueError(
                f"{text!r} is no target; expected one of {', '.join(f'{kind}:NAME' for kind in KINDS)}"
            )
        kind, name, argument = match["kind"], match["name"] or "", match["argument"] or ""
        if kind == "hangup" and name not in HANGUP_STATUS:
            raise ValueError(f"{text!r}: hangup takes {', '.join(filter(None, HANGUP_STATUS))} or nothing")
        if kind != "hangup" and not name:
            raise ValueError(f"{text!r} lacks a name: {kind}:NAME")
        if argument and kind not in OUTWARD:
            raise ValueError(f"{text!r}: only trunk:NAME/NUMBER and lcr:NAME/NUMBER take a second part")
        return cls(kind, name, argument)

    def __str__(self) -> str:
        return (
            self.kind
            + (f":{self.name}" if self.name else "")
            + (f"/{self.argument}" if self.argument else "")
        )
