"""What the control API can ask of instant messages (RFC 3428) to phones."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class TextWish:
    text: str = ""
    to: str = ""
    """An extension."""
    queue: str = ""
    """Instead: the phones of all agents of this queue who are logged in."""
    team: str = ""
    """Instead: the phones of all agents of this team who are logged in."""
    everybody: bool = False
    """Instead: all phones."""
    sender: str = "switch"
    """User part of the address it comes from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextView:
    """What became of it at one phone."""

    endpoint: str
    address: str
    """Contact; empty: it is not registered."""
    status: int
    """Of its answer; 408: none came, 480: it is not registered, 503: it cannot be reached."""

    @property
    def delivered(self) -> bool:
        return 200 <= self.status < 300


class TextControl(Protocol):
    async def send(self, wish: TextWish) -> tuple[TextView, ...]:
        """Refused with `UnknownThing` or `BadRequest`; an answer for each phone, when all have answered."""
