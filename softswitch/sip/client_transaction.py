"""The client transactions: INVITE (RFC 3261 section 17.1.1 as changed by RFC 6026) and all others (section 17.1.2).

Owns retransmission, time-out and the ACK of a non-2xx; the ACK of a 2xx is the session's. RFC 4320: a non-INVITE
transaction that timed out is over, and what comes after it is nobody's.
"""

from collections.abc import Callable
from enum import StrEnum

from softswitch.sip.headers import MAX_LINES
from softswitch.sip.message import Request, Response, parse_message
from softswitch.sip.request_forms import ack_of_failure
from softswitch.sip.screening import own_via
from softswitch.sip.source import Source
from softswitch.sip.transaction import Transaction, TransactionKey, TransactionLayer, TransactionState
from softswitch.sip.unheeded import any_failure, any_response

_S = TransactionState


class ClientInput(StrEnum):
    PROVISIONAL = "1xx"
    SUCCESS = "2xx"
    FAILURE = "300-699"
    TIMER_A = "Timer A"
    TIMER_B = "Timer B"
    TIMER_D = "Timer D"
    TIMER_E = "Timer E"
    TIMER_F = "Timer F"
    TIMER_K = "Timer K"
    TIMER_M = "Timer M"
    TRANSPORT_ERROR = "Transport Err."
    ABANDON = "TU gave up after CANCEL"


class ClientAction(StrEnum):
    SEND_REQUEST = "request sent"
    SEND_ACK = "ACK sent"
    TELL_RESPONSE = "response to TU"
    TELL_TIMEOUT = "inform TU of time-out"
    TELL_ERROR = "inform TU of transport error"
    RESET_A = "reset A"
    RESET_E = "reset E"
    E_BECOMES_T2 = "E := T2"
    STOP_RETRANSMITTING = "cancel A, B"
    START_D = "start D"
    START_K = "start K"
    START_M = "start M"


_I, _A = ClientInput, ClientAction

# RFC 6026 figure 4, which replaces RFC 3261 figure 5. Entering Calling sends the request and starts A and B.
INVITE_CLIENT = {
    (_S.CALLING, _I.TIMER_A): ((_A.RESET_A, _A.SEND_REQUEST), _S.CALLING),
    (_S.CALLING, _I.TIMER_B): ((_A.TELL_TIMEOUT,), _S.TERMINATED),
    (_S.CALLING, _I.TRANSPORT_ERROR): ((_A.TELL_ERROR,), _S.TERMINATED),
    (_S.CALLING, _I.PROVISIONAL): ((_A.STOP_RETRANSMITTING, _A.TELL_RESPONSE), _S.PROCEEDING),
    (_S.CALLING, _I.SUCCESS): ((_A.STOP_RETRANSMITTING, _A.START_M, _A.TELL_RESPONSE), _S.ACCEPTED),
    (_S.CALLING, _I.FAILURE): (
        (_A.STOP_RETRANSMITTING, _A.START_D, _A.SEND_ACK, _A.TELL_RESPONSE),
        _S.COMPLETED,
    ),
    (_S.PROCEEDING, _I.PROVISIONAL): ((_A.TELL_RESPONSE,), _S.PROCEEDING),
    (_S.PROCEEDING, _I.SUCCESS): ((_A.START_M, _A.TELL_RESPONSE), _S.ACCEPTED),
    (_S.PROCEEDING, _I.FAILURE): ((_A.START_D, _A.SEND_ACK, _A.TELL_RESPONSE), _S.COMPLETED),
    (_S.PROCEEDING, _I.ABANDON): ((), _S.TERMINATED),
    (_S.COMPLETED, _I.FAILURE): ((_A.SEND_ACK,), _S.COMPLETED),
    (_S.COMPLETED, _I.TRANSPORT_ERROR): ((), _S.TERMINATED),
    (_S.COMPLETED, _I.TIMER_D): ((), _S.TERMINATED),
    (_S.ACCEPTED, _I.SUCCESS): ((_A.TELL_RESPONSE,), _S.ACCEPTED),
    (_S.ACCEPTED, _I.TIMER_M): ((), _S.TERMINATED),
}

