"""New offers inside a running session, from either side: re-INVITE and UPDATE (RFC 3261 section 14, RFC 3311).

Owns who may offer when: 491 and the randomised retry when both do at once, 500 with Retry-After for a second offer
before the first is answered. What a failed one leaves behind is nothing: the session goes on as before. A refresh by
re-INVITE (RFC 4028) is an offer of what is described already, and is told to nobody unless the answer has changed.

An offer is made in the moment it leaves: what waited while the other side changed the session would be out of date, and its
version lower than one that the peer has seen (RFC 3264 section 8).
"""

from collections.abc import Callable
from typing import Protocol

from softswitch.errors import PeerError
from softswitch.sip.answer_retransmission import AnswerRetransmission
from softswitch.sip.capabilities import ALLOW, SDP_TYPE
from softswitch.sip.dialog_client import DialogClient
from softswitch.sip.events import Acked, ReofferAnswered, Reoffered, ReofferRefused, SessionEvent
from softswitch.sip.message import Request, Response, make_response
from softswitch.sip.provisional_acks import ProvisionalAcks, rseq_of
from softswitch.sip.reoffer_state import REOFFERS, ReofferAction, ReofferInput, ReofferState
from softswitch.sip.sdp_body import description_in
from softswitch.sip.server_transaction import ServerTransaction
from softswitch.sip.session_layer import SessionLayer
from softswitch.sip.session_timer import SessionTimer
from softswitch.sip.source import Source
from softswitch.sip.timers import Timer

MAX_RETRIES = 5

Describe = Callable[[], bytes]
"""Makes the offer when it can leave."""

_S, _I, _A = ReofferState, ReofferInput, ReofferAction


class ReofferOwner(Protocol):
    def tell(self, event: SessionEvent) -> None: ...

    def dialog_lost(self, status: int, now: float) -> None:
        """The peer knows nothing of this dialog, or is silent (section 12.2.1.2)."""

    def session_expired(self, status: int, now: float) -> None:
        """The same, said to a refresh (RFC 4028 section 10)."""


