"""What a REFER asks for (RFC 3515 section 2.1): whom to call, and whose place to take there.

Owns reading Refer-To and the headers inside its URI, of which Replaces alone is understood: the others would be a peer's
words in an INVITE of ours. Everything is bounded, and only an INVITE can be asked for.
"""

from dataclasses import dataclass

from softswitch.sip.address import Address
from softswitch.sip.errors import ParseError
from softswitch.sip.grammar import fold
from softswitch.sip.message import Request
from softswitch.sip.replaces import Replaces
from softswitch.sip.uri import Uri, unescape

LONGEST = 2048
"""Characters of a Refer-To."""
MAX_HEADERS = 8
"""Headers inside its URI."""


class BadReferTo(ParseError):
    """Missing, doubled, unreadable, or not for an INVITE."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferTo:
    uri: Uri
    """Without headers and `method`."""
    replaces: Replaces | None = None

    @classmethod
    def parse(cls, text: str) -> "ReferTo":
        """Raises ParseError. A URI with headers and no angle brackets is read as phones mean it."""
        if len(text) > LONGEST:
            raise BadReferTo("a Refer-To that is too long", reason="Bad Refer-To")
        uri = Address.parse(text if "<" in text else f"<{text}>").uri
        if uri.scheme not in ("sip", "sips", "tel"):
            raise BadReferTo("a Refer-To of another scheme", sip_status=416)
        method = uri.params.get("method")
        if method is not None and method.upper() != "INVITE":
            raise BadReferTo("a Refer-To for another method than INVITE", reason="Bad Refer-To")
        bare = Uri(uri.scheme, uri.user, uri.host, uri.port, uri.params.without("method"))
        return cls(uri=bare, replaces=_replaces_in(uri.headers))


def _replaces_in(headers: str) -> Replaces | None:
    pieces = headers.split("&", MAX_HEADERS + 1) if headers else []
    if len(pieces) > MAX_HEADERS:
        raise BadReferTo("a Refer-To with too many headers", reason="Bad Refer-To")
    cut = [piece.partition("=") for piece in pieces]
    found = [unescape(value) for name, _, value in cut if fold(unescape(name)) == "replaces"]
    if len(found) > 1:
        raise BadReferTo("a Refer-To with more than one Replaces", reason="Bad Refer-To")
    return Replaces.parse(found[0]) if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferRequest:
    to: ReferTo
    referred_by: str
    """The URI of Referred-By (RFC 3892), or of From; for logs and those who may know."""
    subscribed: bool
    """False: the peer wants no NOTIFY (RFC 4488)."""

    @classmethod
    def of(cls, request: Request) -> "ReferRequest":
        """Raises ParseError."""
        values = request.headers.get_all("Refer-To")
        if len(values) != 1:
            raise BadReferTo("Refer-To must be there once", reason="Bad Refer-To")
        quiet = (request.headers.get("Refer-Sub") or "").partition(";")[0].strip(" \t").lower() == "false"
        return cls(
            to=ReferTo.parse(values[0]), referred_by=str(_referrer(request).bare()), subscribed=not quiet
        )


def _referrer(request: Request) -> Uri:
    values = request.headers.get_all("Referred-By")
    if len(values) > 1:
        raise ParseError("more than one Referred-By")
    return Address.parse(values[0][:LONGEST]).uri if values else request.from_.uri
