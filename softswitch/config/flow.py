"""IVR flows as they stand in the configuration: nodes by name, each of one kind (`do`).

One class per kind; `do` decides which keys a node takes, so that a wrong key is reported for the kind that was meant.
Where a key names a node, the node is one of the same flow; only `transfer` leaves it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from softswitch.config.language_node import Language
from softswitch.config.lookups import LookUp
from softswitch.config.subflows import Call, Return
from softswitch.config.voice_nodes import Directory, Hear, Speak

_KEY, _OPTIONAL_KEY = r"^[0-9*#A-D]$", r"^[0-9*#A-D]?$"
_NAME, _OPTIONAL_NAME = r"^[a-z][a-z0-9_]{0,31}$", r"^([a-z][a-z0-9_]{0,31})?$"
PATTERNS = {
    _KEY: "one key: 0 to 9, *, #, A to D",
    _OPTIONAL_KEY: "one key: 0 to 9, *, #, A to D, or nothing",
    _NAME: "a name of small letters, digits and _, such as customer_id",
    _OPTIONAL_NAME: "a name of small letters, digits and _, or nothing",
}
"""What text must look like, in words."""
DialKey = Annotated[str, Field(pattern=_KEY)]
VariableName = Annotated[str, Field(pattern=_NAME)]
OptionalVariable = Annotated[str, Field(pattern=_OPTIONAL_NAME)]
Seconds = Annotated[float, Field(gt=0, le=3600)]
Retries = Annotated[int, Field(ge=0, le=20)]
DigitCount = Annotated[int, Field(ge=0, le=32)]
SkillLevel = Annotated[int, Field(ge=1, le=5)]
PromptNames = str | tuple[str, ...]
DEFAULT_RING_S = 30.0
Gender = Literal["", "masculine", "feminine"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Play:
    """Plays prompts, then goes on. Keys pressed meanwhile are kept for the next menu or collect."""

    do: Literal["play"] = "play"
    prompt: PromptNames
    """Prompt, or several in order."""
    next: str
    """Node after it."""
    interruptible: bool = True
    """A key cuts it short; `false`: it is heard to its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Say:
    """Speaks a value in the caller's language, then goes on."""

    do: Literal["say"] = "say"
    what: Literal["number", "digits", "position", "time", "date", "duration"]
    """How the value is read: `number` 0-999999, `digits` one by one, `position` in a queue, `time` `14:30`, `date`
    `2026-05-01`, `duration` in seconds."""
    value: str = ""
    """The value itself, `{expression}` in it is computed; with neither `value` nor `variable`, time and date are those of
    now."""
    variable: OptionalVariable = ""
    """Variable that has the value; `ani` and `dnis` are the numbers of the call."""
    gender: Gender = ""
    """Number only: grammatical gender of what is counted; empty: a bare number."""
    next: str
    """Node after it. A value that cannot be read is left out."""
    interruptible: bool = True
    """A key cuts it short."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Menu:
    """Asks for one key and goes where it leads. Keys cut the prompts at once."""

    do: Literal["menu"] = "menu"
    prompt: PromptNames
    """The choices, spoken; one prompt or several."""
    keys: Mapping[DialKey, str]
    """Key to node: `{ "1" = "sales", "2" = "support" }`."""
    variable: OptionalVariable = ""
    """Variable that takes the key, for a branch later."""
    timeout_s: Seconds = 5.0
    """Wait for a key after the prompts."""
    retries: Retries = 2
    """Further tries after silence or a wrong key."""
    on_invalid: str = "invalid"
    """Prompt after a key without a node, before the choices are said again; empty says none."""
    on_timeout: str = ""
    """Node when the last try ended in silence; empty: that of `on_failure`."""
    on_failure: str = ""
    """Node when the last try had a wrong key; empty hangs up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Collect:
    """Collects digits into a variable. Keys cut the prompts at once."""

    do: Literal["collect"] = "collect"
    prompt: PromptNames = ()
    """What is asked for, spoken."""
    variable: VariableName
    """Variable that takes the digits, without the terminator."""
    min_digits: DigitCount = 1
    """Fewer are invalid."""
    max_digits: Annotated[int, Field(ge=1, le=32)] = 16
    """The input is complete at once when it has so many."""
    terminator: Annotated[str, Field(pattern=_OPTIONAL_KEY)] = "#"
    """Key that completes the input; empty: none does."""
    masked: bool = False
    """Card data or a PIN: recording is silent meanwhile, and the digits are written nowhere; only branches see them."""
    first_digit_timeout_s: Seconds = 5.0
    """Wait for the first digit after the prompts."""
    inter_digit_timeout_s: Seconds = 3.0
    """Wait for each further digit; then the input is complete."""
    length: tuple[Annotated[int, Field(ge=1, le=32)], ...] = ()
    """Lengths that are valid; empty: all from `min_digits` to `max_digits`."""
    allowed: tuple[str, ...] = ()
    """Prefixes of which the input must have one; empty: any."""
    retries: Retries = 2
    """Further tries after silence or invalid digits."""
    on_invalid: str = "invalid"
    """Prompt after invalid digits, before it is asked again; empty says none."""
    next: str
    """Node after valid digits."""
    on_timeout: str = ""
    """Node when the last try ended in silence; empty: that of `on_failure`."""
    on_failure: str = ""
    """Node when the last try was invalid; empty hangs up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """Goes where a value leads, without the caller noticing."""

    do: Literal["branch"] = "branch"
    on: Literal["hours", "holiday", "ani", "dnis", "variable", "language", "condition"]
    """`hours`: `open`, `closed`, or `holiday` where there is such a case; `holiday`: `yes` or `no`; `condition`: the first
    case that holds; the others: the calling number, the called number, a variable, the language."""
    calendar: str = ""
    """Calendar of `hours` and `holiday`."""
    variable: OptionalVariable = ""
    """Variable of `variable`."""
    cases: Mapping[str, str] = field(default_factory=dict)
    """Value to node. For numbers and variables a value may be `prefix:+34` or an Asterisk pattern (`_9XXXXXXXX`); equal
    goes before pattern, and of several patterns the most specific counts. For `condition` each is an expression:
    `{ "points >= 100 and not holiday('office')" = "gold" }`."""
    default: str
    """Node when no case holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Set:
    """Sets what later nodes and the queue see of this caller."""

    do: Literal["set"] = "set"
    priority: int | str | None = None
    """Priority in queues, higher first; a number, or an expression: `"if(vip, 10, 0)"`."""
    skills: Mapping[str, SkillLevel | str] = field(default_factory=dict)
    """Skills needed, with the least level or an expression that gives it (below 1: not needed); added to those set
    before."""
    variables: Mapping[VariableName, str] = field(default_factory=dict)
    """Variables to values, as they are."""
    compute: Mapping[VariableName, str] = field(default_factory=dict)
    """Variables to expressions, in this order: `{ due = "number(amount) * 1.21" }`; one that cannot be computed is not
    set."""
    language: Literal["en", "es", "ro"] | None = None
    """Language of prompts from here on."""
    next: str
    """Node after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Enqueue:
    """Puts the caller into a queue; what happens when nobody answers stands with the queue."""

    do: Literal["enqueue"] = "enqueue"
    queue: str
    """Name of the queue; `{expression}` in it is computed."""
    on_unknown: str = ""
    """Node when a name that was computed is no queue; empty ends the call."""
    preferred_skills: Mapping[str, int] = field(default_factory=dict)
    """Skills that his agent need not have; agents who have them at that level or more go first."""
    agents: tuple[str, ...] = ()
    """Agents who are to serve him, best first, as far as they serve the queue; `{variable}` takes one from a variable."""
    agents_s: float = 0.0
    """Seconds that nobody else is rung for him; 0: they are only rung first when his turn comes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dial:
    """Rings a target; the caller comes back when it does not answer and a node for that is given."""

    do: Literal["dial"] = "dial"
    target: str
    """`extension:1001`, `trunk:carrier/+34911`; `extension:{variable}` takes the extension from a variable."""
    ring_s: Seconds = DEFAULT_RING_S
    """How long it rings."""
    on_busy: str = ""
    """Node when it is busy; empty: `next`."""
    on_no_answer: str = ""
    """Node when it did not answer in time; empty: `next`."""
    on_failed: str = ""
    """Node when it could not be reached; empty: `next`."""
    next: str = ""
    """Node after any of these; empty: the call ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """Hands the caller to a target for good."""

    do: Literal["transfer"] = "transfer"
    target: str
    """`queue:support`, `flow:other`, `extension:1001`, `trunk:carrier/+34911`, `message:sales`, `play:closed`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Records what the caller says into a message box."""

    do: Literal["record"] = "record"
    box: str
    """Name of the box (`[message.NAME]`)."""
    next: str = ""
    """Node after it; empty hangs up."""
    on_empty: str = ""
    """Node when nothing was said; empty: `next`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hangup:
    """Ends the call."""

    do: Literal["hangup"] = "hangup"
    cause: Literal["", "busy", "congestion", "unknown", "declined"] = ""
    """Why, as the caller's side is told; empty: a normal end."""


Node = Annotated[
    Play
    | Say
    | Menu
    | Collect
    | Branch
    | Set
    | Enqueue
    | Dial
    | Transfer
    | Record
    | Hangup
    | Call
    | Return
    | LookUp
    | Language
    | Speak
    | Directory
    | Hear,
    Field(discriminator="do"),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    start: str
    """Name of the first node."""
    node: Mapping[str, Node] = field(default_factory=dict)
    """Nodes by name; each has `do`, its kind, and the keys of that kind."""


def prompt_names(prompt: PromptNames) -> tuple[str, ...]:
    """One or several prompts, as a tuple; an empty name is none."""
    return tuple(filter(None, (prompt,) if isinstance(prompt, str) else prompt))
