"""Proves on virtual time: relaying (bit-exact, header rewritten, one continuous stream over changing sources, payload
types mapped, laws translated), latching, counters, recording taps, keys, and that no mutation of a packet raises.

Does not prove anything about real sockets (test_media_worker.py) or prompts (test_rtp_playout.py).
"""

import itertools
import warnings

import numpy as np
import pytest
from media_room import TICK, Peer, Room, Rtp, ended, noise

from softswitch import g711
from softswitch.ids import LegId, RecordingId
from softswitch.rtp.commands import (
    Bridge,
    CloseLeg,
    Music,
    OpenLeg,
    PauseRecording,
    SendDigits,
    SetPeer,
    StartRecording,
    StopRecording,
    Unbridge,
)
from softswitch.rtp.dtmf import EventPayload
from softswitch.rtp.goertzel import BLOCK, KEYS, keys_of
from softswitch.rtp.prompt import Prompt
from softswitch.rtp.relay import BURST_S, MOST_PER_S
from softswitch.rtp.reports import (
    CommandRefused,
    DigitPressed,
    LegClosed,
    LegFailed,
    LegOpened,
    PeerSilent,
    RecordingEnded,
)
from softswitch.tap import RecordingSpec

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)
    import audioop


def talk(room: Room, a: Peer, b: Peer) -> None:
    room.do(Bridge(a=a.leg, b=b.leg))


def spec(name: str) -> RecordingSpec:
    return RecordingSpec(recording=RecordingId(name), path="x.wav", channels=2, encoding="PCMU", max_s=0)


def assert_one_stream(heard: list[Rtp]) -> None:
    """Sequence numbers follow each other, timestamps never step back, the SSRC stays."""
    for before, after in itertools.pairwise(heard):
        assert (after.sequence - before.sequence) & 0xFFFF == 1
        assert 0 < (after.timestamp - before.timestamp) & 0xFFFFFFFF < 80000
        assert after.ssrc == before.ssrc


def test_a_relayed_payload_is_bit_exact_and_leaves_in_the_same_tick() -> None:
    room = Room()
    a, b = room.phone("a"), room.phone("b")
    talk(room, a, b)
    for n in range(20):
        a.speak(noise(n))
        b.speak(noise(100 + n))
        room.run()
        (to_b,), (to_a,) = b.heard(), a.heard()
        assert (to_b.payload, to_a.payload) == (noise(n), noise(100 + n))
        assert to_b.ssrc not in (a.ssrc, b.ssrc)
        assert to_b.marker == (n == 0)


def test_several_packets_of_one_leg_in_one_tick_keep_their_order() -> None:
    room = Room()
    a, b = room.phone("a"), room.phone("b")
    talk(room, a, b)
    for n in range(10):
        a.speak(noise(n))
    room.run()
    heard = b.heard()
    assert [each.payload for each in heard] == [noise(n) for n in range(10)]
    assert_one_stream(heard)


def test_a_flood_of_one_peer_is_cut_down_and_harms_nobody_else() -> None:
    room = Room()
    a, b = room.phone("a"), room.phone("b")
    talk(room, a, b)
    for n in range(400):
        for part in range(10):
            a.speak(noise(n * 10 + part))
        if n % 4 == 0:
            b.speak(noise(n))
        room.run()
    relayed, back = b.heard(), a.heard()
    assert MOST_PER_S < len(relayed) <= MOST_PER_S * (400 * TICK + BURST_S) + 1, "2,000 a second came"
    assert [each.payload for each in back] == [noise(n) for n in range(0, 400, 4)]
    assert room.stats("a").malformed == 4000 - len(relayed)


def test_after_a_stall_nothing_is_written_before_all_that_waited_is_read() -> None:
    room = Room()
    a, b = room.phone("a"), room.phone("b")
    talk(room, a, b)
    room.do(StartRecording(spec=spec("r"), tracks=(a.leg, b.leg)))
    room.run(0.1)
    written: list[int] = []
    flush = room.tap.flush
    room.tap.flush = lambda now: written.append(len(room.tap.rows)) or flush(now)  # type: ignore[method-assign]
    room.now += 1.2
    for n in range(60):
        a.speak(noise(n))
    room.run(0.1)
    assert written and written[0] == 60


