"""What the control API can ask of talks under way, supervisors and conferences."""

from dataclasses import dataclass
from typing import Protocol

from softswitch.api.steering_views import ConferenceView, SupervisionRowView, SupervisionView
from softswitch.config.rights import Person


@dataclass(frozen=True, slots=True, kw_only=True)
class SuperviseWish:
    phone: str
    """The supervisor's phone, which is rung."""
    agent: str = ""
    call: str = ""
    """One of both."""
    mode: str = "listen"
    follow: bool | None = None
    """None: as `supervision.follow` says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditSearch:
    since: float = 0.0
    until: float = 1e12
    supervisor: str = ""
    agent: str = ""
    call: str = ""
    limit: int = 100


class SteeringControl(Protocol):
    """Every order is refused with `UnknownThing` (404), `NotPossible` (409) or `BadRequest` (400), which say why."""

    async def transfer(self, call: str, target: str, by: str) -> None: ...

    async def park(self, call: str, by: str) -> int:
        """The place."""

    async def pickup(self, call: str, extension: str) -> None: ...

    async def pull(self, call: str, extension: str, person: Person) -> str:
        """The phone; empty `extension`: where this person sits."""

    async def move(self, call: str, queue: str) -> None: ...

    async def priority(self, call: str, priority: int) -> None: ...

    async def consult(self, call: str, target: str, by: str) -> None: ...

    async def complete(self, call: str) -> None: ...

    async def back(self, call: str) -> None: ...

    async def three_way(self, call: str) -> None: ...

    def supervisions(self) -> tuple[SupervisionView, ...]: ...

    async def supervise(self, wish: SuperviseWish) -> SupervisionView: ...

    async def supervision_mode(self, supervision: str, mode: str) -> SupervisionView:
        """`listen`, `whisper`, `barge` or `take-over`."""

    async def supervision_end(self, supervision: str) -> None: ...

    async def audit(self, search: AuditSearch) -> tuple[SupervisionRowView, ...]: ...

    def conferences(self) -> tuple[ConferenceView, ...]:
        """All that are configured, whoever is in them."""

    def conference(self, name: str) -> ConferenceView: ...

    async def conference_lock(self, name: str, locked: bool) -> ConferenceView: ...

    async def conference_mute(self, name: str, call: str, muted: bool) -> ConferenceView: ...

    async def conference_kick(self, name: str, call: str) -> ConferenceView: ...
