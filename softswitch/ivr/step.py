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
from softswitch.ivr.keypad import collect_key, enter_collect, enter_menu, menu_key, prompts_ended, timed_out
from softswitch.ivr.outcome import WAIT_KEY, WAIT_PROMPT, WAIT_RESULT, Outcome, end, fault, go, play
from softswitch.ivr.say import UnspeakableError, date_prompts, time_prompts, value_prompts
from softswitch.ivr.values import branch_target, filled_target, variable

MAX_NODES = 100
"""Nodes entered for one input; a flow that wants more goes in circles."""
MAX_TYPED_AHEAD = 32
KEYS = frozenset("0123456789*#ABCD")


def begin(
    flow_name: str,
    flow: Flow,
    language: str,
    *,
    priority: int = 0,
    skills: Mapping[str, int] | None = None,
    variables: Mapping[str, str] | None = None,
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
    flows: Mapping[str, Flow], state: FlowState, input: Input, context: FlowContext
) -> tuple[FlowState, tuple[Action, ...]]:
    """What the flow makes of `input`; never raises, whatever the flow and the input are."""
    if isinstance(input, Begin):
        outcome = Outcome(state, (), state.node)
    elif isinstance(input, Key) and input.digit not in KEYS:
        return state, ()
    else:
        outcome = _hear(flows, state, input)
    done = list(outcome.actions)
    for _ in range(MAX_NODES):
        if not outcome.next:
            return outcome.state, tuple(done)
        outcome = _enter(flows, outcome.state, outcome.next, context)
        done += outcome.actions
    if outcome.next:
        outcome = fault(outcome.state, f"{MAX_NODES} nodes without a wait, at {state.flow}.{outcome.next}")
        done += outcome.actions
    return outcome.state, tuple(done)


def _find(flows: Mapping[str, Flow], flow: str, node: str) -> Node | None:
    return flows[flow].node.get(node) if flow in flows else None


def _enter(flows: Mapping[str, Flow], state: FlowState, name: str, context: FlowContext) -> Outcome:
    node = _find(flows, state.flow, name)
    state = replace(state, node=name, digits="", attempt=0, waiting="")
    match node:
        case None:
            return fault(state, f"no node {state.flow}.{name}")
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
            return _enter_set(node, state)
        case Enqueue():
            return end(state, _enqueue_as(node, state))
        case Dial():
            return _enter_dial(node, state, context)
        case Transfer():
            return _enter_transfer(flows, node, state)
        case Record():
            return Outcome(replace(state, waiting=WAIT_RESULT), (actions.RecordMessage(box=node.box),))
        case Hangup():
            return end(state, actions.Hangup(cause=node.cause))


def _sound(state: FlowState, prompts: tuple[str, ...], node: Play | Say) -> Outcome:
    """Prompts that a key skips are skipped when the key is there already."""
    if not prompts or (node.interruptible and state.typed_ahead):
        return go(state, node.next)
    return play(state, prompts)


def _said(say: Say, state: FlowState, context: FlowContext) -> tuple[str, ...]:
    try:
        if say.value or say.variable:
            value = say.value or variable(say.variable, state, context)
            return value_prompts(say.what, value, state.language, say.gender)
        if say.what == "time":
            return time_prompts(*context.local_time, state.language)
        if say.what == "date" and context.local_date is not None:
            return date_prompts(*context.local_date, state.language)
    except UnspeakableError:
        return ()
    return ()


def _enter_set(node: Set, state: FlowState) -> Outcome:
    changed = replace(
        state,
        language=node.language or state.language,
        priority=state.priority if node.priority is None else node.priority,
        skills={**state.skills, **node.skills},
        variables={**state.variables, **node.variables},
    )
    return go(changed, node.next)


def _enqueue_as(node: Enqueue, state: FlowState) -> actions.Enqueue:
    agents = (
        state.variables.get(name.strip("{}"), "") if name.startswith("{") else name for name in node.agents
    )
    return replace(
        _enqueue(node.queue, state),
        preferred=node.preferred_skills,
        agents=tuple(agent for agent in agents if agent),
        agents_s=node.agents_s,
    )


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
        return go(replace(state, flow=target.name), flows[target.name].start)
    if target.kind == "queue":
        return end(state, _enqueue(target.name, state))
    if target.kind == "hangup":
        return end(state, actions.Hangup(cause=target.name))
    return end(state, actions.Dial(target=str(target), give_back=False, ring_s=DEFAULT_RING_S))


def _hear(flows: Mapping[str, Flow], state: FlowState, input: Input) -> Outcome:
    """The node that waits gets the input; one that is gone after a reload ends the call."""
    handler = _HANDLED.get((state.waiting, type(input)))
    if handler is None:
        return Outcome(state)
    node = _find(flows, state.flow, state.node)
    if node is None:
        return fault(state, f"no node {state.flow}.{state.node}")
    return handler(node, state, input)


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
