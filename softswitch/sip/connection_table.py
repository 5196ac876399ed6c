"""Who holds connections to us, and who must do without: caps for each address and in all.

A connection has its seat from the moment it is accepted, so that half a TLS handshake counts as much as a phone. When
all seats are taken, whoever holds most loses his oldest to a newcomer: who fills the table shuts out himself only.
"""

from collections import Counter
from collections.abc import Callable

from softswitch.sip.stream_limits import StreamLimits


class Seat:
    """One accepted connection. `abort` ends it, whatever it has become."""

    __slots__ = ("abort", "address", "transport")

    def __init__(self, address: str, transport: str, abort: Callable[[], None]) -> None:
        self.address = address
        self.transport = transport
        self.abort = abort


class ConnectionTable:
    """`counts` says what was refused, by its description."""

    def __init__(self, limits: StreamLimits, counts: Counter[str]) -> None:
        self._limits = limits
        self._counts = counts
        self._seats: dict[Seat, None] = {}
        self._per_address: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._seats)

    def admit(self, address: str, transport: str, abort: Callable[[], None]) -> Seat | None:
        """A seat, or None: the connection is to be closed at once."""
        if self._per_address[address] >= self._limits.connections_per_address:
            self._counts["connections refused: too many from one address"] += 1
            return None
        if len(self._seats) >= self._limits.connections and not self._make_room(address):
            self._counts["connections refused: too many"] += 1
            return None
        seat = Seat(address, transport, abort)
        self._seats[seat] = None
        self._per_address[address] += 1
        return seat

    def leave(self, seat: Seat) -> None:
        """The connection is over; said twice, it counts once."""
        if seat not in self._seats:
            return
        del self._seats[seat]
        self._per_address[seat.address] -= 1
        if not self._per_address[seat.address]:
            del self._per_address[seat.address]

    def abort_all(self) -> None:
        for seat in tuple(self._seats):
            seat.abort()

    def by_transport(self) -> Counter[str]:
        return Counter(seat.transport for seat in self._seats)

    def _make_room(self, address: str) -> bool:
        """The greediest must hold more than half of what one may have."""
        greediest, held = self._per_address.most_common(1)[0]
        if held <= self._limits.connections_per_address // 2 or greediest == address:
            return False
        oldest = next(seat for seat in self._seats if seat.address == greediest)
        self._counts["connections closed: room for another address"] += 1
        self.leave(oldest)
        oldest.abort()
        return True
