"""Offer and answer of RFC 3264 for one audio stream over RTP/AVP or RTP/SAVP: codecs, direction, SRTP keys, RTCP.

Answers have one m-line for each offered, in order; port 0 refuses all but the first stream that can be served. Hold is
understood in all spellings (sendonly, inactive, 0.0.0.0) and mirrored. An encrypted profile is answered with keys or
refused, never answered in clear. What stands on a line is read by `codec_lines` and `sdes`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from softswitch.codec import Codec
from softswitch.sip import codec_lines, sdes
from softswitch.sip.codec_lines import COMFORT_NOISE, EVENT
from softswitch.sip.direction import (
    RECEIVES,
    SENDS,
    answer_direction,
    direction_of,
    direction_seen,
)
from softswitch.sip.local_media import LARGEST_PTIME_OF, LocalMedia, audio, session_lines
from softswitch.sip.media_place import can_be_sent_to, rtcp_port
from softswitch.sip.sdes import CLEAR, SECURE
from softswitch.sip.sdp import (
    Connection,
    Line,
    MediaDescription,
    SdpError,
    SessionDescription,
)
from softswitch.srtp_key import SrtpKey
from softswitch.value import value

_LEAST_PTIME_MS, _LARGEST_PTIME_MS = 10, 60
_OPUS_PTIMES_MS = (10, 20, 40, 60)
"""Frames that Opus has (RFC 6716 section 2.1.4)."""


_TERMS_REMEMBERED = 16
_NONE_PASSED: Mapping[int, MediaDescription] = MappingProxyType({})


class NotAcceptable(SdpError):
    """Nothing in common: no stream, no codec, or only profiles that are refused."""

    sip_status = 488


@value(tagged=False)
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
    format_parameters: str = ""
    """The peer's `fmtp` of the codec."""
    comfort_noise_type: int | None = None
    rtcp_mux: bool = False
    rtcp_port: int = 0
    """Where the peer takes RTCP (RFC 3605); 0: where it usually is."""
    protocol: str = CLEAR
    key_in: SrtpKey | None = None
    """The peer's key; None: in clear."""
    key_out: SrtpKey | None = None

    @property
    def payload_types(self) -> dict[str, int]:
        """Encodings and the payload types that they keep in this session."""
        kept = {
            self.codec: self.payload_type,
            EVENT: self.event_payload_type,
            COMFORT_NOISE: self.comfort_noise_type,
        }
        return {encoding: number for encoding, number in kept.items() if number is not None}


@dataclass(slots=True, kw_only=True)
class _Stream:
    """What is taken of one offered or answered m-line."""

    payload_type: int
    codec: Codec
    place: Connection
    """Where the peer takes it."""
    keys: tuple[SrtpKey, SrtpKey] | None = None
    """The peer's and ours."""
    crypto: Line | None = None
    """Our line in the answer."""


def make_offer(local: LocalMedia, direction: str = "sendrecv") -> SessionDescription:
    """A codec of short packets is offered only as the first, because the packet time is asked for all together."""
    encodings = [name for at, name in enumerate(local.codecs) if at == 0 or name not in LARGEST_PTIME_OF]
    if local.comfort_noise and codec_lines.WITH_COMFORT_NOISE.intersection(encodings):
        encodings.append(COMFORT_NOISE)
    if local.telephone_event:
        encodings.append(EVENT)
    given = codec_lines.numbered(encodings, local.payload_types)
    lines, protocol = [], CLEAR
    if local.encryption is not None:
        lines, protocol = sdes.offer_lines(local.encryption), local.encryption.protocol
    if local.rtcp_mux:
        lines.append(Line("a", "rtcp-mux"))
    return SessionDescription(session_lines(local), (audio(local, given, direction, protocol, lines),))


