"""Bodies of the presence event package: `application/pidf+xml` (RFC 3856, RFC 3863) with activities of RFC 4480."""

from dataclasses import dataclass
from typing import Literal

from softswitch.sip.envelope import Envelope
from softswitch.sip.resource_state import Item
from softswitch.sip.xml_text import HEAD, HOST, text, with_host

CONTENT_TYPE = "application/pidf+xml"
Activity = Literal["", "on-the-phone", "away", "busy"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    user: str
    open: bool
    """Can be called."""
    note: str = ""
    """What a person reads: `On the phone`, `Paused: lunch`."""
    activity: Activity = ""


def item(presence: Presence) -> Item:
    basic = "open" if presence.open else "closed"
    contact = f'<contact priority="1">sip:{text(presence.user)}@{HOST}</contact>\n' if presence.open else ""
    note = f"<note>{text(presence.note)}</note>\n" if presence.note else ""
    activities = (
        f"<rpid:activities><rpid:{presence.activity}/></rpid:activities>" if presence.activity else ""
    )
    body = (
        f'<tuple id="t1">\n<status><basic>{basic}</basic></status>\n{contact}{note}</tuple>\n'
        f'<dm:person id="p1">{activities}</dm:person>\n'
    ).encode()
    return Item(body, body)


def wrap(envelope: Envelope, inner: bytes) -> bytes:
    head = (
        '<presence xmlns="urn:ietf:params:xml:ns:pidf" xmlns:dm="urn:ietf:params:xml:ns:pidf:data-model" '
        f'xmlns:rpid="urn:ietf:params:xml:ns:pidf:rpid" entity="{text(envelope.address)}">\n'
    )
    return HEAD + head.encode() + with_host(inner, envelope.host) + b"</presence>\n"
