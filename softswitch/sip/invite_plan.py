"""How a call to an address or to a registered phone begins: Request-URI, way and headers of its INVITE."""

from collections.abc import Callable

from softswitch.sip.address import Address
from softswitch.sip.outgoing_invite import InvitePlan
from softswitch.sip.registrar import Binding
from softswitch.sip.sdp import SessionDescription
from softswitch.sip.source import Source
from softswitch.sip.uri import Uri

MAX_FORWARDS = 70


def plan_invite(
    destination: Uri | Binding,
    *,
    call_id: str,
    local_tag: str,
    from_: Address,
    to: Address,
    sdp: SessionDescription,
    headers: tuple[tuple[str, str], ...],
    connected: Callable[[Source], bool],
) -> InvitePlan:
    """A phone is called where its registration came from, an address where it leads."""
    target = destination.contact if isinstance(destination, Binding) else destination
    way = way_to(destination, connected)
    hops = [value for name, value in headers if name.lower() == "max-forwards"]
    return InvitePlan(
        call_id=call_id,
        local_tag=local_tag,
        request_uri=target,
        next_hop=target if isinstance(way, Source) else way,
        flow=way if isinstance(way, Source) else None,
        route=destination.path if isinstance(destination, Binding) else (),
        from_=from_,
        to=to,
        contact_user=from_.uri.user,
        headers=tuple((name, value) for name, value in headers if name.lower() != "max-forwards"),
        body=sdp.serialize(),
        max_forwards=int(hops[0]) if hops else MAX_FORWARDS,
    )


def way_to(destination: Uri | Binding, connected: Callable[[Source], bool]) -> Source | Uri:
    """A place that is known already, or an address to look up.

    What a phone registers, Contact and Path alike, is never followed to another host than the one it registered from:
    it could name a trunk, which would take our INVITE for an order of ours and charge us.
    """
    if not isinstance(destination, Binding):
        return destination
    source = destination.source
    if not destination.path and connected(source):
        return source
    claimed = Address.parse(destination.path[0]).uri if destination.path else destination.contact
    return claimed if claimed.host.strip("[]") == source.address else source
