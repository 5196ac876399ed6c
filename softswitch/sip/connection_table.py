"""Who holds connections to us, and who must do without: caps for each address, of IPv6 for each /64, and in all.

A connection has its seat from the moment it is accepted, so that half a TLS handshake counts as much as a phone. When
all seats are taken, whoever holds most loses his oldest to a newcomer; where nobody holds much, the oldest of a stranger
goes: who fills the table, be it from many addresses, shuts out no phone.
"""

from collections import Counter, OrderedDict
from collections.abc import Callable

from softswitch.sip.source_rates import address_of, ban_key
from softswitch.sip.stream_limits import StreamLimits

_SECOND_CHANCES = 32
"""Connections of those we know that are passed over in search of a stranger's."""


class Seat:
    """One accepted connection. `abort` ends it, whatever it has become."""

    __slots__ = ("abort", "address", "holder", "transport")

    def __init__(self, address: str, transport: str, abort: Callable[[], None]) -> None:
        self.address = address
        self.holder = ban_key(address_of(address))
        self.transport = transport
        self.abort = abort


class ConnectionTable:
    """`counts` says what was refused, by its description."""

    def __init__(self, limits: StreamLimits, counts: Counter[str]) -> None:
        self._limits = limits
        self._counts = counts
        self.known: Callable[[str], bool] = lambda address: False
        """Whether somebody at an address has proved who he is."""
        self._seats: OrderedDict[Seat, None] = OrderedDict()
        self._held: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._seats)

    def admit(self, address: str, transport: str, abort: Callable[[], None]) -> Seat | None:
        """A seat, or None: the connection is to be closed at once."""
        seat = Seat(address, transport, abort)
        if self._held[seat.holder] >= self._limits.connections_per_address:
            self._counts["connections refused: too many from one address"] += 1
            return None
        if len(self._seats) >= self._limits.connections and not self._make_room(seat.holder):
            self._counts["connections refused: too many"] += 1
            return None
        self._seats[seat] = None
        self._held[seat.holder] += 1
        return seat

    def leave(self, seat: Seat) -> None:
        """The connection is over; said twice, it counts once."""
        if seat not in self._seats:
            return
        del self._seats[seat]
        self._held[seat.holder] -= 1
        if not self._held[seat.holder]:
            del self._held[seat.holder]

    def abort_all(self) -> None:
        for seat in tuple(self._seats):
            seat.abort()

    def by_transport(self) -> Counter[str]:
        return Counter(seat.transport for seat in self._seats)

    def _make_room(self, newcomer: str) -> bool:
        """The greediest pays where he holds more than half of what one may have."""
        greediest, held = self._held.most_common(1)[0]
        if held <= self._limits.connections_per_address // 2:
            oldest = self._oldest_stranger()
        elif greediest == newcomer:
            return False
        else:
            oldest = next(seat for seat in self._seats if seat.holder == greediest)
        if oldest is None:
            return False
        self._counts["connections closed: room for another address"] += 1
        self.leave(oldest)
        oldest.abort()
        return True

    def _oldest_stranger(self) -> Seat | None:
        """None: those looked at are all known. They are not looked at again before the others."""
        for _ in range(min(_SECOND_CHANCES, len(self._seats))):
            seat = next(iter(self._seats))
            if not self.known(seat.address):
                return seat
            self._seats.move_to_end(seat)
        return None
