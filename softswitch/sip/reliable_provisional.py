"""Provisional responses that arrive for certain, as the callee sends them (RFC 3262 section 3).

Owns RSeq, the repetition of each until its PRACK, and their order: the next leaves when the one before it has been
acknowledged. What a PRACK carries and what follows from it is the session's.
"""

from collections import deque
from collections.abc import Callable

from softswitch.sip.message import Request, Response
from softswitch.sip.server_transaction import ServerTransaction
from softswitch.sip.session_layer import SessionLayer
from softswitch.sip.timers import Timer
from softswitch.sip.unheeded import no_time

MAX_WAITING = 8
"""Provisionals behind one that is not acknowledged; of more, only the latest is worth sending."""
_LARGEST_FIRST = 2**24


class ReliableProvisionals:
    """Those of one INVITE. `on_missing` is called when a PRACK has not come in 64*T1."""

    __slots__ = (
        "_again",
        "_interval",
        "_layer",
        "_number",
        "_on_missing",
        "_overdue",
        "_transaction",
        "_waiting",
    )

    def __init__(
        self,
        layer: SessionLayer,
        transaction: ServerTransaction,
        on_missing: Callable[[float], None],
    ) -> None:
        self._layer = layer
        self._transaction = transaction
        self._on_missing = on_missing
        self._number = int.from_bytes(layer.entropy(3)) % _LARGEST_FIRST + 1
        """RSeq of the first in `_waiting`."""
        self._waiting: deque[Response] = deque()
        self._interval = 0.0
        self._again: Timer | None = None
        self._overdue: Timer | None = None

    @property
    def description_waits(self) -> bool:
        """One with a description is not acknowledged yet: no 2xx before its PRACK (section 3)."""
        return any(response.body for response in self._waiting)

    @property
    def open(self) -> bool:
        return bool(self._waiting)

    def send(self, response: Response, now: float) -> None:
        if len(self._waiting) > MAX_WAITING:
            if self._waiting[-1].body:
                return
            self._waiting.pop()
        self._waiting.append(response)
        if len(self._waiting) == 1:
            self._send_first(now)

    def acknowledge(self, prack: Request) -> Response | None:
        """What this PRACK acknowledges, which then rests; None when it is nothing that waits for it."""
        rack = " ".join((prack.headers.get("RAck") or "").split())
        if not self._waiting or rack != f"{self._number} {self._transaction.request.cseq}":
            return None
        acknowledged = self._waiting.popleft()
        self._number += 1
        self._stop_timers()
        return acknowledged

    def go_on(self, now: float) -> None:
        """The PRACK is answered: what waited behind the acknowledged one leaves."""
        if self._waiting and self._overdue is None:
            self._send_first(now)

    def rest(self) -> None:
        """A final response is out: nothing is sent again, but a PRACK on its way still finds its provisional."""
        self._stop_timers()
        self._on_missing = no_time
        while len(self._waiting) > 1:
            self._waiting.pop()

    def _send_first(self, now: float) -> None:
        response, values = self._waiting[0], self._layer.timer_values
        response.headers.set("RSeq", str(self._number))
        self._interval = values.t1
        self._overdue = self._layer.timers.start(now + values.timeout, self._give_up)
        self._again = self._layer.timers.start(now + self._interval, self._send_again)
        self._transaction.respond(response, now)

    def _send_again(self, now: float) -> None:
        self._interval *= 2
        self._again = self._layer.timers.start(now + self._interval, self._send_again)
        self._transaction.respond(self._waiting[0], now)

    def _give_up(self, now: float) -> None:
        self._stop_timers()
        self._waiting.clear()
        self._on_missing(now)

    def _stop_timers(self) -> None:
        for timer in (self._again, self._overdue):
            if timer is not None:
                timer.cancel()
        self._again = self._overdue = None
