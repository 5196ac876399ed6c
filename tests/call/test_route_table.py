"""Proves that a table of routes finds, for any number, caller and source, what looking at every route in order finds, and
that it is made once for a configuration.

Does not prove what the patterns themselves mean (tests/config) nor what a route leads to (tests/story).
"""

import random
from collections.abc import Mapping

import pytest

from softswitch.call.route_table import RouteTable, table_of
from softswitch.config.routes import Route
from softswitch.patterns import Pattern

_KEYS = ("600", "601", "6001", "_6XX", "_60X", "_6.", "_X!", "_600!", "_[5-7]XX", "_NXX", "_6X1", "0034911")
_ANI = ((), ("_34.",), ("77",), ("77", "_1X"))
_SOURCES = ((), ("trunk:*",), ("trunk:a",), ("trunk:b", "endpoint:*"))


def by_hand(routes: Mapping[str, Route], number: str, ani: str, kind: str, name: str) -> str | None:
    """As the reference of routes tells it."""
    found = []
    for key, route in routes.items():
        if route.source and not {f"{kind}:{name}", f"{kind}:*"} & set(route.source):
            continue
        if route.ani and not any(Pattern.parse(each).matches(ani) for each in route.ani):
            continue
        if Pattern.parse(key).matches(number):
            found.append((not route.ani, Pattern.parse(key).specificity, key))
    return min(found)[2] if found else None


@pytest.mark.parametrize("seed", range(40))
def test_it_finds_what_looking_at_all_finds(seed: int) -> None:
    chance = random.Random(seed)
    routes = {
        key: Route(to="hangup", ani=chance.choice(_ANI), source=chance.choice(_SOURCES))
        for key in chance.sample(_KEYS, chance.randint(1, len(_KEYS)))
    }
    table, found = RouteTable(routes), 0
    for number in ("600", "601", "6001", "611", "6", "555", "0034911", "x"):
        for ani in ("34911", "77", "15", ""):
            for kind, name in (("trunk", "a"), ("trunk", "b"), ("endpoint", "1001")):
                best = table.best(number, ani=ani, kind=kind, name=name)
                assert (best[0] if best else None) == by_hand(routes, number, ani, kind, name)
                found += best is not None
    assert found or len(routes) < 3


def test_it_is_made_once_for_a_configuration() -> None:
    routes = [{"600": Route(to="hangup")} for _ in range(6)]
    first = table_of(routes[0])
    assert table_of(routes[0]) is first and table_of(routes[1]) is not first
    for each in routes:
        table_of(each)
    assert table_of(routes[0]).best("600", ani="", kind="trunk", name="a") == ("600", routes[0]["600"])
