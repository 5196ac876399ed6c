"""One branch of a proxied request: a target, its places, and the client transaction at each (RFC 3261 sections 16.6 to
16.9, RFC 3263 section 4.3, RFC 5626 section 5.3).

Owns timer C and when CANCEL may leave. A flow that is dead is left for another flow of the same phone, a place that is
silent, overloaded or cannot be reached for the next one; what an abandoned place says later is cancelled, and a 2xx of it
passed on like any other.
"""

from collections.abc import Callable
from enum import StrEnum
from functools import partial
from typing import Protocol

from softswitch.sip.client_transaction import ClientTransaction
from softswitch.sip.invite_plan import way_to
from softswitch.sip.message import Request, Response
from softswitch.sip.outbound import is_flow
from softswitch.sip.proxy_plan import ProxyTarget
from softswitch.sip.registrar import Binding
from softswitch.sip.request_forms import cancel_of
from softswitch.sip.session_layer import SessionLayer
from softswitch.sip.source import Source
from softswitch.sip.target_walk import TargetWalk
from softswitch.sip.timers import Timer
from softswitch.sip.unheeded import any_failure, any_response
from softswitch.sip.uri import Uri

TIMER_C_S = 185.0
"""Longer than three minutes (section 16.6 step 11)."""


class BranchState(StrEnum):
    LOCATING = "Locating"
    UNDERWAY = "Underway"
    CANCELLING = "Cancelling"
    DONE = "Done"


class BranchListener(Protocol):
    def request_for(self, branch: "ProxyBranch", target: ProxyTarget, place: Source) -> Request:
        """The copy that leaves for this place."""

    def provisional(self, branch: "ProxyBranch", response: Response, now: float) -> None: ...

    def final(self, branch: "ProxyBranch", response: Response, now: float) -> None:
        """It is done; of an INVITE, a 2xx may come more than once."""

    def lost(self, branch: "ProxyBranch", status: int, now: float) -> None:
        """It is done without a response: the status that stands for that."""


