"""Proves: our vectorised RTP parser agrees with aiortc's on thousands of random and mutated packets; loss, duplicates,
order and jitter agree with a plain reading of RFC 3550; RTCP that we write is read by aiortc, and theirs by us; nothing
raises on any truncation; ports are even, random, quiet after use.

Does not prove what is done with the packets (test_rtp_relay.py).
"""

import itertools

import numpy as np
import pytest
from aiortc.rtp import RtcpPacket, RtcpRrPacket, RtcpSdesPacket, RtcpSrPacket, RtpPacket
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from softswitch.errors import UnusableError
from softswitch.rtp import rtcp, statistics
from softswitch.rtp.packet import HEADER, WIDTH, parse
from softswitch.rtp.portrange import PortRange
from softswitch.rtp.ports import PortAllocator
from softswitch.rtp.rtcp_session import RtcpSession
from softswitch.rtp.table import LegTable


def parsed(datagrams: list[bytes]) -> list[bytes | None]:
    rows = np.zeros((len(datagrams), WIDTH), np.uint8)
    for n, data in enumerate(datagrams):
        rows[n, : min(len(data), WIDTH)] = np.frombuffer(data[:WIDTH], np.uint8)
    result = parse(rows, np.array([len(data) for data in datagrams], np.int32))
    return [
        rows[n, 12 : 12 + result.payload[n]].tobytes() if result.valid[n] else None
        for n in range(len(datagrams))
    ]


def theirs(data: bytes) -> bytes | None:
    try:
        return RtpPacket.parse(data).payload if len(data) <= WIDTH else None
    except (ValueError, IndexError):
        return None


def made(random: np.random.Generator) -> bytes:
    packet = RtpPacket(payload_type=int(random.integers(128)), sequence_number=int(random.integers(65536)))
    packet.payload = random.bytes(int(random.integers(0, 320)))
    packet.csrc = [int(each) for each in random.integers(0, 1 << 32, random.integers(0, 4))]
    packet.padding_size = int(random.integers(0, 12)) if random.integers(2) else 0
    data = bytearray(packet.serialize())
    if random.integers(2):
        end = 12 + 4 * len(packet.csrc)
        words = int(random.integers(0, 5))
        data[0] |= 0x10
        data[end:end] = b"\xab\xcd" + words.to_bytes(2) + random.bytes(4 * words)
    return bytes(data)


def test_parsing_agrees_with_aiortc() -> None:
    random = np.random.default_rng(11)
    whole = [made(random) for _ in range(3000)]
    assert parsed(whole) == [theirs(data) for data in whole]
    assert all(each is not None for each in parsed(whole))


def test_parsing_of_broken_packets_agrees_with_aiortc() -> None:
    random = np.random.default_rng(12)
    broken = []
    for _ in range(5000):
        data = bytearray(made(random))
        if random.integers(2):
            data[int(random.integers(0, 4))] = random.integers(256)
        broken.append(bytes(data[: int(random.integers(0, len(data) + 1))]))
    ours = parsed(broken)
    different = [
        (data.hex(), mine)
        for data, mine in zip(broken, ours, strict=True)
        if mine != theirs(data) and (data[:1] and data[0] >> 6 == 2)
    ]
    assert different == []
    assert all(mine is None for data, mine in zip(broken, ours, strict=True) if not data or data[0] >> 6 != 2)


class Naive:
    """One stream as RFC 3550 tells it, packet by packet."""

    def __init__(self) -> None:
        self.seen: set[int] = set()
        self.highest = self.base = -1
        self.late = self.again = 0
        self.jitter, self.transit = 0.0, None

    def take(self, extended: int, timestamp: int, arrival: float) -> None:
        if self.base < 0:
            self.base = self.highest = extended
        if extended in self.seen:
            self.again += 1
            return
        self.late += extended < self.highest
        self.seen.add(extended)
        self.base = min(self.base, extended)
        self.highest = max(self.highest, extended)
        transit = int(arrival * 8000) - timestamp
        if self.transit is not None:
            self.jitter += (abs(transit - self.transit) - self.jitter) / 16
        self.transit = transit


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_counts_agree_with_a_plain_reading_of_the_rfc(data: st.DataObject) -> None:
    start = data.draw(st.integers(65536, 2 * 65536))
    moves = data.draw(st.lists(st.integers(-20, 40), min_size=1, max_size=80))
    # within the window in which late packets belong to the same stream
    assume(max(itertools.accumulate(moves)) - min(itertools.accumulate(moves)) < 60 or min(moves) >= 0)
    table, slot, naive = LegTable(4), np.array([2], np.int32), Naive()
    position, now = start, 50.0
    for move in moves:
        position += move
        now += abs(move) * 0.0071
        timestamp = (position * 160 + 0xFFFF0000) & 0xFFFFFFFF
        naive.take(position, timestamp, now)
        header = np.zeros(1, HEADER)
        header["sequence"], header["timestamp"], header["ssrc"] = position & 0xFFFF, timestamp, 9
        fresh = statistics.receive(table, slot, header, np.array([160], np.int32), now, np.array([now]))
        if fresh[0]:
            statistics.measure_jitter(table, slot, header["timestamp"], now)
    assert table.packets_in[2] == len(moves)
    inside = naive.highest - naive.base + 1
    assert statistics.lost(table, 2) == inside - len(naive.seen)
    assert table.out_of_order[2] == naive.late
    assert table.duplicates[2] == naive.again


