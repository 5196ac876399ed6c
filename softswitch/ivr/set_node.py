"""The `set` node: what later nodes and the queue see of a caller, as it is written or computed."""

from collections.abc import Mapping
from dataclasses import replace

from softswitch.config.flow import Set
from softswitch.ivr.actions import FlowContext, FlowState
from softswitch.ivr.outcome import Outcome, go
from softswitch.ivr.value import Value
from softswitch.ivr.values import computed, reads_masked

MOST_SKILL = 5


def enter_set(node: Set, state: FlowState, context: FlowContext) -> Outcome:
    state = replace(
        state,
        language=node.language or state.language,
        variables={**state.variables, **node.variables},
        masked=tuple(name for name in state.masked if name not in node.variables),
    )
    for name, text in node.compute.items():
        state = _with(state, name, text, computed(text, state, context))
    changed = replace(
        state,
        priority=_priority(node.priority, state, context),
        skills={**state.skills, **_levels(node.skills, state, context)},
    )
    return go(changed, node.next)


def _with(state: FlowState, name: str, text: str, value: Value | None) -> FlowState:
    """What is computed from something masked is masked, too."""
    variables = {other: each for other, each in state.variables.items() if other != name}
    if value is not None:
        variables[name] = value
    hidden = set(state.masked) | {name} if reads_masked(text, state) else set(state.masked) - {name}
    return replace(state, variables=variables, masked=tuple(sorted(hidden)))


def _priority(wanted: int | str | None, state: FlowState, context: FlowContext) -> int:
    """What cannot be computed leaves it as it was."""
    value = computed(wanted, state, context) if isinstance(wanted, str) else wanted
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) else state.priority


def _levels(skills: Mapping[str, int | str], state: FlowState, context: FlowContext) -> dict[str, int]:
    levels: dict[str, int] = {}
    for skill, wanted in skills.items():
        value = computed(wanted, state, context) if isinstance(wanted, str) else wanted
        if isinstance(value, int | float) and not isinstance(value, bool) and value >= 1:
            levels[skill] = min(MOST_SKILL, int(value))
    return levels
