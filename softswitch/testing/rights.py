"""What `FakeControl` says of rights: judged by the real rules on a configuration of the test's, and a list of the rows that
the audit trail would have.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from softswitch.api.errors import NotProven
from softswitch.api.rights_control import Peer, TrailSearch, TrailView, WhoView
from softswitch.call.permissions import About, Actor, Permissions, role_of
from softswitch.config.acts import Act
from softswitch.config.schema import Config
from softswitch.ids import AgentId, QueueName

START = 1_780_000_000.0


@dataclass
class Seating:
    """Who sits where and serves what, by the configuration alone; implements `call.permissions.Seats`."""

    config: Config

    def agent_at(self, endpoint: str) -> AgentId | None:
        return next(iter(self.agents_at(endpoint)), None)

    def agents_at(self, endpoint: str) -> tuple[AgentId, ...]:
        agents = self.config.agent.items()
        return tuple(AgentId(name) for name, agent in agents if agent.endpoint == endpoint)

    def queues_of(self, agent: AgentId) -> tuple[QueueName, ...]:
        return tuple(
            QueueName(name)
            for name, queue in self.config.queue.items()
            if any(member.agent == agent for member in queue.members)
        )


@dataclass
class FakeRights:
    """Implements `RightsControl`. All things that are named belong to `queue` and `agent`."""

    config: Config = field(default_factory=Config)
    queue: str = "sales"
    agent: str = "ana"
    rows: list[tuple[str, str, str, str]] = field(default_factory=list)
    """Who, act, target, result."""
    searches: list[TrailSearch] = field(default_factory=list)

    @property
    def permissions(self) -> Permissions:
        return Permissions(self, Seating(self.config))

    def identify(self, peer: Peer, token: str) -> Actor:
        if not token:
            return self.permissions.by_user("root", owner=True, origin=f"uid {peer.uid}")
        found = self.permissions.by_token(token, surface=peer.surface, origin="")
        if found is None:
            raise NotProven("nobody has this token")
        return found

    async def about(self, kind: str, name: str) -> About:
        plain = {
            "agent": self.permissions.agent,
            "queue": self.permissions.queue,
            "team": self.permissions.team,
            "person": self.permissions.stands_for,
        }
        if kind in plain:
            return plain[kind](name)
        if kind in ("endpoint", "seat"):
            return self.permissions.phone(name) if kind == "endpoint" else self.permissions.seat(name)
        return self.permissions.row(kind, name, self.queue, self.agent)

    def row(self, by: str, row: Mapping[str, Any]) -> About:
        if by == "agent":
            return self.permissions.agent(str(row["agent"]))
        return self.permissions.row(by, "", str(row.get("queue") or ""), str(row.get("agent") or ""))

    def may(self, actor: Actor, act: Act, about: About) -> bool:
        return not self.permissions.missing(actor, act, about)

    def missing(self, actor: Actor, act: Act, about: About, details: Mapping[str, object]) -> str:
        why = self.permissions.missing(actor, act, about)
        if why:
            self.rows.append((actor.name, act.value, str(about), "refused"))
        return why

    async def write(
        self, actor: Actor, act: Act, about: About, result: str, why: str, details: Mapping[str, object]
    ) -> None:
        self.rows.append((actor.name, act.value, str(about), result))

    async def trail(self, search: TrailSearch) -> tuple[TrailView, ...]:
        self.searches.append(search)
        return (
            TrailView(
                audit="a1",
                node="sw1",
                at=START,
                actor="maria",
                role="supervisor",
                surface="control",
                origin="user maria (uid 1001), pid 7",
                act="agent.pause",
                target="agent:ana",
                details={"reason": "lunch"},
                result="refused",
                why="missing right: agent.pause on agent ana",
            ),
        )

    def who(self, actor: Actor) -> WhoView:
        return WhoView(
            name=actor.name,
            role=role_of(actor),
            surface=actor.surface,
            origin=actor.origin,
            rights=self.permissions.rights(actor),
        )
