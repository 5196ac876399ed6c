"""Where a registered contact may lie: where the REGISTER came from, or in one of the configured networks.

Refused are names too, since nobody can say where they lead tomorrow. `Contact: *` names no place. A contact that is this
switch itself is refused by the registrar.
"""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network

from softswitch.sip.address import Address
from softswitch.sip.source import Source
from softswitch.sip.source_rates import address_of


def contacts_allowed(
    contacts: Iterable[Address], source: Source, networks: Sequence[IPv4Network | IPv6Network]
) -> bool:
    """Without networks every place is allowed."""
    return not networks or all(_allowed(contact, source, networks) for contact in contacts)


def _allowed(contact: Address, source: Source, networks: Sequence[IPv4Network | IPv6Network]) -> bool:
    try:
        place = address_of(contact.uri.host.strip("[]"))
    except ValueError:
        return False
    return place == source.ip or any(place in network for network in networks)
