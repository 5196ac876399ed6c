"""Tables of the configuration about media: ports, codecs, SRTP, and what counts as bad quality.

`schema.py` joins them to the rest; the docstring under each field is what the reference prints.
"""

from dataclasses import dataclass
from typing import Literal

CodecName = Literal["PCMU", "PCMA", "G722", "opus", "L16", "G729"]
SrtpPolicy = Literal["off", "optional", "required"]
MediaKind = Literal["audio", "video", "text", "fax"]
SuiteName = Literal[
    "AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32", "AEAD_AES_128_GCM", "AEAD_AES_256_GCM"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rtp:
    address: str = "0.0.0.0"
    """Address that media sockets bind to; `0.0.0.0` binds to all and advertises the address SIP came in on."""
    ports: str = "10000-20000"
    """Range of UDP ports for media, `FIRST-LAST`; RTP takes the even ones, RTCP the odd ones."""
    workers: int = 0
    """Media worker processes; 0 means one for each core but one, at least one."""
    engine: Literal["auto", "io_uring", "sockets"] = "auto"
    """How media workers reach the kernel: `auto` takes io_uring where the kernel and the container allow it and plain
    sockets elsewhere; with `io_uring` a worker does not start without it."""
    nice: int = -10
    """Priority of the media workers, as `nice` has it, where the system lets them have it: audio does not wait for what
    else the machine does. 0 leaves it as it is."""
    codecs: tuple[CodecName, ...] = ("PCMA", "PCMU")
    """Codecs offered and accepted, best first. A call's second leg is offered the codec of its first before all others,
    so that nothing has to be translated. `G722`, `opus` and `G729` need the package `av`; `G729` is never made here: it
    is used between two parties that both have it, and only while the caller was not answered yet."""
    comfort_noise: bool = False
    """Offer and accept comfort noise (RFC 3389): peers may then send nothing while their user is silent."""
    rtcp_mux: bool = False
    """Offer RTCP on the port of RTP (RFC 5761). A peer that offers it gets it in any case."""
    srtp_suites: tuple[SuiteName, ...] = (
        "AES_CM_128_HMAC_SHA1_80",
        "AES_CM_128_HMAC_SHA1_32",
        "AEAD_AES_128_GCM",
        "AEAD_AES_256_GCM",
    )
    """Suites of SRTP that are offered, best first, and accepted, where `srtp` of a phone or trunk is not `off`."""
    quiet_s: float = 5.0
    """How long a released port stays unused."""
    latch: Literal["never", "nat", "always"] = "nat"
    """Symmetric RTP: send to where the peer's packets come from. `nat` does so when the peer's signalling showed NAT,
    `always` for every leg; after at most five packets the address is locked. Packets are expected from the address that
    the peer's messages come from; another one is taken when nothing came from there for half a second. `never` trusts SDP
    alone."""
    inband_dtmf: bool = True
    """Detect tones in the audio of legs that did not negotiate telephone-event."""
    timeout_s: float = 60.0
    """A bridged leg without a single packet for so long ends the call; 0 never does. Held legs are exempt."""
    linger_s: float = 30.0
    """How long media workers with calls go on, relaying and recording, when the switch itself has died; one that is started
    again within this time finds them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """When the audio of a call is bad enough for an alarm."""

    no_packets_s: float = 2.0
    """A bridged leg that sends nothing for so long cannot be heard; 0 never says so."""
    silence_s: float = 2.5
    """So long of pure silence from a leg that has never sent anything else; 0 never says so."""
    fell_silent_s: float = 30.0
    """The same for a leg that was heard before, while the other side talks; 0 never says so."""
    loss_percent: float = 5.0
    """Packets lost or too late, over the last 2.5 s; 0 never says so."""
    jitter_ms: float = 50.0
    """Jitter of RFC 3550; 0 never says so."""
    reordered_percent: float = 10.0
    """Packets out of order, over the last 2.5 s; 0 never says so."""
    mos: float = 3.1
    """Estimate of the E-model (ITU-T G.107) below which a leg is bad; 0 never says so."""
    conceals: bool = True
    """The estimate takes phones to hide lost packets of G.711, as nearly all do."""
