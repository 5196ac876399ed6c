"""Our side of a leg's offers and answers, made of what the leg is now: its port, codecs, keys and payload types."""

from typing import TYPE_CHECKING

from softswitch.call.streams import Streams
from softswitch.codec import CODECS
from softswitch.sip.local_media import LocalMedia
from softswitch.sip.offer_answer import make_offer
from softswitch.sip.sdes import CLEAR, SECURE, Encryption
from softswitch.sip.sdp import SessionDescription

if TYPE_CHECKING:
    from softswitch.call.leg import Leg


def local_media(leg: "Leg", version: int, codecs: tuple[str, ...] | None = None) -> LocalMedia:
    assert leg.opened is not None
    rtp = leg.services.config.rtp
    return LocalMedia(
        address=leg.address,
        port=leg.opened.port,
        codecs=leg.codecs if codecs is None else codecs,
        session_id=int.from_bytes(leg.id.encode()[-4:]),
        version=version,
        comfort_noise=rtp.comfort_noise,
        rtcp_mux=rtp.rtcp_mux,
        encryption=_encryption(leg),
        payload_types=leg.negotiated.payload_types if leg.negotiated is not None else {},
    )


def offer_of(leg: "Leg") -> SessionDescription:
    """All that it has now; number and order of m-lines stay what they were (RFC 3264 section 8)."""
    before = leg.described
    description = make_offer(local_media(leg, 0 if before is None else 1, _offerable(leg)))
    if leg.streams is None and (before is None or len(before.media) == 1):
        return description
    streams = leg.streams or Streams(leg.services, leg)
    lines = streams.lines(description.media[0], before.media if before is not None else ())
    return SessionDescription(description.lines, lines)


def _offerable(leg: "Leg") -> tuple[str, ...]:
    """A running session keeps its codec; one that cannot be made here is offered only where both may have it."""
    if leg.direction == "out" and leg.negotiated is None:
        return leg.codecs
    may = (each for each in leg.codecs if CODECS[each].encodes or each == leg.codec)
    return tuple(sorted(may, key=lambda each: each != leg.codec))


def _encryption(leg: "Leg") -> Encryption | None:
    if leg.secured and leg.negotiated is not None:
        return Encryption(keys=leg.keys, mandatory=True, protocol=leg.negotiated.protocol)
    if leg.srtp_policy == "off":
        return None
    mandatory = leg.srtp_policy == "required"
    return Encryption(keys=leg.keys, mandatory=mandatory, protocol=SECURE if mandatory else CLEAR)
