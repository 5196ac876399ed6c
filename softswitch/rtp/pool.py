"""The controller's side of the media room: keeps the workers alive and knows on which of them a leg lives.

Commands go out and reports come in as values; a dead worker is noticed at once, its legs are told to `on_worker_died`
and another is started in its place, at once the first time and with growing pauses when it keeps dying. Makes no
decision about calls.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import ParamSpec

import structlog

from softswitch.clock import Clock
from softswitch.config.schema import Rtp
from softswitch.errors import MediaError, UnusableError
from softswitch.ids import LegId, MixId, RecordingId, WorkerId
from softswitch.rtp.commands import (
    AskStats,
    Bridge,
    CloseLeg,
    Command,
    KeepRecording,
    MarkRecording,
    Mix,
    OpenLeg,
    PauseRecording,
    RecordLeg,
    Shutdown,
    StartRecording,
    StopRecording,
)
from softswitch.rtp.portrange import PortRange
from softswitch.rtp.remote import RemoteWorker
from softswitch.rtp.reports import (
    LegClosed,
    LegFailed,
    LegOpened,
    LegStats,
    RecordingEnded,
    Report,
    WorkerStats,
)

ANSWER_S = 2.0
"""How long a worker may take to answer."""
PAUSE_MIN_S, PAUSE_MAX_S, PAUSE_FORGET_S = 0.1, 10.0, 30.0
MAX_SOCKET_PATH = 100
"""Linux takes 107 bytes."""

_Arguments = ParamSpec("_Arguments")

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedLeg:
    leg: LegId
    worker: WorkerId
    port: int


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


@dataclass(slots=True, kw_only=True, eq=False)
class _Seat:
    """One worker's place: its number and ports stay, its process may be replaced."""

    worker: WorkerId
    ports: PortRange
    remote: RemoteWorker | None = None
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    legs: set[LegId] = field(default_factory=set)
    stats: WorkerStats | None = None
    cpu: float = 0.0
    starts: int = 0
    problem: str = ""


