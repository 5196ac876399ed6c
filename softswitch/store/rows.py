"""The rows that outlive a call, as values. Times are wall seconds since 1970, lengths are seconds."""

from collections.abc import Mapping
from dataclasses import field

from softswitch.ids import AgentId, CallId, EndpointName, LegId, OfferId, QueueName, RecordingId
from softswitch.store.audit_row import AuditRow
from softswitch.store.promise_rows import CallbackRow, PromiseRow
from softswitch.store.voice_rows import MailRow, SurveyAnswer
from softswitch.value import value


@value
class CallStarted:
    """Committed before the 200 to INVITE leaves; becomes a CDR by `CallFinished`, or by the closing after a crash."""

    call: CallId
    node: str
    started: float
    source: str
    """`trunk:NAME` or `endpoint:NAME`."""
    ani: str
    ani_name: str
    dnis: str
    sip_call_id: str


@value
class CallFinished:
    """The rest of the CDR."""

    call: CallId
    ended: float
    answered: float | None
    """When the caller's INVITE was answered; None: never."""
    bridged: float | None
    """When he first talked to a person."""
    ended_by: str
    """`caller`, `callee`, `switch`, `admin` or `crash`."""
    cause: str
    """One of the causes of `call/termination.py`."""
    sip_status: int
    last_stage: str
    queue: QueueName | None
    """The last queue he waited in."""
    wait_s: float
    """In queues, all together."""
    agent: AgentId | None
    """The agent he talked to last."""
    destination: str
    """`agent:NAME`, `endpoint:NAME`, `trunk:NAME/NUMBER`, `message:BOX` or empty."""
    talk_s: float
    """Without hold."""
    hold_s: float
    recording: RecordingId | None
    packets_in: int
    packets_lost: int
    jitter_ms: float
    labels: Mapping[str, str] = field(default_factory=dict)
    trail: str = ""
    """JSON of `call/trail.py`: route, flow, menu choices, stages."""


@value
class QueueVisit:
    """One stay of a caller in one queue, written when it ends."""

    call: CallId
    queue: QueueName
    entered: float
    left: float
    outcome: str
    """`answered`, `abandoned`, `timeout`, `full`, `join empty`, `empty`, `key`, `withdrawn` or `crashed`."""
    wait_s: float
    position: int
    """When leaving."""
    original_position: int
    priority: int
    agent: AgentId | None = None
    talk_s: float = 0.0
    """Filled when the talk is over: the row is written then."""
    hold_s: float = 0.0
    wrapup_s: float = 0.0
    completed_by: str = ""
    """`caller`, `agent`, `transfer`; empty when never answered."""
    skills: str | None = None
    """Names of the skills that he needed, sorted, separated by spaces; None: none."""
    needs: str = ""
    """JSON of the levels of skills that he needed beside those of the queue; empty: none."""


@value
class SegmentRow:
    """One talk of a call with one party, or its stay in a conference: a call that is transferred has several."""

    call: CallId
    began: float
    ended: float
    leg: LegId
    """The other party's; the caller's own in a conference."""
    party: str
    """`endpoint:NAME`, `trunk:NAME` or `conference:NAME`."""
    agent: str
    queue: str
    talk_s: float
    """Without hold."""
    hold_s: float
    """The caller heard music: on hold, or while the agent consulted somebody."""
    ended_by: str
    """`caller`, `callee`, `transfer`, or who ended the call."""
    transferred_to: str = ""


@value
class SupervisionRow:
    """One supervisor's stay with one call; the first also stands for a session that never heard one."""

    supervision: str
    stay: int
    """Counts the calls of a session that follows an agent."""
    supervisor: str
    """`endpoint:NAME`."""
    supervisor_agent: str
    """The agent logged in there."""
    agent: str
    """Whom."""
    call: str
    """Empty: he heard none."""
    modes: str
    """JSON list of `[wall seconds, mode]`: `listen`, `whisper`, `barge`, `take over`."""
    began: float
    ended: float | None = None
    why: str = ""
    """Why it ended."""


@value
class OfferRow:
    """One ringing of one agent, with the reasons."""

    offer: OfferId
    call: CallId
    queue: QueueName
    agent: AgentId
    offered: float
    ended: float
    result: str
    """A word of `acd.values.OfferResult`, or `lost race`."""
    sip_status: int
    rang_s: float
    why: str
    """JSON of `acd.values.Why`."""


@value
class AgentInterval:
    """A stretch of time in which an agent's status, reason and state stayed the same."""

    agent: AgentId
    status: str
    reason: str
    state: str
    began: float
    ended: float
    queue: QueueName | None
    call: CallId | None


