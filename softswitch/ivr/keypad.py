"""Menus and collected digits: prompts that a key cuts, tries that are counted, keys that were typed ahead.

A try ends in a valid choice, in silence (`on_timeout`) or in something invalid (`on_failure`). After the first of the
last two the prompts come again, as often as `retries` says; keys typed ahead are forgotten then, since they were meant
for what went wrong.
"""

from dataclasses import replace

from softswitch.config.flow import Collect, Menu, prompt_names
from softswitch.ivr.actions import Action, FlowState, StopPrompts
from softswitch.ivr.outcome import WAIT_PROMPT, Outcome, go, play, wait_key


def enter_menu(menu: Menu, state: FlowState) -> Outcome:
    if state.typed_ahead:
        key, rest = state.typed_ahead[0], state.typed_ahead[1:]
        return menu_key(menu, replace(state, typed_ahead=rest), key)
    if prompt_names(menu.prompt):
        return play(state, menu.prompt)
    return wait_key(state, menu.timeout_s)


def menu_key(menu: Menu, state: FlowState, key: str) -> Outcome:
    cut = _cut(state)
    if key not in menu.keys:
        return _try_again(menu, state, cut, invalid=True)
    variables = {**state.variables, menu.variable: key} if menu.variable else state.variables
    return go(replace(state, variables=variables), menu.keys[key], *cut)


def enter_collect(collect: Collect, state: FlowState) -> Outcome:
    """Keys typed ahead count as pressed now, up to where the input is complete."""
    while state.typed_ahead:
        key, rest = state.typed_ahead[0], state.typed_ahead[1:]
        outcome = collect_key(collect, replace(state, typed_ahead=rest), key)
        if outcome.next or not outcome.state.digits:
            return outcome
        state = replace(state, typed_ahead=rest, digits=outcome.state.digits)
    if state.digits:
        return wait_key(state, collect.inter_digit_timeout_s)
    if prompt_names(collect.prompt):
        return play(state, collect.prompt)
    return wait_key(state, collect.first_digit_timeout_s)


def collect_key(collect: Collect, state: FlowState, key: str) -> Outcome:
    cut = _cut(state)
    if key == collect.terminator:
        return _complete(collect, state, cut)
    state = replace(state, digits=state.digits + key)
    if len(state.digits) >= collect.max_digits:
        return _complete(collect, state, cut)
    return wait_key(state, collect.inter_digit_timeout_s, *cut)


def timed_out(node: Menu | Collect, state: FlowState) -> Outcome:
    """The wait for a key is over."""
    if isinstance(node, Collect) and state.digits:
        return _complete(node, state, ())
    return _try_again(node, state, (), invalid=False)


def prompts_ended(node: Menu | Collect, state: FlowState) -> Outcome:
    return wait_key(state, node.timeout_s if isinstance(node, Menu) else node.first_digit_timeout_s)


def _complete(collect: Collect, state: FlowState, cut: tuple[Action, ...]) -> Outcome:
    digits = state.digits
    valid = (
        collect.min_digits <= len(digits) <= collect.max_digits
        and (not collect.length or len(digits) in collect.length)
        and (not collect.allowed or digits.startswith(collect.allowed))
    )
    if not valid:
        return _try_again(collect, state, cut, invalid=True)
    hidden = {*state.masked, collect.variable} if collect.masked else {*state.masked} - {collect.variable}
    variables = {**state.variables, collect.variable: digits}
    return go(replace(state, variables=variables, masked=tuple(sorted(hidden))), collect.next, *cut)


def _try_again(node: Menu | Collect, state: FlowState, cut: tuple[Action, ...], *, invalid: bool) -> Outcome:
    state = replace(state, attempt=state.attempt + 1, digits="", typed_ahead="")
    if state.attempt > node.retries:
        return go(state, node.on_failure if invalid else node.on_timeout or node.on_failure, *cut)
    prompts = (node.on_invalid, *prompt_names(node.prompt)) if invalid else prompt_names(node.prompt)
    if any(prompts):
        return play(state, prompts, *cut)
    return wait_key(state, node.timeout_s if isinstance(node, Menu) else node.first_digit_timeout_s, *cut)


def _cut(state: FlowState) -> tuple[Action, ...]:
    return (StopPrompts(),) if state.waiting == WAIT_PROMPT else ()
