"""The stages of a call as values: a name and plain arguments, so that entering one can be journalled and done again.

`arrive → greet → wait → talk → end`, with `dial`, `message`, `say`, `feature`, `confer` and
`supervise` beside them; which coroutine tells
which stage stands in `story.py`.
"""

import json
from collections.abc import Mapping
from dataclasses import MISSING, asdict, field, fields, is_dataclass
from typing import Any, cast

from softswitch.call.termination import By, Cause, Termination
from softswitch.config.target import Target
from softswitch.ids import AgentId, LegId, OfferId, QueueName
from softswitch.ivr.actions import FlowState
from softswitch.value import value, values_of


@value
class Arrive:
    """A new call: identify, route."""


@value
class Greet:
    """Walk through an IVR flow; `resume` is where to go on, with `result` of what happened in between."""

    flow: str
    resume: FlowState | None = None
    result: str = ""


@value
class Wait:
    queue: QueueName
    priority: int = 0
    skills: Mapping[str, int] = field(default_factory=dict)
    entered: float = 0.0
    """Wall time at which the wait began; 0 is now."""
    waited_s: float = 0.0
    """What he has waited before in other queues; it counts for his place, not for this queue's times."""
    kept: bool = False
    """He was in this queue already and keeps his place, however full or empty it is."""
    preferred: Mapping[str, int] = field(default_factory=dict)
    """Skills that his agent need not have; who has them goes first."""
    agents: tuple[AgentId, ...] = ()
    """Agents who are to serve him, best first."""
    agents_s: float = 0.0
    """So long nobody else is rung for him."""


@value
class Dial:
    """Ring a phone or a number at a trunk."""

    target: Target
    dialled: str = ""
    ring_s: float = 60.0
    resume: FlowState | None = None
    """Where a flow goes on when nobody answers; None ends the call then."""
    hops: int = 0
    """Redirections followed so far."""
    record: str = ""
    """As `Talk.record`; empty: as the phones say."""
    again: Wait | None = None
    """Where a caller who was transferred waits again when nobody answers."""
    account: str = ""
    """Who is charged for a call out, `endpoint:NAME` or `trunk:NAME`; empty: the caller."""


@value
class Talk:
    other: LegId
    queue: QueueName | None = None
    agent: AgentId | None = None
    offer: OfferId | None = None
    record: str = "never"
    """`always`, `never` or `on-demand`."""
    again: Wait | None = None
    """Where the caller goes on waiting when his agent hangs up before they could talk."""


@value
class Message:
    """Record what the caller says into a box."""

    box: str
    resume: FlowState | None = None


@value
class Say:
    """Play prompts, then end; `early` does so before the call is answered (and charged)."""

    prompts: tuple[str, ...]
    termination: Termination
    early: bool = False


@value
class Feature:
    """A feature code was dialled."""

    feature: str
    argument: str


@value
class Confer:
    """Join a conference."""

    conference: str


@value
class Supervise:
    """A supervisor has dialled: his leg listens to an agent."""

    agent: AgentId


@value
class PickUp:
    """A phone wants what rings at another."""

    extension: str
    """Empty: whatever rings in its pickup groups."""


@value
class Park:
    """The caller is parked."""

    place: int
    by: str = ""
    """Phone that parked him."""
    record: str = ""
    """As `Talk.record`, for whoever retrieves him."""
    again: Wait | None = None
    """Where he waits again when nobody wants him."""


@value
class Retrieve:
    """A phone wants who is parked there."""

    place: int


@value
class TakePlace:
    """An INVITE with Replaces (RFC 3891): the caller takes the place of another leg."""

    call_id: str
    to_tag: str
    from_tag: str
    early_only: bool = False


@value
class CallBack:
    """An attempt to call somebody back whose turn has come."""

    callback: str
    first: str
    """`agent` or `caller`."""


@value
class VoiceMail:
    """The owner of a box listens to his messages."""

    box: str
    trusted: bool = False
    """He calls from the phone whose box it is: one without a code opens for it."""


@value
class Survey:
    """A caller whose agent has hung up is asked for his opinion."""

    survey: str
    queue: QueueName
    agent: AgentId


@value
class End:
    termination: Termination


Stage = (
    Arrive
    | Greet
    | Wait
    | Dial
    | Talk
    | Message
    | Say
    | Feature
    | Confer
    | Supervise
    | PickUp
    | Park
    | Retrieve
    | TakePlace
    | CallBack
    | VoiceMail
    | Survey
    | End
)
_STAGES: dict[str, type[Any]] = {
    kind.__name__.lower(): kind
    for kind in (
        *(Arrive, Greet, Wait, Dial, Talk, Message, Say, Feature, Confer, Supervise),
        *(PickUp, Park, Retrieve, TakePlace, CallBack, VoiceMail, Survey, End),
    )
}


_NAMES: dict[type[Any], str] = {kind: name for name, kind in _STAGES.items()}
_FIELDS: dict[type[Any], tuple[tuple[str, ...], tuple[Any, ...]]] = {
    kind: (
        tuple(each.name for each in fields(kind)),
        tuple(
            each.default_factory() if each.default_factory is not MISSING else each.default
            for each in fields(kind)
        ),
    )
    for kind in _STAGES.values()
}
"""Their names and their defaults."""


_PLAIN = frozenset({str, int, float, bool, type(None), dict, tuple})


def name_of(stage: Stage) -> str:
    return _NAMES[type(stage)]


def arguments_of(stage: Stage) -> dict[str, object]:
    """JSON values, without defaults. What follows a feature code stays out: it may be a PIN; and so does what a flow
    collected masked."""
    names, defaults = _FIELDS[type(stage)]
    arguments: dict[str, object] = {}
    for name, default, one in zip(names, defaults, values_of(stage), strict=True):
        if one is not default and one != default:
            arguments[name] = one if type(one) in _PLAIN else _plain(one)
    if type(stage) is Feature:
        arguments["argument"] = ""
    return arguments


def _plain(value: object) -> object:
    """What is none of `_PLAIN`, as few fields of few stages are: `asdict` would copy each."""
    if type(value) in _FIELDS:
        return arguments_of(cast(Stage, value))
    if isinstance(value, FlowState):
        return value.plain()
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value


def from_journal(name: str, arguments: Mapping[str, Any]) -> Stage:
    """The stage that `arguments_of` wrote down; raises ValueError when it is none of ours."""
    if name not in _STAGES:
        raise ValueError(f"no stage is called {name!r}")
    plain = json.loads(json.dumps(arguments))
    if plain.get("resume") is not None:
        plain["resume"] = FlowState.from_plain(plain["resume"])
    if plain.get("again") is not None:
        plain["again"] = Wait(**{**plain["again"], "agents": tuple(plain["again"].get("agents", ()))})
    if "target" in plain:
        plain["target"] = Target(**plain["target"])
    if "termination" in plain:
        end = plain["termination"]
        plain["termination"] = Termination(By(end["by"]), Cause(end["cause"]), end["sip_status"])
    if name == "wait":
        plain["agents"] = tuple(plain.get("agents", ()))
    if "prompts" in plain:
        plain["prompts"] = tuple(plain["prompts"])
    stage: Stage = _STAGES[name](**plain)
    return stage