@value
class RecordingRow:
    recording: RecordingId
    call: CallId
    path: str
    """Below the folder of recordings."""
    began: float
    queue: QueueName | None
    agent: AgentId | None
    ani: str
    dnis: str
    box: str
    """Message box, empty for a recorded talk."""
    encoding: str
    channels: int
    seconds: float | None = None
    """None while it is being made."""
    gaps: int = 0
    gap_s: float = 0.0
    state: str = "recording"
    """`recording`, `ended`, `failed`, `crashed`; `expired` when its file was deleted by the rules of retention, `deleted`
    when somebody wanted it."""
    problem: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    bytes: int | None = None
    """Size of the file; None while it is being made."""
    deleted_at: float | None = None


@value
class MessageMark:
    recording: RecordingId
    heard: float | None
    """None: new again."""


@value
class JournalEntry:
    """The stage that a live call is in, with its arguments; enough to enter it again after a crash."""

    call: CallId
    stage: str
    arguments: Mapping[str, object]
    """JSON values."""
    entered: float


@value
class SnapshotRow:
    """A live call as `call/snapshot.py` writes it down; gone with its end."""

    call: CallId
    data: str


@value
class FarewellRow:
    """What peers of one call, or of one leg, are still to be told when the switch is killed now."""

    farewell: str
    """Id of that call, leg or supervision."""
    data: str


@value
class FarewellSaid:
    """They have been told."""

    farewell: str


@value
class RegistrationRow:
    endpoint: EndpointName
    contact: str
    call_id: str
    cseq: int
    expires: float
    """Wall time at which it ends."""
    path: str
    """JSON list of Path values, reserved."""
    source: str
    """`udp:ADDRESS:PORT`, where requests to it are sent when it is behind NAT."""
    user_agent: str
    registered: float
    instance: str = ""


@value
class AgentRow:
    """What an agent was when last seen; restored at start."""

    agent: AgentId
    status: str
    reason: str
    endpoint: EndpointName
    since: float


@value
class LegRow:
    """One leg of a call, for the CDR's detail."""

    leg: LegId
    call: CallId
    direction: str
    """`in` or `out`."""
    party: str
    began: float
    answered: float | None
    ended: float
    sip_status: int
    sip_call_id: str
    codec: str
    packets_in: int
    packets_out: int
    packets_lost: int
    jitter_ms: float
    late: int = 0
    """Packets too late for a jitter buffer of 60 ms."""
    duplicates: int = 0
    out_of_order: int = 0
    peer_lost: int = 0
    """Packets of ours that the peer says it missed."""
    peer_jitter_ms: float = 0.0
    mos: float | None = None
    """Estimate of ITU-T G.107; None here and below: it could not be told."""
    rtt_ms: float | None = None
    level_db: float | None = None
    """RMS of its speech, dBov."""
    clipped_share: float | None = None
    silence_share: float | None = None
    """Pure silence, of the time it talked with somebody."""
    talk_share: float | None = None
    overlap_s: float = 0.0
    interruptions: int = 0
    impairments: str = ""
    """Kinds of audio alarms that it had, separated by spaces."""


@value
class AttemptRow:
    """One try of a call at one trunk, for the CDR's detail and for what the toll guard counts."""

    call: CallId
    began: float
    trunk: str
    number: str
    """In E.164 where it could be understood."""
    source: str
    """`endpoint:NAME` or `trunk:NAME`: who pays."""
    ended: float
    """When it was answered or failed."""
    answered: float | None
    sip_status: int
    cause: str
    """`answered`, or a cause of `call/termination.py`."""
    why: str
    """Why this trunk, in plain words."""


@value
class RegistrationGone:
    """A contact that was removed or replaced."""

    endpoint: EndpointName
    contact: str


@value
class QueueLogRow:
    """One line of `queue_log`, see `store/queue_log.py`; the ten columns of Asterisk's table of that name."""

    time: float
    callid: str
    queuename: str
    agent: str
    event: str
    data1: str = ""
    data2: str = ""
    data3: str = ""
    data4: str = ""
    data5: str = ""


@value
class Heartbeat:
    """When the node was last known to be alive: the end of calls that a crash cut off."""

    node: str
    wall: float


Row = (
    CallStarted
    | CallFinished
    | QueueVisit
    | OfferRow
    | PromiseRow
    | CallbackRow
    | SegmentRow
    | SupervisionRow
    | AuditRow
    | AgentInterval
    | RecordingRow
    | MessageMark
    | MailRow
    | SurveyAnswer
    | JournalEntry
    | SnapshotRow
    | FarewellRow
    | FarewellSaid
    | RegistrationRow
    | RegistrationGone
    | AgentRow
    | LegRow
    | AttemptRow
    | QueueLogRow
    | Heartbeat
)
"""Everything that can be handed to the batching writer."""
