"""The agents as persons: where each one sits, what he has declared, whether his phone can be reached.

Writes one row for each stretch of time in which an agent's status and state stayed the same; they sum to his day.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import structlog

from softswitch.acd.engine import Engine
from softswitch.acd.values import AgentStatus, AgentView, Decision, StateChanged, StatusChanged
from softswitch.call.party import endpoint_destinations
from softswitch.call.services import Services
from softswitch.errors import PeerError
from softswitch.facts import AgentStateChanged, AgentStatusChanged
from softswitch.ids import AgentId, EndpointName
from softswitch.store import queue_log
from softswitch.store.rows import AgentInterval, AgentRow

_log = structlog.get_logger(__name__)


class UnknownAgent(PeerError):
    sip_status = 404


@dataclass(slots=True)
class Stretch:
    """The interval that an agent is in."""

    view: AgentView
    began: float
    """Wall."""


class Desk:
    def __init__(self, services: Services, engine: Engine, act: Callable[[Iterable[Decision]], None]) -> None:
        self._services = services
        self._engine = engine
        self._act = act
        self._seat: dict[AgentId, EndpointName] = {}
        """Agents who sit elsewhere than the configuration says."""
        self._occupied: dict[str, int] = {}
        """Endpoint to calls that did not come from a queue."""
        self._stretches: dict[AgentId, Stretch] = {}
        self._logged_in_at: dict[AgentId, float] = {}

    # --- who sits where ----------------------------------------------------------------------------------------------

    def endpoint_of(self, agent: AgentId) -> EndpointName:
        seat = self._seat.get(agent)
        if seat is not None:
            return seat
        return EndpointName(self._services.config.agent[agent].endpoint)

    def agents_at(self, endpoint: str) -> list[AgentId]:
        return [
            AgentId(agent)
            for agent in self._services.config.agent
            if self.endpoint_of(AgentId(agent)) == endpoint
        ]

    def agent_at(self, endpoint: str) -> AgentId | None:
        """Who is logged in at this phone; else the one agent that the configuration seats there."""
        here = self.agents_at(endpoint)
        logged_in = [agent for agent in here if self.is_logged_in(agent)]
        return next(iter(logged_in or here), None)

    def sit(self, agent: AgentId, endpoint: EndpointName) -> None:
        """From now on this agent is rung at `endpoint`; who was logged in there is logged out."""
        self._require(agent)
        if endpoint not in self._services.config.endpoint:
            raise UnknownAgent(f"no endpoint is called {endpoint!r}")
        for other in self.agents_at(endpoint):
            if other != agent and self.is_logged_in(other):
                self.status(other, AgentStatus.LOGGED_OUT, f"{agent} took phone {endpoint}")
        before = self._occupied.get(self.endpoint_of(agent), 0)
        self._seat[agent] = endpoint
        self._shift_occupied(agent, self._occupied.get(endpoint, 0) - before)
        self._check_reachable(agent)

    def _shift_occupied(self, agent: AgentId, difference: int) -> None:
        step = 1 if difference > 0 else -1
        for _ in range(abs(difference)):
            self._act(self._engine.agent_occupied(agent, step, self._now()))

    # --- what he declares ---------------------------------------------------------------------------------------------

    def login(self, agent: AgentId, endpoint: EndpointName | None = None) -> None:
        self._require(agent)
        self.sit(agent, endpoint or self.endpoint_of(agent))
        self.status(agent, AgentStatus.AVAILABLE, "")

    def status(self, agent: AgentId, status: AgentStatus, reason: str) -> None:
        self._require(agent)
        self._act(self._engine.agent_status(agent, status, reason, self._now()))

    def resume(self, agent: AgentId) -> None:
        """Takes calls again; ends a wrap-up too."""
        self.status(agent, AgentStatus.AVAILABLE, "")
        if self._engine.agent_view(agent, self._now()).wrapup_left_s > 0:
            self._act(self._engine.wrapup(agent, self._now(), end=True))

    def is_logged_in(self, agent: AgentId) -> bool:
        return self._engine.agent_view(agent, self._now()).status != AgentStatus.LOGGED_OUT

    def _require(self, agent: AgentId) -> None:
        if agent not in self._services.config.agent:
            raise UnknownAgent(f"no agent is called {agent!r}")

    # --- what the system sees -----------------------------------------------------------------------------------------

    def occupied(self, endpoint: str, delta: int) -> None:
        """A call of this phone that did not come from a queue began (+1) or ended (-1)."""
        self._occupied[endpoint] = self._occupied.get(endpoint, 0) + delta
        for agent in self.agents_at(endpoint):
            self._act(self._engine.agent_occupied(agent, delta, self._now()))

    def registration_changed(self, endpoint: str) -> None:
        for agent in self.agents_at(endpoint):
            self._check_reachable(agent)

    def _check_reachable(self, agent: AgentId) -> None:
        config = self._services.config
        reachable = bool(endpoint_destinations(self._services, config, self.endpoint_of(agent)))
        self._act(self._engine.agent_reachable(agent, reachable, self._now()))

    def start(self, rows: Iterable[AgentRow]) -> None:
        """Put every agent into the state he was in when the switch stopped, or that the configuration wants."""
        clock = self._services.clock
        known = {row.agent: row for row in rows}
        for name, settings in self._services.config.agent.items():
            agent = AgentId(name)
            row = known.get(agent)
            self._open_stretch(agent)
            if row is not None and row.endpoint in self._services.config.endpoint:
                self._seat[agent] = row.endpoint
            if settings.login == "on-start":
                status, reason, since = AgentStatus.AVAILABLE, "", clock.wall()
            elif row is not None:
                status, reason, since = AgentStatus(row.status), row.reason, row.since
            else:
                continue
            age = max(0.0, clock.wall() - since)
            self._check_reachable(agent)
            self._act(self._engine.restore_agent(agent, status, reason, self._now() - age, self._now()))
            self._save(agent, status, reason)
        for name in self._services.config.agent:
            self._check_reachable(AgentId(name))

    def reconfigured(self) -> None:
        """New agents get a stretch of their own, and everybody's phone is looked at again."""
        for name in self._services.config.agent:
            agent = AgentId(name)
            if agent not in self._stretches:
                self._open_stretch(agent)
            if self._seat.get(agent) not in self._services.config.endpoint:
                self._seat.pop(agent, None)
            self._check_reachable(agent)

    # --- what the engine says -----------------------------------------------------------------------------------------

    def status_changed(self, changed: StatusChanged) -> None:
        services = self._services
        self._save(changed.agent, changed.status, changed.reason)
        self._log_status(changed)
        self._stretch(changed.agent)
        services.bus.publish(
            AgentStatusChanged(
                agent=changed.agent,
                status=changed.status.value,
                reason=changed.reason,
                wall=services.clock.wall(),
                monotonic=self._now(),
            )
        )

    def state_changed(self, changed: StateChanged) -> None:
        services = self._services
        self._stretch(changed.agent)
        services.bus.publish(
            AgentStateChanged(
                agent=changed.agent,
                old=changed.old.value,
                new=changed.new.value,
                wall=services.clock.wall(),
                monotonic=self._now(),
            )
        )

    def _save(self, agent: AgentId, status: AgentStatus, reason: str) -> None:
        if agent not in self._services.config.agent:
            return
        self._services.store.agent(
            AgentRow(
                agent=agent,
                status=status.value,
                reason=reason,
                endpoint=self.endpoint_of(agent),
                since=self._services.clock.wall(),
            )
        )

    def _log_status(self, changed: StatusChanged) -> None:
        """As Asterisk's queue_log words it."""
        log, agent, now = self._services.queue_log, changed.agent, self._services.clock.wall()
        before = self._stretches[agent].view.status if agent in self._stretches else AgentStatus.LOGGED_OUT
        endpoint = self.endpoint_of(agent)
        if changed.status == AgentStatus.LOGGED_OUT:
            since = self._logged_in_at.pop(agent, now)
            log.write(queue_log.agent_logoff(now, agent, endpoint=endpoint, logged_in_s=now - since))
        elif before == AgentStatus.LOGGED_OUT:
            self._logged_in_at[agent] = now
            log.write(queue_log.agent_login(now, agent, endpoint=endpoint))
        if changed.status == AgentStatus.PAUSED:
            log.write(queue_log.pause_all(now, agent, reason=changed.reason))
        elif before == AgentStatus.PAUSED:
            log.write(queue_log.unpause_all(now, agent, reason=changed.reason))

    # --- intervals ----------------------------------------------------------------------------------------------------

    def _open_stretch(self, agent: AgentId) -> None:
        view = self._engine.agent_view(agent, self._now())
        self._stretches[agent] = Stretch(view, self._services.clock.wall())

    def _stretch(self, agent: AgentId) -> None:
        """Close the interval that has ended and begin the next."""
        if agent not in self._stretches:
            return
        old = self._stretches[agent]
        new = self._engine.agent_view(agent, self._now())
        if (old.view.status, old.view.reason, old.view.state, old.view.call) == (
            new.status,
            new.reason,
            new.state,
            new.call,
        ):
            return
        now = self._services.clock.wall()
        self._write(agent, old, now)
        self._stretches[agent] = Stretch(new, now)

    def _write(self, agent: AgentId, stretch: Stretch, ended: float) -> None:
        view = stretch.view
        if view.status == AgentStatus.LOGGED_OUT:
            return
        self._services.store.interval(
            AgentInterval(
                agent=agent,
                status=view.status.value,
                reason=view.reason,
                state=view.state.value,
                began=stretch.began,
                ended=ended,
                queue=view.queue,
                call=view.call,
            )
        )

    def close(self) -> None:
        """Write what has not ended yet; the switch stops."""
        now = self._services.clock.wall()
        for agent, stretch in self._stretches.items():
            self._write(agent, stretch, now)
        self._stretches.clear()

    def _now(self) -> float:
        return self._services.clock.monotonic()
