"""Proves SRTP around an engine, against the vectors of RFC 3711 and libsrtp and against an implementation of our own.

Key derivation is RFC 3711 appendix B.3; the two packets are those of libsrtp's own test driver. Received and sent RTP and
RTCP of every suite, rollover, replay, forged and truncated packets, new keys and new sources go through the media room.
Does not prove negotiation (`tests/sip/test_sip_sdes.py`) nor phones (`tests/interop/test_srtp.py`).
"""

import base64
import os
import random
import struct
import time

import numpy as np
import pytest
from media_room import Peer, Room, Rtp, noise
from srtp_reference import Reference, derive

from softswitch.ids import LegId
from softswitch.rtp import secured
from softswitch.rtp.commands import Bridge, CloseLeg, SetPeer
from softswitch.rtp.engine import PacketRows
from softswitch.rtp.packet import WIDTH
from softswitch.rtp.reports import CommandRefused
from softswitch.rtp.secured import MAX_SOURCES, SecuredEngine
from softswitch.srtp_key import SUITES, SrtpKey
from softswitch.testing.engine import MemoryEngine

COUNT = int(os.environ.get("FUZZ_COUNT", "2000"))
PEER = ("10.0.0.1", 4002)
STRANGER = ("192.0.2.66", 6666)


def key_of(suite: str, seed: int = 1) -> SrtpKey:
    data = bytes((at * 7 + seed * 13) & 255 for at in range(SUITES[suite]))
    return SrtpKey(suite=suite, key=base64.b64encode(data).decode())


LONG = "AES_CM_128_HMAC_SHA1_80"
IN, OUT = key_of(LONG, 1), key_of(LONG, 2)


def hexkey(suite: str, text: str) -> SrtpKey:
    return SrtpKey(suite=suite, key=base64.b64encode(bytes.fromhex(text)).decode())


# --- vectors ----------------------------------------------------------------------------------------------------------


def test_key_derivation_of_rfc_3711_appendix_b3() -> None:
    master = bytes.fromhex("E1F97A0D3E018BE0D64FA32C06DE4139")
    salt = bytes.fromhex("0EC675AD498AFEEBB6960B3AABE6")
    assert derive(master, salt, 0, 16).hex().upper() == "C61E7A93744F39EE10734AFE3FF7A087"
    assert derive(master, salt, 2, 14).hex().upper() == "30CBBC08863D8C85D49DB34A9AE1"
    assert derive(master, salt, 1, 20).hex().upper() == "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"


@pytest.mark.parametrize(
    ("suite", "key", "packet"),
    [
        (
            LONG,
            "e1f97a0d3e018be0d64fa32c06de41390ec675ad498afeebb6960b3aabe6",
            "800f1234decafbadcafebabe4e55dc4ce79978d88ca4d215949d2402b78d6acc99ea179b8dbb",
        ),
        (
            "AEAD_AES_128_GCM",
            "000102030405060708090a0b0c0d0e0fa0a1a2a3a4a5a6a7a8a9aaab",
            "800f1234decafbadcafebabec5002ede04cfdd2eb91159e0880aa06ed2976826f796b201df3131a127e8a392",
        ),
    ],
)
def test_packets_of_libsrtps_test_driver(suite: str, key: str, packet: str) -> None:
    clear = bytes.fromhex("800f1234decafbadcafebabe") + b"\xab" * 16
    assert secured.Outgoing(hexkey(suite, key)).rtp(clear) == bytes.fromhex(packet)
    assert secured.Incoming(hexkey(suite, key)).rtp(bytes.fromhex(packet)) == clear
    assert Reference(hexkey(suite, key)).protect(clear) == bytes.fromhex(packet)


# --- a room with an encrypted phone and a plain one -------------------------------------------------------------------


class Secure:
    """A phone that encrypts, and a plain one bridged to it."""

    def __init__(self, suite: str = LONG, **more: object) -> None:
        self.room = Room()
        self.key_in, self.key_out = key_of(suite, 1), key_of(suite, 2)
        self.phone = self.room.phone("a", key_in=self.key_in, key_out=self.key_out, **more)
        self.plain = self.room.phone("b")
        self.room.do(Bridge(a=self.phone.leg, b=self.plain.leg))
        self.reference = Reference(self.key_in)
        self.roc = 0

    def send(self, data: bytes, source: tuple[str, int] | None = None) -> None:
        self.room.engine.arrive(self.phone.port, data, source or self.phone.address)
        self.room.run()

    def packet(self, payload: bytes) -> bytes:
        """The phone's next packet, encrypted by the reference."""
        clear = self.phone.packet(payload)
        roc = self.phone.sequence >> 16
        self.phone.sequence += 1
        self.phone.timestamp += len(payload)
        return self.reference.protect(clear, roc)

    def heard(self) -> list[bytes]:
        return [rtp.payload for rtp in self.plain.heard()]