def test_loss_and_reordering_are_passed_on_and_counted() -> None:
    room = Room()
    a, b = room.phone("a"), room.phone("b")
    talk(room, a, b)
    packets = []
    for n in range(20):
        packets.append(a.packet(noise(n)))
        a.sequence += 1
        a.timestamp += 160
    order = [0, 1, 2, 4, 3, 5, 6, 9, 10, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]
    for n in order:
        room.engine.arrive(a.port, packets[n], a.address)
        room.run()
    heard = b.heard()
    base = heard[0].sequence
    assert [(each.sequence - base) & 0xFFFF for each in heard] == [n for i, n in enumerate(order) if i != 9]
    stats = room.stats(a.leg)
    assert (stats.packets_in, stats.lost, stats.duplicates, stats.out_of_order) == (19, 2, 1, 1)


def test_a_leg_hears_one_continuous_stream_from_music_over_two_agents_and_back() -> None:
    room = Room()
    room.library.prompts["music"] = Prompt.of(np.arange(1000, dtype=np.int16) * 20)
    caller, one, two = room.phone("caller"), room.phone("one"), room.phone("two")
    heard: list[Rtp] = []
    starts = []
    room.do(Music(leg=caller.leg, prompt="music"))
    room.run(0.1)
    for agent in (one, two):
        heard += caller.heard()
        starts.append(len(heard))
        talk(room, caller, agent)
        for n in range(5):
            agent.speak(noise(n))
            room.run(0.02)
        heard += caller.heard()
        starts.append(len(heard))
        room.do(Unbridge(leg=agent.leg))
        room.run(0.1)
    heard += caller.heard()
    assert_one_stream(heard)
    assert [n for n, each in enumerate(heard) if each.marker] == [0, *starts]
    assert heard[-1].timestamp - heard[0].timestamp & 0xFFFFFFFF == 0.48 * 8000


def test_a_new_stream_of_the_same_peer_goes_on_where_the_old_one_ended() -> None:
    room = Room()
    a, b = room.phone("a"), room.phone("b")
    talk(room, a, b)
    for n in range(4):
        a.speak(noise(n))
        room.run(0.02)
    a.ssrc, a.sequence, a.timestamp = 99, 30000, 5
    for n in range(4):
        a.speak(noise(n))
        room.run(0.02)
    heard = b.heard()
    assert_one_stream(heard)
    assert [each.marker for each in heard] == [True, False, False, False, True, False, False, False]
    assert room.stats(a.leg).lost == 0


def test_payload_types_are_mapped_and_the_marker_of_the_sender_is_kept() -> None:
    room = Room()
    a, b = room.phone("a", kind=96, event=97), room.phone("b", kind=0, event=101)
    talk(room, a, b)
    a.speak(noise(1))
    a.speak(noise(2), marker=True)
    room.run()
    assert [(each.kind, each.marker) for each in b.heard()] == [(0, True), (0, True)]


@pytest.mark.parametrize("size", [80, 160, 240])
def test_laws_are_translated_as_audioop_does(size: int) -> None:
    room = Room()
    a, b = room.phone("a", codec="PCMA"), room.phone("b", codec="PCMU")
    talk(room, a, b)
    a.speak(noise(1, size))
    b.speak(noise(2, size))
    room.run()
    assert b.heard()[0].payload == audioop.lin2ulaw(audioop.alaw2lin(noise(1, size), 2), 2)
    assert a.heard()[0].payload == audioop.lin2alaw(audioop.ulaw2lin(noise(2, size), 2), 2)


