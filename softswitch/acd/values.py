"""What goes into the engine and what comes out of it: callers, results of offers, decisions and snapshots.

All times are monotonic seconds unless a name says otherwise.
"""

from collections.abc import Mapping, Sequence
from dataclasses import field
from enum import StrEnum

from softswitch.acd.wait_range import WaitRange
from softswitch.ids import AgentId, CallId, OfferId, QueueName
from softswitch.value import value


class AgentStatus(StrEnum):
    """What the person has declared."""

    LOGGED_OUT = "logged out"
    AVAILABLE = "available"
    PAUSED = "paused"


class AgentState(StrEnum):
    """What the system has derived."""

    OFFLINE = "offline"
    """Logged out."""
    UNREACHABLE = "unreachable"
    """Logged in, but the phone is not registered."""
    PAUSED = "paused"
    IDLE = "idle"
    RESTING = "resting"
    """Left in peace for a while after a failed offer."""
    RINGING = "ringing"
    TALKING = "talking"
    """On a queue call."""
    OCCUPIED = "occupied"
    """On a call that did not come from a queue."""
    WRAP_UP = "wrap-up"


class OfferResult(StrEnum):
    """How the ringing of one agent ended, as the caller's side reports it."""

    ANSWERED = "answered"
    BUSY = "busy"
    REJECTED = "rejected"
    NO_ANSWER = "no answer"
    """The phone itself gave up (408, 480); the engine's own ring timeout ends an offer by `CancelOffer`."""
    UNREACHABLE = "unreachable"
    """Not registered or no response at all."""
    FAILED = "failed"
    """Any other error of the phone or of ours."""
    CANCELLED = "cancelled"
    """The call side confirms a `CancelOffer`; or the caller hung up."""


@value
class WaitingCall:
    call: CallId
    queue: QueueName
    entered: float
    """When it began to wait; a caller who keeps his place keeps this."""
    priority: int = 0
    """Higher first."""
    skills: Mapping[str, int] = field(default_factory=dict)
    """Needed beside those of the queue: skill to least level."""
    preferred: Mapping[str, int] = field(default_factory=dict)
    """Skills that his agent need not have; who has them goes first."""
    agents: tuple[AgentId, ...] = ()
    """Agents he is to be served by, best first, as far as they serve the queue."""
    agents_s: float = 0.0
    """So long, from when he joined, nobody else is rung for him; 0: these are only rung first when his turn comes."""
    ani: str = ""
    joined: float | None = None
    """When he entered this queue, if later than `entered` (he was moved or overflowed); `max_wait` counts from it."""
    virtual: bool = False
    """He is not on the line but is called back when his turn comes: nothing is announced to him, and nothing sends him
    away."""
    held: bool = False
    """His turn does not come before he is released; see `Engine.hold`."""
    reserve_s: float = 0.0
    """So much longer an agent is kept for him, while he is called."""
    restored: bool = False
    """He was in this queue already, before a restart: `maxlen` and `joinempty` are not asked again."""


@value
class Candidate:
    """One agent as seen by one decision."""

    agent: AgentId
    score: tuple[float, ...]
    """What the strategy sorted by; lowest is rung first. Empty for those skipped."""
    skipped: str = ""
    """Why he was not a candidate: a state, `paused (lunch)`, `skill sales 2 < 3`, `penalty 2 not open yet`, `resting 4 s`;
    empty: he was one."""


@value(kw_only=False)
class Why:
    """Why an offer was made: kept with the offer and answered by the command line."""

    strategy: str
    waited_s: float
    position: int
    candidates: Sequence[Candidate]
    """At most 50; the chosen first."""
    required: Mapping[str, int] = field(default_factory=dict)
    """Levels of skills that were asked for in that moment."""
    step: int = 0
    """Steps of the queue that the caller had passed."""


@value(kw_only=False)
class Offer:
    """Ring this agent for this call now. He is reserved already."""

    offer: OfferId
    call: CallId
    queue: QueueName
    agent: AgentId
    ring_s: float
    why: Why


