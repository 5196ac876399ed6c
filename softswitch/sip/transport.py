"""The sockets: UDP and TCP listeners, outgoing connections (RFC 3261 section 18).

Owns caps, deadlines and back-pressure; decides nothing about SIP. Datagrams are drained many at a time from one reader
callback, without a task or a buffer of their own. A peer can waste its own connection only: each has a framer, a
deadline for what it began, and a limit on what waits to be written.
"""

import asyncio
import contextlib
import functools
import socket
import struct
from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import structlog

from softswitch.errors import UnusableError
from softswitch.sip.errors import FramingError, Ping
from softswitch.sip.framing import StreamFramer
from softswitch.sip.listener import Listener
from softswitch.sip.source import Source
from softswitch.sip.wire import WireEvents

DATAGRAMS_PER_WAKEUP = 64
LARGEST_DATAGRAM = 65535
RECEIVE_BUFFER = 4 << 20
REMEMBERED_PEERS = 50_000
_SO_MEMINFO = 55
"""Linux: bytes taken and size of the receive buffer first."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamLimits:
    message_bytes: int = 65535
    message_deadline_s: float = 15.0
    """For the rest of a message that has begun, and for the first one of a connection that a peer opened."""
    connect_deadline_s: float = 8.0
    connections: int = 4000
    connections_per_address: int = 400
    unsent_bytes: int = 1 << 20
    """A peer that reads so much too slowly is disconnected."""
    waiting_messages: int = 64
    """For a connection that is being opened."""


class _UdpListener:
    """One bound datagram socket."""

    def __init__(self, listener: Listener, events: WireEvents, transport: "SocketTransport") -> None:
        self.listener = listener
        self._events = events
        self._transport = transport
        self.socket = _bound_socket(listener)
        listener.port = self.socket.getsockname()[1]
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self.socket.fileno(), self._drain)

    def close(self) -> None:
        self._loop.remove_reader(self.socket.fileno())
        self.socket.close()

    def send(self, data: bytes, destination: Source) -> None:
        try:
            self.socket.sendto(data, (destination.address, destination.port))
        except BlockingIOError:
            self._transport.counts["datagrams dropped: the socket is full"] += 1
        except OSError:
            self._loop.call_soon(self._events.lost, destination)

    def _drain(self) -> None:
        recvfrom, received, remember = self.socket.recvfrom, self._events.received, self._transport.remember
        for _ in range(DATAGRAMS_PER_WAKEUP):
            try:
                data, peer = recvfrom(LARGEST_DATAGRAM)
            except BlockingIOError:
                return
            except OSError:
                continue
            source = Source("udp", peer[0], peer[1])
            remember(source, self)
            received(data, source)


class _Connection(asyncio.Protocol):
    """One TCP connection, accepted or opened."""

    def __init__(
        self, transport: "SocketTransport", events: WireEvents, limits: StreamLimits, *, opened: bool = False
    ) -> None:
        self.opened = opened
        """By us: the peer need not send anything."""
        self._owner = transport
        self._events = events
        self._limits = limits
        self._framer = StreamFramer(limits.message_bytes)
        self._deadline: asyncio.TimerHandle | None = None
        self._wire: asyncio.Transport | None = None
        self.source = Source("tcp", "", 0)
        self.local: tuple[str, int] = ("", 0)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.Transport, transport)  # uvloop's is one without saying so
        self._wire = transport
        peer, local = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        if peer is None or local is None:
            transport.abort()
            return
        self.source = Source("tcp", peer[0], peer[1])
        self.local = (local[0], local[1])
        if not self._owner.admit(self):
            transport.abort()
            return
        transport.set_write_buffer_limits(high=self._limits.unsent_bytes)
        if not self.opened:
            self._restart_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_deadline()
        self._owner.dropped(self)

    def data_received(self, data: bytes) -> None:
        try:
            found = self._framer.feed(data)
        except FramingError as error:
            self._hand_over(error.before)
            self._events.broken(error, self.source)
            if self._wire is not None:
                self._wire.close()
            return
        self._hand_over(found)
        if not self._framer.buffered:
            self._stop_deadline()
        elif found or self._deadline is None:
            self._restart_deadline()

    def pause_writing(self) -> None:
        self._owner.counts["connections closed: the peer does not read"] += 1
        self.abort()

    def write(self, data: bytes) -> None:
        if self._wire is not None and not self._wire.is_closing():
            self._wire.write(data)

    def abort(self) -> None:
        if self._wire is not None:
            self._wire.abort()

    def _hand_over(self, found: "Sequence[bytes | Ping]") -> None:
        for item in found:
            self._events.received(item if isinstance(item, bytes) else b"\r\n\r\n", self.source)

    def _restart_deadline(self) -> None:
        self._stop_deadline()
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(self._limits.message_deadline_s, self._overdue)

    def _stop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _overdue(self) -> None:
        self._owner.counts["connections closed: a message was not finished in time"] += 1
        self.abort()


class SocketTransport:
    """A `Wire` of sockets on the running loop. `listen` are addresses like `udp://0.0.0.0:5060`."""

    def __init__(self, listen: tuple[str, ...], limits: StreamLimits = StreamLimits()) -> None:
        self.listeners = [Listener.parse(text) for text in listen]
        self.counts: Counter[str] = Counter()
        self._limits = limits
        self._events: WireEvents | None = None
        self._udp: list[_UdpListener] = []
        self._servers: list[asyncio.Server] = []
        self._connections: dict[Source, _Connection] = {}
        self._per_address: Counter[str] = Counter()
        self._opening: dict[Source, list[bytes]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._arrived_at: OrderedDict[Source, _UdpListener] = OrderedDict()

    async def start(self, events: WireEvents) -> None:
        self._events = events
        loop = asyncio.get_running_loop()
        for listener in self.listeners:
            try:
                if listener.transport == "udp":
                    self._udp.append(_UdpListener(listener, events, self))
                else:
                    bound = _bound_socket(listener)
                    listener.port = bound.getsockname()[1]
                    make = functools.partial(_Connection, self, events, self._limits)
                    self._servers.append(await loop.create_server(make, sock=bound, backlog=512))
            except OSError as error:
                await self.stop()
                raise UnusableError(
                    f"sip.listen: {listener} cannot be listened on ({error.strerror}); "
                    "choose another address or port, or stop what uses it"
                ) from error

    async def stop(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        for server in self._servers:
            server.close()
        for connection in tuple(self._connections.values()):
            connection.abort()
        for udp in self._udp:
            udp.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._servers.clear()
        self._udp.clear()

    def send(self, data: bytes, destination: Source) -> None:
        if destination.transport == "udp":
            udp = self._udp_for(destination)
            if udp is not None:
                udp.send(data, destination)
            return
        connection = self._connections.get(destination)
        if connection is not None:
            connection.write(data)
        else:
            self._open(data, destination)

    def connected(self, destination: Source) -> bool:
        return destination.transport == "udp" or destination in self._connections

    def local_address(self, destination: Source) -> tuple[str, int]:
        if destination.transport == "udp":
            udp = self._udp_for(destination)
            listener = udp.listener if udp is not None else None
        else:
            connection = self._connections.get(destination)
            listener = self._tcp_listener(connection.local if connection is not None else None)
            if connection is not None:
                return connection.local[0], listener.port if listener is not None else connection.local[1]
        if listener is None:
            return routed_address(destination.address), 5060
        return (routed_address(destination.address) if listener.wildcard else listener.address), listener.port

    def backlog(self) -> float:
        return max((queue_filling(udp.socket) for udp in self._udp), default=0.0)

    def own_addresses(self) -> tuple[tuple[str, int], ...]:
        """Of a wildcard listener, those by which the nearest and the default route lead out."""
        found: set[tuple[str, int]] = set()
        for listener in self.listeners:
            wild4, wild6 = ("127.0.0.1", "192.0.2.1"), ("::1", "2001:db8::1")
            probes = wild6 if ":" in listener.address else wild4
            hosts = {routed_address(probe) for probe in probes} if listener.wildcard else {listener.address}
            found.update((host, listener.port) for host in hosts)
        return tuple(sorted(found))

    # What connections and datagram sockets report.

    def remember(self, source: Source, udp: _UdpListener) -> None:
        """With several datagram sockets, a peer is answered from the one that it sent to."""
        if len(self._udp) > 1:
            arrived = self._arrived_at
            arrived[source] = udp
            arrived.move_to_end(source)
            if len(arrived) > REMEMBERED_PEERS:
                arrived.popitem(last=False)

    def admit(self, connection: _Connection) -> bool:
        address = connection.source.address
        if self._events is not None and not connection.opened and not self._events.welcome(address):
            self.counts["connections refused: banned"] += 1
            return False
        if self._per_address[address] >= self._limits.connections_per_address:
            self.counts["connections refused: too many from one address"] += 1
            return False
        if len(self._connections) >= self._limits.connections and not self._make_room(address):
            self.counts["connections refused: too many"] += 1
            return False
        self._per_address[address] += 1
        self._connections[connection.source] = connection
        return True

    def _make_room(self, address: str) -> bool:
        """Close the oldest connection of an address that takes more than half of what one may have: whoever fills the
        table shuts out himself, not the phones that come after him."""
        greediest, held = self._per_address.most_common(1)[0]
        if held <= self._limits.connections_per_address // 2 or greediest == address:
            return False
        oldest = next(one for one in self._connections.values() if one.source.address == greediest)
        self.counts["connections closed: room for another address"] += 1
        oldest.abort()
        self.dropped(oldest)
        return True

    def dropped(self, connection: _Connection) -> None:
        if self._connections.get(connection.source) is not connection:
            return
        del self._connections[connection.source]
        address = connection.source.address
        self._per_address[address] -= 1
        if not self._per_address[address]:
            del self._per_address[address]
        if self._events is not None:
            self._events.lost(connection.source)

    def _udp_for(self, destination: Source) -> _UdpListener | None:
        if len(self._udp) <= 1:
            return self._udp[0] if self._udp else None
        remembered = self._arrived_at.get(destination)
        if remembered is not None:
            return remembered
        local = routed_address(destination.address)
        family = ":" in destination.address
        same = [udp for udp in self._udp if (":" in udp.listener.address) == family]
        exact = [udp for udp in same if udp.listener.address == local or udp.listener.wildcard]
        return next(iter(exact or same or self._udp))

    def _tcp_listener(self, local: tuple[str, int] | None) -> Listener | None:
        streams = [listener for listener in self.listeners if listener.transport == "tcp"]
        exact = [listener for listener in streams if local is not None and listener.port == local[1]]
        return next(iter(exact or streams), None)

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
        loop = asyncio.get_running_loop()
        make = functools.partial(_Connection, self, self._events, self._limits, opened=True)
        connection: _Connection | None = None
        try:
            async with asyncio.timeout(self._limits.connect_deadline_s):
                _, connection = await loop.create_connection(make, destination.address, destination.port)
        except (OSError, TimeoutError) as error:
            _log.info(
                "no connection to a peer", address=destination.address, port=destination.port, why=str(error)
            )
        finally:
            waiting = self._opening.pop(destination, [])
        if connection is None:
            self._events.lost(destination)
        else:
            for data in waiting:
                connection.write(data)


def queue_filling(bound: socket.socket) -> float:
    """How much of a socket's receive buffer is taken, 0 to 1; 0 where the kernel does not say."""
    try:
        memory = bound.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 36)
    except OSError:
        return 0.0
    taken, size = struct.unpack_from("=II", memory) if len(memory) >= 8 else (0, 0)
    return min(1.0, taken / size) if size else 0.0


@functools.lru_cache(maxsize=10_000)
def routed_address(peer: str) -> str:
    """Our address on the way to `peer`, as the kernel's routes say now; no packet is sent for it."""
    family = socket.AF_INET6 if ":" in peer else socket.AF_INET
    with contextlib.closing(socket.socket(family, socket.SOCK_DGRAM)) as probe:
        try:
            probe.connect((peer, 9))
            return str(probe.getsockname()[0])
        except OSError:
            return "::1" if family == socket.AF_INET6 else "127.0.0.1"


def _bound_socket(listener: Listener) -> socket.socket:
    family = socket.AF_INET6 if ":" in listener.address else socket.AF_INET
    kind = socket.SOCK_DGRAM if listener.transport == "udp" else socket.SOCK_STREAM
    bound = socket.socket(family, kind)
    try:
        bound.setblocking(False)
        if kind == socket.SOCK_STREAM:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        else:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, RECEIVE_BUFFER)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.bind((listener.address, listener.port))
    except OSError:
        bound.close()
        raise
    return bound
