"""An INVITE without its final response, as a value that outlives the process, and its proper end after a restart.

A caller's gets the final response that it waits for, again and again until its ACK (RFC 3261 section 17.2.1). One of ours
is cancelled (section 9.1), its 487 acknowledged, and a 2xx that crosses the CANCEL acknowledged and hung up. Only the lines
that this takes are kept: no credentials and no description.
"""

from dataclasses import dataclass
from typing import Final, Literal, Protocol

from softswitch.sip.client_transaction import ClientTransaction
from softswitch.sip.dialog import Dialog
from softswitch.sip.dialog_client import DialogClient
from softswitch.sip.headers import Headers
from softswitch.sip.message import Request, Response, make_response, parse_message
from softswitch.sip.request_forms import cancel_of
from softswitch.sip.screening import reply_destination
from softswitch.sip.server_transaction import ServerTransaction
from softswitch.sip.session import Session
from softswitch.sip.session_layer import SessionLayer
from softswitch.sip.session_state import SessionState
from softswitch.sip.source import Source
from softswitch.sip.transaction import Transaction, TransactionKey, TransactionState, server_key
from softswitch.sip.unheeded import any_failure, any_response
from softswitch.sip.way import reply_place

LONGEST: Final = 8192
_KEPT = ("Via", "Max-Forwards", "Route", "Record-Route", "From", "To", "Call-ID", "CSeq", "Contact")
_UNANSWERED = (SessionState.INCOMING, SessionState.RINGING, SessionState.AWAITING_PRACK)
_RINGING = (SessionState.CALLING, SessionState.PROCEEDING)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenInvite:
    direction: Literal["in", "out"]
    head: str
    """Of the request; its bytes as Latin-1."""
    peer: Source
    """Where the response, or the CANCEL, goes."""
    tag: str = ""
    """Ours, of a caller's dialog."""


class EndingLayer(SessionLayer, Protocol):
    """What of the stack is needed to end one."""

    def new_server(
        self, request: Request, key: TransactionKey, reply: Source, now: float
    ) -> ServerTransaction | None: ...

    def keep_client(self, transaction: ClientTransaction) -> None: ...

    def forget(self, transaction: Transaction) -> None: ...

    def common(self, name: str) -> tuple[tuple[str, str], ...]: ...


def open_invite_of(session: Session) -> OpenInvite | None:
    """None when it has its final response, or has not left."""
    request = session.request
    if request is None:
        return None
    if session.incoming is not None:
        if session.state not in _UNANSWERED:
            return None
        peer = reply_destination(request.top_via, session.source)
        return _of("in", request, peer, session.local_tag)
    peer_of_ours = session.destination
    if session.state not in _RINGING or peer_of_ours is None:
        return None
    return _of("out", request, peer_of_ours, "")


def end_open(layer: EndingLayer, invite: OpenInvite, status: int, reason: str) -> None:
    """`reason` is the value of a Reason header. Raises PeerError when what was written cannot be read."""
    request = parse_message(invite.head.encode("latin-1"))
    if not isinstance(request, Request):
        return
    headers = ("Reason", reason)
    if invite.direction == "in":
        _refuse(layer, invite, request, status, headers)
    else:
        _cancel(layer, invite, request, headers)


def _of(direction: Literal["in", "out"], request: Request, peer: Source, tag: str) -> OpenInvite | None:
    head = Request(request.method, str(request.uri), Headers())
    for name in _KEPT:
        head.headers.copy_from(request.headers, name)
    data = head.to_bytes()
    if len(data) > LONGEST:
        return None
    return OpenInvite(direction=direction, head=data.decode("latin-1"), peer=peer, tag=tag)


def _refuse(
    layer: EndingLayer, invite: OpenInvite, request: Request, status: int, header: tuple[str, str]
) -> None:
    """A connection is gone: the answer goes where a new one can be opened, if anywhere."""
    peer = invite.peer if invite.peer.transport == "udp" else reply_place(request.top_via, invite.peer)
    transaction = None if peer is None else layer.new_server(request, server_key(request), peer, layer.now())
    if transaction is not None:
        fields = (header, *layer.common("Server"))
        transaction.respond(make_response(request, status, to_tag=invite.tag, headers=fields), layer.now())


def _cancel(layer: EndingLayer, invite: OpenInvite, request: Request, header: tuple[str, str]) -> None:
    acks: dict[str, tuple[bytes, Source] | None] = {}

    def answered(response: Response, now: float) -> None:
        if 200 <= response.status < 300:
            _hang_up(layer, invite, request, response, acks)

    transaction = ClientTransaction(request, invite.peer, layer, on_response=answered, on_failure=any_failure)
    transaction.state = TransactionState.PROCEEDING
    layer.keep_client(transaction)
    cancel = cancel_of(request)
    for name, value in (header, *layer.common("User-Agent")):
        cancel.headers.add(name, value)
    layer.start_client(cancel, invite.peer, any_response, any_failure)
    layer.timers.start(layer.now() + layer.timer_values.timeout, transaction.abandon)


def _hang_up(
    layer: EndingLayer,
    invite: OpenInvite,
    request: Request,
    response: Response,
    acks: dict[str, tuple[bytes, Source] | None],
) -> None:
    tag = response.to_tag
    if tag in acks:
        again = acks[tag]
        if again is not None:
            layer.send(*again)
        return
    acks[tag] = None
    client = DialogClient(
        layer,
        Dialog.of_caller(request, response),
        invite.peer,
        contact=request.headers.get("Contact") or "",
        memory=None,
        common=layer.common("User-Agent"),
    )

    def remember(data: bytes, destination: Source) -> None:
        acks[tag] = data, destination

    client.acknowledge(request, remember)
    client.request("BYE", on_response=any_response, on_failure=any_failure)
