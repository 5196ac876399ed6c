"""What a fake media worker keeps when its switch is killed, and the next switch's pool takes over from it."""

from dataclasses import dataclass, field

from softswitch.ids import LegId, MixId, RecordingId, WorkerId
from softswitch.rtp.adoption import NOTHING, Survivor, Wanted
from softswitch.rtp.commands import Command, Mix, SetPeer
from softswitch.rtp.seating import OpenedLeg


@dataclass(slots=True, kw_only=True)
class Scene:
    """A worker as it is now; a copy."""

    next_port: int = 10000
    pid: int = 4001
    legs: dict[LegId, int] = field(default_factory=dict)
    bridges: set[frozenset[LegId]] = field(default_factory=set)
    mixes: dict[MixId, Mix] = field(default_factory=dict)
    recordings: dict[RecordingId, tuple[tuple[LegId, ...], float]] = field(default_factory=dict)
    commands: list[Command] = field(default_factory=list)
    life: int = 0
    """Switches that it has outlived."""


class Surviving:
    """The part of the fake pool that adopts; it is told of the scene before it starts."""

    def __init__(self) -> None:
        self.outlived: Scene | None = None
        """Of the switch before; None: there was none, or its worker died with it."""
        self._rest = NOTHING
        """What goes on and nobody has taken up yet."""
        self._scene = Scene()

    def adopt(self, wanted: Wanted) -> Scene:
        """What goes on; the rest has ended."""
        before = self.outlived or Scene()
        legs = {leg: port for leg, port in before.legs.items() if leg in wanted.legs}
        self._scene = Scene(
            next_port=before.next_port,
            pid=before.pid,
            legs=legs,
            bridges={pair for pair in before.bridges if pair <= legs.keys()},
            recordings={
                each: running for each, running in before.recordings.items() if each in wanted.recordings
            },
            commands=before.commands,
            life=before.life,
        )
        self._rest = Wanted(legs=frozenset(legs), recordings=frozenset(self._scene.recordings))
        return self._scene

    def take_up(self, legs: tuple[LegId, ...]) -> dict[LegId, Survivor]:
        found = [leg for leg in legs if leg in self._rest.legs]
        self._rest = Wanted(legs=self._rest.legs - set(found), recordings=self._rest.recordings)
        return {leg: self._survivor(leg) for leg in found}

    def take_up_recording(self, recording: RecordingId) -> bool:
        known = recording in self._rest.recordings
        self._rest = Wanted(legs=self._rest.legs, recordings=self._rest.recordings - {recording})
        return known

    def _survivor(self, leg: LegId) -> Survivor:
        told = [each for each in self._scene.commands if isinstance(each, SetPeer) and each.leg == leg]
        opened = OpenedLeg(leg=leg, worker=WorkerId(1), port=self._scene.legs[leg])
        return Survivor(opened=opened, address="", peer=told[-1] if told else None)
