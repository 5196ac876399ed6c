"""What has happened, in past tense: frozen values that go up from the calls to metrics, live feed and logs.

Every fact has the wall time for people and the monotonic time for lengths. Facts inform and never control: with all
subscribers removed each call still works.
"""

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
from softswitch.value import value


@value
class Fact:
    wall: float
    monotonic: float


@value
class CallFact(Fact):
    call: CallId


@value
class CallArrived(CallFact):
    ani: str
    dnis: str
    source: str
    """`trunk:NAME` or `endpoint:NAME`."""


@value
class StageEntered(CallFact):
    stage: str


@value
class CallAnswered(CallFact):
    pass


@value
class CallQueued(CallFact):
    queue: QueueName
    priority: int
    position: int
    refused: bool = False
    """He was not let in, and goes elsewhere at once."""


@value
class CallerLeftQueue(CallFact):
    queue: QueueName
    reason: str
    """`connected`, `abandoned`, `timeout`, `full`, `empty`, `key` or `withdrawn`."""
    waited_s: float
    position: int
    original_position: int = 0


@value
class AgentConnected(CallFact):
    """An agent has answered this waiting caller."""

    queue: QueueName
    agent: AgentId
    leg: LegId
    """His phone's."""
    waited_s: float
    rang_s: float


@value
class AgentDumped(CallFact):
    """He hung up before he could talk to the caller, who waits on."""

    queue: QueueName
    agent: AgentId
    position: int


@value
class QueueTalkEnded(CallFact):
    """What an agent talked with a caller of a queue; the call may go on."""

    queue: QueueName
    agent: AgentId
    waited_s: float
    talk_s: float
    hold_s: float
    completed_by: str
    """`caller`, `agent` or `transfer`."""


@value
class AgentOffered(CallFact):
    offer: OfferId
    queue: QueueName
    agent: AgentId


@value
class OfferEnded(CallFact):
    offer: OfferId
    queue: QueueName
    agent: AgentId
    result: str
    rang_s: float


@value
class CallBridged(CallFact):
    other: str
    """Who the caller talks to: `agent:NAME`, `endpoint:NAME` or `trunk:NAME`."""
    queue: QueueName | None
    waited_s: float


@value
class CallHeld(CallFact):
    by: str


@value
class CallResumed(CallFact):
    by: str


@value
class CallParked(CallFact):
    place: int
    ani: str


@value
class CallUnparked(CallFact):
    place: int


@value
class CallTransferred(CallFact):
    how: str
    """`blind`, `attended` or `take over`."""
    by: str
    """The party that has left: `endpoint:NAME`, `trunk:NAME`."""
    to: str
    """A target, or the party that has come instead."""


@value
class SupervisionStarted(CallFact):
    """A supervisor hears this call from now on."""

    supervision: str
    supervisor: str
    """`endpoint:NAME`."""
    agent: str
    mode: str


@value
class SupervisionEnded(CallFact):
    supervision: str
    supervisor: str
    reason: str


@value
class ConferenceJoined(CallFact):
    conference: str
    members: int


@value
class ConferenceLeft(CallFact):
    conference: str
    members: int


@value
class CallEnded(CallFact):
    by: str
    cause: str
    sip_status: int
    source: str
    talk_s: float


@value
class AudioImpaired(CallFact):
    """Somebody who talks cannot be heard, cannot hear, or sounds bad."""

    leg: LegId
    kind: str
    """`no-packets`, `silence`, `one-way` or `bad-network`."""
    reason: str
    message: str


@value
class AudioRestored(CallFact):
    leg: LegId
    kind: str


@value
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


@value
class AgentStatusChanged(Fact):
    agent: AgentId
    status: str
    reason: str


@value
class AgentStateChanged(Fact):
    agent: AgentId
    old: str
    new: str


@value
class QueueMemberAdded(Fact):
    """An agent who is logged in serves this queue from now on."""

    queue: QueueName
    agent: AgentId
    penalty: int


@value
class QueueMemberRemoved(Fact):
    queue: QueueName
    agent: AgentId


@value
class QueueMemberPenalty(Fact):
    queue: QueueName
    agent: AgentId
    penalty: int


@value
class RegistrationChanged(Fact):
    endpoint: EndpointName
    contacts: int
    event: str
    """`registered`, `refreshed`, `unregistered` or `expired`."""


@value
class TrunkChanged(Fact):
    trunk: TrunkName
    state: str
    reason: str


@value
class RecordingStarted(CallFact):
    recording: RecordingId


@value
class RecordingEnded(CallFact):
    recording: RecordingId
    seconds: float
    gaps: int
    box: str = ""
    """Message box; empty for a talk."""


@value
class MessagesChanged(Fact):
    """The messages in a box are others than before."""

    box: str
    new: int
    old: int


@value
class MediaWorkerStarted(Fact):
    worker: WorkerId
    pid: int


@value
class MediaWorkerDied(Fact):
    worker: WorkerId
    pid: int
    legs: int


@value
class AlarmRaised(Fact):
    name: str
    message: str


@value
class AlarmCleared(Fact):
    name: str


@value
class SourceBanned(Fact):
    address: str
    """An address or a network."""
    why: str
    seconds: float
    """0: until it is lifted."""


@value
class SourceUnbanned(Fact):
    address: str


@value
class ConfigReloaded(Fact):
    changed: tuple[str, ...]
