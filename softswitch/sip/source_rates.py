"""How much each source may send: token buckets per address and per network, in tables of bounded size.

The path of every datagram, so its values are slotted and not frozen, and finding one is a lookup by text. Where the table
is full the oldest that is neither known nor banned makes place; where none of those looked at is, the newcomer is not
remembered, and its network's and all strangers' rates alone count for it: whoever forges addresses pushes out no phone.
"""

from collections import OrderedDict
from ipaddress import IPv4Address, IPv6Address, ip_address

LARGEST_TABLE = 50_000
_SECOND_CHANCES = 8
_IPV4_BITS, _IPV6_BITS = 24, 64


class Bucket:
    """Tokens that grow with time; `take` is false when there are not enough."""

    __slots__ = ("at", "tokens")

    def __init__(self, tokens: float, now: float) -> None:
        self.tokens = tokens
        self.at = now

    def take(self, cost: float, rate: float, burst: float, now: float) -> bool:
        tokens = self.tokens + (now - self.at) * rate
        if tokens > burst:
            tokens = burst
        self.at = now
        if tokens < cost:
            self.tokens = tokens
            return False
        self.tokens = tokens - cost
        return True


class Conduct:
    """How whoever is behind an address behaves; of IPv6 the whole /64, since its user can take any address of it."""

    __slots__ = ("connections", "known_until", "score", "scored_at")

    def __init__(self, connections: float, now: float) -> None:
        self.connections = Bucket(connections, now)
        self.known_until = 0.0
        """Until then somebody there is known."""
        self.score = 0.0
        """Offences, as of `scored_at`."""
        self.scored_at = now


class SourceGroup:
    """The addresses of one /24, or of one /64 of IPv6."""

    __slots__ = ("banned_until", "bucket", "conduct", "network")

    def __init__(self, network: str, tokens: float, connections: float, now: float) -> None:
        self.network = network
        self.bucket = Bucket(tokens, now)
        self.conduct = Conduct(connections, now)
        """Of all its addresses, for IPv6."""
        self.banned_until = 0.0


class SourceState:
    """What is known of one address."""

    __slots__ = (
        "banned_until",
        "bucket",
        "conduct",
        "epoch",
        "exempt",
        "group",
        "known_until",
        "trusted",
    )

    def __init__(self, group: SourceGroup, conduct: Conduct, tokens: float, now: float) -> None:
        self.group = group
        self.conduct = conduct
        self.bucket = Bucket(tokens, now)
        self.epoch = -1
        """Of the lists of networks by which `trusted` was found."""
        self.trusted = False
        """A trunk, a phone with a fixed address, or of a network that the configuration trusts."""
        self.exempt = False
        """From rates, scores and caps."""
        self.banned_until = 0.0
        self.known_until = 0.0
        """It has proved who it is, or we have sent it requests ourselves."""


def address_of(text: str) -> IPv4Address | IPv6Address:
    """An address as a value, an IPv4 one that came in over IPv6 as IPv4; raises ValueError."""
    found = ip_address(text.partition("%")[0])
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


def network_of(address: IPv4Address | IPv6Address) -> str:
    """The /24 or /64 of an address, as text."""
    if address.version == 4:
        return f"{str(address).rpartition('.')[0]}.0/{_IPV4_BITS}"
    shift = 128 - _IPV6_BITS
    return f"{IPv6Address(int(address) >> shift << shift)}/{_IPV6_BITS}"


def ban_key(address: IPv4Address | IPv6Address) -> str:
    """What is banned for the deeds of an address: itself, or the /64 of which its user can take any other."""
    return str(address) if address.version == 4 else network_of(address)


class SourceTable:
    """Addresses and their networks, each in a table of at most `size`."""

    def __init__(self, size: int = LARGEST_TABLE) -> None:
        self._size = size
        self._states: OrderedDict[str, SourceState] = OrderedDict()
        self._groups: OrderedDict[str, SourceGroup] = OrderedDict()
        self.get = self._states.get

    def __len__(self) -> int:
        return len(self._states)

    def states(self) -> list[tuple[str, SourceState]]:
        return list(self._states.items())

    def group(self, network: str) -> SourceGroup | None:
        return self._groups.get(network)

    def add(
        self,
        text: str,
        address: IPv4Address | IPv6Address,
        *,
        burst: float,
        connections: float,
        network_burst: float,
        now: float,
        keep: bool = False,
    ) -> SourceState:
        """A new source; `text` is how it is found again, `connections` how many it may open at once. With `keep` it is
        remembered whoever else has to go."""
        network = network_of(address)
        group = self._groups.get(network)
        if group is None:
            if len(self._groups) >= self._size:
                self._groups.popitem(last=False)
            group = self._groups[network] = SourceGroup(network, network_burst, connections, now)
        conduct = group.conduct if address.version == 6 else Conduct(connections, now)
        state = SourceState(group, conduct, burst, now)
        if len(self._states) < self._size or self._make_room(now) or keep:
            if len(self._states) >= self._size:
                self._states.popitem(last=False)
            self._states[text] = state
        return state

    def _make_room(self, now: float) -> bool:
        for _ in range(_SECOND_CHANCES):
            text, state = self._states.popitem(last=False)
            if now >= state.known_until and now >= state.banned_until:
                return True
            self._states[text] = state
        return False
