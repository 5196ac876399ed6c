"""What the room asks of one kind of node that has a file of its own."""

from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from softswitch.ivr.actions import FlowContext, FlowState, Input
from softswitch.ivr.edge import Edge
from softswitch.ivr.fault import Fault, KnownNames
from softswitch.ivr.outcome import Outcome
from softswitch.ivr.value import Type


def _ignore(node: Any, state: FlowState, input: Input, context: FlowContext) -> Outcome:
    del node, input, context
    return Outcome(state)


def _nothing(node: Any) -> Mapping[str, Type]:
    del node
    return {}


def _sound(node: Any, known: KnownNames) -> Iterable[Fault]:
    del node, known
    return ()


def _never(node: Any) -> bool:
    del node
    return False


def _silent(node: Any) -> str:
    del node
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    enter: Callable[[Any, FlowState, FlowContext], Outcome]
    """(node, state, context): the caller comes here; `state.waiting` is empty."""
    hear: Callable[[Any, FlowState, Input, FlowContext], Outcome] = _ignore
    """Gets every input while the node waits; what means nothing to it leaves the state as it is."""
    edges: Callable[[Any], tuple[Edge, ...]]
    """Where it can lead; edges without a node are left out by the caller."""
    ends: Callable[[Any], bool] = _never
    """The call can end here, or leave the flow for good."""
    detail: Callable[[Any], str] = _silent
    """What it does, in a few words, for drawings."""
    sets: Callable[[Any], Mapping[str, Type]] = _nothing
    """Variables that it sets."""
    reads: Callable[[Any], AbstractSet[str]] = lambda node: frozenset()
    """Variables that it reads otherwise than in expressions."""
    expressions: Callable[[Any], Iterable[tuple[str, str, Type]]] = lambda node: ()
    """(key, expression, type that is wanted there)."""
    templates: Callable[[Any], Iterable[tuple[str, str]]] = lambda node: ()
    """(key, text with expressions in braces)."""
    check: Callable[[Any, KnownNames], Iterable[Fault]] = _sound
    """What is wrong in it beside names of nodes, expressions and templates, which are checked for all kinds."""
    waits: bool = True
    """A caller spends time here; False: it leads on at once, so that a circle of such nodes never ends."""
