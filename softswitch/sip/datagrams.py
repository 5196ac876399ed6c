"""Datagram sockets: many messages drained from one reader callback, without a task or a buffer of their own.

With several sockets a peer is answered from the one that it sent to; forged sources push out nobody who is known.
"""

import asyncio
import time
from collections import Counter, OrderedDict
from collections.abc import Callable

from softswitch.sip.bound_socket import bound_socket, queue_filling, routed_address
from softswitch.sip.listener import Listener
from softswitch.sip.source import Source, source_of
from softswitch.sip.wire import WireEvents

DATAGRAMS_PER_WAKEUP = 64
WAKEUP_S = 0.0005
"""For so long messages are taken in before the loop goes on: what the first of them has led to does not wait for the
handling of all that came behind it, and under a flood of cheap ones the loop's own work is shared by many."""
LARGEST_DATAGRAM = 65535
REMEMBERED_PEERS = 50_000
"""Twice as many where all are known."""
_SECOND_CHANCES = 8


class DatagramListener:
    """One bound datagram socket. Raises OSError when it cannot be bound."""

    def __init__(self, listener: Listener, events: WireEvents, owner: "Datagrams") -> None:
        self.listener = listener
        self._events = events
        self._owner = owner
        self.socket = bound_socket(listener)
        self._sendto = self.socket.sendto
        listener.port = self.socket.getsockname()[1]
        self._buffer = memoryview(bytearray(LARGEST_DATAGRAM))
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self.socket.fileno(), self._drain)

    def close(self) -> None:
        self._loop.remove_reader(self.socket.fileno())
        self.socket.close()

    def send(self, data: bytes, destination: Source) -> None:
        try:
            self._sendto(data, (destination.address, destination.port))
        except BlockingIOError:
            self._owner.counts["datagrams dropped: the socket is full"] += 1
        except OSError:
            self._loop.call_soon(self._events.lost, destination)

    def _drain(self) -> None:
        receive, received, remember = self.socket.recvfrom_into, self._events.received, self._owner.remember
        # Asked for bytes, Python takes room for the longest datagram each time, from the system, and gives it back.
        buffer = self._buffer
        until = time.monotonic() + WAKEUP_S
        for _ in range(DATAGRAMS_PER_WAKEUP):
            try:
                length, peer = receive(buffer)
            except BlockingIOError:
                return
            except OSError:
                continue
            source = source_of("udp", peer[0], peer[1])
            remember(source, self)
            received(buffer[:length].tobytes(), source)
            if time.monotonic() >= until:
                return


class Datagrams:
    """All datagram sockets."""

    def __init__(self, counts: Counter[str]) -> None:
        self.counts = counts
        self.known: Callable[[str], bool] = lambda address: False
        """Whether somebody at an address has proved who he is."""
        self._listeners: list[DatagramListener] = []
        self._arrived_at: OrderedDict[Source, DatagramListener] = OrderedDict()

    def listen(self, listener: Listener, events: WireEvents) -> None:
        self._listeners.append(DatagramListener(listener, events, self))

    def close(self) -> None:
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()

    def backlog(self) -> float:
        """How full the fullest receive queue is, 0 to 1."""
        return max((queue_filling(one.socket) for one in self._listeners), default=0.0)

    def remember(self, source: Source, listener: DatagramListener) -> None:
        if len(self._listeners) > 1:
            arrived = self._arrived_at
            arrived[source] = listener
            arrived.move_to_end(source)
            if len(arrived) > REMEMBERED_PEERS:
                self._make_room()

    def _make_room(self) -> None:
        arrived = self._arrived_at
        for _ in range(_SECOND_CHANCES):
            source, listener = arrived.popitem(last=False)
            if not self.known(source.address):
                return
            arrived[source] = listener
        if len(arrived) > 2 * REMEMBERED_PEERS:
            arrived.popitem(last=False)

    def towards(self, destination: Source) -> DatagramListener | None:
        if len(self._listeners) <= 1:
            return self._listeners[0] if self._listeners else None
        remembered = self._arrived_at.get(destination)
        if remembered is not None:
            return remembered
        local = routed_address(destination.address)
        family = ":" in destination.address
        same = [one for one in self._listeners if one.listener.ipv6 == family]
        exact = [one for one in same if one.listener.address == local or one.listener.wildcard]
        return next(iter(exact or same or self._listeners))