class ProxyBranch:
    __slots__ = (
        "_cancelled",
        "_invite",
        "_layer",
        "_listener",
        "_reason",
        "_spare",
        "_timer",
        "_transaction",
        "_tries",
        "_try",
        "_walk",
        "place",
        "state",
        "target",
    )

    def __init__(
        self, layer: SessionLayer, listener: BranchListener, target: ProxyTarget, *, invite: bool
    ) -> None:
        self._layer = layer
        self._listener = listener
        self._invite = invite
        self.target = target
        self._spare = list(target.spare)
        self.place: Source | None = None
        """Where it went last."""
        self.state = BranchState.LOCATING
        self._walk: TargetWalk | None = None
        self._transaction: ClientTransaction | None = None
        self._timer: Timer | None = None
        """Timer C of an INVITE, how long a place may be silent, or how long a cancelled branch may."""
        self._try = 0
        self._tries: dict[int, ClientTransaction] = {}
        """INVITEs that may still ring somewhere, by their number."""
        self._cancelled: set[str] = set()
        """Branch parameters that have been sent a CANCEL."""
        self._reason: tuple[tuple[str, str], ...] = ()

    def __repr__(self) -> str:
        return f"<ProxyBranch {self.target.uri} {self.state}>"

    def start(self, now: float) -> None:
        self._go_to(self.target.where, now)

    def start_at(self, place: Source, now: float) -> None:
        """Where it goes is known."""
        self._send(place, now)

    def cancel(self, now: float, reason: tuple[tuple[str, str], ...] = ()) -> None:
        """CANCEL as soon as a provisional allows it (section 9.1); of a request other than INVITE: stop hoping."""
        if self.state in (BranchState.DONE, BranchState.CANCELLING) or not self._invite:
            return
        self._reason = reason
        before, self.state = self.state, BranchState.CANCELLING
        if before is BranchState.LOCATING or self._transaction is None:
            self._lost(487, now)
        elif self._transaction.provisional_seen:
            self._send_cancel(now)

    # --- where it goes -----------------------------------------------------------------------------------------------

    def _go_to(self, where: object, now: float) -> None:
        target = self.target
        destination = where if isinstance(where, Binding) else target.uri
        if isinstance(destination, Binding) and is_flow(destination) and target.proxy is None:
            way: Source | Uri = destination.source  # on that very connection or not at all
        else:
            way = way_to(target.proxy or destination, self._layer.connected)
        if not isinstance(way, Source):
            self._layer.locate_all(way, self._located)
        elif way.transport != "udp" and not self._layer.connected(way):
            self._flow_failed(430, now)
        else:
            self._send(way, now)

    def _located(self, places: tuple[Source, ...], now: float) -> None:
        if self.state is not BranchState.LOCATING:
            return
        self._walk = TargetWalk(places, self._layer.dead_targets, now)
        if self._walk.current is None:
            self._lost(503, now)
        else:
            self._send(self._walk.current, now)

    def _send(self, place: Source, now: float) -> None:
        self._try += 1
        number, self.place = self._try, place
        self.state = BranchState.UNDERWAY
        request = self._listener.request_for(self, self.target, place)
        more = self._walk is not None and self._walk.more
        if more:
            self._set_timer(now + self._layer.timer_values.target, partial(self._silent, number))
        elif self._invite:
            self._set_timer(now + TIMER_C_S, self._timer_c)
        self._transaction = self._layer.start_client(
            request, place, partial(self._response, number), partial(self._failed, number)
        )
        if self._invite:
            self._tries[number] = self._transaction

    def _flow_failed(self, status: int, now: float) -> None:
        """Another flow of the same phone, where it has one."""
        if self._spare and self.state is not BranchState.CANCELLING:
            spare = self._spare.pop(0)
            self.target = ProxyTarget(where=spare, party=self.target.party, q=self.target.q)
            self.state = BranchState.LOCATING
            self._go_to(spare, now)
        else:
            self._lost(status, now)

    # --- what comes back ---------------------------------------------------------------------------------------------

    def _response(self, number: int, response: Response, now: float) -> None:
        if number != self._try or self.state is BranchState.DONE:
            self._said_late(self._tries.get(number), response, now)
            return
        status = response.status
        if self._walk is not None:
            self._walk.answered(response)
        if status < 200:
            self._progress(response, now)
        elif status < 300:
            self._done()
            self._listener.final(self, response, now)
        elif status == 430 and self._spare:
            self._flow_failed(430, now)
        else:
            cancelling = self.state is BranchState.CANCELLING
            following = None if cancelling or self._walk is None else self._walk.refused(response, now)
            if following is not None:
                self._send(following, now)
            else:
                self._done()
                self._listener.final(self, response, now)

    def _progress(self, response: Response, now: float) -> None:
        if response.status > 100:
            self._walk = None  # it rings there: whatever follows is the answer
        if self.state is BranchState.CANCELLING:
            self._send_cancel(now)
            return
        if self._invite:
            self._set_timer(now + TIMER_C_S, self._timer_c)
        self._listener.provisional(self, response, now)

    def _said_late(self, transaction: ClientTransaction | None, response: Response, now: float) -> None:
        """A place that was left for another one, or given up, says something after all."""
        if not self._invite or transaction is None:
            return
        branch = transaction.key.branch
        if 200 <= response.status < 300:
            self._listener.final(self, response, now)
        elif response.status < 200 and branch not in self._cancelled:
            self._cancelled.add(branch)
            self._layer.start_client(
                cancel_of(transaction.request), transaction.peer, any_response, any_failure
            )

    def _failed(self, number: int, cause: str, now: float) -> None:
        if number != self._try or self.state is BranchState.DONE:
            return
        following = None
        if self._walk is not None and self.state is not BranchState.CANCELLING:
            following = self._walk.silent(cause, now)
        if following is not None:
            self._send(following, now)
        elif cause == "transport":
            phone = isinstance(self.target.where, Binding)
            self._flow_failed(480 if phone else 503, now)
        else:
            self._flow_failed(408, now)

    def _silent(self, number: int, now: float) -> None:
        """No response at all so far, and there is another place."""
        self._timer = None
        if number == self._try and self._transaction is not None:
            self._transaction.hush()
            self._failed(number, "timeout", now)

    def _timer_c(self, now: float) -> None:
        self._timer = None
        if self._transaction is not None and self._transaction.provisional_seen:
            self.cancel(now)
        else:
            self._lost(408, now)

    # --- its end -----------------------------------------------------------------------------------------------------

    def _send_cancel(self, now: float) -> None:
        """Once; after 64*T1 without a final response it is over all the same."""
        transaction = self._transaction
        if transaction is None or transaction.key.branch in self._cancelled:
            return
        self._cancelled.add(transaction.key.branch)
        cancel = cancel_of(transaction.request)
        for name, value in self._reason:
            cancel.headers.add(name, value)
        self._layer.start_client(cancel, transaction.peer, any_response, any_failure)
        self._set_timer(now + self._layer.timer_values.timeout, self._gone)

    def _gone(self, now: float) -> None:
        self._timer = None
        if self._transaction is not None:
            self._transaction.abandon(now)
        self._lost(408, now)

    def _lost(self, status: int, now: float) -> None:
        if self.state is BranchState.DONE:
            return
        self._done()
        self._listener.lost(self, status, now)

    def _done(self) -> None:
        self.state = BranchState.DONE
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set_timer(self, at: float, callback: Callable[[float], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._layer.timers.start(at, callback)
