"""What a flow is told (inputs) and what it asks for (actions), and its state: plain values that can be journalled."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from softswitch.ivr.value import Value, text_of
from softswitch.ivr.voice_actions import Person, VoiceAction, VoiceInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """A flow that has called another one and waits for its result."""

    flow: str
    node: str
    """The node that called."""
    variables: Mapping[str, Value] = field(default_factory=dict)
    masked: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowState:
    """Where a caller is in a flow. Every field is a plain value, so that a stage can be entered again after a crash."""

    flow: str
    node: str
    language: str
    digits: str = ""
    """Collected so far in this node."""
    attempt: int = 0
    """Failed tries in this node."""
    waiting: str = ""
    """What the flow waits for: `prompt`, `key`, `result` (of a dial or a message) or nothing (it has ended)."""
    timer: int = 0
    """Number of the latest `StartTimer`; a `TimerFired` of another number is stale."""
    variables: Mapping[str, Value] = field(default_factory=dict)
    """Of this flow; those of the flows that have called it are on the stack."""
    priority: int = 0
    skills: Mapping[str, int] = field(default_factory=dict)
    typed_ahead: str = ""
    """Keys pressed before a node asked for them."""
    masked: tuple[str, ...] = ()
    """Variables that were collected masked: they are written nowhere."""
    problem: str = ""
    """Why a fault of the flow itself ended the call; empty: none did."""
    stack: tuple[Frame, ...] = ()
    """Flows that wait for this one to return, the first that was entered first."""
    result: str = ""
    """What the latest sub-flow returned."""
    part: int = 0
    """Which of several announcements of this node plays."""

    @property
    def shown(self) -> dict[str, str]:
        """Variables that may be written down."""
        return {name: text_of(value) for name, value in self.variables.items() if name not in self.masked}

    def plain(self) -> dict[str, Any]:
        """JSON values for the journal, without what was collected masked."""
        values = asdict(self)
        if self.masked or any(frame.masked for frame in self.stack):
            values |= {"typed_ahead": "", "digits": ""}
        values["variables"] = _unmasked(self.variables, self.masked)
        for each, frame in zip(values["stack"], self.stack, strict=True):
            each["variables"] = _unmasked(frame.variables, frame.masked)
        return values

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> "FlowState":
        """What `plain` wrote down."""
        stack = tuple(
            Frame(**{**frame, "masked": tuple(frame["masked"])}) for frame in values.get("stack", ())
        )
        return cls(**{**values, "masked": tuple(values.get("masked", ())), "stack": stack})

    def __repr__(self) -> str:
        return f"<FlowState {self.flow}.{self.node} waiting={self.waiting or 'no'} attempt={self.attempt}>"


def _unmasked(variables: Mapping[str, Value], masked: tuple[str, ...]) -> dict[str, Value]:
    return {name: value for name, value in variables.items() if name not in masked}


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowContext:
    """What the switch knows of the call and the moment; read by branches and says."""

    ani: str
    dnis: str
    open: Mapping[str, bool]
    """Calendar to whether it is open now."""
    holiday: Mapping[str, bool]
    """Calendar to whether today is a holiday or closed day."""
    local_time: tuple[int, int]
    """Hour and minute in the zone of the switch."""
    weekday: int = 0
    """0 is Monday."""
    local_date: tuple[int, int, int] | None = None
    """Year, month and day in the zone of the switch; None: a date of now cannot be spoken."""
    queues: AbstractSet[str] = frozenset()
    """Names of all queues."""
    lookups: Mapping[str, AbstractSet[str]] = field(default_factory=dict)
    """Lookup to its parameters."""
    results: Mapping[str, AbstractSet[str]] = field(default_factory=dict)
    """Lookup to the variables that it sets."""
    people: tuple[Person, ...] = ()
    """Who can be found by name; nobody while no flow has a directory."""
    caller_name: str = ""
    source: str = ""
    """`trunk:NAME` or `endpoint:NAME`."""
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Calendar to why it is open or closed, where somebody wants to know."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Of the caller's INVITE, those that the configuration lets flows read; names in small letters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin:
    """Enter the node of the state, for the first time or again after a crash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    digit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptsEnded:
    """All prompts of the latest `PlayPrompts` were heard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerFired:
    timer: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """An action that gives the caller back has ended: a message was recorded, a dialled party did not answer."""

    result: str
    """Of a dial: `busy`, `no-answer` or anything else for failed. Of a message: `recorded` or `empty`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedUp:
    """What came of the latest `LookUp`."""

    answer: Literal["found", "none", "timeout", "error"]
    values: Mapping[str, Value] = field(default_factory=dict)
    """Results by their variables, those that are there."""
    problem: str = ""
    """Why it failed, for the log; it holds no value of the caller's and no secret."""


Input = Begin | Key | PromptsEnded | TimerFired | Returned | LookedUp | VoiceInput


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayPrompts:
    """Names of prompts (not paths), in order; found for the language by `prompts.py`."""

    prompts: tuple[str, ...]
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StopPrompts:
    """A key was pressed: cut what plays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartTimer:
    timer: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Enqueue:
    queue: str
    priority: int
    skills: Mapping[str, int]
    preferred: Mapping[str, int] = field(default_factory=dict)
    agents: tuple[str, ...] = ()
    agents_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Dial:
    """Connect the caller with a target; with `give_back` a failure comes back as `Returned`, else it ends the call."""

    target: str
    """`extension`, `trunk`, and without `give_back` also `message` and `play`, as in `config/target.py`."""
    give_back: bool
    ring_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordMessage:
    """Record what the caller says into a box; comes back as `Returned("recorded")` or `Returned("empty")`."""

    box: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Hangup:
    cause: str
    """One of the hang-up words of `config/target.py`, or empty for a normal end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LookUp:
    """Ask a lookup; comes back as `LookedUp`."""

    lookup: str
    parameters: Mapping[str, str]


Action = (
    PlayPrompts | StopPrompts | StartTimer | Enqueue | Dial | RecordMessage | Hangup | LookUp | VoiceAction
)
