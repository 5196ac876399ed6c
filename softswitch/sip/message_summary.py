"""Bodies of the message-summary event package: `application/simple-message-summary` (RFC 3842 section 5)."""

from softswitch.sip.envelope import Envelope
from softswitch.sip.resource_state import Item

CONTENT_TYPE = "application/simple-message-summary"
NOTHING = b"Messages-Waiting: no\r\n"


def item(new: int, old: int) -> Item:
    """Counts of voice messages; none of them is urgent."""
    waiting = "yes" if new else "no"
    body = f"Messages-Waiting: {waiting}\r\nVoice-Message: {new}/{old} (0/0)\r\n".encode()
    return Item(body, body)


def wrap(envelope: Envelope, inner: bytes) -> bytes:
    """With the account, which stands between the two lines."""
    first, _, counts = (inner or NOTHING).partition(b"\r\n")
    return first + f"\r\nMessage-Account: {envelope.address}\r\n".encode() + counts
