"""A flow as a graph: where each node can lead, and whether a call can end or leave there. For checks and drawings."""

from softswitch.config.flow import (
    Branch,
    Collect,
    Dial,
    Enqueue,
    Hangup,
    Menu,
    Node,
    Play,
    Record,
    Say,
    Set,
    Transfer,
    prompt_names,
)
from softswitch.config.subflows import Call, Return
from softswitch.ivr.edge import Edge
from softswitch.ivr.kinds import kind_of


def edges(node: Node) -> tuple[Edge, ...]:
    """All that are given; a key left empty is no edge."""
    return tuple(edge for edge in _all_edges(node) if edge.node)


def _all_edges(node: Node) -> tuple[Edge, ...]:
    match node:
        case Play() | Say() | Set():
            return (Edge("next", "", node.next, True),)
        case Menu():
            keys = tuple(Edge(f"keys.{key}", key, to, False) for key, to in node.keys.items())
            return (*keys, *_failures(node))
        case Collect():
            return (Edge("next", "digits", node.next, False), *_failures(node))
        case Branch():
            cases = tuple(Edge(f"cases.{case}", case or "empty", to, True) for case, to in node.cases.items())
            return (*cases, Edge("default", "otherwise", node.default, True))
        case Dial():
            return (
                Edge("on_busy", "busy", node.on_busy, True),
                Edge("on_no_answer", "no answer", node.on_no_answer, True),
                Edge("on_failed", "failed", node.on_failed, True),
                Edge("next", "otherwise", node.next, True),
            )
        case Record():
            return (
                Edge("next", "recorded", node.next, not node.on_empty),
                Edge("on_empty", "empty", node.on_empty, True),
            )
        case Call():
            results = tuple(Edge(f"results.{name}", name, to, True) for name, to in node.results.items())
            return (*results, Edge("next", "otherwise", node.next, True))
        case Enqueue():
            return (Edge("on_unknown", "no such queue", node.on_unknown, True),)
        case Transfer() | Hangup() | Return():
            return ()
        case _:
            return kind_of(node).edges(node)


def _failures(node: Menu | Collect) -> tuple[Edge, ...]:
    return (
        Edge("on_timeout", "timeout", node.on_timeout, True),
        Edge("on_failure", "failure", node.on_failure, not node.on_timeout),
    )


def ends(node: Node) -> bool:
    """The call can end here, or leave the flow."""
    match node:
        case Enqueue() | Transfer() | Hangup() | Dial() | Return():
            return True
        case Call():
            return not node.next
        case Menu() | Collect():
            return not node.on_failure
        case Record():
            return not node.next
        case Play() | Say() | Set() | Branch():
            return False
        case _:
            return kind_of(node).ends(node)


def detail(node: Node) -> str:
    """What the node does, in a few words."""
    match node:
        case Play() | Menu():
            return ", ".join(prompt_names(node.prompt))
        case Say():
            return f"{node.what} {node.value or node.variable or 'now'}"
        case Collect():
            return f"{node.variable} ({node.min_digits}-{node.max_digits} digits)"
        case Branch():
            return f"{node.on} {node.calendar or node.variable}".strip()
        case Set():
            return _set_detail(node)
        case Enqueue():
            return node.queue
        case Dial() | Transfer():
            return node.target
        case Record():
            return node.box
        case Hangup():
            return node.cause
        case Call():
            return node.flow
        case Return():
            return node.result
        case _:
            return kind_of(node).detail(node)


def _set_detail(node: Set) -> str:
    parts = [f"priority {node.priority}"] if node.priority is not None else []
    parts += [f"{skill} ≥ {level}" for skill, level in node.skills.items()]
    parts += [f"{name} = {value}" for name, value in (*node.variables.items(), *node.compute.items())]
    parts += [f"language {node.language}"] if node.language else []
    return ", ".join(parts)
