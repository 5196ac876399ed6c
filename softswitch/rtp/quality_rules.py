"""When a leg's audio is wrong enough to tell somebody: the rules over `quality.py`, each alarm once until it is over.

    kind         raised when a bridged leg that may send to us …                            over when
    no-packets   delivers nothing for `no_packets_s` (a leg that pauses in silence:         a packet comes
                 for `DTX_S`), though nobody holds
    silence      delivers packets of pure silence: for `silence_s` and never anything       it is more than pure
                 else since it was opened, or for `fell_silent_s` though it had sounded     silence
                 before and the other side has talked `ASKED_S` of that time
    one-way      is one of these while the other side delivers packets, or talks;           the cause is over
                 or says by RTCP that our packets do not reach it
    bad-network  has lost, late or reordered packets, jitter or a MOS beyond its limits     nothing was beyond them for
                 over the last 2.5 s, spread over at least three quarters of a second       `CLEAR_S`

A leg that rings, waits, is held or muted by signalling (recvonly, inactive) is not bridged or may not send, so that no
rule looks at it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from softswitch.config.media import Quality as Limits
from softswitch.rtp.quality import FEWEST, FLOWING_S, Quality
from softswitch.rtp.table import LegTable

DTX_S: Final = 20.0
"""Silence may go unsent by a peer that has paused before or has agreed to comfort noise; never for so long."""
ASKED_S: Final = 5.0
UNANSWERED_S: Final = 1.0
"""How long the other side has to talk to a silent leg for one-way audio."""
CLEAR_S: Final = 5.0
SPREAD_LOOKS: Final = 3
JITTERY_LOOKS: Final = 6
"""A single leap of the timestamps makes RFC 3550's jitter high for some looks, and is no network's fault."""

Bools = npt.NDArray[np.bool_]


class Kind(IntEnum):
    NO_PACKETS = 0
    SILENCE = 1
    ONE_WAY = 2
    BAD_NETWORK = 3

    @property
    def word(self) -> str:
        return self.name.lower().replace("_", "-")


@dataclass(slots=True)
class Change:
    """One alarm of one leg that is raised, or over."""

    slot: int
    kind: Kind
    raised: bool
    reason: str


class QualityRules:
    def __init__(self, table: LegTable, limits: Limits) -> None:
        self._limits = limits
        column = table.columns.add
        self._raised = column(np.bool_, False, len(Kind))
        self._bad_until = column(np.float64, 0)
        self._jittery = column(np.int64, 0)
        self._idle = column(np.bool_, 0)
        """Nothing came since the last look."""
        self._lost = column(np.int64, 0)
        self._late = column(np.int64, 0)
        self._came = column(np.int64, 0)
        self._pauses = column(np.bool_, 0)
        """It sends nothing in silence (DTX): it has paused without a loss, or has agreed to comfort noise."""
        self._unreached = column(np.bool_, 0)

    def may_pause(self, slot: int) -> None:
        self._pauses[slot] = True

    def reached(self, slot: int, reached: bool) -> None:
        """Whether its peer says that it receives what we send."""
        self._unreached[slot] = not reached

    def kinds(self, slot: int) -> tuple[str, ...]:
        raised = self._raised[:, slot].tolist()
        return tuple(kind.word for kind in Kind if raised[kind]) if True in raised else ()

    def judge(self, table: LegTable, quality: Quality, now: float) -> Iterator[Change]:
        """What has changed; call it after each `Quality.look`."""
        used = slice(0, table.used)
        if not table.used:
            return
        self._find_pauses(table, quality, used)
        judged = quality.engaged[used]
        missing = judged & self._missing(table, quality, used, now)
        silent = judged & ~missing & self._silent(table, quality, used, now)
        bad = judged & ~missing & self._bad(quality, used, now)
        one_way = judged & self._one_way(table, quality, used, now, missing, silent)
        state = np.stack([missing, silent, one_way, bad])
        changed = state != self._raised[:, used]
        if not changed.any():
            return
        self._raised[:, used] = state
        for kind, slot in np.argwhere(changed).tolist():
            raised = bool(state[kind, slot])
            yield Change(
                slot, Kind(kind), raised, self._reason(Kind(kind), slot, quality, state) if raised else ""
            )

    def _find_pauses(self, table: LegTable, quality: Quality, used: slice) -> None:
        """A peer that sends again after a pause in which nothing was lost and nothing came late does not send silence."""
        came = table.packets_in[used] - self._came[used]
        lost = table.lost_before[used] + table.highest[used] - table.base[used] - table.received[used]
        whole = (lost == self._lost[used]) & (quality.late[used] == self._late[used])
        self._pauses[used] |= self._idle[used] & (came > 0) & whole & quality.engaged[used]
        self._idle[used] = (came == 0) & (table.packets_in[used] > 0)
        self._lost[used], self._late[used] = lost, quality.late[used]
        self._came[used] = table.packets_in[used]

    def _missing(self, table: LegTable, quality: Quality, used: slice, now: float) -> Bools:
        limit = self._limits.no_packets_s
        if not limit:
            return np.zeros(used.stop, np.bool_)
        last = np.maximum(table.last_in[used], quality.engaged_since[used])
        allowed = np.where(self._pauses[used], max(DTX_S, limit), limit)
        over: Bools = now - last >= allowed
        return over

    def _silent(self, table: LegTable, quality: Quality, used: slice, now: float) -> Bools:
        limits, quiet = self._limits, quality.quiet_s[used]
        silent = np.zeros(used.stop, np.bool_)
        if limits.silence_s:
            silent |= ~quality.sounded[used] & (quiet >= limits.silence_s)
        if limits.fell_silent_s:
            silent |= (quiet >= limits.fell_silent_s) & (quality.other_talk_s[used] >= ASKED_S)
        silent &= quality.metered[used]
        return silent

    def _one_way(
        self, table: LegTable, quality: Quality, used: slice, now: float, missing: Bools, silent: Bools
    ) -> Bools:
        flows = now - table.last_in[used] < FLOWING_S
        other = np.where(quality.engaged[used], quality.partner[used], 0)
        unanswered = silent & (quality.other_talk_s[used] >= UNANSWERED_S)
        one_way: Bools = (missing & flows[other]) | unanswered | self._unreached[used]
        return one_way

    def _bad(self, quality: Quality, used: slice, now: float) -> Bools:
        limits = self._limits
        enough = quality.expected_now[used] >= FEWEST
        spread = enough & (quality.lossy_looks[used] >= SPREAD_LOOKS)
        beyond = np.zeros(used.stop, np.bool_)
        if limits.loss_percent:
            beyond |= spread & (quality.loss_now[used] * 100 >= limits.loss_percent)
        if limits.mos:
            beyond |= spread & (quality.mos_now[used] < limits.mos)
        if limits.reordered_percent:
            beyond |= enough & (quality.reordered_now[used] * 100 >= limits.reordered_percent)
        if limits.jitter_ms:
            jittery = enough & (quality.jitter_ms[used] >= limits.jitter_ms)
            self._jittery[used] = np.where(jittery, self._jittery[used] + 1, 0)
            beyond |= self._jittery[used] >= JITTERY_LOOKS
        self._bad_until[used] = np.where(beyond, now + CLEAR_S, self._bad_until[used])
        bad: Bools = now < self._bad_until[used]
        return bad

    def _reason(self, kind: Kind, slot: int, quality: Quality, state: Bools) -> str:
        """The cause in a word: of one-way audio which of the three, of a bad network which figure."""
        if kind == Kind.ONE_WAY:
            return (
                "no-packets"
                if state[Kind.NO_PACKETS, slot]
                else "silence"
                if state[Kind.SILENCE, slot]
                else "unreached"
            )
        if kind != Kind.BAD_NETWORK:
            return ""
        limits = self._limits
        if limits.loss_percent and quality.loss_now[slot] * 100 >= limits.loss_percent:
            return "loss"
        if limits.jitter_ms and quality.jitter_ms[slot] >= limits.jitter_ms:
            return "jitter"
        if limits.reordered_percent and quality.reordered_now[slot] * 100 >= limits.reordered_percent:
            return "reordered"
        return "mos"
