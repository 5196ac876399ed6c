"""Legs as rows of numpy arrays: all state that the tick touches for every packet.

A slot is a row; slots are handed out lowest first, so that the rows in use stay close together in the cache. What is
touched seldom lives in `leg.py`.
"""

import heapq
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from softswitch.rtp.columns import Columns

NOBODY: Final = -1
"""No partner, no recording, no payload type."""
NO_SOURCE: Final = -1
"""Nothing was sent yet, or what comes next begins anew."""
OWN_SOURCE: Final = -2
"""What was sent last was played by ourselves."""


_RULES: Final[list[tuple[str, Any]]] = [
    ("sends", np.bool_),
    ("receives", np.bool_),
    ("audio_type", np.int16),
    ("event_type", np.int16),
    ("noise_type", np.int16),
    ("law", np.uint8),
    ("partner", np.int32),
    ("own", np.bool_),
    ("recording", np.int32),
    ("track", np.uint8),
    ("inband", np.int32),
    ("clock", np.float64),
]
_INTAKE: Final[list[tuple[str, Any]]] = [
    ("heard", np.bool_),
    ("timed", np.bool_),
    ("ssrc_in", np.uint32),
    ("highest", np.int64),
    ("received", np.int64),
    ("packets_in", np.int64),
    ("window", np.uint64),
    ("bytes_in", np.int64),
    ("transit", np.int64),
    ("jitter", np.float64),
    ("last_in", np.float64),
    ("paid_until", np.float64),
]
_OUTPUT: Final[list[tuple[str, Any]]] = [
    ("ssrc_out", np.uint32),
    ("source", np.int64),
    ("sequence_shift", np.uint16),
    ("timestamp_shift", np.uint32),
    ("sent_sequence", np.uint16),
    ("sent_timestamp", np.uint32),
    ("sent_samples", np.int32),
    ("sent_at", np.float64),
    ("packets_out", np.int64),
    ("octets_out", np.int64),
]


class Records:
    """Columns that are needed together, side by side: gathering a leg's row, or putting it back, is one copy for all.

    Rows are moved as opaque bytes: numpy would copy records field by field, twenty times slower. So gather anew rather than
    choose among what was gathered.
    """

    def __init__(self, capacity: int, fields: list[tuple[str, Any]]) -> None:
        self.kind = np.dtype(fields, align=True)
        self._opaque = np.dtype(f"V{self.kind.itemsize}")
        self.all: npt.NDArray[np.void] = np.zeros(capacity, self.kind)
        self._rows = self.all.view(self._opaque)
        self._blank: npt.NDArray[np.void] = np.zeros(1, self.kind)
        self._blank_row = self._blank.view(self._opaque)[0]
        """The same, ready to be put."""

    def field(self, name: str, default: float) -> npt.NDArray[Any]:
        """One column, filled with what `clear` gives back."""
        column = self.all[name]
        column[:] = self._blank[name] = default
        self._blank_row = self._blank.view(self._opaque)[0]
        return column

    def clear(self, slot: int) -> None:
        self._rows[slot] = self._blank_row

    def gather(self, slot: npt.NDArray[np.integer[Any]]) -> npt.NDArray[np.void]:
        """A copy of the rows of `slot`."""
        return np.ndarray(len(slot), self.kind, self._rows.take(slot).data)

    def put(self, slot: npt.NDArray[np.integer[Any]], rows: npt.NDArray[np.void]) -> None:
        """Write back what was gathered; what else was written to these rows meanwhile is lost."""
        self._rows[slot] = np.ndarray(len(slot), self._opaque, rows.data)

    def put_some(
        self, which: npt.NDArray[np.bool_], slot: npt.NDArray[np.integer[Any]], rows: npt.NDArray[np.void]
    ) -> None:
        """Write back only those rows that are marked."""
        self._rows[slot[which]] = np.ndarray(len(slot), self._opaque, rows.data)[which]


