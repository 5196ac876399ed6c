"""Taking over a new configuration while calls wait, ring and talk.

Nothing live is cut: a removed agent finishes his call, offers that ring go on unless agent or queue is gone, talks
keep the wrap-up they began with, callers keep their age. The callers of a removed queue leave as if it ran empty.
"""

from collections.abc import Mapping

from softswitch.acd.agents import AgentRecord
from softswitch.acd.entry import Entry
from softswitch.acd.errors import NotKnown
from softswitch.acd.queues import QueueRecord
from softswitch.acd.ringing import Ringing
from softswitch.acd.roster import Roster
from softswitch.acd.values import AgentStatus, Decision
from softswitch.acd.waiting import WaitingRoom
from softswitch.config.matching import Matching
from softswitch.config.queues import Agent, Queue
from softswitch.ids import AgentId, QueueName

REMOVED = "removed"
"""Reason of the log-out of an agent who is configured no more."""


class Reload:
    def __init__(
        self,
        queues: dict[QueueName, QueueRecord],
        roster: Roster,
        room: WaitingRoom,
        ringing: Ringing,
        entry: Entry,
    ) -> None:
        self._queues = queues
        self._roster = roster
        self._room = room
        self._ringing = ringing
        self._entry = entry
        self._serial = 0
        self.matching = Matching()
        """What holds for all queues, from the next `apply` on."""

    def apply(
        self, queues: Mapping[str, Queue], agents: Mapping[str, Agent], now: float, out: list[Decision]
    ) -> None:
        _check(queues, agents)
        self._remove_agents(agents, now, out)
        self._remove_queues(queues, now, out)
        for name, agent in agents.items():
            self._take_agent(AgentId(name), agent, now)
        for name, queue in queues.items():
            self._take_queue(QueueName(name), queue)
        self._roster.rebuild(self._queues)
        self._room.rebuild()
        for caller in self._room.callers.values():
            self._entry.arm(caller, now)

    def _remove_agents(self, agents: Mapping[str, Agent], now: float, out: list[Decision]) -> None:
        gone = [
            agent for name, agent in self._roster.agents.items() if name not in agents and not agent.leaving
        ]
        for agent in gone:
            self._ringing.withdraw_from(agent, "logged out", now, out)
            if agent.logged_in:
                self._roster.set_status(agent, AgentStatus.LOGGED_OUT, REMOVED, now, out)
            if agent.talk is None:
                self._roster.forget(agent)
            else:
                agent.leaving = True

    def _remove_queues(self, queues: Mapping[str, Queue], now: float, out: list[Decision]) -> None:
        for queue in [queue for name, queue in self._queues.items() if name not in queues]:
            for caller in queue.line.in_order():
                self._entry.send_off(caller, now, out)
            del self._queues[queue.name]

    def _take_agent(self, name: AgentId, config: Agent, now: float) -> None:
        agent = self._roster.agents.get(name)
        if agent is None:
            self._serial += 1
            self._roster.agents[name] = AgentRecord(name, config, self._serial, now)
        else:
            agent.config = config
            agent.leaving = False

    def _take_queue(self, name: QueueName, config: Queue) -> None:
        queue = self._queues.get(name)
        if queue is None:
            self._queues[name] = QueueRecord(name, config)
        else:
            queue.configure(config)
        self._queues[name].govern(self.matching)


def _check(queues: Mapping[str, Queue], agents: Mapping[str, Agent]) -> None:
    """Refuse what cannot be taken over before anything has changed; the loader has said so with file and line."""
    for name, queue in queues.items():
        for member in queue.members:
            if member.agent not in agents:
                raise NotKnown(f"queue {name} has a member {member.agent}, who is no agent")
