"""Where a peer takes a stream: the `c=` line that counts for it, and its RTCP port (RFC 4566 section 5.7, RFC 3605)."""

import ipaddress
import re
from functools import lru_cache

from softswitch.sip.sdp import NULL_ADDRESSES, Connection, MediaDescription

_LONGEST = 64
"""Characters of an address, with the zone of an IPv6 one."""
_RTCP = re.compile(r"([1-9][0-9]{0,4})(?: .*)?")


def can_be_sent_to(connection: Connection, our_address: str) -> bool:
    """One host of our address family. A host name would be legal; refusing it beats a call that nobody hears."""
    return len(connection.address) <= _LONGEST and _is_host(connection.address, ":" in our_address)


@lru_cache(maxsize=1024)
def _is_host(text: str, ipv6: bool) -> bool:
    """One host of this family, or the zeros of a hold."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    if text in NULL_ADDRESSES:
        return True
    one_host = not address.is_multicast and text != "255.255.255.255"
    return one_host and (address.version == 6) == ipv6


def rtcp_port(media: MediaDescription) -> int:
    """0: the usual one. Its host is passed over: RTCP goes where RTP goes."""
    match = _RTCP.fullmatch(next(media.attributes("rtcp"), ""))
    port = int(match[1]) if match is not None else 0
    return port if port < 65536 else 0