def answer_offer(
    offer: SessionDescription,
    local: LocalMedia,
    direction: str = "sendrecv",
    *,
    prefer: str | None = None,
    before: Negotiated | None = None,
    passed: Mapping[int, MediaDescription] = _NONE_PASSED,
) -> tuple[SessionDescription, Negotiated]:
    """The offerer's first codec that we have wins, or `prefer` when it was offered; one that we cannot make is taken only
    when preferred. `direction` is what we want. `passed` answers m-lines that the other side of the call serves. Port 0
    for all audio is a hold, where a session agreed on `before`, unless a stream is passed in its stead: a fax."""
    answers: list[MediaDescription] = []
    agreed: Negotiated | None = None
    for index, media in enumerate(offer.media):
        if index in passed:
            answers.append(passed[index])
            continue
        stream = None if agreed else _serve(offer, media, local, prefer)
        if stream is None:
            answers.append(refused(media))
            continue
        agreed = _answered(offer, media, local, stream, direction)
        extra = [] if stream.crypto is None else [stream.crypto]
        if agreed.rtcp_mux:
            extra.append(Line("a", "rtcp-mux"))
        ours = direction_of(send=agreed.send, receive=agreed.receive)
        answers.append(audio(local, agreed.payload_types, ours, media.protocol.upper(), extra))
    if agreed is None and before is not None and (passed or _closes_audio(offer)):
        agreed = replace(before, send=False, receive=False, held=not passed)
    if agreed is None:
        raise NotAcceptable("nothing in the offer can be served")
    return SessionDescription(session_lines(local), tuple(answers)), agreed


def _answered(
    offer: SessionDescription, media: MediaDescription, local: LocalMedia, stream: _Stream, direction: str
) -> Negotiated:
    theirs = direction_seen(offer, media, stream.place)
    ours = answer_direction(theirs, direction)
    return _negotiated(
        media,
        stream,
        ours,
        local.ptime_ms,
        events=local.telephone_event,
        comfort_noise=local.comfort_noise,
        rtcp_mux=media.has("rtcp-mux"),
        held=theirs not in RECEIVES,
    )


def read_answer(
    offer: SessionDescription,
    answer: SessionDescription,
    *,
    secured: bool = False,
    before: Negotiated | None = None,
) -> Negotiated:
    """What the peer made of our offer; `secured`: nothing in clear is accepted, whatever the offer left open. Without audio
    it is good where a session agreed on `before` and another stream was offered and taken."""
    if len(answer.media) != len(offer.media):
        raise NotAcceptable("an answer with another number of streams")
    for offered, answered in zip(offer.media, answer.media, strict=True):
        stream = None if offered.port == 0 else _chosen(offer, offered, answer, answered, secured)
        if stream is None:
            continue
        wanted = offer.direction_of(offered)
        theirs = direction_seen(answer, answered, stream.place)
        return _negotiated(
            answered,
            stream,
            answer_direction(theirs, wanted),
            _ptime(offered, 20),
            events=codec_lines.payload_type_of(offered, EVENT) is not None,
            comfort_noise=codec_lines.payload_type_of(offered, COMFORT_NOISE) is not None,
            rtcp_mux=offered.has("rtcp-mux") and answered.has("rtcp-mux"),
            held=wanted in SENDS and theirs not in RECEIVES,
        )
    pairs = zip(offer.media, answer.media, strict=True)
    if before is not None and any(
        ours.port and theirs.port and ours.kind != "audio" for ours, theirs in pairs
    ):
        return replace(before, send=False, receive=False, held=False)
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


def _closes_audio(offer: SessionDescription) -> bool:
    ports = [media.port for media in offer.media if media.kind == "audio"]
    return bool(ports) and not any(ports)


def refused(media: MediaDescription) -> MediaDescription:
    """Its place is kept (RFC 3264 section 6), and nothing flows."""
    return MediaDescription(media.kind, 0, media.protocol, media.formats or ("0",))


def _serve(
    offer: SessionDescription, media: MediaDescription, local: LocalMedia, prefer: str | None
) -> _Stream | None:
    """What we make of an offered stream; None: it is refused."""
    place = _place_of(offer, media, local.address)
    if place is None:
        return None
    choice = _choice(codec_lines.codecs(media), local.codecs, prefer)
    if choice is None:
        return None
    stream = _Stream(payload_type=choice[0], codec=choice[1], place=place)
    encryption = local.encryption
    keys = sdes.answer_to(media, encryption) if encryption is not None else None
    if keys is not None:
        theirs, ours = keys
        return replace(stream, keys=(theirs.key, ours.key), crypto=Line("a", f"crypto:{ours}"))
    clear_will_do = encryption is None or not encryption.mandatory
    return stream if clear_will_do and media.protocol.upper() == CLEAR else None


