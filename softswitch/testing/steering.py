"""What `FakeControl` shows of supervisors and conferences, and the list of orders it was given."""

from dataclasses import dataclass, field, replace

from softswitch.api.errors import NotPossible, UnknownThing
from softswitch.api.steering_control import AuditSearch, SuperviseWish
from softswitch.api.steering_views import (
    ConferenceMemberView,
    ConferenceView,
    ModeView,
    SupervisionRowView,
    SupervisionView,
)
from softswitch.config.rights import Person

CALL = "01ARZ3NDEKTSV4RRFFQ6"
SUPERVISION = "01ARZ3NDEKTSV4RRFFS8"
START = 1_780_000_000.0


@dataclass
class FakeSteering:
    """Implements `SteeringControl`."""

    commands: list[tuple[object, ...]] = field(default_factory=list)

    async def transfer(self, call: str, target: str, by: str) -> None:
        self._order("transfer", call, target, by)

    async def park(self, call: str, by: str) -> int:
        self._order("park", call, by)
        return 1

    async def pickup(self, call: str, extension: str) -> None:
        self._order("pickup", call, extension)

    async def pull(self, call: str, extension: str, person: Person) -> str:
        self._order("pull", call, extension)
        return extension or "1009"

    async def move(self, call: str, queue: str) -> None:
        self._order("move", call, queue)

    async def priority(self, call: str, priority: int) -> None:
        self._order("priority", call, priority)

    async def consult(self, call: str, target: str, by: str) -> None:
        self._order("consult", call, target, by)

    async def complete(self, call: str) -> None:
        raise NotPossible(
            f"call {call} consults nobody", hint=f"`softswitch calls consult {call} TARGET` does"
        )

    async def back(self, call: str) -> None:
        self._order("back", call)

    async def three_way(self, call: str) -> None:
        self._order("three-way", call)

    def supervisions(self) -> tuple[SupervisionView, ...]:
        return (
            SupervisionView(
                supervision=SUPERVISION,
                supervisor="endpoint:1009",
                supervisor_agent="eva",
                agent="ana",
                call=CALL,
                mode="whisper",
                follow=True,
                state="in call",
                began=START,
            ),
        )

    async def supervise(self, wish: SuperviseWish) -> SupervisionView:
        self.commands.append(("supervise", wish))
        return replace(self.supervisions()[0], mode=wish.mode, call="", state="ringing")

    async def supervision_mode(self, supervision: str, mode: str) -> SupervisionView:
        self._order("mode", supervision, mode)
        return replace(self.supervisions()[0], mode=mode)

    async def supervision_end(self, supervision: str) -> None:
        self._order("end", supervision)

    async def audit(self, search: AuditSearch) -> tuple[SupervisionRowView, ...]:
        self.commands.append(("audit", search))
        modes = (ModeView(at=START, mode="listen"), ModeView(at=START + 5, mode="whisper"))
        return (
            SupervisionRowView(
                supervision=SUPERVISION,
                stay=0,
                supervisor="endpoint:1009",
                supervisor_agent="eva",
                agent="ana",
                call=CALL,
                modes=modes,
                began=START,
                ended=START + 65,
                why="talk over",
                live=False,
            ),
        )

    def conferences(self) -> tuple[ConferenceView, ...]:
        member = ConferenceMemberView(
            call=CALL,
            ani="+34600000001",
            ani_name="",
            source="trunk:north",
            joined=START,
            moderator=True,
            muted=False,
            held=False,
        )
        return (ConferenceView(conference="team", members=(member,), max_members=30),)

    def conference(self, name: str) -> ConferenceView:
        if name != "team":
            raise UnknownThing(f"no conference is called {name!r}")
        return self.conferences()[0]

    async def conference_lock(self, name: str, locked: bool) -> ConferenceView:
        self._order("lock" if locked else "unlock", name)
        return replace(self.conference(name), locked=locked)

    async def conference_mute(self, name: str, call: str, muted: bool) -> ConferenceView:
        self._order("mute" if muted else "unmute", name, call)
        return self.conference(name)

    async def conference_kick(self, name: str, call: str) -> ConferenceView:
        self._order("kick", name, call)
        return replace(self.conference(name), members=())

    def _order(self, *order: object) -> None:
        self.commands.append(order)