def test_extension_contributing_sources_and_padding_are_taken_off() -> None:
    room = Room()
    a, b = room.phone("a"), room.phone("b")
    talk(room, a, b)
    plain = a.packet(noise(1))
    fixed, payload = plain[1:12], plain[12:]
    extended = b"\x92" + fixed + bytes(8) + b"\xbe\xde\x00\x01" + bytes(4) + payload
    padded = b"\xa0" + fixed[:1] + bytes([fixed[1], fixed[2] + 1]) + fixed[3:] + payload + b"\0\0\0\x04"
    for data in (extended, padded):
        room.engine.arrive(a.port, data, a.address)
    room.run()
    assert [each.payload for each in b.heard()] == [noise(1), noise(1)]


def test_what_was_not_negotiated_is_dropped_and_counted() -> None:
    room = Room()
    a, b = room.phone("a"), room.phone("b")
    talk(room, a, b)
    for data in (
        a.packet(noise(1), kind=13),
        a.packet(noise(1), kind=8),
        b"\x80\x00",
        b"\0" * 20,
        b"",
        b"\x80" * 2000,
    ):
        room.engine.arrive(a.port, data, a.address)
        room.run()
    assert b.heard() == []
    assert room.stats(a.leg).malformed == 6


def test_hold_stops_sending_and_receiving_and_resume_goes_on() -> None:
    room = Room()
    a, b = room.phone("a"), room.phone("b")
    talk(room, a, b)
    held = SetPeer(
        leg=b.leg,
        address=b.address[0],
        port=b.address[1],
        codec="PCMU",
        payload_type=0,
        event_payload_type=101,
        send=False,
        receive=False,
    )
    room.do(held)
    a.speak(noise(1))
    b.speak(noise(2))
    room.run()
    assert a.heard() == b.heard() == []
    room.do(
        SetPeer(
            leg=b.leg, address="0.0.0.0", port=4000, codec="PCMU", payload_type=0, event_payload_type=None
        )
    )
    a.speak(noise(3))
    room.run()
    assert room.engine.sent == []
    room.do(
        SetPeer(
            leg=b.leg,
            address=b.address[0],
            port=b.address[1],
            codec="PCMU",
            payload_type=0,
            event_payload_type=101,
        )
    )
    a.speak(noise(4))
    b.speak(noise(5))
    room.run()
    assert ([x.payload for x in a.heard()], [x.payload for x in b.heard()]) == ([noise(5)], [noise(4)])


def test_nothing_is_taken_from_or_sent_to_a_stranger() -> None:
    room = Room()
    a, b = room.phone("a"), room.phone("b")
    talk(room, a, b)
    for n in range(50):
        room.engine.arrive(a.port, a.packet(noise(n)), ("203.0.113.9", 9))
        room.engine.arrive(a.port, a.packet(noise(n)), (a.address[0], a.address[1] + 2))
        room.run()
    assert b.heard() == []
    assert {to for _, to, _ in room.engine.sent} <= {a.address, b.address}
    stats = room.stats(a.leg)
    assert (stats.packets_in, stats.strangers) == (0, 100)


def test_a_leg_behind_nat_learns_its_peer_and_locks() -> None:
    room = Room()
    a, b = room.phone("a", latch=True), room.phone("b")
    talk(room, a, b)
    outside = ("198.51.100.7", 61234)
    b.speak(noise(1))
    room.run()
    assert room.engine.take_sent()[0][1] == a.address
    for n in range(3):
        room.engine.arrive(a.port, a.packet(noise(n)), outside)
        a.sequence += 1
        room.run()
    assert len(b.heard()) == 3
    assert room.engine.mode_of(a.port) == "locked"
    b.speak(noise(1))
    room.engine.arrive(a.port, a.packet(noise(9)), ("203.0.113.9", 61234))
    room.run()
    assert [to for _, to, _ in room.engine.take_sent()] == [outside]
    assert room.stats(a.leg).strangers == 1


