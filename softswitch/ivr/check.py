"""Faults of flows that can be found before a caller does: what is named and does not exist, and where callers get lost.

Values of one node are `check_node.py`'s, variables `check_scope.py`'s, circles `check_circles.py`'s; here are names of
nodes, nodes that nothing leads to and ways without an end.
"""

from collections import deque
from collections.abc import Iterator, Mapping

from softswitch.config.flow import Flow
from softswitch.ivr.check_circles import check_circles
from softswitch.ivr.check_node import check_node
from softswitch.ivr.check_scope import check_scope
from softswitch.ivr.edges import edges, ends
from softswitch.ivr.fault import KnownNames, Problem, suggestion


def check_flows(flows: Mapping[str, Flow], known: KnownNames) -> tuple[Problem, ...]:
    """All problems, in the order of the flows and nodes; errors come before warnings of the same node."""
    found = [
        *_names(flows, known),
        *_unreachable(flows),
        *check_scope(flows, known),
        *check_circles(flows),
        *_endless(flows),
    ]
    order = {(flow, node): index for index, (flow, node) in enumerate(_places(flows))}
    return tuple(sorted(found, key=lambda each: (order.get((each.flow, each.node), -1), each.severity)))


def _places(flows: Mapping[str, Flow]) -> Iterator[tuple[str, str]]:
    for name, flow in flows.items():
        for node in flow.node:
            yield name, node


def _names(flows: Mapping[str, Flow], known: KnownNames) -> Iterator[Problem]:
    for flow_name, flow in flows.items():
        if flow.start not in flow.node:
            message = f"there is no node {flow.start!r}{suggestion(flow.start, flow.node)}"
            yield Problem(flow=flow_name, node="", key="start", message=message)
        for node_name, node in flow.node.items():
            for edge in edges(node):
                if edge.node not in flow.node:
                    message = f"there is no node {edge.node!r}{suggestion(edge.node, flow.node)}"
                    yield Problem(flow=flow_name, node=node_name, key=edge.key, message=message)
            for fault in check_node(node, known, frozenset(flows)):
                yield Problem(
                    flow=flow_name,
                    node=node_name,
                    key=fault.key,
                    message=fault.message,
                    severity=fault.severity,
                )


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