@value
class CancelOffer:
    """Stop ringing. The engine has already released the agent."""

    offer: OfferId
    call: CallId
    agent: AgentId
    reason: str
    """`no answer` (ring time over), `lost race` (another answered), `caller gone`, `left queue`, `logged out`,
    `paused`, `occupied` (the agent began another call), `shared` (he is to ring for another caller of a ring-all queue)."""


@value(kw_only=False)
class Connect:
    """An offer was answered in time: bridge them. Any other answer that comes later gets CancelOffer `lost race`."""

    offer: OfferId
    call: CallId
    queue: QueueName
    agent: AgentId
    waited_s: float
    position: int


@value
class Overflow:
    """The caller leaves the queue for `target`; he waits there no more."""

    call: CallId
    queue: QueueName
    reason: str
    """`timeout`, `full`, `join empty` or `empty`."""
    target: str
    """As configured, see `config/target.py`."""
    waited_s: float
    position: int


@value
class Announce:
    """Tell the caller his position and expected wait; never delays an offer."""

    call: CallId
    queue: QueueName
    position: int
    waited_s: float
    wait: WaitRange | None
    """From now on; None: not known yet."""


@value
class StatusChanged:
    """Status of an agent, changed by himself, by command or by the engine (automatic pause)."""

    agent: AgentId
    status: AgentStatus
    reason: str


@value(kw_only=False)
class StateChanged:
    agent: AgentId
    old: AgentState
    new: AgentState
    queue: QueueName | None
    call: CallId | None


@value
class PauseOverdue:
    """An agent has paused for longer than his reason allows."""

    agent: AgentId
    reason: str
    max_minutes: float


@value
class StrategyFailed:
    """A strategy plug-in raised, was late or chose nobody of those it was given; another strategy has decided."""

    plugin: str
    queue: QueueName
    problem: str


@value
class Healed:
    """Something that can never be was found in the engine and put right; nobody was lost by it."""

    problems: tuple[str, ...]


Decision = (
    Offer
    | CancelOffer
    | Connect
    | Overflow
    | Announce
    | StatusChanged
    | StateChanged
    | PauseOverdue
    | StrategyFailed
    | Healed
)


@value
class CallerView:
    call: CallId
    queue: QueueName
    position: int
    priority: int
    waited_s: float
    ringing: tuple[AgentId, ...]
    virtual: bool = False
    """He is called back when his turn comes."""


@value
class AgentView:
    agent: AgentId
    status: AgentStatus
    reason: str
    state: AgentState
    state_since: float
    call: CallId | None
    queues: tuple[QueueName, ...]
    skills: Mapping[str, int]
    calls: int
    """Queue calls answered since the engine started."""
    talk_s: float
    idle_since: float | None
    wrapup_left_s: float
    times: Mapping[AgentState, float] = field(default_factory=dict)
    """Seconds in each state since the engine knows him, the present state included."""
    queue: QueueName | None = None
    """That of `call`."""


@value
class Stance:
    """Of `AgentView` what a stretch of his day is told by: made at each change of his state."""

    status: AgentStatus
    reason: str
    state: AgentState
    queue: QueueName | None
    call: CallId | None


@value
class QueueView:
    queue: QueueName
    strategy: str
    waiting: tuple[CallerView, ...]
    """In order of service."""
    agents: tuple[AgentId, ...]
    idle: int
    talking: int
    offered: int
    """Callers that entered since the engine started; likewise the next figures."""
    answered: int
    abandoned: int
    overflowed: int
    answered_in_sl: int
    longest_wait_s: float
    mean_wait_s: float
    mean_talk_s: float
    wait: WaitRange | None
    """Of a caller who would join now; None: not known."""
    left: int = 0
    """Callers who left by key, were withdrawn or moved to another queue."""


@value
class Snapshot:
    queues: tuple[QueueView, ...]
    agents: tuple[AgentView, ...]
