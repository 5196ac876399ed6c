"""What the control API can ask of callbacks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackView:
    callback: str
    queue: str
    number: str
    state: str
    """`waiting`, `trying`, `paused`, `reached`, `gave up`, `cancelled`, `called in` or `expired`."""
    asked: float
    name: str = ""
    position: int = 0
    """In his queue; 0: he stands in none now."""
    waited_s: float = 0.0
    priority: int = 0
    skills: Mapping[str, int] = field(default_factory=dict)
    attempts: int = 0
    next_at: float | None = None
    """Not before then."""
    result: str = ""
    """Of the latest attempt."""
    call: str = ""
    """In which he asked for it."""
    last_call: str = ""
    """Of the latest attempt."""
    ended: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackSearch:
    since: float | None = None
    """Also those that are over, if asked for since then."""


class CallbackControl(Protocol):
    async def callbacks(self, since: float | None) -> tuple[CallbackView, ...]:
        """Those that are open, and with `since` those asked for since then; the longest wait first."""

    async def cancel(self, callback: str) -> CallbackView:
        """Raises `UnknownThing`; a call of it that is under way ends."""
