"""What the control API can ask of flows: their versions, who is in them, and a switch to another version."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionWish:
    version: int | None = None
    """None: the one before the one that new calls get; 0: that of the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowVersionView:
    version: int
    since: float
    """Wall time at which it was first taken."""
    live: bool
    """New calls get it."""
    in_file: bool
    """The files have it."""
    nodes: int
    calls: int
    """Live calls that keep it, wherever they are."""
    in_flow: int
    """Those of them who are in this flow now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowView:
    flow: str
    live: int
    """Version that new calls get."""
    rolled_back: bool
    """Not that of the files."""
    versions: tuple[FlowVersionView, ...]


class FlowControl(Protocol):
    def flows(self) -> tuple[FlowView, ...]: ...

    async def use(self, flow: str, wish: VersionWish) -> FlowView:
        """New calls get another version; live ones keep theirs. Refused with `UnknownThing` or `NotPossible`."""
