"""Whether anybody is there, in the sense of one queue or another: agents counted by class for each set of states that
makes an agent absent. Where the last one of a class goes, callers may have to leave (`emptied`).
"""

from collections.abc import Iterable

from softswitch.acd.agent_class import AgentClass
from softswitch.acd.agents import AgentRecord
from softswitch.acd.values import AgentStatus

LOGGED_OUT: frozenset[str] = frozenset()
NOT_READY = frozenset({"paused", "unavailable"})
_COUNTED_ANYWAY = frozenset({LOGGED_OUT, NOT_READY})


def is_present(agent: AgentRecord, absent: frozenset[str]) -> bool:
    """Logged in, and in none of these states."""
    if not agent.logged_in:
        return False
    return not (
        ("paused" in absent and agent.status is AgentStatus.PAUSED)
        or ("unavailable" in absent and (not agent.reachable or agent.suspect is not None))
        or ("inuse" in absent and (agent.talk is not None or agent.occupied > 0))
        or ("ringing" in absent and agent.offer is not None)
        or ("wrapup" in absent and agent.wrapup is not None)
    )


class Presence:
    """The sets of states that queues ask for beside `logged out` and `not ready`, which the roster counts anyway."""

    def __init__(self, asked: Iterable[frozenset[str] | None]) -> None:
        self.sets = sorted({each for each in asked if each is not None} - _COUNTED_ANYWAY, key=sorted)
        self.masks = [0] * len(self.sets)
        self._index = {each: index for index, each in enumerate(self.sets)}

    def mask(self, absent: frozenset[str]) -> int:
        """Classes in which somebody is there."""
        return self.masks[self._index[absent]]

    def adopt(self, agent: AgentRecord, group: AgentClass) -> None:
        """He belongs to this class now."""
        if not group.present:
            group.present = [0] * len(self.sets)
        agent.present = [False] * len(self.sets)
        self.count(agent)

    def count(self, agent: AgentRecord) -> bool:
        """After any change to him; true: the last one of his class has gone."""
        emptied, group = False, agent.group
        for index, absent in enumerate(self.sets):
            now = is_present(agent, absent)
            if now is agent.present[index]:
                continue
            agent.present[index] = now
            group.present[index] += 1 if now else -1
            if group.present[index]:
                self.masks[index] |= group.bit
            else:
                self.masks[index] &= ~group.bit
                emptied = True
        return emptied
