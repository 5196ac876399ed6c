"""How a call to an address or to a registered phone begins: Request-URI, way and headers of its INVITE."""

from collections.abc import Callable
from dataclasses import dataclass

from softswitch.sip.address import Address
from softswitch.sip.extension_rules import ALL, ExtensionRules
from softswitch.sip.outbound import claimed, on_own_host
from softswitch.sip.outgoing_invite import InvitePlan
from softswitch.sip.registrar import Binding
from softswitch.sip.sdp import SessionDescription
from softswitch.sip.secure_uris import SIPS, secured, secured_route
from softswitch.sip.source import Source
from softswitch.sip.uri import Uri
from softswitch.sip.way import DEFAULT_PORTS

MAX_FORWARDS = 70


@dataclass(frozen=True, slots=True, kw_only=True)
class InviteWay:
    """How an INVITE goes to where it is addressed."""

    proxy: Uri | None = None
    """Sent there, with a Route (RFC 3261 section 8.1.2); None: straight on."""
    hurry: bool = False
    """Somebody else can be called instead: silence is not waited for long."""
    contact_user: str = ""
    """User part of our Contact; empty: as in From."""
    extensions: ExtensionRules = ALL
    """What counts with who is called."""


DIRECT = InviteWay()


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
    invite_way: InviteWay = DIRECT,
) -> InvitePlan:
    """A phone is called where its registration came from, an address where it leads."""
    target = destination.contact if isinstance(destination, Binding) else destination
    proxy = invite_way.proxy
    path = destination.path if isinstance(destination, Binding) else ()
    if target.scheme == SIPS:  # so is every hop on its way (RFC 5630 section 5.1.1)
        proxy, path = secured(proxy) if proxy is not None else None, tuple(map(secured_route, path))
    way = way_to(destination if proxy is None else proxy, connected)
    hops, further = "", list[tuple[str, str]]()
    for field in headers:
        if field[0].lower() == "max-forwards":
            hops = hops or field[1]
        else:
            further.append(field)
    return InvitePlan(
        call_id=call_id,
        local_tag=local_tag,
        request_uri=target,
        next_hop=target if isinstance(way, Source) else way,
        hurry=invite_way.hurry,
        flow=way if isinstance(way, Source) else None,
        phone=isinstance(destination, Binding),
        route=path if proxy is None else (f"<{proxy};lr>", *path),
        from_=from_,
        to=to,
        contact_user=invite_way.contact_user or from_.uri.user,
        extensions=invite_way.extensions,
        headers=tuple(further),
        body=sdp.serialize(),
        max_forwards=int(hops) if hops else MAX_FORWARDS,
    )


def way_to(destination: Uri | Binding, connected: Callable[[Source], bool]) -> Source | Uri:
    """A place that is known already, or an address to look up.

    What a phone registers, Contact and Path alike, is never followed to another host than the one it registered from:
    it could name a trunk, which would take our INVITE for an order of ours and charge us. A phone that came over TLS or a
    WebSocket is called on that very connection or not at all: not in clear, and nobody can connect to it. A proxy over TCP
    that names itself by a name, or by another address of its own, is called on its connection while that stands, then
    where that came from, at the port that it names: the one its connection left from leads nowhere.
    """
    if not isinstance(destination, Binding):
        return destination
    source = destination.source
    if source.secure or source.transport == "ws" or (not destination.path and connected(source)):
        return source
    wanted = claimed(destination)
    if on_own_host(wanted, source):
        return wanted
    if source.transport == "tcp" and destination.path and not connected(source):
        return Source(source.transport, source.address, wanted.port or DEFAULT_PORTS["tcp"])
    return source
