"""What a media worker tells the controller. Plain values; `wire.py` puts them on the Unix socket."""

from dataclasses import dataclass

from softswitch.ids import LegId
from softswitch.tap import RecordingReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """First report of a worker."""

    pid: int
    engine: str
    """`io_uring` or `sockets`."""
    engine_problem: str = ""
    """Why it is not io_uring, where that was wanted."""
    legs: tuple[LegId, ...] = ()
    """Legs it holds already: those of a controller that went away before this one attached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LegOpened:
    leg: LegId
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LegFailed:
    leg: LegId
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class LegClosed:
    stats: LegStats


@dataclass(frozen=True, slots=True, kw_only=True)
class DigitPressed:
    leg: LegId
    digit: str
    method: str
    """`rfc4733` or `inband`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayEnded:
    leg: LegId
    play: int
    completed: bool
    problem: str = ""
    """Why a prompt could not be played; empty when it was or was cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingEnded:
    report: RecordingReport


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerSilent:
    """A leg that may receive got nothing for `silent_s` seconds; said once until it speaks again."""

    leg: LegId
    silent_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRefused:
    """A command that is malformed, names a leg that is not there, or asks for what cannot be done."""

    command: str
    """Its type, as far as known."""
    problem: str
    leg: LegId | None = None


Report = (
    Hello
    | LegOpened
    | LegFailed
    | LegStats
    | LegClosed
    | DigitPressed
    | PlayEnded
    | RecordingEnded
    | PeerSilent
    | WorkerStats
    | CommandRefused
)
