"""What is received in codecs other than G.711 as µ-law at 8 kHz, for whoever listens to legs: recordings, the search for
tones. Decoded in order of arrival, and only of legs that are listened to."""

from typing import Final

import numpy as np
import numpy.typing as npt

from softswitch import g711
from softswitch.codec import Codec
from softswitch.errors import SoftswitchError
from softswitch.rtp.codecs import decoder
from softswitch.rtp.leg import Leg
from softswitch.rtp.packet import HEADER, HEADER_BYTES, Indices, Rows
from softswitch.rtp.prompt import SAMPLE_RATE
from softswitch.rtp.resampler import Resampler
from softswitch.rtp.table import NOBODY, LegTable

MAX_SAMPLES: Final = 480
"""Of one packet: 60 ms. What is longer is cut."""

Slots = npt.NDArray[np.int32]
Audio = tuple[Rows, Indices, Slots, npt.NDArray[np.void], npt.NDArray[np.int32]]
"""Packets, which rows of them count, and for each of these the leg's slot, the header and the bytes of payload."""


class DecodedStream:
    """The audio of one leg, packet by packet."""

    def __init__(self, codec: Codec, format_parameters: str) -> None:
        """Raises CodecMissing."""
        self._codec = codec
        self._format_parameters = format_parameters
        self._begin(None, 0)

    def _begin(self, ssrc: int | None, timestamp: int) -> None:
        self._decoder = decoder(self._codec, self._format_parameters)
        self._down = Resampler(self._decoder.rate, SAMPLE_RATE)
        self._ssrc = ssrc
        self._last = self._ticks = timestamp

    def packet(self, ssrc: int, timestamp: int, payload: bytes) -> tuple[int, npt.NDArray[np.uint8]]:
        """Its timestamp in samples of 8 kHz, which goes on over a wrap of the stream's own, and its µ-law. Raises
        CodecError."""
        if ssrc != self._ssrc:
            self._begin(ssrc, timestamp)
        self._ticks += (timestamp - self._last + 0x8000_0000 & 0xFFFF_FFFF) - 0x8000_0000
        self._last = timestamp
        samples = self._down.process(self._decoder.decode(payload))
        coded = g711.ENCODE_ULAW[np.ascontiguousarray(samples).view(np.uint16)]
        return self._ticks * SAMPLE_RATE // self._codec.clock & 0xFFFF_FFFF, coded[:MAX_SAMPLES]


class DecodedLegs:
    def __init__(self, table: LegTable, legs: dict[int, Leg]) -> None:
        """`legs` is by slot and is kept up by its owner."""
        self._table = table
        self._legs = legs
        self.slots: set[int] = set()
        """Legs whose codec is not G.711."""

    def set_foreign(self, slot: int, foreign: bool) -> None:
        self._table.foreign[slot] = foreign
        (self.slots.add if foreign else self.slots.discard)(slot)

    def as_g711(
        self, rows: Rows, row: Indices, slot: Slots, header: npt.NDArray[np.void],
        payload: npt.NDArray[np.int32],
    ) -> Audio:  # fmt: skip
        """The same audio in G.711 at 8 kHz; packets that nobody listens to, or that cannot be decoded, are left out."""
        table = self._table
        foreign = table.foreign[slot]
        if not foreign.any():
            return rows, row, slot, header, payload
        plain = np.flatnonzero(~foreign)
        wanted = foreign & ((table.recording[slot] != NOBODY) | (table.inband[slot] != NOBODY))
        made = [
            (at, *found)
            for at in np.flatnonzero(wanted).tolist()
            if (found := self._decode(rows, int(row[at]), int(slot[at]), header[at], int(payload[at])))
        ]
        chosen = np.array([*plain.tolist(), *(at for at, _, _ in made)], np.intp)
        out: Rows = np.zeros((len(chosen), max(rows.shape[1], HEADER_BYTES + MAX_SAMPLES)), np.uint8)
        out[: len(plain), : rows.shape[1]] = rows[row[plain]]
        heads, lengths = np.empty(len(chosen), HEADER), payload[chosen]
        heads[:] = header[chosen]
        for where, (_, timestamp, coded) in enumerate(made, len(plain)):
            out[where, HEADER_BYTES : HEADER_BYTES + len(coded)] = coded
            heads["timestamp"][where], lengths[where] = timestamp, len(coded)
        return out, np.arange(len(chosen)), slot[chosen], heads, lengths

    def _decode(
        self, rows: Rows, row: int, slot: int, header: np.void, size: int
    ) -> tuple[int, npt.NDArray[np.uint8]] | None:
        leg = self._legs[slot]
        data = rows[row, HEADER_BYTES : HEADER_BYTES + size].tobytes()
        try:
            if leg.decoded is None:
                leg.decoded = DecodedStream(leg.codec, leg.format_parameters)
            return leg.decoded.packet(int(header["ssrc"]), int(header["timestamp"]), data)
        except SoftswitchError:
            return None
