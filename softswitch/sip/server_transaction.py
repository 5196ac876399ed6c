"""The server transactions: INVITE (RFC 3261 section 17.2.1 as changed by RFC 6026) and all others (section 17.2.2).

Owns retransmission of non-2xx finals and the absorbing of repeated requests; the retransmission of a 2xx is the
session's. RFC 4320: to a non-INVITE request no provisional response but 100, and never a 408; a transaction that is
not answered within 64*T1 ends in silence.
"""

from collections.abc import Callable, Iterable
from enum import StrEnum

from softswitch.sip.headers import Headers
from softswitch.sip.message import Request, Response
from softswitch.sip.source import Source
from softswitch.sip.transaction import Transaction, TransactionKey, TransactionLayer, TransactionState
from softswitch.sip.way import reply_place

_S = TransactionState


class ServerInput(StrEnum):
    REQUEST = "request again"
    ACK = "ACK"
    PROVISIONAL = "1xx from TU"
    SUCCESS = "2xx from TU"
    FAILURE = "300-699 from TU"
    SILENCE = "TU gave no answer in 64*T1"
    TIMER_G = "Timer G"
    TIMER_H = "Timer H"
    TIMER_I = "Timer I"
    TIMER_J = "Timer J"
    TIMER_L = "Timer L"
    TRANSPORT_ERROR = "Transport Err."


class ServerAction(StrEnum):
    SEND_RESPONSE = "send response"
    TELL_ERROR = "inform TU of transport error"
    RESET_G = "reset G"
    START_G_H = "start G, H"
    START_I = "start I"
    START_J = "start J"
    START_L = "start L"


_I, _A = ServerInput, ServerAction

_UNANSWERED = (_S.TRYING, _S.PROCEEDING)

# RFC 6026 figure 5, which replaces RFC 3261 figure 7. The ACK of a 2xx has a branch of its own and never comes here;
# one from a peer of RFC 2543 does, and the stack hands it on to the session whatever this table says.
INVITE_SERVER = {
    (_S.PROCEEDING, _I.REQUEST): ((_A.SEND_RESPONSE,), _S.PROCEEDING),
    (_S.PROCEEDING, _I.PROVISIONAL): ((_A.SEND_RESPONSE,), _S.PROCEEDING),
    (_S.PROCEEDING, _I.SUCCESS): ((_A.SEND_RESPONSE, _A.START_L), _S.ACCEPTED),
    (_S.PROCEEDING, _I.FAILURE): ((_A.SEND_RESPONSE, _A.START_G_H), _S.COMPLETED),
    (_S.PROCEEDING, _I.TRANSPORT_ERROR): ((_A.TELL_ERROR,), _S.PROCEEDING),
    (_S.COMPLETED, _I.REQUEST): ((_A.SEND_RESPONSE,), _S.COMPLETED),
    (_S.COMPLETED, _I.TIMER_G): ((_A.SEND_RESPONSE, _A.RESET_G), _S.COMPLETED),
    (_S.COMPLETED, _I.TIMER_H): ((), _S.TERMINATED),
    (_S.COMPLETED, _I.ACK): ((_A.START_I,), _S.CONFIRMED),
    (_S.COMPLETED, _I.TRANSPORT_ERROR): ((_A.TELL_ERROR,), _S.COMPLETED),
    (_S.CONFIRMED, _I.TIMER_I): ((), _S.TERMINATED),
    (_S.ACCEPTED, _I.REQUEST): ((), _S.ACCEPTED),
    (_S.ACCEPTED, _I.ACK): ((), _S.ACCEPTED),
    (_S.ACCEPTED, _I.SUCCESS): ((_A.SEND_RESPONSE,), _S.ACCEPTED),
    (_S.ACCEPTED, _I.TRANSPORT_ERROR): ((_A.TELL_ERROR,), _S.ACCEPTED),
    (_S.ACCEPTED, _I.TIMER_L): ((), _S.TERMINATED),
}

# RFC 3261 figure 8. SILENCE is ours: without it a request that is never answered would be kept for ever.
NON_INVITE_SERVER = {
    (_S.TRYING, _I.PROVISIONAL): ((_A.SEND_RESPONSE,), _S.PROCEEDING),
    (_S.TRYING, _I.SUCCESS): ((_A.SEND_RESPONSE, _A.START_J), _S.COMPLETED),
    (_S.TRYING, _I.FAILURE): ((_A.SEND_RESPONSE, _A.START_J), _S.COMPLETED),
    (_S.TRYING, _I.SILENCE): ((), _S.TERMINATED),
    (_S.PROCEEDING, _I.REQUEST): ((_A.SEND_RESPONSE,), _S.PROCEEDING),
    (_S.PROCEEDING, _I.PROVISIONAL): ((_A.SEND_RESPONSE,), _S.PROCEEDING),
    (_S.PROCEEDING, _I.SUCCESS): ((_A.SEND_RESPONSE, _A.START_J), _S.COMPLETED),
    (_S.PROCEEDING, _I.FAILURE): ((_A.SEND_RESPONSE, _A.START_J), _S.COMPLETED),
    (_S.PROCEEDING, _I.TRANSPORT_ERROR): ((_A.TELL_ERROR,), _S.TERMINATED),
    (_S.PROCEEDING, _I.SILENCE): ((), _S.TERMINATED),
    (_S.COMPLETED, _I.REQUEST): ((_A.SEND_RESPONSE,), _S.COMPLETED),
    (_S.COMPLETED, _I.TRANSPORT_ERROR): ((_A.TELL_ERROR,), _S.TERMINATED),
    (_S.COMPLETED, _I.TIMER_J): ((), _S.TERMINATED),
}


