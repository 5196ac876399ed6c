"""Small figures that only boards ask for and nobody else keeps: counted from facts, forgotten at a restart."""

from collections import Counter

from softswitch.call.services import Services
from softswitch.facts import AgentStatusChanged, CallerLeftQueue, ConfigReloaded, QueueTalkEnded
from softswitch.ids import AgentId, QueueName


class Tally:
    def __init__(self, services: Services) -> None:
        self.lost_in_level: Counter[QueueName] = Counter()
        """Callers who hung up within their queue's service level."""
        self.last_call: dict[AgentId, float] = {}
        """When each agent's latest queue call ended. Wall."""
        self.last_pause: dict[AgentId, float] = {}
        self.reloaded = services.clock.wall()
        """When the configuration was last taken over. Wall."""
        self._services = services
        services.bus.subscribe(
            {
                CallerLeftQueue: self._left,
                QueueTalkEnded: self._talked,
                AgentStatusChanged: self._status,
                ConfigReloaded: self._reloaded,
            }
        )

    def _talked(self, fact: QueueTalkEnded) -> None:
        self.last_call[fact.agent] = fact.wall

    def _left(self, fact: CallerLeftQueue) -> None:
        queue = self._services.config.queue.get(fact.queue)
        if fact.reason == "abandoned" and queue is not None and fact.waited_s <= queue.servicelevel:
            self.lost_in_level[fact.queue] += 1

    def _status(self, fact: AgentStatusChanged) -> None:
        if fact.status == "paused":
            self.last_pause[fact.agent] = fact.wall

    def _reloaded(self, fact: ConfigReloaded) -> None:
        self.reloaded = fact.wall
        config = self._services.config
        for known in (self.last_call, self.last_pause):
            for agent in [agent for agent in known if agent not in config.agent]:
                del known[agent]
