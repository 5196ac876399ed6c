"""Carries one registration of ours out: sends what `OutboundRegistration` wants, to wherever the registrar's name leads.

A registrar that is silent is left for the next place of its name (RFC 3263 section 4.3); what follows a challenge goes to
the place that made it. Sans-IO.
"""

from collections.abc import Callable
from functools import partial
from typing import Protocol

from softswitch.sip.message import Response
from softswitch.sip.outbound_registration import OutboundRegistration, RegisterRequest
from softswitch.sip.source import Source
from softswitch.sip.uri import Uri
from softswitch.sip.walked_request import WalkedRequest, WalkLayer

WORDS = {
    "timeout": "no answer",
    "transport": "cannot be reached",
    "unresolved": "its name cannot be resolved",
}


class RegisterLayer(WalkLayer, Protocol):
    def token(self, size: int = 8) -> str: ...


class TrunkRegistration:
    def __init__(
        self,
        layer: RegisterLayer,
        machine: OutboundRegistration,
        user: str,
        proxy: Uri | None,
        changed: Callable[[float], None],
    ) -> None:
        """`changed` is called after each step. `proxy` takes all requests instead of the registrar's own name."""
        self.machine = machine
        self._layer = layer
        self._user = user
        self._proxy = proxy
        self._changed = changed

    @property
    def server(self) -> str:
        return str(self.machine.settings.server)

    def tick(self, now: float) -> None:
        deadline = self.machine.next_deadline()
        request = self.machine.tick(now, "") if deadline is not None and deadline <= now else None
        if request is not None:
            self._begin(request)

    def stop(self, now: float) -> None:
        """Take it back."""
        request = self.machine.stop(now)
        if request is not None:
            self._begin(request)

    def _begin(self, request: RegisterRequest) -> None:
        place: list[Source] = []

        def headers(chosen: Source) -> tuple[tuple[str, str], ...]:
            place[:] = [chosen]
            return self._headers(request, chosen)

        WalkedRequest(
            self._layer,
            "REGISTER",
            request_uri=request.uri,
            next_hop=self._proxy or request.destination,
            headers=headers,
            on_response=lambda response, at: self._answered(request, place[0], response, at),
            on_failure=partial(self._failed, request),
        )

    def _headers(self, request: RegisterRequest, place: Source) -> tuple[tuple[str, str], ...]:
        contact = self._layer.contact(place, self._user)
        self.machine.contact = contact[1:-1]
        route = (("Route", f"<{self._proxy};lr>"),) if self._proxy is not None else ()
        own = ((name, contact if name == "Contact" else value) for name, value in request.headers)
        return (*route, *own)

    def _answered(self, request: RegisterRequest, place: Source, response: Response, now: float) -> None:
        if response.status < 200:
            return
        following = self.machine.response(response, request.cseq, now)
        if following is not None:
            self._layer.request_outside(
                "REGISTER",
                request_uri=following.uri,
                destination=place,
                headers=self._headers(following, place),
                on_response=lambda again, at: self._answered(following, place, again, at),
                on_failure=partial(self._failed, following),
            )
        self._changed(now)

    def _failed(self, request: RegisterRequest, cause: str, now: float) -> None:
        self.machine.failed(WORDS[cause], request.cseq, now)
        self._changed(now)