# RFC 3261 figure 6. Entering Trying sends the request and starts E and F.
NON_INVITE_CLIENT = {
    (_S.TRYING, _I.TIMER_E): ((_A.RESET_E, _A.SEND_REQUEST), _S.TRYING),
    (_S.TRYING, _I.TIMER_F): ((_A.TELL_TIMEOUT,), _S.TERMINATED),
    (_S.TRYING, _I.TRANSPORT_ERROR): ((_A.TELL_ERROR,), _S.TERMINATED),
    (_S.TRYING, _I.PROVISIONAL): ((_A.TELL_RESPONSE,), _S.PROCEEDING),
    (_S.TRYING, _I.SUCCESS): ((_A.START_K, _A.TELL_RESPONSE), _S.COMPLETED),
    (_S.TRYING, _I.FAILURE): ((_A.START_K, _A.TELL_RESPONSE), _S.COMPLETED),
    (_S.PROCEEDING, _I.TIMER_E): ((_A.E_BECOMES_T2, _A.SEND_REQUEST), _S.PROCEEDING),
    (_S.PROCEEDING, _I.TIMER_F): ((_A.TELL_TIMEOUT,), _S.TERMINATED),
    (_S.PROCEEDING, _I.TRANSPORT_ERROR): ((_A.TELL_ERROR,), _S.TERMINATED),
    (_S.PROCEEDING, _I.PROVISIONAL): ((_A.TELL_RESPONSE,), _S.PROCEEDING),
    (_S.PROCEEDING, _I.SUCCESS): ((_A.START_K, _A.TELL_RESPONSE), _S.COMPLETED),
    (_S.PROCEEDING, _I.FAILURE): ((_A.START_K, _A.TELL_RESPONSE), _S.COMPLETED),
    (_S.COMPLETED, _I.TIMER_K): ((), _S.TERMINATED),
}

ResponseHandler = Callable[[Response, float], None]
FailureHandler = Callable[[str, float], None]
"""Called with `timeout` or `transport` when no final response will come."""


