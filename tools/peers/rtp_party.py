"""One end of an RTP stream (RFC 3550) in plain Python: speaks G.711, presses keys by RFC 4733, writes down what comes.

A thread sends a frame every 20 ms; whatever is played is queued and goes out in order, gap-free in timestamps. Every
packet received is kept with its time of arrival, so that loss, order, doubling and each bit can be judged afterwards.
"""

import itertools
import random
import select
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np

from tools.peers.g711 import FRAME, PCMA, PCMU, Samples, decode, encode, frames
from tools.peers.ports import free_port
from tools.peers.speech import tone

Address = tuple[str, int]
TELEPHONE_EVENT = 101
KEYS = "0123456789*#ABCD"
_PERIOD_S = 0.02
_MOST_PACKETS = 200_000
_TONES = {
    key: (row, column)
    for row, keys in zip((697, 770, 852, 941), ("123A", "456B", "789C", "*0#D"), strict=True)
    for column, key in zip((1209, 1336, 1477, 1633), keys, strict=True)
}


@dataclass(slots=True)
class Packet:
    """One datagram as it came."""

    arrival: float
    """Monotonic seconds."""
    source: Address
    marker: bool
    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes


@dataclass(slots=True)
class _Frame:
    payload_type: int
    payload: bytes
    marker: bool = False
    advance: int = FRAME
    """Samples that the timestamp moves on afterwards; 0 within an event."""


@dataclass(slots=True, kw_only=True)
class Comparison:
    """What came of what was sent, by payload; counted from the first that came to the last that was sent."""

    sent: int
    lost: int
    doubled: int
    reordered: int
    foreign: int
    """Packets between the first and the last whose payload nobody sent: a bit changed, or somebody else's audio."""
    first: int
    """Index of the first frame heard, -1 for none."""
    heard: int = 0

    @property
    def bit_exact(self) -> bool:
        return self.heard > 0 and not (self.lost or self.doubled or self.reordered or self.foreign)


def compare(sent: Sequence[bytes], heard: Iterable[bytes]) -> Comparison:
    """Judge unique payloads (`g711.unique_frames`). What comes before the first and after the last of them is music,
    prompts and silence, and does not count."""
    index = {payload: at for at, payload in enumerate(sent)}
    order: list[int] = []
    foreign = since_known = 0
    for payload in heard:
        at = index.get(payload, -1)
        if at >= 0:
            foreign += since_known if order else 0
            since_known = 0
            order.append(at)
        else:
            since_known += 1
    if not order:
        return Comparison(sent=len(sent), lost=len(sent), doubled=0, reordered=0, foreign=0, first=-1)
    distinct = set(order)
    return Comparison(
        sent=len(sent),
        lost=len(sent) - order[0] - sum(1 for at in distinct if at >= order[0]),
        doubled=len(order) - len(distinct),
        reordered=sum(1 for before, after in itertools.pairwise(order) if after < before),
        foreign=foreign,
        first=order[0],
        heard=len(order),
    )


