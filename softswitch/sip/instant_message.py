"""A MESSAGE of the switch itself (RFC 3428): one text to one target, and what became of it. Sans-IO.

It makes no dialog and leaves no trace but the answer. The text is plain UTF-8 and short enough for a datagram (section 8).
"""

from collections.abc import Callable
from typing import Protocol

from softswitch.sip.client_transaction import FailureHandler, ResponseHandler
from softswitch.sip.invite_plan import way_to
from softswitch.sip.message import Request, Response
from softswitch.sip.proxy_plan import ProxyTarget
from softswitch.sip.registrar import Binding
from softswitch.sip.session_layer import SessionLayer
from softswitch.sip.source import Source
from softswitch.sip.uri import Uri

LONGEST_TEXT = 1000
"""Bytes: RFC 3428 section 8 wants the whole request below 1300."""
Outcome = Callable[[int], None]
"""Hears the status of the final response; 408 for silence, 503 for a place that cannot be reached."""


class MessageLayer(SessionLayer, Protocol):
    def token(self, size: int = 8) -> str: ...

    def common(self, name: str) -> tuple[tuple[str, str], ...]: ...


def send_text(layer: MessageLayer, target: ProxyTarget, *, sender: str, text: str, outcome: Outcome) -> None:
    """`sender` is the user part of From; `text` no longer than `LONGEST_TEXT` bytes of UTF-8."""

    def send(place: Source | None, now: float) -> None:
        if place is None:
            outcome(503)
        else:
            request = _request(layer, target, place, sender, text)
            layer.start_client(request, place, _told(outcome), _lost(outcome))

    way = way_to(target.proxy or target.where, layer.connected)
    if not isinstance(way, Source):
        layer.locate(way, send)
    elif way.transport != "udp" and not layer.connected(way):
        outcome(480)
    else:
        send(way, layer.now())


def _told(outcome: Outcome) -> ResponseHandler:
    def response(response: Response, now: float) -> None:
        if response.status >= 200:
            outcome(response.status)

    return response


def _lost(outcome: Outcome) -> FailureHandler:
    return lambda cause, now: outcome(408 if cause == "timeout" else 503)


def _request(layer: MessageLayer, target: ProxyTarget, place: Source, sender: str, text: str) -> Request:
    host = Uri.parse(layer.contact(place, "").strip("<>")).host
    path = target.where.path if isinstance(target.where, Binding) else ()
    routes = path if target.proxy is None else (f"<{target.proxy};lr>",)
    headers = (
        ("Via", layer.via(place, str(target.uri))),
        ("Max-Forwards", "70"),
        *(("Route", route) for route in routes),
        ("From", f"<sip:{sender}@{host}>;tag={layer.token()}"),
        ("To", f"<{target.uri.bare()}>"),
        ("Call-ID", layer.token(16)),
        ("CSeq", "1 MESSAGE"),
        ("Content-Type", "text/plain;charset=UTF-8"),
        *layer.common("User-Agent"),
    )
    return Request.build("MESSAGE", target.uri, headers=headers, body=text.encode("utf-8"))
