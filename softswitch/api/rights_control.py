"""What the control API asks about rights: who is there, on whom he acts, may he; and the audit trail."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from softswitch.call.permissions import About, Actor
from softswitch.config.acts import Act


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Who has connected, as far as the socket tells."""

    surface: str
    uid: int | None = None
    """User of the process on the other side of a Unix socket, as the kernel says (SO_PEERCRED)."""
    pid: int | None = None
    address: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailSearch:
    """Empty and None mean any. Newest first."""

    since: float | None = None
    until: float | None = None
    actor: str = ""
    act: str = ""
    """`agent.pause`, or `agent.*`."""
    target: str = ""
    """`agent:ana`, `queue:sales`, `call:…`."""
    surface: str = ""
    result: str = ""
    limit: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailView:
    """A row of the audit trail."""

    audit: str
    node: str
    at: float
    actor: str
    role: str
    surface: str
    origin: str
    act: str
    target: str
    details: Mapping[str, Any]
    result: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WhoView:
    """Who asks, as the switch sees him."""

    name: str
    role: str
    surface: str
    origin: str
    teams: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()
    agent: str = ""
    rights: Mapping[str, str] = field(default_factory=dict)
    """Act to reach: `all`, `teams` or `self`."""


class RightsControl(Protocol):
    def identify(self, peer: Peer, token: str) -> Actor:
        """Raises `NotProven` for a token that nobody has."""

    async def about(self, kind: str, name: str) -> About:
        """Raises `UnknownThing`, or answers what belongs to nobody."""

    def row(self, by: str, row: Mapping[str, Any]) -> About:
        """What one entry of a list belongs to; `by` is `agent`, `queue`, `team` or `call`."""

    def may(self, actor: Actor, act: Act, about: About) -> bool:
        """Without a row in the audit trail."""

    def missing(self, actor: Actor, act: Act, about: About, details: Mapping[str, object]) -> str:
        """The missing right, and a row about it; empty: he may."""

    async def write(
        self, actor: Actor, act: Act, about: About, result: str, why: str, details: Mapping[str, object]
    ) -> None:
        """A row of the audit trail."""

    async def trail(self, search: TrailSearch) -> tuple[TrailView, ...]: ...

    def who(self, actor: Actor) -> WhoView: ...
