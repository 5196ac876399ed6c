"""Proves of RTCP: when it is sent and what is in it, BYE at the end, round trips, what a peer's reports change (figures and
one alarm) and what they never do (media, calls), RTCP on the port of RTP and on a negotiated port, strangers, and that no
truncation or mutation of any of its packets raises or stops audio.

Does not prove SRTCP (test_srtp*.py); our bytes are read by aiortc in test_rtp_packets.py.
"""

import itertools
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from media_room import Peer, Room, noise

from softswitch.rtp import rtcp
from softswitch.rtp.commands import Bridge, CloseLeg
from softswitch.rtp.reports import LegStats, QualityAlarm
from softswitch.rtp.rtcp_session import COMPENSATION, INTERVAL_S, RtcpSession

WALL_AHEAD = 1_700_000_000


def packet(kind: int, count: int, body: bytes) -> bytes:
    return bytes((0x80 | count, kind)) + struct.pack("!H", len(body) // 4) + body


def everything(ssrc: int = 7, block: rtcp.ReportBlock | None = None) -> bytes:
    """SR with a block, SDES with two items, APP, XR with a receiver reference time, BYE with a reason."""
    sender = rtcp.SenderInfo(wall=1_700_000_000.25, timestamp=1, packets=2, octets=3)
    block = block or rtcp.ReportBlock(1, 2, 3, 4, 5, 6, 7)
    report = packet(200, 1, ssrc.to_bytes(4) + sender.serialize() + block.serialize())
    names = packet(202, 1, ssrc.to_bytes(4) + b"\x01\x05a@b.c" + b"\x06\x02hi" + b"\0")
    app = packet(204, 0, ssrc.to_bytes(4) + b"name" + b"data")
    extended = packet(207, 0, ssrc.to_bytes(4) + b"\x04\0\0\x02" + bytes(8))
    bye = packet(203, 1, ssrc.to_bytes(4) + b"\x03bye")
    return report + names + app + extended + bye


def bridged(**more: object) -> tuple[Room, Peer, Peer]:
    room = Room()
    a, b = room.phone("a", **more), room.phone("b")
    room.do(Bridge(a=a.leg, b=b.leg))
    return room, a, b


def talk(room: Room, seconds: float, *peers: Peer) -> None:
    for n in range(round(seconds / 0.02)):
        for peer in peers:
            peer.speak(noise(n))
        room.run(0.02)
    room.engine.sent.clear()


def reports_to(room: Room, peer: Peer) -> list[tuple[int, tuple[str, int], bytes]]:
    return [sent for sent in room.engine.control_sent if sent[1][0] == peer.address[0]]


def test_all_that_a_compound_packet_holds_is_read() -> None:
    received = rtcp.parse(everything())
    assert received is not None
    assert (received.ssrc, received.cname, received.bye) == (7, "a@b.c", True)
    assert received.blocks == (rtcp.ReportBlock(1, 2, 3, 4, 5, 6, 7),)
    assert received.ntp_middle == rtcp.ntp_middle(1_700_000_000.25)


def test_no_truncation_raises_or_is_read_beyond_its_packets() -> None:
    whole = everything()
    ends = set()
    at = 0
    while at < len(whole):
        at += 4 + 4 * int.from_bytes(whole[at + 2 : at + 4])
        ends.add(at)
    for end in range(len(whole) + 1):
        assert (rtcp.parse(whole[:end]) is not None) == (end in ends), end


@pytest.mark.parametrize(
    "broken",
    [
        packet(200, 1, bytes(24)),  # no room for its block
        packet(201, 2, bytes(4 + 24)),
        packet(201, 0, bytes(4))
        + packet(202, 1, bytes(4) + b"\x01\xff" + bytes(6)),  # an item longer than its chunk
        packet(201, 0, bytes(4)) + packet(202, 2, bytes(8)),  # a chunk that is not there
        packet(201, 0, bytes(4)) + packet(203, 3, bytes(8)),
        packet(201, 0, bytes(4)) + packet(204, 0, bytes(4)),
        packet(201, 0, bytes(4)) + packet(207, 0, bytes(4) + b"\x07\0\0\x09" + bytes(8)),
        packet(201, 0, bytes(4)) + bytes((0xA0, 203, 0, 1)) + bytes(4),  # padded by 0
        packet(202, 0, bytes(4)),  # begins with no report
    ],
)
def test_one_wrong_length_makes_it_no_packet(broken: bytes) -> None:
    assert rtcp.parse(broken) is None


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=200), at=st.integers(0, 150), value=st.integers(0, 255))
def test_no_bytes_raise(data: bytes, at: int, value: int) -> None:
    rtcp.parse(data)
    mutated = bytearray(everything())
    mutated[at % len(mutated)] = value
    rtcp.parse(bytes(mutated))
    RtcpSession().take(bytes(mutated), 7, 100, 1.0, 1_700_000_001.0)


