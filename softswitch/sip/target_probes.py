"""Asks places that were found dead whether they live again: OPTIONS when their hold is over (RFC 3261 section 11).

So no call has to be the one that tries. Any answer but 503 ends the hold; silence makes it longer. Sans-IO.
"""

from collections.abc import Iterable
from typing import Protocol

from softswitch.sip.client_transaction import FailureHandler, ResponseHandler
from softswitch.sip.dead_targets import DeadTarget, DeadTargets
from softswitch.sip.message import Response
from softswitch.sip.session_layer import SessionLayer
from softswitch.sip.source import Source
from softswitch.sip.uri import Uri


class ProbeLayer(SessionLayer, Protocol):
    def token(self, size: int = 8) -> str: ...

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


class TargetProbes:
    def __init__(self, layer: ProbeLayer, dead: DeadTargets) -> None:
        self._layer = layer
        self._dead = dead
        self._planned: set[Source] = set()
        dead.on_dead = self.plan

    def plan(self, place: Source, dead: DeadTarget) -> None:
        if place not in self._planned:
            self._planned.add(place)
            self._layer.timers.start(dead.until, lambda now: self._ask(place, now))

    def _ask(self, place: Source, now: float) -> None:
        self._planned.discard(place)
        if not self._dead.asked_again(place, now, self._layer.timer_values.timeout + 1.0):
            return

        def answered(response: Response, at: float) -> None:
            if response.status == 503:
                failed("503", at)
            elif response.status >= 200:
                self._dead.alive(place)

        def failed(cause: str, at: float) -> None:
            dead = self._dead.still_dead(place, at)
            if dead is not None:
                self.plan(place, dead)

        contact = self._layer.contact(place, "")
        uri = _uri_of(place)
        self._layer.request_outside(
            "OPTIONS",
            request_uri=uri,
            destination=place,
            headers=(
                ("From", f"{contact};tag={self._layer.token()}"),
                ("To", f"<{uri}>"),
                ("Call-ID", self._layer.token(16)),
                ("CSeq", "1 OPTIONS"),
                ("Contact", contact),
                ("Accept", "application/sdp"),
            ),
            on_response=answered,
            on_failure=failed,
        )


def _uri_of(place: Source) -> Uri:
    host = f"[{place.address}]" if ":" in place.address else place.address
    transport = "" if place.transport == "udp" else f";transport={place.transport}"
    return Uri.parse(f"sip:{host}:{place.port}{transport}")
