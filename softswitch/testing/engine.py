"""A media engine without sockets: tests put datagrams in with `arrive` and read what was sent from `sent`."""

from collections import deque
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from softswitch.rtp.engine import Address, Arrivals, PacketRows
from softswitch.rtp.packet import WIDTH, Indices

ROWS = 1024


@dataclass(slots=True)
class _Ports:
    port: int
    mode: str = "muted"
    peer: Address | None = None
    waiting: deque[tuple[bytes, Address]] = field(default_factory=deque)


class MemoryEngine:
    name = "memory"

    def __init__(self) -> None:
        self.sent: list[tuple[int, Address, bytes]] = []
        """Port it left from, where to, what."""
        self.control_sent: list[tuple[int, Address, bytes]] = []
        self.refuse: set[int] = set()
        """Ports that cannot be bound."""
        self._packets = PacketRows(ROWS)
        self._ports: dict[int, _Ports] = {}
        self.held: set[tuple[str, int]] = set()
        self._control: list[tuple[int, bytes, Address]] = []
        self._strangers: dict[int, int] = {}

    def arrive(self, port: int, data: bytes, source: Address) -> None:
        """A datagram comes to a local port; odd ports are RTCP."""
        for slot, ports in self._ports.items():
            if ports.port == port:
                ports.waiting.append((data, source))
            elif ports.port + 1 == port and ports.mode != "muted":
                self._control.append((slot, data, source))

    def take_sent(self) -> list[tuple[int, Address, bytes]]:
        """What was sent since the last call."""
        taken, self.sent = self.sent, []
        return taken

    def mode_of(self, port: int) -> str:
        return next(ports.mode for ports in self._ports.values() if ports.port == port)

    def peer_of(self, port: int) -> Address | None:
        return next(ports.peer for ports in self._ports.values() if ports.port == port)

    def open(self, slot: int, address: str, port: int) -> None:
        if (address, port) not in self.held:
            self._bind(port)
        self.held.discard((address, port))
        self._ports[slot] = _Ports(port)

    def hold(self, address: str, port: int) -> None:
        self._bind(port)
        self.held.add((address, port))

    def unhold(self, address: str, port: int) -> None:
        self.held.discard((address, port))

    def _bind(self, port: int) -> None:
        if port in self.refuse or any(port == held for _, held in self.held):
            raise OSError(98, "Address already in use")

    def close(self, slot: int) -> None:
        del self._ports[slot]

    def aim(self, slot: int, peer: Address) -> None:
        self._ports[slot].mode, self._ports[slot].peer = "open", peer

    def lock(self, slot: int, peer: Address) -> None:
        self._ports[slot].mode, self._ports[slot].peer = "locked", peer

    def mute(self, slot: int) -> None:
        self._ports[slot].mode, self._ports[slot].peer = "muted", None

    def receive(self, *, again: bool) -> Arrivals | None:
        if not any(ports.waiting for ports in self._ports.values()):
            return None
        slots: list[int] = []
        lengths: list[int] = []
        sources: dict[int, Address] = {}
        for slot, ports in self._ports.items():
            if not ports.waiting:
                continue
            data, source = ports.waiting.popleft()
            if ports.mode == "muted" or (ports.mode == "locked" and source != ports.peer):
                self._strangers[slot] = self._strangers.get(slot, 0) + 1
                continue
            if ports.mode == "open":
                sources[len(slots)] = source
            kept = data[:WIDTH]
            self._packets.views[len(slots)][: len(kept)] = kept
            slots.append(slot)
            lengths.append(len(data))
        return Arrivals(self._packets, np.array(slots, np.int32), np.array(lengths, np.int32), sources)

    def receive_control(self) -> list[tuple[int, bytes, Address]]:
        received, self._control = self._control, []
        return received

    def strangers(self) -> dict[int, int]:
        counted, self._strangers = self._strangers, {}
        return counted

    def send(
        self, packets: PacketRows, row: Indices, slot: npt.NDArray[np.int32], length: npt.NDArray[np.int32]
    ) -> None:
        for at, to, count in zip(row.tolist(), slot.tolist(), length.tolist(), strict=True):
            ports = self._ports[to]
            assert ports.peer is not None, "sent to nobody"
            self.sent.append((ports.port, ports.peer, bytes(packets.views[at][:count])))

    def send_control(self, slot: int, data: bytes, peer: Address, *, muxed: bool = False) -> None:
        self.control_sent.append((self._ports[slot].port + (not muxed), peer, data))

    def shut(self) -> None:
        self._ports.clear()
