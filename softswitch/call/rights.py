"""Who may supervise whom: queues by name, or everybody. A pure rule."""

from collections.abc import Iterable, Set

EVERYBODY = "*"


def may_supervise(rights: Set[str], queues: Iterable[str]) -> bool:
    """`rights` are what `supervises` says of a phone and of who sits there; `queues` those of the agent."""
    return EVERYBODY in rights or not rights.isdisjoint(queues)
