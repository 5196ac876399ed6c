"""Who a request may come from: phones and trunks, found by digest user or by the network the request came from.

Refuses to guess: a user name that two entries share is an error at start, and of several networks that hold an address
the narrowest counts.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Literal

from softswitch.config.schema import Config
from softswitch.config.secret import Secret
from softswitch.config.trunks import Trunk
from softswitch.errors import UnusableError
from softswitch.sip.errors import ParseError
from softswitch.sip.network_table import NetworkTable
from softswitch.sip.source import Source
from softswitch.sip.uri import Uri

Kind = Literal["endpoint", "trunk"]


@dataclass(frozen=True, slots=True)
class Identity:
    kind: Kind
    name: str
    """The section of the configuration: an endpoint's extension, or a trunk's name."""


@dataclass(frozen=True, slots=True)
class KnownNetwork:
    network: IPv4Network | IPv6Network
    identity: Identity
    challenge: bool
    """Being there is not enough: digest is asked for too."""
    realm: str = ""
    """Of that challenge; empty: as everywhere."""


@dataclass(frozen=True, slots=True)
class KnownUser:
    identity: Identity
    ha1: Mapping[str, str]
    """Digest algorithm to H(A1) in hex."""
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    """Where this user must come from; empty means anywhere."""

    def may_come_from(self, source: Source) -> bool:
        return not self.networks or any(source.ip in network for network in self.networks)


def ha1_by_algorithm(secret: Secret) -> dict[str, str]:
    """Without those that are not known."""
    found = {"SHA-256": secret.ha1_sha256, "MD5": secret.ha1_md5}
    return {algorithm: ha1 for algorithm, ha1 in found.items() if ha1}


class IdentityTable:
    """Immutable; a reload makes a new one."""

    def __init__(self, users: Mapping[str, KnownUser], networks: Iterable[KnownNetwork]) -> None:
        self._users = dict(users)
        self._networks = tuple(networks)
        self._by_network = NetworkTable((known.network, known) for known in self._networks)
        common = [
            algorithm
            for algorithm in ("SHA-256", "MD5")
            if all(algorithm in user.ha1 for user in self._users.values())
        ]
        self.algorithms: tuple[str, ...] = tuple(common) or ("SHA-256", "MD5")
        """What every user can answer, best first: the same challenge for all gives nobody away."""
        self.realms = frozenset(known.realm for known in self._networks if known.realm)
        """Of trunks that have their own."""

    @classmethod
    def from_config(cls, config: Config, secrets: Mapping[tuple[str, str], Secret]) -> "IdentityTable":
        """`secrets` by `("endpoint", NAME)` and `("trunk", NAME)`. Raises `UnusableError`."""
        users: dict[str, KnownUser] = {}
        networks: list[KnownNetwork] = []
        for name, endpoint in config.endpoint.items():
            identity = Identity("endpoint", name)
            if endpoint.contact:
                networks += [KnownNetwork(net, identity, False) for net in _networks(endpoint.match, name)]
            _add_user(users, identity, secrets.get(("endpoint", name)), ())
        for name, trunk in config.trunk.items():
            identity = Identity("trunk", name)
            own = _networks(trunk.match or _own_addresses(trunk), name)
            networks += [KnownNetwork(net, identity, trunk.challenge, trunk.realm) for net in own]
            if trunk.challenge:
                _add_user(users, identity, secrets.get(("trunk", name)), own)
        return cls(users, networks)

    def user(self, name: str) -> KnownUser | None:
        return self._users.get(name)

    def networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """All from which a trunk, or a phone with a fixed address, may send."""
        return tuple(known.network for known in self._networks)

    def network(self, source: Source) -> KnownNetwork | None:
        """The narrowest network of anybody's that holds the address."""
        return self._by_network.find(source.ip)

    def realm(self, source: Source) -> str:
        """Of challenges to whoever is there; empty: as everywhere. It goes by the place alone: users have no part in it."""
        known = self.network(source) if self.realms else None
        return known.realm if known is not None and known.challenge else ""

    def identify(self, source: Source) -> Identity | None:
        """Whom the address alone proves."""
        known = self.network(source)
        return None if known is None or known.challenge else known.identity


def _add_user(
    users: dict[str, KnownUser],
    identity: Identity,
    secret: Secret | None,
    networks: tuple[IPv4Network | IPv6Network, ...],
) -> None:
    if secret is None:
        return
    other = users.get(secret.user)
    if other is not None:
        raise UnusableError(
            f"{identity.kind}.{identity.name} and {other.identity.kind}.{other.identity.name} have the same "
            f"auth.user {secret.user!r}; give each its own"
        )
    users[secret.user] = KnownUser(identity, ha1_by_algorithm(secret), networks)


def _networks(texts: Iterable[str], name: str) -> tuple[IPv4Network | IPv6Network, ...]:
    try:
        return tuple(ip_network(text, strict=False) for text in texts)
    except ValueError as error:
        raise UnusableError(f"match of {name}: {error}; write an address or ADDRESS/BITS") from error


def trunk_places(trunk: Trunk) -> tuple[str, ...]:
    """SIP addresses of all that a trunk is made of, where calls may come from: its host, its proxy, its registrars."""
    servers = trunk.register.servers if trunk.register is not None else ()
    return tuple(dict.fromkeys(place for place in (trunk.host, trunk.outbound_proxy, *servers) if place))


def _own_addresses(trunk: Trunk) -> tuple[str, ...]:
    """Hosts of `sip:HOST` that are addresses."""
    found = []
    for place in trunk_places(trunk):
        try:
            found.append(str(ip_network(Uri.parse(place).host.strip("[]"))))
        except (ParseError, ValueError):
            continue
    return tuple(dict.fromkeys(found))
