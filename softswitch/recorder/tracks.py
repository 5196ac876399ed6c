"""The rules of `track.py` for thousands of packets at once, and the slow drift between a sender's clock and ours.

A packet that continues its track is placed by one subtraction, all of a batch together. A track with any packet that does
not goes through `Track.place` packet by packet.
"""

import numpy as np
import numpy.typing as npt

from softswitch.recorder.track import FUTURE, JUMP, RATE, Track

DRIFT = RATE * 6 // 100
"""A track that is off by more than this is set right: 60 ms takes a clock that is 100 ppm wrong ten minutes."""
DRIFT_WINDOW = 2 * RATE
DRIFT_PACKETS = 25
_FAR = np.int64(1) << 40

Positions = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint32]


class Tracks:
    """State of `count` tracks as arrays. A track's key is twice its slot, plus one for the right channel."""

    def __init__(self, count: int) -> None:
        self._anchored = np.zeros(count, bool)
        self._ssrc = np.zeros(count, np.uint32)
        self._ref_timestamp = np.zeros(count, np.uint32)
        self._ref_position = np.zeros(count, np.int64)
        self._end = np.zeros(count, np.int64)
        self._late: dict[int, Track] = {}
        """Tracks whose last packet came too late."""
        self._least_lag = np.full(count, _FAR)
        self._lags = np.zeros(count, np.int64)
        self._drift_checked = 0

    def clear(self, keys: slice) -> None:
        self._anchored[keys] = False
        self._end[keys] = 0
        self._least_lag[keys], self._lags[keys] = _FAR, 0
        for key in range(keys.start, keys.stop):
            self._late.pop(key, None)

    def end(self, keys: slice) -> int:
        """Furthest position that anything of these tracks was placed up to; 0: nothing came."""
        return int(self._end[keys].max())

    def positions(
        self,
        key: Positions,
        ssrc: Words,
        timestamp: Words,
        arrival: Positions,
        length: Positions,
        settled: Positions,
    ) -> Positions:
        """Where each packet, in order of arrival, belongs; -1: its place is settled already."""
        distance = (timestamp - self._ref_timestamp[key]).view(np.int32).astype(np.int64)
        position = self._ref_position[key] + distance
        plain = self._anchored[key] & (ssrc == self._ssrc[key]) & (np.abs(distance) <= JUMP)
        plain &= (position >= settled) & (position <= arrival + FUTURE)
        if not plain.all():
            odd = np.isin(key, key[~plain])
            for row in np.flatnonzero(odd):
                values = (array[row] for array in (key, ssrc, timestamp, arrival, length, settled))
                position[row] = self._by_rule(*map(int, values))
            plain = ~odd
        if self._late:
            for each in set(key[plain].tolist()) & self._late.keys():
                del self._late[each]
        self._advance(key[plain], position[plain], length[plain])
        placed = position >= 0
        np.minimum.at(self._least_lag, key[placed], arrival[placed] - position[placed])
        np.add.at(self._lags, key[placed], 1)
        return position

    def follow_drift(self, now: int) -> None:
        """Every two seconds move tracks whose packets have all come too early or too late by more than `DRIFT`.

        The least delay of many packets is that of the path alone, without jitter: it should stay what it was at the anchor.
        """
        if now - self._drift_checked < DRIFT_WINDOW:
            return
        self._drift_checked = now
        off = (self._lags >= DRIFT_PACKETS) & (np.abs(self._least_lag) > DRIFT)
        if off.any():
            self._ref_position[off] += self._least_lag[off]
        self._least_lag.fill(_FAR)
        self._lags.fill(0)

    def _advance(self, key: Positions, position: Positions, length: Positions) -> None:
        before = self._ref_position[key]
        np.maximum.at(self._ref_position, key, position)
        ahead = np.flatnonzero(position == self._ref_position[key])
        ahead = ahead[position[ahead] > before[ahead]]
        moved, first = np.unique(key[ahead], return_index=True)
        step = position[ahead][first] - before[ahead][first]
        self._ref_timestamp[moved] += step.astype(np.uint32)
        np.maximum.at(self._end, key, position + length)

    def _by_rule(self, key: int, ssrc: int, timestamp: int, arrival: int, length: int, settled: int) -> int:
        track = self._late.pop(key, None) or Track()
        track.anchored = bool(self._anchored[key])
        track.ssrc, track.ref_timestamp = int(self._ssrc[key]), int(self._ref_timestamp[key])
        track.ref_position, track.end = int(self._ref_position[key]), int(self._end[key])
        place = track.place(ssrc, timestamp, arrival, length, settled)
        if track.late_packets or track.behind_packets:
            self._late[key] = track
        self._anchored[key] = track.anchored
        self._ssrc[key], self._ref_timestamp[key] = track.ssrc, track.ref_timestamp
        self._ref_position[key], self._end[key] = track.ref_position, track.end
        if place is None:
            # Lateness counts for the drift too: a clock that is slow enough would be late for ever.
            self._least_lag[key] = min(int(self._least_lag[key]), arrival - track.ref_position)
            self._lags[key] += 1
        return -1 if place is None else place
