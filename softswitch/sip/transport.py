"""The sockets: all listeners, and the connections that we open (RFC 3261 section 18, RFC 5922, RFC 7118).

Decides nothing about SIP. Datagrams are `datagrams`, connections `stream_connection` and `websocket`, who may have one
`connection_table`. A connection that we open over TLS is found again only under the name that its certificate proved.
"""

import asyncio
import functools
from collections import Counter
from collections.abc import Mapping

import structlog

from softswitch.config.schema import Config
from softswitch.errors import UnusableError
from softswitch.sip.acceptor import Acceptor, MakeProtocol
from softswitch.sip.bound_socket import allow_open_files, routed_address
from softswitch.sip.connection_table import ConnectionTable, Seat
from softswitch.sip.datagrams import Datagrams
from softswitch.sip.listener import Listener
from softswitch.sip.source import Source
from softswitch.sip.stream_connection import StreamConnection
from softswitch.sip.stream_limits import StreamLimits
from softswitch.sip.tls import TlsClient, TlsContexts
from softswitch.sip.way import DEFAULT_PORTS
from softswitch.sip.web_connections import WebConnection
from softswitch.sip.websocket import WebSocketGate
from softswitch.sip.wire import WireEvents

__all__ = ["SocketTransport", "StreamLimits"]

_OPENED = ("tcp", "tls")
"""What we can open; to a phone behind a WebSocket nobody can."""

_log = structlog.get_logger(__name__)


