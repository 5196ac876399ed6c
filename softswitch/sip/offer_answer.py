"""Offer and answer of RFC 3264 for one audio stream: G.711 (RFC 3551) and telephone-event (RFC 4733) over RTP/AVP.

Answers have one m-line for each offered, in order; port 0 refuses all but the first stream that can be served. Hold is
understood in all spellings (sendonly, inactive, 0.0.0.0) and mirrored. Encrypted profiles are refused, never answered
in clear.
"""

import ipaddress
from dataclasses import dataclass, replace

from softswitch.sip.sdp import (
    Connection,
    Line,
    MediaDescription,
    Origin,
    RtpMap,
    SdpError,
    SessionDescription,
)

PROTOCOL = "RTP/AVP"
STATIC_PAYLOAD_TYPES = {"PCMU": 0, "PCMA": 8}
EVENT = "telephone-event"
EVENT_PAYLOAD_TYPE = 101
CLOCK = 8000

MIRRORED = {"sendrecv": "sendrecv", "sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}

_STATIC_MAPS = {number: RtpMap(name, CLOCK) for name, number in STATIC_PAYLOAD_TYPES.items()}
_DIRECTION_OF = {(True, True): "sendrecv", (True, False): "sendonly", (False, True): "recvonly"}
_SENDS, _RECEIVES = ("sendrecv", "sendonly"), ("sendrecv", "recvonly")
_LEAST_PTIME_MS, _LARGEST_PTIME_MS = 10, 60


class NotAcceptable(SdpError):
    """Nothing in common: no stream, no codec, or only profiles that are refused."""

    sip_status = 488


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalMedia:
    """Our side of an offer or answer."""

    address: str
    port: int
    codecs: tuple[str, ...]
    """Best first."""
    telephone_event: bool = True
    session_id: int
    version: int
    ptime_ms: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Negotiated:
    """What both sides agreed on, seen from us."""

    address: str
    """Where the peer receives: an IP address of our family, or the zeros of a hold."""
    port: int
    codec: str
    payload_type: int
    event_payload_type: int | None
    ptime_ms: int
    send: bool
    receive: bool
    held: bool
    """The peer does not want to hear us: it put us on hold."""


def make_offer(local: LocalMedia, direction: str = "sendrecv") -> SessionDescription:
    maps = {STATIC_PAYLOAD_TYPES[codec]: RtpMap(codec, CLOCK) for codec in local.codecs}
    event = EVENT_PAYLOAD_TYPE if local.telephone_event else None
    return SessionDescription(_session_lines(local), (_audio(local, maps, event, direction),))


def answer_offer(
    offer: SessionDescription, local: LocalMedia, direction: str = "sendrecv", *, prefer: str | None = None
) -> tuple[SessionDescription, Negotiated]:
    """The offerer's first codec that we have wins, or `prefer` when it was offered. `direction` is what we want."""
    answers: list[MediaDescription] = []
    agreed: Negotiated | None = None
    for media in offer.media:
        choice = None if agreed else _choose(offer, media, local.codecs, prefer, local.address)
        if choice is None:
            answers.append(_refused(media))
            continue
        payload_type, rtpmap = choice
        event = _event_payload_type(media) if local.telephone_event else None
        ours = _answer_direction(_direction_seen(offer, media), direction)
        agreed = _negotiated(offer, media, choice, ours, local.ptime_ms)
        held = _direction_seen(offer, media) not in _RECEIVES
        agreed = replace(agreed, event_payload_type=event, held=held)
        answers.append(_audio(local, {payload_type: rtpmap}, event, ours))
    if agreed is None:
        raise NotAcceptable("nothing in the offer can be served")
    return SessionDescription(_session_lines(local), tuple(answers)), agreed


def read_answer(offer: SessionDescription, answer: SessionDescription) -> Negotiated:
    """What the peer made of our offer."""
    if len(answer.media) != len(offer.media):
        raise NotAcceptable("an answer with another number of streams")
    for offered, answered in zip(offer.media, answer.media, strict=True):
        codecs = tuple(rtpmap.encoding for rtpmap in _maps(offered).values() if rtpmap.encoding != EVENT)
        choice = _choose(answer, answered, codecs, None, offer.connection_of(offered).address)
        if choice is None or offered.port == 0:
            continue
        offered_event = _event_payload_type(offered)
        event = None if offered_event is None else _event_payload_type(answered)
        wanted = offer.direction_of(offered)
        theirs = _direction_seen(answer, answered)
        ours = _answer_direction(theirs, wanted)
        agreed = _negotiated(answer, answered, choice, ours, _ptime(offered, 20))
        held = wanted in _SENDS and theirs not in _RECEIVES
        return replace(agreed, event_payload_type=event, held=held)
    raise NotAcceptable("the answer refuses every stream")


def next_version(previous: SessionDescription, new: SessionDescription) -> SessionDescription:
    """`new` with the session id of `previous`, and its version: one more only when anything else changed."""
    before = previous.origin
    same = replace(new.origin, session_id=before.session_id, version=before.version)
    candidate = new.with_origin(same)
    if candidate == previous:
        return candidate
    version = int(before.version) + 1 if before.version.isascii() and before.version.isdigit() else 1
    return new.with_origin(replace(same, version=str(version)))


def _session_lines(local: LocalMedia) -> tuple[Line, ...]:
    family = "IP6" if ":" in local.address else "IP4"
    origin = Origin("-", str(local.session_id), str(local.version), family, local.address)
    return (
        Line("v", "0"),
        Line("o", str(origin)),
        Line("s", "-"),
        Line("c", f"IN {family} {local.address}"),
        Line("t", "0 0"),
    )


def _audio(local: LocalMedia, maps: dict[int, RtpMap], event: int | None, direction: str) -> MediaDescription:
    lines = [
        Line("a", f"rtpmap:{number} {rtpmap.encoding}/{rtpmap.clock}") for number, rtpmap in maps.items()
    ]
    formats = [str(number) for number in maps]
    if event is not None:
        formats.append(str(event))
        lines.append(Line("a", f"rtpmap:{event} {EVENT}/{CLOCK}"))
        lines.append(Line("a", f"fmtp:{event} 0-15"))
    lines.append(Line("a", f"ptime:{local.ptime_ms}"))
    lines.append(Line("a", direction))
    return MediaDescription("audio", local.port, PROTOCOL, tuple(formats), tuple(lines))


def _refused(media: MediaDescription) -> MediaDescription:
    return MediaDescription(media.kind, 0, media.protocol, media.formats or ("0",))


def _maps(media: MediaDescription) -> dict[int, RtpMap]:
    """Each offered payload type with its encoding, in order; static types need no rtpmap."""
    named = media.rtpmaps
    found: dict[int, RtpMap] = {}
    for number in media.payload_types:
        rtpmap = named.get(number) or _STATIC_MAPS.get(number)
        if rtpmap is not None:
            found.setdefault(number, rtpmap)
    return found


def _choose(
    session: SessionDescription,
    media: MediaDescription,
    codecs: tuple[str, ...],
    prefer: str | None,
    our_address: str,
) -> tuple[int, RtpMap] | None:
    if media.kind != "audio" or media.port == 0 or media.protocol.upper() != PROTOCOL:
        return None
    common = [
        (number, RtpMap(rtpmap.encoding.upper(), rtpmap.clock))
        for number, rtpmap in _maps(media).items()
        if rtpmap.encoding.upper() in codecs and (rtpmap.clock, rtpmap.channels) == (CLOCK, 1)
    ]
    preferred = [choice for choice in common if choice[1].encoding == prefer]
    chosen = next(iter(preferred or common), None)
    return chosen if chosen and _can_be_sent_to(session.connection_of(media), our_address) else None


def _can_be_sent_to(connection: Connection, our_address: str) -> bool:
    """One host of our address family. A host name would be legal; refusing it beats a call that nobody hears."""
    try:
        address = ipaddress.ip_address(connection.address)
    except ValueError:
        return False
    if connection.is_null:
        return True
    one_host = not address.is_multicast and connection.address != "255.255.255.255"
    return one_host and (address.version == 6) == (":" in our_address)


def _event_payload_type(media: MediaDescription) -> int | None:
    for number, rtpmap in _maps(media).items():
        if rtpmap.encoding.lower() == EVENT and rtpmap.clock == CLOCK:
            return number
    return None


def _direction_seen(session: SessionDescription, media: MediaDescription) -> str:
    """The peer's direction; an address of zeros takes the receiving half away (RFC 3264 section 8.4)."""
    direction = session.direction_of(media)
    if session.connection_of(media).is_null:
        return "sendonly" if direction in _SENDS else "inactive"
    return direction


def _answer_direction(theirs: str, wanted: str) -> str:
    """Ours: what we want, as far as the other side allows it."""
    allowed = MIRRORED[theirs]
    send = allowed in _SENDS and wanted in _SENDS
    receive = allowed in _RECEIVES and wanted in _RECEIVES
    return _DIRECTION_OF.get((send, receive), "inactive")


def _ptime(media: MediaDescription, default: int) -> int:
    asked = media.milliseconds("ptime") or default
    largest = media.milliseconds("maxptime") or _LARGEST_PTIME_MS
    return max(_LEAST_PTIME_MS, min(asked, largest, _LARGEST_PTIME_MS) // 10 * 10)


def _negotiated(
    session: SessionDescription,
    media: MediaDescription,
    choice: tuple[int, RtpMap],
    ours: str,
    default_ptime_ms: int,
) -> Negotiated:
    payload_type, rtpmap = choice
    return Negotiated(
        address=session.connection_of(media).address,
        port=media.port,
        codec=rtpmap.encoding,
        payload_type=payload_type,
        event_payload_type=None,
        ptime_ms=_ptime(media, default_ptime_ms),
        send=ours in _SENDS,
        receive=ours in _RECEIVES,
        held=False,
    )
