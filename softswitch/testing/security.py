"""What `FakeControl` shows of bans, and the list of orders it was given."""

from dataclasses import dataclass, field

from softswitch.api.errors import UnknownThing
from softswitch.api.security_control import BanWish
from softswitch.api.security_views import BanView, SecurityView

START = 1_780_000_000.0
BANNED = "203.0.113.9"


@dataclass
class FakeSecurity:
    """Implements `SecurityControl`."""

    commands: list[tuple[object, ...]] = field(default_factory=list)

    def show(self) -> SecurityView:
        return SecurityView(
            bans=(_ban(BANNED),),
            counts={"bans": 1, "wrong password": 10},
            sources=3,
            load="high",
            pressure=1.2,
        )

    def ban(self, wish: BanWish) -> BanView:
        self.commands.append(("ban", wish))
        return _ban(wish.address)

    def unban(self, address: str) -> BanView:
        if address != BANNED:
            raise UnknownThing(f"{address} is not banned", hint="`softswitch security` lists who is")
        self.commands.append(("unban", address))
        return _ban(address)


def _ban(address: str) -> BanView:
    return BanView(
        address=address, why="wrong password", since=START, until=START + 300, times=1, manual=False
    )