def _choice(
    offered: Mapping[int, Codec], ours: tuple[str, ...], prefer: str | None
) -> tuple[int, Codec] | None:
    """Payload type and codec: the preferred one, else the first that both have and we can make."""
    first = None
    for number, codec in offered.items():
        if codec.name in ours:
            if codec.name == prefer:
                return number, codec
            if first is None and codec.encodes:
                first = number, codec
    return first


def _chosen(
    offer: SessionDescription,
    offered: MediaDescription,
    answer: SessionDescription,
    answered: MediaDescription,
    secured: bool,
) -> _Stream | None:
    """What the peer took of a stream that we offered; None: it refused it, or made something else of it."""
    place = _place_of(answer, answered, offer.connection_of(offered).address)
    if place is None:
        return None
    names = {codec.name for codec in codec_lines.codecs(offered).values()}
    common = (choice for choice in codec_lines.codecs(answered).items() if choice[1].name in names)
    choice = next(common, None)
    if choice is None:
        return None
    keys = sdes.agreed(offered, answered) if offered.has("crypto") else None
    in_clear = offered.protocol == answered.protocol.upper() == CLEAR and not secured
    if keys is None and not in_clear:
        return None
    return _Stream(payload_type=choice[0], codec=choice[1], place=place, keys=keys)


def _place_of(session: SessionDescription, media: MediaDescription, our_address: str) -> Connection | None:
    """Where an audio stream goes; None when it is of no profile that we have, or we cannot send there."""
    if media.kind != "audio" or media.port == 0 or media.protocol.upper() not in (CLEAR, SECURE):
        return None
    place = session.connection_of(media)
    return place if can_be_sent_to(place, our_address) else None


def _comfort_noise(media: MediaDescription, codec: Codec) -> int | None:
    found = codec_lines.payload_type_of(media, COMFORT_NOISE)
    return found if codec.name in codec_lines.WITH_COMFORT_NOISE else None


def _ptime(media: MediaDescription, default: int, codec: str = "") -> int:
    asked = media.lines.ptime_ms or default
    largest = media.lines.largest_ptime_ms or _LARGEST_PTIME_MS
    longest = LARGEST_PTIME_OF.get(codec, _LARGEST_PTIME_MS)
    ptime = max(_LEAST_PTIME_MS, min(asked, largest, longest) // 10 * 10)
    return max(each for each in _OPUS_PTIMES_MS if each <= ptime) if codec == "opus" else ptime


def _terms(media: MediaDescription, stream: _Stream, default_ptime_ms: int) -> tuple[int, str, int]:
    """Packet time, parameters of the codec and RTCP port, as the lines of a stream say."""
    known = codec_lines.formats(media).terms
    asked = stream.payload_type, default_ptime_ms
    found: tuple[int, str, int] | None = known.get(asked)
    if found is None:
        ptime_ms = _ptime(media, default_ptime_ms, stream.codec.name)
        found = ptime_ms, codec_lines.parameters_of(media, stream.payload_type), rtcp_port(media)
        if len(known) < _TERMS_REMEMBERED:
            known[asked] = found
    return found


def _negotiated(
    media: MediaDescription,
    stream: _Stream,
    ours: str,
    default_ptime_ms: int,
    *,
    events: bool,
    comfort_noise: bool,
    rtcp_mux: bool,
    held: bool,
) -> Negotiated:
    """`events` and `comfort_noise`: we may have them too."""
    key_in, key_out = stream.keys or (None, None)
    ptime_ms, parameters, rtcp = _terms(media, stream, default_ptime_ms)
    return Negotiated(
        address=stream.place.address,
        port=media.port,
        codec=stream.codec.name,
        payload_type=stream.payload_type,
        event_payload_type=codec_lines.payload_type_of(media, EVENT) if events else None,
        ptime_ms=ptime_ms,
        send=ours in SENDS,
        receive=ours in RECEIVES,
        held=held,
        format_parameters=parameters,
        comfort_noise_type=_comfort_noise(media, stream.codec) if comfort_noise else None,
        rtcp_mux=rtcp_mux,
        rtcp_port=rtcp,
        protocol=media.protocol.upper(),
        key_in=key_in,
        key_out=key_out,
    )
