"""One SIP session: the INVITE usage of a dialog, from either side (RFC 3261 sections 9, 13, 14, 15).

`Session` owns which state the call is in and tells its owner what happened; the collaborators own the details:
`IncomingInvite`, `OutgoingInvite` and `Calling` the establishment, `DialogClient` our requests inside the dialog,
`DialogServer` the peer's, `Reoffers` new offers. Sans-IO: everything goes through a `SessionLayer`. What an owner asks of a
session that is over, or for which it is too late, is ignored; after `hangup` or `reject` no event follows.
"""

import logging
from collections.abc import Callable, Iterable
from typing import Literal

from softswitch.ids import LegId
from softswitch.sip.address import Address
from softswitch.sip.dialog import Dialog
from softswitch.sip.dialog_client import DialogClient
from softswitch.sip.dialog_server import DialogServer
from softswitch.sip.early_dialogs import EarlyDialog, EarlyDialogs
from softswitch.sip.events import Acked, AckMissing, Cancelled, HungUp, SessionEvent, SessionExpired
from softswitch.sip.identity import Identity
from softswitch.sip.incoming_invite import IncomingInvite
from softswitch.sip.message import Request, Response
from softswitch.sip.outgoing_invite import OutgoingInvite
from softswitch.sip.reoffers import Describe, Reoffers
from softswitch.sip.repeated_bye import RepeatedBye
from softswitch.sip.sdp import SessionDescription
from softswitch.sip.sdp_body import description_in, readable_description, serialized
from softswitch.sip.server_transaction import ServerTransaction
from softswitch.sip.session_layer import SessionLayer
from softswitch.sip.session_refresh import SessionRefresh
from softswitch.sip.session_state import NEXT, SessionInput, SessionState
from softswitch.sip.session_timer import IntervalTooSmall
from softswitch.sip.source import Source
from softswitch.sip.unheeded import any_failure, any_response, nobody_listens, nothing_to_accept

Headers = Iterable[tuple[str, str]]

_log = logging.getLogger(__name__)

_S, _I = SessionState, SessionInput
_ASKED = (_S.INCOMING, _S.RINGING, _S.AWAITING_PRACK)
"""A peer has called, and waits for an answer."""
_ASKING = (_S.CALLING, _S.PROCEEDING)
_OVER = (_S.TERMINATED, _S.CANCELLING, _S.HANGING_UP)


