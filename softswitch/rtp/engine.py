"""What the media room needs of the kernel: ports, rows of received datagrams, and sending rows. No decisions.

`uring.py` implements it on io_uring, `sockets.py` on plain sockets, `testing/engine.py` in memory. An engine hands over
rounds in which no leg occurs twice; a leg's second packet of a tick comes in the next round. So a round can update
per-leg state in one numpy step, and the order of a leg's packets is kept.
"""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from softswitch.rtp.packet import WIDTH, Indices, Rows

Address = tuple[str, int]
"""IP address as text and port."""


class PacketRows:
    """A block of rows with a memoryview of each, so that the socket calls need not make them."""

    def __init__(self, count: int) -> None:
        self.array: Rows = np.zeros((count, WIDTH), np.uint8)
        self.address = self.array.ctypes.data
        """Of the first row in memory, which never moves."""
        flat = memoryview(self.array.data).cast("B")
        self.views = [flat[row * WIDTH : (row + 1) * WIDTH] for row in range(count)]


@dataclass(slots=True)
class Arrivals:
    """One round: n datagrams of n different legs, in the first n rows of `packets`."""

    packets: PacketRows
    slot: npt.NDArray[np.int32]
    """(n,) the leg's row in the table."""
    length: npt.NDArray[np.int32]
    """(n,) bytes received; more than WIDTH when the datagram was longer."""
    sources: dict[int, Address] = field(default_factory=dict)
    """Row to where the datagram came from; absent where the engine made sure that it is the locked peer."""


class Engine(Protocol):
    name: str

    def open(self, slot: int, address: str, port: int) -> None:
        """Bind `port` and `port` + 1 for a leg; raises OSError. What arrives is dropped until `aim` or `lock`."""

    def close(self, slot: int) -> None:
        """Give both ports back."""

    def hold(self, address: str, port: int) -> None:
        """Bind `port` and `port` + 1 ahead of `open`, unheard; raises OSError."""

    def unhold(self, address: str, port: int) -> None:
        """Give both back, unopened; nothing when they are not held."""

    def aim(self, slot: int, peer: Address) -> None:
        """Send to `peer` from now on; take datagrams from anywhere and tell their sources. Raises OSError."""

    def lock(self, slot: int, peer: Address) -> None:
        """Send to `peer` and take from nobody else; datagrams that waited already still tell their sources."""

    def mute(self, slot: int) -> None:
        """Drop what arrives, as before `aim`."""

    def receive(self, *, again: bool) -> Arrivals | None:
        """A round, or None when nothing waits. With `again` only further datagrams of the legs of the round before: what
        comes for others while a round is worked on waits for the next tick, else at load one tick would never end.
        The rows are good until the next call."""

    def receive_control(self) -> list[tuple[int, bytes, Address]]:
        """RTCP datagrams that the rounds of this tick came across."""

    def strangers(self) -> dict[int, int]:
        """Datagrams dropped for each slot by the engine itself since the last call."""

    def send(
        self, packets: PacketRows, row: Indices, slot: npt.NDArray[np.int32], length: npt.NDArray[np.int32]
    ) -> None:
        """Send `length` bytes of each `row` to the peer of each `slot`; what the kernel refuses is lost, as on any
        network."""

    def send_control(self, slot: int, data: bytes, peer: Address, *, muxed: bool = False) -> None:
        """Send an RTCP datagram from the leg's odd port, or from that of RTP when it is `muxed`."""

    def shut(self) -> None:
        """Close everything."""