class LegTable:
    """Struct of arrays, `capacity` rows each; those that every packet needs are fields of three `Records`."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.columns = Columns(capacity)
        """For what others keep of each leg as well: it is cleared with the rest of the row."""
        self._free = list(range(capacity))
        self.used = 0
        """Rows beyond this one were never in use."""
        self.rules = Records(capacity, _RULES)
        """What decides where a packet goes; written by commands only."""
        self.intake = Records(capacity, _INTAKE)
        """What every packet received changes."""
        self.output = Records(capacity, _OUTPUT)
        """What every packet sent changes."""
        # what was negotiated
        self.sends = self.rules.field("sends", 0)
        self.receives = self.rules.field("receives", 0)
        self.audio_type = self.rules.field("audio_type", NOBODY)
        self.event_type = self.rules.field("event_type", NOBODY)
        self.muxed = self.columns.add(np.bool_, 0)
        """RTCP comes and goes by the port of RTP (RFC 5761)."""
        self.noise_type = self.rules.field("noise_type", NOBODY)
        """Comfort noise, RFC 3389."""
        self.law = self.rules.field("law", 0)
        """Of G.711; what is decoded of other codecs is recorded and searched for tones in µ-law, which is 0."""
        self.foreign = self.columns.add(np.bool_, 0)
        """Its codec is not G.711."""
        self.clock = self.rules.field("clock", 8000)
        """Ticks of its RTP timestamps in a second."""
        self.frame = self.columns.add(np.int32, 160)
        """Those ticks of a packet of ours."""
        # who hears what
        self.partner = self.rules.field("partner", NOBODY)
        self.own = self.rules.field("own", 0)
        """Its stream is made here now (prompt, music, digits): nothing is relayed to it."""
        self.due = self.columns.add(np.float64, 0)
        """When the next packet of ours is due; never, where a mix makes them."""
        self.tapped = self.columns.add(np.bool_, 0)
        """What it says is also copied into a mix."""
        self.recording = self.rules.field("recording", NOBODY)
        self.track = self.rules.field("track", 0)
        self.inband = self.rules.field("inband", NOBODY)
        """Row in the tone detector."""
        # the stream received, RFC 3550 appendix A
        self.heard = self.intake.field("heard", 0)
        self.ssrc_in = self.intake.field("ssrc_in", 0)
        self.base = self.columns.add(np.int64, 0)
        self.highest = self.intake.field("highest", 0)
        """Extended highest sequence number."""
        self.window = self.intake.field("window", 0)
        """Bit n: sequence number `highest` - n was received."""
        self.received = self.intake.field("received", 0)
        """Of this stream, without duplicates."""
        self.lost_before = self.columns.add(np.int64, 0)
        """Lost in earlier streams of this leg."""
        self.transit = self.intake.field("transit", 0)
        self.jitter = self.intake.field("jitter", 0)
        self.timed = self.intake.field("timed", 0)
        self.last_in = self.intake.field("last_in", 0)
        self.paid_until = self.intake.field("paid_until", 0)
        """Up to when its packets have used up what they may take, see `relay.MOST_PER_S`."""
        # counters
        self.packets_in = self.intake.field("packets_in", 0)
        self.bytes_in = self.intake.field("bytes_in", 0)
        self.out_of_order = self.columns.add(np.int64, 0)
        self.duplicates = self.columns.add(np.int64, 0)
        self.gaps = self.columns.add(np.int64, 0)
        """Times that the sequence number went ahead by more than one."""
        self.malformed = self.columns.add(np.int64, 0)
        self.strangers = self.columns.add(np.int64, 0)
        self.packets_out = self.output.field("packets_out", 0)
        self.octets_out = self.output.field("octets_out", 0)
        # the stream sent
        self.ssrc_out = self.output.field("ssrc_out", 0)
        self.source = self.output.field("source", NO_SOURCE)
        """Whose stream is relayed: slot and SSRC, or one of the constants above."""
        self.sequence_shift = self.output.field("sequence_shift", 0)
        self.timestamp_shift = self.output.field("timestamp_shift", 0)
        self.sent_sequence = self.output.field("sent_sequence", 0)
        self.sent_timestamp = self.output.field("sent_timestamp", 0)
        self.sent_samples = self.output.field("sent_samples", 0)
        """Length of the packet sent last."""
        self.sent_at = self.output.field("sent_at", 0)

    @property
    def count(self) -> int:
        return self.capacity - len(self._free)

    def take(self) -> int:
        """A fresh row; raises IndexError when all are taken."""
        slot = heapq.heappop(self._free)
        self.used = max(self.used, slot + 1)
        return slot

    def give_back(self, slot: int) -> None:
        for records in (self.rules, self.intake, self.output):
            records.clear(slot)
        self.columns.clear(slot)
        heapq.heappush(self._free, slot)
