"""Asking a worker for a leg's port, and waiting for the answer."""

import asyncio

from softswitch.errors import MediaError
from softswitch.ids import LegId, WorkerId
from softswitch.late import Late
from softswitch.rtp.commands import OpenLeg
from softswitch.rtp.reports import LegFailed, LegOpened
from softswitch.rtp.seat import Seat

ANSWER_S = 2.0
"""How long a worker may take to answer."""


class Openings:
    def __init__(self) -> None:
        self._waiting: dict[LegId, asyncio.Future[int]] = {}
        self._late: Late[tuple[LegId, WorkerId]] = Late(ANSWER_S, self._not_answered)

    async def ask(self, seat: Seat, leg: LegId, address: str, *, opaque: bool = False) -> int:
        """The port it was given; raises MediaError."""
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting[leg] = future
        seat.tell(OpenLeg(leg=leg, address=address, opaque=opaque))
        asked = leg, seat.worker
        self._late.asked(asked)
        try:
            return await future
        finally:
            self._late.answered(asked)
            self._waiting.pop(leg, None)

    def _not_answered(self, asked: tuple[LegId, WorkerId]) -> None:
        self.lost(asked[0], f"media worker {asked[1]} does not answer")

    def heard(self, report: LegOpened | LegFailed) -> bool:
        """False: it is of a leg that nobody waits for."""
        waiting = self._waiting.get(report.leg)
        if waiting is None:
            return False
        if isinstance(report, LegFailed):
            self.lost(report.leg, report.problem)
        elif not waiting.done():
            waiting.set_result(report.port)
        return True

    def lost(self, leg: LegId, problem: str) -> None:
        """No answer will come."""
        if (waiting := self._waiting.get(leg)) is not None and not waiting.done():
            waiting.set_exception(MediaError(problem))
