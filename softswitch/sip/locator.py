"""Where calls to an address or to a registered phone would be sent now: asked before an INVITE is made, for what it has to
say of our own address there, and for which of several trunks is tried first."""

from collections.abc import Callable

from softswitch.sip.dead_targets import DeadTargets
from softswitch.sip.invite_plan import way_to
from softswitch.sip.nat import is_address
from softswitch.sip.registrar import Binding
from softswitch.sip.resolver import Resolver
from softswitch.sip.source import Source
from softswitch.sip.uri import Uri
from softswitch.sip.way import direct_place


class Locator:
    def __init__(
        self,
        resolver: Resolver,
        dead_targets: DeadTargets,
        connected: Callable[[Source], bool],
        monotonic: Callable[[], float],
    ) -> None:
        self._resolver = resolver
        self._dead_targets = dead_targets
        self._connected = connected
        self._monotonic = monotonic

    def located(self, destination: Uri | Binding) -> Source | None:
        """As `locate`, where no name has to be looked up; None: one has, or nothing leads there."""
        way = way_to(destination, self._connected)
        if isinstance(way, Source):
            return way
        return direct_place(way) if is_address(way.host) else None

    async def locate(self, destination: Uri | Binding) -> Source | None:
        """None when its name leads nowhere."""
        way = way_to(destination, self._connected)
        if isinstance(way, Source):
            return way
        found = await self._resolver.resolve(way)
        ordered = self._dead_targets.ordered(found, self._monotonic())
        return ordered[0] if ordered else None

    def is_silent(self, uri: str) -> bool:
        """The one address that it is did not answer lately."""
        if not len(self._dead_targets):
            return False
        parsed = Uri.parse(uri)
        return is_address(parsed.host) and direct_place(parsed) in self._dead_targets
