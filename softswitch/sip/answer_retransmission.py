"""A 2xx to an INVITE, sent again from T1 to T2 until its ACK, also over streams (RFC 3261 section 13.3.1.4)."""

from collections.abc import Callable

from softswitch.sip.message import Response
from softswitch.sip.server_transaction import ServerTransaction
from softswitch.sip.session_layer import SessionLayer
from softswitch.sip.timers import Timer
from softswitch.sip.unheeded import no_time


class AnswerRetransmission:
    """Sends `response` at once and keeps sending until `stop`; after 64*T1 calls `on_missing` instead.

    `left_s`: what is left of that time, for an answer from before a restart; it is sent when SIP is served again. None of
    it is sent when nobody knows any more what it said.
    """

    __slots__ = (
        "_interval",
        "_layer",
        "_on_missing",
        "_response",
        "_timer",
        "_transaction",
        "_until",
        "number",
    )

    def __init__(
        self,
        layer: SessionLayer,
        transaction: ServerTransaction,
        response: Response | None,
        on_missing: Callable[[float], None],
        now: float,
        *,
        left_s: float | None = None,
    ) -> None:
        self.number = transaction.request.cseq.number
        """CSeq number that the ACK must have."""
        self._layer = layer
        self._transaction = transaction
        self._response = response
        self._on_missing = on_missing
        self._interval = layer.timer_values.t1
        within_s = layer.timer_values.timeout if left_s is None else left_s
        self._until = now + within_s
        again = self._until
        if response is not None and left_s is None:
            again = now + self._interval
        elif response is not None:
            self._interval /= 2  # doubled before it counts
            again = now
        self._timer: Timer | None = layer.timers.start(min(again, self._until), self._due)
        if response is not None and left_s is None:
            transaction.respond(response, now)

    @property
    def waiting(self) -> bool:
        return self._timer is not None

    @property
    def response(self) -> Response | None:
        return self._response

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._on_missing = no_time

    def _due(self, now: float) -> None:
        """One timer for both: each call of ours that is answered starts it, and cancels it at its ACK."""
        if now < self._until and self._response is not None:
            self._interval = min(self._interval * 2, self._layer.timer_values.t2)
            self._timer = self._layer.timers.start(min(now + self._interval, self._until), self._due)
            self._transaction.respond(self._response, now)
        else:
            on_missing = self._on_missing
            self.stop()
            on_missing(now)
