"""The directory by name: letters on the keys, names that begin so, one of them chosen by a key; as a menu and its tries.

Who presses a whole name is not interrupted: names are read out when no further letter has come for a moment.
`FlowState.digits` holds the letters; with `+` behind them more were asked for, with `=` names have been read out and a
choice is awaited.
"""

from collections.abc import Iterator
from dataclasses import replace

from softswitch.config.flow import prompt_names
from softswitch.config.voice_nodes import Directory
from softswitch.ivr import actions
from softswitch.ivr.actions import (
    Action,
    FlowContext,
    FlowState,
    Input,
    Key,
    PromptsEnded,
    Returned,
    StopPrompts,
    TimerFired,
)
from softswitch.ivr.edge import Edge
from softswitch.ivr.fault import Fault, KnownNames, suggestion
from softswitch.ivr.kind import Kind
from softswitch.ivr.outcome import WAIT_KEY, WAIT_PROMPT, WAIT_RESULT, Outcome, end, go, play, wait_key
from softswitch.ivr.voice_actions import TEXT, Person

_CHOOSING, _ASKED = "=", "+"
_LETTERS = frozenset("23456789")
SETTLE_S = 1.5
"""Between the last letter and the names."""
LONGEST = 12
"""Letters after which no more are asked for."""
NONE_FOUND, MORE, PRESS = "directory-none", "directory-more", "directory-press"


def found(node: Directory, people: tuple[Person, ...], letters: str) -> tuple[Person, ...]:
    """Whose name begins with the letters: by name, each target once."""
    kind = {"agents": "agent:", "phones": "extension:", "all": ""}[node.of]
    fits = {
        person.target: person
        for person in people
        if person.target.startswith(kind) and _begins(node.by, person.keys, letters)
    }
    return tuple(sorted(fits.values(), key=lambda person: (person.name.casefold(), person.target)))


def _begins(by: str, keys: tuple[str, ...], letters: str) -> bool:
    if not keys or not letters:
        return False
    looked_at = {"first": keys[:1], "last": keys[-1:]}.get(by, (*keys, "".join(keys)))
    return any(word.startswith(letters) for word in looked_at)


def _enter(node: Directory, state: FlowState, context: FlowContext) -> Outcome:
    if not state.typed_ahead:
        return _ask(node, state, ())
    outcome = Outcome(replace(state, waiting=WAIT_PROMPT))
    while outcome.state.typed_ahead and not outcome.next and outcome.state.waiting != WAIT_RESULT:
        key, rest = outcome.state.typed_ahead[0], outcome.state.typed_ahead[1:]
        outcome = _key(node, replace(outcome.state, typed_ahead=rest), key, context)
    return outcome


def _key(node: Directory, state: FlowState, key: str, context: FlowContext) -> Outcome:
    cut = (StopPrompts(),) if state.waiting == WAIT_PROMPT else ()
    if state.digits.endswith(_CHOOSING):
        return _chosen(node, state, key, context, cut)
    if key == "*":
        return _ask(node, replace(state, digits=""), cut)
    if key == "#":
        return _look(node, state, context, cut, enough=True)
    if key not in _LETTERS:
        return _try_again(node, state, cut)
    state = replace(state, digits=state.digits.removesuffix(_ASKED) + key)
    if len(state.digits) < node.min_letters:
        return wait_key(state, node.timeout_s, *cut)
    if len(state.digits) >= LONGEST or not found(node, context.people, state.digits):
        return _look(node, state, context, cut, enough=True)
    return wait_key(state, min(SETTLE_S, node.timeout_s), *cut)


def _hear(node: Directory, state: FlowState, input: Input, context: FlowContext) -> Outcome:
    match input:
        case Returned():
            return go(state, node.next) if state.waiting == WAIT_RESULT else Outcome(state)
        case _ if state.waiting == WAIT_RESULT:
            return Outcome(state)
        case Key():
            return _key(node, state, input.digit, context)
        case PromptsEnded() if state.waiting == WAIT_PROMPT:
            return wait_key(state, node.timeout_s)
        case TimerFired() if state.waiting == WAIT_KEY and input.timer == state.timer:
            if state.digits and not state.digits.endswith(_CHOOSING):
                asked = state.digits.endswith(_ASKED) or len(state.digits) < node.min_letters
                return _look(node, state, context, (), enough=asked)
            return _try_again(node, state, ())
        case _:
            return Outcome(state)


def _ask(node: Directory, state: FlowState, cut: tuple[Action, ...], *before: str) -> Outcome:
    return play(state, (*before, *prompt_names(node.prompt)), *cut)


def _look(
    node: Directory, state: FlowState, context: FlowContext, cut: tuple[Action, ...], *, enough: bool
) -> Outcome:
    """Read out who may be meant; `enough`: no more letters are asked for."""
    state = replace(state, digits=state.digits.removesuffix(_ASKED))
    people = found(node, context.people, state.digits)
    if not people:
        return _try_again(node, state, cut, NONE_FOUND if state.digits else "")
    if len(people) > node.most and not enough:
        return play(replace(state, digits=state.digits + _ASKED), MORE, *cut)
    names = [
        part
        for number, person in enumerate(people[: node.most], 1)
        for part in (TEXT + person.name, PRESS, f"n-{number}")
    ]
    return play(replace(state, digits=state.digits + _CHOOSING), tuple(names), *cut)


def _chosen(
    node: Directory, state: FlowState, key: str, context: FlowContext, cut: tuple[Action, ...]
) -> Outcome:
    people = found(node, context.people, state.digits.removesuffix(_CHOOSING))[: node.most]
    if key == "*":
        return _ask(node, replace(state, digits=""), cut)
    if not key.isdigit() or not 1 <= int(key) <= len(people):
        return _try_again(node, state, cut)
    dial = actions.Dial(target=people[int(key) - 1].target, give_back=bool(node.next), ring_s=node.ring_s)
    if node.next:
        return Outcome(replace(state, waiting=WAIT_RESULT), (*cut, dial))
    return end(state, *cut, dial)


def _try_again(node: Directory, state: FlowState, cut: tuple[Action, ...], said: str = "") -> Outcome:
    state = replace(state, attempt=state.attempt + 1, digits="", typed_ahead="")
    if state.attempt > node.retries:
        return go(state, node.on_failure, *cut)
    return _ask(node, state, cut, *filter(None, (said,)))


def _check(node: Directory, known: KnownNames) -> Iterator[Fault]:
    for name in (*prompt_names(node.prompt), NONE_FOUND, MORE, PRESS):
        if name not in known.prompts:
            yield Fault("prompt", f"there is no prompt {name!r}{suggestion(name, known.prompts)}")


DIRECTORY = Kind(
    enter=_enter,
    hear=_hear,
    edges=lambda node: (
        Edge("on_failure", "failure", node.on_failure, True),
        Edge("next", "no answer", node.next, True),
    ),
    ends=lambda node: not node.next or not node.on_failure,
    detail=lambda node: f"{node.of} by {node.by} name",
    check=_check,
)
