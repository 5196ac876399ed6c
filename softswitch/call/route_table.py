"""The routes of one configuration in the order in which they are looked at, with their patterns read once.

Owns the order: routes for certain callers before those for all, exact numbers before patterns, closer patterns before wider
ones (`patterns.py`). A number with an exact route is found without a look at the patterns behind it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from softswitch.config.routes import Route
from softswitch.patterns import Pattern

_KEPT = 4
"""Configurations whose tables are remembered: that of now, and those that calls still have."""


@dataclass(frozen=True, slots=True)
class Entry:
    key: str
    route: Route
    pattern: Pattern
    ani: tuple[Pattern, ...]
    sources: frozenset[str]

    def suits(self, ani: str, source: str, any_source: str) -> bool:
        """For this caller, from there."""
        if self.sources and source not in self.sources and any_source not in self.sources:
            return False
        return not self.ani or any(pattern.matches(ani) for pattern in self.ani)


class RouteTable:
    def __init__(self, routes: Mapping[str, Route]) -> None:
        entries = [
            Entry(
                key,
                route,
                Pattern.parse(key),
                tuple(map(Pattern.parse, route.ani)),
                frozenset(route.source),
            )
            for key, route in routes.items()
        ]
        entries.sort(key=lambda entry: (not entry.ani, entry.pattern.specificity, entry.key))
        self._exact = {entry.key: entry for entry in entries if entry.pattern.exact}
        patterns = [entry for entry in entries if not entry.pattern.exact]
        self._choosy = tuple(entry for entry in patterns if entry.ani)
        self._open = tuple(entry for entry in patterns if not entry.ani)

    def best(self, number: str, *, ani: str, kind: str, name: str) -> tuple[str, Route] | None:
        source, any_source = f"{kind}:{name}", f"{kind}:*"
        for entry in self._matching(number):
            if entry.suits(ani, source, any_source):
                return entry.key, entry.route
        return None

    def _matching(self, number: str) -> Iterator[Entry]:
        """Best first."""
        exact = self._exact.get(number)
        if exact is not None and exact.ani:
            yield exact
        yield from (entry for entry in self._choosy if entry.pattern.matches(number))
        if exact is not None and not exact.ani:
            yield exact
        yield from (entry for entry in self._open if entry.pattern.matches(number))


_tables: dict[int, tuple[Mapping[str, Route], RouteTable]] = {}


def table_of(routes: Mapping[str, Route]) -> RouteTable:
    """Made once for each configuration, which never changes: known by its identity, and held while it is."""
    known = _tables.get(id(routes))
    if known is None:
        while len(_tables) >= _KEPT:
            del _tables[next(iter(_tables))]
        known = _tables[id(routes)] = (routes, RouteTable(routes))
    return known[1]
