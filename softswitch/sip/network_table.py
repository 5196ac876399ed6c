"""The narrowest network that holds an address, found by one lookup for each length of prefix that occurs.

Asked for sources of datagrams, which anybody can forge: the work must not grow with the number of networks.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Generic, TypeVar

V = TypeVar("V")


class NetworkTable(Generic[V]):
    """Immutable. Of equal networks the first one counts."""

    def __init__(self, items: Iterable[tuple[IPv4Network | IPv6Network, V]]) -> None:
        found: dict[tuple[int, int], dict[int, V]] = {}
        for network, value in items:
            shift = network.max_prefixlen - network.prefixlen
            level = found.setdefault((network.version, shift), {})
            level.setdefault(int(network.network_address) >> shift, value)
        self._levels: dict[int, tuple[tuple[int, dict[int, V]], ...]] = {
            version: tuple((shift, found[each, shift]) for each, shift in sorted(found) if each == version)
            for version in (4, 6)
        }

    def find(self, address: IPv4Address | IPv6Address) -> V | None:
        number = int(address)
        for shift, level in self._levels[address.version]:
            value = level.get(number >> shift)
            if value is not None:
                return value
        return None
