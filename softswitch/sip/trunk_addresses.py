"""By what addresses trunks that are named by host are recognised: what DNS says of them, asked again from time to time.

A name that DNS has nothing for at the moment keeps the addresses it had.
"""

from collections.abc import Mapping
from dataclasses import replace

from softswitch.config.schema import Config
from softswitch.config.secret import Secret
from softswitch.sip.identity import IdentityTable, trunk_places
from softswitch.sip.nat import is_address
from softswitch.sip.resolver import Resolver
from softswitch.sip.uri import Uri

AGAIN_S = 60.0
"""After this long DNS is asked again."""


class TrunkAddresses:
    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._known: dict[str, tuple[str, ...]] = {}

    def identities(self, config: Config, secrets: Mapping[tuple[str, str], Secret]) -> IdentityTable:
        """Who is who in this configuration. Raises UnusableError."""
        trunks = {
            name: replace(trunk, match=self._known[name])
            if name in self._known and not trunk.match
            else trunk
            for name, trunk in config.trunk.items()
        }
        return IdentityTable.from_config(replace(config, trunk=trunks), secrets)

    async def refresh(self, config: Config) -> bool:
        """Ask DNS; whether anything has changed."""
        found = dict(self._known)
        for name, trunk in config.trunk.items():
            hosts = [Uri.parse(place) for place in trunk_places(trunk)]
            if not trunk.match and not all(is_address(host.host) for host in hosts):
                places = [place for host in hosts for place in await self._resolver.resolve(host)]
                if places:
                    found[name] = tuple(sorted({place.address for place in places}))
        found = {name: found[name] for name in found if name in config.trunk}
        changed, self._known = found != self._known, found
        return changed
