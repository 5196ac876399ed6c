"""The peer's requests inside one dialog, but ACK and CANCEL: what each means to the session (RFC 3261 sections 12.2.2, 15).

Owns the order of their numbers, 481 and 405, and the answer to a BYE, which waits a moment for the owner's. The session
owns its state; offers are handed to `Reoffers`.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from softswitch.errors import PeerError
from softswitch.sip.capabilities import ALLOW
from softswitch.sip.dialog import OutOfOrder
from softswitch.sip.dialog_client import DialogClient
from softswitch.sip.early_dialogs import EarlyDialog, EarlyDialogs
from softswitch.sip.events import Acked, Cancelled, HungUp, InfoReceived, Referred, SessionEvent
from softswitch.sip.incoming_invite import IncomingInvite
from softswitch.sip.info import digit_of
from softswitch.sip.message import Request, make_response
from softswitch.sip.refer_client import ReferClient
from softswitch.sip.refer_server import ReferServer
from softswitch.sip.reoffers import Reoffers
from softswitch.sip.sdp import SessionDescription
from softswitch.sip.sdp_body import description_in
from softswitch.sip.server_transaction import ServerTransaction
from softswitch.sip.session_layer import SessionLayer
from softswitch.sip.session_state import SessionInput, SessionState

BYE_ACCEPTED_AFTER_S = 0.5

Headers = Iterable[tuple[str, str]]

_S, _I = SessionState, SessionInput
_UNANSWERED = (_S.RINGING, _S.AWAITING_PRACK)
_ESTABLISHED = (_S.ANSWERED, _S.CONFIRMED)
_EARLY = (_S.PROCEEDING, _S.RINGING, _S.AWAITING_PRACK)


class DialogOwner(Protocol):
    """What of a session its peer's requests change."""

    state: SessionState

    offer: SessionDescription | None

    incoming: IncomingInvite | None
    early: EarlyDialogs | None
    reoffers: Reoffers | None

    def adopt_early(self, early: EarlyDialog) -> None: ...

    def client_for(self, request: Request) -> DialogClient | None:
        """The dialog that a request belongs to; None when there is none."""

    def provisional_acknowledged(self, now: float) -> None: ...

    def step(self, event: SessionInput) -> bool: ...

    def tell(self, event: SessionEvent) -> None: ...

    def finish(self) -> None: ...


