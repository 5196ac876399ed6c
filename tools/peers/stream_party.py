"""A phone over TCP as most are: its connection leaves from whatever port the kernel gives, its Contact names another one,
at which it may listen. Every message says by its `source` over which connection it came.
"""

import contextlib
import select
import socket
import threading
from dataclasses import dataclass, field

from tools.peers.sip_party import Address, SipParty

PING, PONG = b"\r\n\r\n", b"\r\n"


@dataclass(slots=True, eq=False)
class _Link:
    """One connection."""

    socket: socket.socket
    peer: Address
    """The switch's listening port where the phone has opened it, another one where the switch has."""
    buffer: bytes = b""


@dataclass(slots=True)
class _Heard:
    """Pongs between messages."""

    count: int = 0
    changed: threading.Condition = field(default_factory=threading.Condition)


class StreamParty(SipParty):
    """`listens`: at the port that its Contact names. Without it the Contact is the port that its first connection left
    from, as of phones that never expect to be connected to. `host` stands in Contact in place of the phone's address."""

    def __init__(self, user: str, address: str, server: Address, *, password: str, listens: bool, host: str = "",
                 params: str = "") -> None:  # fmt: skip
        self._links: list[_Link] = []
        self._server, self._from = server, address
        self._host, self._params = host or address, params
        self._pongs = _Heard()
        self.accepted = 0
        """Connections that the switch has opened."""
        self.heard_at: Address | None = None
        """The phone's end of the connection that it heard something on last."""
        self._listener = socket.create_server((address, 0)) if listens else None
        own = self._connect()
        port = (self._listener or own.socket).getsockname()[1]
        super().__init__(user, address, server, port=port, tcp=True, password=password)

    @property
    def contact(self) -> str:
        return f"<sip:{self.user}@{self._host}:{self.port};transport=tcp>{self._params}"

    @property
    def own(self) -> Address | None:
        """Where the connection that it opened itself leaves from."""
        return next((link.socket.getsockname() for link in self._links if link.peer == self._server), None)

    def close(self) -> None:
        super().close()
        self.drop()
        if self._listener is not None:
            self._listener.close()

    # -- connections --------------------------------------------------------------------------------------------------

    def connect(self) -> None:
        """Open another connection of its own; it is used from now on."""
        self._connect()

    def drop(self) -> None:
        """Every connection ends, as when a phone loses power and its network notices."""
        links, self._links = self._links, []
        for link in links:
            with contextlib.suppress(OSError):
                link.socket.shutdown(socket.SHUT_RDWR)
            link.socket.close()

    def ping(self, *parts: bytes, timeout: float = 5.0) -> bool:  # type: ignore[override]
        """CRLF CRLF, in these parts; whether one CRLF more came back."""
        before = self._pongs.count
        for part in parts or (PING,):
            self.send(part)
        with self._pongs.changed:
            return self._pongs.changed.wait_for(lambda: self._pongs.count == before + 1, timeout)

    @property
    def pongs(self) -> int:
        return self._pongs.count

    def send(self, data: bytes, to: Address | None = None) -> None:
        """An answer goes where its request came from, all else over its own connection, or over one of the switch's where
        it has none."""
        links = sorted(self._links, key=lambda link: (link.peer != to, link.peer != self._server))
        if links:
            links[0].socket.sendall(data)

    def _connect(self) -> _Link:
        opened = socket.create_connection(self._server, timeout=5, source_address=(self._from, 0))
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        link = _Link(opened, self._server)
        self._links.insert(0, link)
        return link

    def _open(self) -> socket.socket:
        """What `SipParty` holds: here a datagram socket that nobody sends to."""
        return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)

    def _run(self) -> None:
        while not self._stopping:
            listener = [self._listener] if self._listener is not None else []
            links = {link.socket: link for link in self._links}
            try:
                ready, _, _ = select.select([*listener, *links], [], [], 0.05)
            except (OSError, ValueError):
                continue  # one of them was closed meanwhile
            for one in ready:
                if one in links:
                    self._read(links[one])
                else:
                    opened, peer = one.accept()
                    self.accepted += 1
                    self._links.append(_Link(opened, peer))

    def _read(self, link: _Link) -> None:
        try:
            data = link.socket.recv(65536)
        except OSError:
            data = b""
        if not data:
            with contextlib.suppress(ValueError):
                self._links.remove(link)
            link.socket.close()
            return
        link.buffer += data
        self.heard_at = link.socket.getsockname()
        while link.buffer.startswith(PONG):
            link.buffer = link.buffer.removeprefix(PONG)
            with self._pongs.changed:
                self._pongs.count += 1
                self._pongs.changed.notify_all()
        link.buffer = self._take_stream(link.buffer, link.peer)
