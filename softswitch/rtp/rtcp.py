"""The bytes of RTCP (RFC 3550 section 6, RFC 3611): compound packets that we make, and those of a peer.

Owns sender and receiver report, SDES with its CNAME, and BYE; the validity check of appendix A.2, which never raises; and
how rows of RTP are told from RTCP on one port (RFC 5761 section 4). Of a peer's packet APP and extended reports are
walked through with their bounds and left; a packet with one bad length is none at all.
"""

from dataclasses import dataclass
from typing import Final

MAX_BYTES: Final = 1500
FIRST_TYPE, LAST_TYPE = 192, 223
"""Second byte of what is RTCP where RTP shares the port."""
_SR, _RR, _SDES, _BYE, _APP, _XR = 200, 201, 202, 203, 204, 207
_CNAME: Final = 1
_MOST_TEXT: Final = 255
_VERSION: Final = 0x80
_PADDED: Final = 0x20
_NTP_OFFSET: Final = 2_208_988_800
"""Seconds from 1900 to 1970."""
_BLOCK_BYTES: Final = 24
_SENDER_INFO_BYTES: Final = 20
_APP_BYTES: Final = 8
"""SSRC and name."""


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
    cname: str = ""
    bye: bool = False


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
    ntp_middle, cname, bye = 0, "", False
    at = 0
    while at < len(data):
        if len(data) - at < 4 or data[at] & 0xC0 != _VERSION:
            return None
        end = at + 4 + 4 * int.from_bytes(data[at + 2 : at + 4])
        if end > len(data):
            return None
        count, kind, body = data[at] & 0x1F, data[at + 1], data[at + 4 : end]
        if data[at] & _PADDED and (end != len(data) or not _unpadded(body)):
            return None
        if not _fits(kind, count, body):
            return None
        if kind in (_SR, _RR):
            begin = 4 + (_SENDER_INFO_BYTES if kind == _SR else 0)
            if kind == _SR:
                ntp_middle = int.from_bytes(body[6:10])
            starts = range(begin, begin + count * _BLOCK_BYTES, _BLOCK_BYTES)
            blocks += [ReportBlock.parse(body[start : start + _BLOCK_BYTES]) for start in starts]
        elif kind == _SDES:
            names = _cnames(count, body)
            if names is None:
                return None
            cname = cname or names
        bye = bye or kind == _BYE
        at = end
    return Received(int.from_bytes(data[4:8]), ntp_middle, tuple(blocks), cname, bye)


def _unpadded(body: bytes) -> bool:
    """The last byte of a padded packet counts the padding, itself included; only the last packet has any."""
    return bool(body) and 0 < body[-1] <= len(body)


def _fits(kind: int, count: int, body: bytes) -> bool:
    """Whether a packet has room for what its header says."""
    if kind == _XR:
        return _extended_fits(body)
    least = {
        _SR: 4 + _SENDER_INFO_BYTES + count * _BLOCK_BYTES,
        _RR: 4 + count * _BLOCK_BYTES,
        _BYE: 4 * count,
        _APP: _APP_BYTES,
    }
    return len(body) >= least.get(kind, 0)


def _extended_fits(body: bytes) -> bool:
    """RFC 3611 section 3: blocks behind the SSRC, each with its own length in words."""
    at = 4
    while at < len(body):
        if len(body) - at < 4:
            return False
        at += 4 + 4 * int.from_bytes(body[at + 2 : at + 4])
    return at == len(body)


def _cnames(count: int, body: bytes) -> str | None:
    """The first CNAME of an SDES packet, empty without one; None when a chunk or item leaves its packet."""
    found, at = "", 0
    for _ in range(count):
        if len(body) - at < 4:
            return None
        at += 4
        while at < len(body) and body[at]:
            if at + 2 > len(body) or at + 2 + body[at + 1] > len(body):
                return None
            if body[at] == _CNAME and not found:
                found = body[at + 2 : at + 2 + body[at + 1]].decode("ascii", "replace")
            at += 2 + body[at + 1]
        at += 4 - at % 4
        if at > len(body):
            return None
    return found


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


def ntp_middle(wall: float) -> int:
    """The middle 32 bit of the NTP time (section 4), which reports send back."""
    return int((wall + _NTP_OFFSET) * 65536) & 0xFFFF_FFFF


def compound(
    ssrc: int, sender: SenderInfo | None, block: ReportBlock | None, cname: str, *, bye: bool = False
) -> bytes:
    """SR or RR, then SDES with the CNAME, as section 6.1 wants every packet; then a BYE, where the stream ends."""
    body = ssrc.to_bytes(4) + (sender.serialize() if sender else b"") + (block.serialize() if block else b"")
    report = _packet(_SR if sender else _RR, 1 if block else 0, body)
    name = cname.encode()[:_MOST_TEXT]
    item = bytes((_CNAME, len(name))) + name + b"\0"
    described = report + _packet(_SDES, 1, ssrc.to_bytes(4) + item + b"\0" * (-len(item) % 4))
    return described + (_packet(_BYE, 1, ssrc.to_bytes(4)) if bye else b"")


def _packet(kind: int, count: int, body: bytes) -> bytes:
    return bytes((_VERSION | count, kind)) + (len(body) // 4).to_bytes(2) + body
