"""A flow played without a call: keys are typed, time passes virtually, every turn is told with its reason.

Pure: what is looked up, dialled or recorded is answered by whoever plays.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

from softswitch.config.flow import Flow, Node
from softswitch.ivr import actions
from softswitch.ivr.actions import (
    Action,
    Begin,
    FlowContext,
    FlowState,
    Input,
    Key,
    LookedUp,
    LookUp,
    PromptsEnded,
    Returned,
    TimerFired,
)
from softswitch.ivr.explain import explain, literal
from softswitch.ivr.outcome import WAIT_RESULT, Outcome
from softswitch.ivr.step import KEYS, begin, step
from softswitch.ivr.voice_actions import AskAnswer, Heard, Listen, StopListening

PROMPT_S = 2.0
"""Length of a prompt that nobody knows."""


@dataclass(frozen=True, slots=True)
class Line:
    at: float
    """Virtual seconds since the caller came."""
    kind: str
    """`node`, `why`, `play`, `key`, `time`, `lookup` or `end`."""
    text: str


class Trial:
    def __init__(
        self,
        flows: Mapping[str, Flow],
        name: str,
        language: str,
        context_at: Callable[[float], FlowContext],
        prompt_s: Callable[[str, str], float] = lambda name, language: PROMPT_S,
    ) -> None:
        """`context_at`: what is known after so many seconds; `prompt_s`: length of a prompt in a language."""
        self._flows = flows
        self._context_at = context_at
        self._prompt_s = prompt_s
        self._state = begin(name, flows[name], language)
        self._until = 0.0
        self._event: Input | None = None
        self.now = 0.0
        self.lines: list[Line] = []
        self.asked: Action | None = None
        """What somebody has to answer: a lookup, a dial or a message."""
        self.over = False

    @property
    def state(self) -> FlowState:
        return self._state

    def start(self) -> None:
        self._feed(Begin())

    def key(self, digit: str) -> None:
        if digit not in KEYS:
            raise ValueError(f"{digit!r} is no key of a phone; expected 0 to 9, *, #, A to D")
        self._tell("key", digit)
        before = self._state
        self._feed(Key(digit=digit), f"key {digit}")
        if before is self._state:
            self._tell("why", "nobody waits for a key")

    def pass_time(self) -> None:
        """Until the next thing happens by itself: the prompts are over, or the wait for a key is."""
        event = self._event
        if event is None:
            return
        waited, self.now = self._until - self.now, self._until
        if isinstance(event, TimerFired):
            self._tell("time", f"{waited:g} s pass without a key")
        self._feed(event, "no key" if isinstance(event, TimerFired) else "")

    def answer(self, answer: Returned | LookedUp | Heard) -> None:
        """To what was asked."""
        self.asked = None
        if isinstance(answer, LookedUp):
            found = ", ".join(f"{name} = {literal(value)}" for name, value in answer.values.items())
            said = answer.answer + (f": {found}" if found else "")
            self._tell("lookup", said + (f" ({answer.problem})" if answer.problem else ""))
            self._feed(answer, answer.answer)
        elif isinstance(answer, Heard):
            self._tell("lookup", answer.text or "nothing was understood")
            self._feed(answer, answer.text)
        else:
            self._tell("lookup", answer.result)
            self._feed(answer, answer.result)

    def hear(self, event: Input) -> None:
        """Anything else that a node waits for."""
        self._feed(event)

    def _feed(self, event: Input, why: str = "") -> None:
        context = self._context_at(self.now)
        before = self._state
        told = False

        def seen(state: FlowState, node: Node | None, outcome: Outcome) -> None:
            nonlocal told
            if why and not told:
                self._tell("why", f"{why} → {state.node}")
            told = True
            kind = node.do if node is not None else "no such node"
            self._tell("node", f"{state.flow}.{state.node} ({kind})")
            if node is not None:
                for line in explain(state, node, outcome, context):
                    self._tell("why", line)

        self._event = None if isinstance(event, PromptsEnded | TimerFired) else self._event
        self._state, asked = step(self._flows, before, event, context, seen)
        for action in asked:
            self._do(action)
        if not self._state.waiting:
            self.over, self._event = True, None
        elif self._state.waiting == WAIT_RESULT:
            self._event = None

    def _do(self, action: Action) -> None:
        match action:
            case actions.PlayPrompts(prompts=prompts, language=language):
                self._tell("play", f"{', '.join(prompts)} [{language}]")
                self._until = self.now + sum(self._prompt_s(prompt, language) for prompt in prompts)
                self._event = PromptsEnded()
            case actions.StopPrompts():
                self._event = None
            case actions.StartTimer(timer=timer, seconds=seconds):
                self._until, self._event = self.now + seconds, TimerFired(timer=timer)
            case LookUp():
                given = ", ".join(f"{name} = {value!r}" for name, value in action.parameters.items())
                self._tell("lookup", f"{action.lookup}({'(masked)' if self._state.masked else given})")
                self.asked = action
            case actions.Dial(give_back=True) | actions.RecordMessage():
                self._tell("end" if self.over else "lookup", _told(action))
                self.asked = action
            case Listen() | StopListening():
                self._tell("lookup", _told(action))
            case AskAnswer():
                self._tell("lookup", "what was said?")
                self.asked = action
            case _:
                self._tell("end", _told(action))
                if self._state.problem:
                    self._tell("why", f"the flow failed: {self._state.problem}")

    def _tell(self, kind: str, text: str) -> None:
        self.lines.append(Line(round(self.now, 3), kind, text))


def _told(action: Action) -> str:
    """`enqueue queue=sales priority=5`."""
    given = {
        name: value for name, value in asdict(action).items() if value not in ("", (), {}, 0, 0.0, False)
    }
    words = " ".join(f"{name}={value}" for name, value in given.items())
    return f"{type(action).__name__.lower()} {words}".strip()
