"""Values that nodes read: variables with the numbers of the call among them, cases of branches, targets with variables."""

import re
from collections.abc import Mapping

from softswitch.config.flow import Branch
from softswitch.config.target import Target
from softswitch.ivr import evaluate
from softswitch.ivr.actions import FlowContext, FlowState
from softswitch.ivr.expression import ExpressionError, names_in, parse
from softswitch.ivr.template import Template
from softswitch.ivr.value import Value, text_of
from softswitch.patterns import Pattern

PREFIX = "prefix:"
_DIALLABLE = re.compile(r"[0-9]{1,32}")


def variable(name: str, state: FlowState, context: FlowContext) -> str:
    """A variable of the flow, or one that every call has, as text; one that was never set is empty."""
    return text_of(evaluate.variable(name, state, context))


def branch_target(branch: Branch, state: FlowState, context: FlowContext) -> str:
    """The node that the branch leads to at this moment."""
    match branch.on:
        case "hours":
            if context.holiday.get(branch.calendar, False) and "holiday" in branch.cases:
                return branch.cases["holiday"]
            value = "open" if context.open.get(branch.calendar, False) else "closed"
        case "holiday":
            value = "yes" if context.holiday.get(branch.calendar, False) else "no"
        case "language":
            value = state.language
        case "ani" | "dnis":
            return (
                matching_case(branch.cases, context.ani if branch.on == "ani" else context.dnis)
                or branch.default
            )
        case "condition":
            return holding_case(branch.cases, state, context) or branch.default
        case "variable":
            return matching_case(branch.cases, variable(branch.variable, state, context)) or branch.default
    return branch.cases.get(value, branch.default)


def matching_case(cases: Mapping[str, str], value: str) -> str:
    """Node of the case that holds for a number or variable: equal first, then the most specific; empty: none."""
    if value in cases:
        return cases[value]
    patterns = [
        (pattern, node) for case, node in cases.items() if (pattern := case_pattern(case)) is not None
    ]
    holding = [(pattern, node) for pattern, node in patterns if pattern.matches(value)]
    return min(holding, key=lambda pair: pair[0].specificity)[1] if holding else ""


def holding_case(cases: Mapping[str, str], state: FlowState, context: FlowContext) -> str:
    """Node of the first case whose expression holds; empty: none does."""
    return next((node for text, node in cases.items() if holds(text, state, context)), "")


def holds(text: str, state: FlowState, context: FlowContext) -> bool:
    """One that cannot be read does not hold."""
    try:
        return evaluate.holds(parse(text), state, context)
    except ExpressionError:
        return False


def computed(text: str, state: FlowState, context: FlowContext) -> Value | None:
    """None, too, for an expression that cannot be read, which the check has told."""
    try:
        return evaluate.evaluate(parse(text), state, context)
    except ExpressionError:
        return None


def case_pattern(case: str) -> Pattern | None:
    """The pattern that a case is, or None for plain text; raises ValueError for a wrong pattern."""
    if case.startswith(PREFIX):
        return Pattern.prefix(case.removeprefix(PREFIX))
    return Pattern.parse(case) if case.startswith("_") else None


def filled_target(text: str, state: FlowState, context: FlowContext) -> Target:
    """A target with its variables replaced; raises ValueError when that makes none.

    Only an extension may come from a variable: what a caller has typed must never choose a number at a trunk.
    """
    template = Template.parse(text)
    if not template.expressions:
        return Target.parse(text)
    if not text.startswith("extension:"):
        raise ValueError(f"{text!r}: only extension:NAME takes a variable")
    filled = template.fill(state, context)
    if _DIALLABLE.fullmatch(filled.removeprefix("extension:")) is None:
        raise ValueError(f"{filled!r}: an extension from a variable must be digits")
    return Target.parse(filled)


def reads_masked(text: str, state: FlowState) -> bool:
    """What comes of this expression tells something that was collected masked."""
    if not state.masked:
        return False
    try:
        return not names_in(parse(text)).isdisjoint(state.masked)
    except ExpressionError:
        return False
