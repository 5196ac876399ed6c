"""A network in memory between SIP peers: datagrams with scripted loss, delay and order, streams that keep theirs.

`Network` itself is sans-IO and driven by `now`. `stacks.StackWorld` runs bare `SipStack`s on it without an event loop;
`NetworkWire` puts a `SipEndpoint` on it, on any loop (best `softswitch.testing.virtual_time`). What a script says of a
packet is all that ever happens to it: the same script gives the same story.
"""

import asyncio
import heapq
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from softswitch.config.schema import Config
from softswitch.sip.source import Source
from softswitch.sip.wire import WireEvents

DELAY_S = 0.005


@dataclass(slots=True)
class Packet:
    data: bytes
    sender: Source
    receiver: Source
    sent: float
    number: int
    """Counts all packets of the network from 0."""
    due: float | None = None
    """When it arrives; None: lost."""
    delivered: bool = False

    @property
    def first_line(self) -> str:
        return self.data.partition(b"\r\n")[0].decode("utf-8", "replace")


Script = Callable[[Packet], float | None]
"""Seconds that a packet takes, or None to lose it; the same delay for all keeps their order."""


def reliable(packet: Packet) -> float | None:
    return DELAY_S


def losing(*numbers: int) -> Script:
    """Loses the packets with these numbers."""
    lost = frozenset(numbers)
    return lambda packet: None if packet.number in lost else DELAY_S


def losing_first(start: str, times: int = 1) -> Script:
    """Loses the first `times` packets whose first line begins with `start`."""
    left = [times]

    def script(packet: Packet) -> float | None:
        if left[0] and packet.first_line.startswith(start):
            left[0] -= 1
            return None
        return DELAY_S

    return script


Receiver = Callable[[bytes, Source, float], object]


@dataclass(slots=True)
class Network:
    """`packets` is everything that was ever sent, in order: the ladder diagram of the test."""

    script: Script = reliable
    packets: list[Packet] = field(default_factory=list)
    _receivers: dict[tuple[str, str, int], Receiver] = field(default_factory=dict)
    _under_way: list[tuple[float, int, Packet]] = field(default_factory=list)

    def attach(self, place: Source, receiver: Receiver) -> None:
        self._receivers[place.transport, place.address, place.port] = receiver

    def detach(self, place: Source) -> None:
        self._receivers.pop((place.transport, place.address, place.port), None)

    def reachable(self, place: Source) -> bool:
        return (place.transport, place.address, place.port) in self._receivers

    def send(self, data: bytes, sender: Source, receiver: Source, now: float) -> Packet:
        packet = Packet(data, sender, receiver, now, len(self.packets))
        self.packets.append(packet)
        delay = self.script(packet)
        if delay is not None:
            packet.due = now + delay
            heapq.heappush(self._under_way, (packet.due, packet.number, packet))
        return packet

    def next_deadline(self) -> float | None:
        return self._under_way[0][0] if self._under_way else None

    def deliver(self, now: float) -> None:
        """Hand over what has arrived; nobody at the address means nobody hears of it."""
        while self._under_way and self._under_way[0][0] <= now:
            packet = heapq.heappop(self._under_way)[2]
            place = packet.receiver
            receiver = self._receivers.get((place.transport, place.address, place.port))
            if receiver is not None:
                packet.delivered = True
                receiver(packet.data, packet.sender, now)

    def lines(self, since: int = 0) -> list[str]:
        """First lines of all packets, sent whether they arrived or not."""
        return [packet.first_line for packet in self.packets[since:]]


def deliver_later(network: Network, data: bytes, sender: Source, receiver: Source) -> None:
    """Send on the running loop's time."""
    loop = asyncio.get_running_loop()
    packet = network.send(data, sender, receiver, loop.time())
    if packet.due is not None:
        loop.call_at(packet.due, lambda: network.deliver(max(loop.time(), packet.due or 0.0)))


class NetworkWire:
    """A `Wire` for an endpoint at one address of a `Network`. Streams to it are one connection for each pair of places."""

    def __init__(self, network: Network, address: str, port: int = 5060) -> None:
        self.counts: Counter[str] = Counter()
        self._network = network
        self._places = {kind: Source(kind, address, port) for kind in ("udp", "tcp")}
        self._places["tls"] = Source("tls", address, port + 1)
        self._events: WireEvents | None = None

    async def start(self, events: WireEvents) -> None:
        self._events = events
        for place in self._places.values():
            self._network.attach(place, lambda data, sender, now: events.received(data, sender))

    async def stop(self) -> None:
        for place in self._places.values():
            self._network.detach(place)

    def cut(self) -> None:
        """Nothing comes in or goes out any more: the process is dead, though parts of it still run."""
        for place in self._places.values():
            self._network.detach(place)
        self._network = Network()

    def reconfigure(self, config: Config) -> None:
        """There are no certificates in memory."""

    def listener_towards(self, destination: Source) -> str:
        return ""

    def connections(self) -> Mapping[str, int]:
        return {}

    def send(self, data: bytes, destination: Source) -> None:
        loop = asyncio.get_running_loop()
        if destination.transport != "udp" and not self._network.reachable(destination):
            if self._events is not None:
                loop.call_soon(self._events.lost, destination)
            return
        deliver_later(self._network, data, self._places[destination.transport], destination)

    def connected(self, destination: Source) -> bool:
        return destination.transport == "udp" or self._network.reachable(destination)

    def local_address(self, destination: Source) -> tuple[str, int]:
        place = self._places[destination.transport]
        return place.address, place.port

    def backlog(self) -> float:
        return 0.0

    def own_addresses(self) -> tuple[tuple[str, int], ...]:
        place = self._places["udp"]
        return ((place.address, place.port),)
