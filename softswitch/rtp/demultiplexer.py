"""RTCP that comes by the port of RTP (RFC 5761) is taken out of a round before anybody looks at it as RTP.

Only of legs that have agreed to it, and only what comes from the locked peer: nothing learns an address from RTCP.
"""

from collections.abc import Callable

import numpy as np

from softswitch.rtp.engine import Arrivals
from softswitch.rtp.latch import LatchState
from softswitch.rtp.leg import Leg
from softswitch.rtp.packet import WIDTH
from softswitch.rtp.rtcp import FIRST_TYPE, LAST_TYPE
from softswitch.rtp.table import LegTable


class Demultiplexer:
    def __init__(
        self, table: LegTable, legs: dict[int, Leg], control: Callable[[int, bytes, float], None]
    ) -> None:
        """`legs` is by slot and is kept up by its owner. `control` takes a leg's RTCP."""
        self._table = table
        self._legs = legs
        self._control = control
        self.slots: set[int] = set()
        """Legs that share their port: a round need not be looked at while there are none."""

    def set(self, slot: int, muxed: bool) -> None:
        self._table.muxed[slot] = muxed
        (self.slots.add if muxed else self.slots.discard)(slot)

    def take_out(self, arrivals: Arrivals, now: float) -> Arrivals:
        """The round without its RTCP."""
        rows = arrivals.packets.array
        kind = rows[: len(arrivals.slot), 1]
        control = (
            (kind >= FIRST_TYPE)
            & (kind <= LAST_TYPE)
            & self._table.muxed[arrivals.slot]
            & (arrivals.length > 1)
        )
        if not control.any():
            return arrivals
        for row in np.flatnonzero(control).tolist():
            self._take(arrivals, row, now)
        kept = np.flatnonzero(~control)
        rows[: len(kept)] = rows[kept]
        sources = {
            where: arrivals.sources[row] for where, row in enumerate(kept.tolist()) if row in arrivals.sources
        }
        return Arrivals(arrivals.packets, arrivals.slot[kept], arrivals.length[kept], sources)

    def _take(self, arrivals: Arrivals, row: int, now: float) -> None:
        slot, length = int(arrivals.slot[row]), int(arrivals.length[row])
        latch, source = self._legs[slot].latch, arrivals.sources.get(row)
        if source is not None and (latch.state != LatchState.LOCKED or source != latch.peer):
            self._table.strangers[slot] += 1
        elif length > WIDTH:
            self._table.malformed[slot] += 1
        else:
            self._control(slot, bytes(arrivals.packets.views[row][:length]), now)
