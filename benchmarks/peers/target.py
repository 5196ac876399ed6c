"""What can be measured: a switch that takes queue calls from a trunk and rings agents at fixed contacts."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tools.peers.processes import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One recording as it lies on the disk."""

    number: int
    """The caller's."""
    seconds: float
    channels: int


class Target(Protocol):
    """Started in a fresh folder for each measurement; `stop` is always called, and ends it whatever happened."""

    name: str

    def version(self) -> str: ...

    def start(self, folder: Path, contacts: Mapping[str, str], *, record: bool) -> None:
        """Agents at these contacts; calls to 600 from the trunk's address go to their queue."""

    @property
    def sip(self) -> tuple[str, int]: ...

    def usage(self) -> dict[int, Usage]:
        """All its processes."""

    def recordings(self) -> list[Recorded]:
        """Those that are there, once all calls are over."""

    def problems(self) -> list[str]:
        """What it says went wrong, shortly."""

    def stop(self) -> None: ...