def test_latching_takes_at_most_five_packets_of_a_wrong_source() -> None:
    room = Room()
    a, b = room.phone("a", latch=True), room.phone("b")
    talk(room, a, b)
    for n in range(3):
        for source in (("203.0.113.9", 5), ("198.51.100.7", 61234)):
            room.engine.arrive(a.port, a.packet(noise(n)), source)
            a.sequence += 1
            room.run()
    assert room.engine.mode_of(a.port) == "locked"
    assert len(b.heard()) <= 5
    assert room.engine.peer_of(a.port) == ("203.0.113.9", 5)
    for _ in range(10):
        room.engine.arrive(a.port, a.packet(noise(9)), ("198.51.100.7", 61234))
        a.sequence += 1
        room.run()
    assert b.heard() == []


def test_who_signals_from_there_is_heard_and_nobody_who_was_first() -> None:
    room = Room()
    a, b = room.phone("a", latch=True, latch_host="198.51.100.7"), room.phone("b")
    talk(room, a, b)
    for n in range(20):
        for source in (("203.0.113.9", 5), ("198.51.100.7", 61234))[: 1 if n < 10 else 2]:
            room.engine.arrive(a.port, a.packet(noise(n if source[1] == 61234 else 777)), source)
            a.sequence += 1
            room.run()
    assert [packet.payload for packet in b.heard()] == [noise(n) for n in range(10, 20)]
    assert room.engine.peer_of(a.port) == ("198.51.100.7", 61234)


def test_the_negotiated_source_locks_at_once_and_a_new_address_learns_again() -> None:
    room = Room()
    a = room.phone("a", latch=True)
    a.speak(noise(1))
    room.run()
    assert room.engine.mode_of(a.port) == "locked"
    again = SetPeer(
        leg=a.leg,
        address=a.address[0],
        port=a.address[1],
        codec="PCMU",
        payload_type=0,
        event_payload_type=101,
        latch=True,
    )
    room.do(again)
    assert room.engine.mode_of(a.port) == "locked"
    room.do(
        SetPeer(
            leg=a.leg,
            address="192.0.2.77",
            port=4444,
            codec="PCMU",
            payload_type=0,
            event_payload_type=101,
            latch=True,
        )
    )
    assert room.engine.mode_of(a.port) == "open"


def test_media_is_never_sent_to_a_group_or_a_name() -> None:
    room = Room()
    leg = LegId("a")
    room.do(OpenLeg(leg=leg, address="127.0.0.1"))
    for address in ("224.0.0.1", "255.255.255.255", "example.com", "", "1_0.0.0.1", "٣.0.0.1"):
        command = SetPeer(
            leg=leg, address=address, port=4000, codec="PCMU", payload_type=0, event_payload_type=None
        )
        (refused,) = room.do(command)
        assert isinstance(refused, CommandRefused)
        assert refused.leg == leg


def event(code: int, duration: int, *, end: bool = False, volume: int = 10) -> bytes:
    return EventPayload(code, end, volume, duration).serialize()


def test_a_key_is_told_once_and_relayed_with_the_other_payload_type() -> None:
    room = Room()
    a, b = room.phone("a", event=101), room.phone("b", event=96)
    talk(room, a, b)
    a.speak(noise(0))
    for n, duration in enumerate((160, 320, 480, 640, 640, 640)):
        data = a.packet(event(5, duration, end=n > 2), kind=101, marker=n == 0)
        a.sequence += 1
        room.engine.arrive(a.port, data, a.address)
        room.run(0.02)
    assert room.told(DigitPressed) == [DigitPressed(leg=a.leg, digit="5", method="rfc4733")]
    keys = [each for each in b.heard() if each.kind == 96]
    assert len(keys) == 6
    assert len({each.timestamp for each in keys}) == 1
    assert [each.marker for each in keys] == [True, False, False, False, False, False]


