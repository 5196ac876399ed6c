"""One input into a flow, as a pure function: nodes that need no wait are run through until one waits or the flow ends.

What each waiting state does with each input is `_HANDLED`; every other pair is ignored, because prompts, timers and
keys cross each other on their way: a timer that was overtaken by a key is no fault.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from softswitch.config.flow import (
    DEFAULT_RING_S,
    Branch,
    Collect,
    Dial,
    Enqueue,
    Flow,
    Hangup,
    Menu,
    Node,
    Play,
    Record,
    Say,
    Set,
    Transfer,
    prompt_names,
)
from softswitch.config.subflows import Call, Return
from softswitch.config.target import Target
from softswitch.ivr import actions
from softswitch.ivr.actions import (
    Action,
    Begin,
    FlowContext,
    FlowState,
    Input,
    Key,
    PromptsEnded,
    Returned,
    StopPrompts,
    TimerFired,
)
from softswitch.ivr.expression import ExpressionError
from softswitch.ivr.keypad import collect_key, enter_collect, enter_menu, menu_key, prompts_ended, timed_out
from softswitch.ivr.kinds import KINDS, kind_of
from softswitch.ivr.outcome import WAIT_KEY, WAIT_PROMPT, WAIT_RESULT, Outcome, end, fault, go, play
from softswitch.ivr.say import UnspeakableError, date_prompts, time_prompts, value_prompts
from softswitch.ivr.set_node import enter_set
from softswitch.ivr.subflow import enter_call, enter_return
from softswitch.ivr.template import filled
from softswitch.ivr.value import Value
from softswitch.ivr.values import branch_target, filled_target, variable

MAX_NODES = 100
"""Nodes entered for one input; a flow that wants more goes in circles."""
MAX_TYPED_AHEAD = 32
KEYS = frozenset("0123456789*#ABCD")
Seen = Callable[[FlowState, Node | None, Outcome], None]
"""Is told of each node that was entered: the state on entering, the node, what came of it."""


def _unseen(state: FlowState, node: Node | None, outcome: Outcome) -> None:
    del state, node, outcome


def begin(
    flow_name: str,
    flow: Flow,
    language: str,
    *,
    priority: int = 0,
    skills: Mapping[str, int] | None = None,
    variables: Mapping[str, Value] | None = None,
) -> FlowState:
    """State of a caller who is about to enter a flow; the first input is `Begin`."""
    return FlowState(
        flow=flow_name,
        node=flow.start,
        language=language,
        priority=priority,
        skills=skills or {},
        variables=variables or {},
    )


def step(
    flows: Mapping[str, Flow],
    state: FlowState,
    input: Input,
    context: FlowContext,
    seen: Seen = _unseen,
) -> tuple[FlowState, tuple[Action, ...]]:
    """What the flow makes of `input`; never raises, whatever the flow and the input are."""
    if isinstance(input, Begin):
        outcome = Outcome(state, (), state.node)
    elif isinstance(input, Key) and input.digit not in KEYS:
        return state, ()
    else:
        outcome = _hear(flows, state, input, context)
    done = list(outcome.actions)
    for _ in range(MAX_NODES):
        if not outcome.next:
            return outcome.state, tuple(done)
        outcome = _enter(flows, outcome.state, outcome.next, context, seen)
        done += outcome.actions
    if outcome.next:
        outcome = fault(outcome.state, f"{MAX_NODES} nodes without a wait, at {state.flow}.{outcome.next}")
        done += outcome.actions
    return outcome.state, tuple(done)


def _find(flows: Mapping[str, Flow], flow: str, node: str) -> Node | None:
    return flows[flow].node.get(node) if flow in flows else None


def _enter(
    flows: Mapping[str, Flow], state: FlowState, name: str, context: FlowContext, seen: Seen
) -> Outcome:
    node = _find(flows, state.flow, name)
    state = replace(state, node=name, digits="", attempt=0, part=0, waiting="")
    outcome = _entered(flows, node, state, context)
    seen(state, node, outcome)
    return outcome


def _entered(flows: Mapping[str, Flow], node: Node | None, state: FlowState, context: FlowContext) -> Outcome:
    match node:
        case None:
            return fault(state, f"no node {state.flow}.{state.node}")
        case Play():
            return _sound(state, prompt_names(node.prompt), node)
        case Say():
            return _sound(state, _said(node, state, context), node)
        case Menu():
            return enter_menu(node, state)
        case Collect():
            return enter_collect(node, state)
        case Branch():
            return go(state, branch_target(node, state, context))
        case Set():
            return enter_set(node, state, context)
        case Enqueue():
            return _enter_enqueue(node, state, context)
        case Dial():
            return _enter_dial(node, state, context)
        case Transfer():
            return _enter_transfer(flows, node, state)
        case Record():
            return Outcome(replace(state, waiting=WAIT_RESULT), (actions.RecordMessage(box=node.box),))
        case Hangup():
            return end(state, actions.Hangup(cause=node.cause))
        case Call():
            return enter_call(flows, node, state, context)
        case Return():
            return enter_return(flows, node, state)
        case _:
            return kind_of(node).enter(node, state, context)


def _sound(state: FlowState, prompts: tuple[str, ...], node: Play | Say) -> Outcome:
    """Prompts that a key skips are skipped when the key is there already."""
    if not prompts or (node.interruptible and state.typed_ahead):
        return go(state, node.next)
    return play(state, prompts)


def _said(say: Say, state: FlowState, context: FlowContext) -> tuple[str, ...]:
    try:
        if say.value or say.variable:
            value = filled(say.value, state, context) or variable(say.variable, state, context)
            return value_prompts(say.what, value, state.language, say.gender)
        if say.what == "time":
            return time_prompts(*context.local_time, state.language)
        if say.what == "date" and context.local_date is not None:
            return date_prompts(*context.local_date, state.language)
    except (UnspeakableError, ExpressionError):
        return ()
    return ()


def _enter_enqueue(node: Enqueue, state: FlowState, context: FlowContext) -> Outcome:
    try:
        queue = filled(node.queue, state, context)
        agents = [filled(name, state, context) for name in node.agents]
    except ExpressionError as error:
        return fault(state, str(error))
    if queue != node.queue and queue not in context.queues:
        unknown = f"no queue {queue!r}, which {state.flow}.{state.node} has computed"
        return go(state, node.on_unknown) if node.on_unknown else fault(state, unknown)
    enqueue = replace(
        _enqueue(queue, state),
        preferred=node.preferred_skills,
        agents=tuple(agent for agent in agents if agent),
        agents_s=node.agents_s,
    )
    return end(state, enqueue)


def _enqueue(queue: str, state: FlowState) -> actions.Enqueue:
    return actions.Enqueue(queue=queue, priority=state.priority, skills=state.skills)


def _enter_dial(node: Dial, state: FlowState, context: FlowContext) -> Outcome:
    gives_back = any((node.on_busy, node.on_no_answer, node.on_failed, node.next))
    try:
        target = filled_target(node.target, state, context)
    except ValueError as error:
        return go(state, node.on_failed or node.next) if gives_back else fault(state, str(error))
    dial = actions.Dial(target=str(target), give_back=gives_back, ring_s=node.ring_s)
    return Outcome(replace(state, waiting=WAIT_RESULT), (dial,)) if gives_back else end(state, dial)


def _enter_transfer(flows: Mapping[str, Flow], node: Transfer, state: FlowState) -> Outcome:
    try:
        target = Target.parse(node.target)
    except ValueError as error:
        return fault(state, str(error))
    if target.kind == "flow":
        if target.name not in flows:
            return fault(state, f"no flow {target.name}")
        return go(replace(state, flow=target.name, stack=()), flows[target.name].start)
    if target.kind == "queue":
        return end(state, _enqueue(target.name, state))
    if target.kind == "hangup":
        return end(state, actions.Hangup(cause=target.name))
    return end(state, actions.Dial(target=str(target), give_back=False, ring_s=DEFAULT_RING_S))


def _hear(flows: Mapping[str, Flow], state: FlowState, input: Input, context: FlowContext) -> Outcome:
    """The node that waits gets the input; one that is gone after a reload ends the call."""
    handler = _HANDLED.get((state.waiting, type(input)))
    node = _find(flows, state.flow, state.node)
    kind = KINDS.get(type(node))
    if not state.waiting or (handler is None and kind is None):
        return Outcome(state)
    if node is None:
        return fault(state, f"no node {state.flow}.{state.node}")
    if kind is not None:
        return kind.hear(node, state, input, context)
    return handler(node, state, input) if handler is not None else Outcome(state)


def _key(node: Node, state: FlowState, input: Input) -> Outcome:
    assert isinstance(input, Key)
    if isinstance(node, Menu):
        return menu_key(node, state, input.digit)
    if isinstance(node, Collect):
        return collect_key(node, state, input.digit)
    kept = replace(state, typed_ahead=(state.typed_ahead + input.digit)[:MAX_TYPED_AHEAD])
    if isinstance(node, Play | Say) and node.interruptible:
        return go(kept, node.next, StopPrompts())
    return Outcome(kept)


def _prompts_ended(node: Node, state: FlowState, _: Input) -> Outcome:
    if isinstance(node, Menu | Collect):
        return prompts_ended(node, state)
    return go(state, node.next) if isinstance(node, Play | Say) else _again(state)


def _timer_fired(node: Node, state: FlowState, input: Input) -> Outcome:
    assert isinstance(input, TimerFired)
    if input.timer != state.timer:
        return Outcome(state)
    return timed_out(node, state) if isinstance(node, Menu | Collect) else _again(state)


def _returned(node: Node, state: FlowState, input: Input) -> Outcome:
    assert isinstance(input, Returned)
    if isinstance(node, Record):
        return go(state, (node.on_empty if input.result == "empty" else "") or node.next)
    if isinstance(node, Dial):
        by_result = {"busy": node.on_busy, "no-answer": node.on_no_answer}
        return go(state, by_result.get(input.result.replace(" ", "-"), node.on_failed) or node.next)
    return _again(state)


def _again(state: FlowState) -> Outcome:
    """A reload has made another kind of the node in which the caller waits: it is entered anew."""
    return Outcome(state, (), state.node)


_HANDLED: dict[tuple[str, type[Input]], Callable[[Node, FlowState, Input], Outcome]] = {
    (WAIT_PROMPT, Key): _key,
    (WAIT_PROMPT, PromptsEnded): _prompts_ended,
    (WAIT_KEY, Key): _key,
    (WAIT_KEY, TimerFired): _timer_fired,
    (WAIT_RESULT, Returned): _returned,
}