@pytest.mark.parametrize("suite", list(SUITES))
def test_every_suite_both_ways_across_the_rollover(suite: str) -> None:
    """The phone's sequence number wraps after six packets; ours does where it began below."""
    call = Secure(suite)
    room, slot = call.room, 0
    room.exchange._table.sent_sequence[slot] = 65530
    payloads = [noise(n) for n in range(12)]
    out = Reference(call.key_out)
    roc = 0
    heard: list[bytes] = []
    for payload in payloads:
        call.send(call.packet(payload))
        call.plain.speak(payload)
        room.run()
        heard += [data for _, _, data in room.engine.take_sent()]
    plain = [Rtp.of(data).payload for data in heard if len(data) == 172]
    assert plain == payloads
    closed = [data for data in heard if len(data) != 172]
    assert len(closed) == 12 and all(
        payload not in data for payload, data in zip(payloads, closed, strict=True)
    )
    before = -1
    for payload, data in zip(payloads, closed, strict=True):
        sequence = int.from_bytes(data[2:4])
        roc += sequence < before
        before = sequence
        assert Rtp.of(out.unprotect(data, roc)).payload == payload
    assert roc == 1


def test_forged_changed_and_repeated_packets_go_nowhere() -> None:
    call = Secure()
    good = call.packet(noise(1))
    changed = bytes([*good[:20], good[20] ^ 1, *good[21:]])
    for data in (changed, good[:-1] + bytes([good[-1] ^ 1]), call.phone.packet(noise(2)), b"", b"\x80" * 11):
        call.send(data)
    assert call.heard() == []
    call.send(good)
    call.send(good)
    assert call.heard() == [noise(1)]
    stats = call.room.stats(call.phone.leg)
    assert (stats.malformed, stats.packets_in) == (6, 1)


