"""What the WebSocket side needs of the transport it belongs to."""

from typing import Protocol

from softswitch.sip.source import Source


class WebConnection(Protocol):
    source: Source
    local: tuple[str, int]

    def write(self, data: bytes) -> None: ...

    def abort(self) -> None: ...


class WebConnections(Protocol):
    origins: tuple[str, ...]
    """Pages that may connect; `*` is any, none is only those of the host that is called."""

    def web_joined(self, connection: WebConnection) -> None: ...

    def web_left(self, connection: WebConnection) -> None: ...

    def count(self, what: str) -> None: ...
