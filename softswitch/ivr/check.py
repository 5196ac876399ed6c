"""Faults of flows that can be found before a caller does: what is named and does not exist, and where callers get lost.

Values of one node are `check_node.py`'s; here are names of nodes and the shape of the graph: nodes that nothing leads to,
circles, ways without an end.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping

from softswitch.config.flow import Branch, Flow, Node, Set, Transfer
from softswitch.config.target import Target
from softswitch.ivr.check_node import KnownNames, Problem, check_node, suggestion
from softswitch.ivr.edges import edges, ends

Place = tuple[str, str]
"""A flow and a node."""
Graph = dict[Place, tuple[Place, ...]]

__all__ = ["KnownNames", "Problem", "check_flows"]


def check_flows(flows: Mapping[str, Flow], known: KnownNames) -> tuple[Problem, ...]:
    """All problems, in the order of the flows and nodes; errors come before warnings of the same node."""
    found = [
        *_names(flows, known),
        *_unreachable(flows),
        *_circles(flows),
        *_endless(flows),
    ]
    order = {(flow, node): index for index, (flow, node) in enumerate(_places(flows))}
    return tuple(sorted(found, key=lambda each: (order.get((each.flow, each.node), -1), each.severity)))


def _places(flows: Mapping[str, Flow]) -> Iterator[Place]:
    for name, flow in flows.items():
        for node in flow.node:
            yield name, node


def _names(flows: Mapping[str, Flow], known: KnownNames) -> Iterator[Problem]:
    variables = frozenset(
        name for flow in flows.values() for node in flow.node.values() for name in _sets(node)
    )
    for flow_name, flow in flows.items():
        if flow.start not in flow.node:
            message = f"there is no node {flow.start!r}{suggestion(flow.start, flow.node)}"
            yield Problem(flow=flow_name, node="", key="start", message=message)
        for node_name, node in flow.node.items():
            for edge in edges(node):
                if edge.node not in flow.node:
                    message = f"there is no node {edge.node!r}{suggestion(edge.node, flow.node)}"
                    yield Problem(flow=flow_name, node=node_name, key=edge.key, message=message)
            for fault in check_node(node, known, frozenset(flows), variables):
                yield Problem(
                    flow=flow_name,
                    node=node_name,
                    key=fault.key,
                    message=fault.message,
                    severity=fault.severity,
                )


def _sets(node: Node) -> tuple[str, ...]:
    """Variables that a node sets."""
    if isinstance(node, Set):
        return tuple(node.variables)
    name = "" if isinstance(node, Branch) or node.do == "say" else getattr(node, "variable", "")
    return (name,) if name else ()


def _unreachable(flows: Mapping[str, Flow]) -> Iterator[Problem]:
    for flow_name, flow in flows.items():
        if flow.start not in flow.node:
            continue
        reached = {flow.start}
        waiting = deque(reached)
        while waiting:
            for edge in edges(flow.node[waiting.popleft()]):
                if edge.node in flow.node and edge.node not in reached:
                    reached.add(edge.node)
                    waiting.append(edge.node)
        for node_name in flow.node:
            if node_name not in reached:
                message = f"nothing leads here from {flow.start!r}; lead to it, or remove it"
                yield Problem(flow=flow_name, node=node_name, key="", message=message, severity="warning")


def _circles(flows: Mapping[str, Flow]) -> Iterator[Problem]:
    """Circles that a caller cannot leave by himself: without any wait (an error), or as long as he presses nothing."""
    immediate = _graph(flows, lambda node: isinstance(node, Branch | Set | Transfer))
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
    nodes = {
        (name, node): value
        for name, flow in flows.items()
        for node, value in flow.node.items()
        if wanted(value)
    }
    return {
        place: tuple(to for to in _silent_steps(flows, place[0], node) if to in nodes)
        for place, node in nodes.items()
    }


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


def _endless(flows: Mapping[str, Flow]) -> Iterator[Problem]:
    """Nodes from which no way leads to an end of the call, whatever the caller presses."""
    for flow_name, flow in flows.items():
        ending = {name for name, node in flow.node.items() if ends(node)}
        grown = True
        while grown:
            more = {
                name
                for name, node in flow.node.items()
                if name not in ending
                and any(edge.node in ending or edge.node not in flow.node for edge in edges(node))
            }
            ending |= more
            grown = bool(more)
        stuck = [name for name in flow.node if name not in ending]
        if stuck:
            message = (
                f"no way leads to an end (hangup, enqueue, transfer, dial) from {', '.join(map(repr, stuck))}"
            )
            yield Problem(flow=flow_name, node=stuck[0], key="", message=message)


def _short(place: Place, flow: str) -> str:
    return place[1] if place[0] == flow else f"{place[0]}.{place[1]}"
