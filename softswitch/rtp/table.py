"""Legs as rows of numpy arrays: all state that the tick touches for every packet.

A slot is a row; slots are handed out lowest first, so that the rows in use stay close together in the cache. What is
touched seldom lives in `leg.py`.
"""

import heapq
from typing import Any, Final

import numpy as np
import numpy.typing as npt

NOBODY: Final = -1
"""No partner, no recording, no payload type."""
NO_SOURCE: Final = -1
"""Nothing was sent yet, or what comes next begins anew."""
OWN_SOURCE: Final = -2
"""What was sent last was played by ourselves."""


class LegTable:
    """Struct of arrays, `capacity` rows each."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._columns: list[tuple[npt.NDArray[Any], int | float]] = []
        self._free = list(range(capacity))
        self.used = 0
        """Rows beyond this one were never in use."""
        # what was negotiated
        self.sends = self._column(np.bool_, 0)
        self.receives = self._column(np.bool_, 0)
        self.audio_type = self._column(np.int16, NOBODY)
        self.event_type = self._column(np.int16, NOBODY)
        self.muxed = self._column(np.bool_, 0)
        """RTCP comes and goes by the port of RTP (RFC 5761)."""
        self.noise_type = self._column(np.int16, NOBODY)
        """Comfort noise, RFC 3389."""
        self.law = self._column(np.uint8, 0)
        """Of G.711; what is decoded of other codecs is recorded and searched for tones in µ-law, which is 0."""
        self.foreign = self._column(np.bool_, 0)
        """Its codec is not G.711."""
        self.clock = self._column(np.float64, 8000)
        """Ticks of its RTP timestamps in a second."""
        self.frame = self._column(np.int32, 160)
        """Those ticks of a packet of ours."""
        # who hears what
        self.partner = self._column(np.int32, NOBODY)
        self.own = self._column(np.bool_, 0)
        """Its stream is made here now (prompt, music, digits): nothing is relayed to it."""
        self.due = self._column(np.float64, 0)
        """When the next packet of ours is due; never, where a mix makes them."""
        self.tapped = self._column(np.bool_, 0)
        """What it says is also copied into a mix."""
        self.recording = self._column(np.int32, NOBODY)
        self.track = self._column(np.uint8, 0)
        self.inband = self._column(np.int32, NOBODY)
        """Row in the tone detector."""
        # the stream received, RFC 3550 appendix A
        self.heard = self._column(np.bool_, 0)
        self.ssrc_in = self._column(np.uint32, 0)
        self.base = self._column(np.int64, 0)
        self.highest = self._column(np.int64, 0)
        """Extended highest sequence number."""
        self.window = self._column(np.uint64, 0)
        """Bit n: sequence number `highest` - n was received."""
        self.received = self._column(np.int64, 0)
        """Of this stream, without duplicates."""
        self.lost_before = self._column(np.int64, 0)
        """Lost in earlier streams of this leg."""
        self.transit = self._column(np.int64, 0)
        self.jitter = self._column(np.float64, 0)
        self.timed = self._column(np.bool_, 0)
        self.last_in = self._column(np.float64, 0)
        self.paid_until = self._column(np.float64, 0)
        """Up to when its packets have used up what they may take, see `relay.MOST_PER_S`."""
        # counters
        self.packets_in = self._column(np.int64, 0)
        self.bytes_in = self._column(np.int64, 0)
        self.out_of_order = self._column(np.int64, 0)
        self.duplicates = self._column(np.int64, 0)
        self.gaps = self._column(np.int64, 0)
        """Times that the sequence number went ahead by more than one."""
        self.malformed = self._column(np.int64, 0)
        self.strangers = self._column(np.int64, 0)
        self.packets_out = self._column(np.int64, 0)
        self.octets_out = self._column(np.int64, 0)
        # the stream sent
        self.ssrc_out = self._column(np.uint32, 0)
        self.source = self._column(np.int64, NO_SOURCE)
        """Whose stream is relayed: slot and SSRC, or one of the constants above."""
        self.sequence_shift = self._column(np.uint16, 0)
        self.timestamp_shift = self._column(np.uint32, 0)
        self.sent_sequence = self._column(np.uint16, 0)
        self.sent_timestamp = self._column(np.uint32, 0)
        self.sent_samples = self._column(np.int32, 0)
        """Length of the packet sent last."""
        self.sent_at = self._column(np.float64, 0)

    def _column(self, kind: type[np.generic], default: float) -> npt.NDArray[Any]:
        column = np.full(self.capacity, default, kind)
        self._columns.append((column, default))
        return column

    @property
    def count(self) -> int:
        return self.capacity - len(self._free)

    def take(self) -> int:
        """A fresh row; raises IndexError when all are taken."""
        slot = heapq.heappop(self._free)
        self.used = max(self.used, slot + 1)
        return slot

    def give_back(self, slot: int) -> None:
        for column, default in self._columns:
            column[slot] = default
        heapq.heappush(self._free, slot)
