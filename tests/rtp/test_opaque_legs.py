"""Proves, on loopback sockets through a whole Exchange, that a leg which only passes on gives every datagram to the far one
as it came, in both directions, RTP, RTCP and UDPTL; that it learns its peer and locks, keeps strangers, other versions,
floods and oversized datagrams out, sends nothing to who does not want it, takes ports from the same pool and gives them
back, and costs nobody else anything.

Does not prove what is offered to whom: `tests/story/test_streams_story.py`.
"""

import random
import socket
from collections.abc import Iterator

import pytest
from media_room import FakeLibrary, FakeTap, Room

from softswitch.ids import LegId
from softswitch.rtp.commands import (
    AskPeers,
    AskStats,
    Bridge,
    CloseLeg,
    Command,
    OpenLeg,
    SetPeer,
    Unbridge,
)
from softswitch.rtp.datagram_ports import DatagramPorts
from softswitch.rtp.exchange import Exchange
from softswitch.rtp.opaque_leg import BURST_S, LONGEST, MOST_PER_S, OpaqueLeg
from softswitch.rtp.portrange import PortRange
from softswitch.rtp.reports import (
    CommandRefused,
    LegClosed,
    LegFailed,
    LegOpened,
    LegStats,
    PeerIs,
    Report,
)
from softswitch.testing.engine import MemoryEngine

A, B = LegId("a"), LegId("b")
HOST = "127.0.0.1"


