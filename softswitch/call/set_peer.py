"""What a port at the media worker is told once both sides have agreed (RFC 3264): one command, made in one place."""

from softswitch.config.media import Rtp
from softswitch.ids import LegId
from softswitch.rtp.commands import SetPeer
from softswitch.rtp.opaque_leg import RTP, UDPTL
from softswitch.sip.direction import RECEIVES, SENDS, answer_direction
from softswitch.sip.offer_answer import Negotiated
from softswitch.sip.passed_media import FAX, PassedMedia, PassedPeer
from softswitch.value import value


@value
class Whereabouts:
    """What the signalling tells of where a peer's packets come from."""

    behind_nat: bool
    """Not from the address that it names."""
    signalled_from: str
    """IP address that its messages come from; empty: it is not known yet."""


def set_peer(leg: LegId, negotiated: Negotiated, rtp: Rtp, whereabouts: Whereabouts) -> SetPeer:
    latch = _learns(rtp, whereabouts)
    return SetPeer(
        leg=leg,
        address=negotiated.address,
        port=negotiated.port,
        codec=negotiated.codec,
        payload_type=negotiated.payload_type,
        event_payload_type=negotiated.event_payload_type,
        ptime_ms=negotiated.ptime_ms,
        send=negotiated.send,
        receive=negotiated.receive,
        held=negotiated.held,
        latch=latch,
        latch_host=whereabouts.signalled_from if latch else "",
        detect_inband=rtp.inband_dtmf and negotiated.event_payload_type is None,
        format_parameters=negotiated.format_parameters,
        comfort_noise_type=negotiated.comfort_noise_type,
        rtcp_mux=negotiated.rtcp_mux,
        rtcp_port=negotiated.rtcp_port,
        key_in=negotiated.key_in,
        key_out=negotiated.key_out,
    )


def stream_peer(
    leg: LegId,
    said: PassedMedia | None,
    peer: PassedPeer | None,
    wanted: str,
    rtp: Rtp,
    whereabouts: Whereabouts,
) -> SetPeer | None:
    """The same of a stream that is only passed on; `wanted` is the far side's direction. None: it is not agreed."""
    if said is None or peer is None:
        return None
    ours, latch = answer_direction(peer.direction, wanted), _learns(rtp, whereabouts)
    return SetPeer(
        leg=leg,
        address=peer.address,
        port=peer.port,
        codec=UDPTL if said.kind == FAX else RTP,
        payload_type=0,
        event_payload_type=None,
        send=ours in SENDS,
        receive=ours in RECEIVES,
        latch=latch,
        latch_host=whereabouts.signalled_from if latch else "",
        rtcp_port=peer.rtcp_port,
    )


def _learns(rtp: Rtp, whereabouts: Whereabouts) -> bool:
    return rtp.latch == "always" or (rtp.latch == "nat" and whereabouts.behind_nat)
