"""Where the nodes of a flow stand in a picture: layers from the start down, as in Sugiyama's method, in its simplest form.

A node stands one layer below the lowest that leads to it, edges back up aside. An edge that spans several layers gets a
bend in each one between, so that it runs between boxes and not through them. Within a layer everything is ordered by the
mean place of its neighbours.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from softswitch.config.flow import Flow
from softswitch.ivr.edges import edges

SWEEPS = 4
BEND_WIDTH = 12.0
GAP_X = 34.0
GAP_Y = 66.0
HEIGHT = 46.0
MARGIN = 24.0

Slot = tuple[str, ...]
"""A node as `(name,)`, or a bend as `(from, to, layer)`."""


@dataclass(frozen=True, slots=True)
class Box:
    x: float
    """Centre."""
    y: float
    """Upper edge."""
    width: float


@dataclass(frozen=True, slots=True)
class Layout:
    boxes: Mapping[str, Box]
    bends: Mapping[tuple[str, str], tuple[Box, ...]]
    """Edge to the places it passes on its way down; edges back up are not in it."""
    width: float
    height: float


def laid_out(flow: Flow, widths: Mapping[str, float]) -> Layout:
    order = _reverse_postorder(flow)
    depth = _depths(flow, order)
    layers: list[list[Slot]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for node in order:
        layers[depth[node]].append((node,))
    chains: dict[tuple[str, str], list[Slot]] = {}
    links: list[tuple[Slot, Slot]] = []
    for node in order:
        for target in dict.fromkeys(edge.node for edge in edges(flow.node[node])):
            if target not in depth or depth[target] <= depth[node]:
                continue
            between = range(depth[node] + 1, depth[target])
            chain: list[Slot] = [(node, target, str(layer)) for layer in between]
            for layer, bend in zip(between, chain, strict=True):
                layers[layer].append(bend)
            chains[node, target] = chain
            stops = [(node,), *chain, (target,)]
            links += itertools.pairwise(stops)
    places = _placed(_ordered(layers, links), widths)
    boxes = {node: places[node,] for node in order}
    bends = {edge: tuple(places[slot] for slot in chain) for edge, chain in chains.items()}
    right = max((box.x + box.width / 2 for box in places.values()), default=0.0)
    return Layout(boxes, bends, right + MARGIN, len(layers) * (HEIGHT + GAP_Y) - GAP_Y + 2 * MARGIN)


def _reverse_postorder(flow: Flow) -> list[str]:
    """All nodes, each before those it leads to unless they lead back to it; lost ones last."""
    seen: set[str] = set()
    order: list[str] = []
    for root in (flow.start, *flow.node):
        if root in seen or root not in flow.node:
            continue
        seen.add(root)
        finished: list[str] = []
        stack = [(root, iter(edges(flow.node[root])))]
        while stack:
            node, following = stack[-1]
            edge = next(following, None)
            if edge is None:
                finished.append(node)
                stack.pop()
            elif edge.node in flow.node and edge.node not in seen:
                seen.add(edge.node)
                stack.append((edge.node, iter(edges(flow.node[edge.node]))))
        order += reversed(finished)
    return order


def _depths(flow: Flow, order: Sequence[str]) -> dict[str, int]:
    position = {node: index for index, node in enumerate(order)}
    depth = dict.fromkeys(order, 0)
    for node in order:
        for edge in edges(flow.node[node]):
            if position.get(edge.node, -1) > position[node]:
                depth[edge.node] = max(depth[edge.node], depth[node] + 1)
    return depth


def _ordered(layers: list[list[Slot]], links: Iterable[tuple[Slot, Slot]]) -> list[list[Slot]]:
    above: dict[Slot, list[Slot]] = {}
    below: dict[Slot, list[Slot]] = {}
    for upper, lower in links:
        above.setdefault(lower, []).append(upper)
        below.setdefault(upper, []).append(lower)
    for sweep in range(SWEEPS):
        downwards = sweep % 2 == 0
        neighbours = above if downwards else below
        for index in range(len(layers)) if downwards else reversed(range(len(layers))):
            _sort(layers, index, index - 1 if downwards else index + 1, neighbours)
    return layers


def _sort(layers: list[list[Slot]], index: int, fixed: int, neighbours: Mapping[Slot, list[Slot]]) -> None:
    if not 0 <= fixed < len(layers):
        return
    places = {slot: place for place, slot in enumerate(layers[fixed])}
    mean: dict[Slot, float] = {}
    for own, slot in enumerate(layers[index]):
        linked = [places[each] for each in neighbours.get(slot, ())]
        mean[slot] = sum(linked) / len(linked) if linked else float(own)
    layers[index].sort(key=lambda slot: mean[slot])


def _placed(layers: Sequence[Sequence[Slot]], widths: Mapping[str, float]) -> dict[Slot, Box]:
    def width(slot: Slot) -> float:
        return widths[slot[0]] if len(slot) == 1 else BEND_WIDTH

    totals = [sum(width(slot) for slot in layer) + GAP_X * (len(layer) - 1) for layer in layers]
    widest = max(totals, default=0.0)
    places: dict[Slot, Box] = {}
    for row, (layer, total) in enumerate(zip(layers, totals, strict=True)):
        x = MARGIN + (widest - total) / 2
        for slot in layer:
            places[slot] = Box(x + width(slot) / 2, MARGIN + row * (HEIGHT + GAP_Y), width(slot))
            x += width(slot) + GAP_X
    return places
