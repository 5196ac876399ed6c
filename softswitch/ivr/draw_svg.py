"""A flow as a picture: one self-contained SVG, laid out in layers from the first node down.

A node stands in the layer of its shortest way from the start; within a layer nodes are ordered by the mean place of those
that lead to them. Edges down are curves, edges back up run round the right side.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from softswitch.config.flow import Flow, Node
from softswitch.ivr.edges import Edge, detail, edges

CHARACTER = 7.2
HEIGHT = 46
GAP_X = 36
GAP_Y = 62
MARGIN = 24
MAX_TEXT = 34
_COLOURS = {
    "menu": "#fff3cd",
    "collect": "#fff3cd",
    "branch": "#e2e3f7",
    "set": "#e9ecef",
    "enqueue": "#d1f0dc",
    "dial": "#d1f0dc",
    "transfer": "#d1f0dc",
    "record": "#fde2d2",
    "hangup": "#f8d7da",
}
_STYLE = (
    "text{font:13px sans-serif;text-anchor:middle;fill:#212529}.name{font-weight:bold}"
    ".label{font-size:11px;fill:#495057;paint-order:stroke;stroke:#fff;stroke-width:3px}"
    "path{fill:none;stroke:#6c757d;stroke-width:1.3}.silent{stroke-dasharray:5 3}rect{stroke:#495057}"
)
_ARROW = (
    '<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
    '<polygon points="0,0 8,4 0,8" fill="#6c757d"/></marker></defs>'
)


@dataclass(frozen=True, slots=True)
class Box:
    x: float
    """Centre."""
    y: float
    """Upper edge."""
    width: float


def draw_svg(name: str, flow: Flow) -> str:
    layers = _layers(flow)
    boxes = _placed(flow, layers)
    right = max((box.x + box.width / 2 for box in boxes.values()), default=0.0)
    lines, lane = _arrows(flow, boxes, right)
    width = max(right, lane) + MARGIN
    height = len(layers) * (HEIGHT + GAP_Y) + MARGIN
    body = [_box_svg(flow, node_name, flow.node[node_name], box) for node_name, box in boxes.items()]
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}">'
    )
    paper = f'<rect width="{width:.0f}" height="{height:.0f}" fill="#fff" style="stroke:none"/>'
    title = f"<title>{escape(name)}</title><style>{_STYLE}</style>"
    return "\n".join([head, title, _ARROW, paper, *lines, *body, "</svg>", ""])


def _layers(flow: Flow) -> list[list[str]]:
    """Node names by layer; those that nothing leads to come last."""
    depth = {flow.start: 0} if flow.start in flow.node else {}
    waiting = list(depth)
    for node_name in waiting:
        for edge in edges(flow.node[node_name]):
            if edge.node in flow.node and edge.node not in depth:
                depth[edge.node] = depth[node_name] + 1
                waiting.append(edge.node)
    layers: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for node_name in waiting:
        layers[depth[node_name]].append(node_name)
    lost = [node_name for node_name in flow.node if node_name not in depth]
    return [*_ordered(flow, layers), *([lost] if lost else [])]


def _ordered(flow: Flow, layers: Sequence[list[str]]) -> list[list[str]]:
    ordered: list[list[str]] = []
    for layer in layers:
        above = ordered[-1] if ordered else []
        mean: dict[str, float] = {}
        for node_name in layer:
            places = [
                place
                for place, parent in enumerate(above)
                if any(e.node == node_name for e in edges(flow.node[parent]))
            ]
            mean[node_name] = sum(places) / len(places) if places else 0.0
        ordered.append(sorted(layer, key=lambda node_name: mean[node_name]))
    return ordered


def _placed(flow: Flow, layers: Sequence[Sequence[str]]) -> dict[str, Box]:
    widths = {node_name: _width(node_name, node) for node_name, node in flow.node.items()}
    rows = [sum(widths[node_name] for node_name in layer) + GAP_X * (len(layer) - 1) for layer in layers]
    widest = max(rows, default=0.0)
    boxes: dict[str, Box] = {}
    for row, (layer, total) in enumerate(zip(layers, rows, strict=True)):
        x = MARGIN + (widest - total) / 2
        for node_name in layer:
            width = widths[node_name]
            boxes[node_name] = Box(x + width / 2, MARGIN + row * (HEIGHT + GAP_Y), width)
            x += width + GAP_X
    return boxes


def _width(name: str, node: Node) -> float:
    return max(90.0, CHARACTER * max(len(_short(name)), len(_short(f"{node.do} {detail(node)}"))) + 20)


def _short(text: str) -> str:
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…"


def _box_svg(flow: Flow, name: str, node: Node, box: Box) -> str:
    left, thick = box.x - box.width / 2, 2.5 if name == flow.start else 1
    return (
        f"<g><title>{escape(f'{name}: {node.do} {detail(node)}')}</title>"
        f'<rect x="{left:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{HEIGHT}" rx="6" '
        f'fill="{_COLOURS.get(node.do, "#dbeafe")}" stroke-width="{thick}"/>'
        f'<text class="name" x="{box.x:.1f}" y="{box.y + 19:.1f}">{escape(_short(name))}</text>'
        f'<text x="{box.x:.1f}" y="{box.y + 36:.1f}">{escape(_short(f"{node.do} {detail(node)}".strip()))}</text></g>'
    )


def _arrows(flow: Flow, boxes: Mapping[str, Box], right: float) -> tuple[list[str], float]:
    """The edges, and how far right they reach."""
    drawn: list[str] = []
    lane = right
    for node_name, node in flow.node.items():
        grouped: dict[str, list[Edge]] = {}
        for edge in edges(node):
            grouped.setdefault(edge.node, []).append(edge)
        for index, (target, group) in enumerate(grouped.items()):
            if target not in boxes:
                continue
            here, there = boxes[node_name], boxes[target]
            start = here.x + here.width * ((index + 1) / (len(grouped) + 1) - 0.5)
            if there.y > here.y:
                drawn.append(_down(group, start, here.y + HEIGHT, there.x, there.y))
            else:
                lane += 14
                drawn.append(_back(group, here, there, lane))
    return drawn, lane


def _down(group: Sequence[Edge], x1: float, y1: float, x2: float, y2: float) -> str:
    middle = (y1 + y2) / 2
    path = f"M{x1:.1f},{y1:.1f} C{x1:.1f},{middle:.1f} {x2:.1f},{middle:.1f} {x2:.1f},{y2:.1f}"
    return _edge_svg(group, path, x1 + (x2 - x1) * 0.2, y1 + 18)


def _back(group: Sequence[Edge], here: Box, there: Box, lane: float) -> str:
    x1, y1 = here.x + here.width / 2, here.y + HEIGHT * 0.65
    x2, y2 = there.x + there.width / 2, there.y + HEIGHT * 0.35
    path = f"M{x1:.1f},{y1:.1f} C{lane:.1f},{y1:.1f} {lane:.1f},{y2:.1f} {x2:.1f},{y2:.1f}"
    return _edge_svg(group, path, x1 + 24, y1 + 13)


def _edge_svg(group: Sequence[Edge], path: str, x: float, y: float) -> str:
    label = escape(", ".join(filter(None, (edge.label for edge in group))))
    silent = all(edge.label in ("timeout", "failure") for edge in group)
    kind = ' class="silent"' if silent else ""
    text = f'<text class="label" x="{x:.1f}" y="{y:.1f}">{label}</text>' if label else ""
    return f'<path{kind} d="{path}" marker-end="url(#arrow)"/>{text}'
