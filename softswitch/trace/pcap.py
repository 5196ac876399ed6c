"""Messages as a capture file that Wireshark, tshark, tcpdump and sngrep read: classic pcap, raw IP packets.

The headers are made up, since the switch sees messages and no packets: IPv4 or IPv6 (RFC 791, RFC 8200) around UDP (RFC
768) or TCP (RFC 9293) with right checksums, and sequence numbers that let a reader join the messages of one connection.
What went over TLS or WebSocket stands there in clear, as TCP. File format: draft-ietf-opsawg-pcap, link type 101 (RAW).
"""

import struct
from collections import OrderedDict
from ipaddress import IPv4Address, IPv6Address, ip_address

FILE_HEADER = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, 101)
UDP, TCP = 17, 6
LARGEST = 60_000
"""Longest payload of one packet; a longer message over a stream becomes several."""
MAX_FLOWS = 4096

Place = tuple[str, int]
Address = IPv4Address | IPv6Address


class PcapWriter:
    """Makes records; `FILE_HEADER` goes before the first."""

    def __init__(self) -> None:
        self._sent: OrderedDict[tuple[Place, Place], int] = OrderedDict()
        """Bytes that went each way of a stream, for its sequence numbers."""

    def records(self, at: float, transport: str, sender: Place, receiver: Place, data: bytes) -> bytes:
        """One message as one packet, or as several when it is long."""
        pieces = [data[begin : begin + LARGEST] for begin in range(0, len(data), LARGEST)] or [b""]
        return b"".join(self._record(at, transport, sender, receiver, piece) for piece in pieces)

    def _record(self, at: float, transport: str, sender: Place, receiver: Place, data: bytes) -> bytes:
        source, target = _pair(sender[0], receiver[0])
        if transport == "udp":
            segment = _udp(source, target, sender[1], receiver[1], data)
            packet = _ip(source, target, UDP, segment)
        else:
            segment = self._tcp(source, target, sender, receiver, data)
            packet = _ip(source, target, TCP, segment)
        micros = round(at * 1_000_000)
        head = struct.pack("<IIII", micros // 1_000_000, micros % 1_000_000, len(packet), len(packet))
        return head + packet

    def _tcp(self, source: Address, target: Address, sender: Place, receiver: Place, data: bytes) -> bytes:
        before = self._sent.get((sender, receiver), 1)
        other = self._sent.get((receiver, sender), 1)
        self._sent[sender, receiver] = (before + len(data)) & 0xFFFFFFFF
        self._sent.move_to_end((sender, receiver))
        if len(self._sent) > MAX_FLOWS:
            self._sent.popitem(last=False)
        head = struct.pack("!HHIIBBHHH", sender[1], receiver[1], before, other, 5 << 4, 0x18, 65535, 0, 0)
        total = _checksum(_pseudo(source, target, TCP, len(head) + len(data)) + head + data)
        return head[:16] + struct.pack("!H", total) + head[18:] + data


def _pair(source: str, target: str) -> tuple[Address, Address]:
    """Both of one family: where one end is known by IPv4 only, the other's mapped address is IPv4 too."""
    one, other = _address(source), _address(target)
    if one.version == other.version:
        return one, other
    return _mapped(one), _mapped(other)


def _address(text: str) -> Address:
    try:
        found = ip_address(text.strip("[]").partition("%")[0])
    except ValueError:
        return IPv4Address(0)
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


def _mapped(address: Address) -> Address:
    return address if address.version == 6 else IPv6Address(f"::ffff:{address}")


def _udp(source: Address, target: Address, port: int, target_port: int, data: bytes) -> bytes:
    length = 8 + len(data)
    head = struct.pack("!HHHH", port, target_port, length, 0)
    total = _checksum(_pseudo(source, target, UDP, length) + head + data) or 0xFFFF
    return head[:6] + struct.pack("!H", total) + data


def _ip(source: Address, target: Address, protocol: int, segment: bytes) -> bytes:
    if source.version == 6:
        return (
            struct.pack("!IHBB", 6 << 28, len(segment), protocol, 64)
            + source.packed
            + target.packed
            + segment
        )
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(segment), 0, 0x4000, 64, protocol, 0)
    addresses = source.packed + target.packed
    return head[:10] + struct.pack("!H", _checksum(head + addresses)) + addresses + segment


def _pseudo(source: Address, target: Address, protocol: int, length: int) -> bytes:
    if source.version == 6:
        return source.packed + target.packed + struct.pack("!IHBB", length, 0, 0, protocol)
    return source.packed + target.packed + struct.pack("!BBH", 0, protocol, length)


def _checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
