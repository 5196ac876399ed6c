"""Who served a number last in a queue, for callers who are to meet the same agent again; bounded, the oldest go first."""

from softswitch.ids import AgentId, QueueName

_MOST = 200_000


class LastAgents:
    def __init__(self) -> None:
        self._known: dict[tuple[QueueName, str], tuple[AgentId, float]] = {}

    def served(self, queue: QueueName, ani: str, agent: AgentId, now: float) -> None:
        if not ani:
            return
        self._known.pop((queue, ani), None)
        self._known[queue, ani] = (agent, now)
        if len(self._known) > _MOST:
            del self._known[next(iter(self._known))]

    def of(self, queue: QueueName, ani: str, now: float, within_s: float) -> AgentId | None:
        """None: nobody, or too long ago."""
        agent, when = self._known.get((queue, ani), (None, 0.0))
        return agent if now - when <= within_s else None