def test_audio_after_a_long_key_keeps_its_time() -> None:
    room = Room()
    a, b = room.phone("a"), room.phone("b")
    talk(room, a, b)
    a.speak(noise(0))
    room.run(0.02)
    for n in range(200):
        room.engine.arrive(a.port, a.packet(event(1, 160 * (n + 1)), kind=101), a.address)
        a.sequence += 1
        room.run(0.02)
    a.timestamp += 160 * 200
    a.speak(noise(1))
    room.run()
    heard = b.heard()
    assert heard[-1].timestamp - heard[0].timestamp & 0xFFFFFFFF == 160 * 201
    assert not heard[-1].marker


def test_keys_are_sent_as_events_while_bridged_and_the_stream_stays_one() -> None:
    room = Room()
    a, b = room.phone("a"), room.phone("b", event=96)
    talk(room, a, b)
    for n in range(30):
        a.speak(noise(n))
        if n == 5:
            room.do(SendDigits(leg=b.leg, digits="12"))
        room.run(0.02)
    heard = b.heard()
    keys = [each for each in heard if each.kind == 96]
    starts = [each for each in keys if each.marker]
    assert [each.payload[0] for each in starts] == [1, 2]
    for start in starts:
        packets = [EventPayload.parse(each.payload) for each in keys if each.timestamp == start.timestamp]
        assert [each.duration for each in packets if each] == [160, 320, 480, 640, 800, 800, 800]
        assert [each.end for each in packets if each] == [False] * 4 + [True] * 3
    for before, after in itertools.pairwise(heard):
        assert (after.sequence - before.sequence) & 0xFFFF == 1
        assert (after.timestamp - before.timestamp) & 0xFFFFFFFF < 8000
    assert heard[-1].payload == noise(29)


def test_a_recorded_leg_is_tapped_as_received_before_translation() -> None:
    room = Room()
    a, b = room.phone("a", codec="PCMA"), room.phone("b", codec="PCMU")
    talk(room, a, b)
    room.do(StartRecording(spec=spec("r1"), tracks=(a.leg, b.leg)))
    began = a.timestamp
    a.speak(noise(1))
    b.speak(noise(2))
    room.run()
    assert sorted(room.tap.rows) == sorted(
        [
            (7, 0, a.ssrc, began, 8, noise(1)),
            (7, 1, b.ssrc, began, 0, noise(2)),
        ]
    )
    room.do(PauseRecording(recording=RecordingId("r1"), paused=True))
    assert room.tap.paused == [(7, True)]
    assert room.do(StopRecording(recording=RecordingId("r1"))) == [
        RecordingEnded(report=ended(RecordingId("r1")))
    ]
    a.speak(noise(3))
    room.run()
    assert len(room.tap.rows) == 2


def test_a_recording_outlives_its_legs_and_ends_by_command_by_itself_or_never_begins() -> None:
    room = Room()
    a, b, c = room.phone("a"), room.phone("b"), room.phone("c")
    room.do(StartRecording(spec=spec("r1"), tracks=(a.leg, b.leg)))
    room.do(CloseLeg(leg=a.leg))
    room.do(CloseLeg(leg=b.leg))
    assert room.told(RecordingEnded) == []
    room.do(StopRecording(recording=RecordingId("r1")))
    assert room.told(RecordingEnded) == [RecordingEnded(report=ended(RecordingId("r1")))]
    room.do(StartRecording(spec=spec("r2"), tracks=(c.leg,)))
    room.tap.ending.append(ended(RecordingId("r2"), "limit"))
    room.run(0.5)
    assert [each.report.state for each in room.told(RecordingEnded)] == ["ended", "limit"]  # type: ignore[attr-defined]
    assert room.tap.closed == [7, 8], "the slot of one that ended by itself is given back too"
    room.tap.refuse = "No space left on device"
    (failed,) = room.do(StartRecording(spec=spec("r3"), tracks=(c.leg,)))
    assert isinstance(failed, RecordingEnded)
    assert (failed.report.state, failed.report.problem) == ("failed", "No space left on device")
    (failed,) = room.do(StartRecording(spec=spec("r4"), tracks=(LegId("gone"),)))
    assert isinstance(failed, RecordingEnded)
    assert failed.report.state == "failed"


