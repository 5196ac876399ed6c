"""One SIP session: the INVITE usage of a dialog, from either side (RFC 3261 sections 9, 13, 14, 15).

`Session` owns which state the call is in and tells its owner what happened; the collaborators own the details:
`IncomingInvite` and `OutgoingInvite` the establishment, `DialogClient` our requests inside the dialog, `DialogServer`
the peer's, `Reoffers` new offers. Sans-IO: everything goes through a `SessionLayer`. What an owner asks of a session
that is over, or for which it is too late, is ignored; after `hangup` or `reject` no event follows. Longer than other
files by its state table, which is to be read beside the methods that step through it.
"""

import logging
from collections.abc import Callable, Iterable
from typing import Literal

from softswitch.errors import PeerError
from softswitch.ids import LegId
from softswitch.sip.address import Address
from softswitch.sip.dialog import Dialog
from softswitch.sip.dialog_client import DialogClient
from softswitch.sip.dialog_server import DialogServer
from softswitch.sip.events import (
    Acked,
    AckMissing,
    Answered,
    Cancelled,
    HungUp,
    Progress,
    Refused,
    SessionEvent,
)
from softswitch.sip.identity import Identity
from softswitch.sip.incoming_invite import IncomingInvite
from softswitch.sip.message import Request, Response
from softswitch.sip.outgoing_invite import OutgoingInvite
from softswitch.sip.refusal import refusal_of
from softswitch.sip.reoffers import Reoffers
from softswitch.sip.sdp import SessionDescription
from softswitch.sip.sdp_body import description_in
from softswitch.sip.server_transaction import ServerTransaction
from softswitch.sip.session_layer import SessionLayer
from softswitch.sip.session_state import NEXT, SessionInput, SessionState
from softswitch.sip.source import Source
from softswitch.sip.timers import Timer

Headers = Iterable[tuple[str, str]]

_log = logging.getLogger(__name__)


