"""What the control API shows of supervisors and conferences."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisionView:
    """A supervisor who listens now."""

    supervision: str
    supervisor: str
    """`endpoint:NAME`."""
    supervisor_agent: str
    """The agent logged in there."""
    agent: str
    """Whom; empty where it is by call."""
    call: str
    """The call he hears now; empty: he waits for one, or his phone still rings."""
    mode: str
    follow: bool
    state: str
    """`ringing`, `waiting` or `in call`."""
    began: float
    """Of this call; of the session while he waits for the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeView:
    at: float
    mode: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisionRowView:
    """One row of the audit: one supervisor's stay with one call."""

    supervision: str
    stay: int
    supervisor: str
    supervisor_agent: str
    agent: str
    call: str
    modes: tuple[ModeView, ...]
    began: float
    ended: float | None
    why: str
    """Why it ended; empty: it goes on, or a crash cut it off (`live` tells)."""
    live: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ConferenceMemberView:
    call: str
    ani: str
    ani_name: str
    source: str
    joined: float
    moderator: bool
    muted: bool
    held: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ConferenceView:
    conference: str
    members: tuple[ConferenceMemberView, ...] = ()
    """In the order of coming."""
    max_members: int = 0
    locked: bool = False
    recording: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SteeredView:
    """An order was given to a call; what comes of it is seen at the call."""

    call: str
    order: str
    details: Mapping[str, str] = field(default_factory=dict)
