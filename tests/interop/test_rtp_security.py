"""Proves that media takes from and gives to the negotiated peer only, against the running switch (RFC 3550, RFC 3711).

A stranger on another address sprays RTP and RTCP over every media port before, during and after the answer, through hold,
re-INVITE and transfer: nothing comes back to him, and nothing of his is heard or recorded. Broken packets from the
peer's own address, cut at every length, and a flood of forged ones leave the audio bit-exact. `FUZZ_COUNT` in the
environment chooses how many.

Does not prove what a stranger can do who knows the address of a peer behind NAT before its first packet, nor one who can
send from the peer's own address: where that matters, SRTP is the answer, and the third test shows it.
"""

import os
import random
import socket
import struct
import threading
import time
from pathlib import Path
from typing import Any, Self

import numpy as np

from tools.peers.baresip import Baresip
from tools.peers.centre import TRUNK_ADDRESS, phone, trunk
from tools.peers.g711 import PCMU, decode, read_wav, unique_frames
from tools.peers.rtp_party import compare
from tools.peers.softphone import Softphone
from tools.peers.speech import HEARD, correlation, sentence
from tools.peers.switch import StartSwitch, Switch, wait_for

COUNT = int(os.environ.get("FUZZ_COUNT", "20000"))
STRANGER = "127.0.0.9"
PHONE, OTHER_PHONE = "127.0.0.22", "127.0.0.23"
PORTS = 60
RECEIVER_REPORT = struct.pack("!BBHI", 0x81, 201, 7, 0xBEEF) + bytes(24)
GOODBYE = struct.pack("!BBHI", 0x81, 203, 1, 0xBEEF)


def _config(srtp: str = "off", **rtp: Any) -> dict[str, Any]:
    return {
        "rtp": {"codecs": ["PCMU"], **rtp},
        "recording": {"encoding": "PCM16"},
        "trunk": {"carrier": trunk()},
        "endpoint": {"1001": phone("one", record="always", srtp=srtp), "1002": phone("two")},
        "route": {
            "601": {"to": "extension:1001"},
            "_9X.": {"to": "trunk:carrier", "source": ["endpoint:*"]},
        },
    }


class Stranger:
    """Sprays all of the switch's media ports, over and over, and keeps what comes back."""

    def __init__(self, switch: Switch, spared: tuple[int, ...] = ()) -> None:
        self._ports = [port for port in switch.media if port not in spared]
        self._to = switch.address
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((STRANGER, 0))
        self._socket.setblocking(False)
        self.frames = unique_frames(50, seed=666)
        self.received: list[bytes] = []
        self.sprayed = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(5)
        self._socket.close()

    def _run(self) -> None:
        sequence = 0
        while not self._over.is_set():
            sequence += 1
            header = struct.pack("!BBHII", 0x80, PCMU, sequence & 0xFFFF, 160 * sequence, 0xBEEF)
            packet = header + self.frames[sequence % len(self.frames)]
            for port in self._ports:
                self.send(
                    packet if port % 2 == 0 else (GOODBYE, RECEIVER_REPORT, b"\0\0\0\0")[sequence % 3], port
                )
            self._read()
            time.sleep(0.02)

    def send(self, data: bytes, port: int) -> None:
        try:
            self._socket.sendto(data, (self._to, port))
            self.sprayed += 1
        except OSError:
            pass  # the port is closed, or answers strangers as a closed one does

    def _read(self) -> None:
        while True:
            try:
                self.received.append(self._socket.recv(2048))
            except BlockingIOError:
                return
            except OSError:
                continue

    def wait_rounds(self, count: int) -> None:
        """So many packets to each port more than now."""
        goal, deadline = self.sprayed + count * len(self._ports) // 2, time.monotonic() + 10
        while self.sprayed < goal and time.monotonic() < deadline:
            time.sleep(0.01)


def _talk(caller: Softphone, called: Softphone, seed: int, count: int = 50) -> None:
    """Both speak at once; every bit arrives."""
    first, second = unique_frames(count, seed), unique_frames(count, seed + 1)
    since = time.monotonic()
    caller.rtp.play(first)
    called.rtp.play(second)
    assert caller.rtp.wait_played() and called.rtp.wait_played()
    for party, last in ((called, first[-1]), (caller, second[-1])):
        wait_for(lambda party=party, last=last: last in party.rtp.payloads(since=since), 3, "the last frame")
    assert compare(first, called.rtp.payloads(since=since)).bit_exact
    assert compare(second, caller.rtp.payloads(since=since)).bit_exact


def _party_of(switch: Switch, call: str) -> str:
    """Whom the caller talks to."""
    shown = switch.cli("calls", "show", call)
    talking = [
        leg["party"] for leg in shown["legs"] if leg["direction"] == "out" and leg["state"] == "confirmed"
    ]
    return str(talking[-1]) if talking else ""


def _assert_not_recorded(switch: Switch, frames: list[bytes]) -> None:
    row = switch.wait_rows("SELECT * FROM recordings WHERE state = 'ended'")[0]
    assert row["seconds"] > 1
    samples = read_wav(switch.state / "recordings" / row["path"])
    for channel in (0, 1):
        track = np.ascontiguousarray(samples[:, channel]).tobytes()
        assert not any(decode(frame, PCMU).tobytes() in track for frame in frames)


