"""The one RTP stream that a leg is sent (RFC 3550 section 5.1), whatever it is made of: music, then an agent, then music.

Its SSRC never changes, its sequence number grows by one (losses and reordering of a relayed stream are passed on, so
that the receiver sees them), its timestamp goes on with the time that passed, and the marker says where sound begins
anew.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from softswitch.rtp.packet import HEADER, MARKER, PLAIN
from softswitch.rtp.statistics import MAX_DROPOUT, MAX_MISORDER
from softswitch.rtp.table import NO_SOURCE, OWN_SOURCE, LegTable

MAX_TIME_JUMP_S: Final = 2.0
"""A relayed timestamp further from the time that passed than this begins anew."""

Slots = npt.NDArray[np.int32]


def _signed(value: npt.NDArray[np.int64], bits: int) -> npt.NDArray[np.int64]:
    half = 1 << bits - 1
    return (value + half & (1 << bits) - 1) - half


def _next_timestamp(table: LegTable, slot: Slots, now: float) -> npt.NDArray[np.int64]:
    """Where a stream stands that goes on after a pause."""
    passed = ((now - table.sent_at[slot]) * table.clock[slot]).astype(np.int64)
    passed = np.where(table.sent_at[slot] > 0, np.maximum(passed, table.sent_samples[slot]), 0)
    following: npt.NDArray[np.int64] = table.sent_timestamp[slot].astype(np.int64) + passed
    return following


def _shift(
    table: LegTable,
    slot: Slots,
    sequence: npt.NDArray[np.int64],
    timestamp: npt.NDArray[np.int64],
    now: float,
) -> None:
    """Let the packets of a new source follow what was sent last."""
    following = table.sent_sequence[slot].astype(np.int64) + 1
    table.sequence_shift[slot] = (following - sequence) & 0xFFFF
    table.timestamp_shift[slot] = (_next_timestamp(table, slot, now) - timestamp) & 0xFFFF_FFFF


def relay(
    table: LegTable,
    slot: Slots,
    source: npt.NDArray[np.int64],
    incoming: npt.NDArray[np.void],
    samples: npt.NDArray[np.int32],
    payload_type: npt.NDArray[np.int16],
    clock: npt.NDArray[np.float64],
    now: float,
) -> npt.NDArray[np.void]:
    """Headers for packets relayed to `slot` (all different) that came with the headers `incoming` from `source`; counts
    them as sent.

    Most are the next of the stream that is relayed already; one that is not sends its whole round the longer way.
    """
    flow = table.output.gather(slot)
    sequence, timestamp = incoming["sequence"].astype(np.int64), incoming["timestamp"].astype(np.int64)
    moved, stamped = (
        sequence + flow["sequence_shift"] & 0xFFFF,
        timestamp + flow["timestamp_shift"] & 0xFFFF_FFFF,
    )
    ahead = moved - flow["sent_sequence"]
    later = stamped - flow["sent_timestamp"]
    elapsed = (now - flow["sent_at"]) * clock
    # Numbers that wrap round, and the packets of one event, go the longer way as well.
    ordinary = (source == flow["source"]) & (ahead > 0) & (ahead <= MAX_DROPOUT) & (later > 0)
    ordinary &= np.abs(later - elapsed) <= MAX_TIME_JUMP_S * clock
    flow["packets_out"] += 1
    flow["octets_out"] += samples
    if not ordinary.all():
        table.output.put(slot, flow)
        return _relay_any(table, slot, source, incoming, samples, payload_type, now)
    header = np.empty(len(slot), HEADER)
    header["first"] = PLAIN
    header["second"] = incoming["second"] & MARKER | payload_type.astype(np.uint8)
    header["sequence"] = flow["sent_sequence"] = moved
    header["timestamp"] = flow["sent_timestamp"] = stamped
    header["ssrc"] = flow["ssrc_out"]
    flow["sent_samples"], flow["sent_at"] = samples, now
    table.output.put(slot, flow)
    return header


def _relay_any(
    table: LegTable,
    slot: Slots,
    source: npt.NDArray[np.int64],
    incoming: npt.NDArray[np.void],
    samples: npt.NDArray[np.int32],
    payload_type: npt.NDArray[np.int16],
    now: float,
) -> npt.NDArray[np.void]:
    """The same for packets that may be of another stream than before, late or far ahead."""
    sequence, timestamp = incoming["sequence"].astype(np.int64), incoming["timestamp"].astype(np.int64)
    ahead = _signed(sequence + table.sequence_shift[slot] - table.sent_sequence[slot], 16)
    clock = table.clock[slot]
    elapsed = (now - table.sent_at[slot]) * clock
    later = _signed(timestamp + table.timestamp_shift[slot] - table.sent_timestamp[slot], 32)
    anew = (
        (source != table.source[slot])
        | (ahead > MAX_DROPOUT)
        | (ahead < -MAX_MISORDER)
        | ((later != 0) & (np.abs(later - elapsed) > MAX_TIME_JUMP_S * clock))
    )
    if anew.any():
        _shift(table, slot[anew], sequence[anew], timestamp[anew], now)
        table.source[slot] = source
        ahead[anew] = 1
    header = np.empty(len(slot), HEADER)
    header["first"] = PLAIN
    header["second"] = (
        (incoming["second"] & MARKER) | payload_type.astype(np.uint8) | (anew * MARKER).astype(np.uint8)
    )
    header["sequence"] = sequence = sequence + table.sequence_shift[slot] & 0xFFFF
    header["timestamp"] = timestamp = timestamp + table.timestamp_shift[slot] & 0xFFFF_FFFF
    header["ssrc"] = table.ssrc_out[slot]
    began = np.where(anew | (timestamp != table.sent_timestamp[slot]), now, table.sent_at[slot])
    latest = ahead > 0
    if not latest.all():
        slot, sequence, timestamp = slot[latest], sequence[latest], timestamp[latest]
        samples, began = samples[latest], began[latest]
    _sent(table, slot, sequence, timestamp, samples, began)
    return header


def own(table: LegTable, slot: Slots, samples: npt.NDArray[np.int32], now: float) -> npt.NDArray[np.void]:
    """Headers for audio that is made here, `samples` ticks of its leg's clock long each."""
    anew = table.source[slot] != OWN_SOURCE
    timestamp = table.sent_timestamp[slot].astype(np.int64) + table.sent_samples[slot]
    if anew.any():
        timestamp[anew] = _next_timestamp(table, slot[anew], now)
        table.source[slot] = OWN_SOURCE
    header = np.empty(len(slot), HEADER)
    header["first"] = PLAIN
    header["second"] = table.audio_type[slot].astype(np.uint8) | (anew * MARKER).astype(np.uint8)
    header["sequence"] = sequence = table.sent_sequence[slot].astype(np.int64) + 1 & 0xFFFF
    header["timestamp"] = timestamp = timestamp & 0xFFFF_FFFF
    header["ssrc"] = table.ssrc_out[slot]
    _sent(table, slot, sequence, timestamp, samples, now)
    return header


