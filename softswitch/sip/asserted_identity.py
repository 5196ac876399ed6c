"""Who calls, as a trusted peer asserts it: P-Asserted-Identity (RFC 3325) before Remote-Party-ID (draft-ietf-sip-privacy).

To be asked of trusted peers only. What cannot be read is passed over: it costs no call.
"""

from dataclasses import dataclass

from softswitch.errors import PeerError
from softswitch.sip.address import Address
from softswitch.sip.grammar import fold
from softswitch.sip.message import Request

MOST = 8
"""Values of one header that are looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asserted:
    number: str = ""
    """User of a `sip:` URI or number of a `tel:` one; empty: nothing is asserted."""
    display_name: str = ""
    private: bool = False
    """Remote-Party-ID says that it must not be shown."""


NOTHING = Asserted()


def asserted_by(request: Request) -> Asserted:
    for address in _addresses(request, "P-Asserted-Identity"):
        if address.uri.user:
            return Asserted(number=address.uri.user, display_name=address.display_name)
    for address in _addresses(request, "Remote-Party-ID"):
        if address.uri.user and fold(address.params.text("party") or "calling") == "calling":
            privacy = fold(address.params.text("privacy") or "off")
            return Asserted(
                number=address.uri.user, display_name=address.display_name, private=privacy != "off"
            )
    return NOTHING


def _addresses(request: Request, name: str) -> list[Address]:
    if name not in request.headers:
        return []
    found = []
    for text in request.headers.get_list(name)[:MOST]:
        try:
            found.append(Address.parse(text))
        except PeerError:
            continue
    return found
