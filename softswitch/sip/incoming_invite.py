"""A peer's initial INVITE until our final response is acknowledged (RFC 3261 sections 9.2, 13.3; RFC 3262).

Provisionals are sent reliably when the peer requires it, and when it can and they carry a description. What has been
described so is not described again: neither by a later provisional nor by the 2xx.
"""

from collections.abc import Callable, Iterable
from functools import partial

from softswitch.sip.answer_retransmission import AnswerRetransmission
from softswitch.sip.capabilities import ALLOW, SDP_TYPE
from softswitch.sip.extension_rules import ALL, RELIABLE, ExtensionRules
from softswitch.sip.message import Request, Response, make_response
from softswitch.sip.reliable_provisional import ReliableProvisionals
from softswitch.sip.server_transaction import ServerTransaction
from softswitch.sip.session_layer import SessionLayer
from softswitch.sip.timers import Timer
from softswitch.sip.unheeded import no_time

PROVISIONAL_AGAIN_S = 60.0
"""A provisional is sent again each minute, so that no proxy on the way gives up (section 13.3.1.1)."""

Headers = Iterable[tuple[str, str]]


class IncomingInvite:
    """Answers `transaction` with one To-tag throughout; sends 100 at once."""

    __slots__ = (
        "_again",
        "_answer",
        "_common",
        "_described",
        "_extensions",
        "_last",
        "_layer",
        "_reliable",
        "_tag",
        "contact",
        "on_prack_missing",
        "reliability",
        "request",
        "transaction",
    )

    def __init__(
        self,
        layer: SessionLayer,
        transaction: ServerTransaction,
        *,
        local_tag: str,
        contact: str,
        common: tuple[tuple[str, str], ...],
        now: float,
        extensions: ExtensionRules = ALL,
    ) -> None:
        self._layer = layer
        self._extensions = extensions
        self.transaction = transaction
        self.request = transaction.request
        self._tag = local_tag
        self._common = common
        self._answer: AnswerRetransmission | None = None
        self._again: Timer | None = None
        self._last: tuple[int, tuple[tuple[str, str], ...]] | None = None
        self._reliable: ReliableProvisionals | None = None
        self._described = False
        self.contact = contact
        self.reliability = _reliability(transaction.request, extensions)
        """What is made of reliable provisionals: `required`, `supported` or empty."""
        self.on_prack_missing: Callable[[float], None] = no_time
        transaction.respond(make_response(transaction.request, 100), now)

    @property
    def unacknowledged(self) -> Response | None:
        """Our 2xx, as long as its ACK is missing."""
        answer = self._answer
        return answer.response if answer is not None and answer.waiting else None

    def provisional(self, status: int, body: bytes, headers: Headers, now: float) -> None:
        if self._described:
            body = b""
        self._last = status, tuple(headers)
        if self.reliability == "required" or (body and self.reliability):
            self._stop_provisional()
            self._send_reliably(status, body, self._last[1], now)
            self._begin_again(now)
        else:
            self._send_provisional(now, body)

    @property
    def answer_must_wait(self) -> bool:
        """A provisional with our description is not acknowledged: no 2xx before its PRACK (RFC 3262 section 3)."""
        return self._reliable is not None and self._reliable.description_waits

    @property
    def described(self) -> bool:
        """Our description has arrived for certain, in a provisional."""
        return self._described and not self.answer_must_wait

    def pracked(self, prack: Request) -> Response | None:
        """The provisional that this PRACK acknowledges; None when there is none."""
        return self._reliable.acknowledge(prack) if self._reliable is not None else None

    def go_on(self, now: float) -> None:
        """That PRACK has its answer: the next provisional leaves, never before it."""
        if self._reliable is not None:
            self._reliable.go_on(now)

    def succeed(
        self, body: bytes, headers: Headers, now: float, *, on_missing: Callable[[float], None]
    ) -> None:
        """200, again and again until `acknowledged`; `on_missing` after 64*T1."""
        self._stop_provisional()
        if self._reliable is not None:
            self._reliable.rest()
        body = b"" if self._described else body
        response = self._response(200, None, headers, body, with_contact=True)
        self._answer = AnswerRetransmission(self._layer, self.transaction, response, on_missing, now)

    def resume(
        self, response: Response | None, left_s: float, now: float, *, on_missing: Callable[[float], None]
    ) -> None:
        """Its 2xx was sent before a restart, and no ACK of it is known: as `succeed`, for what is left of 64*T1."""
        self._answer = AnswerRetransmission(
            self._layer, self.transaction, response, on_missing, now, left_s=left_s
        )

    def settled(self) -> None:
        """Offer and answer of before a restart are behind it."""
        self._described = True

    def fail(self, status: int, reason: str | None, headers: Headers, now: float) -> None:
        self._stop_provisional()
        if self._reliable is not None:
            self._reliable.rest()
        self.transaction.respond(self._response(status, reason, headers, b"", with_contact=False), now)

    def answer_cancel(self, cancel: ServerTransaction, now: float) -> None:
        """200 to the CANCEL, with the To-tag of the INVITE's responses."""
        _answer_cancel(self._tag, self._common, cancel, now)

    def acknowledged(self, ack: Request) -> bool:
        """True for the first ACK of our 2xx, which then rests."""
        answer = self._answer
        if answer is None or not answer.waiting or ack.cseq.number != answer.number:
            return False
        answer.stop()
        return True

    def stop(self) -> None:
        """Send nothing more, and tell nobody."""
        self.on_prack_missing = no_time
        self._stop_provisional()
        if self._reliable is not None:
            self._reliable.rest()
        if self._answer is not None:
            self._answer.stop()
        self.transaction.answered_for_good(partial(_answer_cancel, self._tag, self._common))

    def _response(
        self, status: int, reason: str | None, headers: Headers, body: bytes, *, with_contact: bool
    ) -> Response:
        fields = [*self._common, *headers]
        if with_contact:
            fields = [("Contact", self.contact), ALLOW, self._extensions.supported, *fields]
        return make_response(
            self.request,
            status,
            reason,
            to_tag=self._tag,
            headers=fields,
            body=body,
            content_type=SDP_TYPE if body else None,
        )

    def _send_provisional(self, now: float, body: bytes = b"") -> None:
        assert self._last is not None
        self._stop_provisional()
        status, headers = self._last
        self.transaction.respond(self._response(status, None, headers, body, with_contact=True), now)
        self._begin_again(now, body)

    def _send_reliably(
        self, status: int, body: bytes, headers: tuple[tuple[str, str], ...], now: float
    ) -> None:
        if self._reliable is None:
            self._reliable = ReliableProvisionals(self._layer, self.transaction, self.on_prack_missing)
        self._described = self._described or bool(body)
        fields = (("Require", RELIABLE), *headers)
        self._reliable.send(self._response(status, None, fields, body, with_contact=True), now)

    def _begin_again(self, now: float, body: bytes = b"") -> None:
        def again(at: float) -> None:
            self._again = None
            if self._last is not None and self.reliability == "required":
                if self._reliable is not None and not self._reliable.open:
                    self._send_reliably(self._last[0], b"", self._last[1], at)
                self._begin_again(at)
            else:
                self._send_provisional(at, body)

        self._again = self._layer.timers.start(now + PROVISIONAL_AGAIN_S, again)

    def _stop_provisional(self) -> None:
        if self._again is not None:
            self._again.cancel()
            self._again = None


def _answer_cancel(
    tag: str, common: tuple[tuple[str, str], ...], cancel: ServerTransaction, now: float
) -> None:
    """Also of an INVITE whose call is over."""
    cancel.respond(make_response(cancel.request, 200, to_tag=tag, headers=common), now)


def _reliability(invite: Request, extensions: ExtensionRules) -> str:
    if RELIABLE in extensions.without:
        return ""
    if RELIABLE in extensions.wanted:
        return "required"
    headers = invite.headers
    for key, found in (("require", "required"), ("supported", "supported")):
        if key in headers.keys and RELIABLE in [tag.lower() for tag in headers.get_list(key)]:
            return found
    return ""