@dataclass
class RtpParty:
    """Send and receive from one port. With no `peer` it waits for the first packet and answers its source."""

    address: str = "127.0.0.1"
    port: int = 0
    law: int = PCMU
    peer: Address | None = None
    comfort: bool = True
    """Send silence while nothing is played, as phones do."""
    received: list[Packet] = field(default_factory=list)
    sent: list[bytes] = field(default_factory=list)
    """Audio payloads that left, in order (not silence, not events)."""
    digits: list[str] = field(default_factory=list)
    """Keys heard by RFC 4733."""

    def __post_init__(self) -> None:
        self.port = self.port or free_port(self.address, count=2)
        self.ssrc = random.getrandbits(32)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._socket.bind((self.address, self.port))
        self._socket.setblocking(False)
        self._queue: deque[_Frame] = deque()
        self._queueing = threading.Lock()
        self._idle = threading.Event()
        self._idle.set()
        self._stopping = False
        self._muted = False
        self._sequence = random.getrandbits(16)
        self._timestamp = random.getrandbits(32)
        self._event_timestamp = -1
        self._thread = threading.Thread(target=self._run, name=f"rtp {self.address}:{self.port}", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._stopping = True
        self._thread.join(timeout=2)
        self._socket.close()

    def play(self, audio: Samples | Sequence[bytes]) -> Self:
        """Queue speech (samples) or ready payloads."""
        ready = frames(audio, self.law) if isinstance(audio, np.ndarray) else audio
        return self._enqueue(_Frame(self.law, payload) for payload in ready)

    def press(
        self, digits: str, *, method: str = "rfc4733", seconds: float = 0.1, pause: float = 0.1
    ) -> Self:
        """Press keys, as `rfc4733` events or `inband` tones, with pauses between."""
        for digit in digits:
            if method == "inband":
                self.play(tone(*_TONES[digit], seconds=seconds, amplitude=6000))
            else:
                self._enqueue(self._event(KEYS.index(digit), round(seconds / _PERIOD_S)))
            self.play([encode(np.zeros(FRAME, dtype=np.int16), self.law)] * round(pause / _PERIOD_S))
        return self

    def send_raw(self, data: bytes) -> None:
        """A datagram of the test's own from this port."""
        self._socket.sendto(data, self.peer or ("", 0))

    def mute(self, muted: bool = True) -> Self:
        """Send nothing at all, as a phone on hold may."""
        self._muted = muted
        return self

    def wait_played(self, timeout: float = 60.0) -> bool:
        """True once all that was queued has left."""
        return self._idle.wait(timeout)

    def wait_packets(self, count: int, timeout: float = 30.0) -> bool:
        """True once `count` more packets than now have come."""
        goal, deadline = len(self.received) + count, time.monotonic() + timeout
        while len(self.received) < goal and time.monotonic() < deadline:
            time.sleep(0.01)
        return len(self.received) >= goal

    def payloads(self, *, since: float = 0.0) -> list[bytes]:
        """Audio payloads in order of arrival."""
        return [packet.payload for packet in self._audio() if packet.arrival >= since]

    def heard(self) -> Samples:
        """What a listener hears: every packet at its timestamp, silence where none came; a new SSRC follows on."""
        pieces: list[Samples] = []
        expected = ssrc = -1
        for packet in self._audio():
            gap = (packet.timestamp - expected) & 0xFFFFFFFF
            if packet.ssrc != ssrc or gap >= 0x80000000:
                ssrc = packet.ssrc
            elif 0 < gap < 8000 * 60:
                pieces.append(np.zeros(gap, dtype=np.int16))
            pieces.append(decode(packet.payload, packet.payload_type))
            expected = (packet.timestamp + len(packet.payload)) & 0xFFFFFFFF
        return np.concatenate(pieces) if pieces else np.zeros(0, dtype=np.int16)

    def _audio(self) -> list[Packet]:
        return [packet for packet in list(self.received) if packet.payload_type in (PCMU, PCMA)]

    def _enqueue(self, ready: Iterable[_Frame]) -> Self:
        queued = list(ready)
        with self._queueing:
            self._idle.clear()
            self._queue.extend(queued)
        return self

    def _next(self) -> _Frame | None:
        with self._queueing:  # or what is queued between the two is said to have left
            if not self._queue:
                self._idle.set()
                return None
            return self._queue.popleft()

    def _event(self, code: int, count: int) -> list[_Frame]:
        """RFC 4733 section 2.5: one timestamp, growing duration, the last packet three times."""

        def packet(step: int, *, end: bool, advance: int = 0) -> _Frame:
            payload = struct.pack("!BBH", code, (0x80 if end else 0) | 10, min(step * FRAME, 0xFFFF))
            return _Frame(TELEPHONE_EVENT, payload, marker=step == 1, advance=advance)

        growing = [packet(step, end=False) for step in range(1, count)]
        return [
            *growing,
            *[packet(count, end=True)] * 2,
            packet(count, end=True, advance=(count + 2) * FRAME),
        ]

    def _run(self) -> None:
        due = time.monotonic() + _PERIOD_S
        while not self._stopping:
            self._receive(max(0.0, due - time.monotonic()))
            if time.monotonic() >= due:
                due = max(due + _PERIOD_S, time.monotonic() - 5 * _PERIOD_S)
                self._send_one()

    def _receive(self, patience: float) -> None:
        readable, _, _ = select.select([self._socket], [], [], patience)
        while readable:
            try:
                data, source = self._socket.recvfrom(2048)
            except (BlockingIOError, ConnectionRefusedError):
                return
            self._take(data, source, time.monotonic())

    def _take(self, data: bytes, source: Address, now: float) -> None:
        if len(data) < 12 or data[0] >> 6 != 2 or len(self.received) >= _MOST_PACKETS:
            return
        second, sequence, timestamp, ssrc = struct.unpack("!xBHII", data[:12])
        body = data[12 + 4 * (data[0] & 0x0F) :]
        packet = Packet(now, source, second > 127, second & 127, sequence, timestamp, ssrc, body)
        self.received.append(packet)
        self.peer = self.peer or source
        if packet.payload_type == TELEPHONE_EVENT and len(body) >= 4 and timestamp != self._event_timestamp:
            self._event_timestamp = timestamp
            self.digits.append(KEYS[body[0]] if body[0] < len(KEYS) else "?")

    def _send_one(self) -> None:
        if self.peer is None or self._muted:
            return
        frame = self._next()
        if frame is None:
            if not self.comfort:
                self._timestamp = (self._timestamp + FRAME) & 0xFFFFFFFF
                return
        elif frame.payload_type == self.law:
            self.sent.append(frame.payload)
        self._put(frame or _Frame(self.law, (b"\xff" if self.law == PCMU else b"\xd5") * FRAME))

    def _put(self, frame: _Frame) -> None:
        second = frame.payload_type | (0x80 if frame.marker else 0)
        header = struct.pack("!BBHII", 0x80, second, self._sequence, self._timestamp, self.ssrc)
        try:
            self._socket.sendto(header + frame.payload, self.peer or ("", 0))
        except OSError:
            pass  # the peer's port is closed already: the stream goes on, as over a real network
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._timestamp = (self._timestamp + frame.advance) & 0xFFFFFFFF
