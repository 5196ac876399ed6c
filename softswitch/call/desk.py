"""The agents as persons: where each one sits, what he has declared, whether his phone can be reached.

Writes one row for each stretch of time in which an agent's status and state stayed the same; they sum to his day.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from softswitch.acd.engine import Engine
from softswitch.acd.errors import NotKnown
from softswitch.acd.values import AgentStatus, Decision, Stance, StateChanged, StatusChanged
from softswitch.call.member_log import MemberLog
from softswitch.call.party import endpoint_destinations
from softswitch.call.services import Services
from softswitch.errors import PeerError
from softswitch.facts import AgentStateChanged, AgentStatusChanged
from softswitch.ids import AgentId, EndpointName, QueueName
from softswitch.store.rows import AgentInterval, AgentRow


class UnknownAgent(PeerError):
    sip_status = 404


_LOGGED_OUT = AgentStatus.LOGGED_OUT


@dataclass(slots=True)
class Stretch:
    """The interval that an agent is in."""

    stance: Stance
    began: float
    """Wall."""


class Desk:
    def __init__(self, services: Services, engine: Engine, act: Callable[[Iterable[Decision]], None]) -> None:
        self._services = services
        self._engine = engine
        self._act = act
        self._chosen: dict[AgentId, EndpointName] = {}
        """Agents who sat down elsewhere than the configuration says."""
        self._seat: dict[AgentId, EndpointName] = {}
        """Where each agent is rung."""
        self._at: dict[str, list[AgentId]] = {}
        """Endpoint to those who sit there."""
        self._occupied: dict[str, int] = {}
        """Endpoint to calls that did not come from a queue."""
        self._told_occupied: dict[AgentId, int] = {}
        """How many of them the engine counts for the agent."""
        self._stretches: dict[AgentId, Stretch] = {}
        self._log = MemberLog(services, engine)
        self.seat_everybody()

    # --- who sits where ----------------------------------------------------------------------------------------------

    def seat_everybody(self) -> None:
        """By choice or by configuration; a chosen phone that is configured no more is left. To be called before the engine
        takes over changed agents; those who are configured no more keep their seat until `reconfigured`."""
        config = self._services.config
        self._chosen = {agent: seat for agent, seat in self._chosen.items() if seat in config.endpoint}
        for name, settings in config.agent.items():
            agent = AgentId(name)
            self._seat[agent] = self._chosen.get(agent, EndpointName(settings.endpoint))
        self._at = {}
        for agent, seat in self._seat.items():
            if agent in config.agent:
                self._at.setdefault(seat, []).append(agent)

    def endpoint_of(self, agent: AgentId) -> EndpointName:
        return self._seat[agent]

    def agents_at(self, endpoint: str) -> tuple[AgentId, ...]:
        return tuple(self._at.get(endpoint, ()))

    def agent_at(self, endpoint: str) -> AgentId | None:
        """Who is logged in at this phone; else the one agent that the configuration seats there."""
        here = self.agents_at(endpoint)
        logged_in = [agent for agent in here if self.is_logged_in(agent)]
        return next(iter(logged_in or here), None)

    def logged_in_at(self, endpoint: str) -> AgentId | None:
        """Who has logged in at this phone; nobody else."""
        return next((agent for agent in self.agents_at(endpoint) if self.is_logged_in(agent)), None)

    def queues_of(self, agent: AgentId) -> tuple[QueueName, ...]:
        """Those he may be rung for."""
        return tuple(self._engine.agent_view(agent, self._now()).queues)

    def sit(self, agent: AgentId, endpoint: EndpointName) -> None:
        """From now on this agent is rung at `endpoint`; who was logged in there is logged out."""
        self._require(agent)
        if endpoint not in self._services.config.endpoint:
            raise UnknownAgent(f"no endpoint is called {endpoint!r}")
        for other in self.agents_at(endpoint):
            if other != agent and self.is_logged_in(other):
                self.status(other, AgentStatus.LOGGED_OUT, f"{agent} took phone {endpoint}")
        self._chosen[agent] = endpoint
        self.seat_everybody()
        self._count_calls(agent)
        self._check_reachable(agent)

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

    def wrapup(self, agent: AgentId, extend_s: float) -> None:
        """Give him more of it; 0 ends it. Raises what the engine refuses with."""
        self._require(agent)
        self._act(self._engine.wrapup(agent, self._now(), end=not extend_s, extend_s=extend_s))

    def logged_in_since(self, agent: AgentId) -> float | None:
        """Wall; None: he is not."""
        return self._log.since(agent)

    def is_logged_in(self, agent: AgentId) -> bool:
        return self._engine.stance(agent).status != AgentStatus.LOGGED_OUT

    def _require(self, agent: AgentId) -> None:
        if agent not in self._services.config.agent:
            raise UnknownAgent(f"no agent is called {agent!r}")

    # --- what the system sees -----------------------------------------------------------------------------------------

    def occupied(self, endpoint: str, delta: int) -> None:
        """A call of this phone that did not come from a queue began (+1) or ended (-1)."""
        self._occupied[endpoint] = self._occupied.get(endpoint, 0) + delta
        if not self._occupied[endpoint]:
            del self._occupied[endpoint]
        for agent in self.agents_at(endpoint):
            self._count_calls(agent)

    def _count_calls(self, agent: AgentId) -> None:
        """Tell the engine of the calls at the agent's phone that it does not count yet, or counts no more."""
        calls = self._occupied.get(self.endpoint_of(agent), 0)
        while (told := self._told_occupied.get(agent, 0)) != calls:
            step = 1 if calls > told else -1
            self._told_occupied[agent] = told + step
            self._act(self._engine.agent_occupied(agent, step, self._now()))

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
        agents = self._services.config.agent
        self._chosen = {
            row.agent: row.endpoint
            for row in known.values()
            if row.agent in agents and row.endpoint != agents[row.agent].endpoint
        }
        self.seat_everybody()
        for name, settings in agents.items():
            agent = AgentId(name)
            row = known.get(agent)
            self._open_stretch(agent)
            logged_out = row is None or row.status == AgentStatus.LOGGED_OUT
            if settings.login == "on-start" and logged_out:
                status, reason, since = AgentStatus.AVAILABLE, "", clock.wall()
            elif row is not None:
                status, reason, since = AgentStatus(row.status), row.reason, row.since
            else:
                continue
            age = max(0.0, clock.wall() - since)
            self._check_reachable(agent)
            self._act(self._engine.restore_agent(agent, status, reason, self._now() - age, self._now()))
            self._save(agent, status, reason)
            self._log.started(agent, status, since, self.endpoint_of(agent), row)
        for name in agents:
            self._check_reachable(AgentId(name))

    def reconfigured(self) -> None:
        """After the engine has taken over changed agents: new ones get a stretch of their own, those who are gone are
        forgotten, and everybody's phone is looked at again."""
        agents = self._services.config.agent
        for agent in [each for each in self._seat if each not in agents]:
            del self._seat[agent]
            self._stance(agent)
        for name in agents:
            agent = AgentId(name)
            if agent not in self._stretches:
                self._open_stretch(agent)
            self._count_calls(agent)
            self._check_reachable(agent)
        self._log.reconfigured()

    # --- what the engine says -----------------------------------------------------------------------------------------

    def status_changed(self, changed: StatusChanged) -> None:
        services = self._services
        self._save(changed.agent, changed.status, changed.reason)
        before = self._stretches.get(changed.agent)
        was = before.stance.status if before is not None else AgentStatus.LOGGED_OUT
        self._log.status_changed(changed, was, self.endpoint_of(changed.agent))
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
        services, clock = self._services, self._services.clock
        self._stretch(changed.agent)
        services.bus.publish(
            AgentStateChanged(
                agent=changed.agent,
                old=str(changed.old),
                new=str(changed.new),
                wall=clock.wall(),
                monotonic=clock.monotonic(),
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

    # --- intervals ----------------------------------------------------------------------------------------------------

    def _open_stretch(self, agent: AgentId) -> None:
        self._stretches[agent] = Stretch(self._engine.stance(agent), self._services.clock.wall())

    def _stretch(self, agent: AgentId) -> None:
        """Close the interval that has ended and begin the next."""
        old = self._stretches.get(agent)
        new = self._stance(agent) if old is not None else None
        if old is None or new is None or _alike(old.stance, new):
            return
        now = self._services.clock.wall()
        self._write(agent, old, now)
        self._stretches[agent] = Stretch(new, now)

    def _stance(self, agent: AgentId) -> Stance | None:
        """None, and he is forgotten, when the engine knows him no more: he was removed, and his last talk is over."""
        try:
            return self._engine.stance(agent)
        except NotKnown:
            stretch = self._stretches.pop(agent, None)
            if stretch is not None:
                self._write(agent, stretch, self._services.clock.wall())
            self._told_occupied.pop(agent, None)
            return None

    def _write(self, agent: AgentId, stretch: Stretch, ended: float) -> None:
        if stretch.stance.status is not _LOGGED_OUT:
            self._services.store.interval(_interval(agent, stretch, ended))

    def going_on(self) -> list[AgentInterval]:
        """What each agent who is logged in is doing since when: no row yet."""
        now = self._services.clock.wall()
        return [
            _interval(agent, stretch, now)
            for agent, stretch in self._stretches.items()
            if stretch.stance.status != AgentStatus.LOGGED_OUT
        ]

    def close(self) -> None:
        """Write what has not ended yet; the switch stops."""
        now = self._services.clock.wall()
        for agent, stretch in self._stretches.items():
            self._write(agent, stretch, now)
        self._stretches.clear()

    def _now(self) -> float:
        return self._services.clock.monotonic()


def _alike(old: Stance, new: Stance) -> bool:
    """One stretch, whichever queue it is for."""
    return (
        old.state is new.state
        and old.status is new.status
        and old.reason == new.reason
        and old.call == new.call
    )


def _interval(agent: AgentId, stretch: Stretch, ended: float) -> AgentInterval:
    stance = stretch.stance
    return AgentInterval(
        agent=agent,
        status=str(stance.status),
        reason=stance.reason,
        state=str(stance.state),
        began=stretch.began,
        ended=ended,
        queue=stance.queue,
        call=stance.call,
    )
