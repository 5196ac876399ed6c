"""Where a call has been before: History-Info (RFC 7044) and Diversion (RFC 5806), read, kept as they came, and lengthened.

Everything is bounded; a list that cannot be read is left out as a whole, because half of it would tell something else.
Indices grow as section 10.3 of RFC 7044 says: a target below the one that it was made of, a target after a refusal beside
the one that refused. Diversion has its newest entry on top.
"""

import re
from dataclasses import dataclass

from softswitch.errors import PeerError
from softswitch.sip.address import Address
from softswitch.sip.message import Request
from softswitch.sip.uri import Uri

MOST = 16
"""Entries of one list."""
MOST_BYTES = 4096
_INDEX = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3}){0,15}")
STATUS = {
    "unconditional": 302,
    "deflection": 302,
    "user-busy": 486,
    "no-answer": 408,
    "unavailable": 480,
}
"""Reasons of RFC 5806 and what RFC 7044 tells of them by Reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Forwarded:
    """One who had the call and gave it on."""

    number: str
    why: str
    """A key of `STATUS`."""
    refused: bool = False
    """It was called and answered so; False: it gave the call on without that."""
    transfer: bool = False
    """It had answered, and put the other side through."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """Where a call has been until now."""

    called: str = ""
    """The number that the caller dialled."""
    history: tuple[str, ...] = ()
    """Entries of History-Info as a trusted peer sent them."""
    diversions: tuple[str, ...] = ()
    """The same of Diversion, the newest first."""
    steps: tuple[Forwarded, ...] = ()
    """What has happened to it here, in order."""

    def history_info(self, host: str, target: Uri) -> str:
        """The value for an INVITE to `target`; empty where there is nothing to tell."""
        if not self.steps and not self.history:
            return ""
        ours: list[_Entry] = []
        if self.history:
            index, user = _index_of(self.history[-1]), Address.parse(self.history[-1]).uri.user
        else:
            index, user = "1", self.called
            ours.append(_Entry(user, index))
        beside = False
        for step in self.steps:
            if step.number != user:
                index, user = _next(index, beside=beside), step.number
                ours.append(_Entry(user, index))
            if ours:
                ours[-1].status = STATUS[step.why]
            beside = step.refused
        last = f"<{target}>;index={_next(index, beside=beside)};mp={index}"
        return ", ".join((*self.history, *(entry.written(host) for entry in ours), last))

    def diversion(self, host: str) -> tuple[str, ...]:
        """The values, the newest first."""
        own = tuple(
            f"{Address(Uri(scheme='sip', user=step.number, host=host))};reason={step.why};counter=1"
            for step in reversed(self.steps)
        )
        return own + self.diversions


@dataclass(slots=True)
class _Entry:
    user: str
    index: str
    status: int = 0
    """Why the call went on from there; 0: it is there still."""

    def written(self, host: str) -> str:
        reason = f"Reason=SIP%3Bcause%3D{self.status}" if self.status else ""
        return f"<{Uri(scheme='sip', user=self.user, host=host, headers=reason)}>;index={self.index}"


def past_of(request: Request) -> Past:
    """What a trusted peer tells."""
    history = _bounded(request, "History-Info")
    if any(not _INDEX.fullmatch(_index_of(entry)) for entry in history):
        history = ()
    return Past(history=history, diversions=_bounded(request, "Diversion"))


def _bounded(request: Request, name: str) -> tuple[str, ...]:
    if name not in request.headers:
        return ()
    found = request.headers.get_list(name)
    if len(found) > MOST or sum(map(len, found)) > MOST_BYTES:
        return ()
    try:
        for text in found:
            Address.parse(text)
    except PeerError:
        return ()
    return tuple(found)


def _index_of(entry: str) -> str:
    return Address.parse(entry).params.get("index") or ""


def _next(index: str, *, beside: bool) -> str:
    if not beside:
        return f"{index}.1"
    above, dot, last = index.rpartition(".")
    return f"{above}{dot}{int(last) + 1}"
