"""Packets made here on their way out: headers of the leg's own stream before payloads, counters, one hand-over to the
engine for many legs."""

from typing import Final

import numpy as np
import numpy.typing as npt

from softswitch.rtp import stream
from softswitch.rtp.engine import Engine, PacketRows
from softswitch.rtp.packet import HEADER_BYTES, WIDTH, Indices
from softswitch.rtp.table import LegTable

ROWS: Final = 512
"""Packets sent at once; more legs take several rounds."""
MAX_PAYLOAD: Final = WIDTH - HEADER_BYTES

I32 = npt.NDArray[np.int32]


class Departures:
    """Rows to be filled; no leg occurs twice in one `send`."""

    def __init__(self, table: LegTable, engine: Engine) -> None:
        self._table = table
        self._engine = engine
        self.packets = PacketRows(ROWS)
        self._slots: list[int] = []
        self._lengths: list[int] = []

    def add(self, slot: int, payload: bytes | npt.NDArray[np.uint8]) -> None:
        """One packet of the leg's packet time; sent by `flush`."""
        data = np.frombuffer(payload, np.uint8) if isinstance(payload, bytes) else payload
        if len(data) > MAX_PAYLOAD or not self._table.sends[slot]:
            return
        self.packets.array[len(self._slots), HEADER_BYTES : HEADER_BYTES + len(data)] = data
        self._slots.append(slot)
        self._lengths.append(len(data))

    @property
    def full(self) -> bool:
        return len(self._slots) == ROWS

    def flush(self, now: float) -> None:
        if not self._slots:
            return
        slot, length = np.array(self._slots, np.int32), np.array(self._lengths, np.int32)
        self._slots, self._lengths = [], []
        self.send(np.arange(len(slot)), slot, self._table.frame[slot], length, now)

    def send(self, row: Indices, slot: I32, ticks: I32, length: I32, now: float) -> None:
        """Put headers before the payloads of `row`, `ticks` long each, and send those whose peer may be sent to."""
        table = self._table
        sends = table.sends[slot]
        if not sends.all():
            row, slot, ticks, length = row[sends], slot[sends], ticks[sends], length[sends]
            if not row.size:
                return
        header = stream.own(table, slot, ticks, now)
        self.packets.array[row, :HEADER_BYTES] = header.view(np.uint8).reshape(-1, HEADER_BYTES)
        table.packets_out[slot] += 1
        table.octets_out[slot] += length
        self._engine.send(self.packets, row, slot, length + np.int32(HEADER_BYTES))
