"""Who acts, on whom, and may he: the one place where rights are judged, whatever the surface.

An `Actor` is whoever asks, by a user of this machine, a token, a phone or a feed; an `About` is what he asks it of, reduced
to the queues and agents that it belongs to. `missing` says which right is not there; nothing is ever allowed because it is
not known. Knows no HTTP, no SIP and no audit.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Protocol

from softswitch.call.call import Call
from softswitch.config.acts import Act
from softswitch.config.rights import ADMINISTRATOR, AGENT, ROLES, Person, role_named
from softswitch.config.schema import Config
from softswitch.ids import AgentId, QueueName

NOBODY: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    name: str
    """Of the person; else `unix:NAME`, `endpoint:NAME`, `feed:NAME`."""
    person: Person
    surface: str
    """`control`, `http`, `phone`, `feed` or `signal`."""
    origin: str = ""
    """User and process, address, phone."""
    owner: bool = False
    """The switch is his: an administrator whatever the tables say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    kind: str
    name: str = ""
    queues: frozenset[str] = NOBODY
    """Where there is one, it decides."""
    agents: frozenset[str] = NOBODY
    serves: frozenset[str] = NOBODY
    """Queues that these agents serve."""
    person: str = ""
    """Whom it stands for: his alone, and theirs who may all."""

    def __str__(self) -> str:
        return f"{self.kind} {self.name}".rstrip()


SWITCH = About(kind="switch")
"""All of it: nothing that belongs to a team."""
ANYTHING = About(kind="")
"""The role alone decides."""


class Configured(Protocol):
    """`call.services.Services`."""

    @property
    def config(self) -> Config: ...


class Seats(Protocol):
    """`call.desk.Desk`."""

    def agent_at(self, endpoint: str) -> AgentId | None: ...

    def agents_at(self, endpoint: str) -> tuple[AgentId, ...]: ...

    def queues_of(self, agent: AgentId) -> tuple[QueueName, ...]: ...


@dataclass(slots=True)
class _Index:
    """Who stands for what in one configuration."""

    config: Config
    tokens: dict[str, str] = field(default_factory=dict)
    users: dict[str, str] = field(default_factory=dict)
    phones: dict[str, str] = field(default_factory=dict)
    agents: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, person in self.config.person.items():
            self.users.update(dict.fromkeys(person.unix_users, name))
            self.phones.update(dict.fromkeys(person.endpoints, name))
            if person.token_sha256:
                self.tokens[person.token_sha256] = name
            if person.agent:
                self.agents[person.agent] = name