def test_ports_that_cannot_be_bound_are_passed_over_and_exhaustion_is_told() -> None:
    room = Room(ports="20000-20007")
    room.engine.refuse = {20002}
    opened = [room.do(OpenLeg(leg=LegId(f"{n}"), address="127.0.0.1"))[-1] for n in range(4)]
    assert sorted(each.port for each in opened[:3] if isinstance(each, LegOpened)) == [20000, 20004, 20006]
    assert isinstance(opened[3], LegFailed)
    room.do(CloseLeg(leg=LegId("0")))
    assert isinstance(room.do(OpenLeg(leg=LegId("x"), address="127.0.0.1"))[-1], LegFailed)
    room.engine.refuse = set()
    room.now += 5.1
    assert isinstance(room.do(OpenLeg(leg=LegId("y"), address="127.0.0.1"))[-1], LegOpened)


def test_closing_a_leg_frees_its_partner_and_forgets_everything() -> None:
    room = Room()
    a, b = room.phone("a"), room.phone("b")
    talk(room, a, b)
    a.speak(noise(1))
    room.run()
    (closed,) = room.do(CloseLeg(leg=b.leg))
    assert isinstance(closed, LegClosed)
    assert closed.stats.packets_out == 1
    assert room.do(CloseLeg(leg=b.leg)) == []
    a.speak(noise(2))
    room.run()
    assert room.exchange.packets == (2, 1)
    c = room.phone("c")
    assert room.stats(c.leg).packets_out == 0


def test_a_silent_peer_is_told_of_as_often_as_it_is_silent_for_so_long() -> None:
    room = Room(silent_s=2.0)
    a = room.phone("a")
    a.speak(noise(1))
    room.run(5.0)
    assert [each.leg for each in room.told(PeerSilent)] == [a.leg, a.leg]  # type: ignore[attr-defined]
    a.speak(noise(2))
    room.run(1.5)
    assert len(room.told(PeerSilent)) == 2, "it has spoken"
    room.run(1.5)
    assert len(room.told(PeerSilent)) == 3


def test_commands_for_legs_that_are_not_there_are_refused_and_change_nothing() -> None:
    room = Room()
    a = room.phone("a")
    for command in (
        Bridge(a=a.leg, b=LegId("x")),
        Bridge(a=a.leg, b=a.leg),
        Unbridge(leg=LegId("x")),
        OpenLeg(leg=a.leg, address="127.0.0.1"),
        SetPeer(
            leg=a.leg, address="192.0.2.1", port=70000, codec="PCMU", payload_type=0, event_payload_type=None
        ),
        SetPeer(
            leg=a.leg, address="192.0.2.1", port=4000, codec="G723", payload_type=0, event_payload_type=None
        ),
        SetPeer(
            leg=a.leg, address="192.0.2.1", port=4000, codec="PCMU", payload_type=128, event_payload_type=None
        ),
        SetPeer(
            leg=a.leg, address="192.0.2.1", port=4000, codec="PCMU", payload_type=0, event_payload_type=0
        ),
    ):
        (refused,) = room.do(command)
        assert isinstance(refused, CommandRefused)
        assert refused.command == type(command).__name__


def test_no_mutation_of_rtp_or_rtcp_raises_and_audio_goes_on() -> None:
    room = Room(ports="20000-20799")
    random = np.random.default_rng(1)
    a, b = room.phone("a", detect_inband=True), room.phone("b", codec="PCMA")
    talk(room, a, b)
    room.do(StartRecording(spec=spec("r1"), tracks=(a.leg, b.leg)))
    seeds = [a.packet(noise(1)), a.packet(event(3, 160), kind=101), b"\x92" + a.packet(noise(2))[1:]]
    report = bytes.fromhex("81c8000c") + noise(3, 48)
    for n in range(5000):
        data = bytearray(seeds[n % 3] if n % 4 else report)
        for _ in range(random.integers(1, 6)):
            data[random.integers(len(data))] = random.integers(256)
        data = data[: random.integers(len(data) + 1)] if n % 2 else data
        room.engine.arrive(a.port + (n % 4 == 0), bytes(data), a.address)
        if n % 7 == 0:
            room.run()
    room.run(0.1)
    room.engine.take_sent()
    b.speak(noise(9))
    room.run()
    assert a.heard()[0].payload == audioop.lin2ulaw(audioop.alaw2lin(noise(9), 2), 2)


