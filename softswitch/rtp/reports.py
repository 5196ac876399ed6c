"""What a media worker tells the controller. Plain values; `wire.py` puts them on the Unix socket."""

from softswitch.ids import LegId, RecordingId
from softswitch.rtp.commands import SetPeer
from softswitch.tap import RecordingReport
from softswitch.value import value


@value
class Hello:
    """First report of a worker."""

    pid: int
    engine: str
    """`io_uring` or `sockets`."""
    engine_problem: str = ""
    """Why it is not io_uring, where that was wanted."""
    legs: tuple[LegId, ...] = ()
    """Legs it holds already: those of a controller that went away before this one attached."""
    recordings: tuple[RecordingId, ...] = ()
    """Recordings that run already."""
    settings: str = ""
    """`handshake.settings_text` of what it was started with."""


@value
class LegOpened:
    """At a port that the controller did not know."""

    leg: LegId
    port: int


@value
class PortsHeld:
    """Bound ahead by `HoldPorts`, in addition to those told before."""

    address: str
    ports: tuple[int, ...]


@value
class LegFailed:
    leg: LegId
    problem: str


@value
class LegStats:
    leg: LegId
    packets_in: int
    packets_out: int
    bytes_in: int
    lost: int
    """By sequence numbers, RFC 3550 appendix A.3."""
    out_of_order: int
    duplicates: int
    malformed: int
    """Shorter than a header, wrong version, payload type not negotiated, or more of them than anybody needs."""
    strangers: int
    """Packets from an address that is not the peer's; dropped."""
    jitter_ms: float
    """RFC 3550 section 6.4.1."""
    silent_s: float
    """Seconds since the last packet from the peer."""
    peer_lost: int = 0
    """Packets of ours that the peer says it missed (RTCP receiver reports)."""
    peer_jitter_ms: float = 0.0
    """Jitter of our packets as the peer sees it."""
    late: int = 0
    """Packets that came too late for a jitter buffer of 60 ms; not in `lost`."""
    mos: float | None = None
    """Estimate of ITU-T G.107 for what comes from the peer; None: too little has come."""
    mos_now: float | None = None
    """The same over the last 2.5 s."""
    loss_now: float = 0.0
    """Lost or late over the last 2.5 s, 0 to 1."""
    rtt_ms: float | None = None
    """Round trip by RTCP; None: the peer sends none that tells."""
    level_db: float | None = None
    """RMS of its speech in dBov; None: it has not spoken, or its audio is not decoded here."""
    peak_db: float | None = None
    clipped_share: float | None = None
    """Samples at the end of the scale, 0 to 1."""
    silence_share: float | None = None
    """Pure silence, of the time it was bridged."""
    quiet_s: float = 0.0
    """Pure silence until now, without a break."""
    talk_s: float = 0.0
    talk_share: float | None = None
    """Of the time it was bridged."""
    overlap_s: float = 0.0
    """Both talked."""
    interruptions: int = 0
    """Times that it began to talk while the other did, and went on."""
    reached: bool = True
    """False: by its RTCP nothing of what we send arrives."""
    alarms: tuple[str, ...] = ()
    """Kinds of `QualityAlarm` that are raised."""


@value
class LegClosed:
    stats: LegStats


@value
class DigitPressed:
    leg: LegId
    digit: str
    method: str
    """`rfc4733` or `inband`."""


@value
class PlayEnded:
    leg: LegId
    play: int
    completed: bool
    problem: str = ""
    """Why a prompt could not be played; empty when it was or was cut."""


@value
class RecordingEnded:
    report: RecordingReport


@value
class PeerSilent:
    """A leg that may receive got nothing for `silent_s` seconds; said again each time that as
    many have passed as make it silent, until it speaks."""

    leg: LegId
    silent_s: float


@value
class QualityAlarm:
    """Something is wrong with the audio of a bridged leg, or no more; said once each. See `quality_rules.py`."""

    leg: LegId
    kind: str
    """`no-packets`, `silence`, `one-way` or `bad-network`."""
    raised: bool
    reason: str = ""
    """Of `one-way`: `no-packets`, `silence` or `unreached`; of `bad-network`: `loss`, `jitter`, `reordered` or `mos`."""
    peer: str = ""
    """Address that its packets should come from."""
    silent_s: float = 0.0
    """Without a packet."""
    quiet_s: float = 0.0
    """Of pure silence."""
    loss: float = 0.0
    reordered: float = 0.0
    jitter_ms: float = 0.0
    mos: float | None = None


@value
class PeerIs:
    """What a leg was told of its peer last; keys of SRTP outlive their controller here and nowhere else."""

    leg: LegId
    address: str
    """Local address it is bound to."""
    port: int
    peer: SetPeer | None
    opaque: bool = False
    """As `OpenLeg.opaque`."""


@value
class WorkerStats:
    """Every second."""

    legs: int
    recordings: int
    packets_in: int
    packets_out: int
    cpu_s: float
    """CPU seconds of the process so far."""
    late_ms: float
    """Worst lateness of a tick in the last second."""
    reports_lost: int = 0
    """Reports dropped so far because the controller did not read them."""


@value
class CommandRefused:
    """A command that is malformed, names a leg that is not there, or asks for what cannot be done."""

    command: str
    """Its type, as far as known."""
    problem: str
    leg: LegId | None = None


Report = (
    Hello
    | LegOpened
    | PortsHeld
    | LegFailed
    | LegStats
    | LegClosed
    | DigitPressed
    | PlayEnded
    | RecordingEnded
    | PeerSilent
    | QualityAlarm
    | PeerIs
    | WorkerStats
    | CommandRefused
)
