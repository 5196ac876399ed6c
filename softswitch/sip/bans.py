"""Who is not listened to, for how long and why: bans of addresses and networks that grow with each further one.

A ban lasts `first_s`, the next of the same source `growth` times as long, up to `longest_s`; a source that keeps quiet for
twice the longest ban begins anew. Times are monotonic seconds. The table is bounded: of bans for what can be forged the one
that ends first makes place, then of the others, last of those made by hand; whoever is banned cannot push his own ban out.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

LARGEST_TABLE = 20_000
_FOR_EVER_S = 10 * 365 * 86400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ban:
    key: str
    """An address, or a network `ADDRESS/BITS`."""
    why: str
    since: float
    until: float
    times: int = 1
    """How often this source has been banned, this time included."""
    manual: bool = False
    """Made by an administrator; kept apart from offences."""
    forgeable: bool = False
    """For what anybody could have sent in this address's name."""

    @property
    def rank(self) -> int:
        """Those of a lower one make place first."""
        return 2 if self.manual else 0 if self.forgeable else 1


@dataclass(frozen=True, slots=True, kw_only=True)
class BanLengths:
    first_s: float = 300.0
    growth: float = 4.0
    longest_s: float = 86400.0

    def of(self, times: int) -> float:
        """Of the ban that is a source's `times`-th."""
        return min(self.longest_s, self.first_s * self.growth ** min(times - 1, 64))


class Bans:
    def __init__(self, lengths: BanLengths, size: int = LARGEST_TABLE) -> None:
        self.lengths = lengths
        self._size = size
        self._bans: dict[str, Ban] = {}
        """Those in force, and those that have ended but still count for the length of the next."""
        self._places: list[tuple[int, float, str]] = []
        """A heap of ranks and ends; those replaced or lifted since are passed over, and swept when there are many."""
        self._networks: dict[str, IPv4Network | IPv6Network] = {}
        """Of bans wider than what offences ban: /24 and the like, made by hand."""

    def add(self, key: str, why: str, now: float, *, forgeable: bool = False) -> Ban:
        """For offences; longer than the last one of the same source, but for what is forgeable: else a datagram now and
        then would shut out the address that it names for a day."""
        known = self._bans.get(key)
        before = known.times if known is not None else 0
        times = max(before, 1) if forgeable else before + 1
        until = now + self.lengths.of(1 if forgeable else times)
        if forgeable and known is not None and not known.forgeable:
            until, forgeable = max(until, known.until), False
        ban = Ban(key=key, why=why, since=now, until=until, times=times, forgeable=forgeable)
        self._keep(ban)
        return ban

    def add_by_hand(self, key: str, why: str, now: float, length_s: float) -> Ban:
        """`length_s` 0 is for ever. Raises ValueError for what is neither address nor network."""
        network = ip_network(key, strict=False)
        single = network.prefixlen == network.max_prefixlen
        name = str(network.network_address) if single else str(network)
        until = now + (length_s or _FOR_EVER_S)
        known = self._bans.get(name)
        times = known.times if known is not None else 1
        ban = Ban(key=name, why=why, since=now, until=until, times=times, manual=True)
        self._keep(ban)
        if not _banned_for_offences(network):
            self._networks[name] = network
        return ban

    def restore(self, bans: Iterable[Ban], now: float) -> None:
        """Those of the last run."""
        for ban in bans:
            try:
                network = ip_network(ban.key)
            except ValueError:
                continue
            self._keep(ban)
            if not _banned_for_offences(network):
                self._networks[ban.key] = network

    def remove(self, key: str, now: float) -> Ban | None:
        """The ban of exactly this address or network; its history is forgotten too."""
        ban = self._bans.pop(key, None)
        self._networks.pop(key, None)
        return ban if ban is not None and now < ban.until else None

    def until(self, address: IPv4Address | IPv6Address, key: str) -> float:
        """When all bans that cover `address`, or its `key`, are over; 0 when there are none."""
        if not self._bans:
            return 0.0
        found = [self._bans[name].until for name in (str(address), key) if name in self._bans]
        found += [self._bans[name].until for name, network in self._networks.items() if address in network]
        return max(found, default=0.0)

    def in_force(self, now: float) -> tuple[Ban, ...]:
        """The longest-lasting first."""
        alive = [ban for ban in self._bans.values() if now < ban.until]
        return tuple(sorted(alive, key=lambda ban: -ban.until))

    def remembered(self, now: float) -> tuple[Ban, ...]:
        """All that a restart must not forget."""
        self._forget_old(now)
        return tuple(self._bans.values())

    def _keep(self, ban: Ban) -> None:
        if ban.key not in self._bans and len(self._bans) >= self._size:
            self._forget_first()
        self._bans[ban.key] = ban
        heappush(self._places, (ban.rank, ban.until, ban.key))
        if len(self._places) > 2 * self._size:
            self._places = [(kept.rank, kept.until, key) for key, kept in self._bans.items()]
            heapify(self._places)

    def _forget_first(self) -> None:
        while self._places:
            rank, until, key = heappop(self._places)
            found = self._bans.get(key)
            if found is not None and (found.rank, found.until) == (rank, until):
                del self._bans[key]
                self._networks.pop(key, None)
                return

    def _forget_old(self, now: float) -> None:
        quiet_s = 2 * self.lengths.longest_s
        for key in [key for key, ban in self._bans.items() if now > ban.until + quiet_s]:
            self.remove(key, now)


def _banned_for_offences(network: IPv4Network | IPv6Network) -> bool:
    """It is found by the key of each of its addresses; only what is of another size has to be searched for."""
    return network.prefixlen == (64 if network.version == 6 else 32)