class Reoffers:
    """The offers of one confirmed dialog."""

    __slots__ = (
        "_ack",
        "_acked",
        "_acks",
        "_answers",
        "_body",
        "_client",
        "_common",
        "_describe",
        "_early",
        "_kept",
        "_layer",
        "_owner",
        "_refreshing",
        "_retry",
        "_timer",
        "_transaction",
        "_tries",
        "described",
        "heard",
        "state",
    )

    def __init__(
        self,
        layer: SessionLayer,
        client: DialogClient,
        owner: ReofferOwner,
        timer: SessionTimer,
        common: tuple[tuple[str, str], ...],
    ) -> None:
        self._layer = layer
        self._client = client
        self._timer = timer
        self.described = b""
        """Our description as it counts now."""
        self.heard = b""
        """The peer's."""
        self._refreshing = False
        self._owner: ReofferOwner | None = owner
        self._common = common
        self.state = _S.IDLE
        self._body = b""
        self._describe: Describe = bytes
        """Who made `_body`."""
        self._kept: Describe | None = None
        self._tries = 0
        self._retry: Timer | None = None
        self._transaction: ServerTransaction | None = None
        self._answers: dict[int, AnswerRetransmission] = {}
        self._acked = -1
        self._ack: tuple[bytes, Source] | None = None
        self._acks = ProvisionalAcks(client)
        self._early: Response | None = None
        """A provisional that has answered our offer for certain: the 2xx need not say it again (RFC 6337 section 2.2)."""

    def send(self, describe: Describe) -> None:
        """Offer what `describe` says as soon as nothing else is open; the latest one wins."""
        if self._answers:  # the peer's last offer is answered but not acknowledged: still open
            self._kept = describe
        elif self._step(_I.WANTED) is _A.SEND:
            self._tries = 0
            self._make(describe)
        else:
            self._kept = describe

    def refresh(self) -> bool:
        """Offer again what is described already; False when something else is open."""
        if self.state is not _S.IDLE or self._answers or not self.described:
            return False
        self._step(_I.WANTED)
        self._tries = 0
        self._make(lambda: self.described)
        self._refreshing = True
        return True

    @property
    def settled(self) -> bool:
        """No offer is open."""
        return self.state is _S.IDLE and not self._answers

    def receive(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        """A re-INVITE, UPDATE or PRACK whose CSeq was in order."""
        too_small = self._timer.too_small(request)
        if too_small:
            self._respond(transaction, 422, now, headers=too_small)
            return
        try:
            sdp = description_in(request)
        except PeerError as error:
            self._respond(transaction, error.sip_status, now)
            return
        if request.method == "UPDATE" and sdp is None:
            self._client.dialog.refresh_target(request)
            self._respond(transaction, 200, now, headers=self._headers_of_success(request, now))
            return
        action = self._step(_I.OFFER)
        if action is _A.REFUSE_PENDING:
            self._respond(transaction, 491, now)
        elif action is _A.REFUSE_SECOND:
            seconds = self._layer.entropy(1)[0] % 11
            self._respond(transaction, 500, now, headers=(("Retry-After", str(seconds)),))
        else:
            self._begin_received(transaction, request, now)
            self._tell(Reoffered(sdp=sdp))

    def accept(self, body: bytes, now: float) -> None:
        """Answer the peer's open request with 200 and `body`."""
        transaction = self._transaction
        if transaction is None:
            return
        self._transaction = None
        self.described, self.heard = body, transaction.request.body
        response = make_response(
            transaction.request,
            200,
            headers=(*self._headers_of_success(transaction.request, now), *self._common),
            body=body,
            content_type=SDP_TYPE,
        )
        if transaction.request.method != "PRACK":
            self._client.dialog.refresh_target(transaction.request)
        if transaction.request.method != "INVITE":
            self._step(_I.ANSWERED)
            transaction.respond(response, now)
        else:
            self._step(_I.ANSWERED if transaction.request.body else _I.OFFERED)
            number = transaction.request.cseq.number
            self._answers[number] = AnswerRetransmission(
                self._layer, transaction, response, lambda late: self._ack_missing(number, late), now
            )
        self._send_kept()

    def refuse(self, status: int, now: float) -> None:
        """Refuse the peer's open request; the session goes on as before."""
        transaction, self._transaction = self._transaction, None
        if transaction is None:
            return
        self._step(_I.ANSWERED)
        self._respond(transaction, status, now)
        self._send_kept()

    def acked(self, ack: Request) -> None:
        """The ACK to a 2xx of ours to a re-INVITE."""
        answer = self._answers.pop(ack.cseq.number, None)
        if answer is None:
            return
        answer.stop()
        if self.state is _S.ANSWER_DUE:
            self._step(_I.ACK)
            try:
                sdp = description_in(ack)
            except PeerError:
                sdp = None
            self.heard = ack.body
            self._tell(Acked(sdp=sdp))
        self._send_kept()

    def close(self, now: float) -> None:
        """The session is over: pending requests of the peer get 487 (section 15.1.2)."""
        if self._retry is not None:
            self._retry.cancel()
        for answer in self._answers.values():
            answer.stop()
        self._answers.clear()
        self._kept = self._owner = None
        self._describe = bytes
        transaction, self._transaction = self._transaction, None
        if transaction is not None:
            self._respond(transaction, 487, now)

    def _tell(self, event: SessionEvent) -> None:
        if self._owner is not None:
            self._owner.tell(event)

    def _dialog_lost(self, status: int, now: float) -> None:
        if self._owner is not None:
            self._owner.dialog_lost(status, now)

    def _begin_received(self, transaction: ServerTransaction, request: Request, now: float) -> None:
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
            if self._refreshing:  # the peer's offer is a sign of life as well
                self._refreshing = False
                self._timer.again_soon(now)
            elif self._kept is None:
                self._kept = self._describe
        self._transaction = transaction
        if request.method == "INVITE":
            transaction.on_cancel = self._cancelled
            self._respond(transaction, 100, now)

    def _cancelled(self, cancel: ServerTransaction, now: float) -> None:
        """The peer takes its re-INVITE back; the owner's answer, when it comes, has nothing to answer any more."""
        self._respond(cancel, 200, now)
        self.refuse(487, now)

    def _make(self, describe: Describe) -> None:
        self._describe, self._kept, self._refreshing = describe, None, False
        self._body = describe()
        self._send()

    def _send(self) -> None:
        self._acks, self._early = ProvisionalAcks(self._client), None
        self._client.request(
            "INVITE",
            headers=(
                ("Contact", self._client.contact),
                ALLOW,
                self._timer.supported,
                *self._timer.offered(),
                ("Content-Type", SDP_TYPE),
            ),
            body=self._body,
            on_response=self._response,
            on_failure=self._lost,
        )

    def _send_kept(self) -> None:
        if self._kept is not None and self.state is _S.IDLE and not self._answers:
            self.send(self._kept)

    def _response(self, response: Response, now: float) -> None:
        if response.status < 200:
            self._provisional(response)
        elif response.status < 300:
            self._success(response, now)
        elif self._timer.learn_too_small(response):
            self._send()
        elif response.status == 491 and self._tries < MAX_RETRIES:
            self._step(_I.CONFLICT)
            self._tries += 1
            self._retry = self._layer.timers.start(now + self._back_off(), self._try_again)
        else:
            self._failed(response.status, response.reason, now)
            self._send_kept()

    def _provisional(self, response: Response) -> None:
        if self.state is _S.SENT and rseq_of(response) and self._acks.take(response) and response.body:
            self._early = self._early or response

    def _failed(self, status: int, reason: str, now: float) -> None:
        refreshing, self._refreshing = self._refreshing, False
        self._step(_I.FAILURE)
        lost = status in (408, 481)
        if not refreshing:
            self._tell(ReofferRefused(status=status, reason=reason))
            if lost:
                self._dialog_lost(status, now)
        elif lost:
            if self._owner is not None:
                self._owner.session_expired(status, now)
        else:
            self._timer.again_soon(now)

    def _success(self, response: Response, now: float) -> None:
        number = response.cseq.number
        if number == self._acked:
            if self._ack is not None:
                self._layer.send(*self._ack)
            return
        invite = self._client.invite
        if self.state is not _S.SENT or invite is None:
            return
        self._step(_I.SUCCESS)
        self._client.dialog.refresh_target(response)
        self._timer.granted(response, now)
        refreshing, self._refreshing = self._refreshing, False
        self._acked, self._ack = number, None
        self._client.acknowledge(invite, self._remember_ack)
        answer = response if response.body or self._early is None else self._early
        try:
            sdp = description_in(answer)
        except PeerError as error:
            self._tell(ReofferRefused(status=error.sip_status, reason=str(error)))
        else:
            unchanged = refreshing and answer.body == self.heard
            self.described, self.heard, self._early = self._body, answer.body, None
            if not unchanged:
                self._tell(ReofferAnswered(sdp=sdp))
        self._send_kept()

    def _remember_ack(self, data: bytes, destination: Source) -> None:
        self._ack = (data, destination)

    def _lost(self, cause: str, now: float) -> None:
        if self._refreshing or cause == "timeout":
            self._failed(408 if cause == "timeout" else 503, cause, now)
        else:
            self._step(_I.FAILURE)
            self._tell(ReofferRefused(status=503, reason=cause))
            self._dialog_lost(503, now)

    def _back_off(self) -> float:
        """Section 14.1: the owner of the Call-ID waits 2.1 to 4 s, the other 0 to 2 s, in steps of 10 ms."""
        random = int.from_bytes(self._layer.entropy(2))
        return 2.1 + random % 191 * 0.01 if self._client.dialog.state.initiator else random % 201 * 0.01

    def _try_again(self, now: float) -> None:
        self._retry = None
        if self._step(_I.RETRY) is not _A.SEND:
            return
        if self._kept is None:
            self._send()
        else:
            self._make(self._kept)

    def _ack_missing(self, number: int, now: float) -> None:
        self._answers.pop(number, None)
        self._step(_I.ACK)
        self._dialog_lost(408, now)

    def _headers_of_success(self, request: Request, now: float) -> tuple[tuple[str, str], ...]:
        if request.method == "PRACK":
            return ()
        granted = self._timer.grant(request, now)
        return ("Contact", self._client.contact), ALLOW, self._timer.supported, *granted

    def _respond(
        self,
        transaction: ServerTransaction,
        status: int,
        now: float,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        transaction.respond(
            make_response(transaction.request, status, headers=(*headers, *self._common)), now
        )

    def _step(self, event: ReofferInput) -> ReofferAction:
        """An input that the state does not know changes nothing."""
        action, self.state = REOFFERS.get((self.state, event), (_A.NONE, self.state))
        return action