class DialogServer:
    """Serves what a peer asks within the dialogs of one session."""

    __slots__ = ("_common", "_held", "_layer", "_referring", "_refers")

    def __init__(self, layer: SessionLayer, owner: DialogOwner, common: tuple[tuple[str, str], ...]) -> None:
        self._layer = layer
        self._held: DialogOwner | None = owner
        self._common = common
        self._refers: ReferServer | None = None
        self._referring: ReferClient | None = None

    @property
    def _owner(self) -> DialogOwner:
        assert self._held is not None, "a request of a session that is over"
        return self._held

    def receive(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        client = self._held.client_for(request) if self._held is not None else None
        if client is None:
            self.respond(transaction, 481, now)
            return
        client.heard_from(transaction.peer)
        try:
            client.dialog.accept(request)
        except OutOfOrder as error:
            self.respond(transaction, error.sip_status, now)
            return
        handler = HANDLERS.get(request.method)
        if handler is None:
            self.respond(transaction, 405, now, (ALLOW,))
        else:
            handler(self, transaction, request, now)

    def respond(self, transaction: ServerTransaction, status: int, now: float, headers: Headers = ()) -> None:
        if not transaction.final_sent:
            response = make_response(transaction.request, status, headers=(*headers, *self._common))
            transaction.respond(response, now)
            transaction.answered_for_good()

    def bye(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        owner = self._owner
        early = owner.state in _UNANSWERED
        told = early or owner.state in _ESTABLISHED
        if not owner.step(_I.BYE):
            self.respond(transaction, 481, now)
            return
        reason = request.headers.get("Reason") or ""
        if early or not told:
            self.respond(transaction, 200, now)
            if early:
                if owner.incoming is not None:
                    owner.incoming.fail(487, None, (), now)
                owner.tell(Cancelled(reason=reason))
        else:
            self._offer_bye(transaction, reason, now)
        owner.finish()

    def _offer_bye(self, transaction: ServerTransaction, reason: str, now: float) -> None:
        def accept_at(at: float) -> None:
            due.cancel()
            if not transaction.final_sent:
                self.respond(transaction, 200, at)

        due = self._layer.timers.start(now + BYE_ACCEPTED_AFTER_S, accept_at)
        self._owner.tell(HungUp(reason=reason, accept=lambda: accept_at(self._layer.now())))

    def offer(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        owner, established = self._owner, self._owner.state in _ESTABLISHED
        refused = 0
        if not established:
            refused = self._too_early(request)
        elif owner.state is _S.ANSWERED and self._answer_due():
            refused = 491 if request.body or request.method == "INVITE" else 0
        if refused:
            self._refuse(transaction, refused, now)
        elif owner.reoffers is None or not (established or request.body):
            client = owner.client_for(request)
            assert client is not None
            client.dialog.refresh_target(request)
            self.respond(transaction, 200, now, (("Contact", client.contact), ALLOW))
        else:
            owner.reoffers.receive(transaction, request, now)

    def _too_early(self, request: Request) -> int:
        """The status that a new offer gets before the answer; 0 when an UPDATE may come in already."""
        if request.method != "UPDATE" or self._owner.state not in _EARLY:
            return 500
        return self._early_offer(request) if request.body else 0

    def _early_offer(self, request: Request) -> int:
        """RFC 3311 section 5.2: what was offered before must have been answered for certain."""
        owner = self._owner
        if owner.incoming is not None:
            if owner.incoming.described:
                return 0
            return 500 if owner.offer is not None else 491
        early = owner.early.find(request) if owner.early is not None else None
        if early is None or early.answer is None:
            return 491
        owner.adopt_early(early)
        return 0

    def _answer_due(self) -> bool:
        """Our 2xx offered; the ACK has the answer."""
        owner = self._owner
        return owner.offer is None and owner.incoming is not None and not owner.incoming.described

    def _refuse(self, transaction: ServerTransaction, status: int, now: float) -> None:
        """500 says when to try again (RFC 3261 section 14.2)."""
        seconds = str(self._layer.entropy(1)[0] % 11)
        self.respond(transaction, status, now, (("Retry-After", seconds),) if status == 500 else ())

    def prack(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        """Its answer, or a new offer, goes on to the owner (RFC 3262 section 5)."""
        owner = self._owner
        acknowledged = owner.incoming.pracked(request) if owner.incoming is not None else None
        if acknowledged is None:
            self.respond(transaction, 481, now)
            return
        try:
            sdp = description_in(request)
        except PeerError as error:
            self.respond(transaction, error.sip_status, now)
            sdp = None
        if acknowledged.body and owner.offer is None:
            self.respond(transaction, 200, now)
            owner.tell(Acked(sdp=sdp))
        elif sdp is not None and owner.reoffers is not None:
            owner.reoffers.receive(transaction, request, now)
        else:
            self.respond(transaction, 200, now)
        if owner.incoming is not None:
            owner.incoming.go_on(now)
        owner.provisional_acknowledged(now)

    def info(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        self.respond(transaction, 200, now)
        kind = request.content_type
        digit = digit_of(kind, request.body)
        self._owner.tell(InfoReceived(digit=digit, content_type=kind, body=request.body))

    def options(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        self.respond(transaction, 200, now, (ALLOW,))

    def refer(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        client = self._owner.client_for(request)
        assert client is not None
        if self._refers is None:
            self._refers = ReferServer(self._layer, self._common)
        open_ = self._owner.state in _ESTABLISHED
        refer = self._refers.receive(client, transaction, request, now, open_=open_)
        if refer is not None:
            self._owner.tell(Referred(refer=refer))

    def notify(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        """About a REFER of ours; nothing else was subscribed to in this dialog."""
        status = 481 if self._referring is None else self._referring.notified(request)
        self.respond(transaction, status, now)

    def when_told(self, then: Callable[[], None]) -> None:
        """Do this when the peer knows what became of its REFER: a BYE of ours would cut that short."""
        if self._refers is None:
            then()
        else:
            self._refers.when_told(then)

    def referring(self) -> ReferClient:
        """REFERs of ours in this session."""
        if self._referring is None:
            self._referring = ReferClient(self._layer, self._owner.tell)
        return self._referring

    def close(self) -> None:
        if self._referring is not None:
            self._referring.close()
        self._held = self._referring = None


Handler = Callable[[DialogServer, ServerTransaction, Request, float], None]

HANDLERS: Mapping[str, Handler] = {
    "BYE": DialogServer.bye,
    "INVITE": DialogServer.offer,
    "UPDATE": DialogServer.offer,
    "PRACK": DialogServer.prack,
    "INFO": DialogServer.info,
    "OPTIONS": DialogServer.options,
    "REFER": DialogServer.refer,
    "NOTIFY": DialogServer.notify,
}
