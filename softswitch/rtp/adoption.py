"""Taking over workers whose controller died: what is wanted of theirs goes on untouched, the rest ends.

Owns what goes on and nobody has taken up yet. A leg is told nothing again: its peer, keys and bridge are in its worker,
which says what the controller has to know.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from softswitch.ids import LegId, RecordingId
from softswitch.rtp.commands import AskPeers, CloseLeg, SetPeer, StopRecording
from softswitch.rtp.remote import RemoteWorker
from softswitch.rtp.reports import PeerIs, Report
from softswitch.rtp.seat import Seat
from softswitch.rtp.seating import OpenedLeg, Seating

CLEARED_S: Final = 10.0
"""How long an adopted worker may take to end what nobody wants; its next figures say so."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to go on at workers that outlived their controller."""

    legs: frozenset[LegId] = frozenset()
    recordings: frozenset[RecordingId] = frozenset()


NOTHING: Final = Wanted()


@dataclass(frozen=True, slots=True, kw_only=True)
class Survivor:
    opened: OpenedLeg
    address: str
    """Local address it is bound to."""
    peer: SetPeer | None
    opaque: bool = False


class Adoption:
    def __init__(self, seating: Seating, recordings: dict[RecordingId, Seat]) -> None:
        self.wanted = NOTHING
        self._seating = seating
        self._recordings = recordings
        self._legs: dict[LegId, Survivor] = {}
        self._running: dict[RecordingId, tuple[Seat, RemoteWorker]] = {}

    async def adopt(
        self,
        seat: Seat,
        path: Path,
        arguments: tuple[str, ...],
        secret: bytes,
        hear: Callable[[Report], None],
    ) -> RemoteWorker | None:
        """The worker that sits there already; None: there is none that can be used."""
        remote = await RemoteWorker.adopt(path, arguments, secret, hear)
        if remote is None:
            return None
        hello, wanted = remote.hello, self.wanted
        legs = [leg for leg in hello.legs if leg in wanted.legs]
        recordings = [recording for recording in hello.recordings if recording in wanted.recordings]
        _log.warning("media worker adopted", pid=remote.pid, legs=len(legs), recordings=len(recordings))
        seat.stats = None
        for leg in legs:
            self._seating.sit(
                seat, leg
            )  # before it is asked: what it says of legs that sit elsewhere is not heard
        for recording in set(hello.recordings) - set(recordings):
            remote.send(StopRecording(recording=recording))
        for leg in set(hello.legs) - set(legs):
            remote.send(CloseLeg(leg=leg))
        if legs:
            remote.send(AskPeers())
        if await self._settled(seat, legs, len(recordings)):
            self._running.update(dict.fromkeys(recordings, (seat, remote)))
            return remote
        _log.warning("an adopted media worker does not end what it had", pid=remote.pid)
        for leg in legs:
            self._legs.pop(leg, None)
            self._seating.rise(leg)
        await remote.stop()
        return None

    async def _settled(self, seat: Seat, legs: list[LegId], recordings: int) -> bool:
        """It has nothing that nobody wants, and has said what its legs were told."""
        try:
            async with asyncio.timeout(CLEARED_S):
                while (
                    seat.stats is None
                    or seat.stats.legs > len(legs)
                    or seat.stats.recordings > recordings
                    or any(leg not in self._legs for leg in legs)
                ):
                    seat.told.clear()
                    await seat.told.wait()
        except TimeoutError:
            return False
        return True

    def heard(self, seat: Seat, report: PeerIs) -> None:
        opened = OpenedLeg(leg=report.leg, worker=seat.worker, port=report.port)
        self._legs[report.leg] = Survivor(
            opened=opened, address=report.address, peer=report.peer, opaque=report.opaque
        )

    def take_up(self, legs: tuple[LegId, ...]) -> dict[LegId, Survivor]:
        """Those of `legs` that go on; the others of them are to be opened anew."""
        found: dict[LegId, Survivor] = {}
        scene = self._seating.scene
        for leg in legs:
            here = self._legs.pop(leg, None)
            if here is None or self._seating.of(leg) is None:
                continue  # or its worker died a moment ago
            beside = next(iter(found), None)
            scene.opened(leg, here.address, here.opened.port, beside, opaque=here.opaque)
            if here.peer is not None:
                scene.told(here.peer)
            found[leg] = here
        return found

    def take_up_recording(self, recording: RecordingId) -> bool:
        seat, adopted = self._running.pop(recording, (None, None))
        if seat is None or seat.remote is not adopted:
            return False  # or its worker died a moment ago, though another may sit there already
        self._recordings[recording] = seat
        return True

    def recording_ended(self, recording: RecordingId) -> None:
        """By itself, before anybody took it up."""
        self._running.pop(recording, None)

    def end_rest(self) -> None:
        for recording, (seat, _) in self._running.items():
            seat.tell(StopRecording(recording=recording))
        self._running.clear()
        for leg in self._legs:
            if (here := self._seating.of(leg)) is not None:
                here.tell(CloseLeg(leg=leg))
                self._seating.rise(leg)
        self._legs.clear()
