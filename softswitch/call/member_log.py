"""Who serves which queue, as Asterisk tells it: rows of the queue_log and facts at log-in, log-out, pause and reload.

An agent who logs in becomes a member of each of his queues and ceases to be one when he logs out, as dynamic members of
Asterisk's queues do. Owns nothing that decides.
"""

from softswitch.acd.engine import Engine
from softswitch.acd.errors import NotKnown
from softswitch.acd.values import AgentStatus, StatusChanged
from softswitch.call.services import Services
from softswitch.facts import QueueMemberAdded, QueueMemberPenalty, QueueMemberRemoved
from softswitch.ids import AgentId, QueueName
from softswitch.store import queue_log as lines
from softswitch.store.rows import AgentRow, QueueLogRow

Penalties = dict[QueueName, int]


class MemberLog:
    def __init__(self, services: Services, engine: Engine) -> None:
        self._services = services
        self._engine = engine
        self._since: dict[AgentId, float] = {}
        """When each one logged in. Wall."""
        self._serves: dict[AgentId, Penalties] = {}
        """Those who are logged in."""

    def since(self, agent: AgentId) -> float | None:
        """When he logged in. Wall."""
        return self._since.get(agent)

    def started(
        self, agent: AgentId, status: AgentStatus, since: float, endpoint: str, row: AgentRow | None
    ) -> None:
        """What he is when the switch starts; `row` is what he was when it stopped: one who stays logged in is no news."""
        if status is AgentStatus.LOGGED_OUT:
            return
        if row is None or row.status == AgentStatus.LOGGED_OUT:
            self._log_in(agent, endpoint, paused=status is AgentStatus.PAUSED)
        else:
            self._since[agent] = row.since if row.status == status else since
            self._serves[agent] = self._queues_of(agent)

    def status_changed(self, changed: StatusChanged, before: AgentStatus, endpoint: str) -> None:
        agent, paused = changed.agent, changed.status is AgentStatus.PAUSED
        if changed.status is AgentStatus.LOGGED_OUT:
            self._log_out(agent, endpoint, changed.reason)
            return
        if before is AgentStatus.LOGGED_OUT:
            self._log_in(agent, endpoint, paused=paused)
        if paused or before is AgentStatus.PAUSED:
            self._log_pause(agent, paused, changed.reason)

    def reconfigured(self) -> None:
        """Queues and penalties may be others."""
        for agent, before in list(self._serves.items()):
            after = self._queues_of(agent)
            self._serves[agent] = after
            for queue in [queue for queue in before if queue not in after]:
                self._removed(queue, agent)
            for queue, penalty in after.items():
                if queue not in before:
                    self._added(queue, agent, penalty, paused=False)
                elif before[queue] != penalty:
                    self._write(lines.penalty(self._wall(), queue, agent, penalty=penalty))
                    self._publish(QueueMemberPenalty, queue, agent, penalty=penalty)

    # --- the rows -------------------------------------------------------------------------------------------------------

    def _log_in(self, agent: AgentId, endpoint: str, *, paused: bool) -> None:
        now = self._since[agent] = self._wall()
        login = lines.agent_callback_login if self._callback else lines.agent_login
        self._write(login(now, agent, endpoint=endpoint))
        self._serves[agent] = self._queues_of(agent)
        for queue, penalty in self._serves[agent].items():
            self._added(queue, agent, penalty, paused=paused)

    def _log_out(self, agent: AgentId, endpoint: str, reason: str) -> None:
        now = self._wall()
        for queue in self._serves.pop(agent, {}):
            self._removed(queue, agent)
        logged_in_s = now - self._since.pop(agent, now)
        if self._callback:
            row = lines.agent_callback_logoff(
                now, agent, endpoint=endpoint, logged_in_s=logged_in_s, reason=reason
            )
        else:
            row = lines.agent_logoff(now, agent, endpoint=endpoint, logged_in_s=logged_in_s)
        self._write(row)

    def _log_pause(self, agent: AgentId, paused: bool, reason: str) -> None:
        """One row for all of his queues, then one for each, as Asterisk does."""
        now = self._wall()
        self._write((lines.pause_all if paused else lines.unpause_all)(now, agent, reason=reason))
        one = lines.pause if paused else lines.unpause
        for queue in self._serves.get(agent, ()):
            self._write(one(now, queue, agent, reason=reason))

    def _added(self, queue: QueueName, agent: AgentId, penalty: int, *, paused: bool) -> None:
        self._write(lines.add_member(self._wall(), queue, agent, paused=paused))
        self._publish(QueueMemberAdded, queue, agent, penalty=penalty)

    def _removed(self, queue: QueueName, agent: AgentId) -> None:
        self._write(lines.remove_member(self._wall(), queue, agent))
        self._publish(QueueMemberRemoved, queue, agent)

    def _publish(
        self,
        kind: type[QueueMemberAdded] | type[QueueMemberRemoved] | type[QueueMemberPenalty],
        queue: QueueName,
        agent: AgentId,
        **more: int,
    ) -> None:
        clock = self._services.clock
        fact = kind(queue=queue, agent=agent, wall=clock.wall(), monotonic=clock.monotonic(), **more)
        self._services.bus.publish(fact)

    def _queues_of(self, agent: AgentId) -> Penalties:
        """Those he may be rung for, as configured now; one who was removed has none."""
        try:
            queues = self._engine.agent_view(agent, self._services.clock.monotonic()).queues
        except NotKnown:
            return {}
        return {queue: self._penalty(queue, agent) for queue in queues}

    def _penalty(self, queue: QueueName, agent: AgentId) -> int:
        """An agent who serves by his skills has none."""
        settings = self._services.config.queue.get(queue)
        if settings is None:
            return 0
        return next((member.penalty for member in settings.members if member.agent == agent), 0)

    @property
    def _callback(self) -> bool:
        return self._services.config.general.queue_log_logins == "callback"

    def _wall(self) -> float:
        return self._services.clock.wall()

    def _write(self, row: QueueLogRow) -> None:
        self._services.queue_log.write(row)
