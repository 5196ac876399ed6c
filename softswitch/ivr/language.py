"""The node that settles the language: by a variable, by the caller's number, else by a key."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from softswitch.config.language_node import Language
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
from softswitch.ivr.outcome import WAIT_KEY, WAIT_PROMPT, Outcome, go, play, wait_key
from softswitch.ivr.say import LANGUAGES, digit_prompts
from softswitch.ivr.values import variable


def settled(node: Language, state: FlowState, context: FlowContext) -> str:
    """The language that needs no question; empty: it has to be asked for."""
    known = variable(node.variable, state, context) if node.variable else ""
    if known in LANGUAGES:
        return known
    fitting = [prefix for prefix in node.prefixes if prefix and context.ani.startswith(prefix)]
    return node.prefixes[max(fitting, key=len)] if fitting else ""


def _enter(node: Language, state: FlowState, context: FlowContext) -> Outcome:
    language = settled(node, state, context)
    if language:
        return go(replace(state, language=language), node.next)
    if not node.keys:
        return go(state, node.next)
    if state.typed_ahead:
        return _pressed(node, replace(state, typed_ahead=state.typed_ahead[1:]), state.typed_ahead[0], ())
    return _tell(node, state)


def _tell(node: Language, state: FlowState) -> Outcome:
    """The choice whose turn it is, in its own language; after the last one, the wait for a key."""
    choices = list(node.keys.items())
    if state.part >= len(choices) or not node.prompt:
        return wait_key(state, node.timeout_s)
    key, language = choices[state.part]
    told = play(replace(state, language=language), (node.prompt, *digit_prompts(key)))
    return Outcome(replace(told.state, language=state.language), told.actions)


def _hear(node: Language, state: FlowState, input: Input, context: FlowContext) -> Outcome:
    del context
    match input:
        case Key(digit=digit):
            cut = (StopPrompts(),) if state.waiting == WAIT_PROMPT else ()
            return _pressed(node, state, digit, cut)
        case PromptsEnded() if state.waiting == WAIT_PROMPT:
            return _tell(node, replace(state, part=state.part + 1))
        case TimerFired(timer=timer) if state.waiting == WAIT_KEY and timer == state.timer:
            return go(state, node.next)
    return Outcome(state)


def _pressed(node: Language, state: FlowState, key: str, cut: tuple[Action, ...]) -> Outcome:
    return go(replace(state, language=node.keys.get(key, state.language)), node.next, *cut)


def _check(node: Language, known: KnownNames) -> Iterable[Fault]:
    return _faults(node, known)


def _faults(node: Language, known: KnownNames) -> Iterator[Fault]:
    if not (node.variable or node.prefixes or node.keys):
        yield Fault("", "settles nothing: give `variable`, `prefixes` or `keys`")
    if node.keys and node.prompt and node.prompt not in known.prompts:
        yield Fault("prompt", f"there is no prompt {node.prompt!r}{suggestion(node.prompt, known.prompts)}")
    for prefix in node.prefixes:
        if not prefix.removeprefix("+").isdecimal():
            yield Fault(
                f"prefixes.{prefix}", f"{prefix!r} is no beginning of a number; expected +34, 00 or 6"
            )


def _detail(node: Language) -> str:
    return ", ".join(f"{key} {language}" for key, language in (*node.prefixes.items(), *node.keys.items()))


LANGUAGE = Kind(
    enter=_enter,
    hear=_hear,
    edges=lambda node: (Edge("next", "", node.next, True),),
    detail=_detail,
    reads=lambda node: frozenset(filter(None, (node.variable,))),
    check=_check,
    waits=False,
)
