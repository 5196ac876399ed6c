"""What each leg's audio is like, measured while packets pass and judged on a slow clock: all legs at once, as arrays.

Owns, beside the counters of `statistics.py`: packets that come too late to be played, level, clipping, silence, who talks
how much, over whom, and the estimate of `emodel.py` for the whole leg and for the last seconds. The level is taken from
every other sample of the first 10 ms of each fourth packet of G.711, or of another codec where it is decoded already for a
recording or for tones; nothing is decoded for the level alone, which is unknown then. Levels are dBov (RFC 6465): 0 is the
RMS of a square wave at full scale.
"""

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from softswitch import g711
from softswitch.codec import CODECS
from softswitch.rtp import emodel, statistics
from softswitch.rtp.packet import HEADER_BYTES, Indices
from softswitch.rtp.table import NOBODY, LegTable
from softswitch.value import value

PLAYOUT_S: Final = 0.060
"""A receiver's jitter buffer: what comes later than this after the fastest packets is lost to the listener."""
LOOKS: Final = 10
"""Looks that make up `the last seconds`: 2.5 s."""
PURE_SILENCE: Final = -65.0
"""dBov under which there is no microphone behind the audio; A-law's silence is -72."""
SPEECH: Final = -45.0
"""dBov over which somebody talks."""
FEWEST: Final = 25
"""Packets without which nothing is said about quality."""
FLOWING_S: Final = 0.5
"""A leg whose last packet is younger delivers."""

_SAMPLED, _STEP = 80, 2
_MOST_NOTED: Final = 4096
"""Packets; at 400 legs a quarter of a second has 1,250."""
_SOONEST_LATE: Final = 8000 * PLAYOUT_S
"""Of the slowest clock; with others it is looked at more closely."""
_FEW_LATE: Final = 5
_REBASE_S: Final = 1.0
"""A step of the timestamps beyond this is a new beginning, not delay."""
_EASE_LOOKS: Final = 40
_EASE: Final = 200e-6
"""How fast a peer's clock may run slow against ours, and is followed."""
_CLIP_SHIFT: Final = 44
_CLIPPED: Final = 31_000
_FULL_SCALE: Final = 32768.0


Slots = npt.NDArray[np.int32]
Reals = npt.NDArray[np.float64]


def _squares(decoded: npt.NDArray[np.int16]) -> Reals:
    """Squares by byte; a sample at the end of the scale counts in the bits from `_CLIP_SHIFT` on as well. Sums of
    a packet's stay whole numbers."""
    value = decoded.astype(np.int64)
    clipped = (np.abs(value) >= _CLIPPED).astype(np.int64)
    squares: Reals = (value * value + (clipped << _CLIP_SHIFT)).astype(np.float64)
    return squares


