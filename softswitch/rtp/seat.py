"""One media worker's place in the pool: its number and ports stay, its process may be replaced."""

import asyncio
from dataclasses import dataclass, field

from softswitch.ids import LegId, WorkerId
from softswitch.rtp.commands import Command
from softswitch.rtp.portrange import PortRange
from softswitch.rtp.remote import RemoteWorker
from softswitch.rtp.reports import WorkerStats
from softswitch.rtp.stock import Stock

LEG_COST = 0.001
"""Share of a core that a leg is taken to cost before it shows: a little more than one of a recorded G.711 call does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerView:
    """A worker as `status` shows it."""

    worker: WorkerId
    pid: int
    """0 while there is none."""
    engine: str
    legs: int
    recordings: int
    packets_in: int
    packets_out: int
    cpu: float
    """Share of one core, over the last second."""
    cpu_s: float
    """CPU seconds of the process so far."""
    late_ms: float
    restarts: int
    engine_problem: str = ""
    """Why it is not io_uring, where that was wanted."""


@dataclass(slots=True, kw_only=True, eq=False)
class Seat:
    worker: WorkerId
    ports: PortRange
    remote: RemoteWorker | None = None
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    """A worker runs, or could not be started: `problem` says why."""
    legs: set[LegId] = field(default_factory=set)
    stock: Stock = field(default_factory=Stock)
    left: tuple[int, ...] = ()
    """Ports of the legs that a lost worker had: what their peers still send must not reach anybody else's leg."""
    stats: WorkerStats | None = None
    cpu: float = 0.0
    told: asyncio.Event = field(default_factory=asyncio.Event)
    """Set with each `stats`."""
    starts: int = 0
    problem: str = ""

    @property
    def load(self) -> float:
        """What it does, and what the legs it has been given will."""
        return self.cpu + LEG_COST * len(self.legs)

    def tell(self, command: Command) -> None:
        """Nothing when no worker runs here."""
        if self.remote is not None:
            self.remote.send(command)

    def heard(self, stats: WorkerStats) -> None:
        self.cpu = stats.cpu_s - self.stats.cpu_s if self.stats is not None else 0.0
        self.stats = stats
        self.told.set()

    def lost(self) -> None:
        """Its process is of no use any more."""
        self.ready.clear()
        self.remote, self.stats, self.cpu = None, None, 0.0
        self.stock.clear()

    def view(self) -> WorkerView:
        stats = self.stats
        return WorkerView(
            worker=self.worker,
            pid=self.remote.pid if self.remote is not None else 0,
            engine=self.remote.hello.engine if self.remote is not None else "",
            engine_problem=self.remote.hello.engine_problem if self.remote is not None else "",
            legs=len(self.legs),
            recordings=stats.recordings if stats is not None else 0,
            packets_in=stats.packets_in if stats is not None else 0,
            packets_out=stats.packets_out if stats is not None else 0,
            cpu=self.cpu,
            cpu_s=stats.cpu_s if stats is not None else 0.0,
            late_ms=stats.late_ms if stats is not None else 0.0,
            restarts=max(0, self.starts - 1),
        )