_S, _I = SessionState, SessionInput


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
        self._incoming: IncomingInvite | None = None
        self._outgoing: OutgoingInvite | None = None
        self._client: DialogClient | None = None
        self._reoffers: Reoffers | None = None
        self._wanted: bytes | None = None
        self._bye_due: Timer | None = None

    def __repr__(self) -> str:
        return f"<Session {self.leg} {self.direction} {self.state}>"

    # What the stack calls to begin.

    def begin_incoming(self, invite: IncomingInvite, client: DialogClient) -> None:
        """Take over a peer's INVITE; raises ParseError when its offer cannot be read."""
        self._incoming = invite
        self._adopt(client)
        self.offer = description_in(invite.request)

    def begin_outgoing(self, invite: OutgoingInvite) -> None:
        self._outgoing = invite
        invite.start()

    # What the owner may ask and read.

    @property
    def request(self) -> Request | None:
        """The INVITE; None for one of ours that has not left yet."""
        if self._incoming is not None:
            return self._incoming.request
        return self._outgoing.request if self._outgoing is not None else None

    @property
    def source(self) -> Source:
        """Where a caller's INVITE came from."""
        assert self._client is not None
        return self._client.flow

    @property
    def dialog(self) -> Dialog | None:
        return self._client.dialog if self._client is not None else None

    @property
    def behind_nat(self) -> bool:
        """The peer's Contact leads nowhere: its media address will not either."""
        return self._client is not None and self._client.behind_nat

    @property
    def over(self) -> bool:
        return self.state in (_S.TERMINATED, _S.CANCELLING, _S.HANGING_UP)

    def ring(self, status: int = 180, sdp: SessionDescription | None = None, headers: Headers = ()) -> None:
        """A provisional response; with `sdp` it carries early media."""
        if self._incoming is not None and self.step(_I.RING):
            self._incoming.provisional(status, _bytes(sdp), headers, self._layer.now())

    def answer(self, sdp: SessionDescription, headers: Headers = ()) -> None:
        """200; retransmitted until its ACK."""
        if self._incoming is not None and self.step(_I.ANSWER):
            now = self._layer.now()
            self._incoming.succeed(_bytes(sdp), headers, now, on_missing=self._ack_missing)
            if self._client is not None:
                self._client.dialog.confirm()

    def reject(
        self, status: int, reason: str | None = None, headers: Headers = (), contacts: Iterable[str] = ()
    ) -> None:
        """A final response of 300 or above; `contacts` are the addresses of a 3xx."""
        if self._incoming is not None and self.step(_I.REJECT):
            fields = [*(("Contact", f"<{contact}>") for contact in contacts), *headers]
            self._incoming.fail(status, reason, fields, self._layer.now())
            self.finish()

    def hangup(self, status: int | None = None, reason_header: str | None = None) -> None:
        """End the session by what its state asks for: CANCEL, BYE, a refusal with `status` (603), or nothing."""
        before = self.state
        if not self.step(_I.HANG_UP):
            return
        now = self._layer.now()
        headers = () if reason_header is None else (("Reason", reason_header),)
        if before in (_S.INCOMING, _S.RINGING) and self._incoming is not None:
            self._incoming.fail(603 if status is None else status, None, headers, now)
            self.finish()
        elif before in (_S.CALLING, _S.PROCEEDING) and self._outgoing is not None:
            self._outgoing.cancel(now, reason=headers)
            if self._outgoing.request is None:
                self._set_state(_S.TERMINATED)
                self.finish()
        elif before is _S.CONFIRMED:
            self._send_bye(headers)

    def reinvite(self, sdp: SessionDescription) -> None:
        """Offer anew, at once or as soon as nothing else is open; ends in ReofferAnswered or ReofferRefused."""
        if self.state is _S.CONFIRMED and self._reoffers is not None:
            self._reoffers.send(_bytes(sdp))
        elif self.state is _S.ANSWERED:
            self._wanted = _bytes(sdp)

    def accept_reoffer(self, sdp: SessionDescription) -> None:
        if self._reoffers is not None and not self.over:
            self._reoffers.accept(_bytes(sdp), self._layer.now())

    def refuse_reoffer(self, status: int) -> None:
        if self._reoffers is not None and not self.over:
            self._reoffers.refuse(status, self._layer.now())

    def send_info(self, content_type: str, body: bytes) -> None:
        if self.state is _S.CONFIRMED and self._client is not None:
            self._client.request(
                "INFO",
                headers=(("Content-Type", content_type),),
                body=body,
                on_response=self._info_answered,
                on_failure=_nothing,
            )

    def refer(self, refer_to: str, headers: Headers = ()) -> None:
        """Ask the peer to call `refer_to`; ends in a ReferProgress that is over."""
        if self.state is _S.CONFIRMED and self._client is not None:
            self._server.referring().refer(self._client, refer_to, tuple(headers))

    # What the stack hands in.

    def receive(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        """A request inside the dialog, other than ACK and CANCEL."""
        self._server.receive(transaction, request, now)

    def receive_ack(self, ack: Request, now: float) -> None:
        if self._incoming is not None and self._incoming.acknowledged(ack):
            hanging_up = self.state is _S.HANGING_UP
            if not self.step(_I.ACK):
                return
            if hanging_up:
                self._send_bye(())
                return
            self.tell(Acked(sdp=_readable_sdp(ack)))
            self._send_wanted()
        elif self._reoffers is not None:
            self._reoffers.acked(ack)

    def receive_cancel(self, cancel: ServerTransaction, now: float) -> None:
        """200 always; 487 and the end only before our final response (section 9.2)."""
        if self._incoming is None:
            return
        self._incoming.answer_cancel(cancel, now)
        if self.step(_I.CANCEL):
            self._incoming.fail(487, None, (), now)
            self.tell(Cancelled(reason=cancel.request.headers.get("Reason") or ""))
            self.finish()

    # What the collaborators report.

    def provisional(self, response: Response, now: float) -> None:
        if not self.step(_I.PROVISIONAL) or response.status == 100:
            return
        if self._client is None and response.to_tag and self._outgoing is not None:
            self._adopt_early(response)
        self.tell(Progress(status=response.status, reason=response.reason, sdp=_readable_sdp(response)))

    def succeeded(self, client: DialogClient, response: Response, now: float) -> bool:
        wanted = self.state is not _S.CANCELLING
        if not self.step(_I.SUCCESS):
            return False
        if wanted:
            try:
                sdp = description_in(response)
            except PeerError:
                self._set_state(_S.TERMINATED)
                self.tell(Refused(status=488, reason="the answer cannot be read", local=True))
                wanted = False
            else:
                self._adopt(client)
                self.tell(Answered(sdp=sdp))
        if not wanted:
            self.finish()
        return wanted

    def failed(self, status: int, response: Response | None, now: float) -> None:
        wanted = self.state is not _S.CANCELLING
        if self.step(_I.FAILURE):
            if wanted:
                self.tell(refusal_of(status, response))
            self.finish()

    def tell(self, event: SessionEvent) -> None:
        self._layer.deliver(self._deliver, event)

    def dialog_lost(self, status: int, now: float) -> None:
        if self.step(_I.LOST):
            self._send_bye(())
            self.tell(HungUp(reason=f"SIP;cause={status}", accept=_accepted))

    # What the peer's requests change.

    @property
    def reoffers(self) -> Reoffers | None:
        return self._reoffers

    def client_for(self, request: Request) -> DialogClient | None:
        client = self._client
        return client if client is not None and client.dialog.matches(request) else None

    def refuse_invite(self, status: int, now: float) -> None:
        if self._incoming is not None:
            self._incoming.fail(status, None, (), now)

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
        if self._client is not None:
            self._client.request("BYE", headers=headers, on_response=_ignored, on_failure=_nothing)
        self.finish()

    def _send_wanted(self) -> None:
        wanted, self._wanted = self._wanted, None
        if wanted is not None and self._reoffers is not None:
            self._reoffers.send(wanted)

    def _adopt_early(self, response: Response) -> None:
        """So that requests of the callee find an early dialog (section 12.1.2)."""
        invite = self._outgoing
        if invite is not None and invite.request is not None and invite.destination is not None:
            dialog = Dialog.of_caller(invite.request, response)
            self._client = DialogClient(
                self._layer, dialog, invite.destination, contact=invite.contact, common=self._common
            )

    def _adopt(self, client: DialogClient) -> None:
        self._client = client
        self._reoffers = Reoffers(self._layer, client, self, self._common)

    def _deliver(self, event: SessionEvent) -> None:
        self.on_event(event)

    def finish(self) -> None:
        """The one end of a session that sends and receives nothing more; idempotent."""
        now = self._layer.now()
        if self._incoming is not None:
            self._incoming.stop()
        if self._reoffers is not None:
            self._reoffers.close(now)
        self._server.close()
        self._layer.forget_session(self.call_id, self.local_tag)

    def step(self, event: SessionInput) -> bool:
        """Take the row of this state and input; without one, nothing may happen."""
        after = NEXT.get((self.state, event))
        if after is None:
            return False
        self._set_state(after)
        return True

    def _set_state(self, state: SessionState) -> None:
        if state is not self.state:
            if _log.isEnabledFor(logging.DEBUG):
                _log.debug("session %s of %s: %s -> %s", self.leg, self.call_id, self.state, state)
            self.state = state


def _bytes(sdp: SessionDescription | None) -> bytes:
    return b"" if sdp is None else sdp.serialize()


def _readable_sdp(message: Request | Response) -> SessionDescription | None:
    """Where a description is welcome but not needed: one that cannot be read counts as none."""
    try:
        return description_in(message)
    except PeerError:
        return None


def _ignored(response: Response, now: float) -> None:
    """What the peer says to our BYE changes nothing."""


def _nothing(cause: str, now: float) -> None:
    """Nor does its silence."""


def _accepted() -> None:
    """There is no BYE to answer."""
