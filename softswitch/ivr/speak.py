"""A text spoken to the caller, with expressions in braces: one prompt whose name is the text itself."""

import string
from dataclasses import replace

from softswitch.config.voice_nodes import Speak
from softswitch.ivr.actions import FlowContext, FlowState, Input, Key, PromptsEnded, StopPrompts
from softswitch.ivr.edge import Edge
from softswitch.ivr.expression import ExpressionError
from softswitch.ivr.kind import Kind
from softswitch.ivr.outcome import WAIT_PROMPT, Outcome, go, play
from softswitch.ivr.template import Template
from softswitch.ivr.voice_actions import TEXT

_SPACE = frozenset(string.whitespace)
MAX_TYPED_AHEAD = 32


def plain_text(text: str) -> str:
    """One line without control characters: the same words are the same text."""
    return " ".join("".join(char if char.isprintable() or char in _SPACE else " " for char in text).split())


def fixed_text(text: str) -> str:
    """What is said to every caller; empty where that hangs on the caller."""
    try:
        template = Template.parse(text)
    except ExpressionError:
        return ""
    return "" if template.expressions else plain_text("".join(map(str, template.parts)))


def _said(node: Speak, state: FlowState, context: FlowContext) -> str:
    """What was collected masked is never spoken: what was spoken is kept."""
    if state.masked:
        shown = {name: value for name, value in state.variables.items() if name not in state.masked}
        state = replace(state, variables=shown)
    try:
        return plain_text(Template.parse(node.text).fill(state, context))
    except ExpressionError:
        return ""


def _enter(node: Speak, state: FlowState, context: FlowContext) -> Outcome:
    text = _said(node, state, context)
    if not text or (node.interruptible and state.typed_ahead):
        return go(state, node.next)
    return play(state, TEXT + text)


def _hear(node: Speak, state: FlowState, input: Input, context: FlowContext) -> Outcome:
    del context
    if state.waiting != WAIT_PROMPT:
        return Outcome(state)
    if isinstance(input, PromptsEnded):
        return go(state, node.next)
    if not isinstance(input, Key):
        return Outcome(state)
    kept = replace(state, typed_ahead=(state.typed_ahead + input.digit)[:MAX_TYPED_AHEAD])
    return go(kept, node.next, StopPrompts()) if node.interruptible else Outcome(kept)


SPEAK = Kind(
    enter=_enter,
    hear=_hear,
    edges=lambda node: (Edge("next", "", node.next, True),),
    detail=lambda node: node.text if len(node.text) <= 40 else node.text[:39] + "…",
    templates=lambda node: (("text", node.text),),
)
