"""What has happened, in past tense: frozen values that go up from the calls to metrics, live feed and logs.

Every fact has the wall time for people and the monotonic time for lengths. Facts inform and never control: with all
subscribers removed each call still works.
"""

from dataclasses import dataclass

from softswitch.ids import (
    AgentId,
    CallId,
    EndpointName,
    LegId,
    OfferId,
    QueueName,
    RecordingId,
    TrunkName,
    WorkerId,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    wall: float
    monotonic: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFact(Fact):
    call: CallId


@dataclass(frozen=True, slots=True, kw_only=True)
class CallArrived(CallFact):
    ani: str
    dnis: str
    source: str
    """`trunk:NAME` or `endpoint:NAME`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageEntered(CallFact):
    stage: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallAnswered(CallFact):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class CallQueued(CallFact):
    queue: QueueName
    priority: int
    position: int
    refused: bool = False
    """He was not let in, and goes elsewhere at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerLeftQueue(CallFact):
    queue: QueueName
    reason: str
    """`connected`, `abandoned`, `timeout`, `full`, `empty`, `key` or `withdrawn`."""
    waited_s: float
    position: int
    original_position: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentConnected(CallFact):
    """An agent has answered this waiting caller."""

    queue: QueueName
    agent: AgentId
    leg: LegId
    """His phone's."""
    waited_s: float
    rang_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentDumped(CallFact):
    """He hung up before he could talk to the caller, who waits on."""

    queue: QueueName
    agent: AgentId
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueTalkEnded(CallFact):
    """What an agent talked with a caller of a queue; the call may go on."""

    queue: QueueName
    agent: AgentId
    waited_s: float
    talk_s: float
    hold_s: float
    completed_by: str
    """`caller`, `agent` or `transfer`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentOffered(CallFact):
    offer: OfferId
    queue: QueueName
    agent: AgentId


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferEnded(CallFact):
    offer: OfferId
    queue: QueueName
    agent: AgentId
    result: str
    rang_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CallBridged(CallFact):
    other: str
    """Who the caller talks to: `agent:NAME`, `endpoint:NAME` or `trunk:NAME`."""
    queue: QueueName | None
    waited_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CallHeld(CallFact):
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallResumed(CallFact):
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallParked(CallFact):
    place: int
    ani: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CallUnparked(CallFact):
    place: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CallTransferred(CallFact):
    how: str
    """`blind`, `attended` or `take over`."""
    by: str
    """The party that has left: `endpoint:NAME`, `trunk:NAME`."""
    to: str
    """A target, or the party that has come instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisionStarted(CallFact):
    """A supervisor hears this call from now on."""

    supervision: str
    supervisor: str
    """`endpoint:NAME`."""
    agent: str
    mode: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisionEnded(CallFact):
    supervision: str
    supervisor: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConferenceJoined(CallFact):
    conference: str
    members: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ConferenceLeft(CallFact):
    conference: str
    members: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEnded(CallFact):
    by: str
    cause: str
    sip_status: int
    source: str
    talk_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioImpaired(CallFact):
    """Somebody who talks cannot be heard, cannot hear, or sounds bad."""

    leg: LegId
    kind: str
    """`no-packets`, `silence`, `one-way` or `bad-network`."""
    reason: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioRestored(CallFact):
    leg: LegId
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LegEnded(CallFact):
    """With what its audio was like; None where it cannot be told."""

    leg: LegId
    direction: str
    codec: str
    packets: int
    loss: float
    """Lost or late, 0 to 1."""
    jitter_s: float
    mos: float | None
    rtt_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentStatusChanged(Fact):
    agent: AgentId
    status: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentStateChanged(Fact):
    agent: AgentId
    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueMemberAdded(Fact):
    """An agent who is logged in serves this queue from now on."""

    queue: QueueName
    agent: AgentId
    penalty: int


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueMemberRemoved(Fact):
    queue: QueueName
    agent: AgentId


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueMemberPenalty(Fact):
    queue: QueueName
    agent: AgentId
    penalty: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationChanged(Fact):
    endpoint: EndpointName
    contacts: int
    event: str
    """`registered`, `refreshed`, `unregistered` or `expired`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkChanged(Fact):
    trunk: TrunkName
    state: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingStarted(CallFact):
    recording: RecordingId


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingEnded(CallFact):
    recording: RecordingId
    seconds: float
    gaps: int
    box: str = ""
    """Message box; empty for a talk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagesChanged(Fact):
    """The messages in a box are others than before."""

    box: str
    new: int
    old: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaWorkerStarted(Fact):
    worker: WorkerId
    pid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaWorkerDied(Fact):
    worker: WorkerId
    pid: int
    legs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmRaised(Fact):
    name: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmCleared(Fact):
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceBanned(Fact):
    address: str
    """An address or a network."""
    why: str
    seconds: float
    """0: until it is lifted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceUnbanned(Fact):
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigReloaded(Fact):
    changed: tuple[str, ...]
