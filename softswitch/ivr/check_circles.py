"""Circles of flows that a caller cannot leave by himself, and flows that call themselves.

A node that calls a flow leads on as if it were one step, where there is a way through that flow from its start to a
`return`: what goes round within it is found there.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping

from softswitch.config.flow import Branch, Enqueue, Flow, Node, Set, Transfer
from softswitch.config.subflows import Call, Return
from softswitch.config.target import Target
from softswitch.ivr.edges import edges
from softswitch.ivr.fault import Problem
from softswitch.ivr.kinds import KINDS
from softswitch.ivr.subflow import MAX_DEPTH

Place = tuple[str, str]
"""A flow and a node."""
Graph = dict[Place, tuple[Place, ...]]


def check_circles(flows: Mapping[str, Flow]) -> Iterator[Problem]:
    yield from _nested(flows)
    yield from _circles(flows)


def _nested(flows: Mapping[str, Flow]) -> Iterator[Problem]:
    """Flows that call themselves, and those that are too deep within each other."""
    depth: dict[str, int] = {}
    told: set[frozenset[str]] = set()

    def measured(name: str, within: tuple[str, ...]) -> Iterator[Problem]:
        depth[name] = 0
        for node_name, node in flows[name].node.items():
            if not isinstance(node, Call) or node.flow not in flows:
                continue
            if node.flow in within:
                circle = (*within[within.index(node.flow) :], node.flow)
                if frozenset(circle) not in told:
                    told.add(frozenset(circle))
                    message = f"the flow calls itself: {' → '.join(circle)}"
                    yield Problem(flow=name, node=node_name, key="flow", message=message)
                continue
            if node.flow not in depth:
                yield from measured(node.flow, (*within, node.flow))
            depth[name] = max(depth[name], depth[node.flow] + 1)
            if depth[node.flow] + 1 == MAX_DEPTH + 1:
                message = f"more than {MAX_DEPTH} flows would be within each other; the call would be ended"
                yield Problem(flow=name, node=node_name, key="flow", message=message)

    for name in flows:
        if name not in depth:
            yield from measured(name, (name,))


def _circles(flows: Mapping[str, Flow]) -> Iterator[Problem]:
    """Circles that a caller cannot leave by himself: without any wait (an error), or as long as he presses nothing."""
    immediate = _graph(flows, _at_once)
    silent = _graph(flows, lambda node: True)
    seen: set[frozenset[Place]] = set()
    for graph in (immediate, silent):
        for place in graph:
            circle = _shortest_circle(graph, place)
            if not circle or frozenset(circle) in seen:
                continue
            seen.add(frozenset(circle))
            way = " → ".join(_short(at, place[0]) for at in (*circle, circle[0]))
            if graph is immediate:
                message = f"goes in a circle without a wait: {way}; the call would be ended"
                yield Problem(flow=place[0], node=place[1], key="", message=message)
            else:
                message = f"a caller who does nothing goes round for ever: {way}; give it an end"
                yield Problem(flow=place[0], node=place[1], key="", message=message, severity="warning")


def _graph(flows: Mapping[str, Flow], wanted: Callable[[Node], bool]) -> Graph:
    """Silent edges between the wanted nodes, into other flows too."""
    passed = _passed(flows, wanted)
    nodes = {
        (name, node): value
        for name, flow in flows.items()
        for node, value in flow.node.items()
        if (value.flow in passed if isinstance(value, Call) else wanted(value))
    }
    return {
        place: tuple(to for to in _silent_steps(flows, place[0], node) if to in nodes)
        for place, node in nodes.items()
    }


def _at_once(node: Node) -> bool:
    """It leads on without any time passing."""
    kind = KINDS.get(type(node))
    return (
        not kind.waits if kind is not None else isinstance(node, Branch | Set | Transfer | Enqueue | Return)
    )


def _passed(flows: Mapping[str, Flow], wanted: Callable[[Node], bool]) -> frozenset[str]:
    """Flows through which a way of wanted nodes and silent edges leads, from the start to a `return`."""
    passed: set[str] = set()
    while True:
        more = {name for name in flows.keys() - passed if _leads_back(flows[name], wanted, passed)}
        if not more:
            return frozenset(passed)
        passed |= more


def _leads_back(flow: Flow, wanted: Callable[[Node], bool], passed: set[str]) -> bool:
    seen = {flow.start}
    waiting = deque(seen)
    while waiting:
        node = flow.node.get(waiting.popleft())
        if node is None or not (node.flow in passed if isinstance(node, Call) else wanted(node)):
            continue
        if isinstance(node, Return):
            return True
        following = {edge.node for edge in edges(node) if edge.silent} - seen
        seen |= following
        waiting.extend(following)
    return False


def _silent_steps(flows: Mapping[str, Flow], flow: str, node: Node) -> Iterator[Place]:
    for edge in edges(node):
        if edge.silent:
            yield flow, edge.node
    other = _other_flow(node)
    if other in flows:
        yield other, flows[other].start


def _other_flow(node: Node) -> str:
    """Flow that a transfer leads to; empty: it leads elsewhere."""
    if not isinstance(node, Transfer):
        return ""
    try:
        target = Target.parse(node.target)
    except ValueError:
        return ""
    return target.name if target.kind == "flow" else ""


def _shortest_circle(graph: Graph, start: Place) -> tuple[Place, ...]:
    """From `start` back to it; empty: there is none."""
    came_from: dict[Place, Place] = {}
    waiting = deque([start])
    while waiting:
        place = waiting.popleft()
        for following in graph[place]:
            if following == start:
                way = [place]
                while way[-1] != start:
                    way.append(came_from[way[-1]])
                return tuple(reversed(way))
            if following not in came_from:
                came_from[following] = place
                waiting.append(following)
    return ()


def _short(place: Place, flow: str) -> str:
    return place[1] if place[0] == flow else f"{place[0]}.{place[1]}"
