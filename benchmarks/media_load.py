"""The media side of the load: thousands of RTP legs in one process, every packet unlike all others and stamped when sent.

A payload holds its leg, its number, its time of sending and noise that follows from leg and number, so that whoever
receives it knows what was lost, doubled, reordered or changed, and how long it was on its way. Arrival is taken from the
kernel's own timestamps: what this process is late in reading does not count as delay of the switch. The time of sending
is taken once for each chunk of at most 64 packets, right before the system call that sends them.

All legs of one side share one address and port. The switch has a port for each leg, and that tells legs apart, to where we
send as by where a packet comes from. Without a switch in between each leg has a socket of its own. A tick is a nineteenth
of 20 ms and serves a nineteenth of the legs: phones begin at different moments, and a tick that is no multiple of the
switch's own spreads arrivals over it, so that delay is not measured at one lucky or unlucky phase.
"""

import resource
import socket
import time
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.datagrams import Batch, bound

GROUPS = 19
TICK_S = 0.02 / GROUPS
FRAME = 160
PACKET = 12 + FRAME
_PACKET = np.dtype(
    [("first", "u1"), ("type", "u1"), ("sequence", ">u2"), ("timestamp", ">u4"), ("ssrc", ">u4"), ("magic", ">u2"),
     ("leg", ">u2"), ("number", ">u4"), ("sent_ns", ">u8"), ("noise", "<u4", 36)]
)  # fmt: skip
"""RTP header, then what tells packets apart, then noise that follows from leg and number."""
_NOISE_AT = 7
"""Where the noise begins, in words of four bytes."""
_MAGIC = 0x5A5A
_NOISE_ROWS = 1009
_SEND_CHUNK = 64
_RECEIVE = 1024
_WIDTH = 256
_READ_EVERY = 8
"""Ticks between two readings: the kernel stamps arrivals, so reading late costs nothing."""
_BIN_MS = 0.02
_BINS = 100_000

Ints = npt.NDArray[np.int64]
Address = tuple[str, int]


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
    lost_measured: int
    """Of those that were sent in the measured stretch."""
    sent_measured: int
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
    send_late_p99_ms: float


class Spread:
    """Times counted in bins of 20 µs: percentiles of millions in constant memory."""

    def __init__(self) -> None:
        self._bins = np.zeros(_BINS, np.int64)
        self._worst = 0.0

    def add(self, milliseconds: npt.NDArray[np.float64]) -> None:
        if len(milliseconds):
            np.add.at(self._bins, np.clip(milliseconds / _BIN_MS, 0, _BINS - 1).astype(np.int64), 1)
            self._worst = max(self._worst, float(milliseconds.max()))

    def percentiles(self) -> dict[str, float]:
        total = int(self._bins.sum())
        if not total:
            return {}
        reached = np.cumsum(self._bins)
        named = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "p999": 0.999}
        found = {
            n: round(float(np.searchsorted(reached, s * total) + 1) * _BIN_MS, 3) for n, s in named.items()
        }
        return {**found, "max": round(self._worst, 3)}


