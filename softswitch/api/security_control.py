"""What the control API can ask about bans."""

from dataclasses import dataclass
from typing import Protocol

from softswitch.api.security_views import BanView, SecurityView


@dataclass(frozen=True, slots=True, kw_only=True)
class BanWish:
    address: str
    """An address, or a network `ADDRESS/BITS`."""
    seconds: float = 0.0
    """0: until it is lifted."""
    why: str = "by hand"


class SecurityControl(Protocol):
    def show(self) -> SecurityView: ...

    def ban(self, wish: BanWish) -> BanView:
        """Raises `BadRequest` for what is no address."""

    def unban(self, address: str) -> BanView:
        """Raises `UnknownThing` when it is not banned."""
