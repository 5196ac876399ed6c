"""A peer's initial INVITE until our final response is acknowledged (RFC 3261 sections 9.2, 13.3)."""

from collections.abc import Callable, Iterable

from softswitch.sip.answer_retransmission import AnswerRetransmission
from softswitch.sip.capabilities import ALLOW, SDP_TYPE
from softswitch.sip.message import Request, Response, make_response
from softswitch.sip.server_transaction import ServerTransaction
from softswitch.sip.session_layer import SessionLayer
from softswitch.sip.timers import Timer

PROVISIONAL_AGAIN_S = 60.0
"""A provisional is sent again each minute, so that no proxy on the way gives up (section 13.3.1.1)."""

Headers = Iterable[tuple[str, str]]


class IncomingInvite:
    """Answers `transaction` with one To-tag throughout; sends 100 at once."""

    __slots__ = ("_again", "_answer", "_common", "_last", "_layer", "_tag", "_transaction", "contact")

    def __init__(
        self,
        layer: SessionLayer,
        transaction: ServerTransaction,
        *,
        local_tag: str,
        contact: str,
        common: tuple[tuple[str, str], ...],
        now: float,
    ) -> None:
        self._layer = layer
        self._transaction = transaction
        self._tag = local_tag
        self._common = common
        self._answer: AnswerRetransmission | None = None
        self._again: Timer | None = None
        self._last: Response | None = None
        self.contact = contact
        transaction.respond(make_response(transaction.request, 100), now)

    @property
    def request(self) -> Request:
        return self._transaction.request

    def provisional(self, status: int, body: bytes, headers: Headers, now: float) -> None:
        self._last = self._response(status, None, headers, body, with_contact=True)
        self._send_provisional(now)

    def succeed(
        self, body: bytes, headers: Headers, now: float, *, on_missing: Callable[[float], None]
    ) -> None:
        """200, again and again until `acknowledged`; `on_missing` after 64*T1."""
        self._stop_provisional()
        response = self._response(200, None, headers, body, with_contact=True)
        self._answer = AnswerRetransmission(self._layer, self._transaction, response, on_missing, now)

    def fail(self, status: int, reason: str | None, headers: Headers, now: float) -> None:
        self._stop_provisional()
        self._transaction.respond(self._response(status, reason, headers, b"", with_contact=False), now)

    def answer_cancel(self, cancel: ServerTransaction, now: float) -> None:
        """200 to the CANCEL, with the To-tag of the INVITE's responses."""
        response = make_response(cancel.request, 200, to_tag=self._tag, headers=self._common)
        cancel.respond(response, now)

    def acknowledged(self, ack: Request) -> bool:
        """True for the first ACK of our 2xx, which then rests."""
        answer = self._answer
        if answer is None or not answer.waiting or ack.cseq.number != answer.number:
            return False
        answer.stop()
        return True

    def stop(self) -> None:
        """Send nothing more."""
        self._stop_provisional()
        if self._answer is not None:
            self._answer.stop()

    def _response(
        self, status: int, reason: str | None, headers: Headers, body: bytes, *, with_contact: bool
    ) -> Response:
        fields = [*self._common, *headers]
        if with_contact:
            fields = [("Contact", self.contact), ALLOW, *fields]
        return make_response(
            self.request,
            status,
            reason,
            to_tag=self._tag,
            headers=fields,
            body=body,
            content_type=SDP_TYPE if body else None,
        )

    def _send_provisional(self, now: float) -> None:
        self._stop_provisional()
        if self._last is not None:
            self._transaction.respond(self._last, now)
            self._again = self._layer.timers.start(now + PROVISIONAL_AGAIN_S, self._send_provisional)

    def _stop_provisional(self) -> None:
        if self._again is not None:
            self._again.cancel()
            self._again = None
