"""What the four transaction machines share: how a message finds its transaction, and how a table is run.

RFC 3261 section 17, RFC 6026 (Accepted states), RFC 4320 (non-INVITE). The tables are in `client_transaction.py` and
`server_transaction.py`. Policy for an input that a state's table does not name: it is ignored, since on a network that
repeats and reorders it is always a message that came late.
"""

import logging
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Protocol

from softswitch.sip.message import Request, Response
from softswitch.sip.source import Source
from softswitch.sip.timers import Timer, TimerHeap, TimerValues
from softswitch.value import replaced, value

MAGIC_COOKIE = "z9hG4bK"
LINGERING_ENDS_EVERY_S = 1 / 16
"""Transactions that only absorb what comes late end together, that much later at most: the event loop is woken up for many
of them at once."""

_log = logging.getLogger(__name__)


class TransactionState(StrEnum):
    CALLING = "Calling"
    TRYING = "Trying"
    PROCEEDING = "Proceeding"
    ACCEPTED = "Accepted"
    COMPLETED = "Completed"
    CONFIRMED = "Confirmed"
    TERMINATED = "Terminated"


@value(tagged=False, kw_only=False)
class TransactionKey:
    """Equal for all messages of one transaction (RFC 3261 sections 17.1.3 and 17.2.3)."""

    branch: str
    """Branch of the top Via; for a peer of RFC 2543, who has none that can be trusted, the fields that stand for it."""
    sent_by: str
    method: str
    """INVITE for an ACK."""
    call_id: str = ""
    """Of a server transaction, beyond the RFC: some peers give all their calls the same branch."""


_TERMINATED = TransactionState.TERMINATED

Table = Mapping[tuple[Any, Any], tuple[tuple[Any, ...], TransactionState]]
"""(state, input) to (actions, next state)."""


class TransactionLayer(Protocol):
    """What a transaction needs of the stack it lives in."""

    timers: TimerHeap
    timer_values: TimerValues

    def send(self, data: bytes, destination: Source) -> None: ...

    def forget(self, transaction: "Transaction") -> None: ...


class Transaction:
    """Runs one table. Subclasses give `table`, `actions` by name, and the inputs."""

    __slots__ = ("_timer", "_until", "call_id", "key", "layer", "peer", "reliable", "state", "table")

    table: Table
    actions: Mapping[Any, Callable[[Any, float], None]]

    def __init__(
        self,
        key: TransactionKey,
        call_id: str,
        peer: Source,
        layer: TransactionLayer,
        state: TransactionState,
    ) -> None:
        self.key = key
        self.call_id = call_id
        self.peer = peer
        """Where requests or responses are sent; of a stream, the connection."""
        self.layer = layer
        self.reliable = peer.transport != "udp"
        self.state = state
        self._timer: Timer | None = None
        """Never more than one runs; due is the input that it fires."""
        self._until: tuple[Any, float] | None = None
        """What ends the repeating, or the lingering, and when."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.key.method} {self.key.branch} {self.state}>"

    def apply(self, event: Any, now: float) -> bool:
        """Run the row of this state and input; False when there is none."""
        row = self.table.get((self.state, event))
        if row is None:
            return False
        steps, after = row
        if after is not self.state:
            self._set_state(after)
        actions = self.actions
        for step in steps:
            actions[step](self, now)
        if after is _TERMINATED:
            self.let_go()
        return True

    def let_go(self) -> None:
        """It is over: forget whom to tell, so that a call that has ended needs no collector to be freed."""

    def start_timer(self, event: Any, delay: float, now: float) -> None:
        self._start_at(now + delay, event)

    def linger(self, event: Any, delay: float, now: float) -> None:
        """Stay for `delay` at least, so that what comes late is known, and end with others; at once where it is 0."""
        end = now + delay
        if delay:
            end = -(-end // LINGERING_ENDS_EVERY_S) * LINGERING_ENDS_EVERY_S
        self.stop_timer()
        self._until = event, end
        self.layer.timers.wait_together(end, self)

    def due(self, now: float) -> None:
        """It has lingered long enough."""
        if self._until is not None:
            self.apply(self._until[0], now)

    def repeat_until(self, last: Any, delay: float, now: float) -> None:
        """What `repeat` starts is done with after `delay`; then `last` is due."""
        self._until = last, now + delay

    def repeat(self, event: Any, delay: float, now: float) -> None:
        """Again after `delay`, unless all is over by then. Of the two timers only the next one waits: nearly all of them
        are stopped before anything is due."""
        assert self._until is not None
        last, end = self._until
        if now + delay <= end:
            self._start_at(now + delay, event)
        else:
            self._start_at(end, last)

    def rest_until_last(self, event: Any) -> None:
        """Not again, but `last` is due as ever."""
        if self._timer is not None and self._timer.what is event and self._until is not None:
            last, end = self._until
            self._start_at(end, last)

    def _start_at(self, at: float, event: Any) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.layer.timers.start_one(at, self._fired, event)

    def stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _fired(self, event: Any, now: float) -> None:
        self._timer = None
        self.apply(event, now)

    def _set_state(self, state: TransactionState) -> None:
        if _log.isEnabledFor(logging.DEBUG):
            _log.debug("%s transaction of %s: %s -> %s", self.key.method, self.call_id, self.state, state)
        self.state = state
        if state is _TERMINATED:
            self.stop_timer()
            if self._until is not None:
                self.layer.timers.wait_no_longer(self._until[1], self)
            self.layer.forget(self)


def client_key(response: Response) -> TransactionKey:
    """The client transaction that `response` answers (section 17.1.3)."""
    return TransactionKey(response.vias[0].branch, "", response.cseq.method)


def server_key(request: Request) -> TransactionKey:
    """The server transaction that `request` belongs to (section 17.2.3); of a CANCEL, its own."""
    via = request.vias[0]
    method = "INVITE" if request.method == "ACK" else request.method
    branch = via.branch
    if branch.startswith(MAGIC_COOKIE):
        return TransactionKey(branch, via.sent_by, method, request.headers.value("call-id") or "")
    identity = "\n".join(
        (str(request.uri), request.from_.tag or "", request.call_id, str(request.cseq.number), str(via))
    )
    return TransactionKey(identity, "", method)


def cancelled_key(cancel: Request) -> TransactionKey:
    """The INVITE server transaction that a CANCEL means (section 9.2)."""
    return replaced(server_key(cancel), method="INVITE")
