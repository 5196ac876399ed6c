"""What a flow is told (inputs) and what it asks for (actions), and its state: plain values that can be journalled."""

from collections.abc import Mapping
from dataclasses import dataclass, field


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
    variables: Mapping[str, str] = field(default_factory=dict)
    priority: int = 0
    skills: Mapping[str, int] = field(default_factory=dict)
    typed_ahead: str = ""
    """Keys pressed before a node asked for them."""
    masked: tuple[str, ...] = ()
    """Variables that were collected masked: they are written nowhere."""
    problem: str = ""
    """Why a fault of the flow itself ended the call; empty: none did."""

    @property
    def shown(self) -> dict[str, str]:
        """Variables that may be written down."""
        return {name: value for name, value in self.variables.items() if name not in self.masked}

    def __repr__(self) -> str:
        return f"<FlowState {self.flow}.{self.node} waiting={self.waiting or 'no'} attempt={self.attempt}>"


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


Input = Begin | Key | PromptsEnded | TimerFired | Returned


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


Action = PlayPrompts | StopPrompts | StartTimer | Enqueue | Dial | RecordMessage | Hangup