def test_a_flood_of_forged_packets_costs_no_good_one() -> None:
    """`FUZZ_COUNT` in the environment chooses how many; from the peer's own address, one bit changed in each."""
    call = Secure()
    rng = random.Random(3711)
    good = [call.packet(noise(n)) for n in range(COUNT // 50 + 1)]
    for number in range(COUNT):
        data = bytearray(rng.choice(good))
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        call.room.engine.arrive(call.phone.port, bytes(data), call.phone.address)
        if number % 50 == 0:
            call.room.engine.arrive(call.phone.port, good[number // 50], call.phone.address)
        if number % 15 == 14:
            call.room.run()
    call.room.run(0.1)
    assert call.heard() == [noise(n) for n in range(-(-COUNT // 50))]
    assert call.room.stats(call.phone.leg).malformed == COUNT


def test_every_truncation_changes_nothing() -> None:
    call = Secure()
    good = call.packet(noise(1))
    for length in range(len(good)):
        call.send(good[:length])
    assert call.heard() == []
    call.send(good)
    assert call.heard() == [noise(1)]


def test_a_latch_learns_from_authentic_packets_only() -> None:
    call = Secure(latch=True)
    for n in range(20):
        call.send(call.phone.packet(noise(n)), STRANGER)
        call.send(Reference(key_of(LONG, 9)).protect(call.phone.packet(noise(n))), STRANGER)
    assert call.room.engine.mode_of(call.phone.port) == "open"
    behind_nat = ("203.0.113.9", 50000)
    for n in range(3):
        call.send(call.packet(noise(n)), behind_nat)
    assert call.room.engine.mode_of(call.phone.port) == "locked"
    call.plain.speak(noise(5))
    call.room.run()
    assert {to for port, to, _ in call.room.engine.take_sent() if port == call.phone.port} == {behind_nat}
    assert call.room.stats(call.phone.leg).packets_in == 3


def test_a_new_key_begins_anew_and_the_old_one_ends_with_its_first_packet() -> None:
    call = Secure()
    call.send(call.packet(noise(1)))
    late = call.packet(noise(2))
    last = call.packet(noise(3))
    new_in, new_out = key_of(LONG, 5), key_of(LONG, 6)
    set_peer(call.room, call.phone, new_in, new_out)
    call.send(late)
    new = Reference(new_in)
    clear = call.phone.packet(noise(4))
    call.send(new.protect(clear))
    call.send(last)
    assert call.heard() == [noise(1), noise(2), noise(4)]
    call.plain.speak(noise(7))
    call.room.run()
    (data,) = [data for port, _, data in call.room.engine.take_sent() if port == call.phone.port]
    assert Rtp.of(Reference(new_out).unprotect(data)).payload == noise(7)


def test_the_same_keys_again_keep_rollover_and_replay_window() -> None:
    call = Secure()
    sent = [call.packet(noise(n)) for n in range(10)]
    for data in sent:
        call.send(data)
    set_peer(call.room, call.phone, call.key_in, call.key_out)
    call.send(sent[-1])
    call.send(call.packet(noise(10)))
    assert call.heard() == [noise(n) for n in range(11)]


@pytest.mark.parametrize("suite", list(SUITES))
@pytest.mark.parametrize(("roc", "sequence"), [(0, 0), (1, 0), (1, 1), (3, 500), (7, 0x8000), (63, 0xFFFF)])
def test_a_stream_that_is_older_than_the_worker_is_joined(suite: str, roc: int, sequence: int) -> None:
    """After a worker has died the peer's rollover counter goes on, and no message tells it."""
    call = Secure(suite)
    call.send(bytes(60))  # one that is not the peer's does not spoil it
    call.phone.sequence = roc << 16 | sequence
    sent = [call.packet(noise(n)) for n in range(3)]
    for data in (*sent, sent[0]):
        call.send(data)
    assert call.heard() == [noise(0), noise(1), noise(2)]


def test_the_search_for_a_rollover_counter_is_bounded() -> None:
    call = Secure()
    call.phone.sequence = 5 << 16
    for n in range(20):
        call.send(b"\x80" + noise(n, 100))
    began = time.process_time()
    for n in range(1000):
        call.room.engine.arrive(call.phone.port, b"\x80" + noise(n, 100), call.phone.address)
    call.room.run(1.0)
    assert time.process_time() - began < 1.0
    call.send(call.packet(noise(1)))
    assert call.heard() == []


def test_a_new_source_goes_on_and_their_number_is_bounded() -> None:
    call = Secure()
    for source in range(MAX_SOURCES + 5):
        call.phone.ssrc = source + 1
        call.phone.sequence = 10
        call.send(call.packet(noise(source)))
    assert len(call.heard()) == MAX_SOURCES


def set_peer(room: Room, phone: Peer, key_in: SrtpKey | None, key_out: SrtpKey | None) -> list[object]:
    address, port = phone.address
    return room.do(  # type: ignore[return-value]
        SetPeer(
            leg=phone.leg,
            address=address,
            port=port,
            codec="PCMU",
            payload_type=0,
            event_payload_type=101,
            key_in=key_in,
            key_out=key_out,
        )
    )


# --- RTCP -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suite", list(SUITES))
def test_rtcp_is_encrypted_too(suite: str) -> None:
    engine = MemoryEngine()
    both = SecuredEngine(engine, 4)
    both.open(0, "127.0.0.1", 20000)
    both.lock(0, PEER)
    both.secure(0, key_of(suite, 1), key_of(suite, 2))
    report = struct.pack("!BBHI", 0x80, 201, 1, 0xABCD) + bytes(range(8))
    closed = Reference(key_of(suite, 1)).protect_control(report, 1)
    for length in range(len(closed)):
        engine.arrive(20001, closed[:length], PEER)
    engine.arrive(20001, report, PEER)
    engine.arrive(20001, closed, PEER)
    engine.arrive(20001, closed, PEER)
    assert both.receive_control() == [(0, report, PEER)]
    engine.arrive(20000, Reference(key_of(suite, 1)).protect_control(report, 2), PEER)
    arrivals = both.receive(again=False)
    assert arrivals is not None and bytes(arrivals.packets.views[0][: int(arrivals.length[0])]) == report
    both.send_control(0, report, PEER)
    ((_, _, sent),) = engine.control_sent
    index = int.from_bytes(sent[-4:] if suite.startswith("AEAD") else sent[-14:-10]) & 0x7FFFFFFF
    assert Reference(key_of(suite, 2)).protect_control(report, index) == sent


# --- the engine itself ------------------------------------------------------------------------------------------------


def test_plain_legs_are_not_touched_and_encrypted_ones_do_not_change_the_rows_of_others() -> None:
    engine = MemoryEngine()
    both = SecuredEngine(engine, 4)
    for slot in (0, 1):
        both.open(slot, "127.0.0.1", 20000 + 2 * slot)
        both.lock(slot, PEER)
    both.secure(1, IN, OUT)
    packets = PacketRows(2)
    data = struct.pack("!BBHII", 0x80, 0, 1, 2, 3) + noise(1, WIDTH - 12)
    packets.views[0][:] = data
    row, slots = np.array([0, 0]), np.array([1, 0], np.int32)
    both.send(packets, row, slots, np.array([172, 172], np.int32))
    both.send(
        packets, row, slots, np.array([WIDTH, WIDTH], np.int32)
    )  # no room for the tag: that one is not sent
    sent = [(port, len(each)) for port, _, each in engine.take_sent()]
    assert sorted(sent) == [(20000, 172), (20000, WIDTH), (20002, 182)]
    assert bytes(packets.views[0]) == data


def test_a_closed_leg_takes_its_keys_along() -> None:
    call = Secure()
    call.room.do(CloseLeg(leg=call.phone.leg))
    fresh = call.room.phone("c")
    call.room.do(Bridge(a=fresh.leg, b=call.plain.leg))
    fresh.speak(noise(1))
    call.room.run()
    assert call.heard() == [noise(1)]


@pytest.mark.parametrize(
    ("key", "library"),
    [
        (SrtpKey(suite="F8_128_HMAC_SHA1_80", key=IN.key), True),
        (SrtpKey(suite="AEAD_AES_256_GCM", key=IN.key), True),
        (SrtpKey(suite=LONG, key="?"), True),
        (IN, False),
    ],
)
def test_a_key_that_cannot_be_used_is_refused_and_nothing_is_sent_in_clear(
    key: SrtpKey, library: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = Room()
    if not library:
        monkeypatch.setattr(secured, "pylibsrtp", None)
    phone = room.phone("a", key_in=key, key_out=key)
    (refused,) = room.told(CommandRefused)
    assert key.key not in repr(refused)
    room.do(Bridge(a=phone.leg, b=room.phone("b").leg))
    room.run(0.1)
    assert room.engine.mode_of(phone.port) == "muted" and not room.engine.take_sent()
    assert room.stats(LegId("a")).packets_out == 0


# --- a stream that is older than its context, as after a worker's death -----------------------------------------------


def old_stream(rollovers: int = 2) -> tuple[secured.Incoming, list[bytes]]:
    """A fresh context, and packets of a stream whose sequence number has wrapped before."""
    reference = Reference(IN)
    clear = [struct.pack("!BBHII", 0x80, 0, 500 + n, 160 * n, 0x77) + noise(n) for n in range(600)]
    return secured.Incoming(IN), [reference.protect(each, rollovers) for each in clear]


def test_rtcp_that_comes_first_does_not_keep_an_old_stream_out() -> None:
    """Its index is in the packet; the rollover counter of RTP is not. A peer that holds sends nothing else."""
    incoming, packets = old_stream()
    closed = secured.Outgoing(IN).rtcp(struct.pack("!BBHI", 0x80, 201, 1, 0x77))
    assert closed is not None and incoming.rtcp(closed) is not None
    keys = secured._Keys(incoming, secured.Outgoing(OUT), None)
    assert keys.open(packets[0], control=False) is not None
    assert keys.open(packets[1], control=False) is not None


def test_strangers_cannot_use_up_the_search_for_a_rollover_counter() -> None:
    """While a leg learns its peer's address anybody can send to it."""
    incoming, packets = old_stream()
    keys = secured._Keys(incoming, secured.Outgoing(OUT), None)
    for n in range(2000):
        assert keys.open(struct.pack("!BBHII", 0x80, 0, n, 0, 0x666) + noise(n), control=False) is None
    assert any(keys.open(packet, control=False) is not None for packet in packets[:300])


def test_packets_under_the_last_key_do_not_cost_a_search_under_the_new_one() -> None:
    call = Secure()
    call.send(call.packet(noise(0)))
    peer = call.phone
    call.room.do(
        SetPeer(leg=peer.leg, address=peer.address[0], port=peer.address[1], codec="PCMU", payload_type=0,
                event_payload_type=101, key_in=key_of(LONG, 9), key_out=call.key_out)
    )  # fmt: skip
    incoming = call.room.exchange._engine._keys[0].incoming
    for n in range(1, 40):
        call.send(call.packet(noise(n)))
    assert call.heard() == [noise(n) for n in range(40)]
    assert incoming._failed == 0
