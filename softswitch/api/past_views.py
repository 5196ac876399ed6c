"""What the control API shows of calls that are over and of recordings: frozen values that become JSON.

Owns the names of their JSON fields. Times called `started`, `ended` … are wall seconds since 1970; lengths end in `_s`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from softswitch.api.trunk_views import AttemptView
from softswitch.api.views import LegView, OfferView


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingView:
    recording: str
    call: str
    file: str
    """Absolute path on the switch's machine."""
    began: float
    seconds: float | None
    """None while it is being made."""
    state: str
    queue: str = ""
    agent: str = ""
    ani: str = ""
    dnis: str = ""
    box: str = ""
    """Message box; empty for a recorded talk."""
    encoding: str = ""
    channels: int = 2
    gaps: int = 0
    gap_s: float = 0.0
    problem: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    bytes: int | None = None
    deleted_at: float | None = None
    """When its file was deleted by the rules of retention; `file` is empty then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CdrView:
    """One finished call, or one under way as far as it is on disk (`ended` is None)."""

    call: str
    node: str
    source: str
    ani: str
    ani_name: str
    dnis: str
    started: float
    answered: float | None
    bridged: float | None
    ended: float | None
    ended_by: str
    cause: str
    sip_status: int
    last_stage: str
    queue: str = ""
    wait_s: float = 0.0
    agent: str = ""
    destination: str = ""
    talk_s: float = 0.0
    hold_s: float = 0.0
    recording: str = ""
    packets_in: int = 0
    packets_lost: int = 0
    jitter_ms: float = 0.0
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueVisitView:
    """One stay of a caller in one queue."""

    queue: str
    entered: float
    left: float
    outcome: str
    wait_s: float
    position: int
    original_position: int
    agent: str = ""
    talk_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentView:
    """One talk of a call with one party, or its stay in a conference."""

    began: float
    ended: float
    leg: str
    party: str
    agent: str
    queue: str
    talk_s: float
    hold_s: float
    ended_by: str
    transferred_to: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CdrDetailView:
    cdr: CdrView
    visits: tuple[QueueVisitView, ...] = ()
    offers: tuple[OfferView, ...] = ()
    legs: tuple[LegView, ...] = ()
    segments: tuple[SegmentView, ...] = ()
    attempts: tuple[AttemptView, ...] = ()
    recordings: tuple[RecordingView, ...] = ()
