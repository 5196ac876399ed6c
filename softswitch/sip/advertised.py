"""The address that a peer is told for us: our own in its network, `external_address` to all beyond ours."""

from ipaddress import ip_network

from softswitch.config.schema import Sip
from softswitch.errors import UnusableError
from softswitch.sip.source import Source
from softswitch.sip.wire import Wire


class AdvertisedAddress:
    """Raises UnusableError when `local_nets` cannot be read."""

    def __init__(self, wire: Wire, sip: Sip) -> None:
        self._wire = wire
        self._external = sip.external_address
        try:
            self._local = tuple(ip_network(text, strict=False) for text in sip.local_nets)
        except ValueError as error:
            raise UnusableError(f"sip.local_nets: {error}; write ADDRESS/BITS") from error

    def towards(self, destination: Source) -> tuple[str, int]:
        host, port = self._wire.local_address(destination)
        if self._external and not any(destination.ip in network for network in self._local):
            return self._external, port
        return host, port
