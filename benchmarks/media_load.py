"""The media side of the load: many RTP legs in one process, every packet unlike all others and stamped when sent.

A payload holds its leg, its number, its time of sending and noise that follows from leg and number, so that whoever
receives it knows what was lost, doubled, reordered or changed, and how long it was on its way. Arrival is taken from the
kernel's own timestamps: what this process is late in reading does not count as delay of the switch.

Buffers are made once. A tick is 4 ms and serves a fifth of the legs: phones begin at different moments, and a tick that is
no multiple of the switch's own spreads arrivals over it, so that delay is not measured at one lucky or unlucky phase.
"""

import select
import socket
import struct
import time
from dataclasses import dataclass
from random import Random

import numpy as np
import numpy.typing as npt

TICK_S = 0.004
GROUPS = 5
FRAME = 160
PACKET = 12 + FRAME
_MAGIC = 0x5A5A
_SO_TIMESTAMPNS = 35
_NOISE_ROWS = 1009
_BATCH = 4096
_HEAD = struct.Struct("!BBHIIHHIQ")
"""RTP header, then magic, leg, number and time of sending in nanoseconds; noise follows."""


@dataclass(slots=True, kw_only=True)
class Planted:
    """Faults that this generator makes itself, to prove that it would see them."""

    loss: float = 0.0
    corruption: float = 0.0
    doubling: float = 0.0
    swapping: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaResult:
    sent: int
    """Packets sent by legs that were heard, from the first that was heard on."""
    received: int
    lost: int
    corrupted: int
    doubled: int
    reordered: int
    misrouted: int
    """Packets that a leg heard from a second leg."""
    deaf_legs: int
    """Legs that sent and were never heard by anybody."""
    delay_ms: dict[str, float]
    send_late_ms: float
    """Worst lateness of this process's own ticks."""