class MediaLoad:
    def __init__(
        self, legs: int, seconds: float, planted: Planted | None = None, *, shared: bool = True
    ) -> None:
        """`shared`: one socket for each address, with a switch in between; else one for each leg."""
        self.legs = legs
        self._most = round(seconds * 50) + 50
        self._shared = shared
        noise = np.random.default_rng(4711).integers(0, 256, (_NOISE_ROWS, 144), dtype=np.uint8)
        self._noise = noise.view("<u4")
        self._sockets: list[socket.socket] = []
        self._sinks: list[socket.socket] = []
        self._of_address: dict[str, int] = {}
        self._socket_of = np.full(legs, -1, np.int64)
        self._sends = np.zeros(legs, bool)
        self._peer_port = np.zeros(legs, np.int64)
        self._peer_address = np.zeros(legs, np.int64)
        self._legs_by_port: list[npt.NDArray[np.int32]] = []
        """For each socket: leg + 1 by the port of its peer."""
        self._grouped = False
        self._groups: list[list[tuple[int, int, int]]] = []
        """For each group: socket, and from where to where its packets lie."""
        self._rows = np.zeros(0, np.int64)
        """The leg of each packet in `_out`."""
        self.numbers = np.zeros(legs, np.int64)
        """Packets sent so far by each leg."""
        self._seen = np.zeros((legs, self._most), np.uint8)
        self._first_heard = np.full(legs, self._most, np.int64)
        self._partner = np.full(legs, -1, np.int64)
        self._highest = np.full(legs, -1, np.int64)
        self._out = Batch(max(legs, 1), PACKET)
        self._packets: npt.NDArray[Any] = self._out.data.view(_PACKET)[:, 0]
        self._packets["first"], self._packets["magic"] = 0x80, _MAGIC
        self._in = Batch(_RECEIVE, _WIDTH)
        self._in_packets: npt.NDArray[Any] = self._in.data[:, :PACKET].view(_PACKET)[:, 0]
        self._in_words = self._in.data.view("<u4")
        self._delay, self._lateness = Spread(), Spread()
        self._late_now: list[float] = []
        self._late_told = 0
        self.received = self.corrupted = self.reordered = self.misrouted = self.strays = 0
        self.measuring = False
        self._measured: tuple[Ints, Ints] = (self.numbers.copy(), self.numbers.copy())
        self._tick = 0
        self._due = time.monotonic()
        self._planted = planted
        self._random = Random(1)

    # -- legs ---------------------------------------------------------------------------------------------------------

    def open(self, leg: int, address: str) -> int:
        """The port at which this leg is reached; the same for all of one address when they share it."""
        index = self._of_address.get(address, -1) if self._shared else int(self._socket_of[leg])
        if index < 0:
            index = len(self._sockets)
            self._sockets.append(self._bind(address))
            self._legs_by_port.append(np.zeros(65_536, np.int32))
            self._of_address[address] = index
        self._socket_of[leg] = index
        return int(self._sockets[index].getsockname()[1])

    def _bind(self, address: str) -> socket.socket:
        if not self._shared:
            return bound(address)
        for _ in range(100):
            opened = bound(address)
            port = opened.getsockname()[1]
            try:
                if port % 2 == 0:
                    self._sinks.append(bound(address, port + 1))  # RTCP that nobody reads
                    return opened
            except OSError:
                pass
            opened.close()
        raise OSError(f"no two neighbouring ports on {address}")

    def connect(self, leg: int, peer: Address) -> None:
        """Packets go to this peer, and what comes from it is this leg's; sending begins."""
        index = int(self._socket_of[leg])
        self._legs_by_port[index][peer[1]] = leg + 1
        self._peer_port[leg] = peer[1]
        self._peer_address[leg] = int.from_bytes(socket.inet_aton(peer[0]), "big")
        self._sends[leg] = True
        self._grouped = False

    def stop_sending(self, leg: int) -> None:
        self._sends[leg] = False
        self._grouped = False

    def partner(self, leg: int) -> int:
        """The leg that this one hears, -1 for none yet."""
        return int(self._partner[leg])

    def heard(self) -> int:
        """How many legs hear another."""
        return int(np.count_nonzero(self._partner >= 0))

    def close(self) -> None:
        for opened in (*self._sockets, *self._sinks):
            opened.close()

    # -- the clock ----------------------------------------------------------------------------------------------------

    def until_tick(self) -> float:
        return max(0.0, self._due - time.monotonic())

    @property
    def late_s(self) -> float:
        """How long the next packets are overdue."""
        return max(0.0, time.monotonic() - self._due)

    def latest_ms(self) -> float:
        """How late the latest tick was since this was last asked, in the measured stretch: when it is a tenth of a second,
        the machine stood still."""
        worst = max(self._late_now[self._late_told :], default=0.0)
        self._late_told = len(self._late_now)
        return worst

    def tick(self) -> None:
        """If the time has come: send a nineteenth of the legs, and now and then take what has arrived."""
        now = time.monotonic()
        if now < self._due:
            return
        if self.measuring:
            self._late_now.append((now - self._due) * 1000)
        self._due = max(self._due + TICK_S, now - 0.1)
        self._send_group(self._tick % GROUPS)
        self._tick += 1
        if self._tick % _READ_EVERY == 0 and now < self._due:
            self.read()

    def begin(self) -> None:
        """What is sent from now on is measured."""
        self.measuring = True
        self._measured = (self.numbers.copy(), self.numbers.copy())

    def end(self) -> None:
        self.measuring = False
        self._measured = (self._measured[0], self.numbers.copy())

    def _send_group(self, group: int) -> None:
        if self._tick // GROUPS >= self._most:
            return
        if not self._shared or self._planted is not None:
            for leg in np.flatnonzero(self._sends):
                if leg % GROUPS == group:
                    self._send_alone(int(leg))
            return
        if not self._grouped:
            self._regroup()
        for descriptor, begin, end in self._groups[group]:
            for first in range(begin, end, _SEND_CHUNK):
                last = min(first + _SEND_CHUNK, end)
                self._fill(slice(first, last), self._rows[first:last])
                self._out.send(descriptor, first, last)

    def _regroup(self) -> None:
        """Lay the packets out as they are sent, group after group and socket after socket; what never changes is set."""
        self._groups, rows, begin = [], [], 0
        for group in range(GROUPS):
            members = np.flatnonzero(self._sends[group::GROUPS]) * GROUPS + group
            self._groups.append([])
            for index, opened in enumerate(self._sockets):
                ours = members[self._socket_of[members] == index]
                self._groups[group].append((opened.fileno(), begin, begin + len(ours)))
                begin += len(ours)
                rows.append(ours)
        self._rows = np.concatenate(rows) if rows else np.zeros(0, np.int64)
        self._address(slice(0, begin), self._rows)
        self._grouped = True

    def _address(self, place: slice, legs: Ints) -> None:
        packets, peers = self._packets[place], self._out.peers[place]
        packets["ssrc"], packets["leg"] = 0x10000 + legs, legs
        peers["port"], peers["address"] = self._peer_port[legs], self._peer_address[legs]

    def _fill(self, place: slice, legs: Ints) -> None:
        packets, number = self._packets[place], self.numbers[legs]
        packets["sequence"], packets["number"], packets["timestamp"] = number, number, number * FRAME
        packets["noise"] = self._noise[(legs * 31 + number) % _NOISE_ROWS]
        self.numbers[legs] = number + 1
        packets["sent_ns"] = time.time_ns()

    def _send_alone(self, leg: int) -> None:
        """One packet, with the faults that are planted."""
        one, dice = np.array([leg]), self._random.random
        planted, descriptor = self._planted or Planted(), self._sockets[int(self._socket_of[leg])].fileno()
        place = slice(0, 1)
        self._address(place, one)
        self._fill(place, one)
        if dice() < planted.loss:
            return
        if dice() < planted.corruption:
            self._out.data[0, PACKET - 1 - self._random.randrange(100)] ^= 1
        if dice() < planted.swapping and self.numbers[leg] < self._most:
            held = self._out.data[0].copy()
            self._fill(place, one)
            self._out.send(descriptor, 0, 1)
            self._out.data[0] = held
        self._out.send(descriptor, 0, 1)
        if dice() < planted.doubling:
            self._out.send(descriptor, 0, 1)

    # -- arrival ------------------------------------------------------------------------------------------------------

    def read(self) -> None:
        """Take all that waits."""
        for index, opened in enumerate(self._sockets):
            for _ in range(16):
                count = self._in.receive(opened.fileno())
                if count:
                    self._judge(index, count)
                if count < _RECEIVE:
                    break

    def _judge(self, index: int, count: int) -> None:
        packets = self._in_packets[:count]
        peers = self._in.peers[:count]
        listeners = self._legs_by_port[index][peers["port"]].astype(np.int64) - 1
        known_peer = (listeners >= 0) & (self._peer_address[listeners] == peers["address"])
        self.strays += int(np.count_nonzero(~known_peer))
        sender, number = packets["leg"].astype(np.int64), packets["number"].astype(np.int64)
        ours = (
            known_peer
            & (packets["magic"] == _MAGIC)
            & (self._in.lengths[:count] == PACKET)
            & (sender < self.legs)
            & (number < self._most)
        )
        expected = self._noise[(sender * 31 + number) % _NOISE_ROWS]
        exact = ours & (self._in_words[:count, _NOISE_AT : _NOISE_AT + 36] == expected).all(axis=1)
        if self.measuring:
            talking = known_peer & (self._partner[listeners] >= 0)
            self.corrupted += int(np.count_nonzero(talking & ~exact))
        good = np.flatnonzero(exact)
        if len(good):
            delay = self._in.arrived_ns(count)[good] - packets["sent_ns"][good].astype(np.int64)
            self._count(listeners[good], sender[good], number[good], delay)

    def _count(self, listener: Ints, sender: Ints, number: Ints, delay_ns: Ints) -> None:
        self.received += len(listener)
        fresh = self._partner[listener] < 0
        self._partner[listener[fresh]] = sender[fresh]
        self.misrouted += int(np.count_nonzero(self._partner[listener] != sender))
        np.add.at(self._seen.reshape(-1), sender * self._most + number, 1)
        np.minimum.at(self._first_heard, sender, number)
        self.reordered += int(np.count_nonzero(number < self._highest[listener]))
        order = np.argsort(listener, kind="stable")
        same = listener[order][1:] == listener[order][:-1]
        self.reordered += int(np.count_nonzero(same & (np.diff(number[order]) < 0)))
        np.maximum.at(self._highest, listener, number)
        if self.measuring:
            self._delay.add(delay_ns / 1e6)

    # -- judgement ----------------------------------------------------------------------------------------------------

    def lost_between(self, begin: Ints, end: Ints) -> tuple[int, int]:
        """Packets sent and packets lost, of those that each leg numbered from `begin` to `end`, once it was heard."""
        sent = lost = 0
        first = np.maximum(begin, self._first_heard)
        for leg in np.flatnonzero(first < end):
            window = self._seen[leg, first[leg] : end[leg]]
            sent += len(window)
            lost += int(np.count_nonzero(window == 0))
        return sent, lost

    def lost_measured(self) -> int:
        """Packets of the measured stretch that have not been heard yet."""
        return self.lost_between(*self._measured)[1]

    def result(self) -> MediaResult:
        sent, lost = self.lost_between(np.zeros(self.legs, np.int64), self.numbers)
        sent_measured, lost_measured = self.lost_between(*self._measured)
        self._lateness.add(np.array(self._late_now))
        late = self._lateness.percentiles()
        return MediaResult(
            sent=sent, received=self.received, lost=lost, lost_measured=lost_measured, sent_measured=sent_measured,
            corrupted=self.corrupted, doubled=int(np.sum(self._seen[self._seen > 1].astype(np.int64) - 1)),
            reordered=self.reordered, misrouted=self.misrouted,
            deaf_legs=int(np.count_nonzero((self.numbers > 0) & (self._first_heard == self._most))),
            delay_ms=self._delay.percentiles(), send_late_ms=late.get("max", 0.0), send_late_p99_ms=late.get("p99", 0.0),
        )  # fmt: skip


def percentiles(values: npt.NDArray[np.float32] | list[float]) -> dict[str, float]:
    if not len(values):
        return {}
    array = np.asarray(values, dtype=np.float64)
    named = {"p50": 50, "p95": 95, "p99": 99, "p999": 99.9, "max": 100}
    return {name: round(float(np.percentile(array, share)), 3) for name, share in named.items()}


def own_cpu_s() -> float:
    """CPU seconds of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
