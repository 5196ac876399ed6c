"""The address that a peer is told for us: our own in its network, the advertised one to all beyond ours.

A listener may have its own; `external_address` serves the others. An address of one IP version is never shown to a peer
of the other.
"""

from ipaddress import ip_address, ip_network

from softswitch.config.sip import Sip
from softswitch.config.transport_checks import advertised_address
from softswitch.errors import UnusableError
from softswitch.sip.source import Source
from softswitch.sip.wire import Wire


class AdvertisedAddress:
    """Raises UnusableError when an address or network cannot be read."""

    def __init__(self, wire: Wire, sip: Sip) -> None:
        self._wire = wire
        try:
            self._external = _readable(sip.external_address)
            self._of_listener = {text: advertised_address(told) for text, told in sip.advertised.items()}
        except ValueError as error:
            raise UnusableError(f"sip.advertised, sip.external_address: {error}") from error
        try:
            self._local = tuple(ip_network(text, strict=False) for text in sip.local_nets)
        except ValueError as error:
            raise UnusableError(f"sip.local_nets: {error}; write ADDRESS/BITS") from error

    def towards(self, destination: Source) -> tuple[str, int]:
        host, port = self._wire.local_address(destination)
        if not self._external and not self._of_listener:
            return host, port
        told = self._told(destination)
        if not told[0] or (":" in told[0]) != (":" in host):
            return host, port
        if any(destination.ip in network for network in self._local):
            return host, port
        return told[0], told[1] or port

    def _told(self, destination: Source) -> tuple[str, int]:
        if self._of_listener:
            own = self._of_listener.get(self._wire.listener_towards(destination))
            if own is not None:
                return own
        return self._external, 0


def _readable(text: str) -> str:
    return str(ip_address(text)) if text else ""
