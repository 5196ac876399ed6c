"""The audio codecs that are known here: their names in SDP, their clocks, and what can be done with them.

Shared by negotiation (`sip/`) and media (`rtp/`), which never import each other. Static payload types and the clock of
G.722, which is half its sample rate, are those of RFC 3551; Opus is RFC 7587.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Codec:
    name: str
    """As configuration, `SetPeer` and SDP's rtpmap spell it; SDP compares without regard to case."""
    clock: int
    """Ticks of the RTP timestamp in a second."""
    rate: int
    """Samples in a second that our own decoder gives and our encoder takes."""
    channels: int = 1
    """As the rtpmap says; audio here is always mono."""
    payload_type: int | None = None
    """Static payload type, None for a dynamic one."""
    encodes: bool = True
    """False: can be relayed and decoded, never made here."""


CODECS: Final = {
    codec.name: codec
    for codec in (
        Codec(name="PCMU", clock=8000, rate=8000, payload_type=0),
        Codec(name="PCMA", clock=8000, rate=8000, payload_type=8),
        Codec(name="G722", clock=8000, rate=16000, payload_type=9),
        Codec(name="opus", clock=48000, rate=16000, channels=2),
        Codec(name="L16", clock=16000, rate=16000),
        Codec(name="G729", clock=8000, rate=8000, payload_type=18, encodes=False),
    )
}
G711: Final = ("PCMU", "PCMA")