class Wire:
    """An exchange with real ports for what it passes on, and two peers."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.reports: list[Report] = []
        self.exchange = Exchange(
            engine=MemoryEngine(),
            tap=FakeTap(),
            library=FakeLibrary(),
            ports=PortRange.parse("28600-28607"),
            quiet_s=5.0,
            silent_s=0.0,
            entropy=bytes(range(16)),
            report=self.reports.append,
            datagrams=DatagramPorts(),
        )
        self.peers = {each: self._peer() for each in (A, B)}
        self.ports: dict[LegId, int] = {}

    @staticmethod
    def _peer() -> tuple[socket.socket, socket.socket]:
        """Media and, one above, control."""
        while True:
            media, control = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
            media.bind((HOST, 0))
            try:
                control.bind((HOST, media.getsockname()[1] + 1))
            except OSError:
                media.close()
                control.close()
                continue
            for each in (media, control):
                each.settimeout(1.0)
            return media, control

    def do(self, command: Command) -> list[Report]:
        before = len(self.reports)
        self.exchange.execute(command, self.now)
        return self.reports[before:]

    def open(self, leg: LegId, *, codec: str = "rtp", **more: object) -> None:
        (opened,) = self.do(OpenLeg(leg=leg, address=HOST, opaque=True))
        assert isinstance(opened, LegOpened)
        self.ports[leg] = opened.port
        assert self.aim(leg, codec=codec, **more) == []

    def aim(self, leg: LegId, *, codec: str = "rtp", **more: object) -> list[Report]:
        told = {
            "address": HOST,
            "port": self.peers[leg][0].getsockname()[1],
            "payload_type": 0,
            "event_payload_type": None,
            **more,
        }
        return self.do(SetPeer(leg=leg, codec=codec, **told))  # type: ignore[arg-type]

    def send(
        self, leg: LegId, data: bytes, *, control: bool = False, by: socket.socket | None = None
    ) -> None:
        sender = by or self.peers[leg][control]
        sender.sendto(data, (HOST, self.ports[leg] + control))

    def tick(self) -> None:
        self.exchange.tick(self.now, self.now)
        self.now += 0.005

    def heard(self, leg: LegId, *, control: bool = False) -> bytes | None:
        peer = self.peers[leg][control]
        peer.setblocking(False)
        try:
            return peer.recv(65536)
        except BlockingIOError:
            return None

    def stats(self, leg: LegId) -> LegStats:
        (stats,) = self.do(AskStats(legs=(leg,)))
        assert isinstance(stats, LegStats)
        return stats


@pytest.fixture
def wire() -> Iterator[Wire]:
    made = Wire()
    yield made
    made.exchange.shut(made.now)
    for pair in made.peers.values():
        for each in pair:
            each.close()


def rtp(number: int, size: int = 1200) -> bytes:
    """With extension and padding bits, as video has them: nothing of it may be touched."""
    made = random.Random(number)
    return bytes([0xB0, 0xE0]) + number.to_bytes(2) + made.randbytes(size - 4)


def test_every_datagram_arrives_as_it_came_in_order(wire: Wire) -> None:
    wire.open(A)
    wire.open(B)
    wire.do(Bridge(a=A, b=B))
    for way, other in ((A, B), (B, A)):
        packets = [rtp(number, 40 + 17 * number) for number in range(60)]
        for packet in packets:
            wire.send(way, packet)
        wire.tick()
        assert [wire.heard(other) for _ in packets] == packets
        assert wire.heard(other) is None
    assert (wire.stats(A).packets_in, wire.stats(A).packets_out) == (60, 60)


def test_udptl_is_no_rtp_and_passes(wire: Wire) -> None:
    wire.open(A, codec="udptl")
    wire.open(B, codec="udptl")
    wire.do(Bridge(a=A, b=B))
    for packet in (b"\0\1\5\x06", b"\0\2" + bytes(300), b"\x7f"):
        wire.send(B, packet)
        wire.tick()
        assert wire.heard(A) == packet


def test_rtcp_goes_from_the_second_port_to_where_rtcp_came_from(wire: Wire) -> None:
    wire.open(A)
    wire.open(B)
    wire.do(Bridge(a=A, b=B))
    report = bytes([0x81, 206, 0, 2]) + bytes(range(8))
    wire.send(A, report, control=True)
    wire.tick()
    assert wire.heard(B, control=True) == report
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as elsewhere:
        elsewhere.bind((HOST, 0))
        elsewhere.settimeout(1.0)
        wire.send(B, report, control=True, by=elsewhere)
        wire.tick()
        assert wire.heard(A, control=True) == report
        wire.send(A, report, control=True)
        wire.tick()
        assert elsewhere.recv(100) == report
    wire.send(A, b"\0" * 20, control=True)
    wire.tick()
    assert wire.heard(B, control=True) is None


def test_a_stranger_is_not_heard_and_a_peer_behind_nat_is_learnt_once(wire: Wire) -> None:
    wire.open(A, latch=True, port=9)
    wire.open(B)
    wire.do(Bridge(a=A, b=B))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind((HOST, 0))
        for number in range(4):
            wire.send(A, rtp(1, 20)[:4] + bytes(8) + bytes([number]))
            wire.tick()
        wire.send(B, rtp(9))
        wire.tick()
        assert wire.heard(A) == rtp(9), "what we send goes where it came from"
        while wire.heard(B) is not None:
            pass
        wire.send(A, rtp(5), by=stranger)
        wire.tick()
        assert wire.heard(B) is None
    assert wire.stats(A).strangers == 1


def test_what_is_no_rtp_or_too_long_stays_outside(wire: Wire) -> None:
    wire.open(A)
    wire.open(B)
    wire.do(Bridge(a=A, b=B))
    for data in (b"", b"\x80" * 11, b"\x00\x01" + bytes(30), b"\x80" + bytes(LONGEST)):
        wire.send(A, data)
    wire.tick()
    assert wire.heard(B) is None
    assert wire.stats(A).malformed == 4


def test_a_flood_is_cut_to_what_anybody_needs() -> None:
    leg = OpaqueLeg(A, HOST, 4000, 0.0)
    leg.negotiate(
        SetPeer(leg=A, address=HOST, port=5000, codec="rtp", payload_type=0, event_payload_type=None)
    )
    packet = rtp(1, 100)
    taken = sum(leg.takes(packet, (HOST, 5000), 0.0) for _ in range(3 * MOST_PER_S))
    assert taken == pytest.approx(MOST_PER_S * BURST_S, abs=2)
    assert sum(leg.takes(packet, (HOST, 5000), 1.0) for _ in range(3 * MOST_PER_S)) <= MOST_PER_S + 2


def test_directions_hold(wire: Wire) -> None:
    wire.open(A, send=False)
    wire.open(B)
    wire.do(Bridge(a=A, b=B))
    wire.send(B, rtp(1))
    wire.send(A, rtp(2))
    wire.tick()
    assert wire.heard(A) is None and wire.heard(B) == rtp(2)
    assert wire.aim(A, receive=False) == []
    wire.send(B, rtp(3))
    wire.send(A, rtp(4))
    wire.tick()
    assert wire.heard(A) == rtp(3) and wire.heard(B) is None


def test_nothing_goes_on_without_a_bridge(wire: Wire) -> None:
    wire.open(A)
    wire.open(B)
    wire.send(A, rtp(1))
    wire.tick()
    wire.do(Bridge(a=A, b=B))
    wire.tick()
    assert wire.heard(B) is None, "what came before is gone"
    wire.do(Unbridge(leg=B))
    wire.send(A, rtp(2))
    wire.tick()
    assert wire.heard(B) is None


def test_ports_are_of_the_pool_and_come_back(wire: Wire) -> None:
    for name in "abcd":
        (opened,) = wire.do(OpenLeg(leg=LegId(name), address=HOST, opaque=True))
        assert isinstance(opened, LegOpened) and opened.port in range(28600, 28608, 2)
    (full,) = wire.do(OpenLeg(leg=LegId("e"), address=HOST, opaque=True))
    assert isinstance(full, LegFailed)
    assert len(wire.exchange) == 4 and wire.exchange.busy and not wire.exchange.resting
    (closed,) = wire.do(CloseLeg(leg=A))
    assert isinstance(closed, LegClosed)
    (quiet,) = wire.do(OpenLeg(leg=LegId("e"), address=HOST, opaque=True))
    assert isinstance(quiet, LegFailed), "a late packet must not reach the next leg"
    wire.now += 6
    (again,) = wire.do(OpenLeg(leg=LegId("e"), address=HOST, opaque=True))
    assert isinstance(again, LegOpened)


def test_what_makes_no_sense_is_refused(wire: Wire) -> None:
    wire.open(A)
    wire.do(OpenLeg(leg=LegId("audio"), address=HOST))
    for command in (
        OpenLeg(leg=A, address=HOST, opaque=True),
        OpenLeg(leg=A, address=HOST),
        Bridge(a=A, b=LegId("audio")),
        Bridge(a=A, b=A),
        SetPeer(leg=A, address=HOST, port=1, codec="PCMU", payload_type=0, event_payload_type=None),
        SetPeer(leg=A, address="239.1.1.1", port=1, codec="rtp", payload_type=0, event_payload_type=None),
    ):
        (refused,) = wire.do(command)
        assert isinstance(refused, CommandRefused), command


def test_a_controller_that_comes_back_is_told_of_them(wire: Wire) -> None:
    wire.open(A)
    (known,) = wire.do(AskPeers())
    assert isinstance(known, PeerIs) and known.opaque and known.port == wire.ports[A]
    assert known.peer is not None and known.peer.codec == "rtp"


def test_a_room_without_such_ports_says_so() -> None:
    room = Room()
    (failed,) = room.do(OpenLeg(leg=A, address=HOST, opaque=True))
    assert isinstance(failed, LegFailed)
    assert room.exchange.resting or not room.exchange.busy