def test_jitter_is_that_of_the_rfc() -> None:
    table, slot, naive = LegTable(1), np.array([0], np.int32), Naive()
    random = np.random.default_rng(4)
    for n in range(500):
        arrival = 10 + n * 0.02 + random.uniform(0, 0.03)
        header = np.zeros(1, HEADER)
        header["sequence"], header["timestamp"] = n & 0xFFFF, n * 160
        naive.take(n, n * 160, arrival)
        statistics.receive(table, slot, header, np.array([160], np.int32), arrival, np.array([arrival]))
        statistics.measure_jitter(table, slot, header["timestamp"], arrival)
    assert table.jitter[0] == pytest.approx(naive.jitter, rel=1e-6)


def test_losses_of_earlier_streams_are_kept() -> None:
    table, slot = LegTable(1), np.array([0], np.int32)
    for ssrc, numbers in ((1, (10, 11, 14)), (2, (65535, 1)), (2, (40000, 40002))):
        for number in numbers:
            header = np.zeros(1, HEADER)
            header["sequence"], header["ssrc"] = number, ssrc
            statistics.receive(table, slot, header, np.array([160], np.int32), 1.0, np.array([1.0]))
    assert statistics.lost(table, 0) == 2 + 1 + 1


def test_our_rtcp_is_read_by_aiortc_and_theirs_by_us() -> None:
    block = rtcp.ReportBlock(7, 12, -5, 70000, 33, 0x12345678, 99)
    sender = rtcp.SenderInfo(wall=1_700_000_000.5, timestamp=5, packets=6, octets=960)
    report, names = RtcpPacket.parse(rtcp.compound(77, sender, block, "0000004d"))
    assert isinstance(report, RtcpSrPacket)
    assert isinstance(names, RtcpSdesPacket)
    assert (report.ssrc, report.sender_info.packet_count, report.sender_info.octet_count) == (77, 6, 960)
    assert report.sender_info.ntp_timestamp == (1_700_000_000 + 2_208_988_800 << 32) + (1 << 31)
    (theirs_,) = report.reports
    assert (theirs_.packets_lost, theirs_.highest_sequence, theirs_.jitter, theirs_.lsr) == (
        -5,
        70000,
        33,
        0x12345678,
    )
    assert names.chunks[0].items == [(1, b"0000004d")]
    empty, _ = RtcpPacket.parse(rtcp.compound(77, None, None, "x"))
    assert isinstance(empty, RtcpRrPacket)
    received = rtcp.parse(bytes(report) + bytes(names))
    assert received is not None
    assert received.blocks == (block,)
    assert received.ntp_middle == report.sender_info.ntp_timestamp >> 16 & 0xFFFFFFFF
    session = RtcpSession()
    assert session.take(bytes(report), our_ssrc=7, sent=0, now=10.0, wall=1_700_000_001.0)
    assert (session.peer_lost, session.peer_jitter) == (0, 33)
    again = session.block(1, expected=100, received=75, highest=9, jitter=3.7, now=12.0)
    assert (again.fraction_lost, again.lost, again.delay, again.jitter) == (64, 25, 2 * 65536, 3)


def test_no_truncation_or_mutation_of_rtcp_raises() -> None:
    whole = rtcp.compound(7, None, rtcp.ReportBlock(7, 0, 0, 0, 0, 0, 0), "cname")
    assert all(rtcp.parse(whole[:end]) is None for end in range(32))
    random = np.random.default_rng(2)
    read = 0
    for _ in range(5000):
        data = bytearray(whole)
        for _ in range(random.integers(1, 5)):
            data[random.integers(len(data))] = random.integers(256)
        read += rtcp.parse(bytes(data)) is not None
    assert 0 < read < 5000


def test_ports_are_even_random_unique_and_quiet_after_use() -> None:
    ports = PortAllocator(PortRange.parse("10001-10100"), 5.0, bytes(range(16)))
    taken = [ports.take(0.0) for _ in range(49)]
    assert sorted(port for port in taken if port) == list(range(10002, 10100, 2))
    assert taken != sorted(port for port in taken if port)
    assert ports.take(0.0) is None
    ports.release(10050, 10.0)
    assert ports.take(14.9) is None
    assert ports.take(15.0) == 10050


def test_a_port_range_is_split_without_overlap_and_checked() -> None:
    parts = PortRange.parse("10000-10099").split(3)
    assert [str(part) for part in parts] == ["10000-10031", "10032-10065", "10066-10099"]
    assert sum(part.pairs for part in parts) == 50
    for text in (
        "",
        "10000",
        "10000-",
        "9-20",
        "20000-10000",
        "1_0-20000",
        "10000-70000",
        "10000-10000",
        "٣-4",
    ):
        with pytest.raises(UnusableError):
            PortRange.parse(text)
    with pytest.raises(UnusableError):
        PortRange.parse("10000-10003").split(3)