def test_truncated_rtcp_changes_nothing_of_a_call() -> None:
    room, a, b = bridged(rtcp_mux=True)
    talk(room, 1, a, b)
    whole = everything(a.ssrc)
    for end in range(len(whole)):
        room.engine.arrive(a.port + 1, whole[:end], a.address)
        room.engine.arrive(a.port, whole[:end], a.address)
        a.speak(noise(end))
        room.run(0.02)
        assert [each.payload for each in b.heard()] == [noise(end)]


def test_reports_come_at_random_within_half_and_one_and_a_half_of_the_interval() -> None:
    room, a, b = bridged()
    times: list[float] = []
    for _ in range(50):
        before = len(reports_to(room, a))
        talk(room, 1, a, b)
        times += [room.now] * (len(reports_to(room, a)) - before)
    shortest, longest = 0.5 * INTERVAL_S / COMPENSATION, 1.5 * INTERVAL_S / COMPENSATION
    gaps = [later - sooner for sooner, later in itertools.pairwise(times)]
    assert all(shortest - 1.3 < gap < longest + 1.3 for gap in gaps)
    assert max(gaps) - min(gaps) > 1, "at random"
    assert 50 / 6.5 < len(times) < 50 / 2


def test_a_compound_packet_has_a_sender_report_and_a_name_that_says_nothing() -> None:
    room, a, b = bridged()
    talk(room, 15, a, b)
    names = set()
    for port, to, data in reports_to(room, a):
        assert (port, to) == (a.port + 1, (a.address[0], a.address[1] + 1))
        received = rtcp.parse(data)
        assert received is not None and received.ntp_middle and not received.bye
        assert received.blocks[0].ssrc == a.ssrc
        names.add(received.cname)
    (name,) = names
    assert len(name) == 24 and f"{received.ssrc:08x}" not in name
    (stats,) = [room.stats(b.leg)]
    assert stats.rtt_ms is None


def test_a_leg_that_reported_says_bye_and_one_that_did_not_does_not() -> None:
    room, a, b = bridged()
    room.do(CloseLeg(leg=room.phone("c").leg))
    assert room.engine.control_sent == []
    talk(room, 8, a, b)
    before = len(reports_to(room, a))
    room.do(CloseLeg(leg=a.leg))
    (said,) = [rtcp.parse(data) for _, _, data in reports_to(room, a)[before:]]
    assert said is not None and said.bye and said.cname


def report_of(room: Room, peer: Peer, ours: bytes, *, delay_s: float, highest: int = 9) -> bytes:
    """What `peer` answers to our report `ours`."""
    received = rtcp.parse(ours)
    assert received is not None
    block = rtcp.ReportBlock(received.ssrc, 0, 0, highest, 16, received.ntp_middle, int(delay_s * 65536))
    return rtcp.compound(peer.ssrc, None, block, "peer")


def test_the_round_trip_is_what_is_left_of_the_delay() -> None:
    room, a, b = bridged()
    while not reports_to(room, a):
        talk(room, 0.1, a, b)
    ours = reports_to(room, a)[-1][2]
    sent = room.now
    talk(room, 1.0, a, b)
    passed = room.now - sent
    room.engine.arrive(a.port + 1, report_of(room, a, ours, delay_s=passed - 0.08), a.address)
    room.run()
    measured = room.stats(a.leg).rtt_ms
    assert measured is not None and 80 <= measured <= 80 + 150, "our report left up to 0.1 s before we looked"
    forged = rtcp.ReportBlock(rtcp.parse(ours).ssrc, 0, 0, 9, 16, 12345, 0)  # type: ignore[union-attr]
    room.engine.arrive(a.port + 1, rtcp.compound(a.ssrc, None, forged, "x"), a.address)
    room.run()
    assert room.stats(a.leg).rtt_ms == measured, "of no report of ours"


