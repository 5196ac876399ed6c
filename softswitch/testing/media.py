"""A media pool without media: records what it is told and plays prompts in virtual time.

Same public surface as `rtp.pool.MediaPool`. A Play ends by itself after `play_s` (or the prompt's own time in
`durations`) on the running loop's clock; tests press keys and kill workers with `press` and `die`.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import TypeVar

from softswitch.clock import Clock
from softswitch.config.media import Quality, Rtp
from softswitch.errors import MediaError
from softswitch.ids import LegId, MixId, RecordingId, WorkerId
from softswitch.rtp.adoption import NOTHING, Wanted
from softswitch.rtp.commands import (
    Bridge,
    CloseLeg,
    Command,
    Mix,
    Music,
    OpenLeg,
    Play,
    SetPeer,
    StartRecording,
    StopPlay,
    StopRecording,
    Unbridge,
)
from softswitch.rtp.reports import (
    DigitPressed,
    LegOpened,
    LegStats,
    PeerSilent,
    PlayEnded,
    RecordingEnded,
    Report,
)
from softswitch.rtp.seat import WorkerView
from softswitch.rtp.seating import OpenedLeg
from softswitch.tap import RecordingReport
from softswitch.testing.surviving import Scene, Surviving

Kind = TypeVar("Kind", bound=Command)


def without(mix: Mix, leg: LegId) -> Mix:
    """The mix when this leg has left it."""
    kept = [at for at, each in enumerate(mix.legs) if each != leg]
    return Mix(
        mix=mix.mix,
        legs=tuple(mix.legs[at] for at in kept),
        gains=tuple(tuple(mix.gains[at][to] for to in kept) for at in kept),
    )


class FakeMediaPool(Surviving):
    def __init__(
        self,
        config: Rtp | None = None,
        *,
        socket_dir: str = "",
        clock: Clock | None = None,
        on_report: Callable[[WorkerId, Report], None] = lambda worker, report: None,
        on_worker_died: Callable[[WorkerId, int, frozenset[LegId]], None] = lambda worker, pid, legs: None,
        on_worker_started: Callable[[WorkerId, int], None] = lambda worker, pid: None,
        on_legs_moved: Callable[[tuple[OpenedLeg, ...]], None] = lambda legs: None,
        on_legs_lost: Callable[[WorkerId, frozenset[LegId]], None] = lambda worker, legs: None,
        linger_s: float | None = None,
        cores: int = 2,
        spare_after_s: float = 5.0,
        quality: Quality | None = None,
    ) -> None:
        super().__init__()
        self.commands: list[Command] = []
        """Everything told so far, in order, opening and closing included."""
        self.play_s = 1.0
        """How long a prompt lasts that `durations` does not name."""
        self.durations: dict[str, float] = {}
        self.figures: dict[LegId, Callable[[LegStats], LegStats]] = {}
        """What a leg's figures are made of those of a leg that heard nothing."""
        self.open_s = 0.0
        """How long a worker takes to open a leg."""
        self.refuse_open = ""
        """Not empty: why no leg can be opened."""
        self.on_report, self.on_worker_died, self.on_worker_started = (
            on_report,
            on_worker_died,
            on_worker_started,
        )
        self.on_legs_moved, self.on_legs_lost = on_legs_moved, on_legs_lost
        self.move_s = 0.05
        """How long it takes to open a dead worker's legs again."""
        self._opening: set[LegId] = set()
        self._worker, self._pid, self._next_port = WorkerId(1), 4001, 10000
        self._legs: dict[LegId, int] = {}
        self._bridges: set[frozenset[LegId]] = set()
        self.opaque: set[LegId] = set()
        """Legs that were ever opened to pass datagrams on only."""
        self._mixes: dict[MixId, Mix] = {}
        self._plays: dict[LegId, tuple[int, asyncio.TimerHandle]] = {}
        self._recordings: dict[RecordingId, tuple[tuple[LegId, ...], float]] = {}

    async def start(self, wanted: Wanted = NOTHING) -> None:
        scene = self.adopt(wanted)
        self._next_port, self._pid, self._legs = scene.next_port, scene.pid, scene.legs
        self.opaque = {each.leg for each in scene.commands if isinstance(each, OpenLeg) and each.opaque}
        self._bridges, self._recordings = scene.bridges, scene.recordings
        self.commands[:0] = scene.commands
        self.on_worker_started(self._worker, self._pid)

    def scene(self) -> Scene:
        """The worker as it is now, to outlive its switch."""
        return Scene(
            next_port=self._next_port,
            pid=self._pid,
            legs=dict(self._legs),
            bridges=set(self._bridges),
            mixes=dict(self._mixes),
            recordings=dict(self._recordings),
            commands=list(self.commands),
            life=self._scene.life + 1,
        )

    def end_rest(self) -> None:
        for recording in self._rest.recordings:
            self._end_recording(recording)
        for leg in self._rest.legs:
            self.release_leg(leg)

    async def stop(self) -> None:
        for leg in tuple(self._legs):
            self.release_leg(leg)

    def open_leg_at_once(
        self, leg: LegId, address: str, *, with_leg: LegId | None = None
    ) -> OpenedLeg | None:
        if (
            self.refuse_open
            or self.open_s
            or leg in self._legs
            or (with_leg or leg) not in {*self._legs, leg}
        ):
            return None
        self.commands.append(OpenLeg(leg=leg, address=address))
        port = self._legs[leg] = self._new_port()
        return OpenedLeg(leg=leg, worker=self._worker, port=port)

    async def open_leg(
        self, leg: LegId, address: str, *, with_leg: LegId | None = None, opaque: bool = False
    ) -> OpenedLeg:
        if self.refuse_open:
            raise MediaError(self.refuse_open)
        if leg in self._legs:
            raise MediaError(f"leg {leg} is open already")
        if with_leg is not None and with_leg not in self._legs:
            raise MediaError(f"leg {with_leg}, to sit beside, is gone")
        self.commands.append(OpenLeg(leg=leg, address=address, opaque=opaque))
        if opaque:
            self.opaque.add(leg)
        port = self._legs[leg] = self._new_port()
        self._opening.add(leg)
        await asyncio.sleep(self.open_s)
        self._opening.discard(leg)
        if leg not in self._legs:
            raise MediaError(f"media worker {self._worker} was lost")
        self.emit(LegOpened(leg=leg, port=port))
        return OpenedLeg(leg=leg, worker=self._worker, port=port)

    def _new_port(self) -> int:
        self._next_port += 2
        return self._next_port - 2

    async def move_leg(self, leg: LegId, *, beside: LegId) -> OpenedLeg:
        if leg not in self._legs or beside not in self._legs:
            raise MediaError(f"leg {leg} or {beside} is gone")
        await asyncio.sleep(self.open_s)
        self._unbridge(leg)
        self._legs[leg] = self._new_port()
        return OpenedLeg(leg=leg, worker=self._worker, port=self._legs[leg])

    def send(self, command: Command) -> None:
        self.commands.append(command)
        match command:
            case Play(leg=leg) if leg in self._legs:
                self._end_play(leg, completed=False)
                seconds = sum(self.durations.get(prompt, self.play_s) for prompt in command.prompts)
                timer = asyncio.get_running_loop().call_later(seconds, self._end_play, leg, True)
                self._plays[leg] = command.play, timer
            case StopPlay(leg=leg):
                self._end_play(leg, completed=False)
            case Bridge(a=a, b=b):
                for leg in (a, b):
                    self._end_play(leg, completed=False)
                    self._unbridge(leg)
                self._bridges.add(frozenset((a, b)))
            case Unbridge(leg=leg):
                self._unbridge(leg)
            case Mix(mix=mix, legs=()):
                self._mixes.pop(mix, None)
            case Mix(mix=mix, legs=legs):
                for leg in legs:
                    self._unbridge(leg)
                    self._unmix(leg)
                self._mixes[mix] = command
            case StartRecording(spec=spec, tracks=tracks) if tracks and tracks[0] in self._legs:
                self._recordings[spec.recording] = tracks, asyncio.get_running_loop().time()
            case StopRecording(recording=recording):
                self._end_recording(recording)
            case _:
                pass

    def close_leg(self, leg: LegId) -> "asyncio.Future[LegStats | None]":
        loop = asyncio.get_running_loop()
        closed: asyncio.Future[LegStats | None] = loop.create_future()
        if leg not in self._legs:
            closed.set_result(None)
            return closed
        stats = self._stats(leg)
        self.release_leg(leg)
        loop.call_soon(_answer, closed, stats)
        return closed

    def release_leg(self, leg: LegId) -> None:
        if leg not in self._legs:
            return
        self.commands.append(CloseLeg(leg=leg))
        self._end_play(leg, completed=False)
        self._unmix(leg)
        self._unbridge(leg)
        del self._legs[leg]

    async def stats(self, legs: Iterable[LegId]) -> list[LegStats]:
        await asyncio.sleep(0)
        return [self._stats(leg) for leg in legs if leg in self._legs]

    def views(self) -> list[WorkerView]:
        return [
            WorkerView(
                worker=self._worker,
                pid=self._pid,
                engine="fake",
                legs=len(self._legs),
                recordings=len(self._recordings),
                packets_in=0,
                packets_out=0,
                cpu=0.0,
                cpu_s=0.0,
                late_ms=0.0,
                restarts=self._pid - 4001,
            )
        ]

    @property
    def legs(self) -> frozenset[LegId]:
        """Legs that are open."""
        return frozenset(self._legs)

    @property
    def bridges(self) -> frozenset[frozenset[LegId]]:
        """Pairs of legs that hear each other."""
        return frozenset(pair for pair in self._bridges if self.opaque.isdisjoint(pair))

    @property
    def passing(self) -> frozenset[frozenset[LegId]]:
        """Pairs of legs whose datagrams are passed on to each other."""
        return frozenset(self._bridges) - self.bridges

    @property
    def mixes(self) -> dict[MixId, Mix]:
        """Those that hold somebody, as they were told last, without legs that have closed."""
        return dict(self._mixes)

    def hears(self, leg: LegId) -> frozenset[LegId]:
        """Legs that this one hears now, by bridge or mix."""
        for mix in self._mixes.values():
            if leg in mix.legs:
                row = mix.gains[mix.legs.index(leg)]
                return frozenset(each for each, gain in zip(mix.legs, row, strict=True) if gain)
        return frozenset(each for pair in self._bridges if leg in pair for each in pair if each != leg)

    def music(self, leg: LegId) -> str | None:
        """What it hears in the background."""
        told = self.told(Music, leg)
        return told[-1].prompt if told else None

    def peer(self, leg: LegId) -> SetPeer:
        """What was last said of the leg's peer."""
        return next(
            command
            for command in reversed(self.commands)
            if isinstance(command, SetPeer) and command.leg == leg
        )

    def told(self, kind: type[Kind], leg: LegId | None = None) -> list[Kind]:
        """Commands of one kind, in order; of one leg, where it is given."""
        return [
            command
            for command in self.commands
            if isinstance(command, kind) and leg in (None, getattr(command, "leg", None))
        ]

    @property
    def recordings(self) -> frozenset[RecordingId]:
        """Recordings that run."""
        return frozenset(self._recordings)

    def emit(self, report: Report) -> None:
        """Tell the switch what a worker would."""
        self.on_report(self._worker, report)

    def press(self, leg: LegId, digits: str) -> None:
        """A party presses keys."""
        for digit in digits:
            self.emit(DigitPressed(leg=leg, digit=digit, method="rfc4733"))

    def fall_silent(self, leg: LegId, seconds: float) -> None:
        self.emit(PeerSilent(leg=leg, silent_s=seconds))

    def die(self) -> None:
        """The worker dies and is replaced; its legs are opened again, or lost while `refuse_open` says why."""
        legs, pid = frozenset(self._legs), self._pid
        for leg in self._opening:
            self._legs.pop(leg, None)
        self._recordings.clear()
        self._pid += 1
        self.on_worker_died(self._worker, pid, legs)
        self.on_worker_started(self._worker, self._pid)
        if self._legs:
            asyncio.get_running_loop().call_later(self.move_s, self._move, tuple(self._legs))

    def _move(self, legs: tuple[LegId, ...]) -> None:
        legs = tuple(leg for leg in legs if leg in self._legs)
        if not self.refuse_open:
            self._legs.update({leg: self._new_port() for leg in legs})
            self.on_legs_moved(
                tuple(OpenedLeg(leg=leg, worker=self._worker, port=self._legs[leg]) for leg in legs)
            )
            return
        for leg in legs:
            if leg in self._plays:
                self._plays.pop(leg)[1].cancel()
            self._unbridge(leg)
            del self._legs[leg]
        self.on_legs_lost(self._worker, frozenset(legs))

    def _unbridge(self, leg: LegId) -> None:
        self._bridges = {pair for pair in self._bridges if leg not in pair}

    def _unmix(self, leg: LegId) -> None:
        for mix in tuple(self._mixes.values()):
            if leg in mix.legs:
                self._mixes[mix.mix] = without(mix, leg)
                if not self._mixes[mix.mix].legs:
                    del self._mixes[mix.mix]

    def _end_play(self, leg: LegId, completed: bool) -> None:
        if (playing := self._plays.pop(leg, None)) is not None:
            play, timer = playing
            timer.cancel()
            self.emit(PlayEnded(leg=leg, play=play, completed=completed))

    def _end_recording(self, recording: RecordingId) -> None:
        if (running := self._recordings.pop(recording, None)) is not None:
            seconds = asyncio.get_running_loop().time() - running[1]
            report = RecordingReport(
                recording=recording, state="ended", seconds=seconds, gaps=0, gap_s=0.0, problem=""
            )
            self.emit(RecordingEnded(report=report))

    def _stats(self, leg: LegId) -> LegStats:
        nothing = LegStats(
            leg=leg,
            packets_in=0,
            packets_out=0,
            bytes_in=0,
            lost=0,
            out_of_order=0,
            duplicates=0,
            malformed=0,
            strangers=0,
            jitter_ms=0.0,
            silent_s=0.0,
        )
        made = self.figures.get(leg)
        return nothing if made is None else made(nothing)


def _answer(closed: "asyncio.Future[LegStats | None]", stats: LegStats) -> None:
    if not closed.done():  # nobody waits any longer
        closed.set_result(stats)
