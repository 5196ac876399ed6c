"""Proves that the batching generator counts exactly what a switch in between does: every fault that a small relay plants.

All legs of a side share one address and port here, as in the ladder, and the relay has a port for each leg, as a switch
has. Proves too that a leg talks to the leg it should, and that the soak calls growing what grows. Does not
prove what the generator costs; each row of `python -m benchmarks.ladder` prints that.
"""

import selectors
import socket
import threading
import time
from collections.abc import Callable

import pytest

from benchmarks.cell import Sample
from benchmarks.media_load import MediaLoad, MediaResult
from benchmarks.soak import judged

pytestmark = pytest.mark.interop

CALLS = 6
SWITCH = "127.0.0.30"
EVERY = 25
"""One packet of so many is treated badly."""

Forward = Callable[[bytes], list[bytes]]


class Relay:
    """Ports 2n and 2n + 1 are the two legs of call n; what the callback returns for a packet goes out at the other."""

    def __init__(self, calls: int) -> None:
        self.sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2 * calls)]
        for opened in self.sockets:
            opened.bind((SWITCH, 0))
            opened.setblocking(False)
        self.fault: Forward = lambda data: [data]
        self.spoilt = 0
        self.crossed = False
        self._count = 0
        self._peers: list[tuple[str, int]] = []
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def start(self, peers: list[tuple[str, int]]) -> None:
        """`peers`: where each leg's media goes."""
        self._peers = peers
        self._thread.start()

    def stop(self) -> None:
        self._end.set()
        self._thread.join()
        for opened in self.sockets:
            opened.close()

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            for index, opened in enumerate(self.sockets):
                selector.register(opened, selectors.EVENT_READ, index)
            while not self._end.is_set():
                for key, _ in selector.select(0.01):
                    self._pass_on(key.data, self.sockets[key.data].recv(2048))

    def _pass_on(self, index: int, data: bytes) -> None:
        out = index ^ 1
        self._count += 1
        packets = [data]
        if self._count % EVERY == 0:
            self.spoilt += 1
            packets = self.fault(data)
            out = (index + 2) % len(self.sockets) if self.crossed else out
        for packet in packets:
            self.sockets[out].sendto(packet, self._peers[out])


def _through(fault: Forward, *, crossed: bool = False) -> tuple[MediaResult, Relay, MediaLoad]:
    relay, load = Relay(CALLS), MediaLoad(2 * CALLS, 5.0)
    relay.fault, relay.crossed = fault, crossed
    try:
        ports = [load.open(leg, f"127.0.0.{10 + leg % 2 * 10}") for leg in range(2 * CALLS)]
        relay.start([(f"127.0.0.{10 + leg % 2 * 10}", port) for leg, port in enumerate(ports)])
        for leg, opened in enumerate(relay.sockets):
            load.connect(leg, opened.getsockname())
        load.begin()
        _run_for(load, 1.0)
        load.end()
        for leg in range(2 * CALLS):
            load.stop_sending(leg)
        _run_for(load, 0.3)
        return load.result(), relay, load
    finally:
        relay.stop()
        load.close()


def _run_for(load: MediaLoad, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(load.until_tick())
        load.tick()
    load.read()


def test_what_a_switch_passes_on_unharmed_is_counted_as_such() -> None:
    result, relay, load = _through(lambda data: [data])
    assert relay.spoilt > 10
    assert result.sent == result.received > CALLS * 2 * 35
    assert (result.lost, result.corrupted, result.doubled, result.reordered, result.misrouted) == (0,) * 5
    assert (result.deaf_legs, load.strays) == (0, 0)
    assert [load.partner(leg) for leg in range(2 * CALLS)] == [leg ^ 1 for leg in range(2 * CALLS)]
    assert 0 < result.delay_ms["p50"] < 50


def test_each_lost_packet_is_missed() -> None:
    result, relay, _ = _through(lambda data: [])
    # those at the front of a leg, before it was heard at all, count as not yet connected
    assert 0 <= relay.spoilt - result.lost <= 2
    assert (result.corrupted, result.doubled, result.reordered, result.misrouted) == (0,) * 4


@pytest.mark.parametrize("place", [12, 13, 14, 19, 100, 171])
def test_a_changed_bit_is_seen_wherever_it_is(place: int) -> None:
    result, relay, _ = _through(lambda data: [data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]])
    assert 0 <= relay.spoilt - result.corrupted <= 2
    assert 0 <= relay.spoilt - result.lost <= 2, "the packet that should have come is missed too"


def test_a_packet_that_is_cut_short_or_longer_is_a_changed_one() -> None:
    result, relay, _ = _through(lambda data: [data[:-1]])
    assert 0 <= relay.spoilt - result.corrupted <= 2
    result, relay, _ = _through(lambda data: [data + b"x"])
    assert 0 <= relay.spoilt - result.corrupted <= 2


def test_each_doubled_packet_is_counted_once_more() -> None:
    result, relay, _ = _through(lambda data: [data, data])
    assert result.doubled == relay.spoilt
    assert (result.lost, result.corrupted) == (0, 0)


def test_each_late_packet_is_out_of_order_and_not_lost() -> None:
    held: dict[bytes, bytes] = {}

    def hold_back(data: bytes) -> list[bytes]:
        """Keep one of each leg, and give it out with the next one of this leg that would be kept."""
        leg = data[14:16]
        before = held.pop(leg, None)
        if before is None:
            held[leg] = data
            return []
        return [data, before]

    result, relay, _ = _through(hold_back)
    assert result.reordered >= (relay.spoilt - len(held)) // 2 > 0
    assert result.lost <= len(held)


def test_a_packet_that_reaches_somebody_else_is_misrouted() -> None:
    result, relay, _ = _through(lambda data: [data], crossed=True)
    assert result.misrouted >= relay.spoilt - 2


def _samples(**grown: float) -> list[Sample]:
    """Half an hour, in which what is named grows evenly to so much more."""
    count = 180
    return [
        Sample(
            at_s=10.0 * index, rss_mb=200.0 + grown.get("rss_mb", 0.0) * index / count, files=500, cpu_s=float(index),
            sent=1000 * index, lost=round(grown.get("lost", 0.0) * index / count),
            more={"tasks": 40.0 + index % 5 + round(grown.get("tasks", 0.0) * index / count)},
        )
        for index in range(count)
    ]  # fmt: skip


@pytest.mark.parametrize(("what", "much"), [("rss_mb", 30.0), ("lost", 20.0), ("tasks", 40.0)])
def test_the_soak_says_what_grows(what: str, much: float) -> None:
    row = {"carried": True, "churned": None}
    assert judged(row, _samples())["growing"] == []
    assert judged(row, _samples())["passed"]
    report = judged(row, _samples(**{what: much}))
    assert report["growing"] == [what]
    assert not report["passed"]
