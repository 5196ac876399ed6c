"""What is raised for bytes of a peer that are not SIP, or not SIP that can be served."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from softswitch.errors import PeerError

if TYPE_CHECKING:
    from softswitch.sip.message import Request


class ParseError(PeerError):
    """A message or one of its values breaks the grammar. `partial` is set where the request can still be answered."""

    def __init__(
        self,
        message: str,
        *,
        sip_status: int | None = None,
        reason: str | None = None,
        partial: "Request | None" = None,
    ) -> None:
        super().__init__(message, sip_status=sip_status, reason=reason)
        self.partial = partial


@dataclass(frozen=True, slots=True)
class Ping:
    """CRLFCRLF between messages of a stream; answer with one CRLF (RFC 5626 section 4.4.1)."""


class FramingError(ParseError):
    """The stream cannot be cut into messages any more: serve `before`, answer `partial` if there is one, then close."""

    before: Sequence[bytes | Ping] = ()
    """What came whole in front of the break, in order."""
