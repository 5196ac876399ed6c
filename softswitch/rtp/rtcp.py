"""RTCP (RFC 3550 section 6) as far as a switch between two phones needs it: our reports, and what a peer reports of us.

Owns the bytes of sender report, receiver report and SDES, and the validity check of appendix A.2, which never raises.
BYE, APP and extended reports are walked over. The interval is fixed at `INTERVAL_S` for two participants.
"""

from dataclasses import dataclass
from typing import Final

INTERVAL_S: Final = 5.0
MAX_BYTES: Final = 1500
_SR, _RR, _SDES = 200, 201, 202
_VERSION: Final = 0x80
_NTP_OFFSET: Final = 2_208_988_800
"""Seconds from 1900 to 1970."""
_BLOCK_BYTES: Final = 24
_SENDER_INFO_BYTES: Final = 20


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """What one side says of the stream `ssrc` that it receives."""

    ssrc: int
    fraction_lost: int
    """Of 256, since the last report."""
    lost: int
    """Since the beginning; clamped to 24 bit, signed."""
    highest: int
    jitter: int
    """In samples."""
    last_sr: int
    delay: int
    """Since that sender report came, in 1/65536 s."""

    @classmethod
    def parse(cls, data: bytes) -> "ReportBlock":
        def number(begin: int, end: int) -> int:
            return int.from_bytes(data[begin:end])

        lost = int.from_bytes(data[5:8], signed=True)
        return cls(number(0, 4), data[4], lost, number(8, 12), number(12, 16), number(16, 20), number(20, 24))

    def serialize(self) -> bytes:
        lost = max(-(1 << 23), min(self.lost, (1 << 23) - 1))
        numbers = (self.highest, self.jitter, self.last_sr, self.delay)
        return (
            self.ssrc.to_bytes(4)
            + bytes((self.fraction_lost & 0xFF,))
            + lost.to_bytes(3, signed=True)
            + b"".join((number & 0xFFFF_FFFF).to_bytes(4) for number in numbers)
        )


@dataclass(frozen=True, slots=True)
class Received:
    """A compound packet that passed the check."""

    ssrc: int
    ntp_middle: int
    """Middle 32 bit of the NTP time of a sender report; 0 without one."""
    blocks: tuple[ReportBlock, ...]


def parse(data: bytes) -> Received | None:
    """The compound packet, or None when it is not one (appendix A.2)."""
    if (
        not 8 <= len(data) <= MAX_BYTES
        or len(data) % 4
        or data[0] & 0xE0 != _VERSION
        or data[1] not in (_SR, _RR)
    ):
        return None
    blocks: list[ReportBlock] = []
    ntp_middle = 0
    at = 0
    while at < len(data):
        if len(data) - at < 4 or data[at] & 0xC0 != _VERSION:
            return None
        end = at + 4 + 4 * int.from_bytes(data[at + 2 : at + 4])
        if end > len(data):
            return None
        count, kind = data[at] & 0x1F, data[at + 1]
        if kind in (_SR, _RR):
            begin = at + 8 + (_SENDER_INFO_BYTES if kind == _SR else 0)
            if begin + count * _BLOCK_BYTES > end:
                return None
            if kind == _SR:
                ntp_middle = int.from_bytes(data[at + 10 : at + 14])
            starts = range(begin, begin + count * _BLOCK_BYTES, _BLOCK_BYTES)
            blocks += [ReportBlock.parse(data[start : start + _BLOCK_BYTES]) for start in starts]
        at = end
    return Received(int.from_bytes(data[4:8]), ntp_middle, tuple(blocks))


@dataclass(frozen=True, slots=True, kw_only=True)
class SenderInfo:
    wall: float
    timestamp: int
    packets: int
    octets: int

    def serialize(self) -> bytes:
        seconds = int(self.wall)
        fraction = int((self.wall - seconds) * (1 << 32))
        numbers = (seconds + _NTP_OFFSET, fraction, self.timestamp, self.packets, self.octets)
        return b"".join((number & 0xFFFF_FFFF).to_bytes(4) for number in numbers)


def compound(ssrc: int, sender: SenderInfo | None, block: ReportBlock | None, cname: str) -> bytes:
    """SR or RR, then SDES with the CNAME, as section 6.1 wants every packet."""
    body = ssrc.to_bytes(4) + (sender.serialize() if sender else b"") + (block.serialize() if block else b"")
    report = _packet(_SR if sender else _RR, 1 if block else 0, body)
    item = bytes((1, len(cname.encode()[:255]))) + cname.encode()[:255] + b"\0"
    return report + _packet(_SDES, 1, ssrc.to_bytes(4) + item + b"\0" * (-len(item) % 4))


def _packet(kind: int, count: int, body: bytes) -> bytes:
    return bytes((_VERSION | count, kind)) + (len(body) // 4).to_bytes(2) + body


class RtcpSession:
    """What has to be remembered between reports of one leg."""

    __slots__ = (
        "due",
        "expected_before",
        "last_sr",
        "last_sr_at",
        "peer_jitter",
        "peer_lost",
        "received_before",
        "sent_before",
    )

    def __init__(self) -> None:
        self.due = 0.0
        self.last_sr = 0
        self.last_sr_at = 0.0
        self.expected_before = 0
        self.received_before = 0
        self.sent_before = 0
        self.peer_lost = 0
        self.peer_jitter = 0

    def take(self, data: bytes, our_ssrc: int, now: float) -> bool:
        """Read a peer's packet; False when it is malformed."""
        received = parse(data)
        if received is None:
            return False
        if received.ntp_middle:
            self.last_sr, self.last_sr_at = received.ntp_middle, now
        for block in received.blocks:
            if block.ssrc == our_ssrc:
                self.peer_lost, self.peer_jitter = max(0, block.lost), block.jitter
        return True

    def block(
        self, ssrc: int, expected: int, received: int, highest: int, jitter: float, now: float
    ) -> ReportBlock:
        """Our report of the peer's stream (appendix A.3); begins the next interval."""
        expected_now, received_now = expected - self.expected_before, received - self.received_before
        self.expected_before, self.received_before = expected, received
        lost_now = expected_now - received_now
        fraction = min(255, (lost_now << 8) // expected_now) if expected_now > 0 and lost_now > 0 else 0
        delay = int((now - self.last_sr_at) * 65536) if self.last_sr else 0
        return ReportBlock(ssrc, fraction, expected - received, highest, int(jitter), self.last_sr, delay)
