"""What one node makes of one input: the new state, what is asked of the call, and where to go on."""

from dataclasses import dataclass, replace

from softswitch.config.flow import PromptNames, prompt_names
from softswitch.ivr.actions import Action, FlowState, Hangup, PlayPrompts, StartTimer

WAIT_PROMPT = "prompt"
WAIT_KEY = "key"
WAIT_RESULT = "result"
FAULT_CAUSE = "congestion"
"""Cause of a hang-up that the flow did not ask for."""


@dataclass(frozen=True, slots=True)
class Outcome:
    state: FlowState
    actions: tuple[Action, ...] = ()
    next: str = ""
    """Node to enter now; empty: the flow waits, or has ended."""


def go(state: FlowState, node: str, *actions: Action) -> Outcome:
    """To `node`; an empty name ends the call."""
    return Outcome(state, actions, node) if node else end(state, *actions, Hangup(cause=""))


def end(state: FlowState, *actions: Action) -> Outcome:
    return Outcome(replace(state, waiting="", digits="", typed_ahead=""), actions)


def fault(state: FlowState, problem: str) -> Outcome:
    """The flow cannot go on: the call ends, and the state says why."""
    return end(replace(state, problem=problem), Hangup(cause=FAULT_CAUSE))


def play(state: FlowState, prompt: PromptNames, *before: Action) -> Outcome:
    """Play and wait for the end of the prompts, or for a key."""
    prompts = PlayPrompts(prompts=prompt_names(prompt), language=state.language)
    return Outcome(replace(state, waiting=WAIT_PROMPT), (*before, prompts))


def wait_key(state: FlowState, seconds: float, *before: Action) -> Outcome:
    """Wait for a key for so long; every earlier timer is stale from here on."""
    timer = state.timer + 1
    started = StartTimer(timer=timer, seconds=seconds)
    return Outcome(replace(state, waiting=WAIT_KEY, timer=timer), (*before, started))
