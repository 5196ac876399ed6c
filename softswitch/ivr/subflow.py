"""Sub-flows: a flow called from a flow, with variables of its own, and the way back with its result."""

from collections.abc import Mapping
from dataclasses import replace

from softswitch.config.flow import Flow
from softswitch.config.subflows import Call, Return
from softswitch.ivr.actions import FlowContext, FlowState, Frame, Hangup
from softswitch.ivr.outcome import Outcome, end, fault, go
from softswitch.ivr.value import Value
from softswitch.ivr.values import computed, reads_masked

MAX_DEPTH = 8
"""Flows that wait for each other."""


def enter_call(flows: Mapping[str, Flow], call: Call, state: FlowState, context: FlowContext) -> Outcome:
    if call.flow not in flows:
        return fault(state, f"no flow {call.flow}")
    if len(state.stack) >= MAX_DEPTH:
        return fault(state, f"more than {MAX_DEPTH} flows within each other, at {state.flow}.{state.node}")
    given = {name: computed(text, state, context) for name, text in call.give.items()}
    frame = Frame(flow=state.flow, node=state.node, variables=state.variables, masked=state.masked)
    # A masked value that is given on stays masked there: its digits must not be written down under another name.
    hidden = tuple(name for name, text in call.give.items() if reads_masked(text, state))
    entered = replace(
        state,
        flow=call.flow,
        variables={name: value for name, value in given.items() if value is not None},
        masked=hidden,
        stack=(*state.stack, frame),
        result="",
    )
    return go(entered, flows[call.flow].start)


def enter_return(flows: Mapping[str, Flow], node: Return, state: FlowState) -> Outcome:
    if not state.stack:
        return end(state, Hangup(cause=""))
    frame = state.stack[-1]
    caller = flows[frame.flow].node.get(frame.node) if frame.flow in flows else None
    if not isinstance(caller, Call):
        return fault(state, f"no node {frame.flow}.{frame.node} to return to")
    variables, masked = _taken(caller.take, state, frame)
    returned = replace(
        state,
        flow=frame.flow,
        node=frame.node,
        variables=variables,
        masked=masked,
        stack=state.stack[:-1],
        result=node.result,
    )
    return go(returned, caller.results.get(node.result) or caller.next)


def _taken(
    take: Mapping[str, str], state: FlowState, frame: Frame
) -> tuple[Mapping[str, Value], tuple[str, ...]]:
    """The caller's variables with what it takes over; what the sub-flow did not set is not set."""
    variables = {name: value for name, value in frame.variables.items() if name not in take}
    masked = set(frame.masked) - set(take)
    for name, theirs in take.items():
        if theirs in state.variables:
            variables[name] = state.variables[theirs]
        if theirs in state.masked:
            masked.add(name)
    return variables, tuple(sorted(masked))
