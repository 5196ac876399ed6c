"""What the control API shows of what is live: calls, queues, agents, lines. Frozen values that become JSON, made by the
switch from its own state; beside it stand `status_views`, `past_views` and those of single nouns.

Owns the names of their JSON fields. Times called `started`, `ended` … are wall seconds since 1970; lengths end in `_s`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from softswitch.api.steering_views import SupervisionView
from softswitch.api.wait_views import WaitRangeView

LineState = Literal["idle", "ringing", "in use", "unreachable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallView:
    call: str
    stage: str
    source: str
    """`trunk:NAME` or `endpoint:NAME`."""
    ani: str
    dnis: str
    started: float
    duration_s: float
    answered: bool
    queue: str = ""
    agent: str = ""
    other: str = ""
    """Who the caller talks to: `agent:NAME`, `endpoint:NAME`, `trunk:NAME`."""
    recording: str = ""
    """Id of the recording being made; empty: none is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LegView:
    leg: str
    direction: str
    party: str
    state: str
    """The SIP session's: `early`, `confirmed`, `terminated` …"""
    sip_call_id: str
    codec: str = ""
    remote: str = ""
    """Where its media goes, `ADDRESS:PORT`."""
    held: bool = False
    packets_in: int = 0
    packets_out: int = 0
    packets_lost: int = 0
    jitter_ms: float = 0.0
    worker: int | None = None
    late: int | None = None
    """Packets too late for a jitter buffer of 60 ms. None here and below: it cannot be told."""
    duplicates: int | None = None
    out_of_order: int | None = None
    peer_lost: int | None = None
    """Packets of ours that the peer says it missed."""
    peer_jitter_ms: float | None = None
    mos: float | None = None
    """Estimate of ITU-T G.107 for what the party sends, 1 to 4.4."""
    mos_now: float | None = None
    """The same over the last 2.5 s; only of a live call, as the two below."""
    loss_now: float | None = None
    """Lost or late over the last 2.5 s, 0 to 1."""
    quiet_s: float | None = None
    """Pure silence until now."""
    rtt_ms: float | None = None
    """Round trip by RTCP."""
    level_db: float | None = None
    """RMS of its speech in dBov."""
    clipped_share: float | None = None
    silence_share: float | None = None
    """Pure silence, of the time it talked with somebody."""
    talk_share: float | None = None
    overlap_s: float | None = None
    """Both talked."""
    interruptions: int | None = None
    """Times that it broke in."""
    impairments: str | None = None
    """Audio alarms: those raised now of a live call, all that it had of a past one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferView:
    """One ringing of one agent for this call, with the reasons."""

    offer: str
    queue: str
    agent: str
    offered: float
    result: str
    """Empty: he is being rung."""
    rang_s: float
    why: Mapping[str, object] = field(default_factory=dict)
    """As `acd.values.Why`: strategy, wait, position, candidates with their scores, and why others were skipped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageView:
    stage: str
    entered: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CallDetailView:
    call: CallView
    stages: tuple[StageView, ...] = ()
    """In order; the last is the present one."""
    legs: tuple[LegView, ...] = ()
    offers: tuple[OfferView, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    supervisors: tuple[SupervisionView, ...] = ()
    """Who listens now."""
    consults: str = ""
    """Party that one side consults, or that makes it three."""
    wait: WaitRangeView | None = None
    """How long he will probably wait in his queue from now on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineView:
    kind: Literal["trunk", "endpoint"]
    name: str
    display_name: str
    state: LineState
    calls: int
    detail: str = ""
    """Address of a phone, reason a trunk is down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueView:
    queue: str
    strategy: str
    waiting: int
    agents: int
    """Who may serve it."""
    logged_in: int
    idle: int
    talking: int
    offered: int
    """Callers that entered since the switch started; likewise the next figures."""
    answered: int
    abandoned: int
    overflowed: int
    answered_in_sl: int
    servicelevel_s: float
    abandoned_in_sl: int = 0
    longest_wait_s: float = 0.0
    """Of those waiting now."""
    mean_wait_s: float = 0.0
    mean_talk_s: float = 0.0
    expected_wait_s: float | None = None
    """Of a caller who would come now."""
    wait: WaitRangeView | None = None
    """The same as a range."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerView:
    call: str
    position: int
    ani: str
    priority: int
    waited_s: float
    ringing: tuple[str, ...] = ()
    """Agents whose phones ring for him."""
    wait: WaitRangeView | None = None
    """From now on; null: not known, or he is far behind."""
    callback: str = ""
    """He has hung up and is called back when it is his turn: id of that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentView:
    agent: str
    name: str
    endpoint: str
    status: str
    """What the person declared: `logged out`, `available` or `paused`."""
    reason: str
    state: str
    """What the system derived: `idle`, `ringing`, `talking`, `wrap-up` …"""
    state_s: float
    """How long in that state."""
    call: str = ""
    queues: tuple[str, ...] = ()
    skills: Mapping[str, int] = field(default_factory=dict)
    calls: int = 0
    """Queue calls answered since the switch started."""
    talk_s: float = 0.0
    idle_s: float | None = None
    wrapup_left_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueDetailView:
    queue: QueueView
    callers: tuple[CallerView, ...] = ()
    """In order of service."""
    agents: tuple[AgentView, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkView:
    trunk: str
    host: str
    state: str
    """`up`, `down` or `unknown` (not yet probed)."""
    reason: str
    since: float
    channels: int
    max_channels: int
    """0: no limit."""
    registration: str = ""
    """Outward: its state; empty: it does not register."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationView:
    endpoint: str
    contact: str
    source: str
    expires_s: float
    registered: float
    user_agent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemView:
    """As `softswitch.config.problem.Problem`."""

    file: str
    line: int
    key: str
    message: str
    expected: str = ""
    did_you_mean: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReloadView:
    changed: tuple[str, ...] = ()
    """`queue.support`, `sip.realm` …"""
    needs_restart: tuple[str, ...] = ()
    """Changed in the file, but in force only after a restart."""
    problems: tuple[ProblemView, ...] = ()
    """Not empty: nothing was changed."""
    warnings: tuple[ProblemView, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StopView:
    calls: int
    """Still alive when the command was taken."""
    now: bool
