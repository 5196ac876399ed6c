"""Where the packets of one track belong: the rules of anchoring, one packet at a time.

A track's first packet is anchored by its arrival. From then on RTP timestamps say where a packet belongs (RFC 3550 §5.1),
modulo 2^32, until they stop making sense: another SSRC, a jump of more than 2 s, a place too far in the future, a
stream that has gone back, or one that stays behind. Then arrival anchors again. `timeline.py` does the same for
thousands of ordinary packets at once and comes here with those that are not.
"""

from dataclasses import dataclass

RATE = 8000
JUMP = 2 * RATE
"""A timestamp further away than this says nothing; silence that long is measured by arrival."""
FUTURE = RATE * 3 // 10
"""A packet cannot belong later than it came, but for the delay of the packet that anchored its track."""
JOIN = RATE // 10
"""A stream that takes over from another continues it, when it came at most this much too early."""
BACK_PACKETS = 5
"""As many late packets in a row, one after the other, are a stream that has gone back and not a few stragglers."""


@dataclass(slots=True)
class Track:
    """Mutable, one per track, so slots and not frozen. Positions are samples on the common timeline."""

    anchored: bool = False
    ssrc: int = 0
    ref_timestamp: int = 0
    """Timestamp of the furthest packet, and the position where it sits."""
    ref_position: int = 0
    end: int = 0
    """Furthest position that anything was placed up to."""
    late_timestamp: int = -1
    """Timestamp that would continue the row of late packets."""
    late_packets: int = 0
    behind_lag: int = 0
    """How late the first of a row of packets was that come in order, but when their place is settled."""
    behind_packets: int = 0

    def place(self, ssrc: int, timestamp: int, arrival: int, length: int, settled: int) -> int | None:
        """Position of a packet, or None when its place is settled already.

        `arrival` and `settled` are positions too: when it came, and up to where the timeline is final.
        """
        if not self.anchored or ssrc != self.ssrc:
            return self._anchor(ssrc, timestamp, arrival, length, settled)
        distance = (timestamp - self.ref_timestamp + 0x8000_0000 & 0xFFFF_FFFF) - 0x8000_0000
        position = self.ref_position + distance
        if abs(distance) > JUMP or position > arrival + FUTURE:
            return self._anchor(ssrc, timestamp, arrival, length, settled)
        if position < settled and distance < 0:
            return self._late(ssrc, timestamp, arrival, length, settled)
        self.late_packets = 0
        if distance > 0:
            self.ref_timestamp, self.ref_position = timestamp, position
        if position < settled:
            return self._behind(ssrc, timestamp, arrival, length, settled)
        self.behind_packets = 0
        self.end = max(self.end, position + length)
        return position

    def _late(self, ssrc: int, timestamp: int, arrival: int, length: int, settled: int) -> int | None:
        self.late_packets = self.late_packets + 1 if timestamp == self.late_timestamp else 1
        self.late_timestamp = timestamp + length & 0xFFFF_FFFF
        if self.late_packets < BACK_PACKETS:
            return None
        return self._anchor(ssrc, timestamp, arrival, length, settled)

    def _behind(self, ssrc: int, timestamp: int, arrival: int, length: int, settled: int) -> int | None:
        """In order, but too late. After a stall of the network what follows comes faster and is soon in time again; a
        sender whose own clock stood still stays late for ever, and is anchored anew."""
        lag = arrival - self.ref_position
        if not self.behind_packets:
            self.behind_lag = lag
        self.behind_packets += 1
        catches_up = self.behind_lag - lag >= self.behind_packets * length // 4
        if self.behind_packets < BACK_PACKETS or catches_up:
            return None
        return self._anchor(ssrc, timestamp, arrival, length, settled)

    def _anchor(self, ssrc: int, timestamp: int, arrival: int, length: int, settled: int) -> int | None:
        position = arrival
        if self.anchored and arrival < self.end <= arrival + JOIN:
            position = self.end
        self.anchored = True
        self.ssrc = ssrc
        self.ref_timestamp, self.ref_position = timestamp, position
        self.late_packets = self.behind_packets = 0
        if position < settled:
            return None
        self.end = max(self.end, position + length)
        return position