class MediaPool:
    def __init__(
        self,
        config: Rtp,
        *,
        socket_dir: str,
        clock: Clock,
        on_report: Callable[[WorkerId, Report], None],
        on_worker_died: Callable[[WorkerId, int, frozenset[LegId]], None],
        on_worker_started: Callable[[WorkerId, int], None] = lambda worker, pid: None,
        linger_s: float = 2.0,
        cores: int = 2,
    ) -> None:
        """`cores` counts when `config.workers` is 0. `linger_s`: how long a worker goes on without its controller."""
        self._config = config
        self._directory = Path(socket_dir)
        self._clock = clock
        self._on_report = on_report
        self._on_died = on_worker_died
        self._on_started = on_worker_started
        self._linger_s = linger_s
        count = config.workers or max(1, cores - 1)
        ranges = PortRange.parse(config.ports).split(count)
        self._seats = [_Seat(worker=WorkerId(n), ports=ports) for n, ports in enumerate(ranges, 1)]
        self._seat_of: dict[LegId, _Seat] = {}
        self._recordings: dict[RecordingId, _Seat] = {}
        self._mixes: dict[MixId, _Seat] = {}
        self._opening: dict[LegId, asyncio.Future[int]] = {}
        self._closing: dict[LegId, asyncio.Future[LegStats | None]] = {}
        self._asked: dict[LegId, list[asyncio.Future[LegStats]]] = {}
        self._keepers: list[asyncio.Task[None]] = []
        self._stopping = False

    async def start(self) -> None:
        """Start every worker; raises UnusableError that says why when one cannot be started."""
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        if len(bytes(self._directory / "media-99.sock")) > MAX_SOCKET_PATH:
            raise UnusableError(
                f"{self._directory} is too long for a Unix socket; set a shorter general.state_dir"
            )
        self._keepers = [asyncio.create_task(self._keep(seat)) for seat in self._seats]
        for seat in self._seats:
            await seat.ready.wait()
        if problem := next((seat.problem for seat in self._seats if seat.remote is None), ""):
            await self.stop()
            raise UnusableError(problem)

    async def stop(self) -> None:
        """End every worker; recordings are closed first."""
        self._stopping = True
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        remotes = [seat.remote for seat in self._seats if seat.remote is not None]
        await asyncio.gather(*(remote.stop() for remote in remotes))
        for seat in self._seats:
            seat.remote = None
            self._forget(seat, "the switch stops")

    async def open_leg(self, leg: LegId, address: str, *, with_leg: LegId | None = None) -> OpenedLeg:
        """Bind ports for `leg`, on the worker of `with_leg` when that is given; raises MediaError."""
        if leg in self._seat_of:
            raise MediaError(f"leg {leg} is open already")
        problem = "no media worker runs" if with_leg is None else f"leg {with_leg}, to sit beside, is gone"
        for seat in self._candidates(with_leg):
            future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
            self._opening[leg], self._seat_of[leg] = future, seat
            seat.legs.add(leg)
            self._tell(seat, OpenLeg(leg=leg, address=address))
            try:
                async with asyncio.timeout(ANSWER_S):
                    port = await future
                return OpenedLeg(leg=leg, worker=seat.worker, port=port)
            except TimeoutError:
                problem = f"media worker {seat.worker} does not answer"
                self.release_leg(leg)
            except MediaError as error:
                problem = str(error)
                self._drop(leg)
            except asyncio.CancelledError:
                self.release_leg(leg)
                raise
            finally:
                self._opening.pop(leg, None)
        raise MediaError(problem)

    def send(self, command: Command) -> None:
        """Tell the worker of the command's leg or recording; ignored when that is gone."""
        seat = self._route(command)
        if seat is None:
            _log.debug("command for a leg or recording that is gone", command=type(command).__name__)
            return
        if isinstance(command, StartRecording):
            self._recordings[command.spec.recording] = seat
        elif isinstance(command, Mix):
            if command.legs:
                self._mixes[command.mix] = seat
            else:
                self._mixes.pop(command.mix, None)
        self._tell(seat, command)

    async def close_leg(self, leg: LegId) -> LegStats | None:
        """Close a leg and return its last figures; None when it or its worker is gone."""
        seat = self._seat_of.get(leg)
        if seat is None:
            return None
        future = self._closing.get(leg)
        if future is None:
            future = self._closing[leg] = asyncio.get_running_loop().create_future()
            self._tell(seat, CloseLeg(leg=leg))
        try:
            async with asyncio.timeout(ANSWER_S):
                return await asyncio.shield(future)
        except TimeoutError:
            self._drop(leg)
            return None

    def release_leg(self, leg: LegId) -> None:
        """Close a leg without waiting for its figures."""
        if (seat := self._seat_of.get(leg)) is not None:
            self._tell(seat, CloseLeg(leg=leg))
            self._drop(leg)

    async def stats(self, legs: Iterable[LegId]) -> list[LegStats]:
        """Figures of those of `legs` that are open and whose workers answer in time."""
        futures: list[asyncio.Future[LegStats]] = []
        wanted: dict[int, list[LegId]] = {}
        for leg in legs:
            if (seat := self._seat_of.get(leg)) is not None:
                futures.append(asyncio.get_running_loop().create_future())
                self._asked.setdefault(leg, []).append(futures[-1])
                wanted.setdefault(seat.worker, []).append(leg)
        for seat in self._seats:
            if seat.worker in wanted:
                self._tell(seat, AskStats(legs=tuple(wanted[seat.worker])))
        if futures:
            await asyncio.wait(futures, timeout=ANSWER_S)
        for future in futures:
            future.cancel()
        return [future.result() for future in futures if future.done() and not future.cancelled()]

    def views(self) -> list[WorkerView]:
        return [_view(seat) for seat in self._seats]

    def _candidates(self, with_leg: LegId | None) -> list[_Seat]:
        if with_leg is not None:
            seat = self._seat_of.get(with_leg)
            return [seat] if seat is not None and seat.remote is not None else []
        running = [seat for seat in self._seats if seat.remote is not None]
        return sorted(running, key=lambda seat: len(seat.legs))

    def _route(self, command: Command) -> _Seat | None:
        match command:
            case Bridge(a=leg):
                return self._seat_of.get(leg)
            case StartRecording(tracks=tracks):
                return self._seat_of.get(tracks[0]) if tracks else None
            case Mix(legs=legs, mix=mix):
                return self._seat_of.get(legs[0]) if legs else self._mixes.get(mix)
            case (
                PauseRecording(recording=recording)
                | StopRecording(recording=recording)
                | RecordLeg(recording=recording)
                | MarkRecording(recording=recording)
                | KeepRecording(recording=recording)
            ):
                return self._recordings.get(recording)
            case AskStats() | Shutdown():
                raise TypeError(f"{type(command).__name__} has a method of its own")
            case _:
                return self._seat_of.get(command.leg)

    @staticmethod
    def _tell(seat: _Seat, command: Command) -> None:
        if seat.remote is not None:
            seat.remote.send(command)

    async def _keep(self, seat: _Seat) -> None:
        """Keep one worker running, for ever."""
        pause = 0.0
        while True:
            await asyncio.sleep(pause)
            began = self._clock.monotonic()
            reason = await self._run(seat)
            _log.error("media worker lost", worker=seat.worker, reason=reason, legs=len(seat.legs))
            if self._clock.monotonic() - began > PAUSE_FORGET_S:
                pause = 0.0
            else:
                pause = min(max(pause * 2, PAUSE_MIN_S), PAUSE_MAX_S)

    async def _run(self, seat: _Seat) -> str:
        """Start a worker and wait for its end; returns why it ended."""
        path = self._directory / f"media-{seat.worker}.sock"
        try:
            remote = await RemoteWorker.start(
                path, self._arguments(seat), lambda report: self._hear(seat, report)
            )
        except (MediaError, OSError) as error:
            seat.problem = str(error)
            seat.ready.set()
            return seat.problem
        seat.remote, seat.problem = remote, ""
        seat.starts += 1
        seat.ready.set()
        self._tell_up(self._on_started, seat.worker, remote.pid)
        reason = await asyncio.shield(remote.lost)
        seat.remote, seat.stats, seat.cpu = None, None, 0.0
        self._tell_up(self._on_died, seat.worker, remote.pid, self._forget(seat, reason))
        await remote.stop()
        return reason

    def _arguments(self, seat: _Seat) -> tuple[str, ...]:
        config = self._config
        return (
            *("--ports", str(seat.ports)),
            *("--quiet", f"{config.quiet_s:g}"),
            *("--silent", f"{config.timeout_s:g}"),
            *("--linger", f"{self._linger_s:g}"),
        )

    def _hear(self, seat: _Seat, report: Report) -> None:
        match report:
            case LegOpened(leg=leg, port=port):
                if (opening := self._opening.get(leg)) is not None and not opening.done():
                    opening.set_result(port)
            case LegFailed(leg=leg, problem=problem):
                if (opening := self._opening.get(leg)) is not None and not opening.done():
                    opening.set_exception(MediaError(problem))
            case LegClosed(stats=stats):
                self._drop(stats.leg, stats)
            case LegStats(leg=leg):
                for future in self._asked.pop(leg, []):
                    if not future.done():
                        future.set_result(report)
            case RecordingEnded(report=ended):
                self._recordings.pop(ended.recording, None)
            case WorkerStats():
                seat.cpu = report.cpu_s - seat.stats.cpu_s if seat.stats is not None else 0.0
                seat.stats = report
            case _:
                pass
        self._tell_up(self._on_report, seat.worker, report)

    @staticmethod
    def _tell_up(
        listener: Callable[_Arguments, None], *args: _Arguments.args, **kwargs: _Arguments.kwargs
    ) -> None:
        """A fault of one listener about one call must not end the media of all."""
        try:
            listener(*args, **kwargs)
        except Exception:
            _log.exception("a listener of the media pool failed")

    def _drop(self, leg: LegId, stats: LegStats | None = None) -> None:
        seat = self._seat_of.pop(leg, None)
        if seat is not None:
            seat.legs.discard(leg)
        if (closing := self._closing.pop(leg, None)) is not None and not closing.done():
            closing.set_result(stats)
        for future in self._asked.pop(leg, []):
            future.cancel()

    def _forget(self, seat: _Seat, reason: str) -> frozenset[LegId]:
        """Give up all that a lost worker had; returns its legs."""
        legs = frozenset(seat.legs)
        for leg in legs:
            if (opening := self._opening.get(leg)) is not None and not opening.done():
                opening.set_exception(MediaError(f"media worker {seat.worker} was lost: {reason}"))
            self._drop(leg)
        self._recordings = {key: other for key, other in self._recordings.items() if other is not seat}
        self._mixes = {key: other for key, other in self._mixes.items() if other is not seat}
        return legs


def _view(seat: _Seat) -> WorkerView:
    stats = seat.stats
    return WorkerView(
        worker=seat.worker,
        pid=seat.remote.pid if seat.remote is not None else 0,
        engine=seat.remote.hello.engine if seat.remote is not None else "",
        legs=len(seat.legs),
        recordings=stats.recordings if stats is not None else 0,
        packets_in=stats.packets_in if stats is not None else 0,
        packets_out=stats.packets_out if stats is not None else 0,
        cpu=seat.cpu,
        cpu_s=stats.cpu_s if stats is not None else 0.0,
        late_ms=stats.late_ms if stats is not None else 0.0,
        restarts=max(0, seat.starts - 1),
    )
