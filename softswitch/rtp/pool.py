"""The controller's side of the media room: knows on which worker a leg lives; `keeper.py` keeps the workers alive.

Commands go out and reports come in as values; a dead worker is noticed at once, its legs are told to `on_worker_died` and
another is started in its place. Its legs are opened again, each call's together, at new ports: at another worker that has
room, else at the new one; they are told again what they had been told (`scene.py`), and `on_legs_moved` says where they
are now, `on_legs_lost` which could not be opened again. Makes no decision about calls.
"""

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import ParamSpec

import structlog

from softswitch.clock import Clock, entropy
from softswitch.config.media import Quality, Rtp
from softswitch.errors import UnusableError
from softswitch.ids import LegId, MixId, RecordingId, WorkerId
from softswitch.rtp.adoption import NOTHING, Adoption, Survivor, Wanted
from softswitch.rtp.commands import (
    AskPeers,
    AskStats,
    Bridge,
    CloseLeg,
    Command,
    HoldPorts,
    KeepQuiet,
    KeepRecording,
    MarkRecording,
    Mix,
    Music,
    PauseRecording,
    RecordLeg,
    SetPeer,
    Shutdown,
    StartRecording,
    StopRecording,
)
from softswitch.rtp.figures import Figures, LastFigures
from softswitch.rtp.keeper import Keeper
from softswitch.rtp.openings import ANSWER_S
from softswitch.rtp.portrange import PortRange
from softswitch.rtp.remote import RemoteWorker
from softswitch.rtp.reports import (
    CommandRefused,
    LegClosed,
    LegFailed,
    LegOpened,
    LegStats,
    PeerIs,
    PlayEnded,
    PortsHeld,
    RecordingEnded,
    Report,
    WorkerStats,
)
from softswitch.rtp.rescue import Rescue
from softswitch.rtp.seat import Seat, WorkerView
from softswitch.rtp.seating import OpenedLeg, Seating
from softswitch.rtp.secret_file import kept_secret
from softswitch.rtp.spare import AFTER_S, Spare

MAX_SOCKET_PATH = 100
"""Linux takes 107 bytes."""

_Arguments = ParamSpec("_Arguments")

