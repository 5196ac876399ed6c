"""What an expression comes to for one caller at one moment. Never fails and always ends: what cannot be computed, because
a variable is not set or a text is no number, is nothing (None); an operator that meets nothing gives nothing, a condition
that is nothing does not hold, and `default(value, other)` replaces it.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeGuard

from softswitch.ivr.actions import FlowContext, FlowState
from softswitch.ivr.expression import Among, Binary, Call, Expression, Literal, Name, Unary
from softswitch.ivr.functions import FORMS, FUNCTIONS
from softswitch.ivr.given import given
from softswitch.ivr.value import Type, Value, bounded, text_of, type_of

_ARITHMETIC: Mapping[str, Callable[[Any, Any], Value | None]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": lambda left, right: left / right if right else None,
    "%": lambda left, right: math.fmod(left, right) if right else None,
}
_ORDER: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}


def evaluate(expression: Expression, state: FlowState, context: FlowContext) -> Value | None:
    match expression:
        case Literal(value=value):
            return value
        case Name(name=name):
            return variable(name, state, context)
        case Unary(operator=operator, operand=operand):
            return _unary(operator, evaluate(operand, state, context))
        case Binary(operator="and" | "or" as operator, left=left, right=right):
            return _logic(operator, left, right, state, context)
        case Binary(operator=operator, left=left, right=right):
            return bounded(_binary(operator, evaluate(left, state, context), evaluate(right, state, context)))
        case Among(operand=operand, members=members):
            return _among(evaluate(operand, state, context), members, state, context)
        case Call():
            return bounded(_call(expression, state, context))


def holds(expression: Expression, state: FlowState, context: FlowContext) -> bool:
    return evaluate(expression, state, context) is True


def variable(name: str, state: FlowState, context: FlowContext) -> Value | None:
    """A variable of the flow, else one that every call has; None: it is not set."""
    value = state.variables.get(name)
    return given(name, state, context) if value is None else value


def _unary(operator: str, value: Value | None) -> Value | None:
    if operator == "not":
        return not value if isinstance(value, bool) else None
    return -value if _is_number(value) else None


def _is_number(value: Value | None) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _logic(
    operator: str, left: Expression, right: Expression, state: FlowState, context: FlowContext
) -> Value | None:
    """One side decides alone where it can, also when the other is nothing."""
    decides = operator == "or"
    first = evaluate(left, state, context)
    if first is decides:
        return decides
    second = evaluate(right, state, context)
    if second is decides:
        return decides
    return not decides if isinstance(first, bool) and isinstance(second, bool) else None


def _binary(operator: str, left: Value | None, right: Value | None) -> Value | None:
    if left is None or right is None:
        return None
    if operator == "&":
        return text_of(left) + text_of(right)
    if operator in _ARITHMETIC:
        return _ARITHMETIC[operator](left, right) if _is_number(left) and _is_number(right) else None
    if type_of(left) is not type_of(right):
        return None
    if operator in ("==", "!="):
        return (left == right) is (operator == "==")
    return None if type_of(left) is Type.YES_NO else _ORDER[operator](left, right)


def _among(
    value: Value | None, members: tuple[Expression, ...], state: FlowState, context: FlowContext
) -> Value | None:
    found = [_binary("==", value, evaluate(member, state, context)) for member in members]
    return True if True in found else None if None in found else False


def _call(call: Call, state: FlowState, context: FlowContext) -> Value | None:
    arguments = call.arguments
    if len(arguments) != FORMS.get(call.function, len(arguments)):
        return None
    match call.function:
        case "if":
            condition = evaluate(arguments[0], state, context)
            if condition is None:
                return None
            return evaluate(arguments[1 if condition is True else 2], state, context)
        case "default":
            first = evaluate(arguments[0], state, context)
            return evaluate(arguments[1], state, context) if first is None else first
        case "has":
            return evaluate(arguments[0], state, context) is not None
    values = [evaluate(argument, state, context) for argument in arguments]
    if any(value is None for value in values):
        return None
    match call.function:
        case "open":
            return context.open.get(text_of(values[0]))
        case "holiday":
            return context.holiday.get(text_of(values[0]))
        case "header":
            return context.headers.get(text_of(values[0]).lower())
    return _computed(call.function, values)


def _computed(name: str, values: list[Value | None]) -> Value | None:
    function = FUNCTIONS.get(name)
    if function is None or not function.accepts(len(values)):
        return None
    for index, value in enumerate(values):
        wanted = function.takes[min(index, len(function.takes) - 1)]
        if value is None or wanted not in (Type.ANY, type_of(value)):
            return None
    return function.compute(*values)