def test_a_peers_bye_ends_nothing() -> None:
    room, a, b = bridged()
    talk(room, 1, a, b)
    room.engine.arrive(a.port + 1, rtcp.compound(a.ssrc, None, None, "x", bye=True), a.address)
    a.speak(noise(1))
    b.speak(noise(2))
    room.run()
    assert [each.payload for each in b.heard()] == [noise(1)]
    assert [each.payload for each in a.heard()] == [noise(2)]


def test_a_strangers_rtcp_is_not_read() -> None:
    room, a, b = bridged()
    talk(room, 1, a, b)
    ssrc = a.heard()[0].ssrc if a.heard() else 0
    lost = rtcp.compound(a.ssrc, None, rtcp.ReportBlock(ssrc, 255, 99, 1, 1, 0, 0), "x")
    room.engine.arrive(a.port + 1, lost, ("192.0.2.66", a.address[1] + 1))
    room.run()
    assert room.stats(a.leg).peer_lost == 0


def peer_reports(room: Room, peer: Peer, ssrc: int, highest: int) -> None:
    data = rtcp.compound(peer.ssrc, None, rtcp.ReportBlock(ssrc, 255, 200, highest, 0, 0, 0), "x")
    room.engine.arrive(peer.port + 1, data, peer.address)
    room.run()


def test_one_who_receives_nothing_of_ours_is_told_after_two_reports() -> None:
    room, a, b = bridged()
    a.speak(noise(1))
    b.speak(noise(1))
    room.run()
    ssrc = a.heard()[0].ssrc
    for highest in (100, 100, 100):
        talk(room, 5, a, b)
        peer_reports(room, a, ssrc, highest)
    talk(room, 1, a, b)
    told = [report for report in room.told(QualityAlarm) if isinstance(report, QualityAlarm)]
    assert [(each.leg, each.kind, each.reason, each.raised) for each in told] == [
        ("a", "one-way", "unreached", True)
    ]
    assert not room.stats(a.leg).reached
    peer_reports(room, a, ssrc, 350)
    talk(room, 1, a, b)
    assert room.stats(a.leg).reached and room.stats(a.leg).alarms == ()


# --- one port for both ----------------------------------------------------------------------------------------------------


def test_rtcp_on_the_port_of_rtp_is_read_and_sent_there_where_that_was_agreed() -> None:
    room, a, b = bridged(rtcp_mux=True)
    talk(room, 8, a, b)
    assert {(port, to) for port, to, _ in reports_to(room, a)} == {(a.port, a.address)}
    assert {(port, to) for port, to, _ in reports_to(room, b)} == {
        (b.port + 1, (b.address[0], b.address[1] + 1))
    }
    ssrc = rtcp.parse(reports_to(room, a)[0][2]).ssrc  # type: ignore[union-attr]
    lost = rtcp.compound(a.ssrc, None, rtcp.ReportBlock(ssrc, 255, 42, 1, 8, 0, 0), "x")
    room.engine.arrive(a.port, lost, a.address)
    a.speak(noise(5))
    b.speak(noise(6))
    room.run()
    assert [each.payload for each in b.heard()] == [noise(5)]
    stats: LegStats = room.stats(a.leg)
    assert (stats.peer_lost, stats.peer_jitter_ms, stats.malformed) == (42, 1.0, 0)


def test_rtcp_on_the_port_of_rtp_is_malformed_where_it_was_not_agreed() -> None:
    room, a, b = bridged()
    talk(room, 1, a, b)
    room.engine.arrive(a.port, everything(a.ssrc), a.address)
    room.run()
    assert room.stats(a.leg).malformed == 1


def test_a_leg_that_still_learns_its_peer_learns_nothing_from_rtcp() -> None:
    room = Room()
    a = room.phone("a", rtcp_mux=True, latch=True)
    for _ in range(6):
        room.engine.arrive(a.port, everything(a.ssrc), ("192.0.2.66", 9))
        room.run()
    assert room.stats(a.leg).strangers == 6
    assert room.engine.mode_of(a.port) == "open"


def test_a_negotiated_port_takes_the_reports() -> None:
    room, a, b = bridged(rtcp_port=7777)
    talk(room, 8, a, b)
    assert {to for _, to, _ in reports_to(room, a)} == {(a.address[0], 7777)}
