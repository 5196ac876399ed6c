"""Why a flow went where it went, in plain words: told of each node from what was known when the caller came there."""

from collections.abc import Iterator

from softswitch.config.flow import Branch, Collect, Enqueue, Menu, Node, Say, Set
from softswitch.config.language_node import Language
from softswitch.config.lookups import LookUp
from softswitch.config.subflows import Call, Return
from softswitch.ivr.actions import FlowContext, FlowState
from softswitch.ivr.evaluate import evaluate, variable
from softswitch.ivr.expression import ExpressionError, names_in, parse
from softswitch.ivr.language import settled
from softswitch.ivr.outcome import Outcome
from softswitch.ivr.value import Value
from softswitch.ivr.values import matching_case

HIDDEN = "(masked)"


def explain(state: FlowState, node: Node, outcome: Outcome, context: FlowContext) -> Iterator[str]:
    """One line or several; none where the node speaks for itself."""
    match node:
        case Branch():
            yield from _branch(node, state, outcome, context)
        case Set():
            yield from _changes(state, outcome.state)
        case Call():
            given = ", ".join(_variables(outcome.state))
            yield f"into flow {node.flow}" + (f" with {given}" if given else "")
        case Return():
            back = f"back to {outcome.state.flow}.{outcome.state.node}"
            yield f"returns {node.result or 'nothing'}" + (f", {back}" if state.stack else "")
            yield from _changes(state, outcome.state) if not state.stack else _variables(outcome.state)
        case Language():
            yield _language(node, state, context)
        case LookUp():
            yield f"asks lookup {node.lookup}"
        case Say() if node.variable:
            yield f"{node.variable} is {_shown(node.variable, state, context)}"
        case Enqueue() if "{" in node.queue:
            yield f"{node.queue} computed"
        case Menu() | Collect() if state.typed_ahead:
            yield f"keys {state.typed_ahead} were there already"
    if outcome.state.problem:
        yield f"fault: {outcome.state.problem}"


def literal(value: Value | None) -> str:
    """As it would stand in an expression; what is not set is `nothing`."""
    if value is None:
        return "nothing"
    return repr(value) if isinstance(value, str) else str(value).lower()


def _shown(name: str, state: FlowState, context: FlowContext) -> str:
    return HIDDEN if name in state.masked else literal(variable(name, state, context))


def _variables(state: FlowState) -> Iterator[str]:
    for name, value in state.variables.items():
        yield f"{name} = {HIDDEN if name in state.masked else literal(value)}"


def _branch(branch: Branch, state: FlowState, outcome: Outcome, context: FlowContext) -> Iterator[str]:
    match branch.on:
        case "hours" | "holiday":
            opened = "open" if context.open.get(branch.calendar) else "closed"
            day = ", a holiday" if context.holiday.get(branch.calendar) else ""
            why = context.reasons.get(branch.calendar, "")
            yield f"calendar {branch.calendar} is {opened}{day}" + (f": {why}" if why else "")
        case "condition":
            yield from _conditions(branch, state, context)
        case "language":
            yield f"language is {state.language}"
        case on:
            name = branch.variable if on == "variable" else on
            value = _shown(name, state, context)
            known = variable(name, state, context)
            case_holds = matching_case(branch.cases, "" if known is None else str(known)) == outcome.next
            yield f"{name} is {value}" + ("" if case_holds else "; no case holds")


def _conditions(branch: Branch, state: FlowState, context: FlowContext) -> Iterator[str]:
    for text in branch.cases:
        try:
            expression = parse(text)
        except ExpressionError as error:
            yield f"{text}: cannot be read, {error}"
            continue
        value = evaluate(expression, state, context)
        known = ", ".join(f"{name} = {_shown(name, state, context)}" for name in sorted(names_in(expression)))
        word = "holds" if value is True else "does not hold" if value is False else "cannot be computed"
        yield f"{text} {word}" + (f" ({known})" if known else "")
        if value is True:
            return
    yield "no condition holds"


def _language(node: Language, state: FlowState, context: FlowContext) -> str:
    language = settled(node, state, context)
    if not language:
        return "the caller is asked" if node.keys else f"nothing settles it; it stays {state.language}"
    value = _shown(node.variable, state, context) if node.variable else ""
    if value == literal(language):
        return f"{node.variable} is {value}"
    return f"{context.ani} begins with a number of {language}"


def _changes(before: FlowState, after: FlowState) -> Iterator[str]:
    for name in after.variables.keys() | before.variables.keys():
        if before.variables.get(name) != after.variables.get(name):
            value = HIDDEN if name in after.masked else literal(after.variables.get(name))
            yield f"{name} = {value}"
    if before.priority != after.priority:
        yield f"priority = {after.priority}"
    if before.language != after.language:
        yield f"language = {after.language}"
    for skill, level in after.skills.items():
        if before.skills.get(skill) != level:
            yield f"skill {skill} ≥ {level}"