class Session:
    """What the call layer holds of a leg; see the module's docstring."""

    def __init__(
        self,
        layer: SessionLayer,
        *,
        leg: LegId,
        direction: Literal["in", "out"],
        identity: Identity | None,
        call_id: str,
        local_tag: str,
        remote: Address,
        common: tuple[tuple[str, str], ...],
        on_event: Callable[[SessionEvent], None],
    ) -> None:
        self.leg = leg
        self.direction = direction
        self.identity = identity
        """Who calls; None for our own calls."""
        self.call_id = call_id
        self.local_tag = local_tag
        self.remote = remote
        """From of a caller, To of a callee."""
        self.on_event = on_event
        self.state = _S.INCOMING if direction == "in" else _S.CALLING
        self.offer: SessionDescription | None = None
        """The offer of the caller's INVITE."""
        self._layer = layer
        self._common = common
        self._server = DialogServer(layer, self, common)
        self.incoming: IncomingInvite | None = None
        self._outgoing: OutgoingInvite | None = None
        self.kept_invite: Request | None = None
        self.kept: tuple[tuple[str, str], ...] | None = None
        """What of the INVITE outlives the process; None until somebody asks."""
        self.repeated_bye: RepeatedBye | None = None
        """Of a session from before a restart."""
        self.client: DialogClient | None = None
        self.early: EarlyDialogs | None = None
        self.reoffers: Reoffers | None = None
        self.refresh = SessionRefresh(layer, self)
        self._timer = self.refresh.timer
        self._wanted: Describe | None = None
        self._answer: tuple[SessionDescription, tuple[tuple[str, str], ...]] | None = None
        self.bye_waits = False
        """Hung up, and the peer does not know: our BYE follows its ACK, or its answers to NOTIFYs."""

    def __repr__(self) -> str:
        return f"<Session {self.leg} {self.direction} {self.state}>"

    # What the stack calls to begin.

    def begin_incoming(self, invite: IncomingInvite, client: DialogClient) -> None:
        """Take over a peer's INVITE; raises IntervalTooSmall, and PeerError when its offer cannot be read."""
        too_small = self._timer.too_small(invite.request)
        if too_small:
            raise IntervalTooSmall(too_small)
        self.offer = description_in(invite.request)
        self.incoming = invite
        invite.on_prack_missing = self._prack_missing
        self.adopt(client, described=b"", heard=invite.request)

    def resume_incoming(self, invite: IncomingInvite, answer: Response | None, left_s: float) -> None:
        """Answered before a restart, without an ACK so far: `answer` is repeated while time is left (section 13.3.1.4)."""
        self._set_state(_S.ANSWERED)
        invite.resume(answer, left_s, self._layer.now(), on_missing=self._ack_missing)

    def begin_outgoing(self, invite: OutgoingInvite) -> None:
        self._outgoing = invite
        self.early = EarlyDialogs(invite)
        invite.start()

    # What the owner may ask and read.

    @property
    def request(self) -> Request | None:
        """The INVITE; None for one of ours that has not left yet. From before a restart: what of it was kept."""
        if self.incoming is not None:
            return self.incoming.request
        return self._outgoing.request if self._outgoing is not None else self.kept_invite

    @property
    def source(self) -> Source:
        """Where a caller's INVITE came from."""
        assert self.client is not None
        return self.client.flow

    @property
    def destination(self) -> Source | None:
        """Where our INVITE went."""
        return self._outgoing.destination if self._outgoing is not None else None

    @property
    def dialog(self) -> Dialog | None:
        if self.client is not None:
            return self.client.dialog
        return self.early.latest if self.early is not None else None

    @property
    def offers_early(self) -> bool:
        """A caller without an offer wants ours in the first provisional (RFC 3262 section 5)."""
        invite = self.incoming
        return invite is not None and self.offer is None and invite.reliability == "required"

    @property
    def behind_nat(self) -> bool:
        """The peer's Contact leads nowhere: its media address will not either."""
        return self.client is not None and self.client.behind_nat

    @property
    def over(self) -> bool:
        return self.state in _OVER

    def ring(self, status: int = 180, sdp: SessionDescription | None = None, headers: Headers = ()) -> None:
        """A provisional response; with `sdp` it carries early media."""
        if self.incoming is not None and self.step(_I.RING):
            self.incoming.provisional(status, serialized(sdp), headers, self._layer.now())
            if sdp is not None and self.reoffers is not None:
                self.reoffers.described = self.reoffers.described or serialized(sdp)

    def answer(self, sdp: SessionDescription, headers: Headers = ()) -> None:
        """200; retransmitted until its ACK, and later when a provisional with a description is not acknowledged yet."""
        invite = self.incoming
        if invite is None:
            return
        if invite.answer_must_wait and self.step(_I.ANSWER_LATER):
            self._answer = sdp, tuple(headers)
        elif self.step(_I.ANSWER):
            now = self._layer.now()
            body = serialized(sdp)
            if not invite.described and self.reoffers is not None:
                self.reoffers.described = body
            fields = (*self._timer.grant(invite.request, now), *headers)
            invite.succeed(body, fields, now, on_missing=self._ack_missing)
            if self.client is not None:
                self.client.dialog.confirm()

    def reject(
        self, status: int, reason: str | None = None, headers: Headers = (), contacts: Iterable[str] = ()
    ) -> None:
        """A final response of 300 or above; `contacts` are the addresses of a 3xx."""
        if self.incoming is not None and self.step(_I.REJECT):
            fields = [*(("Contact", f"<{contact}>") for contact in contacts), *headers]
            self.incoming.fail(status, reason, fields, self._layer.now())
            self.finish()

    def hangup(self, status: int | None = None, reason_header: str | None = None, more: Headers = ()) -> None:
        """End the session by what its state asks for: CANCEL, BYE, a refusal with `status` (603) and `more`, or nothing."""
        before = self.state
        if not self.step(_I.HANG_UP):
            return
        now = self._layer.now()
        headers = () if reason_header is None else (("Reason", reason_header),)
        if before in _ASKED and self.incoming is not None:
            self.incoming.fail(603 if status is None else status, None, (*headers, *more), now)
            self.finish()
        elif before in _ASKING and self._outgoing is not None:
            self._outgoing.cancel(now, reason=headers)
            if self._outgoing.request is None:
                self._set_state(_S.TERMINATED)
                self.finish()
        elif before is _S.CONFIRMED:
            self.bye_waits = True
            self._server.when_told(lambda: self._send_bye(headers))
        elif before is _S.ANSWERED:
            self.bye_waits = True

    def reinvite(self, describe: Callable[[], SessionDescription]) -> None:
        """Offer what `describe` says then, as soon as nothing else is open; ends in ReofferAnswered or ReofferRefused."""
        if self.state is _S.CONFIRMED and self.reoffers is not None:
            self.reoffers.send(lambda: serialized(describe()))
        elif self.state in (_S.ANSWERED, _S.AWAITING_PRACK):
            self._wanted = lambda: serialized(describe())

    def accept_reoffer(self, sdp: SessionDescription) -> None:
        if self.reoffers is not None and not self.over:
            self.reoffers.accept(serialized(sdp), self._layer.now())

    def refuse_reoffer(self, status: int) -> None:
        if self.reoffers is not None and not self.over:
            self.reoffers.refuse(status, self._layer.now())

    def send_info(self, content_type: str, body: bytes) -> None:
        if self.state is _S.CONFIRMED and self.client is not None:
            self.client.request(
                "INFO",
                headers=(("Content-Type", content_type),),
                body=body,
                on_response=self._info_answered,
                on_failure=any_failure,
            )

    def refer(self, refer_to: str, headers: Headers = ()) -> None:
        """Ask the peer to call `refer_to`; ends in a ReferProgress that is over."""
        if self.state is _S.CONFIRMED and self.client is not None:
            self._server.referring().refer(self.client, refer_to, tuple(headers))

    # What the stack hands in.

    def receive(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        """A request inside the dialog, other than ACK and CANCEL."""
        self._server.receive(transaction, request, now)

    def receive_ack(self, ack: Request, now: float) -> None:
        if self.incoming is not None and self.incoming.acknowledged(ack):
            hanging_up = self.state is _S.HANGING_UP
            if not self.step(_I.ACK):
                return
            if hanging_up:
                self._send_bye(())
                return
            if ack.body and self.reoffers is not None:
                self.reoffers.heard = ack.body
            self.tell(Acked(sdp=readable_description(ack)))
            wanted, self._wanted = self._wanted, None
            if wanted is not None and self.reoffers is not None:
                self.reoffers.send(wanted)
        elif self.reoffers is not None:
            self.reoffers.acked(ack)

    def receive_cancel(self, cancel: ServerTransaction, now: float) -> None:
        """200 always; 487 and the end only before our final response (section 9.2)."""
        if self.incoming is None:
            return
        self.incoming.answer_cancel(cancel, now)
        if self.step(_I.CANCEL):
            self.incoming.fail(487, None, (), now)
            self.tell(Cancelled(reason=cancel.request.headers.get("Reason") or ""))
            self.finish()

    # What the collaborators report.

    def tell(self, event: SessionEvent) -> None:
        self._layer.deliver(self._deliver, event)

    def dialog_lost(self, status: int, now: float) -> None:
        if not self._bye_awaited(status, self.dialog_lost, now) and self.step(_I.LOST):
            self.tell(HungUp(reason=f"SIP;cause={status}", accept=nothing_to_accept))
            self._send_bye(())

    def session_expired(self, status: int, now: float) -> None:
        if not self._bye_awaited(status, self.session_expired, now) and self.step(_I.EXPIRED):
            self.tell(SessionExpired())
            self._send_bye((("Reason", f'SIP;cause={status};text="session expired"'),))

    def _bye_awaited(self, status: int, over: Callable[[int, float], None], now: float) -> bool:
        """Somebody may still say who hung up; without a BYE, `over` is called again."""
        awaited = self.repeated_bye if status == 481 else None
        return awaited is not None and awaited.awaited(lambda at: over(status, at), now)

    # What the peer's requests change.

    def client_for(self, request: Request) -> DialogClient | None:
        client = self.client
        if client is not None and client.dialog.matches(request):
            return client
        early = self.early.find(request) if self.early is not None else None
        return early.client if early is not None else None

    def adopt_early(self, early: EarlyDialog) -> None:
        """Offers are made in this early dialog."""
        early.updated = True
        if self.client is not early.client:
            self.adopt(early.client, described=b"", heard=None)

    def provisional_acknowledged(self, now: float) -> None:
        """An answer that waited for this leaves now."""
        waited, invite = self._answer, self.incoming
        if waited is not None and invite is not None and not invite.answer_must_wait:
            self._answer = None
            self.answer(*waited)

    def _info_answered(self, response: Response, now: float) -> None:
        if response.status == 481:
            self.dialog_lost(481, now)

    def _ack_missing(self, now: float) -> None:
        hanging_up = self.state is _S.HANGING_UP
        if self.step(_I.ACK_MISSING):
            if not hanging_up:
                self.tell(AckMissing())
            self._send_bye(())

    def _send_bye(self, headers: Headers) -> None:
        if self.client is not None:
            self.client.request("BYE", headers=headers, on_response=any_response, on_failure=any_failure)
        self.finish()

    def _prack_missing(self, now: float) -> None:
        if self.incoming is not None and self.step(_I.PRACK_MISSING):
            self.incoming.fail(504, None, (), now)
            self.tell(AckMissing())
            self.finish()

    def adopt(self, client: DialogClient, *, described: bytes, heard: Request | Response | None) -> None:
        if self.reoffers is not None:
            self.reoffers.close(self._layer.now())
        self.client = client
        reoffers = self.reoffers = Reoffers(self._layer, client, self, self._timer, self._common)
        reoffers.described, reoffers.heard = described, b"" if heard is None else heard.body
        self.refresh.adopt(client, reoffers, heard)

    def _deliver(self, event: SessionEvent) -> None:
        self.on_event(event)

    def _let_go(self, _: object) -> None:
        """All has been told; who was told holds this session, and is not held by it."""
        self.on_event = nobody_listens

    def finish(self) -> None:
        """The one end of a session that sends and receives nothing more; idempotent."""
        now = self._layer.now()
        self.bye_waits = False
        if self.incoming is not None:
            self.incoming.stop()
        if self.early is not None:
            self.early.close()
        self.refresh.close()
        if self.repeated_bye is not None:
            self.repeated_bye.close()
        self._wanted = None
        if self.reoffers is not None:
            self.reoffers.close(now)
        self._server.close()
        self._layer.forget_session(self.call_id, self.local_tag)
        self._layer.deliver(self._let_go, None)

    def step(self, event: SessionInput) -> bool:
        """Take the row of this state and input; without one, nothing may happen."""
        after = NEXT.get((self.state, event))
        if after is None:
            return False
        if after is not self.state:
            self._set_state(after)
        return True

    def _set_state(self, state: SessionState) -> None:
        if _log.isEnabledFor(logging.DEBUG):
            _log.debug("session %s of %s: %s -> %s", self.leg, self.call_id, self.state, state)
        self.state = state
