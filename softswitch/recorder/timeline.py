"""The common timeline of all recordings: packets go in as they come, finished pieces come out, aligned.

Positions are samples, 8,000 a second, of the one monotonic clock, so both tracks of a recording and its start share a
scale. Each track has a ring of `WINDOW` samples and a mask that says what was filled, by which law. A piece is taken out
when it has settled; later packets of it are dropped, and nothing that is filled is ever overwritten. Memory is bounded:
64 KiB for each of the most recordings there ever were at once.

Everything ordinary is done for all recordings at once. What makes it cheap: a view of the ring as items of the payload's
size at *every* byte (strides of 1) lets numpy place each packet by one copy within one fancy assignment, 17 ns a packet.
Recordings belong to `PHASES` groups that are taken out at different moments, which spreads the writing.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from softswitch.g711 import ALAW_TO_ULAW, PCMA, PCMU, SILENCE, ULAW_TO_ALAW
from softswitch.recorder.gaps import Gaps
from softswitch.recorder.silences import Silences
from softswitch.recorder.track import FUTURE, RATE
from softswitch.recorder.tracks import Positions, Tracks
from softswitch.tap import TapRows

WINDOW = 16_384
PHASES = 8
CAPACITY = 4096
"""Recordings at once in one worker."""
AS_IS = 255
"""In place of a law: keep each packet in its own; `Piece.filled` tells them apart."""
LONGEST = 2048
"""Bytes of payload; G.711 at 200 ms has 1,600."""
FILLED = {PCMU: 1, PCMA: 2}

Bytes = npt.NDArray[np.uint8]
_Items = npt.NDArray[np.void]


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A settled stretch of several recordings."""

    slots: Positions
    start: int
    """Position of its first sample."""
    audio: Bytes
    """(recordings, 2, samples); holes hold the silence of the recording's law."""
    filled: Bytes
    """The same shape: 0 nothing came, 1 µ-law, 2 A-law, 3 silence on purpose."""