_log = structlog.get_logger(__name__)


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
        on_legs_moved: Callable[[tuple[OpenedLeg, ...]], None] = lambda legs: None,
        on_legs_lost: Callable[[WorkerId, frozenset[LegId]], None] = lambda worker, legs: None,
        linger_s: float | None = None,
        cores: int = 2,
        spare_after_s: float = AFTER_S,
        quality: Quality | None = None,
    ) -> None:
        """`on_report` hears of everything but that a leg is closed, which is told to whoever closes it. `cores` counts when
        `config.workers` is 0. `linger_s`: instead of the configured time that a worker goes on without its controller."""
        self._directory = Path(socket_dir)
        self._on_report = on_report
        self._on_died = on_worker_died
        self._on_started = on_worker_started
        self._on_legs_lost = on_legs_lost
        self._spare = Spare(spare_after_s)
        count = config.workers or max(1, cores - 1)
        ranges = PortRange.parse(config.ports).split(count)
        self._seats = [Seat(worker=WorkerId(n), ports=ports) for n, ports in enumerate(ranges, 1)]
        self._seating = Seating(self._seats)
        self._scene = self._seating.scene
        self._rescue = Rescue(
            self._seating,
            tell=self._tell,
            on_moved=lambda legs: self._tell_up(on_legs_moved, legs),
            on_lost=lambda worker, legs: self._tell_up(on_legs_lost, worker, legs),
        )
        self._recordings: dict[RecordingId, Seat] = {}
        self._adoption = Adoption(self._seating, self._recordings)
        self._mixes: dict[MixId, Seat] = {}
        self._figures = Figures(on_late=self._drop)
        self._keeper = Keeper(
            config,
            quality or Quality(),
            config.linger_s if linger_s is None else linger_s,
            self._directory,
            clock,
            self._spare,
            self._adoption,
            hear=self._hear,
            on_started=self._started,
            on_lost=self._lost,
        )
        self._keepers: list[asyncio.Task[None]] = []

    async def start(self, wanted: Wanted = NOTHING) -> None:
        """Start every worker, or adopt those that outlived their controller: what of theirs is `wanted` goes on and is to
        be taken up, the rest ends. Raises UnusableError that says why when one cannot be started."""
        self._adoption.wanted = wanted
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        if len(bytes(self._directory / "media-99.sock")) > MAX_SOCKET_PATH:
            raise UnusableError(
                f"{self._directory} is too long for a Unix socket; set a shorter general.state_dir"
            )
        try:
            self._keeper.secret = kept_secret(self._directory / "secret", entropy)
        except OSError as error:
            raise UnusableError(f"{self._directory}: {error}") from error
        self._keepers = [asyncio.create_task(self._keeper.keep(seat)) for seat in self._seats]
        for seat in self._seats:
            await seat.ready.wait()
        if problem := next((seat.problem for seat in self._seats if seat.remote is None), ""):
            await self.stop()
            raise UnusableError(problem)

    async def stop(self) -> None:
        """End every worker; recordings are closed first."""
        busy = (*self._keepers, *set(self._seating.moving.values()))
        for task in busy:
            task.cancel()
        await asyncio.gather(*busy, return_exceptions=True)
        await self._spare.stop()
        remotes = [seat.remote for seat in self._seats if seat.remote is not None]
        await asyncio.gather(*(remote.stop() for remote in remotes))
        for seat in self._seats:
            seat.lost()
            for leg in tuple(seat.legs):
                self._seating.openings.lost(leg, "the switch stops")
                self._drop(leg)

    async def open_leg(
        self, leg: LegId, address: str, *, with_leg: LegId | None = None, opaque: bool = False
    ) -> OpenedLeg:
        """Bind ports for `leg`, on the worker of `with_leg` when that is given; raises MediaError. `opaque`: it only passes
        datagrams on."""
        return await self._seating.open(leg, address, with_leg, opaque=opaque)

    def open_leg_at_once(
        self, leg: LegId, address: str, *, with_leg: LegId | None = None
    ) -> OpenedLeg | None:
        """As `open_leg`, at a port that a worker holds already; None: there is none, and `open_leg` can say why."""
        return self._seating.open_at_once(leg, address, with_leg)

    async def move_leg(self, leg: LegId, *, beside: LegId) -> OpenedLeg:
        """Open a leg anew at the worker of another one, tell it again what concerns it alone, and close it where it was;
        it leaves its bridge, mix and recording. Raises MediaError, and then all is as before."""
        return await self._seating.move(leg, beside)

    def send(self, command: Command) -> None:
        """Tell the worker of the command's leg or recording; ignored when that is gone."""
        self._scene.told(command)
        seat = self._route(command)
        if seat is None:
            _log.debug("command for a leg or recording that is gone", command=type(command).__name__)
            return
        self._tell(seat, command)

    def _tell(self, seat: Seat, command: Command) -> None:
        """Remembers where recordings and mixes are."""
        if isinstance(command, StartRecording):
            self._recordings[command.spec.recording] = seat
        elif isinstance(command, Mix):
            if command.legs:
                self._mixes[command.mix] = seat
            else:
                self._mixes.pop(command.mix, None)
        seat.tell(command)

    def close_leg(self, leg: LegId) -> LastFigures:
        """Close a leg; its last figures will come, None when it or its worker is gone."""
        seat = self._seating.of(leg)
        last: LastFigures = asyncio.get_running_loop().create_future()
        if seat is None:
            self._scene.closed(leg)  # where it moves to, it is closed as soon as it is open
            last.set_result(None)
        elif self._figures.close(leg, last):
            seat.tell(CloseLeg(leg=leg))
        return last

    def release_leg(self, leg: LegId) -> None:
        """Close a leg without waiting for its figures."""
        if (seat := self._seating.of(leg)) is not None:
            seat.tell(CloseLeg(leg=leg))
        self._drop(leg)

    async def stats(self, legs: Iterable[LegId]) -> list[LegStats]:
        """Figures of those of `legs` that are open and whose workers answer in time."""
        futures: list[asyncio.Future[LegStats]] = []
        wanted: dict[int, list[LegId]] = {}
        for leg in legs:
            if (seat := self._seating.of(leg)) is not None:
                futures.append(self._figures.ask(leg))
                wanted.setdefault(seat.worker, []).append(leg)
        for seat in self._seats:
            if seat.worker in wanted:
                seat.tell(AskStats(legs=tuple(wanted[seat.worker])))
        if futures:
            await asyncio.wait(futures, timeout=ANSWER_S)
        for future in futures:
            future.cancel()
        return [future.result() for future in futures if future.done() and not future.cancelled()]

    def take_up(self, legs: tuple[LegId, ...]) -> dict[LegId, Survivor]:
        """Those of one call that go on at an adopted worker; from now on they are as if they had been opened here."""
        return self._adoption.take_up(legs)

    def take_up_recording(self, recording: RecordingId) -> bool:
        """Whether it goes on at an adopted worker; it is the taker's."""
        return self._adoption.take_up_recording(recording)

    def end_rest(self) -> None:
        """End what goes on and nobody has taken up."""
        self._adoption.end_rest()

    @property
    def spare_pid(self) -> int:
        """0: there is none now."""
        return self._spare.pid

    def views(self) -> list[WorkerView]:
        return [seat.view() for seat in self._seats]

    def _route(self, command: Command) -> Seat | None:
        match command:
            case SetPeer(leg=leg) | Bridge(a=leg) | Music(leg=leg):  # each call has these
                return self._seating.of(leg)
            case StartRecording(tracks=tracks):
                return self._seating.of(tracks[0]) if tracks else None
            case Mix(legs=legs, mix=mix):
                return self._seating.of(legs[0]) if legs else self._mixes.get(mix)
            case (
                PauseRecording(recording=recording)
                | StopRecording(recording=recording)
                | RecordLeg(recording=recording)
                | MarkRecording(recording=recording)
                | KeepRecording(recording=recording)
            ):
                return self._recordings.get(recording)
            case AskStats() | AskPeers() | HoldPorts() | KeepQuiet() | Shutdown():
                raise TypeError(f"{type(command).__name__} has a method of its own")
            case _:
                return self._seating.of(command.leg)

    def _started(self, seat: Seat, remote: RemoteWorker) -> None:
        self._tell_up(self._on_started, seat.worker, remote.pid)

    def _lost(self, seat: Seat, remote: RemoteWorker, reason: str) -> "asyncio.Task[None]":
        """Take everything from its place, end it, and begin to open its legs elsewhere."""
        burden = seat.load
        seat.lost()
        legs, groups = frozenset(seat.legs), self._unseat(seat, reason)
        self._tell_up(self._on_died, seat.worker, remote.pid, legs)
        ended = asyncio.create_task(remote.stop())
        self._rescue.begin(seat, groups, burden, ended)
        return ended

    def _hear(self, seat: Seat, report: Report) -> None:
        if isinstance(report, LegClosed):  # the most frequent; whoever closes a leg waits for it
            if self._seating.of(report.stats.leg) is seat:
                self._drop(report.stats.leg, report.stats)
            return
        leg_of = getattr(report, "leg", None)
        elsewhere = leg_of is not None and self._seating.of(leg_of) is not seat
        if elsewhere and not isinstance(report, CommandRefused):
            return  # last words about a leg that is elsewhere by now
        match report:
            case PortsHeld():
                seat.stock.heard(report)
            case WorkerStats():
                seat.heard(report)
            case LegOpened() | LegFailed():
                if not self._seating.openings.heard(report) and isinstance(report, LegFailed):
                    self._not_opened(seat, report)
            case PlayEnded():
                self._scene.heard(report)
            case LegStats():
                self._figures.heard(report)
            case RecordingEnded(report=ended):
                self._recordings.pop(ended.recording, None)
                self._adoption.recording_ended(ended.recording)
            case PeerIs():
                self._adoption.heard(seat, report)
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

    def _not_opened(self, seat: Seat, failed: LegFailed) -> None:
        """Its owner has a port for it already, of those that were held."""
        _log.error("a held media port could not be used", leg=failed.leg, problem=failed.problem)
        self._drop(failed.leg)
        self._tell_up(self._on_legs_lost, seat.worker, frozenset((failed.leg,)))

    def _drop(self, leg: LegId, stats: LegStats | None = None) -> None:
        """The leg is closed."""
        self._seating.drop(leg)
        self._figures.closed(leg, stats)

    def _unseat(self, seat: Seat, reason: str) -> list[tuple[LegId, ...]]:
        """Take everything from a lost worker's place; returns what has to be opened again, together."""
        legs = tuple(seat.legs)
        seat.left = tuple(self._scene.legs[leg].port for leg in legs if leg in self._scene.legs)
        for leg in legs:
            self._seating.openings.lost(leg, f"media worker {seat.worker} was lost: {reason}")
            if self._figures.closes(leg) or leg not in self._scene.legs:
                self._drop(leg)
                continue
            self._seating.rise(leg)
            self._figures.gone(leg)
        for key in [key for key, other in self._recordings.items() if other is seat]:
            del self._recordings[key]
        self._mixes = {key: other for key, other in self._mixes.items() if other is not seat}
        return self._scene.groups(legs)
