"""A flow as text: Graphviz DOT, and a tree for the terminal. The picture without Graphviz is `draw_svg.py`."""

from collections.abc import Iterator

from softswitch.config.flow import Flow
from softswitch.ivr.edge import Edge
from softswitch.ivr.edges import detail, edges

_SHAPES = {
    "menu": "diamond",
    "collect": "diamond",
    "branch": "hexagon",
    "enqueue": "cds",
    "dial": "cds",
    "transfer": "cds",
    "hangup": "octagon",
}


def draw_dot(name: str, flow: Flow) -> str:
    """For `dot -Tpdf` and the like."""
    lines = [f"digraph {_quoted(name)} {{", '  rankdir=TB; node [shape=box, fontname="sans-serif"];']
    for node_name, node in flow.node.items():
        label = f"{node_name}\n{node.do} {detail(node)}".strip()
        style = ", penwidth=2" if node_name == flow.start else ""
        lines.append(
            f"  {_quoted(node_name)} [label={_quoted(label)}, shape={_SHAPES.get(node.do, 'box')}{style}];"
        )
    for node_name, node in flow.node.items():
        for edge in edges(node):
            dashed = ", style=dashed" if edge.label in ("timeout", "failure") else ""
            arrow = f"{_quoted(node_name)} -> {_quoted(edge.node)}"
            lines.append(f"  {arrow} [label={_quoted(edge.label)}{dashed}];")
    return "\n".join([*lines, "}", ""])


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def draw_tree(name: str, flow: Flow) -> str:
    """Each node once, below the one that leads to it first; `↑` where it stands elsewhere already."""
    lines = [name]
    shown: set[str] = set()
    # Depth first with a stack of its own: a long chain of nodes must not meet Python's limit of recursion.
    stack: list[tuple[str, Edge, bool]] = [("", Edge("", "", flow.start, True), True)]
    while stack:
        indent, edge, last = stack.pop()
        lines.append(f"{indent}{'└─' if last else '├─'} {_line(flow, edge, edge.node in shown)}")
        node = flow.node.get(edge.node)
        if node is None or edge.node in shown:
            continue
        shown.add(edge.node)
        below = indent + ("   " if last else "│  ")
        following = edges(node)
        stack += reversed(
            [(below, each, index == len(following) - 1) for index, each in enumerate(following)]
        )
    lines += _leftover(flow, shown)
    return "\n".join([*lines, ""])


def _line(flow: Flow, edge: Edge, again: bool) -> str:
    label = f"{edge.label} → " if edge.label else ""
    node = flow.node.get(edge.node)
    if node is None:
        return f"{label}{edge.node} (no such node)"
    if again:
        return f"{label}{edge.node} ↑"
    return f"{label}{edge.node}: {node.do} {detail(node)}".rstrip()


def _leftover(flow: Flow, shown: set[str]) -> Iterator[str]:
    for node_name, node in flow.node.items():
        if node_name not in shown:
            yield f"   {node_name}: {node.do} {detail(node)}".rstrip() + " (nothing leads here)"
