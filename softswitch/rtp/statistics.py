"""Loss, order, duplicates and jitter of received streams (RFC 3550 sections 6.4.1 and appendices A.1, A.3, A.8).

A jump of the sequence number beyond `MAX_DROPOUT` or `MAX_MISORDER`, or a new SSRC, begins a new stream at once instead
of after the two packets of A.1: the address is locked already, and waiting would cost the first packet after a
transfer at the peer. Duplicates are told apart by a window of 64 and are not counted against losses as A.3 would.
Arrival is the time of the tick, so jitter carries up to a tick (`pace.py`) as noise.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from softswitch.rtp.table import LegTable

MAX_DROPOUT: Final = 3000
MAX_MISORDER: Final = 63
"""RFC 3550 has 100; as many as the window of duplicates sees."""
_WINDOW: Final = 64
_ONE: Final = np.uint64(1)

Bools = npt.NDArray[np.bool_]


def receive(
    table: LegTable,
    slot: npt.NDArray[np.int32],
    header: npt.NDArray[np.void],
    size: npt.NDArray[np.int32],
    now: float,
    until: npt.NDArray[np.float64],
) -> Bools:
    """Count one packet for each of `slot` (all different), paid for `until` then; False where it is a duplicate.

    Most packets are the next of their stream and are counted here, the others one function further on.
    """
    flow = table.intake.gather(slot)
    sequence, ssrc = header["sequence"].astype(np.int64), header["ssrc"].astype(np.uint32)
    following = flow["highest"] + 1
    ordinary: Bools = (sequence == following & 0xFFFF) & (ssrc == flow["ssrc_in"]) & flow["heard"]
    window = flow["window"]
    window <<= _ONE
    window |= _ONE
    flow["highest"] = following
    flow["received"] += 1
    flow["packets_in"] += 1
    flow["bytes_in"] += size
    flow["last_in"], flow["paid_until"] = now, until
    if ordinary.all():
        table.intake.put(slot, flow)
        return ordinary
    table.intake.put_some(ordinary, slot, flow)
    odd = np.flatnonzero(~ordinary)
    table.paid_until[slot[odd]] = until[odd]
    ordinary[odd] = _receive_odd(table, slot[odd], sequence[odd], ssrc[odd], size[odd], now)
    return ordinary


def _receive_odd(
    table: LegTable,
    slot: npt.NDArray[np.int32],
    sequence: npt.NDArray[np.int64],
    ssrc: npt.NDArray[np.uint32],
    size: npt.NDArray[np.int32],
    now: float,
) -> Bools:
    """Packets that begin a stream, or come late, twice or after a loss."""
    highest = table.highest[slot]
    delta = (sequence - highest + 0x8000 & 0xFFFF) - 0x8000
    anew = (
        ~table.heard[slot] | (ssrc != table.ssrc_in[slot]) | (delta > MAX_DROPOUT) | (delta < -MAX_MISORDER)
    )
    if anew.any():
        _begin(table, slot[anew], sequence[anew], ssrc[anew])
        delta[anew], highest[anew] = 0, sequence[anew]
    forward = delta > 0
    window = table.window[slot]
    shift = np.minimum(np.abs(delta), _WINDOW - 1).astype(np.uint64)
    moved = np.where(delta < _WINDOW, window << shift, np.uint64(0)) | np.uint64(1)
    if forward.all():
        fresh: Bools = forward
        table.window[slot], table.highest[slot] = moved, highest + delta
    else:
        bit = np.uint64(1) << shift
        fresh = forward | ((window & bit) == 0)
        table.window[slot] = np.where(forward, moved, window | bit)
        table.highest[slot] = np.where(forward, highest + delta, highest)
        table.base[slot] = np.minimum(table.base[slot], highest + delta)
        table.out_of_order[slot] += fresh & ~forward & ~anew
        table.duplicates[slot] += ~fresh
    ahead = delta > 1
    if ahead.any():
        table.gaps[slot] += ahead
    table.received[slot] += fresh
    table.packets_in[slot] += 1
    table.bytes_in[slot] += size
    table.last_in[slot] = now
    return fresh


def _begin(
    table: LegTable,
    slot: npt.NDArray[np.int32],
    sequence: npt.NDArray[np.int64],
    ssrc: npt.NDArray[np.uint32],
) -> None:
    table.lost_before[slot] += np.where(table.heard[slot], _lost_now(table, slot), 0)
    table.heard[slot], table.ssrc_in[slot] = True, ssrc
    table.base[slot], table.highest[slot] = sequence, sequence
    table.received[slot], table.window[slot], table.timed[slot] = 0, 0, False


def measure_jitter(
    table: LegTable, slot: npt.NDArray[np.int32], timestamp: npt.NDArray[np.uint32], now: float
) -> None:
    """RFC 3550 appendix A.8, for audio only: all packets of a telephone-event share one timestamp."""
    transit = (now * table.clock[slot]).astype(np.int64) - timestamp.astype(np.int64)
    difference = np.abs((transit - table.transit[slot] + 0x8000_0000 & 0xFFFF_FFFF) - 0x8000_0000)
    jitter = table.jitter[slot]
    step = (difference - jitter) * (1 / 16)
    timed = table.timed[slot]
    if not timed.all():
        step *= timed
        table.timed[slot] = True
    table.jitter[slot], table.transit[slot] = jitter + step, transit


def _lost_now(table: LegTable, slot: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    expected = table.highest[slot] - table.base[slot] + 1
    lost: npt.NDArray[np.int64] = np.maximum(expected - table.received[slot], 0)
    return lost


def lost(table: LegTable, slot: int) -> int:
    """Packets lost over the whole life of a leg."""
    before: int = table.lost_before.item(slot)
    if not table.heard[slot]:
        return before
    missing: int = table.highest.item(slot) - table.base.item(slot) + 1 - table.received.item(slot)
    return before + max(missing, 0)
