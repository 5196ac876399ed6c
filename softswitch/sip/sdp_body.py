"""The session description in a message's body, alone or as a part of a multipart (RFC 3261 section 7.4, RFC 5621)."""

import re

from softswitch.errors import PeerError
from softswitch.sip.capabilities import SDP_TYPE
from softswitch.sip.message import Request, Response
from softswitch.sip.sdp import SdpError, SessionDescription

MAX_PARTS = 16
_BOUNDARY = re.compile(r'boundary=(?:"([^"\\\r\n]{1,70})"|([^\s";,]{1,70}))', re.IGNORECASE)
_PART_TYPE = re.compile(rb"(?:\A|\r\n)(?:Content-Type|c)[ \t]*:[ \t]*([^\s;]+)", re.IGNORECASE)


class UnsupportedBody(PeerError):
    """A body of a kind that we cannot read and may not pass over."""

    sip_status = 415


def description_in(message: Request | Response) -> SessionDescription | None:
    """None without a body; raises SdpError (400, 488) or UnsupportedBody (415)."""
    body = message.body
    if not body:
        return None
    kind = message.content_type
    if kind == SDP_TYPE:
        return SessionDescription.parse(body)
    if kind.startswith("multipart/"):
        part = _sdp_part(message.headers.get("Content-Type") or "", body)
        return None if part is None else SessionDescription.parse(part)
    if "handling=optional" in (message.headers.get("Content-Disposition") or "").lower():
        return None
    raise UnsupportedBody(f"a body of type {kind or 'unknown'}")


def serialized(sdp: SessionDescription | None) -> bytes:
    """Empty for none."""
    return b"" if sdp is None else sdp.serialize()


def readable_description(message: Request | Response) -> SessionDescription | None:
    """Where a description is welcome but not needed: one that cannot be read counts as none."""
    try:
        return description_in(message)
    except PeerError:
        return None


def _sdp_part(content_type: str, body: bytes) -> bytes | None:
    """The first part that is SDP; parts inside a part are not looked at."""
    match = _BOUNDARY.search(content_type)
    if match is None:
        raise SdpError("a multipart body without a boundary")
    delimiter = b"\r\n--" + (match[1] or match[2]).encode("utf-8", "surrogateescape")
    pieces = (b"\r\n" + body).split(delimiter, MAX_PARTS + 1)
    if len(pieces) > MAX_PARTS + 1:
        raise SdpError("a multipart body of too many parts")
    for piece in pieces[1:]:
        if piece.startswith(b"--"):
            break
        head, _, content = piece.partition(b"\r\n\r\n")
        kind = _PART_TYPE.search(head)
        if kind is not None and kind[1].lower() == SDP_TYPE.encode():
            return content
    return None
