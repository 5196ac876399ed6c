"""Requests that are too long for a datagram go over TCP, and over UDP after all where TCP is not taken (RFC 3261 §18.1.1).

A peer that refuses the connection, or leaves it without an answer for T1, is sent the same request as a datagram, with the
Via of one; for a while it is not asked again. What a phone behind a NAT loses by that is half a second, once.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from softswitch.sip.client_transaction import ClientTransaction, FailureHandler, ResponseHandler
from softswitch.sip.message import Request
from softswitch.sip.screening import marked_as, own_via
from softswitch.sip.session_layer import SessionLayer
from softswitch.sip.source import Source
from softswitch.sip.transaction import TransactionLayer, TransactionState

LONGEST_DATAGRAM = 1300
"""200 bytes below the usual MTU, for what the answer may be longer."""
CONNECT_WITHIN_S = 0.5
REFUSED_FOR_S = 600.0
MAX_REFUSED = 1000


class LargeLayer(SessionLayer, TransactionLayer, Protocol):
    """What is needed of the stack."""

    def keep_client(self, transaction: ClientTransaction) -> None: ...


class LargeRequests:
    """Who is sent long requests over TCP."""

    def __init__(self, layer: LargeLayer) -> None:
        self._layer = layer
        self._refused: OrderedDict[Source, float] = OrderedDict()

    def over_tcp(
        self, request: Request, destination: Source, on_response: ResponseHandler, on_failure: FailureHandler
    ) -> ClientTransaction | None:
        """The transaction of `request`, which does not fit into a datagram; None: it goes as one nevertheless."""
        until = self._refused.get(destination)
        if until is not None and self._layer.now() < until:
            return None
        return LargeRequest(
            request,
            destination,
            self._layer,
            on_response=on_response,
            on_failure=on_failure,
            refused=self._remember,
        )

    def _remember(self, destination: Source, now: float) -> None:
        self._refused[destination] = now + REFUSED_FOR_S
        self._refused.move_to_end(destination)
        if len(self._refused) > MAX_REFUSED:
            self._refused.popitem(last=False)


class LargeRequest(ClientTransaction):
    """Begins over TCP; `destination` is the place of datagrams."""

    __slots__ = ("_datagram_via", "_datagrams", "_large_layer", "_refused")

    def __init__(
        self,
        request: Request,
        destination: Source,
        layer: LargeLayer,
        *,
        on_response: ResponseHandler,
        on_failure: FailureHandler,
        refused: Callable[[Source, float], None],
    ) -> None:
        self._datagrams = destination
        self._datagram_via = request.headers.get("Via") or ""
        self._large_layer = layer
        self._refused = refused
        stream = replace(destination, transport="tcp")
        via = layer.via(stream, str(request.uri))
        request.headers.set_first("Via", marked_as(via, own_via(request)[0]))
        super().__init__(request, stream, layer, on_response=on_response, on_failure=on_failure)

    def start(self, now: float) -> None:
        super().start(now)
        self.layer.timers.start(now + CONNECT_WITHIN_S, self._look)

    def transport_failed(self, now: float) -> None:
        if self.reliable and self.state in (TransactionState.CALLING, TransactionState.TRYING):
            self._go_as_datagram(now)
        else:
            super().transport_failed(now)

    def _look(self, now: float) -> None:
        if self.reliable and not self._large_layer.connected(self.peer):
            self.transport_failed(now)

    def _go_as_datagram(self, now: float) -> None:
        self._refused(self._datagrams, now)
        self.stop_timer()
        self.layer.forget(self)
        self.go_another_way(self._datagram_via, self._datagrams)
        self._large_layer.keep_client(self)
        super().start(now)