class Permissions:
    def __init__(self, services: Configured, desk: Seats) -> None:
        self._services = services
        self._desk = desk
        self._index = _Index(services.config)

    @property
    def _config(self) -> Config:
        return self._services.config

    def _known(self) -> _Index:
        if self._index.config is not self._services.config:
            self._index = _Index(self._services.config)
        return self._index

    # --- who ----------------------------------------------------------------------------------------------------------

    def person(self, name: str, *, surface: str, origin: str = "") -> Actor | None:
        """None: there is nobody of that name any more."""
        found = self._config.person.get(name)
        return None if found is None else Actor(name=name, person=found, surface=surface, origin=origin)

    def by_token(self, token: str, *, surface: str, origin: str) -> Actor | None:
        """A token is long and random, so that a lookup by its digest tells nothing."""
        name = self._known().tokens.get(sha256(token.encode("utf-8", "replace")).hexdigest())
        return None if name is None else self.person(name, surface=surface, origin=origin)

    def by_user(self, user: str, *, owner: bool, origin: str) -> Actor:
        """A user of this machine on the control socket; `owner`: the switch runs as him, or he is root."""
        name = self._known().users.get(user)
        found = self.person(name, surface="control", origin=origin) if name is not None else None
        if found is not None:
            return found
        person = Person(role=ADMINISTRATOR if owner else "")
        return Actor(name=f"unix:{user}", person=person, surface="control", origin=origin, owner=owner)

    def by_phone(self, endpoint: str) -> Actor:
        """The person whose phone it is, or who is logged in there; else the agent who sits there, as an agent."""
        index, agent, origin = self._known(), self._desk.agent_at(endpoint), f"endpoint:{endpoint}"
        name = index.phones.get(endpoint) or (index.agents.get(agent) if agent is not None else None)
        found = self.person(name, surface="phone", origin=origin) if name is not None else None
        person = Person(role=AGENT, agent=agent or "")
        return found or Actor(name=origin, person=person, surface="phone", origin=origin)

    def as_agent(self, agent: AgentId, endpoint: str) -> Actor:
        """He has proved who he is by his PIN, at a phone that may be anybody's."""
        name, origin = self._known().agents.get(agent), f"endpoint:{endpoint}"
        found = self.person(name, surface="phone", origin=origin) if name is not None else None
        person = Person(role=AGENT, agent=agent)
        return found or Actor(name=f"agent:{agent}", person=person, surface="phone", origin=origin)

    # --- on whom ------------------------------------------------------------------------------------------------------

    def agent(self, name: str) -> About:
        """One who does not exist belongs to nobody."""
        if name not in self._config.agent:
            return About(kind="agent", name=name)
        serves = frozenset[str](self._desk.queues_of(AgentId(name)))
        return About(kind="agent", name=name, agents=frozenset((name,)), serves=serves)

    def queue(self, name: str) -> About:
        return About(kind="queue", name=name, queues=frozenset((name,)))

    def team(self, name: str) -> About:
        """All of it: its agents and the callers of its queues."""
        team = self._config.team.get(name)
        if team is None:
            return About(kind="team", name=name)
        return About(kind="team", name=name, queues=frozenset(team.queues), agents=frozenset(team.agents))

    def phone(self, endpoint: str) -> About:
        """Whoever sits there."""
        return self._of("endpoint", endpoint, self._desk.agents_at(endpoint))

    def seat(self, endpoint: str) -> About:
        """Taking a phone: of those who sit there, of the person whose it is, or nobody's."""
        about = self._of("endpoint", endpoint, self._desk.agents_at(endpoint))
        owner = self._known().phones.get(endpoint, "")
        if about.agents or not owner:
            return about if about.agents else ANYTHING
        return About(kind="endpoint", name=endpoint, person=owner)

    def stands_for(self, agent: str) -> About:
        """Seating him at another phone: who has that phone acts as the person that this agent is, with more rights than
        over himself, unless a PIN is asked for."""
        name = self._known().agents.get(agent, "")
        person = self._config.person.get(name)
        if person is None or person.pin or role_named(person.role, self._config.role).reach == "self":
            return ANYTHING
        return About(kind="agent", name=agent, person=name)

    def call(self, call: Call) -> About:
        """Its queue; where it was in none, those of ours who talk."""
        figures = call.figures
        parties = (call.source, *(leg.party for leg in call.legs.values()))
        return self.row("call", call.id, figures.queue or "", figures.agent or "", parties)

    def row(self, kind: str, name: str, queue: str, agent: str, parties: Iterable[str] = ()) -> About:
        """Of something that is told by queue, agent, and parties as `endpoint:1001`."""
        if queue:
            return About(kind=kind, name=name, queues=frozenset((queue,)), agents=frozenset((agent,)) - {""})
        seats = [party.removeprefix("endpoint:") for party in parties if party.startswith("endpoint:")]
        return self._of(kind, name, (agent, *(each for seat in seats for each in self._desk.agents_at(seat))))

    def _of(self, kind: str, name: str, agents: Iterable[str]) -> About:
        known = [agent for agent in agents if agent in self._config.agent]
        serves = frozenset[str](queue for agent in known for queue in self._desk.queues_of(AgentId(agent)))
        return About(kind=kind, name=name, agents=frozenset(known), serves=serves)

    # --- may he -------------------------------------------------------------------------------------------------------

    def missing(self, actor: Actor, act: Act, about: About) -> str:
        """The right that is not there, in words; empty: he may."""
        if actor.owner:
            return ""
        person = actor.person
        role = role_named(person.role, self._config.role)
        if not role.allows(act):
            has = f"role {person.role} has it not" if person.role else "no role was given"
            return f"{act} ({has})"
        if role.reach == "all" or about.kind == "" or (about.person and about.person == actor.name):
            return ""
        if about.person:
            return f"{act} on {about} (stands for person {about.person})"
        if person.agent and self._is_his_own(person.agent, act, about):
            return ""
        if role.reach == "self":
            return f"{act} on {about} (role {person.role} holds for himself)"
        if about.kind == "team":
            return "" if about.name in person.teams else self._beyond(person, act, about)
        held, served = self._held(person)
        within = (
            about.queues <= held
            if about.queues
            else bool(about.agents & served or about.serves & set(person.queues))
        )
        return "" if within and (about.queues or about.agents) else self._beyond(person, act, about)

    def everything(self, actor: Actor, act: Act) -> bool:
        """He may do it with all there is, so that no one thing has to be looked at."""
        return not self.missing(actor, act, SWITCH)

    def _is_his_own(self, agent: str, act: Act, about: About) -> bool:
        if agent in about.agents:
            return about.kind != "team"
        if about.kind == "queue" and act.reads and agent in self._config.agent:
            return about.queues <= set(self._desk.queues_of(AgentId(agent)))
        return False

    def _held(self, person: Person) -> tuple[frozenset[str], frozenset[str]]:
        teams = [self._config.team[name] for name in person.teams if name in self._config.team]
        queues = {queue for team in teams for queue in team.queues} | set(person.queues)
        return frozenset(queues), frozenset(agent for team in teams for agent in team.agents)

    def _beyond(self, person: Person, act: Act, about: About) -> str:
        held = [*(f"team {name}" for name in person.teams), *(f"queue {name}" for name in person.queues)]
        over = ", ".join(held) or "nobody"
        return f"{act} on {about} (role {person.role} holds over {over})"

    def rights(self, actor: Actor) -> Mapping[str, str]:
        """Act to reach, of what he may at all."""
        if actor.owner:
            return {act.value: "all" for act in Act}
        role = role_named(actor.person.role, self._config.role)
        return {act.value: role.reach for act in Act if role.allows(act)}


def role_of(actor: Actor) -> str:
    return ADMINISTRATOR if actor.owner else actor.person.role or "none"


def role_names(config: Config) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*ROLES, *config.role)))