def test_a_stranger_neither_hears_nor_is_heard(start_switch: StartSwitch) -> None:
    switch = start_switch(_config(), media_ports=PORTS)
    with (
        Stranger(switch) as stranger,
        Softphone("34600", TRUNK_ADDRESS, switch.sip, laws=(PCMU,)) as caller,
        Softphone("1001", PHONE, switch.sip, password="one", laws=(PCMU,)) as called,
        Softphone("1002", OTHER_PHONE, switch.sip, password="two", laws=(PCMU,)) as other,
    ):
        stranger.wait_rounds(3)
        called.register().accept_always()
        other.register().accept_always()
        caller.dial("601")
        _talk(caller, called, seed=1)
        caller.call.reinvite("sendonly")
        stranger.wait_rounds(10)
        caller.call.reinvite("sendrecv")
        _talk(caller, called, seed=3, count=25)
        called.call.reinvite("inactive")
        stranger.wait_rounds(5)
        called.call.reinvite("sendrecv")
        _talk(caller, called, seed=5, count=25)
        (call,) = switch.cli("calls")
        switch.cli("calls", "transfer", call["call"], "extension:1002")
        assert called.call.ended.wait(5)
        wait_for(lambda: _party_of(switch, call["call"]) == "endpoint:1002", 5, "the transfer")
        _talk(caller, other, seed=7, count=25)
        caller.hangup()
        assert other.call.ended.wait(5)
        stranger.wait_rounds(3)
        parties = (caller, called, other)
        heard = {packet.payload for party in parties for packet in party.rtp.received}
        sources = {packet.source[0] for party in parties for packet in party.rtp.received}
    assert stranger.sprayed > 50 * PORTS and not stranger.received
    assert heard.isdisjoint(stranger.frames) and sources == {switch.address}
    _assert_not_recorded(switch, stranger.frames)


def test_broken_and_forged_packets_leave_the_audio_intact(start_switch: StartSwitch) -> None:
    switch = start_switch(_config(), media_ports=PORTS)
    with (
        Softphone("34600", TRUNK_ADDRESS, switch.sip, laws=(PCMU,)) as caller,
        Softphone("1001", PHONE, switch.sip, password="one", laws=(PCMU,)) as called,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control,
    ):
        called.register().accept_always()
        caller.dial("601")
        _talk(caller, called, seed=1, count=10)
        assert caller.rtp.peer is not None and called.rtp.peer is not None
        control.bind((TRUNK_ADDRESS, caller.rtp.port + 1))
        flood = threading.Thread(target=_flood, args=(switch, caller, control), daemon=True)
        flood.start()
        seed = 3
        while flood.is_alive():
            _talk(caller, called, seed=seed, count=50)
            seed += 2
        _talk(caller, called, seed=seed)
        caller.hangup()
        assert called.call.ended.wait(5)


def _flood(switch: Switch, caller: Softphone, control: socket.socket) -> None:
    """Half of it forged from a stranger's address, half broken from the peer's own, at 2,500 in a second."""
    rng = random.Random(3711)
    assert caller.rtp.peer is not None
    host, port = caller.rtp.peer
    rtp = struct.pack("!BBHII", 0x80, PCMU, 1, 160, 0xF00D) + unique_frames(1, seed=777)[0]
    broken = [
        *(rtp[:length] for length in range(12)),
        *(bytes([first]) + rtp[1:] for first in (0x00, 0x40, 0xC0, 0xBF, 0x9F + 0x20)),
        *(rtp[:1] + bytes([kind]) + rtp[2:] for kind in (1, 77, 99, 127, 200, 203, 255)),
    ]
    reports = [report[:length] for report in (RECEIVER_REPORT, GOODBYE) for length in range(len(report) + 1)]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        stranger.bind((STRANGER, 0))
        for number in range(0, COUNT, 2):
            try:
                stranger.sendto(rng.choice((rtp, GOODBYE, rng.randbytes(rng.randrange(1500)))), (host, port))
            except OSError:
                pass  # refused like a closed port
            if number % 4:
                caller.rtp.send_raw(rng.choice(broken))
            else:
                control.sendto(rng.choice(reports), (host, port + 1))
            if number % 100 == 0:
                time.sleep(0.04)


def test_a_stranger_gets_nothing_from_an_encrypted_leg_even_while_it_learns(
    start_switch: StartSwitch, tmp_path: Path
) -> None:
    """With `latch = "always"` every leg learns its peer; the encrypted one learns from authentic packets only."""
    switch = start_switch(_config("required", latch="always"), media_ports=PORTS)
    spoken, answered = sentence(11), sentence(12)
    with (
        Softphone("34600", TRUNK_ADDRESS, switch.sip, port=5060, laws=(PCMU,)) as called,
        Baresip(
            "1001", tmp_path / "phone", switch.sip, password="one", address=PHONE, speech=spoken, mediaenc="srtp-mand"
        ) as caller,
    ):  # fmt: skip
        caller.dial("9555")
        offer = called.ring().request
        assert offer is not None
        plain = offer.media()[1]
        with Stranger(switch, spared=(plain, plain + 1)) as stranger:
            stranger.wait_rounds(5)
            called.accept()
            caller.wait_event("CALL_ESTABLISHED")
            called.rtp.play(answered).wait_played()
            called.rtp.wait_packets(10)
            caller.hangup()
            assert called.call.ended.wait(5)
        heard = {packet.payload for packet in called.rtp.received}
        assert correlation(spoken, called.rtp.heard()).score > HEARD
        assert correlation(answered, caller.heard()).score > HEARD
    assert stranger.sprayed > 50 * PORTS and not stranger.received
    assert heard.isdisjoint(stranger.frames)
    _assert_not_recorded(switch, stranger.frames)
