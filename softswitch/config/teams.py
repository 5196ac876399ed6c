"""Teams: whose agents and queues belong together, for reports and for rights."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    agents: tuple[str, ...] = ()
    """Ids of its agents."""
    queues: tuple[str, ...] = ()
    """Queues that it answers for."""