CancelHandler = Callable[["ServerTransaction", float], None]


class ServerTransaction(Transaction):
    """One request of a peer and what was answered to it last; `respond` answers it."""

    __slots__ = ("_data", "_interval", "copies", "on_cancel", "on_error", "request")

    def __init__(
        self, request: Request, key: TransactionKey, source: Source, layer: TransactionLayer, now: float
    ) -> None:
        invite = request.method == "INVITE"
        super().__init__(key, request.call_id, source, layer, _S.PROCEEDING if invite else _S.TRYING)
        self.table = INVITE_SERVER if invite else NON_INVITE_SERVER
        self.request = request
        self.copies: tuple[str, str, str] | None = None
        """What copies of its request have in common that came by another way, while none of them is served beside it."""
        self.on_error: Callable[[float], None] | None = None
        """Called when a response could not be sent."""
        self.on_cancel: CancelHandler | None = None
        """Called with the transaction of a CANCEL that means this one; it answers both."""
        self._data = b""
        self._interval = layer.timer_values.t1
        if not invite:
            self.start_timer(_I.SILENCE, layer.timer_values.timeout, now)

    @property
    def final_sent(self) -> bool:
        return self.state not in _UNANSWERED

    def respond(self, response: Response, now: float) -> None:
        """Send `response` and keep it for when the request comes again. After a final one: ignored, but for a 2xx
        again to an INVITE."""
        status, invite = response.status, self.table is INVITE_SERVER
        if not invite and (status == 408 or 100 < status < 200):
            return
        event = _I.PROVISIONAL if status < 200 else _I.SUCCESS if status < 300 else _I.FAILURE
        if (self.state, event) in self.table:
            self._data = response.to_bytes()
            self.apply(event, now)

    def answered_for_good(self, on_cancel: CancelHandler | None = None) -> None:
        """Whoever answered it has no more to say. It goes on for half a minute, as thousands of others, and keeps what it
        may be asked for: a connection that breaks is opened again by what the request says."""
        if self.final_sent:
            self.on_cancel = on_cancel
            if not self.reliable:
                self.request = FORGOTTEN

    def resume_accepted(self, left_s: float, now: float) -> None:
        """The INVITE had its 2xx before a restart: absorb it for what is left of Timer L (RFC 6026 section 8.7)."""
        self._set_state(_S.ACCEPTED)
        self.start_timer(_I.TIMER_L, left_s, now)

    def receive(self, request: Request, now: float) -> None:
        """The same request again, or the ACK of a non-2xx."""
        self.apply(_I.ACK if request.method == "ACK" else _I.REQUEST, now)

    def transport_failed(self, now: float) -> None:
        self.apply(_I.TRANSPORT_ERROR, now)

    def let_go(self) -> None:
        self.on_error = self.on_cancel = None

    def _send_response(self, now: float) -> None:
        if self._data:
            self.layer.send(self._data, self.peer)

    def _tell_error(self, now: float) -> None:
        if self.on_error is not None:
            self.on_error(now)

    def _start_g_h(self, now: float) -> None:
        timeout = self.layer.timer_values.timeout
        if self.reliable:
            self.start_timer(_I.TIMER_H, timeout, now)
        else:
            self.repeat_until(_I.TIMER_H, timeout, now)
            self.repeat(_I.TIMER_G, self._interval, now)

    def _reset_g(self, now: float) -> None:
        self._interval = min(self._interval * 2, self.layer.timer_values.t2)
        self.repeat(_I.TIMER_G, self._interval, now)

    def _start_i(self, now: float) -> None:
        self.linger(_I.TIMER_I, 0.0 if self.reliable else self.layer.timer_values.t4, now)

    def _start_j(self, now: float) -> None:
        self.linger(_I.TIMER_J, 0.0 if self.reliable else self.layer.timer_values.timeout, now)

    def _start_l(self, now: float) -> None:
        self.linger(_I.TIMER_L, self.layer.timer_values.timeout, now)

    actions = {  # noqa: RUF012
        _A.SEND_RESPONSE: _send_response,
        _A.TELL_ERROR: _tell_error,
        _A.RESET_G: _reset_g,
        _A.START_G_H: _start_g_h,
        _A.START_I: _start_i,
        _A.START_J: _start_j,
        _A.START_L: _start_l,
    }


FORGOTTEN = Request("", "", Headers())
"""Of a request that has been answered for good nothing is known any more."""


def reopen_replies(transactions: Iterable[ServerTransaction], lost: Source) -> None:
    """The connection of these requests is gone: their responses go on a new one, where one can be opened."""
    for transaction in transactions:
        if transaction.reliable and transaction.peer == lost:
            place = reply_place(transaction.request.top_via, lost)
            if place is not None:
                transaction.peer = place
