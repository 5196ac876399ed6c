"""One way from a node of a flow to another."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Edge:
    key: str
    """Key of the node's table that names the other node: `next`, `keys.1`."""
    label: str
    """What leads there, for people: `1`, `timeout`, `open`; empty where nothing is to be said."""
    node: str
    silent: bool
    """A caller who says and presses nothing may take it."""
