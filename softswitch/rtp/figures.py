"""Figures of legs that somebody waits for: the last ones of a leg that is closed, and those of an open one.

Each who waits has a future of his own, so that one who is cancelled takes nothing from the others.
"""

import asyncio
from collections.abc import Callable

from softswitch.ids import LegId
from softswitch.late import Late
from softswitch.rtp.openings import ANSWER_S
from softswitch.rtp.reports import LegStats

LastFigures = asyncio.Future[LegStats | None]


class Figures:
    def __init__(self, on_late: Callable[[LegId], None]) -> None:
        """`on_late` hears of a leg whose worker has had its time to say that it is closed."""
        self._closing: dict[LegId, list[LastFigures]] = {}
        self._late: Late[LegId] = Late(ANSWER_S, on_late)
        self._asked: dict[LegId, list[asyncio.Future[LegStats]]] = {}

    def close(self, leg: LegId, waiting: LastFigures) -> bool:
        """Somebody waits for its last figures; False: it is being closed already."""
        others = self._closing.get(leg)
        if others is not None:
            others.append(waiting)
            return False
        self._closing[leg] = [waiting]
        self._late.asked(leg)
        return True

    def closes(self, leg: LegId) -> bool:
        return leg in self._closing

    def closed(self, leg: LegId, last: LegStats | None) -> None:
        """None: nobody can tell any more."""
        if (closing := self._closing.pop(leg, None)) is not None:
            self._late.answered(leg)
            for waiting in closing:
                if not waiting.done():
                    waiting.set_result(last)
        if self._asked:
            self.gone(leg)

    def ask(self, leg: LegId) -> "asyncio.Future[LegStats]":
        """Its figures of now, cancelled when it is gone."""
        waiting: asyncio.Future[LegStats] = asyncio.get_running_loop().create_future()
        self._asked.setdefault(leg, []).append(waiting)
        return waiting

    def heard(self, stats: LegStats) -> None:
        for waiting in self._asked.pop(stats.leg, []):
            if not waiting.done():
                waiting.set_result(stats)

    def gone(self, leg: LegId) -> None:
        """It is nowhere now."""
        for waiting in self._asked.pop(leg, []):
            waiting.cancel()
