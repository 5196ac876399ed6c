"""What a leg's port at the media worker is told once both sides have agreed (RFC 3264): one command, made in one place."""

from softswitch.config.schema import Rtp
from softswitch.ids import LegId
from softswitch.rtp.commands import SetPeer
from softswitch.sip.offer_answer import Negotiated


def set_peer(leg: LegId, negotiated: Negotiated, rtp: Rtp, *, behind_nat: bool) -> SetPeer:
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
        latch=rtp.latch == "always" or (rtp.latch == "nat" and behind_nat),
        detect_inband=rtp.inband_dtmf and negotiated.event_payload_type is None,
        format_parameters=negotiated.format_parameters,
        comfort_noise_type=negotiated.comfort_noise_type,
        rtcp_mux=negotiated.rtcp_mux,
        rtcp_port=negotiated.rtcp_port,
        key_in=negotiated.key_in,
        key_out=negotiated.key_out,
    )