def payload_in(data: bytes) -> bytes | None:
    """What RFC 3550 section 5.1 and appendix A.1 find in a datagram; None: it is no packet."""
    if len(data) < 12 or data[0] >> 6 != 2:
        return None
    start = 12 + 4 * (data[0] & 15)
    if data[0] & 0x10:
        if len(data) < start + 4:
            return None
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4])
    padding = data[-1] if data[0] & 0x20 else 0
    if len(data) < start + padding or (data[0] & 0x20 and not padding):
        return None
    return data[start : len(data) - padding]


def test_every_truncation_of_a_packet_changes_nothing_that_it_does_not_say() -> None:
    room = Room()
    a, b = room.phone("a"), room.phone("b")
    talk(room, a, b)
    a.speak(noise(2))
    room.run()
    assert [each.payload for each in b.heard()] == [noise(2)]
    whole = b"\xb2" + a.packet(b"")[1:] + bytes(8) + b"\xbe\xde\x00\x02" + bytes(8) + noise(1) + b"\0\0\0\x04"
    wanted = []
    for end in range(len(whole) + 1):
        data = (whole[:2] + (1000 + end).to_bytes(2) + whole[4:])[:end]
        room.engine.arrive(a.port, data, a.address)
        room.run()
        wanted += [found] if (found := payload_in(data)) is not None else []
    heard = b.heard()
    assert [each.payload for each in heard] == wanted
    assert wanted[-1] == noise(1)
    assert len({each.ssrc for each in heard}) == 1
    stats = room.stats(a.leg)
    assert stats.packets_in + stats.malformed + stats.strangers <= len(whole) + 2
    assert stats.strangers == 0
    a.sequence = 2000
    a.speak(noise(3))
    room.run()
    assert [each.payload for each in b.heard()] == [noise(3)]


def test_a_key_is_made_a_tone_for_a_partner_that_takes_no_events() -> None:
    room = Room()
    a, b = room.phone("a", event=101), room.phone("b", event=None, codec="PCMA")
    talk(room, a, b)
    for n in range(20):
        if 4 <= n < 9:
            room.engine.arrive(a.port, a.packet(event(5, 160 * (n - 3), end=n == 8), kind=101), a.address)
            a.sequence += 1
            a.timestamp += 160 * 5 if n == 8 else 0
        else:
            a.speak(noise(n))
        room.run(0.02)
    heard = b.heard()
    assert_one_stream(heard)
    samples = g711.DECODE_ALAW[np.frombuffer(b"".join(each.payload for each in heard[4:13]), np.uint8)]
    blocks = samples[: len(samples) // BLOCK * BLOCK].reshape(-1, BLOCK).astype(np.float32)
    keys = [KEYS[key] for key in keys_of(blocks) if key >= 0]
    assert len(keys) >= 5
    assert set(keys) == {"5"}
    assert heard[-1].payload == audioop.lin2alaw(audioop.ulaw2lin(noise(19), 2), 2)


def test_a_source_that_the_kernel_refuses_to_lock_stops_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    room = Room()
    learning, other, third = room.phone("a", latch=True), room.phone("b"), room.phone("c")
    room.do(Bridge(a=other.leg, b=third.leg))

    def refuse(slot: int, peer: tuple[str, int]) -> None:
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(room.engine, "lock", refuse)
    learning.speak(b"x" * 160)
    other.speak(b"y" * 160)
    room.run()
    assert [each.payload for each in third.heard()] == [b"y" * 160]
