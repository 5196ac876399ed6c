"""What a SUBSCRIBE asks for: package, Event id, time, and whether its sender can read the answer (RFC 6665)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from softswitch.errors import PeerError
from softswitch.sip.event_package import ALLOW_EVENTS, PACKAGES, EventPackage
from softswitch.sip.grammar import TOKEN, fold
from softswitch.sip.message import Request
from softswitch.sip.params import Params

ONE_HOUR_S = 3600
_PACKAGE = re.compile(rf"({TOKEN})[ \t]*(;.*)?", re.DOTALL)
_ID = re.compile(TOKEN)
MOST_ACCEPT = 32


class SubscribeRefused(PeerError):
    """`headers` go with the status."""

    def __init__(
        self, status: int, reason: str | None = None, headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        super().__init__(reason or f"SUBSCRIBE gets {status}", sip_status=status, reason=reason)
        self.headers = headers


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionTimes:
    least_s: int = 60
    default_s: int = 3600
    longest_s: int = 7200


@dataclass(frozen=True, slots=True)
class EventAsked:
    package: EventPackage
    id: str
    """The `id` parameter; empty when there is none."""

    @property
    def header(self) -> str:
        return f"{self.package.name};id={self.id}" if self.id else self.package.name


def event_of(request: Request, packages: Mapping[str, EventPackage] = PACKAGES) -> EventAsked:
    """Raises SubscribeRefused 489 for what is not offered."""
    values = request.headers.get_all("Event")
    match = _PACKAGE.fullmatch(values[0]) if len(values) == 1 else None
    package = packages.get(fold(match[1])) if match is not None else None
    if match is None or package is None:
        raise SubscribeRefused(489, None, (ALLOW_EVENTS,))
    identifier = Params.parse(match[2]).get("id") or "" if match[2] else ""
    if identifier and _ID.fullmatch(identifier) is None:
        raise SubscribeRefused(400, "Bad Event")
    return EventAsked(package, identifier)


def check_accept(request: Request, package: EventPackage) -> None:
    """Raises SubscribeRefused 406. Without Accept the package's own type is understood (RFC 6665 section 3.1.3)."""
    ranges = request.headers.get_list("Accept")[:MOST_ACCEPT]
    if not ranges:
        return
    kind = package.content_type.partition("/")[0]
    wanted = {fold(accepted.partition(";")[0].strip(" \t")) for accepted in ranges}
    if not wanted & {package.content_type, f"{kind}/*", "*/*"}:
        raise SubscribeRefused(406, None, (("Accept", package.content_type),))


def granted_s(request: Request, times: SubscriptionTimes) -> int:
    """Seconds; 0 ends a subscription or fetches. Raises SubscribeRefused 423, but never for an hour or more."""
    seconds = times.default_s if request.expires is None else request.expires
    if 0 < seconds < min(ONE_HOUR_S, times.least_s):
        raise SubscribeRefused(423, None, (("Min-Expires", str(times.least_s)),))
    return min(seconds, times.longest_s)
