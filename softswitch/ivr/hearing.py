"""A spoken answer: prompts that speech and keys cut, time to speak, what the recogniser understood, and the tries.

A recogniser listens from the first word of the prompt on, so that an answer that comes early is heard. Whatever becomes of
it, the node ends: an answer, the tries used up, or no recogniser; then keys or `on_failure` serve the caller.
"""

from collections.abc import Iterator
from dataclasses import replace

from softswitch.config.flow import prompt_names
from softswitch.config.voice_nodes import Hear
from softswitch.ivr.actions import (
    Action,
    FlowContext,
    FlowState,
    Input,
    Key,
    PromptsEnded,
    StopPrompts,
    TimerFired,
)
from softswitch.ivr.edge import Edge
from softswitch.ivr.fault import Fault, KnownNames, suggestion
from softswitch.ivr.kind import Kind
from softswitch.ivr.outcome import WAIT_KEY, WAIT_PROMPT, WAIT_RESULT, Outcome, go, play, wait_key
from softswitch.ivr.value import Type, printable
from softswitch.ivr.voice_actions import AskAnswer, Heard, Listen, SpeechBegan, StopListening
from softswitch.ivr.words import first_case, words

LONGEST_TEXT = 500
"""Of what is understood so much is kept."""


def _enter(node: Hear, state: FlowState, context: FlowContext) -> Outcome:
    del context
    if state.typed_ahead and node.keys:
        key, rest = state.typed_ahead[0], state.typed_ahead[1:]
        return _key(node, replace(state, typed_ahead=rest), key)
    return _ask(node, state)


def _ask(node: Hear, state: FlowState, *before: Action) -> Outcome:
    hints = tuple(dict.fromkeys((*node.cases, *node.hints)))
    listen = Listen(recogniser=node.recogniser, language=state.language, hints=hints)
    if prompt_names(node.prompt):
        return play(state, node.prompt, *before, listen)
    return wait_key(state, node.timeout_s, *before, listen)


def _key(node: Hear, state: FlowState, key: str) -> Outcome:
    """Without keys of its own the node leaves them to the next one that asks for some."""
    if not node.keys:
        return Outcome(replace(state, typed_ahead=(state.typed_ahead + key)[:32]))
    if key not in node.keys:
        return _try_again(node, state)
    return go(_with(node, state, key), node.keys[key], *_done(state))


def _hear(node: Hear, state: FlowState, input: Input, context: FlowContext) -> Outcome:
    del context
    match input:
        case Key():
            return _key(node, state, input.digit)
        case Heard():
            return _heard(node, state, input)
        case SpeechBegan() if state.waiting == WAIT_PROMPT:
            return wait_key(state, node.timeout_s, StopPrompts())
        case PromptsEnded() if state.waiting == WAIT_PROMPT:
            return wait_key(state, node.timeout_s)
        case TimerFired() if state.waiting == WAIT_KEY and input.timer == state.timer:
            # What he has said until now is all there will be.
            return Outcome(replace(state, waiting=WAIT_RESULT), (AskAnswer(),))
        case _:
            return Outcome(state)


def _heard(node: Hear, state: FlowState, what: Heard) -> Outcome:
    if what.problem and state.waiting != WAIT_RESULT:
        if node.on_failure or not node.keys:
            return go(state, node.on_failure, *_done(state))
        return Outcome(state)  # the keys are still there, until the time is over
    text = " ".join(printable(what.text).split())[:LONGEST_TEXT]
    if text and what.confidence >= node.min_confidence:
        led_to = first_case(node.cases, text) or node.next
        if led_to:
            return go(_with(node, state, text), led_to, *_done(state))
    return _try_again(node, state)


def _with(node: Hear, state: FlowState, answer: str) -> FlowState:
    return replace(state, variables={**state.variables, node.variable: answer})


def _done(state: FlowState) -> tuple[Action, ...]:
    stop = StopListening()
    return (StopPrompts(), stop) if state.waiting == WAIT_PROMPT else (stop,)


def _try_again(node: Hear, state: FlowState) -> Outcome:
    done = _done(state)
    state = replace(state, attempt=state.attempt + 1, typed_ahead="")
    if state.attempt > node.retries:
        return go(state, node.on_failure, *done)
    return _ask(node, state, *done)


def _edges(node: Hear) -> tuple[Edge, ...]:
    return (
        *(Edge(f"cases.{case}", f"“{case}”", to, False) for case, to in node.cases.items()),
        *(Edge(f"keys.{key}", key, to, False) for key, to in node.keys.items()),
        Edge("next", "anything else", node.next, False),
        Edge("on_failure", "failure", node.on_failure, True),
    )


def _check(node: Hear, known: KnownNames) -> Iterator[Fault]:
    for name in prompt_names(node.prompt):
        if name not in known.prompts:
            yield Fault("prompt", f"there is no prompt {name!r}{suggestion(name, known.prompts)}")
    if node.recogniser not in known.recognisers:
        near = suggestion(node.recogniser, known.recognisers)
        yield Fault("recogniser", f"there is no recogniser {node.recogniser!r}{near}")
    for case in node.cases:
        if not words(case):
            yield Fault(f"cases.{case}", "has no word that could be heard")
    if not node.cases and not node.next:
        yield Fault("cases", "whatever is understood leads nowhere; give `cases` or `next`")


HEAR = Kind(
    enter=_enter,
    hear=_hear,
    edges=_edges,
    ends=lambda node: not node.on_failure,
    detail=lambda node: f"{node.variable} by {node.recogniser}",
    sets=lambda node: {node.variable: Type.TEXT},
    check=_check,
)