class MediaLoad:
    def __init__(self, legs: int, seconds: float, planted: Planted | None = None) -> None:
        self.legs = legs
        self._most = round(seconds * 50) + 50
        rng = np.random.default_rng(4711)
        self._noise = rng.integers(0, 256, (_NOISE_ROWS, PACKET - _HEAD.size), dtype=np.uint8)
        self._rows = np.zeros((legs, PACKET), dtype=np.uint8)
        self._views = [memoryview(row) for row in self._rows]  # type: ignore[arg-type]
        self._sockets: list[socket.socket | None] = [None] * legs
        self._sends: list[bool] = [False] * legs
        self.numbers = np.zeros(legs, dtype=np.int64)
        """Packets sent so far by each leg."""
        self._seen = np.zeros((legs, self._most), dtype=np.uint8)
        self._partner = np.full(legs, -1, dtype=np.int64)
        self._highest = np.full(legs, -1, dtype=np.int64)
        self._in = np.zeros((_BATCH, 256), dtype=np.uint8)
        self._in_views = [memoryview(row) for row in self._in]  # type: ignore[arg-type]
        self._in_leg = np.zeros(_BATCH, dtype=np.int64)
        self._in_size = np.zeros(_BATCH, dtype=np.int64)
        self._in_time = np.zeros(_BATCH, dtype=np.int64)
        self._delays = np.zeros(legs * self._most, dtype=np.float32)
        self._delay_count = 0
        self.received = self.corrupted = self.reordered = self.misrouted = 0
        self.measuring = False
        self._epoll = select.epoll(max(legs, 1))
        self._leg_of: dict[int, int] = {}
        self._tick = 0
        self._due = time.monotonic()
        self.late_s = 0.0
        self._planted = planted
        self._random = Random(1)

    # -- legs ---------------------------------------------------------------------------------------------------------

    def open(self, leg: int, address: str) -> int:
        """Bind a socket for this leg, or keep the one it has; its port."""
        opened = self._sockets[leg]
        if opened is None:
            opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            opened.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 256 * 1024)
            opened.bind((address, 0))
            opened.setblocking(False)
            self._sockets[leg] = opened
            self._leg_of[opened.fileno()] = leg
            self._epoll.register(opened.fileno(), select.EPOLLIN)
        return int(opened.getsockname()[1])

    def connect(self, leg: int, peer: tuple[str, int]) -> None:
        """Packets go to, and are taken from, this peer only; sending begins."""
        opened = self._sockets[leg]
        assert opened is not None
        opened.connect(peer)
        self._sends[leg] = True

    def stop_sending(self, leg: int) -> None:
        self._sends[leg] = False

    def partner(self, leg: int) -> int:
        """The leg that this one hears, -1 for none yet."""
        return int(self._partner[leg])

    def close(self) -> None:
        self._epoll.close()
        for opened in self._sockets:
            if opened is not None:
                opened.close()

    # -- the clock ----------------------------------------------------------------------------------------------------

    def until_tick(self) -> float:
        return max(0.0, self._due - time.monotonic())

    def tick(self) -> None:
        """If the time has come: send a fifth of the legs and take what has arrived."""
        now = time.monotonic()
        if now < self._due:
            return
        if self.measuring:
            self.late_s = max(self.late_s, now - self._due)
        self._due = max(self._due + TICK_S, now - 0.1)
        self._send_group(self._tick % GROUPS)
        self._tick += 1
        self._receive()

    def _send_group(self, group: int) -> None:
        for leg in range(group, self.legs, GROUPS):
            if self._sends[leg] and self.numbers[leg] < self._most:
                self._fill(leg, int(self.numbers[leg]))
                self.numbers[leg] += 1
                if self._planted is None:
                    self._put(leg)
                else:
                    self._put_badly(leg, self._planted)

    def _fill(self, leg: int, number: int) -> None:
        self._rows[leg, _HEAD.size :] = self._noise[(leg * 31 + number) % _NOISE_ROWS]
        _HEAD.pack_into(
            self._views[leg], 0, 0x80, 0, number & 0xFFFF, (number * FRAME) & 0xFFFFFFFF, 0x10000 + leg, _MAGIC, leg,
            number, time.time_ns(),
        )  # fmt: skip

    def _put(self, leg: int) -> None:
        opened = self._sockets[leg]
        assert opened is not None
        try:
            opened.send(self._views[leg])
        except OSError:
            pass  # the switch has closed its port: what it never got is counted as lost

    def _put_badly(self, leg: int, planted: Planted) -> None:
        dice = self._random.random
        if dice() < planted.loss:
            return
        if dice() < planted.corruption:
            self._rows[leg, PACKET - 1 - self._random.randrange(100)] ^= 1
        if dice() < planted.swapping and self.numbers[leg] < self._most:
            held = bytes(self._views[leg])
            self._fill(leg, int(self.numbers[leg]))
            self.numbers[leg] += 1
            self._put(leg)
            self._views[leg][:] = held
        self._put(leg)
        if dice() < planted.doubling:
            self._put(leg)

    # -- arrival ------------------------------------------------------------------------------------------------------

    def _receive(self) -> None:
        for _ in range(8):
            count = 0
            for descriptor, _event in self._epoll.poll(0, _BATCH):
                leg = self._leg_of[descriptor]
                opened = self._sockets[leg]
                assert opened is not None
                try:
                    size, ancillary, _, _ = opened.recvmsg_into([self._in_views[count]], 64)
                except OSError:
                    continue
                self._in_leg[count], self._in_size[count] = leg, size
                self._in_time[count] = _kernel_time(ancillary)
                count += 1
            if not count:
                return
            self._judge(count)

    def _judge(self, count: int) -> None:
        rows, listeners = self._in[:count], self._in_leg[:count]
        magic = (rows[:, 12].astype(np.int64) << 8) | rows[:, 13]
        sender = (rows[:, 14].astype(np.int64) << 8) | rows[:, 15]
        number = np.ascontiguousarray(rows[:, 16:20]).view(">u4")[:, 0].astype(np.int64)
        sent_at = np.ascontiguousarray(rows[:, 20:28]).view(">u8")[:, 0].astype(np.int64)
        ours = (
            (magic == _MAGIC)
            & (self._in_size[:count] == PACKET)
            & (sender < self.legs)
            & (number < self._most)
        )
        known = self._partner[listeners] >= 0
        safe_sender, safe_number = np.where(ours, sender, 0), np.where(ours, number, 0)
        expected = self._noise[(safe_sender * 31 + safe_number) % _NOISE_ROWS]
        exact = ours & (rows[:, _HEAD.size : PACKET] == expected).all(axis=1)
        if self.measuring:
            self.corrupted += int(np.count_nonzero(known & ~exact))
        good = np.flatnonzero(exact)
        if len(good):
            self._count(listeners[good], sender[good], number[good], self._in_time[good] - sent_at[good])

    def _count(self, listener: npt.NDArray[np.int64], sender: npt.NDArray[np.int64], number: npt.NDArray[np.int64],
               delay_ns: npt.NDArray[np.int64]) -> None:  # fmt: skip
        self.received += len(listener)
        fresh = self._partner[listener] < 0
        self._partner[listener[fresh]] = sender[fresh]
        self.misrouted += int(np.count_nonzero(self._partner[listener] != sender))
        np.add.at(self._seen, (sender, number), 1)
        self.reordered += int(np.count_nonzero(number < self._highest[listener]))
        order = np.argsort(listener, kind="stable")
        same = listener[order][1:] == listener[order][:-1]
        self.reordered += int(np.count_nonzero(same & (np.diff(number[order]) < 0)))
        np.maximum.at(self._highest, listener, number)
        if self.measuring:
            end = min(self._delay_count + len(delay_ns), len(self._delays))
            taken = end - self._delay_count
            self._delays[self._delay_count : end] = delay_ns[:taken] / 1e6
            self._delay_count = end

    # -- judgement ----------------------------------------------------------------------------------------------------

    def result(self) -> MediaResult:
        sent = lost = doubled = deaf = 0
        for leg in range(self.legs):
            last = int(self.numbers[leg])
            if not last:
                continue
            heard = np.flatnonzero(self._seen[leg, :last])
            if not len(heard):
                deaf += 1
                continue
            window = self._seen[leg, heard[0] : last]
            sent += len(window)
            lost += int(np.count_nonzero(window == 0))
            doubled += int(np.sum(window[window > 1].astype(np.int64) - 1))
        return MediaResult(
            sent=sent, received=self.received, lost=lost, corrupted=self.corrupted, doubled=doubled,
            reordered=self.reordered, misrouted=self.misrouted, deaf_legs=deaf,
            delay_ms=percentiles(self._delays[: self._delay_count]), send_late_ms=round(self.late_s * 1000, 2),
        )  # fmt: skip


def percentiles(values: npt.NDArray[np.float32] | list[float]) -> dict[str, float]:
    if not len(values):
        return {}
    array = np.asarray(values, dtype=np.float64)
    named = {"p50": 50, "p95": 95, "p99": 99, "p999": 99.9, "max": 100}
    return {name: round(float(np.percentile(array, share)), 3) for name, share in named.items()}


def _kernel_time(ancillary: list[tuple[int, int, bytes]]) -> int:
    """Nanoseconds since 1970 at which the kernel took the packet."""
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
            seconds, nanoseconds = struct.unpack("@qq", data[:16])
            return int(seconds) * 1_000_000_000 + int(nanoseconds)
    return time.time_ns()
