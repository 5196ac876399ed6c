"""One leg's RTCP: when it reports, what it remembers between reports, and what its peer says of our packets.

Owns the interval of RFC 3550 section 6.3.1 for two participants, round trips (section 6.4.1), and whether the peer receives
us at all. Nothing a peer reports, BYE included, ends a call or changes where media goes.
"""

from typing import Final

from softswitch.rtp.rtcp import ReportBlock, SenderInfo, compound, ntp_middle, parse

INTERVAL_S: Final = 5.0
"""Tmin. Two participants never need more: 5 % of any codec's bandwidth is several of our packets a second."""
COMPENSATION: Final = 1.21828
"""e − 3/2: what the reconsideration of all members would take off."""
MAX_ROUND_TRIP_S: Final = 10.0
ENOUGH_SENT: Final = 50
"""Packets that a peer must have been sent since its report before for the next to say anything of reaching it."""
UNREACHED_BLOCKS, UNREACHED_REPORTS = 2, 3
"""Reports in a row that say that nothing arrived, or that do not name our stream at all, before it is believed."""
_SENT_REPORTS: Final = 4
"""Sender reports of ours that a peer may still refer to."""


class RtcpSession:
    """Slots and no dataclass: one for each leg, made and dropped with it."""

    __slots__ = (
        "_expected_before",
        "_highest",
        "_received_before",
        "_sent_then",
        "_silent_reports",
        "_stamps",
        "_stuck_reports",
        "cname",
        "due",
        "heard",
        "last_sr",
        "last_sr_at",
        "peer_jitter",
        "peer_lost",
        "port",
        "reported",
        "round_trip_s",
        "sent_before",
    )  # fmt: skip

    def __init__(self) -> None:
        self.due = 0.0
        """When the next report is; 0 before the first was thought of."""
        self.cname = ""
        self.port = 0
        """Where the peer takes RTCP; 0 is the port above that of its RTP."""
        self.heard = False
        """Its peer has sent RTCP that can be read."""
        self.reported = False
        """It has sent a report, so that it must say BYE."""
        self.last_sr = 0
        self.last_sr_at = 0.0
        self.sent_before = 0
        self.peer_lost = 0
        self.peer_jitter = 0
        self.round_trip_s: float | None = None
        self._stamps: tuple[int, ...] = ()
        self._expected_before = 0
        self._received_before = 0
        self._highest = -1
        self._sent_then = 0
        self._stuck_reports = 0
        self._silent_reports = 0

    def schedule(self, now: float, chance: float) -> bool:
        """Whether a report is due; sets when the next is. `chance` is even over 0 to 1; the first waits half of Tmin."""
        if self.due > now:
            return False
        first = not self.due
        self.due = now + (INTERVAL_S / 2 if first else INTERVAL_S) * (0.5 + chance) / COMPENSATION
        return not first

    @property
    def reached(self) -> bool:
        """False: its reports say that nothing of what we send arrives."""
        return self._stuck_reports < UNREACHED_BLOCKS and self._silent_reports < UNREACHED_REPORTS

    def take(self, data: bytes, our_ssrc: int, sent: int, now: float, wall: float) -> bool:
        """Read a peer's packet, after `sent` packets of ours; False when it is malformed."""
        received = parse(data)
        if received is None:
            return False
        self.heard = True
        if received.ntp_middle:
            self.last_sr, self.last_sr_at = received.ntp_middle, now
        told = sent - self._sent_then >= ENOUGH_SENT
        ours = next((block for block in received.blocks if block.ssrc == our_ssrc), None)
        if ours is not None:
            self.peer_lost, self.peer_jitter = max(0, ours.lost), ours.jitter
            self._take_round_trip(ours, wall)
            if told:
                stuck = ours.highest == self._highest
                self._stuck_reports = self._stuck_reports + 1 if stuck else 0
            self._highest, self._silent_reports = ours.highest, 0
        elif told and not received.bye:
            self._silent_reports += 1
        if told:
            self._sent_then = sent
        return True

    def _take_round_trip(self, block: ReportBlock, wall: float) -> None:
        """Only of a report that we have sent: else the peer chose the figure."""
        if block.last_sr not in self._stamps:
            return
        trip = (ntp_middle(wall) - block.last_sr - block.delay & 0xFFFF_FFFF) / 65536
        if trip > 65536 - MAX_ROUND_TRIP_S:
            trip = 0.0  # a little before its time: the clocks of both ends are coarse
        if trip <= MAX_ROUND_TRIP_S:
            self.round_trip_s = trip

    def block(
        self, ssrc: int, expected: int, received: int, highest: int, jitter: float, now: float
    ) -> ReportBlock:
        """Our report of the peer's stream (appendix A.3); begins the next interval."""
        expected_now, received_now = expected - self._expected_before, received - self._received_before
        self._expected_before, self._received_before = expected, received
        lost_now = expected_now - received_now
        fraction = min(255, (lost_now << 8) // expected_now) if expected_now > 0 and lost_now > 0 else 0
        delay = int((now - self.last_sr_at) * 65536) if self.last_sr else 0
        return ReportBlock(ssrc, fraction, expected - received, highest, int(jitter), self.last_sr, delay)

    def report(
        self, ssrc: int, sender: SenderInfo | None, block: ReportBlock | None, *, bye: bool = False
    ) -> bytes:
        """The packet to send."""
        if sender is not None:
            self._stamps = (*self._stamps, ntp_middle(sender.wall))[-_SENT_REPORTS:]
        self.reported = True
        return compound(ssrc, sender, block, self.cname, bye=bye)
