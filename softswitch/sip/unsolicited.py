"""A NOTIFY that nobody subscribed to: the message lamp of phones that do not subscribe (RFC 3842 section 4.1).

It makes no dialog, goes to a phone where it registered from, and what the phone answers changes nothing.
"""

from collections.abc import Callable
from typing import Protocol

from softswitch.sip.envelope import Envelope
from softswitch.sip.invite_plan import way_to
from softswitch.sip.message import Request
from softswitch.sip.message_summary import CONTENT_TYPE, item, wrap
from softswitch.sip.registrar import Binding
from softswitch.sip.session_layer import SessionLayer
from softswitch.sip.source import Source
from softswitch.sip.uri import Uri


class UnsolicitedLayer(SessionLayer, Protocol):
    def token(self, size: int = 8) -> str: ...

    def common(self, name: str) -> tuple[tuple[str, str], ...]: ...


def notify_messages(
    layer: UnsolicitedLayer,
    destination: Uri | Binding,
    *,
    user: str,
    counts: tuple[int, int],
    connected: Callable[[Source], bool],
) -> None:
    """Tell the phone of `user` at `destination` how many new and old messages it has."""

    def send(place: Source | None, now: float) -> None:
        if place is not None:
            request = _request(layer, destination, place, user, counts)
            layer.start_client(request, place, lambda response, at: None, lambda cause, at: None)

    way = way_to(destination, connected)
    if isinstance(way, Source):
        send(way, layer.now())
    else:
        layer.locate(way, send)


def _request(
    layer: UnsolicitedLayer, destination: Uri | Binding, place: Source, user: str, counts: tuple[int, int]
) -> Request:
    target = destination.contact if isinstance(destination, Binding) else destination
    routes = destination.path if isinstance(destination, Binding) else ()
    contact = layer.contact(place, user)
    host = Uri.parse(contact.strip("<>")).host
    address = f"<sip:{user}@{host}>"
    headers = (
        ("Via", layer.via(place, str(target))),
        ("Max-Forwards", "70"),
        *(("Route", route) for route in routes),
        ("From", f"{address};tag={layer.token()}"),
        ("To", address),
        ("Call-ID", layer.token(16)),
        ("CSeq", "1 NOTIFY"),
        ("Contact", contact),
        ("Event", "message-summary"),
        ("Subscription-State", "terminated"),
        ("Content-Type", CONTENT_TYPE),
        *layer.common("User-Agent"),
    )
    envelope = Envelope(user, host, 0, full=True, live=True)
    return Request.build("NOTIFY", target, headers=headers, body=wrap(envelope, item(*counts).plain))
