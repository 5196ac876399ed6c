"""Whether a peer's Contact leads anywhere: the one place that decides to send to where its messages came from instead.

RFC 3581 settles responses; for requests inside a dialog nothing does, and a phone behind a NAT writes its private
address in Contact. A Contact that merely differs from the source is believed: behind a proxy that is the rule.
"""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

from softswitch.sip.uri import Uri

_LONGEST = 64
"""Characters of an address, with the zone of an IPv6 one."""


def behind_nat(contact: Uri, via_host: str, source: str) -> bool:
    """True when messages to `contact` would get lost. `source` is the address the peer's message came from, `via_host`
    the sent-by of its top Via (empty for a response)."""
    host = _address(contact.host)
    if host is None or contact.host.strip("[]") == source:
        return False
    if host.is_unspecified or host.is_multicast:
        return True
    if via_host and via_host.lower() == contact.host.lower():
        return True
    origin = _address(source)
    return origin is not None and origin.is_global and not host.is_global


def is_address(host: str) -> bool:
    """An IP address rather than a name; IPv6 with or without brackets."""
    return _address(host) is not None


def _address(host: str) -> IPv4Address | IPv6Address | None:
    return _remembered(host) if len(host) <= _LONGEST else None


@lru_cache(maxsize=4096)
def _remembered(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host.strip("[]"))
    except ValueError:
        return None
