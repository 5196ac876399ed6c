"""What the controller can tell a media worker. Plain values; `wire.py` puts them on the Unix socket."""

from softswitch.ids import LegId, MixId, RecordingId
from softswitch.srtp_key import SrtpKey
from softswitch.tap import RecordingSpec
from softswitch.value import value


@value
class OpenLeg:
    """Bind a port pair for a leg; answered by `LegOpened` or `LegFailed`, at a held port by `LegFailed` only. The leg sends
    nothing before `SetPeer`."""

    leg: LegId
    address: str
    """Local address to bind."""
    port: int = 0
    """One of those that are held for legs at this address; 0: any."""
    opaque: bool = False
    """It only passes datagrams on, untouched, to the opaque leg that it is bridged to (T.38, video, text): no other command
    than `SetPeer`, `Bridge`, `Unbridge` and `CloseLeg` is for it."""


@value
class HoldPorts:
    """Have so many port pairs bound ahead for legs to come, from now on; `PortsHeld` tells which, and, a quarter of them at
    a time, what takes their place once they are used."""

    address: str
    """Local address to bind."""
    count: int


@value
class KeepQuiet:
    """Bind none of these ports before their quiet time is over: a worker that died had legs there, whose peers still
    send."""

    ports: tuple[int, ...]


@value
class SetPeer:
    """What was negotiated with the peer; may come again at each new offer/answer."""

    leg: LegId
    address: str
    port: int
    codec: str
    """A name of `softswitch.codec.CODECS`: what we send, and the codec of received packets with its payload type. Of an
    opaque leg `rtp` or `udptl`."""
    payload_type: int
    event_payload_type: int | None
    """telephone-event of RFC 4733 as negotiated; None: it was not."""
    ptime_ms: int = 20
    send: bool = True
    """False: the peer holds us (recvonly/inactive seen from us): nothing is sent."""
    receive: bool = True
    """False: what arrives is dropped."""
    held: bool = False
    """The peer put us on hold. For whoever takes the leg up after a restart: neither is sent when a fax has the place of
    audio, either."""
    latch: bool = False
    """The peer is behind NAT: learn its address from its first packets, then lock."""
    latch_host: str = ""
    """IP address that the peer's messages come from: its packets are expected from there. Empty: it is not known."""
    detect_inband: bool = False
    """Look for DTMF tones in the audio."""
    format_parameters: str = ""
    """What the peer's `a=fmtp` says of the codec (Opus: FEC, DTX, highest rate)."""
    comfort_noise_type: int | None = None
    """Payload type of comfort noise (RFC 3389) where it was negotiated."""
    rtcp_mux: bool = False
    """RTCP shares the port of RTP (RFC 5761)."""
    rtcp_port: int = 0
    """Where the peer takes RTCP (RFC 3605); 0 is the port above RTP's."""
    key_in: SrtpKey | None = None
    """SDES-SRTP: the peer's key, for what it sends. None: RTP in clear."""
    key_out: SrtpKey | None = None
    """Our key, for what we send."""


@value
class Bridge:
    """Relay both ways between two legs of this worker; ends playing on both. A leg is in one bridge at most."""

    a: LegId
    b: LegId


@value
class Unbridge:
    leg: LegId


@value
class Mix:
    """Who hears whom among legs of this worker, replacing what this mix was before; a leg is in one mix at most, and a
    leg that enters one leaves its bridge. `legs` empty ends the mix.

    A listener with one speaker of the same codec at gain 1 is relayed bit-exact; the others hear sums.
    """

    mix: MixId
    legs: tuple[LegId, ...]
    gains: tuple[tuple[float, ...], ...]
    """Square: `gains[listener][speaker]`, in the order of `legs`; the diagonal is 0."""


@value
class Music:
    """Background of a leg, over and over, or None to end it. Suspended, not forgotten, while the leg is bridged."""

    leg: LegId
    prompt: str | None
    """Path of a prompt; see `prompts.py`."""


@value
class Play:
    """Files one after another, over the music (ducked) where there is any; `PlayEnded` tells when. A second Play on a
    leg ends the first (`completed` False)."""

    leg: LegId
    play: int
    """Number that `PlayEnded` repeats."""
    prompts: tuple[str, ...]
    """Paths, in order."""


@value
class StopPlay:
    """Cuts what plays at once; music goes on."""

    leg: LegId


@value
class SendDigits:
    """Send DTMF to the peer as RFC 4733 events (or tones where it was not negotiated)."""

    leg: LegId
    digits: str


@value
class StartRecording:
    spec: RecordingSpec
    tracks: tuple[LegId, ...]
    """What is received from these legs goes to tracks 0, 1, 2 …; more legs may come by `RecordLeg`."""
    names: tuple[str, ...] = ()
    """Who these are, for the side file."""


@value
class RecordLeg:
    """From now on `track` of a running recording is what is received from `leg`, or from nobody: a transfer, a third
    party, a party that leaves. The recording goes on when all its legs have closed, until `StopRecording`."""

    recording: RecordingId
    track: int
    leg: LegId | None
    name: str = ""
    """Who it is, for the side file."""


@value
class MarkRecording:
    """An entry of the recording's side file at this moment: hold, transfer, mask."""

    recording: RecordingId
    kind: str
    text: str = ""


@value
class KeepRecording:
    """A recording that was only armed (`RecordingSpec.armed_s`) is written from what is still in memory on."""

    recording: RecordingId


@value
class PauseRecording:
    recording: RecordingId
    paused: bool
    masked: bool = False
    """The switch for card data, apart from the pause of everyday: the side file says `masked` and `unmasked`."""


@value
class StopRecording:
    recording: RecordingId


@value
class CloseLeg:
    """Ends all of a leg; its port stays quiet for a while. Answered by `LegClosed`. Unknown legs are ignored."""

    leg: LegId


@value
class AskStats:
    """Answered by one `LegStats` for each leg named, or for all when none is."""

    legs: tuple[LegId, ...] = ()


@value
class AskPeers:
    """Answered by one `PeerIs` for each leg: a new controller wants to know what its legs have been told."""


@value
class Shutdown:
    """End recordings, close everything, exit."""


Command = (
    OpenLeg
    | HoldPorts
    | KeepQuiet
    | SetPeer
    | Bridge
    | Unbridge
    | Mix
    | Music
    | Play
    | StopPlay
    | SendDigits
    | StartRecording
    | RecordLeg
    | MarkRecording
    | KeepRecording
    | PauseRecording
    | StopRecording
    | CloseLeg
    | AskStats
    | AskPeers
    | Shutdown
)
