"""Proves that captures and HEP packets are what others read: both are taken apart here by readers written from the
specifications, not by the code that made them: libpcap's file format with IPv4 (RFC 791), IPv6 (RFC 8200), UDP (RFC 768)
and TCP (RFC 9293) headers, each checksum summed up anew (RFC 1071); and "HEP3 Network Protocol Specification rev. 32",
section 2: chunks of vendor, type, length.

Does not prove that Wireshark or a Homer server takes them; neither is on the machine that runs this.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address

import pytest

from softswitch.trace.hep import HepPacket, HepSettings, encode
from softswitch.trace.pcap import FILE_HEADER, PcapWriter
from softswitch.trace.text import entry


@dataclass
class Read:
    at: float
    protocol: int
    source: str
    target: str
    ports: tuple[int, int]
    sequence: int
    payload: bytes


def read_pcap(data: bytes) -> Iterator[Read]:
    """Fails on anything that a strict reader would complain of."""
    magic, major, minor, _, _, _, link = struct.unpack_from("<IHHiIII", data)
    assert (magic, major, minor, link) == (0xA1B2C3D4, 2, 4, 101)
    at = 24
    while at < len(data):
        seconds, micros, kept, length = struct.unpack_from("<IIII", data, at)
        assert kept == length and micros < 1_000_000
        packet = data[at + 16 : at + 16 + kept]
        assert len(packet) == kept
        yield read_packet(packet, seconds + micros / 1e6)
        at += 16 + kept


def ones_complement(data: bytes) -> int:
    total = 0
    for at in range(0, len(data), 2):
        total += int.from_bytes(data[at : at + 2].ljust(2, b"\0"))
    while total > 0xFFFF:
        total = total % 65536 + total // 65536
    return total


def read_packet(packet: bytes, at: float) -> Read:
    if packet[0] >> 4 == 4:
        header = (packet[0] & 15) * 4
        assert int.from_bytes(packet[2:4]) == len(packet)
        assert ones_complement(packet[:header]) == 0xFFFF
        protocol, source, target = packet[9], packet[12:16], packet[16:20]
        segment = packet[header:]
        pseudo = source + target + bytes((0, protocol)) + len(segment).to_bytes(2)
    else:
        assert packet[0] >> 4 == 6
        protocol, source, target = packet[6], packet[8:24], packet[24:40]
        segment = packet[40:]
        assert int.from_bytes(packet[4:6]) == len(segment)
        pseudo = source + target + len(segment).to_bytes(4) + bytes((0, 0, 0, protocol))
    assert ones_complement(pseudo + segment) == 0xFFFF, "the checksum is wrong"
    ports = (int.from_bytes(segment[:2]), int.from_bytes(segment[2:4]))
    if protocol == 17:
        assert int.from_bytes(segment[4:6]) == len(segment)
        body, sequence = segment[8:], 0
    else:
        assert protocol == 6
        body, sequence = segment[(segment[12] >> 4) * 4 :], int.from_bytes(segment[4:8])
    return Read(at, protocol, str(ip_address(source)), str(ip_address(target)), ports, sequence, body)


@pytest.mark.parametrize("length", [0, 1, 400, 401, 65_000])
@pytest.mark.parametrize(("transport", "protocol"), [("udp", 17), ("tcp", 6), ("tls", 6)])
@pytest.mark.parametrize(
    "places", [("192.0.2.1", "192.0.2.9"), ("2001:db8::1", "2001:db8::9"), ("192.0.2.1", "::1")]
)
def test_captures_are_read_back(places: tuple[str, str], transport: str, protocol: int, length: int) -> None:
    data = bytes(at % 251 for at in range(length))
    writer = PcapWriter()
    made = FILE_HEADER + writer.records(
        1_780_000_000.123456, transport, (places[0], 5060), (places[1], 5061), data
    )
    packets = list(read_pcap(made))
    assert b"".join(packet.payload for packet in packets) == data
    for packet in packets:
        assert (packet.protocol, packet.ports) == (protocol, (5060, 5061))
        assert abs(packet.at - 1_780_000_000.123456) < 1e-5
        assert ip_address(packet.target) == ip_address(places[1])


def test_messages_of_one_stream_follow_each_other() -> None:
    writer = PcapWriter()
    here, there = ("192.0.2.1", 5060), ("192.0.2.9", 40_000)
    made = writer.records(1.0, "tcp", here, there, b"a" * 10) + writer.records(
        2.0, "tcp", here, there, b"b" * 5
    )
    made += writer.records(3.0, "tcp", there, here, b"c")
    assert [packet.sequence for packet in read_pcap(FILE_HEADER + made)] == [1, 11, 1]


def read_hep(data: bytes) -> dict[int, bytes]:
    assert data[:4] == b"HEP3" and int.from_bytes(data[4:6]) == len(data)
    at, chunks = 6, {}
    while at < len(data):
        vendor, kind, length = struct.unpack_from("!HHH", data, at)
        assert vendor == 0 and length >= 6 and kind not in chunks
        chunks[kind] = data[at + 6 : at + length]
        at += length
    assert at == len(data)
    return chunks


def test_hep_packets_are_read_back() -> None:
    packet = HepPacket(
        at=1_780_000_000.25, transport="udp", sender=("192.0.2.9", 5060), receiver=("192.0.2.1", 5062),
        payload=b"INVITE", correlation="call-1",
    )  # fmt: skip
    chunks = read_hep(encode(packet, HepSettings(capture_id=2001, password="pass")))
    assert chunks == {
        1: b"\x02", 2: b"\x11", 3: bytes((192, 0, 2, 9)), 4: bytes((192, 0, 2, 1)), 7: (5060).to_bytes(2),
        8: (5062).to_bytes(2), 9: (1_780_000_000).to_bytes(4), 10: (250_000).to_bytes(4), 11: b"\x01",
        12: (2001).to_bytes(4), 14: b"pass", 17: b"call-1", 15: b"INVITE",
    }  # fmt: skip


def test_hep_over_ipv6_and_of_the_longest_message() -> None:
    packet = HepPacket(
        at=1.0, transport="tls", sender=("2001:db8::9", 1), receiver=("2001:db8::1", 2), payload=b"x" * 70_000,
        correlation="",
    )  # fmt: skip
    made = encode(packet, HepSettings(capture_id=1))
    chunks = read_hep(made)
    assert len(made) < 65_508 and chunks[1] == b"\x0a" and chunks[2] == b"\x06" and len(chunks[5]) == 16
    assert 14 not in chunks and 17 not in chunks
    with pytest.raises(ValueError):
        encode(HepPacket(at=1, transport="udp", sender=("1.2.3.4", 1), receiver=("::1", 1), payload=b"",
                         correlation=""), HepSettings(capture_id=1))  # fmt: skip


def test_text_has_a_line_with_both_addresses_before_each_message() -> None:
    made = entry(0.5, "udp", "192.0.2.9:5060", "192.0.2.1:5060", b"OPTIONS sip:x SIP/2.0\r\nVia: y\r\n\r\n")
    assert (
        made
        == "UDP 1970/01/01 00:00:00.500000 192.0.2.9:5060 -> 192.0.2.1:5060\nOPTIONS sip:x SIP/2.0\nVia: y\n\n"
    )
