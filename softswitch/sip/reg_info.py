"""Bodies of the registration event package: `application/reginfo+xml` (RFC 3680 section 5).

Where a phone is stands in the detailed form only; the plain one shows its address of record in place of each contact.
"""

from dataclasses import dataclass
from typing import Literal

from softswitch.sip.envelope import Envelope
from softswitch.sip.resource_state import Item
from softswitch.sip.xml_text import HEAD, HOST, text, with_host

CONTENT_TYPE = "application/reginfo+xml"
ContactEvent = Literal["registered", "created", "refreshed", "expired", "unregistered"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedContact:
    id: str
    user: str
    """The endpoint."""
    uri: str
    event: ContactEvent
    expires_s: int = 0
    """Seconds left when this was written; 0 for one that has ended."""
    registered_s: int = 0
    """Since it was first made."""


def item(contact: WatchedContact) -> Item:
    over = contact.event in ("expired", "unregistered")
    left = "" if over else f' expires="{contact.expires_s}"'
    head = (
        f'<contact id="{text(contact.id)}" state="{"terminated" if over else "active"}" event="{contact.event}" '
        f'duration-registered="{contact.registered_s}"{left}>'
    )
    plain = f"{head}<uri>sip:{text(contact.user)}@{HOST}</uri></contact>\n".encode()
    return Item(plain, f"{head}<uri>{text(contact.uri)}</uri></contact>\n".encode())


def wrap(envelope: Envelope, inner: bytes) -> bytes:
    state = "full" if envelope.full else "partial"
    registration = "active" if envelope.live else "terminated" if inner else "init"
    head = (
        f'<reginfo xmlns="urn:ietf:params:xml:ns:reginfo" version="{envelope.version}" state="{state}">\n'
        f'<registration aor="{text(envelope.address)}" id="r1" state="{registration}">\n'
    )
    return HEAD + head.encode() + with_host(inner, envelope.host) + b"</registration>\n</reginfo>\n"
