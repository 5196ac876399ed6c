"""What `sips:` asks of whoever sends, serves, passes on or registers it (RFC 5630, RFC 3261 section 26.2.2).

Every hop goes over TLS, and there is no exception for the last one: what cannot go so is refused with 480 and Warning 380,
and nobody makes a `sip:` of it. `transport=tls` is deprecated, and says no more than that a `sip:` goes over TLS here.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from softswitch.errors import PeerError
from softswitch.sip.address import Address
from softswitch.sip.message import Request
from softswitch.sip.source import Source
from softswitch.sip.uri import Uri

SIPS: Final = "sips"
NOT_ALLOWED: Final = (("Warning", '380 softswitch "SIPS Not Allowed"'),)
"""Beside 480: who was called cannot be reached so (section 5.3)."""


class SipsNotAllowed(PeerError):
    sip_status = 480
    headers = NOT_ALLOWED

    def __init__(self) -> None:
        super().__init__("called by sips:, and not to be reached so")


class NotSecure(PeerError):
    """Asked for by `sips:` over something else than TLS, or only half by it: the parts contradict each other."""

    sip_status = 400

    def __init__(self, reason: str) -> None:
        super().__init__(reason, reason=reason)


def may_go(uri: Uri, place: Source) -> bool:
    """A request for `uri` to this place."""
    return uri.scheme != SIPS or place.secure


def secured(uri: Uri) -> Uri:
    """The same resource, over TLS or not at all."""
    return replace(uri, scheme=SIPS) if uri.scheme == "sip" else uri


def secured_route(value: str) -> str:
    """A Route value on the way to a `sips:` (section 5.1.1)."""
    address = Address.parse(value)
    return str(replace(address, uri=secured(address.uri))) if address.uri.scheme == "sip" else value


def check_arrival(request: Request, source: Source) -> None:
    """Raises NotSecure for a `sips:` that came in clear."""
    if request.uri.scheme == SIPS and not source.secure:
        raise NotSecure("SIPS Needs TLS")


def asked_securely(invite: Request) -> bool:
    """The dialog of this INVITE is to stay on TLS: by its Request-URI, top Record-Route or, where nobody stands between, by
    the caller's Contact (RFC 3261 section 12.1.1)."""
    if invite.uri.scheme == SIPS:
        return True
    told = invite.record_routes or invite.contacts
    return bool(told) and told[0].uri.scheme == SIPS


def secure_dialog(invite: Request, source: Source) -> bool:
    """Our Contact is to be `sips:`. Raises NotSecure where that would lead back in clear."""
    secure = asked_securely(invite)
    if secure and not source.secure:
        raise NotSecure("SIPS Needs TLS")
    return secure


def check_registration(contact: Uri, source: Source, path: Iterable[str]) -> None:
    """A `sips:` Contact is taken where it can be kept: over TLS, by a Path of TLS alone. Raises NotSecure. Section 5.2
    wants Request-URI and address of record to be of the same scheme; phones that write `sips:` in their Contact alone are
    as reachable over their connection as others, and are not sent away for it."""
    if contact.scheme != SIPS:
        return
    if not source.secure:
        raise NotSecure("SIPS Needs TLS")
    hops = [Address.parse(value).uri for value in path]
    if any(uri.scheme != SIPS and uri.params.get("transport") != "tls" for uri in hops):
        raise NotSecure("SIPS Contact Needs SIPS Path")
