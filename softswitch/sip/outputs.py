"""What the stack wants done: the only way out of it. Slotted, not frozen: one is made for each message."""

from collections.abc import Callable
from typing import Any

from softswitch.sip.session_layer import LocatedAll
from softswitch.sip.source import Source
from softswitch.sip.uri import Uri


class Send:
    """Bytes to a peer: a datagram, or bytes of the stream to it."""

    __slots__ = ("data", "destination")

    def __init__(self, data: bytes, destination: Source) -> None:
        self.data = data
        self.destination = destination

    def __repr__(self) -> str:
        return f"<Send {self.data[:24]!r} to {self.destination}>"


class Deliver:
    """Something to tell the owner of a session or of the stack."""

    __slots__ = ("event", "handler")

    def __init__(self, handler: Callable[[Any], None], event: object) -> None:
        self.handler = handler
        self.event = event

    def __repr__(self) -> str:
        return f"<Deliver {self.event!r}>"


class LookUp:
    """A host name to resolve; the finding goes back through `SipStack.located`."""

    __slots__ = ("then", "uri")

    def __init__(self, uri: Uri, then: LocatedAll) -> None:
        self.uri = uri
        self.then = then

    def __repr__(self) -> str:
        return f"<LookUp {self.uri}>"


Output = Send | Deliver | LookUp