class Timeline:
    def __init__(self, capacity: int = CAPACITY) -> None:
        # Zeros of this size are pages that do not exist until they are written to.
        self._ring = np.zeros((capacity, 2, WINDOW), np.uint8)
        self._mask = np.zeros((capacity, 2, WINDOW), np.uint8)
        self._views: dict[int, tuple[_Items, _Items]] = {}
        self._free = list(range(capacity - 1, -1, -1))
        self._active = np.zeros(capacity, bool)
        self._stereo = np.zeros(capacity, bool)
        self._paused = np.zeros(capacity, bool)
        self._law = np.zeros(capacity, np.uint8)
        self._silence = np.zeros(capacity, np.uint8)
        self._settled = np.zeros(PHASES, np.int64)
        self._members: list[Positions] = [np.empty(0, np.int64) for _ in range(PHASES)]
        self._tracks = Tracks(capacity * 2)
        self._gaps = Gaps(capacity * 2)
        self._silences = Silences()
        self.dropped = 0
        """Packets that came too late, too long or for no recording."""

    def open(self, start: int, *, stereo: bool, law: int, beside: int | None = None) -> int | None:
        """A slot for a recording that begins at `start`; `law` is PCMU, PCMA or AS_IS. None: all are taken.

        `beside`: a slot of whose group this one has to be, for two more tracks of the same recording.
        """
        slot = self._take_free(beside)
        if slot is None:
            return None
        phase = slot % PHASES
        if not len(self._members[phase]):
            self._settled[phase] = start
        self._members[phase] = np.append(self._members[phase], slot)
        self._active[slot], self._stereo[slot], self._paused[slot] = True, stereo, False
        self._law[slot] = law
        self._silence[slot] = SILENCE[PCMU if law == AS_IS else law]
        self._mask[slot] = 0
        self._tracks.clear(_keys(slot))
        self._gaps.clear(_keys(slot))
        self._silences.clear(slot)
        return slot

    def _take_free(self, beside: int | None) -> int | None:
        for at in range(len(self._free) - 1, -1, -1):
            if beside is None or self._free[at] % PHASES == beside % PHASES:
                return self._free.pop(at)
        return None

    def close(self, slot: int) -> None:
        """Take no more packets for it; the slot stays taken until `release`."""
        phase = slot % PHASES
        self._members[phase] = self._members[phase][self._members[phase] != slot]
        self._active[slot] = False

    def release(self, slot: int) -> None:
        """Let a closed slot be used again, before one whose memory was never touched."""
        self._silences.clear(slot)
        self._free.append(slot)

    def pause(self, slot: int, paused: bool, at: int) -> None:
        """Silence in place of what comes from now on, and of what belongs at `at` or later, or no more."""
        self._paused[slot] = paused
        self._silences.mute(slot, paused, at)

    def vacant(self, slot: int, track: int, on: bool, at: int) -> None:
        """Nobody is on this track from `at` on: what does not come is no gap."""
        self._silences.vacant(slot * 2 + track, on, at)

    @property
    def free(self) -> int:
        """Slots that can be opened."""
        return len(self._free)

    def gaps(self, slot: int) -> tuple[int, float]:
        """How many, and how many seconds."""
        return self._gaps.count(_keys(slot)), self._gaps.seconds(_keys(slot))

    def settled(self, phase: int) -> int:
        """Position up to which this group was taken out."""
        return int(self._settled[phase])

    def room(self) -> int | None:
        """Packets that came before this position can be placed; None: there is no recording."""
        busy = [int(self._settled[phase]) for phase in range(PHASES) if len(self._members[phase])]
        return min(busy) + WINDOW - LONGEST - FUTURE if busy else None

    def place(self, rows: TapRows) -> None:
        """Put packets, in order of arrival, where they belong."""
        wanted = np.flatnonzero(self._wanted(rows))
        self.dropped += len(rows.slot) - len(wanted)
        if not len(wanted):
            return
        slot = rows.slot[wanted].astype(np.int64)
        key = slot * 2 + rows.track[wanted]
        arrival = np.rint(rows.arrival[wanted] * RATE).astype(np.int64)
        length = rows.length[wanted].astype(np.int64)
        settled = self._settled[slot % PHASES]
        position = self._tracks.positions(
            key, rows.ssrc[wanted], rows.timestamp[wanted], arrival, length, settled
        )
        self._tracks.follow_drift(int(arrival[-1]))
        fits = np.flatnonzero((position >= settled) & (position + length <= settled + WINDOW))
        self.dropped += len(wanted) - len(fits)
        order = fits[np.argsort((key[fits] << 44) + position[fits], kind="stable")]
        if len(order):
            at = wanted[order]
            payload, law, at = self._as_kept(slot[order], rows.payload, rows.law[at], at)
            self._fill(key[order], position[order], length[order], law, payload, at)

    def take(self, phase: int, up_to: int) -> list[Piece]:
        """What has settled in a group, in order; its place in the rings is free again."""
        slots, start = self._members[phase], int(self._settled[phase])
        self._settled[phase] = max(start, up_to)
        return self._cut(slots, start, up_to, clear=True) if len(slots) else []

    def take_last(self, slots: list[int], up_to: int) -> list[Piece]:
        """All that is left of one recording up to `up_to`, or to its last packet when that goes a little beyond."""
        start = int(self._settled[slots[0] % PHASES])
        last = max(self._tracks.end(_keys(slot)) for slot in slots)
        end = max(up_to, min(last, up_to + FUTURE, start + WINDOW))
        return self._cut(np.array(slots), start, end, clear=False)

    def _cut(self, slots: Positions, start: int, up_to: int, *, clear: bool) -> list[Piece]:
        pieces = []
        while start < up_to:
            column = start % WINDOW
            columns = slice(column, min(WINDOW, column + up_to - start))
            audio, filled = self._ring[slots, :, columns], self._mask[slots, :, columns]
            if clear:
                self._mask[slots, :, columns] = 0
            self._silences.apply(slots, start, audio, filled, self._silence)
            keys = (slots[:, None] * 2 + np.arange(2)).ravel()
            full = self._gaps.see(keys, filled.reshape(len(keys), -1)).reshape(-1, 2)
            for row, track in np.argwhere(~full):
                audio[row, track][filled[row, track] == 0] = self._silence[slots[row]]
            pieces.append(Piece(slots=slots, start=start, audio=audio, filled=filled))
            start += columns.stop - column
        return pieces

    def _wanted(self, rows: TapRows) -> npt.NDArray[np.bool_]:
        known = (rows.slot >= 0) & (rows.slot < len(self._active)) & (rows.track <= 1)
        slot = np.where(known, rows.slot, 0)
        fits = (rows.length > 0) & (rows.length <= min(rows.payload.shape[1], LONGEST))
        fits &= (rows.track == 0) | self._stereo[slot]
        fits &= (rows.law == PCMU) | (rows.law == PCMA)
        return np.asarray(known & self._active[slot] & fits)

    def _as_kept(
        self, slot: Positions, payload: Bytes, law: Bytes, at: Positions
    ) -> tuple[Bytes, Bytes, Positions]:
        """Payloads in the recording's law and silenced where it is paused, the law of each, and where in them it is.

        Most often nothing is to be done, and then nothing is copied.
        """
        kept = self._law[slot]
        kept = np.where(kept == AS_IS, law, kept)
        paused = self._paused[slot]
        foreign = law != kept
        if not (paused.any() or foreign.any()):
            return payload, law, at
        payload = payload[at]
        for source, table in ((PCMU, ULAW_TO_ALAW), (PCMA, ALAW_TO_ULAW)):
            translated = foreign & (law == source)
            payload[translated] = table[payload[translated]]
        silence = np.where(kept == PCMA, SILENCE[PCMA], SILENCE[PCMU]).astype(np.uint8)
        payload[paused] = silence[paused, None]
        return payload, kept, np.arange(len(at))

    def _fill(
        self,
        key: Positions,
        position: Positions,
        length: Positions,
        law: Bytes,
        payload: Bytes,
        at: Positions,
    ) -> None:
        """Sorted by key and position. Packets that meet others or the ring's end go one by one, the first wins."""
        column = position % WINDOW
        single = column + length > WINDOW
        meets = (key[1:] == key[:-1]) & (position[1:] < position[:-1] + length[:-1])
        single[1:] |= meets
        single[:-1] |= meets
        first = key * WINDOW + column
        for size in np.unique(length).tolist():
            rows = np.flatnonzero((length == size) & ~single)
            if not len(rows):
                continue
            ring, mask = self._items(size)
            taken = mask[first[rows]].view(np.uint8).reshape(len(rows), -1).any(axis=1)
            if taken.any():
                single[rows[taken]] = True
                rows = rows[~taken]
            source = np.ndarray((len(payload),), f"V{size}", payload.data, strides=(payload.strides[0],))
            ring[first[rows]] = source[at[rows]]
            for kind, filled in FILLED.items():
                of_kind = rows[law[rows] == kind]
                if len(of_kind):
                    mask[first[of_kind]] = np.full(size, filled, np.uint8).view(f"V{size}")
        for row in np.flatnonzero(single).tolist():
            content = payload[at[row], : length[row]]
            self._fill_one(int(key[row]), int(column[row]), content, FILLED[int(law[row])])

    def _fill_one(self, key: int, column: int, payload: Bytes, filled: int) -> None:
        slot, track = divmod(key, 2)
        for part, start in ((payload[: WINDOW - column], column), (payload[WINDOW - column :], 0)):
            mask = self._mask[slot, track, start : start + len(part)]
            if mask.any():
                free = mask == 0
                self._ring[slot, track, start : start + len(part)][free] = part[free]
                mask[free] = filled
            elif len(part):
                self._ring[slot, track, start : start + len(part)] = part
                mask[:] = filled

    def _items(self, size: int) -> tuple[_Items, _Items]:
        """Ring and mask as overlapping items of `size` bytes, one beginning at each byte."""
        if size not in self._views:
            count, kind = self._ring.size - size + 1, f"V{size}"
            self._views[size] = (
                np.ndarray((count,), kind, self._ring.data, strides=(1,)),
                np.ndarray((count,), kind, self._mask.data, strides=(1,)),
            )
        return self._views[size]


def _keys(slot: int) -> slice:
    return slice(slot * 2, slot * 2 + 2)
