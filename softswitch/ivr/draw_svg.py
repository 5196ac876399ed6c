"""A flow as a picture: one self-contained SVG, without Graphviz.

Edges down are curves between the layers of `layout.py`; edges back up run round the right side, each in a lane of its own.
What a caller's silence or failure leads to is dashed.
"""

from collections.abc import Sequence
from functools import partial
from html import escape

from softswitch.config.flow import Flow, Node
from softswitch.ivr.edge import Edge
from softswitch.ivr.edges import detail, edges
from softswitch.ivr.layout import HEIGHT, Box, Layout, laid_out

CHARACTER = 7.2
"""Width of a character of the text, on the safe side."""
MAX_TEXT = 34
LANE = 14.0
LABEL_ACROSS, LABEL_DOWN = 0.844, 0.72
"""Where on an edge its label stands, three quarters along the curve: edges part late, and before that a label could be
taken for its neighbour's."""
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
    "text.label{font-size:11px;fill:#495057;paint-order:stroke;stroke:#fff;stroke-width:3px}"
    "path{fill:none;stroke:#6c757d;stroke-width:1.3}.silent{stroke-dasharray:5 3}rect{stroke:#495057}"
)
_ARROW = (
    '<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
    '<polygon points="0,0 8,4 0,8" fill="#6c757d"/></marker></defs>'
)


def draw_svg(name: str, flow: Flow) -> str:
    layout = laid_out(flow, {node_name: _width(node_name, node) for node_name, node in flow.node.items()})
    arrows, right = _arrows(flow, layout)
    body = [_box_svg(flow, node_name, flow.node[node_name], box) for node_name, box in layout.boxes.items()]
    width, height = f"{max(layout.width, right):.0f}", f"{layout.height:.0f}"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">',
            f"<title>{escape(name)}</title><style>{_STYLE}</style>",
            _ARROW,
            f'<rect width="{width}" height="{height}" fill="#fff" style="stroke:none"/>',
            *arrows,
            *body,
            "</svg>",
            "",
        ]
    )


def _words(node: Node) -> str:
    return f"{node.do} {detail(node)}".strip()


def _width(name: str, node: Node) -> float:
    return max(90.0, CHARACTER * max(len(_short(name)), len(_short(_words(node)))) + 20)


def _short(text: str) -> str:
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…"


def _box_svg(flow: Flow, name: str, node: Node, box: Box) -> str:
    left, thick = box.x - box.width / 2, 2.5 if name == flow.start else 1
    return (
        f"<g><title>{escape(f'{name}: {_words(node)}')}</title>"
        f'<rect x="{left:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{HEIGHT:.0f}" rx="6" '
        f'fill="{_COLOURS.get(node.do, "#dbeafe")}" stroke-width="{thick}"/>'
        f'<text class="name" x="{box.x:.1f}" y="{box.y + 19:.1f}">{escape(_short(name))}</text>'
        f'<text x="{box.x:.1f}" y="{box.y + 36:.1f}">{escape(_short(_words(node)))}</text></g>'
    )


def _arrows(flow: Flow, layout: Layout) -> tuple[list[str], float]:
    """The edges, and how far right they reach."""
    drawn: list[str] = []
    lane = layout.width
    for node_name in layout.boxes:
        grouped: dict[str, list[Edge]] = {}
        for edge in edges(flow.node[node_name]):
            if edge.node in layout.boxes:
                grouped.setdefault(edge.node, []).append(edge)
        here = layout.boxes[node_name]
        down = [to for to in grouped if (node_name, to) in layout.bends]
        down.sort(key=partial(_first_stop, layout, node_name))
        for index, to in enumerate(down):
            start = here.x + here.width * ((index + 1) / (len(down) + 1) - 0.5)
            stops = (*layout.bends[node_name, to], layout.boxes[to])
            drawn.append(_down(grouped[to], start, here.y + HEIGHT, stops))
        for to in grouped:
            if to not in down:
                lane += LANE
                drawn.append(_back(grouped[to], here, layout.boxes[to], lane))
    return drawn, lane + LANE


def _first_stop(layout: Layout, name: str, to: str) -> float:
    """Where the edge goes first: edges leave a box in this order, so that they do not cross at once."""
    return (*layout.bends[name, to], layout.boxes[to])[0].x


def _down(group: Sequence[Edge], x: float, y: float, stops: Sequence[Box]) -> str:
    path = f"M{x:.1f},{y:.1f}"
    at_x, at_y = x, y
    for index, stop in enumerate(stops):
        middle = (at_y + stop.y) / 2
        path += f" C{at_x:.1f},{middle:.1f} {stop.x:.1f},{middle:.1f} {stop.x:.1f},{stop.y:.1f}"
        at_x, at_y = stop.x, stop.y
        if index < len(stops) - 1:
            at_y += HEIGHT
            path += f" L{at_x:.1f},{at_y:.1f}"
    return _edge_svg(group, path, x + (stops[0].x - x) * LABEL_ACROSS, y + (stops[0].y - y) * LABEL_DOWN)


def _back(group: Sequence[Edge], here: Box, there: Box, lane: float) -> str:
    x1, y1 = here.x + here.width / 2, here.y + HEIGHT * 0.65
    x2, y2 = there.x + there.width / 2, there.y + HEIGHT * 0.35
    path = f"M{x1:.1f},{y1:.1f} C{lane:.1f},{y1:.1f} {lane:.1f},{y2:.1f} {x2:.1f},{y2:.1f}"
    return _edge_svg(group, path, x1 + 20, y1 + 14)


def _edge_svg(group: Sequence[Edge], path: str, x: float, y: float) -> str:
    label = escape(", ".join(filter(None, (edge.label for edge in group))))
    dashed = ' class="silent"' if all(edge.label in ("timeout", "failure") for edge in group) else ""
    text = f'<text class="label" x="{x:.1f}" y="{y:.1f}">{label}</text>' if label else ""
    return f'<path{dashed} d="{path}" marker-end="url(#arrow)"/>{text}'
