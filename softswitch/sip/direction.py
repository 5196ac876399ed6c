"""Which way a stream flows: the direction attributes of RFC 3264 sections 5.1, 6.1 and 8.4, seen from either side."""

from typing import Final

from softswitch.sip.sdp import Connection, MediaDescription, SessionDescription

MIRRORED: Final = {
    "sendrecv": "sendrecv",
    "sendonly": "recvonly",
    "recvonly": "sendonly",
    "inactive": "inactive",
}
SENDS: Final = ("sendrecv", "sendonly")
RECEIVES: Final = ("sendrecv", "recvonly")

_DIRECTION_OF = {(True, True): "sendrecv", (True, False): "sendonly", (False, True): "recvonly"}


def direction_of(*, send: bool, receive: bool) -> str:
    return _DIRECTION_OF.get((send, receive), "inactive")


def direction_seen(session: SessionDescription, media: MediaDescription, place: Connection) -> str:
    """The peer's direction; an address of zeros takes the receiving half away (RFC 3264 section 8.4)."""
    direction = session.direction_of(media)
    if place.is_null:
        return "sendonly" if direction in SENDS else "inactive"
    return direction


def answer_direction(theirs: str, wanted: str) -> str:
    """Ours: what we want, as far as the other side allows it."""
    allowed = MIRRORED[theirs]
    return direction_of(
        send=allowed in SENDS and wanted in SENDS, receive=allowed in RECEIVES and wanted in RECEIVES
    )
