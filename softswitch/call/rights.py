"""Who may supervise whom: queues by name, or everybody. A pure rule."""

from collections.abc import Iterable, Set

EVERYBODY = "*"


def may_supervise(rights: Set[str], queues: Iterable[str]) -> bool:
    """`rights` are what `supervises` says of a phone and of who sits there; `queues` those of the agent."""
    return EVERYBODY in rights or not rights.isdisjoint(queues)


def may_steer(party: str, *, served: bool, serving: bool) -> bool:
    """A phone of ours; where an agent serves, his alone: whoever called a queue neither masks nor transfers him, unless
    that queue's `caller_transfers` lets him do the latter."""
    return party.startswith("endpoint:") and (not served or serving)