class ClientTransaction(Transaction):
    """One request of ours until its final response; `start` sends it. Thousands of them linger, so that what is over keeps
    bytes only."""

    __slots__ = (
        "_data",
        "_interval",
        "_on_failure",
        "_on_response",
        "_one_via",
        "_request",
        "_response",
        "_sent_by",
    )

    def __init__(
        self,
        request: Request,
        destination: Source,
        layer: TransactionLayer,
        *,
        on_response: ResponseHandler,
        on_failure: FailureHandler,
    ) -> None:
        invite = request.method == "INVITE"
        branch, self._sent_by = own_via(request)
        super().__init__(
            TransactionKey(branch, "", request.method),
            request.call_id,
            destination,
            layer,
            _S.CALLING if invite else _S.TRYING,
        )
        self.table = INVITE_CLIENT if invite else NON_INVITE_CLIENT
        self._request: Request | None = request
        self._one_via = request.headers.keys.count("via") == 1
        self._data = request.to_bytes()
        self._on_response = on_response
        self._on_failure = on_failure
        self._interval = layer.timer_values.t1
        self._response: Response | None = None

    @property
    def request(self) -> Request:
        """As it was sent last."""
        if self._request is not None:
            return self._request
        request = parse_message(self._data)
        assert isinstance(request, Request)
        return request

    @property
    def size(self) -> int:
        """Bytes of the request."""
        return len(self._data)

    @property
    def provisional_seen(self) -> bool:
        return self.state is _S.PROCEEDING

    @property
    def final_seen(self) -> bool:
        return self.state not in (_S.CALLING, _S.TRYING, _S.PROCEEDING)

    def start(self, now: float) -> None:
        """Send the request and start A and B, or E and F."""
        invite = self.state is _S.CALLING
        last = _I.TIMER_B if invite else _I.TIMER_F
        if self.reliable:
            self.start_timer(last, self.layer.timer_values.timeout, now)
        else:
            self.repeat_until(last, self.layer.timer_values.timeout, now)
            self.repeat(_I.TIMER_A if invite else _I.TIMER_E, self._interval, now)
        self._send_request(now)

    def go_another_way(self, via: str, destination: Source) -> None:
        """The request is to leave with this Via, as another transaction."""
        request = self.request
        request.headers.set_first("Via", via)
        branch, self._sent_by = own_via(request)
        self.key = TransactionKey(branch, "", request.method)
        self.peer, self.reliable = destination, destination.transport != "udp"
        self._data = request.to_bytes()

    def asked_for(self, response: Response) -> bool:
        """Beyond having the same branch, it repeats what else tells our request from others (RFC 3261 section 8.1.3.3)."""
        vias = response.vias
        return (
            (len(vias) == 1) == self._one_via
            and vias[0].sent_by == self._sent_by
            and response.call_id == self.call_id
        )

    def asked(self, sent_by: str, call_id: str) -> bool:
        """The same of a response with one Via."""
        return self._one_via and sent_by == self._sent_by and call_id == self.call_id

    def receive(self, response: Response, now: float) -> None:
        self._response = response
        status = response.status
        self.apply(_I.PROVISIONAL if status < 200 else _I.SUCCESS if status < 300 else _I.FAILURE, now)
        self._response = None
        if self.state is _S.COMPLETED:  # what comes again is absorbed, or acknowledged again
            self.let_go()
            self._forget_request()

    def linger_for(self, on_response: ResponseHandler) -> None:
        """The call that a 2xx has begun is over: whoever hears what its INVITE is answered late."""
        if self.state is _S.ACCEPTED:
            self._on_response, self._on_failure = on_response, any_failure
            self._forget_request()

    def _forget_request(self) -> None:
        """Its bytes tell it again, unless we have forwarded it and made it longer than what is read."""
        if self._request is not None and len(self._request.headers.keys) <= MAX_LINES:
            self._request = None

    def abandon(self, now: float) -> None:
        """No final response came in 64*T1 after CANCEL (section 9.1)."""
        self.apply(_I.ABANDON, now)

    def hush(self) -> None:
        """Nobody hopes for an answer any more: not repeated again, though what still comes is told."""
        self.rest_until_last(_I.TIMER_A)

    def transport_failed(self, now: float) -> None:
        self.apply(_I.TRANSPORT_ERROR, now)

    def let_go(self) -> None:
        self._on_response, self._on_failure = any_response, any_failure

    def _send_request(self, now: float) -> None:
        self.layer.send(self._data, self.peer)

    def _send_ack(self, now: float) -> None:
        if self._response is not None:
            self.layer.send(ack_of_failure(self.request, self._response).to_bytes(), self.peer)

    def _tell_response(self, now: float) -> None:
        if self._response is not None:
            self._on_response(self._response, now)

    def _tell_timeout(self, now: float) -> None:
        self._on_failure("timeout", now)

    def _tell_error(self, now: float) -> None:
        self._on_failure("transport", now)

    def _reset_a(self, now: float) -> None:
        self._interval *= 2
        self.repeat(_I.TIMER_A, self._interval, now)

    def _reset_e(self, now: float) -> None:
        self._interval = min(self._interval * 2, self.layer.timer_values.t2)
        self.repeat(_I.TIMER_E, self._interval, now)

    def _e_becomes_t2(self, now: float) -> None:
        self._interval = self.layer.timer_values.t2
        self.repeat(_I.TIMER_E, self._interval, now)

    def _stop_retransmitting(self, now: float) -> None:
        self.stop_timer()

    def _start_d(self, now: float) -> None:
        self.linger(_I.TIMER_D, 0.0 if self.reliable else self.layer.timer_values.timer_d, now)

    def _start_k(self, now: float) -> None:
        self.linger(_I.TIMER_K, 0.0 if self.reliable else self.layer.timer_values.t4, now)

    def _start_m(self, now: float) -> None:
        self.linger(_I.TIMER_M, self.layer.timer_values.timeout, now)

    actions = {  # noqa: RUF012
        _A.SEND_REQUEST: _send_request,
        _A.SEND_ACK: _send_ack,
        _A.TELL_RESPONSE: _tell_response,
        _A.TELL_TIMEOUT: _tell_timeout,
        _A.TELL_ERROR: _tell_error,
        _A.RESET_A: _reset_a,
        _A.RESET_E: _reset_e,
        _A.E_BECOMES_T2: _e_becomes_t2,
        _A.STOP_RETRANSMITTING: _stop_retransmitting,
        _A.START_D: _start_d,
        _A.START_K: _start_k,
        _A.START_M: _start_m,
    }
