"""Captures for SIPp's `play_pcap_audio`: G.711 frames and RFC 4733 keys as Ethernet frames in a pcap file.

SIPp takes the RTP out of them, puts its own addresses on it and sends it through a raw socket, for which it needs root.
"""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tools.peers.g711 import FRAME, PCMU
from tools.peers.rtp_party import KEYS, TELEPHONE_EVENT

_PERIOD_US = 20_000


@dataclass(frozen=True, slots=True)
class _Sent:
    at_us: int
    payload_type: int
    marker: bool
    timestamp: int
    payload: bytes


def write_pcap(path: Path, *, frames: Sequence[bytes] = (), keys: str = "", law: int = PCMU) -> Path:
    """First the frames, then the keys, each held for 100 ms with 100 ms between."""
    sent = [_Sent(at * _PERIOD_US, law, at == 0, at * FRAME, frame) for at, frame in enumerate(frames)]
    begin = len(frames)
    for key in keys:
        sent += _key(KEYS.index(key), begin)
        begin += 10
    path.write_bytes(_FILE_HEADER + b"".join(_record(number, one) for number, one in enumerate(sent)))
    return path


_FILE_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)


def _key(code: int, begin: int) -> list[_Sent]:
    """Five packets that grow, and the end three times, from the `begin`-th period on."""
    packets = []
    for step in range(7):
        end = step >= 4
        payload = struct.pack("!BBH", code, (0x80 if end else 0) | 10, min(step + 1, 5) * FRAME)
        packets.append(_Sent((begin + step) * _PERIOD_US, TELEPHONE_EVENT, step == 0, begin * FRAME, payload))
    return packets


def _record(number: int, sent: _Sent) -> bytes:
    second = sent.payload_type | (0x80 if sent.marker else 0)
    rtp = struct.pack("!BBHII", 0x80, second, number & 0xFFFF, sent.timestamp, 0x5150) + sent.payload
    udp = struct.pack("!HHHH", 6000, 6000, 8 + len(rtp), 0) + rtp
    address = bytes((127, 0, 0, 1))
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0, address, address) + udp
    frame = bytes(12) + b"\x08\x00" + ip
    return (
        struct.pack("<IIII", sent.at_us // 1_000_000, sent.at_us % 1_000_000, len(frame), len(frame)) + frame
    )
