"""What a node of any kind reads of variables: expressions, texts with expressions in them, and plain names."""

from collections.abc import Iterable, Iterator

from softswitch.config.flow import Branch, Dial, Enqueue, Node, Say, Set
from softswitch.config.subflows import Call
from softswitch.ivr.kinds import KINDS
from softswitch.ivr.value import Type


def expressions_of(node: Node) -> Iterable[tuple[str, str, Type]]:
    """(key, expression, type that is wanted there), in the order in which they are computed."""
    match node:
        case Branch(on="condition"):
            return ((f"cases.{text}", text, Type.YES_NO) for text in node.cases)
        case Set():
            return _of_set(node)
        case Call():
            return ((f"give.{name}", text, Type.ANY) for name, text in node.give.items())
    kind = KINDS.get(type(node))
    return kind.expressions(node) if kind is not None else ()


def _of_set(node: Set) -> Iterator[tuple[str, str, Type]]:
    for name, text in node.compute.items():
        yield f"compute.{name}", text, Type.ANY
    if isinstance(node.priority, str):
        yield "priority", node.priority, Type.NUMBER
    for skill, level in node.skills.items():
        if isinstance(level, str):
            yield f"skills.{skill}", level, Type.NUMBER


def templates_of(node: Node) -> Iterable[tuple[str, str]]:
    """(key, text with expressions in braces)."""
    match node:
        case Say():
            return (("value", node.value),)
        case Enqueue():
            return (("queue", node.queue), *(("agents", agent) for agent in node.agents))
        case Dial():
            return (("target", node.target),)
    kind = KINDS.get(type(node))
    return kind.templates(node) if kind is not None else ()


def names_read(node: Node) -> Iterable[tuple[str, str]]:
    """(key, variable) of what is read by its plain name."""
    match node:
        case Say() if node.variable and not node.value:
            return (("variable", node.variable),)
        case Branch(on="variable"):
            return (("variable", node.variable),)
    kind = KINDS.get(type(node))
    return (("variable", name) for name in sorted(kind.reads(node))) if kind is not None else ()
