"""Packets of one stream put in order and held just long enough: a bounded, adaptive jitter buffer without samples.

    state      a packet comes              next
    Waiting    Filling, from its arrival   nothing
    Filling    held                        nothing, until the depth has passed; then Playing
    Playing    held, or late: dropped      the next packet, `LOST` where it is missing, `DRY` when there is none at all

`DRY` does not advance: a packet that comes after that is played later, so the depth grows by itself when the network needs
it. The depth that jitter asks for (RFC 3550 appendix A.8) is kept by leaving out a packet when more has been there for a
while.
"""

from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Final

MOST_PACKETS: Final = 64
JUMP: Final = 64
"""A sequence number further away than this is a new stream."""
LEAST_S, MOST_S = 0.02, 0.2
JITTERS: Final = 3.0
"""How many times the jitter is held."""
SHRINK_AFTER_S: Final = 2.0


class Nothing(Enum):
    LOST = 1
    """The packet is missing, a later one is there."""
    DRY = 2
    """No packet is there, though the stream runs."""
    SILENT = 3
    """The stream does not run."""


class _State(IntEnum):
    WAITING = 0
    FILLING = 1
    PLAYING = 2


@dataclass(slots=True)
class _Held:
    timestamp: int
    payload: bytes


class JitterBuffer:
    def __init__(self, clock: int) -> None:
        """`clock`: ticks of the timestamp in a second."""
        self._clock = clock
        self._state = _State.WAITING
        self._held: dict[int, _Held] = {}
        self._next = 0
        """Extended sequence number to play next."""
        self._highest = 0
        self._play_at = 0.0
        self._transit: float | None = None
        self._jitter_s = 0.0
        self._frame_s = 0.02
        self._least_held = MOST_PACKETS
        self._look_at = 0.0
        self.late = 0
        self.lost = 0

    def __repr__(self) -> str:
        return f"<JitterBuffer {self._state.name} {len(self._held)} held, {self.depth_s * 1000:.0f} ms>"

    @property
    def depth_s(self) -> float:
        """How long packets are held to even out the jitter seen so far."""
        return min(max(LEAST_S, self._jitter_s * JITTERS), MOST_S)

    def put(self, sequence: int, timestamp: int, payload: bytes, now: float) -> None:
        number = self._extended(sequence, now)
        if self._state == _State.PLAYING and number < self._next:
            self.late += 1
            return
        if self._state == _State.FILLING:
            self._next = min(self._next, number)
        if len(self._held) >= MOST_PACKETS:
            self._skip_to(sorted(self._held)[MOST_PACKETS // 2])
            if number < self._next:  # held, it would never be played, and the buffer never be dry
                self.late += 1
                return
        self._held[number] = _Held(timestamp, payload)
        if number > self._highest:
            self._learn(timestamp, now)
            self._highest = number

    def next(self, now: float) -> bytes | Nothing:
        """What is to be played for the next packet's time."""
        if self._state == _State.FILLING and now >= self._play_at:
            self._set_state(_State.PLAYING)
            self._look_at = now + SHRINK_AFTER_S
        if self._state != _State.PLAYING:
            return Nothing.SILENT
        if not self._held:
            self._least_held = 0
            return Nothing.DRY
        self._shrink(now)
        held = self._held.pop(self._next, None)
        self._next += 1
        if held is None:
            self.lost += 1
            return Nothing.LOST
        return held.payload

    def rest(self) -> None:
        """The stream has paused: what comes next fills the buffer anew."""
        self._set_state(_State.WAITING)
        self._held.clear()

    def _set_state(self, state: _State) -> None:
        self._state = state
        self._least_held = MOST_PACKETS

    def _extended(self, sequence: int, now: float) -> int:
        """Nearest to the highest so far; a stream that begins, or begins anew, fills the buffer from here."""
        if self._state != _State.WAITING:
            distance = (sequence - self._highest + 0x8000 & 0xFFFF) - 0x8000
            if abs(distance) <= JUMP:
                return self._highest + distance
            self.rest()
        number = sequence + (1 << 32)
        self._highest, self._next = number - 1, number
        self._transit = None
        self._set_state(_State.FILLING)
        self._play_at = now + self.depth_s
        return number

    def _learn(self, timestamp: int, now: float) -> None:
        previous = self._held.get(self._highest)
        if previous is not None:
            frame_s = (timestamp - previous.timestamp & 0xFFFF_FFFF) / self._clock
            if 0.005 <= frame_s <= 0.12:
                self._frame_s = frame_s
        transit = now - timestamp / self._clock
        if self._transit is not None:
            wrap = (1 << 32) / self._clock
            difference = abs((transit - self._transit + wrap / 2) % wrap - wrap / 2)
            self._jitter_s += (min(difference, MOST_S) - self._jitter_s) / 16
        self._transit = transit

    def _shrink(self, now: float) -> None:
        """Leave a packet out when for a while there were always more than the depth asks for."""
        self._least_held = min(self._least_held, len(self._held))
        if now < self._look_at:
            return
        if self._least_held * self._frame_s > self.depth_s + 2 * self._frame_s:
            self._skip_to(self._next + 1)
        self._look_at, self._least_held = now + SHRINK_AFTER_S, MOST_PACKETS

    def _skip_to(self, number: int) -> None:
        for held in [each for each in self._held if each < number]:
            del self._held[held]
        self._next = number