class SocketTransport:
    """A `Wire` of sockets on the running loop. `listen` are addresses like `udp://0.0.0.0:5060`."""

    def __init__(
        self,
        listen: tuple[str, ...],
        limits: StreamLimits | None = None,
        *,
        tls: TlsContexts | None = None,
        origins: tuple[str, ...] = (),
    ) -> None:
        self.listeners = [Listener.parse(text) for text in listen]
        self.counts: Counter[str] = Counter()
        self.origins = origins
        self._limits = limits = limits or StreamLimits()
        self._tls = tls
        self._events: WireEvents | None = None
        self._datagrams = Datagrams(self.counts)
        self._table = ConnectionTable(limits, self.counts)
        self._acceptors: list[Acceptor] = []
        self._gates: list[WebSocketGate] = []
        self._connections: dict[Source, StreamConnection | WebConnection] = {}
        self._opening: dict[Source, list[bytes]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    def from_config(cls, config: Config) -> "SocketTransport":
        """Raises UnusableError."""
        sip = config.sip
        limits = StreamLimits(message_bytes=sip.max_message_bytes, keepalive_s=sip.keepalive_s)
        return cls(sip.listen, limits, tls=TlsContexts(config), origins=sip.ws_origins)

    def reconfigure(self, config: Config) -> None:
        self._tls = TlsContexts(config)
        self.origins = config.sip.ws_origins

    async def start(self, events: WireEvents) -> None:
        self._events = events
        self._table.known = self._datagrams.known = events.known
        allow_open_files()
        for listener in self.listeners:
            if listener.secure and (self._tls is None or self._tls.server is None):
                await self.stop()
                raise UnusableError(f"sip.listen: {listener} needs sip.tls_certificate")
            try:
                if listener.transport == "udp":
                    self._datagrams.listen(listener, events)
                else:
                    self._accept(listener, events)
            except OSError as error:
                await self.stop()
                raise UnusableError(
                    f"sip.listen: {listener} cannot be listened on ({error.strerror}); "
                    "choose another address or port, or stop what uses it"
                ) from error

    async def stop(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        for acceptor in self._acceptors:
            await acceptor.close()
        self._table.abort_all()
        for connection in tuple(self._connections.values()):
            connection.abort()
        for gate in self._gates:
            await gate.shutdown(1.0)
        self._datagrams.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._acceptors.clear()
        self._gates.clear()

    def send(self, data: bytes, destination: Source) -> None:
        if destination.transport == "udp":
            datagrams = self._datagrams.towards(destination)
            if datagrams is not None:
                datagrams.send(data, destination)
            else:
                self._unreachable(destination)
            return
        connection = self._connections.get(destination)
        if connection is not None:
            connection.write(data)
        elif destination.transport in _OPENED and (destination.transport == "tcp" or destination.name):
            self._open(data, destination)
        else:
            self._unreachable(destination)

    def connected(self, destination: Source) -> bool:
        return destination.transport == "udp" or destination in self._connections

    def connections(self) -> Mapping[str, int]:
        return Counter(source.transport for source in self._connections)

    def backlog(self) -> float:
        return self._datagrams.backlog()

    def local_address(self, destination: Source) -> tuple[str, int]:
        listener = self._listener(destination)
        connection = self._connections.get(destination) if destination.transport != "udp" else None
        if connection is not None:
            return connection.local[0], listener.port if listener is not None else connection.local[1]
        if listener is None:
            return routed_address(destination.address), DEFAULT_PORTS[destination.transport]
        return (routed_address(destination.address) if listener.wildcard else listener.address), listener.port

    def listener_towards(self, destination: Source) -> str:
        listener = self._listener(destination)
        return listener.text if listener is not None else ""

    def own_addresses(self) -> tuple[tuple[str, int], ...]:
        """Of a wildcard listener, those by which the nearest and the default route lead out."""
        found: set[tuple[str, int]] = set()
        for listener in self.listeners:
            probes = ("::1", "2001:db8::1") if listener.ipv6 else ("127.0.0.1", "192.0.2.1")
            hosts = {routed_address(probe) for probe in probes} if listener.wildcard else {listener.address}
            found.update((host, listener.port) for host in hosts)
        return tuple(sorted(found))

    # What connections report.

    def count(self, what: str) -> None:
        self.counts[what] += 1

    def joined(self, connection: StreamConnection) -> bool:
        if connection.opened and not self._proven(connection):
            return False
        self._connections[connection.source] = connection
        return True

    def left(self, connection: StreamConnection | WebConnection) -> None:
        if self._connections.get(connection.source) is connection:
            del self._connections[connection.source]
            if self._events is not None:
                self._events.lost(connection.source)

    def web_joined(self, connection: WebConnection) -> None:
        self._connections[connection.source] = connection

    def web_left(self, connection: WebConnection) -> None:
        self.left(connection)

    # Listening.

    def _accept(self, listener: Listener, events: WireEvents) -> None:
        make: MakeProtocol
        if listener.web:
            gate = WebSocketGate(listener.transport, self, self._table, self._limits, events)
            self._gates.append(gate)
            make = gate.protocol
        else:
            make = functools.partial(self._accepted, listener.transport, events)
        acceptor = Acceptor(
            listener,
            table=self._table,
            limits=self._limits,
            counts=self.counts,
            welcome=events.welcome,
            context=lambda: self._tls.server if self._tls is not None else None,
            make=make,
        )
        self._acceptors.append(acceptor)

    def _accepted(self, transport: str, events: WireEvents, seat: Seat) -> StreamConnection:
        return StreamConnection(
            self, events, self._limits, transport, on_end=functools.partial(self._table.leave, seat)
        )

    def _listener(self, destination: Source) -> Listener | None:
        """Whose port and advertised address a peer is told."""
        if destination.transport == "udp":
            datagrams = self._datagrams.towards(destination)
            return datagrams.listener if datagrams is not None else None
        connection = self._connections.get(destination)
        same = [one for one in self.listeners if one.transport == destination.transport]
        if connection is not None:
            host, port = connection.local
            exact = [one for one in same if one.port == port and (one.address == host or one.wildcard)]
            same = exact or same
        family = ":" in destination.address
        return next((one for one in same if one.ipv6 == family), None)

    # Opening.

    def _unreachable(self, destination: Source) -> None:
        if self._events is not None:
            asyncio.get_running_loop().call_soon(self._events.lost, destination)

    def _open(self, data: bytes, destination: Source) -> None:
        waiting = self._opening.get(destination)
        if waiting is not None:
            if len(waiting) < self._limits.waiting_messages:
                waiting.append(data)
            return
        self._opening[destination] = [data]
        task = asyncio.get_running_loop().create_task(self._connect(destination))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, destination: Source) -> None:
        assert self._events is not None
        why = ""
        try:
            async with asyncio.timeout(self._limits.connect_deadline_s):
                await self._connection(destination, self._events)
        except (OSError, TimeoutError) as error:
            why = str(error) or "no answer in time"
        finally:
            waiting = self._opening.pop(destination, [])
        connection = self._connections.get(destination)
        if connection is None:
            _log.info("no connection to a peer", peer=str(destination), why=why)
            self._events.lost(destination)
            return
        for data in waiting:
            connection.write(data)

    async def _connection(self, destination: Source, events: WireEvents) -> None:
        loop = asyncio.get_running_loop()
        client = self._client(destination)
        make = functools.partial(
            StreamConnection, self, events, self._limits, destination.transport, destination
        )
        if client is None:
            await loop.create_connection(make, destination.address, destination.port)
        else:
            await loop.create_connection(
                make,
                destination.address,
                destination.port,
                ssl=client.context,
                server_hostname=client.name,
                ssl_handshake_timeout=self._limits.handshake_s,
            )

    def _client(self, destination: Source) -> TlsClient | None:
        if destination.transport != "tls":
            return None
        if self._tls is None:
            raise OSError("TLS is not set up")
        return self._tls.client(destination.name)

    def _proven(self, connection: StreamConnection) -> bool:
        """Before a byte of SIP is sent: is the peer who was asked for?"""
        client = self._client(connection.source)
        if client is None or connection.wire is None:
            return True
        problem = client.problem(connection.wire.get_extra_info("peercert"))
        if problem:
            self.count("connections refused: the certificate of the peer is for another name")
            _log.warning("a peer is not who it should be", peer=str(connection.source), why=problem)
        return not problem
