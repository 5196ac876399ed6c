"""A request outside dialogs that goes to wherever its URI leads, and on to the next place when one fails (RFC 3263 section
4.3): REGISTER, OPTIONS, and whatever else is neither INVITE nor part of a dialog. Sans-IO.
"""

from collections.abc import Callable, Iterable
from typing import Protocol

from softswitch.sip.client_transaction import FailureHandler, ResponseHandler
from softswitch.sip.message import Response
from softswitch.sip.session_layer import SessionLayer
from softswitch.sip.source import Source
from softswitch.sip.target_walk import TargetWalk
from softswitch.sip.timers import Timer
from softswitch.sip.uri import Uri

HeadersFor = Callable[[Source], Iterable[tuple[str, str]]]
"""All headers but Via, Max-Forwards and User-Agent, for the place the request is sent to: Contact depends on it."""


class WalkLayer(SessionLayer, Protocol):
    def request_outside(
        self,
        method: str,
        *,
        request_uri: Uri,
        destination: Source,
        headers: Iterable[tuple[str, str]],
        on_response: ResponseHandler,
        on_failure: FailureHandler,
    ) -> None: ...


class WalkedRequest:
    """Tells `on_response` every response of the place that counts, or `on_failure` once: `unresolved`, `timeout` or
    `transport`."""

    def __init__(
        self,
        layer: WalkLayer,
        method: str,
        *,
        request_uri: Uri,
        next_hop: Uri,
        headers: HeadersFor,
        on_response: ResponseHandler,
        on_failure: FailureHandler,
    ) -> None:
        self._layer = layer
        self._method = method
        self._request_uri = request_uri
        self._headers = headers
        self._on_response = on_response
        self._on_failure = on_failure
        self._walk: TargetWalk | None = None
        self._silence: Timer | None = None
        self._try = 0
        layer.locate_all(next_hop, self._located)

    def _located(self, places: tuple[Source, ...], now: float) -> None:
        self._walk = TargetWalk(places, self._layer.dead_targets, now)
        if self._walk.current is None:
            self._on_failure("unresolved", now)
        else:
            self._send(self._walk, self._walk.current, now)

    def _send(self, walk: TargetWalk, place: Source, now: float) -> None:
        self._try += 1
        number = self._try
        if walk.more:
            due = now + self._layer.timer_values.target
            self._silence = self._layer.timers.start(due, lambda at: self._failed(number, "timeout", at))
        self._layer.request_outside(
            self._method,
            request_uri=self._request_uri,
            destination=place,
            headers=self._headers(place),
            on_response=lambda response, at: self._answered(number, response, at),
            on_failure=lambda cause, at: self._failed(number, cause, at),
        )

    def _answered(self, number: int, response: Response, now: float) -> None:
        walk = self._walk
        if number != self._try or walk is None:
            return
        self._calm()
        walk.answered(response)
        following = walk.refused(response, now) if response.status >= 300 else None
        if following is not None:
            self._send(walk, following, now)
        else:
            self._on_response(response, now)

    def _failed(self, number: int, cause: str, now: float) -> None:
        walk = self._walk
        if number != self._try or walk is None:
            return
        self._calm()
        following = walk.silent(cause, now)
        if following is not None:
            self._send(walk, following, now)
        else:
            self._try += 1
            self._on_failure(cause, now)

    def _calm(self) -> None:
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None
