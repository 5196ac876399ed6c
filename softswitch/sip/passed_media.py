"""Streams that are not served here but passed on to a call's other side: video, text (RFC 4103), fax (T.38 over UDPTL).

Owns which m-lines these are, what of a description may be passed, and how it reads with an address of ours. Only attributes
that describe the media pass, so many and so long: what tells addresses, keys of another kind (DTLS, ICE) or groups of
streams would lead past us. SDES keys (RFC 4568) pass where both sides encrypt, and the two then encrypt end to end.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from softswitch.sip.direction import direction_seen
from softswitch.sip.media_place import can_be_sent_to, rtcp_port
from softswitch.sip.sdp import Line, Lines, MediaDescription, SdpError, SessionDescription

VIDEO: Final = "video"
TEXT: Final = "text"
FAX: Final = "fax"
MAX_ATTRIBUTES, MAX_BANDWIDTHS, MAX_FORMATS = 64, 4, 32
LONGEST_LINE: Final = 1024
"""Parameter sets of H.265 are the longest that is met."""

_CLEAR, _SECURE = ("RTP/AVP", "RTP/AVPF"), ("RTP/SAVP", "RTP/SAVPF")
_PASSED: Final = frozenset(
    {
        *(
            "rtpmap",
            "fmtp",
            "rtcp-fb",
            "rtcp-mux",
            "rtcp-rsize",
            "ptime",
            "maxptime",
            "framerate",
            "framesize",
        ),
        *("imageattr", "quality", "content", "lang", "label", "extmap", "ssrc", "ssrc-group"),
    }
)
_FAX_ATTRIBUTES = "t38"


@dataclass(frozen=True, slots=True, kw_only=True)
class PassedMedia:
    """What a description says of the media itself, whoever sends it."""

    kind: str
    heading: str
    """`video`, `text` or `image`, as on the m-line."""
    protocol: str
    formats: tuple[str, ...]
    lines: Lines
    """`b=` and `a=`, without direction."""

    def described(self, port: int, direction: str) -> MediaDescription:
        """As an m-line of ours."""
        lines = self.lines if self.kind == FAX else Lines((*self.lines, Line("a", direction)))
        return MediaDescription(self.heading, port, self.protocol, self.formats, lines)

    @property
    def name(self) -> str:
        """For people: kind and first encoding."""
        if self.kind == FAX:
            return "T.38"
        encoding = next(
            (value.partition(" ")[2].partition("/")[0] for value in self.lines.attributes.get("rtpmap", ())),
            "",
        )
        return f"{self.kind} {encoding[:16]}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class PassedPeer:
    """Where a peer takes such a stream, and which way it wants it."""

    address: str
    port: int
    rtcp_port: int
    direction: str


def kind_of(media: MediaDescription) -> str:
    """Empty: it is none that can be passed on."""
    protocol = media.protocol.upper()
    if media.kind in (VIDEO, TEXT):
        return media.kind if protocol in (*_CLEAR, *_SECURE) else ""
    is_fax = (
        media.kind == "image" and protocol == "UDPTL" and [each.lower() for each in media.formats] == ["t38"]
    )
    return FAX if is_fax else ""


def passed_of(media: MediaDescription, srtp: Iterable[str]) -> PassedMedia | None:
    """What may be passed of a live m-line between parties of these policies of encryption; None: nothing."""
    kind, policies = kind_of(media), frozenset(srtp)
    if not kind or media.port == 0 or not media.formats or len(media.formats) > MAX_FORMATS:
        return None
    secure = media.protocol.upper() in _SECURE
    if "off" in policies if secure else "required" in policies:
        return None
    return PassedMedia(
        kind=kind,
        heading=media.kind,
        protocol=media.protocol,
        formats=media.formats,
        lines=_passed_lines(media, kind, keys="off" not in policies),
    )


def peer_of(session: SessionDescription, media: MediaDescription, our_address: str) -> PassedPeer | None:
    """None: it names no place that can be sent to."""
    try:
        connection = session.connection_of(media)
        if not can_be_sent_to(connection, our_address):
            return None
        direction = direction_seen(session, media, connection)
    except SdpError:
        return None
    return PassedPeer(
        address=connection.address, port=media.port, rtcp_port=rtcp_port(media), direction=direction
    )


def _passed_lines(media: MediaDescription, kind: str, *, keys: bool) -> Lines:
    kept: list[Line] = []
    left = {"a": MAX_ATTRIBUTES, "b": MAX_BANDWIDTHS}
    for line in media.lines:
        if len(line.value) <= LONGEST_LINE and left.get(line.type, 0) and _passes(line, kind, keys=keys):
            left[line.type] -= 1
            kept.append(line)
    return Lines(kept)


def _passes(line: Line, kind: str, *, keys: bool) -> bool:
    if line.type == "b":
        return True
    name = line.value.partition(":")[0].strip(" ").lower()
    if kind == FAX:
        return name.startswith(_FAX_ATTRIBUTES)
    return name in _PASSED or (keys and name == "crypto")