_SQUARES: Final = (_squares(g711.DECODE_ULAW), _squares(g711.DECODE_ALAW))
_ONES: Final = np.ones(_SAMPLED // _STEP)
_ENERGY: Final = (1 << _CLIP_SHIFT) - 1
_PURE, _SPEECH = ((_FULL_SCALE**2 * 10 ** (level / 10)) for level in (PURE_SILENCE, SPEECH))


@value
class LegQuality:
    """Of one leg since it was opened; None where it cannot be told."""

    late: int
    mos: float | None
    mos_now: float | None
    loss_now: float
    rtt_ms: float | None
    level_db: float | None
    peak_db: float | None
    clipped_share: float | None
    silence_share: float | None
    quiet_s: float
    talk_s: float
    talk_share: float | None
    overlap_s: float
    interruptions: int


class Quality:
    """Columns of a `LegTable`, and what was heard since the last look."""

    def __init__(self, table: LegTable, *, conceals: bool = True) -> None:
        """`conceals`: receivers of G.711 are taken to hide losses."""
        self._capacity = table.capacity
        self._conceals = conceals
        column = table.columns.add
        # what was negotiated, and who listens
        self.metered = column(np.bool_, 0)
        """Its level can be told now."""
        self._alaw = column(np.bool_, 0)
        self._ie = column(np.float64, 0)
        self._bpl = column(np.float64, emodel.IMPAIRMENTS["PCMU"].bpl)
        # while packets pass
        self._base = column(np.float64, np.inf)
        """Transit of the fastest packets, in ticks of the clock."""
        self._late_after = column(np.float64, 8000 * PLAYOUT_S)
        self.late = column(np.int64, 0)
        self._energy = column(np.float64, 0)
        self._clipped = column(np.int64, 0)
        self._sampled = column(np.int64, 0)
        self._peak = column(np.float64, 0)
        self._samples = np.zeros((_MOST_NOTED, _SAMPLED // _STEP), np.uint8)
        self._sampled_of = np.zeros(_MOST_NOTED, np.int64)
        self._noted = 0
        # at each look
        self.company = column(np.int32, NOBODY)
        """Slot of the other side of a bridge, or in a mix of the first that hears it; nobody, for one that only listens.
        `topology.py` keeps it up."""
        self.partner = column(np.int32, NOBODY)
        """The same at the last look."""
        self.engaged = column(np.bool_, 0)
        self.engaged_since = column(np.float64, 0)
        self.talks = column(np.bool_, 0)
        self.sounded = column(np.bool_, 0)
        """It was more than pure silence at least once."""
        self.quiet_s = column(np.float64, 0)
        """Pure silence received without a break, while bridged."""
        self.other_talk_s = column(np.float64, 0)
        """How long the other side has talked in that time."""
        self._run = column(np.int64, 0)
        """Looks it has talked through."""
        self.jitter_ms = column(np.float64, 0)
        self.rtt_ms = column(np.float64, np.nan)
        self.loss_now = column(np.float64, 0)
        self.reordered_now = column(np.float64, 0)
        self.lossy_looks = column(np.int64, 0)
        """Of the last looks, those in which something was lost."""
        self.expected_now = column(np.int64, 0)
        self.mos_now = column(np.float64, np.nan)
        # sums over the time it was bridged
        self._metered_s = column(np.float64, 0)
        self.talk_s = column(np.float64, 0)
        self._silence_s = column(np.float64, 0)
        self.overlap_s = column(np.float64, 0)
        self.interruptions = column(np.int64, 0)
        # sums since it was opened
        self._all_sampled = column(np.int64, 0)
        self._all_clipped = column(np.int64, 0)
        self._speech_energy = column(np.float64, 0)
        self._speech_sampled = column(np.int64, 0)
        self._total = column(np.int64, 0, 4)
        """Expected, lost, late, reordered at the last look."""
        self._added = column(np.int64, 0, LOOKS, 3)
        """Expected, missing, reordered: what each of the last looks added."""
        self._looks = 0
        self._looked_at = 0.0

    def forget_samples(self, slot: int) -> None:
        """What a leg that goes said last is not the next one's."""
        if not self._noted:
            return
        kept = np.flatnonzero(self._sampled_of[: self._noted] != slot)
        if kept.size < self._noted:
            self._noted = kept.size
            self._samples[: kept.size], self._sampled_of[: kept.size] = (
                self._samples[kept],
                self._sampled_of[kept],
            )

    def agree(self, slot: int, codec: str) -> None:
        """What the peer's audio is coded in from now on."""
        cost, late_after = emodel.impairment(codec, conceals=self._conceals), CODECS[codec].clock * PLAYOUT_S
        self._ie[slot], self._bpl[slot] = cost.ie, cost.bpl
        self._alaw[slot] = codec == "PCMA"
        if late_after != self._late_after[slot]:
            self._late_after[slot], self._base[slot] = late_after, np.inf

    def begin_anew(self, slot: int) -> None:
        """It talks with somebody from this moment on, even if it has heard him before (early media)."""
        self.engaged[slot] = False

    # --- while packets pass -----------------------------------------------------------------------------------------

    def time(self, table: LegTable, slot: Slots) -> None:
        """Audio packets of different legs whose transit `statistics` has just measured."""
        if not slot.size:
            return
        transit = table.transit[slot]
        behind = transit - self._base[slot]
        if behind.min() < 0 or behind.max() > _SOONEST_LATE:
            self._retime(table, slot, transit, behind)

    def _retime(self, table: LegTable, slot: Slots, transit: npt.NDArray[np.int64], behind: Reals) -> None:
        """Seldom: a packet was late, or faster than all before, or its timestamps began anew."""
        anew = np.abs(behind) > table.clock[slot] * _REBASE_S
        moved = anew | (behind < 0)
        self._base[slot[moved]] = transit[moved]
        self.late[slot] += (behind > self._late_after[slot]) & ~anew

    def meter(
        self, rows: npt.NDArray[np.uint8], row: Indices, slot: Slots,
        header: npt.NDArray[np.void], payload: npt.NDArray[np.int32],
    ) -> None:  # fmt: skip
        """Packets of different legs in G.711 (what was decoded to it is in µ-law): noted here, measured at the next look,
        all at once."""
        chosen = np.flatnonzero(((header["sequence"] & 3) == 0) & (payload >= _SAMPLED))
        begin, end = self._noted, self._noted + chosen.size
        if end > _MOST_NOTED:
            self._measure()
            begin, end = 0, chosen.size
        self._samples[begin:end] = rows[row[chosen], HEADER_BYTES : HEADER_BYTES + _SAMPLED : _STEP]
        self._sampled_of[begin:end] = slot[chosen]
        self._noted = end

    def _measure(self) -> None:
        """Energy, clipping and peak of what was noted."""
        noted, self._noted = self._noted, 0
        slots = self._sampled_of[:noted]
        alaw = self._alaw[slots]
        for law, mine in ((0, ~alaw), (1, alaw)):
            at = slots[mine]
            if not at.size:
                continue
            values = _SQUARES[law][self._samples[:noted][mine]]
            sums = (values @ _ONES).astype(np.int64)
            self._energy += np.bincount(at, sums & _ENERGY, self._capacity)
            self._clipped += np.bincount(at, sums >> _CLIP_SHIFT, self._capacity).astype(np.int64)
            self._sampled += np.bincount(at, minlength=self._capacity) * _ONES.size
            np.maximum.at(self._peak, at, values.max(axis=1))

    # --- the slow clock ---------------------------------------------------------------------------------------------

    def look(self, table: LegTable, now: float) -> None:
        """Judge what came since the last look; every quarter of a second."""
        used = slice(0, table.used)
        passed = min(now - self._looked_at, 1.0) if self._looked_at else 0.0
        self._looked_at = now
        self._measure()
        self._engage(table, used, now)
        self._levels(table, used, now, passed)
        self._conversation(used, passed)
        self._network(table, used)
        self._looks += 1
        if self._looks % _EASE_LOOKS == 0:
            self._base[used] += _EASE * passed * _EASE_LOOKS * table.clock[used]

    def _engage(self, table: LegTable, used: slice, now: float) -> None:
        """Who talks with whom; a pair that is new begins anew."""
        partner = self.company[used]
        engaged = (partner != NOBODY) & table.receives[used]
        anew = engaged & (~self.engaged[used] | (partner != self.partner[used]))
        self.partner[used], self.engaged[used] = partner, engaged
        if anew.any():
            self.engaged_since[used][anew] = now
            self.quiet_s[used][anew] = self.other_talk_s[used][anew] = 0
            self._added[:, :, used][:, :, anew] = 0

    def _levels(self, table: LegTable, used: slice, now: float, passed: float) -> None:
        energy, sampled = self._energy[used], self._sampled[used]
        power = energy / np.maximum(sampled, 1)
        heard, flows = sampled > 0, now - table.last_in[used] < FLOWING_S
        sound = heard & (power > _PURE)
        speech = heard & (power > _SPEECH)
        talks = np.where(heard, speech, self.talks[used] & flows)
        listened = (table.recording[used] != NOBODY) | (table.inband[used] != NOBODY)
        self.metered[used] = ~table.foreign[used] | listened
        metered = self.metered[used] & self.engaged[used]
        pure = metered & flows & ~sound
        self.talks[used] = talks
        self.sounded[used] |= sound
        self.quiet_s[used] = np.where(sound, 0.0, self.quiet_s[used] + np.where(pure, passed, 0.0))
        self._silence_s[used] += np.where(metered & ~sound, passed, 0.0)
        self._metered_s[used] += np.where(metered, passed, 0.0)
        self._all_sampled[used] += sampled
        self._all_clipped[used] += self._clipped[used]
        self._speech_energy[used] += np.where(speech, energy, 0.0)
        self._speech_sampled[used] += np.where(speech, sampled, 0)
        energy[:], sampled[:], self._clipped[used] = 0, 0, 0

    def _conversation(self, used: slice, passed: float) -> None:
        """Talk, overlap, and who began while the other talked and went on for two looks."""
        engaged = self.engaged[used]
        talks = self.talks[used] & engaged
        other = np.where(engaged, self.partner[used], 0)
        others = talks[other] & engaged
        run = np.where(talks, self._run[used] + 1, 0)
        self._run[used] = run
        self.talk_s[used] += talks * passed
        self.overlap_s[used] += (talks & others) * passed
        self.interruptions[used] += (run == 2) & others & (run[other] > 2)
        self.other_talk_s[used] = np.where(
            self.quiet_s[used] > 0, self.other_talk_s[used] + others * passed, 0.0
        )

    def _network(self, table: LegTable, used: slice) -> None:
        late = self.late[used]
        lost, received = _lost(table, used), table.packets_in[used] - table.duplicates[used]
        total = np.stack([received + lost, lost, late, table.out_of_order[used]])
        added = total - self._total[:, used]
        self._total[:, used] = total
        slow = (added[2] >= _FEW_LATE) & (added[2] >= added[0] - added[1])
        if slow.any():  # all of them: a receiver's buffer would have followed by now
            self._base[used][slow] = table.transit[used][slow]
        place = self._added[self._looks % LOOKS]
        place[0, used], place[1, used], place[2, used] = added[0], added[1] + added[2], added[3]
        window = self._added[:, :, used]
        expected, missing, reordered = window.sum(axis=0)
        self.expected_now[used] = expected
        self.loss_now[used] = loss = _share(missing, expected)
        self.reordered_now[used] = _share(reordered, expected)
        self.lossy_looks[used] = (window[:, 1] > 0).sum(axis=0)
        self.jitter_ms[used] = table.jitter[used] * 1000 / table.clock[used]
        self.mos_now[used] = np.where(expected >= FEWEST, self._mos(table, used, loss, total), np.nan)

    def _mos(self, table: LegTable, used: slice, loss: Reals, total: npt.NDArray[np.int64]) -> Reals:
        """`total`: packets expected and lost in all, which say how lumpy losses are."""
        bursts = np.maximum(table.gaps[used] - table.out_of_order[used], 1)
        burst = emodel.burst_ratio(total[1], bursts, _share(total[1], total[0]))
        one_way = np.nan_to_num(self.rtt_ms[used]) / 2 + 1000 * PLAYOUT_S
        return emodel.mos(emodel.rating(self._ie[used], self._bpl[used], loss, burst, one_way))

    # --- figures ----------------------------------------------------------------------------------------------------

    def figures(self, table: LegTable, slot: int) -> LegQuality:
        """Of one leg so far; what was sampled since the last look is not in it."""
        lost, late = statistics.lost(table, slot), self.late.item(slot)
        expected = table.packets_in.item(slot) - table.duplicates.item(slot) + lost
        sampled, speech = self._all_sampled.item(slot), self._speech_sampled.item(slot)
        measured = self._metered_s.item(slot)
        rtt, talk_s = self.rtt_ms.item(slot), self.talk_s.item(slot)
        return LegQuality(
            late=late,
            mos=self._whole_mos(table, slot, expected, lost, late) if expected >= FEWEST else None,
            mos_now=self.last_mos(slot),
            loss_now=self.loss_now.item(slot),
            rtt_ms=None if math.isnan(rtt) else rtt,
            level_db=_decibel(self._speech_energy.item(slot) / speech) if speech else None,
            peak_db=_decibel(float(int(self._peak.item(slot)) & _ENERGY)) if sampled else None,
            clipped_share=self._all_clipped.item(slot) / sampled if sampled else None,
            silence_share=self._silence_s.item(slot) / measured if measured else None,
            quiet_s=self.quiet_s.item(slot),
            talk_s=talk_s,
            talk_share=talk_s / measured if measured else None,
            overlap_s=self.overlap_s.item(slot),
            interruptions=self.interruptions.item(slot),
        )

    def silence(self, slot: int) -> tuple[float | None, float, float | None]:
        """What `figures` are of a leg that has sent nothing at all: its share of silence, how long it has lasted, and its
        share of the talk."""
        measured = self._metered_s.item(slot) > 0
        return 1.0 if measured else None, self.quiet_s.item(slot), 0.0 if measured else None

    def last_mos(self, slot: int) -> float | None:
        """Over the last seconds; None: too little has come."""
        mos = float(self.mos_now[slot])
        return None if math.isnan(mos) else mos

    def _whole_mos(self, table: LegTable, slot: int, expected: int, lost: int, late: int) -> float:
        """As `_mos`, of all that one leg was sent."""
        bursts = max(int(table.gaps[slot]) - int(table.out_of_order[slot]), 1)
        burst = emodel.burst_ratio_of_one(lost, bursts, min(lost / expected, 1.0))
        rtt = float(self.rtt_ms[slot])
        one_way = (0.0 if math.isnan(rtt) else rtt / 2) + 1000 * PLAYOUT_S
        loss = min((lost + late) / expected, 1.0)
        return emodel.mos_of_one(float(self._ie[slot]), float(self._bpl[slot]), loss, burst, one_way)


def _lost(table: LegTable, used: slice) -> npt.NDArray[np.int64]:
    """As `statistics.lost`, of many."""
    missing = np.maximum(table.highest[used] - table.base[used] + 1 - table.received[used], 0)
    lost: npt.NDArray[np.int64] = table.lost_before[used] + np.where(table.heard[used], missing, 0)
    return lost


def _share(part: npt.NDArray[np.int64], whole: npt.NDArray[np.int64]) -> Reals:
    shares: Reals = np.clip(part / np.maximum(whole, 1), 0.0, 1.0)
    return shares


def _decibel(power: float) -> float:
    return round(10 * math.log10(max(power, 1.0) / _FULL_SCALE**2), 1)
