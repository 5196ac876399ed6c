"""What a proxy changes of a message on its way, and nothing else (RFC 3261 sections 16.6 and 16.7).

A request gets our Via, one hop less, Record-Route and Route where they are due, and another Request-URI; it loses what was
meant for us alone. A response loses our Via. All other lines and the body pass as they came, to the byte.
"""

from collections.abc import Callable
from dataclasses import dataclass

from softswitch.errors import PeerError
from softswitch.sip.address import Address
from softswitch.sip.digest import Credentials
from softswitch.sip.grammar import number
from softswitch.sip.message import Request, Response
from softswitch.sip.uri import Uri

MAX_FORWARDS = 70
MAX_BREADTH = 60
"""RFC 5393 section 5.3.3: of a request that says nothing of it."""
ASSERTED = frozenset({"p-asserted-identity", "p-preferred-identity", "remote-party-id", "diversion"})
"""Who somebody says that he is, or was called as: believed of nobody whom the configuration does not trust."""
_CREDENTIALS = ("authorization", "proxy-authorization")
IsOurs = Callable[[Uri], bool]
_NOTHING: frozenset[str] = frozenset()


@dataclass(slots=True, kw_only=True)
class Hop:
    """How one copy of a request goes on. Not frozen: one is made for each."""

    via: str
    uri: str
    """Request-URI."""
    routes: tuple[str, ...] = ()
    """Put before the Route that is left: the Path of a registered phone, an outbound proxy."""
    record_routes: tuple[str, ...] = ()
    """The topmost first."""
    left: tuple[str, ...] | None = None
    """Route values that are left of what came; None: as they came."""
    breadth: int | None = None
    """Max-Breadth; None: as it came."""
    without: frozenset[str] = _NOTHING
    """Further lines that are not passed on, by folded long name."""


def forwarded(request: Request, hop: Hop) -> Request:
    """The copy that leaves. `max_forwards` of what came must not be 0."""
    headers = request.headers
    front = [("Via", hop.via)]
    front += [("Record-Route", value) for value in hop.record_routes]
    uri, routes, left = hop.uri, hop.routes, hop.left
    without = hop.without
    if routes and "lr" not in Address.parse(routes[0]).uri.params:
        left = (*(headers.get_list("Route") if left is None else left), f"<{uri}>")
        uri, routes = str(Address.parse(routes[0]).uri), routes[1:]  # section 16.6 step 6: a strict router
    front += [("Route", value) for value in routes]
    if left is not None:
        front += [("Route", value) for value in left]
        without = without | {"route"}
    hops = request.max_forwards
    changed = {} if hops is None else {"max-forwards": str(hops - 1)}
    if hops is None:
        front.append(("Max-Forwards", str(MAX_FORWARDS)))
    if hop.breadth is not None:
        front.append(("Max-Breadth", str(hop.breadth)))
        without = without | {"max-breadth"}
    return Request(request.method, uri, headers.respliced(front, changed, without), request.body)


def returned(response: Response) -> Response:
    """A response of the next hop without our Via."""
    return Response(response.status, response.reason, response.headers.without_first("Via"), response.body)


def consumed(request: Request, realms: frozenset[str]) -> frozenset[str]:
    """Lines of credentials that were meant for us, where no others stand beside them (section 22.3)."""
    gone = []
    for key in _CREDENTIALS:
        if key in request.headers.keys:
            values = request.headers.get_all(key)
            if all(realm is None or realm in realms for realm in map(_realm, values)):
                gone.append(key)
    return frozenset(gone)


def _realm(text: str) -> str | None:
    """None: they cannot be read, so they are of use to nobody."""
    try:
        return Credentials.parse(text).realm
    except PeerError:
        return None


def breadth_of(request: Request) -> int:
    """How many branches the request may still have at once (RFC 5393 section 5.3.3); raises ParseError."""
    text = request.headers.get("Max-Breadth")
    return MAX_BREADTH if text is None else number(text, "Max-Breadth", 255)


def left_of_route(
    request: Request, made_here: IsOurs, leads_here: IsOurs
) -> tuple[Uri, tuple[str, ...] | None]:
    """Request-URI and Route as section 16.4 puts them right: a Request-URI that is our own Record-Route was put there by a
    strict router, which put the real one last; then our own values on top of Route are done with."""
    uri = request.uri
    routes = request.routes
    if not routes:
        return uri, None
    values = [str(route) for route in routes]
    repaired = made_here(uri)
    if repaired:
        uri = routes[-1].uri
        routes, values = routes[:-1], values[:-1]
    done = 0
    while done < len(routes) and leads_here(routes[done].uri):
        done += 1
    return uri, tuple(values[done:]) if done or repaired else None
