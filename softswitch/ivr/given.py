"""Variables that every call has without a node that sets them."""

from collections.abc import Callable, Mapping

from softswitch.ivr.actions import FlowContext, FlowState
from softswitch.ivr.value import Type, Value

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_Read = Callable[[FlowState, FlowContext], Value | None]


def _date(_: FlowState, context: FlowContext) -> str | None:
    if context.local_date is None:
        return None
    year, month, day = context.local_date
    return f"{year:04}-{month:02}-{day:02}"


_GIVEN: Mapping[str, tuple[Type, _Read]] = {
    "ani": (Type.TEXT, lambda state, context: context.ani),
    "dnis": (Type.TEXT, lambda state, context: context.dnis),
    "caller_name": (Type.TEXT, lambda state, context: context.caller_name),
    "source": (Type.TEXT, lambda state, context: context.source),
    "language": (Type.TEXT, lambda state, context: state.language),
    "priority": (Type.NUMBER, lambda state, context: state.priority),
    "now_time": (Type.TEXT, lambda state, context: "{:02}:{:02}".format(*context.local_time)),
    "now_date": (Type.TEXT, _date),
    "now_day": (Type.TEXT, lambda state, context: _DAYS[context.weekday]),
    "flow_result": (Type.TEXT, lambda state, context: state.result or None),
}
"""`source` is `trunk:NAME` or `endpoint:NAME`; time and date are those of the switch's zone, `14:30`, `2026-05-01`, `mon`;
`flow_result` is what the latest sub-flow returned."""

GIVEN_TYPES: Mapping[str, Type] = {name: kind for name, (kind, _) in _GIVEN.items()}


def given(name: str, state: FlowState, context: FlowContext) -> Value | None:
    """None for what no call has."""
    found = _GIVEN.get(name)
    return found[1](state, context) if found is not None else None
