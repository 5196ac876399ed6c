"""What becomes of the legs of a worker that died: opened again, told again, or lost.

Legs that belong together move as one, to a running worker that has room or else to the replacement, a few groups at a
time so that whoever tells the peers keeps pace.
"""

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from softswitch.errors import MediaError
from softswitch.ids import LegId, WorkerId
from softswitch.rtp.commands import Command
from softswitch.rtp.seat import Seat
from softswitch.rtp.seating import OpenedLeg, Seating

REPLACED_S: Final = 1.0
"""How long the legs of a lost worker wait for its replacement while others run."""
NOBODY_ELSE_S: Final = 5.0
"""The same while none does."""
MOST_LOAD: Final = 0.7
"""Share of a core up to which a running worker takes over the legs of a lost one."""
TRIES: Final = 2
AT_ONCE: Final = 8
"""Groups of legs."""

_log = structlog.get_logger(__name__)


class Rescue:
    def __init__(
        self,
        seating: Seating,
        *,
        tell: Callable[[Seat, Command], None],
        on_moved: Callable[[tuple[OpenedLeg, ...]], None],
        on_lost: Callable[[WorkerId, frozenset[LegId]], None],
    ) -> None:
        self._seating = seating
        self._tell = tell
        self._on_moved = on_moved
        self._on_lost = on_lost
        self._pace = asyncio.Semaphore(AT_ONCE)

    def begin(
        self, lost: Seat, groups: list[tuple[LegId, ...]], burden: float, ended: "asyncio.Task[None]"
    ) -> None:
        """`burden`: load of the lost worker. `ended`: done when its process is gone, and not before may anybody else
        bind its ports or write its files."""
        running = self._seating.running()
        haven = next((seat for seat in running if seat.load + burden <= MOST_LOAD), None)
        for group in groups:
            move = asyncio.create_task(self._move(group, lost, haven, ended), name="move legs")
            self._seating.moving.update(dict.fromkeys(group, move))

    async def _move(
        self, group: tuple[LegId, ...], lost: Seat, haven: Seat | None, ended: "asyncio.Task[None]"
    ) -> None:
        try:
            await asyncio.wait({ended})
            async with self._pace:
                problem = await self._try(group, lost, haven)
        finally:
            for leg in group:
                self._seating.moving.pop(leg, None)
        if problem:
            self._give_up(group, lost, problem)

    async def _try(self, group: tuple[LegId, ...], lost: Seat, haven: Seat | None) -> str:
        """Why it could not be; empty when it was."""
        problem = ""
        for attempt in range(TRIES):
            try:
                seat = await self._find(lost, haven if not attempt else None)
                self._arrived(seat, await self._seating.reopen(group, seat))
            except MediaError as error:
                problem = str(error)
            else:
                return ""
        return problem

    def _give_up(self, group: tuple[LegId, ...], lost: Seat, problem: str) -> None:
        seating = self._seating
        gone = frozenset(leg for leg in group if leg in seating.scene.legs)
        _log.error("legs of a lost media worker are lost", legs=len(gone), problem=problem)
        for leg in gone:
            seating.drop(leg)
        self._on_lost(lost.worker, gone)

    async def _find(self, lost: Seat, haven: Seat | None) -> Seat:
        if haven is not None and haven.remote is not None:
            return haven
        try:
            async with asyncio.timeout(REPLACED_S if self._seating.running() else NOBODY_ELSE_S):
                await lost.ready.wait()
        except TimeoutError:
            _log.warning("a lost media worker is not replaced yet", worker=lost.worker)
        if lost.remote is not None:
            return lost
        running = self._seating.running()
        if not running:
            raise MediaError(lost.problem or "no media worker runs")
        return running[0]

    def _arrived(self, seat: Seat, opened: tuple[OpenedLeg, ...]) -> None:
        """Tell them again at once; then whoever owns them."""
        legs = [each.leg for each in opened]
        for leg in legs:
            self._seating.moving.pop(leg, None)
        for command in self._seating.scene.replay(legs):
            self._tell(seat, command)
        if opened:
            self._on_moved(opened)
