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
    """A phone is called where its registration came from (or by its Path), an address where it leads."""
    flow: Source | None = None
    route: tuple[str, ...] = ()
    if isinstance(destination, Binding):
        target = destination.contact
        route = destination.path
        if not route and connected(destination.source):
            flow = destination.source
    else:
        target = destination
    hops = [value for name, value in headers if name.lower() == "max-forwards"]
    return InvitePlan(
        call_id=call_id,
        local_tag=local_tag,
        request_uri=target,
        next_hop=Address.parse(route[0]).uri if route else target,
        flow=flow,
        route=route,
        from_=from_,
        to=to,
        contact_user=from_.uri.user,
        headers=tuple((name, value) for name, value in headers if name.lower() != "max-forwards"),
        body=sdp.serialize(),
        max_forwards=int(hops[0]) if hops else MAX_FORWARDS,
    )
