"""What a final failure of our INVITE means to the call: one value, made in one place."""

import re

from softswitch.errors import PeerError
from softswitch.sip.address import Address
from softswitch.sip.events import Refused
from softswitch.sip.message import Response

MAX_CONTACTS = 10
_SECONDS = re.compile(r"[0-9]{1,9}")
_QVALUE = re.compile(r"[01](?:\.[0-9]{0,3})?")


def refusal_of(status: int, response: Response | None) -> Refused:
    """`response` is None for a time-out (408) or a transport failure (503)."""
    if response is None:
        return Refused(status=status, reason="timeout" if status == 408 else "transport failure", local=True)
    return Refused(
        status=status,
        reason=response.reason,
        contacts=_contacts(response) if 300 <= status < 400 else (),
        retry_after_s=_retry_after(response),
        reason_header=response.headers.get("Reason") or "",
    )


def _contacts(response: Response) -> tuple[str, ...]:
    try:
        contacts = response.contacts
    except PeerError:
        return ()
    ordered = sorted(contacts, key=preference, reverse=True)
    return tuple(str(contact.uri) for contact in ordered[:MAX_CONTACTS])


def preference(contact: Address) -> float:
    """Its q value; 1 where it has none that can be read."""
    value = contact.params.get("q")
    return min(1.0, float(value)) if value is not None and _QVALUE.fullmatch(value) else 1.0


def _retry_after(response: Response) -> int | None:
    match = _SECONDS.match(response.headers.get("Retry-After") or "")
    return int(match[0]) if match else None
