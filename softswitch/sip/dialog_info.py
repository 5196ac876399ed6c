"""Bodies of the dialog event package: `application/dialog-info+xml` (RFC 4235 section 4), what busy lamps read.

One `<dialog>` for each call of a phone, seen from that phone. Who the other side is, and the tags by which the dialog
could be replaced, stand in the detailed form only.
"""

from dataclasses import dataclass
from typing import Literal

from softswitch.sip.envelope import Envelope
from softswitch.sip.resource_state import Item
from softswitch.sip.xml_text import HEAD, HOST, text, with_host

CONTENT_TYPE = "application/dialog-info+xml"
DialogStateName = Literal["trying", "proceeding", "early", "confirmed", "terminated"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedDialog:
    """One dialog of what is watched."""

    id: str
    state: DialogStateName
    user: str
    """User part of the watched side's address."""
    direction: Literal["", "initiator", "recipient"] = ""
    display: str = ""
    """Name of the watched side, shown to every watcher: a count of callers, a place where a call is parked."""
    remote: str = ""
    """Number of the other side."""
    remote_display: str = ""
    call_id: str = ""
    local_tag: str = ""
    """Tag of the watched side."""
    remote_tag: str = ""


def item(dialog: WatchedDialog) -> Item:
    """Both forms of it."""
    return Item(_dialog(dialog, detailed=False), _dialog(dialog, detailed=True))


def _dialog(dialog: WatchedDialog, *, detailed: bool) -> bytes:
    attributes = [("id", dialog.id), ("direction", dialog.direction)]
    if detailed:
        tags = (
            ("call-id", dialog.call_id),
            ("local-tag", dialog.local_tag),
            ("remote-tag", dialog.remote_tag),
        )
        attributes[1:1] = tags
    written = "".join(f' {name}="{text(value)}"' for name, value in attributes if value)
    parties = _party("local", dialog.user, dialog.display)
    if detailed and dialog.remote:
        parties += _party("remote", dialog.remote, dialog.remote_display)
    return f"<dialog{written}>\n<state>{dialog.state}</state>\n{parties}</dialog>\n".encode()


def _party(side: str, user: str, display: str) -> str:
    uri = f"sip:{text(user)}@{HOST}"
    shown = f' display="{text(display)}"' if display else ""
    return f'<{side}><identity{shown}>{uri}</identity><target uri="{uri}"/></{side}>\n'


def wrap(envelope: Envelope, inner: bytes) -> bytes:
    state = "full" if envelope.full else "partial"
    head = (
        f'<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="{envelope.version}" '
        f'state="{state}" entity="{text(envelope.address)}">\n'
    )
    return HEAD + head.encode() + with_host(inner, envelope.host) + b"</dialog-info>\n"