def own_event(table: LegTable, slot: int, *, first: bool, duration: int, now: float) -> npt.NDArray[np.void]:
    """Header for one packet of a telephone-event (RFC 4733 section 2.5.1): all of an event share its start."""
    one = np.array([slot], np.int32)
    if first:
        begin_anew(table, slot)
        header = own(table, one, np.array([duration], np.int32), now)
    else:
        table.sent_sequence[slot] = (int(table.sent_sequence[slot]) + 1) & 0xFFFF
        table.sent_samples[slot] = duration
        header = np.empty(1, HEADER)
        header["first"], header["ssrc"] = PLAIN, table.ssrc_out[slot]
        header["sequence"], header["timestamp"] = table.sent_sequence[slot], table.sent_timestamp[slot]
    header["second"] = int(table.event_type[slot]) | (MARKER if first else 0)
    return header


def begin_anew(table: LegTable, slot: int) -> None:
    """The next packet follows a pause: marker, and a timestamp that counts the pause."""
    table.source[slot] = NO_SOURCE


def _sent(
    table: LegTable,
    slot: Slots,
    sequence: npt.NDArray[np.int64],
    timestamp: npt.NDArray[np.int64],
    samples: npt.NDArray[np.int32],
    began: npt.NDArray[np.float64] | float,
) -> None:
    """`began`: when the moment of `timestamp` was; the packets of one telephone-event share it."""
    table.sent_sequence[slot] = sequence
    table.sent_timestamp[slot] = timestamp
    table.sent_samples[slot] = samples
    table.sent_at[slot] = began
