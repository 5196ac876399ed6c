"""Which leg sits at which worker, and every way of getting it there: opened, opened again after a death, moved.

A leg that moves has no seat until it has arrived; whoever needs one waits with `settled`.
"""

import asyncio
from collections.abc import Iterable

from softswitch.errors import MediaError
from softswitch.ids import LegId, WorkerId
from softswitch.rtp.commands import CloseLeg, OpenLeg
from softswitch.rtp.openings import ANSWER_S, Openings
from softswitch.rtp.scene import Scene
from softswitch.rtp.seat import Seat
from softswitch.value import value


@value
class OpenedLeg:
    leg: LegId
    worker: WorkerId
    port: int


class Seating:
    def __init__(self, seats: list[Seat]) -> None:
        self.seats = seats
        self.scene = Scene()
        self.openings = Openings()
        self.moving: dict[LegId, asyncio.Task[None]] = {}
        self._seat_of: dict[LegId, Seat] = {}

    def of(self, leg: LegId) -> Seat | None:
        return self._seat_of.get(leg)

    def running(self) -> list[Seat]:
        """Seats with a worker, least busy first."""
        return sorted((seat for seat in self.seats if seat.remote is not None), key=lambda seat: seat.load)

    def sit(self, seat: Seat, leg: LegId) -> None:
        self._seat_of[leg] = seat
        seat.legs.add(leg)

    def rise(self, leg: LegId) -> None:
        """It has no seat any more."""
        if (seat := self._seat_of.pop(leg, None)) is not None:
            seat.legs.discard(leg)

    def drop(self, leg: LegId) -> None:
        """It is closed."""
        self.scene.closed(leg)
        self.rise(leg)

    async def settled(self, leg: LegId) -> None:
        """Not before a leg that moves has arrived, or is lost."""
        if (moving := self.moving.get(leg)) is not None:
            await asyncio.wait({moving}, timeout=ANSWER_S)

    async def open(
        self, leg: LegId, address: str, beside: LegId | None, *, opaque: bool = False
    ) -> OpenedLeg:
        """Raises MediaError."""
        if not opaque and (opened := self.open_at_once(leg, address, beside)) is not None:
            return opened
        if leg in self.scene.legs or leg in self._seat_of:
            raise MediaError(f"leg {leg} is open already")
        problem = "no media worker runs" if beside is None else f"leg {beside}, to sit beside, is gone"
        for seat in self.running() if beside is None else await self._beside(beside):
            try:
                port = await self._open_at(seat, leg, address, opaque=opaque)
            except MediaError as error:
                problem = str(error)
                if beside in self.moving:  # its worker died just now: it will be elsewhere
                    return await self.open(leg, address, beside, opaque=opaque)
                continue
            self.scene.opened(leg, address, port, beside, opaque=opaque)
            return OpenedLeg(leg=leg, worker=seat.worker, port=port)
        raise MediaError(problem)

    def open_at_once(self, leg: LegId, address: str, beside: LegId | None) -> OpenedLeg | None:
        """At a port that its worker holds, without waiting for it; None: `open` can say more."""
        if leg in self.scene.legs or leg in self._seat_of or beside in self.moving:
            return None
        seat = next(iter(self.running()), None) if beside is None else self._seat_of.get(beside)
        port = self._held_at(seat, address) if seat is not None else None
        if seat is None or port is None:
            return None
        self.sit(seat, leg)
        seat.tell(OpenLeg(leg=leg, address=address, port=port))
        self.scene.opened(leg, address, port, beside)
        return OpenedLeg(leg=leg, worker=seat.worker, port=port)

    async def move(self, leg: LegId, beside: LegId) -> OpenedLeg:
        """Raises MediaError, and then all is as before."""
        await self.settled(leg)
        seats = await self._beside(beside)
        old, here = self._seat_of.get(leg), self.scene.legs.get(leg)
        if not seats or old is None or here is None:
            raise MediaError(f"leg {leg if seats else beside} is gone")
        seat = seats[0]
        if seat is old:
            self.scene.opened(leg, here.address, here.port, beside)
            return OpenedLeg(leg=leg, worker=old.worker, port=here.port)
        old.legs.discard(leg)
        try:
            port = await self._open_at(seat, leg, here.address, opaque=here.opaque)
        except MediaError:
            if leg in self.scene.legs and old.remote is not None:
                self.sit(old, leg)
            raise
        old.tell(CloseLeg(leg=leg))
        self.scene.leave(leg)
        self.scene.opened(leg, here.address, port, beside)
        for command in self.scene.replay_leg(leg):
            seat.tell(command)
        return OpenedLeg(leg=leg, worker=seat.worker, port=port)

    async def reopen(self, group: Iterable[LegId], seat: Seat) -> tuple[OpenedLeg, ...]:
        """All of them that are still wanted, or none: raises MediaError."""
        legs = [leg for leg in group if leg in self.scene.legs]
        known = [self.scene.legs[leg] for leg in legs]
        asked = [
            self._open_at(seat, leg, here.address, opaque=here.opaque)
            for leg, here in zip(legs, known, strict=True)
        ]
        answers = dict(zip(legs, await asyncio.gather(*asked, return_exceptions=True), strict=True))
        failed = next((answer for answer in answers.values() if isinstance(answer, BaseException)), None)
        opened: list[OpenedLeg] = []
        for leg, port in answers.items():
            if not isinstance(port, int):
                continue
            if failed is not None or leg not in self.scene.legs:  # or closed meanwhile
                seat.tell(CloseLeg(leg=leg))
                self.rise(leg)
                continue
            self.scene.opened(leg, self.scene.legs[leg].address, port)
            opened.append(OpenedLeg(leg=leg, worker=seat.worker, port=port))
        if failed is not None:
            raise failed
        return tuple(opened)

    async def _beside(self, leg: LegId) -> list[Seat]:
        await self.settled(leg)
        seat = self._seat_of.get(leg)
        return [seat] if seat is not None and seat.remote is not None else []

    @staticmethod
    def _held_at(seat: Seat, address: str) -> int | None:
        """A worker that may be frozen is to answer before anybody is told a port of its."""
        if seat.remote is None or seat.remote.silent_s > ANSWER_S:
            return None
        if (wanted := seat.stock.wanting(address)) is not None:
            seat.tell(wanted)
        return seat.stock.take(address)

    async def _open_at(self, seat: Seat, leg: LegId, address: str, *, opaque: bool) -> int:
        self.sit(seat, leg)
        try:
            return await self.openings.ask(seat, leg, address, opaque=opaque)
        except BaseException:
            if self._seat_of.get(leg) is seat:
                seat.tell(CloseLeg(leg=leg))
                self.rise(leg)
            raise
