"""Who can be rung: phones (at every registered contact, or at a fixed one) and numbers at trunks."""

from dataclasses import dataclass
from functools import lru_cache

from softswitch.call.services import Services
from softswitch.codec import CODECS
from softswitch.config.endpoints import Endpoint
from softswitch.config.media import SrtpPolicy
from softswitch.config.schema import Config
from softswitch.config.secret import Secret
from softswitch.config.trunks import Trunk
from softswitch.ids import EndpointName
from softswitch.sip.address import Address
from softswitch.sip.invite_plan import DIRECT, InviteWay
from softswitch.sip.outbound import phones
from softswitch.sip.registrar import Binding
from softswitch.sip.secure_uris import SIPS
from softswitch.sip.uri import Uri, number_as_user


@dataclass(frozen=True, slots=True)
class Destination:
    where: Uri | Binding
    to: Address
    credentials: Secret | None = None
    """What answers a challenge of its trunk."""
    way: InviteWay = DIRECT

    @property
    def secure(self) -> bool:
        """It is called by `sips:`."""
        return (self.where.contact if isinstance(self.where, Binding) else self.where).scheme == SIPS

    @property
    def first_hop(self) -> Uri | Binding:
        """Where its INVITE is sent."""
        return self.where if self.way.proxy is None else self.way.proxy


def endpoint_destinations(services: Services, config: Config, endpoint: str) -> tuple[Destination, ...]:
    """Every address at which this phone can be rung now, one for each device; empty when it is not registered."""
    settings = config.endpoint.get(endpoint)
    if settings is None:
        return ()
    if settings.contact:
        return _fixed(settings.contact)
    found = services.sip.bindings(EndpointName(endpoint))
    return tuple(Destination(flows[0], Address(flows[0].contact)) for flows in phones(found))


@lru_cache(maxsize=1024)
def _fixed(contact: str) -> tuple[Destination, ...]:
    """A configuration has few of them, and each is rung again and again."""
    uri = Uri.parse(contact)
    return (Destination(uri, Address(uri)),)


def trunk_destination(
    services: Services, config: Config, trunk: str, number: str, *, hurry: bool = False
) -> Destination:
    """`number` at the trunk's host. `hurry`: there is another trunk to try."""
    settings = config.trunk[trunk]
    host = Uri.parse(settings.host)
    params = host.params.having("user", "phone") if settings.user_phone else host.params
    uri = Uri(scheme=host.scheme, user=number_as_user(number), host=host.host, port=host.port, params=params)
    proxy = Uri.parse(settings.outbound_proxy) if settings.outbound_proxy else None
    way = InviteWay(proxy=proxy, hurry=hurry)
    return Destination(uri, Address(uri), services.secrets.get(("trunk", trunk)), way)


def codecs_of(config: Config, party: str) -> tuple[str, ...]:
    """Codecs for `endpoint:NAME` or `trunk:NAME`, best first."""
    section = section_of(config, party)
    return (section.codecs if section is not None else ()) or config.rtp.codecs


def srtp_of(config: Config, party: str) -> SrtpPolicy:
    """Whether that party encrypts."""
    section = section_of(config, party)
    return section.srtp if section is not None else "off"


def media_of(config: Config, party: str) -> frozenset[str]:
    """Kinds of streams that it may have."""
    section = section_of(config, party)
    return frozenset(section.media if section is not None else ())


def codecs_beside(config: Config, party: str, codec: str, open_to: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Codecs for a party that is to talk to a leg of `codec`: that one first where it may be, so that nothing is
    translated between the two; then those that the other leg may still be given (`Leg.open_to`); then the rest, less
    what cannot be made here.
    """
    return _beside(codecs_of(config, party), codec, open_to)


@lru_cache(maxsize=256)
def _beside(own: tuple[str, ...], codec: str, open_to: tuple[str, ...]) -> tuple[str, ...]:
    """A configuration has few of them."""
    may = [each for each in own if CODECS[each].encodes or each == codec or each in open_to]
    return tuple(dict.fromkeys(sorted(may, key=lambda each: (each != codec, each not in open_to))))


def section_of(config: Config, party: str) -> Endpoint | Trunk | None:
    """What is configured for it; None: nothing any more."""
    kind, _, name = party.partition(":")
    return config.endpoint.get(name) if kind == "endpoint" else config.trunk.get(name)
