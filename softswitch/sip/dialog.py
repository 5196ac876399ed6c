"""Dialogs of RFC 3261 section 12: identity, sequence numbers, route set and remote target of one.

`DialogState` is the plain value that could be written down and taken up again after a restart; `Dialog` is the little
machine around it. Owns no transactions and sends nothing. In-dialog sequence numbers: lower than seen is refused with
500, gaps are accepted (section 12.2.2).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from softswitch.errors import PeerError
from softswitch.sip.address import Address
from softswitch.sip.headers import Headers
from softswitch.sip.message import Request, Response
from softswitch.sip.secure_uris import SIPS, asked_securely, secured, secured_route
from softswitch.sip.uri import Uri


class OutOfOrder(PeerError):
    """An in-dialog request with a lower CSeq than one before it."""

    sip_status = 500


@dataclass(slots=True, kw_only=True)
class DialogState:
    """All plain text and numbers. Changed in place, by its `Dialog` only: each request of a call changes it."""

    call_id: str
    local: str
    """Our side as it stands in From of our requests, tag included."""
    remote: str
    """The peer's side as it stands in To of our requests, tag included when it has one."""
    local_tag: str
    remote_tag: str
    local_sequence: int
    """CSeq number of our last request; 0 before the first."""
    remote_sequence: int
    """CSeq number of the peer's last request; -1 before the first."""
    remote_target: str
    """Request-URI of our requests, unless a strict router comes first."""
    route_set: tuple[str, ...] = ()
    """Route values in the order our requests take them."""
    early: bool = False
    initiator: bool = False
    """We sent the INVITE: owner of the Call-ID (section 14.1)."""
    secure: bool = False
    """It was asked for by `sips:`, and stays on TLS (RFC 5630). A peer's Contact alone does not ask: behind an edge that
    ends TLS it is out of our sight."""


class Dialog:
    """One dialog; the only one that changes its `state`."""

    __slots__ = ("state",)

    def __init__(self, state: DialogState) -> None:
        self.state = state

    def __repr__(self) -> str:
        return f"<Dialog {self.state.call_id} {'early' if self.state.early else 'confirmed'}>"

    @classmethod
    def of_caller(cls, invite: Request, response: Response) -> "Dialog":
        """From our INVITE and a tagged 101-299 to it (section 12.1.2)."""
        contacts = response.contacts
        return cls(
            DialogState(
                call_id=invite.call_id,
                local=invite.headers.get("From") or "",
                remote=response.headers.get("To") or "",
                local_tag=invite.from_tag,
                remote_tag=response.to_tag,
                local_sequence=invite.cseq.number,
                remote_sequence=-1,
                remote_target=_target(invite, contacts[0].uri if contacts else invite.uri),
                route_set=_route_set(response),
                early=response.status < 200,
                initiator=True,
                secure=invite.uri.scheme == SIPS,
            )
        )

    @classmethod
    def of_callee(cls, invite: Request, local_tag: str) -> "Dialog":
        """From a peer's INVITE that we answer with `local_tag` (section 12.1.1)."""
        contacts = invite.contacts
        return cls(
            DialogState(
                call_id=invite.call_id,
                local=f"{invite.headers.get('To')};tag={local_tag}",
                remote=invite.headers.get("From") or "",
                local_tag=local_tag,
                remote_tag=invite.from_tag,
                local_sequence=0,
                remote_sequence=invite.cseq.number,
                remote_target=_target(invite, contacts[0].uri if contacts else invite.from_.uri),
                route_set=tuple([str(route) for route in invite.record_routes]),
                early=True,
                secure=asked_securely(invite),
            )
        )

    def confirm(self) -> None:
        self.state.early = False

    def confirmed_by(self, invite: Request, response: Response) -> None:
        """The 2xx to our INVITE; it says anew which way the dialog goes (section 13.2.2.4), and numbers count on."""
        state, contacts = self.state, response.contacts
        state.remote = response.headers.get("To") or ""
        state.remote_target = _target(invite, contacts[0].uri if contacts else invite.uri)
        state.route_set = _route_set(response)
        state.local_sequence = max(state.local_sequence, invite.cseq.number)
        state.early = False

    def matches(self, request: Request) -> bool:
        """A peer of RFC 2543 has no tag and then matches the empty one (section 12.2.2)."""
        return request.from_tag == self.state.remote_tag

    def accept(self, request: Request) -> None:
        """Take the request's CSeq; raises OutOfOrder. ACK and CANCEL repeat the number of their INVITE."""
        number = request.cseq.number
        if number < self.state.remote_sequence:
            raise OutOfOrder(f"CSeq {number} after {self.state.remote_sequence}")
        if number > self.state.remote_sequence:
            self.state.remote_sequence = number

    def refresh_target(self, message: Request | Response) -> None:
        """A target refresh request, or a 2xx to one, moves the remote target to its Contact (section 12.2)."""
        contacts = message.contacts
        if contacts:
            uri = contacts[0].uri
            target = str(secured(uri) if self.state.secure else uri)
            if target != self.state.remote_target:
                self.state.remote_target = target

    def first_hop(self) -> Uri | None:
        """Where our requests are sent: the first of the route set; None when it is empty, then the remote target."""
        return _first_route(_routes(self.state))

    def request(
        self,
        method: str,
        *,
        via: str,
        number: int | None = None,
        max_forwards: int = 70,
        headers: Iterable[tuple[str, str]] = (),
        body: bytes = b"",
    ) -> Request:
        """The next request of ours, or with `number` one that repeats a CSeq number: the ACK of that INVITE."""
        state = self.state
        if number is None:
            number = state.local_sequence = state.local_sequence + 1
        target, routes = _way(state)
        made = Headers(
            (
                ("Via", via),
                ("Max-Forwards", str(max_forwards)),
                *(("Route", route) for route in routes),
                ("From", state.local),
                ("To", state.remote),
                ("Call-ID", state.call_id),
                ("CSeq", f"{number} {method}"),
                *headers,
            ),
            {"call-id": state.call_id, "from;tag": state.local_tag, "to;tag": state.remote_tag},
        )
        return Request(method, target, made, body)


def _first_route(route_set: tuple[str, ...]) -> Uri | None:
    if not route_set:
        return None
    return Address.parse(route_set[0]).uri


def _way(state: DialogState) -> tuple[str, tuple[str, ...]]:
    """Request-URI and Route values; a strict router takes the place of the target, which goes last (12.2.1.1)."""
    routes = _routes(state)
    first = _first_route(routes)
    if first is None or "lr" in first.params:
        return state.remote_target, routes
    return str(first), (*routes[1:], f"<{state.remote_target}>")


def _routes(state: DialogState) -> tuple[str, ...]:
    """The route set; of a dialog by `sips:` every hop is one (RFC 5630 section 5.1.1)."""
    if not state.secure:
        return state.route_set
    return tuple(map(secured_route, state.route_set))


def _route_set(response: Response) -> tuple[str, ...]:
    """A caller's (section 12.1.2)."""
    routes = response.record_routes
    return tuple([str(route) for route in reversed(routes)]) if routes else ()


def _target(invite: Request, contact: Uri) -> str:
    """A dialog that was asked for by `sips:` stays so, whatever the peer's Contact says."""
    return str(secured(contact) if invite.uri.scheme == SIPS else contact)
