"""Proves on loopback: muted, open and locked sockets take what they should, packets that waited before a lock are
sorted, a locked socket can be opened again, RTCP comes in, and closing gives the ports back.

Does not prove what is done with the packets (test_rtp_relay.py).
"""

import socket
import time
from collections.abc import Iterator

import numpy as np
import pytest

from softswitch.rtp.engine import Address, PacketRows
from softswitch.rtp.sockets import SocketEngine

PORT = 28500
TARGET = ("127.0.0.1", PORT)


@pytest.fixture
def engine() -> Iterator[SocketEngine]:
    engine = SocketEngine()
    engine.open(3, "127.0.0.1", PORT)
    yield engine
    engine.shut()


@pytest.fixture
def phones() -> Iterator[list[socket.socket]]:
    made = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(3)]
    for phone in made:
        phone.bind(("127.0.0.1", 0))
        phone.settimeout(1.0)
    yield made
    for phone in made:
        phone.close()


def taken(engine: SocketEngine) -> list[tuple[int, bytes, Address | None]]:
    """Everything that one tick takes."""
    time.sleep(0.01)
    found: list[tuple[int, bytes, Address | None]] = []
    again = False
    while (round_ := engine.receive(again=again)) is not None:
        again = True
        assert len(set(round_.slot.tolist())) == len(round_.slot)
        for n, (slot, length) in enumerate(zip(round_.slot.tolist(), round_.length.tolist(), strict=True)):
            found.append((slot, round_.packets.array[n, :length].tobytes(), round_.sources.get(n)))
    return found


def send(engine: SocketEngine, data: bytes) -> None:
    rows = PacketRows(2)
    rows.array[1, : len(data)] = np.frombuffer(data, np.uint8)
    engine.send(rows, np.array([1]), np.array([3], np.int32), np.array([len(data)], np.int32))


def test_a_muted_socket_takes_and_sends_nothing(engine: SocketEngine, phones: list[socket.socket]) -> None:
    for _ in range(5):
        phones[0].sendto(b"early", TARGET)
    assert taken(engine) == []
    send(engine, b"x")
    assert engine.strangers() == {3: 5}
    assert engine.strangers() == {}


def test_an_open_socket_tells_sources_and_sends_to_the_negotiated(
    engine: SocketEngine, phones: list[socket.socket]
) -> None:
    phones[0].sendto(b"before", TARGET)
    time.sleep(0.01)
    engine.aim(3, phones[0].getsockname())
    phones[0].sendto(b"one", TARGET)
    phones[1].sendto(b"two", TARGET)
    assert taken(engine) == [(3, b"one", phones[0].getsockname()), (3, b"two", phones[1].getsockname())]
    send(engine, b"hello")
    assert phones[0].recv(100) == b"hello"


def test_a_locked_socket_takes_the_peer_only_even_what_waited(
    engine: SocketEngine, phones: list[socket.socket]
) -> None:
    peer = phones[1].getsockname()
    engine.aim(3, phones[0].getsockname())
    for n in range(3):
        phones[2].sendto(b"stranger", TARGET)
        phones[1].sendto(b"waited%d" % n, TARGET)
    time.sleep(0.01)
    engine.lock(3, peer)
    phones[2].sendto(b"stranger", TARGET)
    phones[1].sendto(b"after", TARGET)
    assert [data for _, data, _ in taken(engine) + taken(engine)] == [
        b"waited0",
        b"waited1",
        b"waited2",
        b"after",
    ]
    assert engine.strangers() == {3: 3}
    send(engine, b"hello")
    assert phones[1].recv(100) == b"hello"
    for silent in (phones[0], phones[2]):
        silent.setblocking(False)
        with pytest.raises((BlockingIOError, ConnectionRefusedError)):
            silent.recv(100)


def test_a_locked_socket_is_opened_moved_and_muted_again(
    engine: SocketEngine, phones: list[socket.socket]
) -> None:
    engine.lock(3, phones[0].getsockname())
    engine.lock(3, phones[1].getsockname())
    phones[0].sendto(b"old", TARGET)
    phones[1].sendto(b"new", TARGET)
    assert [data for _, data, _ in taken(engine)] == [b"new"]
    engine.aim(3, phones[0].getsockname())
    phones[2].sendto(b"anyone", TARGET)
    assert taken(engine) == [(3, b"anyone", phones[2].getsockname())]
    send(engine, b"hello")
    assert phones[0].recv(100) == b"hello"
    engine.lock(3, phones[0].getsockname())
    engine.mute(3)
    phones[0].sendto(b"x", TARGET)
    phones[2].sendto(b"x", TARGET)
    assert taken(engine) == []


def test_a_peer_whose_port_is_closed_hurts_nobody(engine: SocketEngine, phones: list[socket.socket]) -> None:
    peer = phones[0].getsockname()
    engine.lock(3, peer)
    phones[0].close()
    for _ in range(3):
        send(engine, b"x")
        assert taken(engine) == []
    again = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    again.bind(peer)
    again.sendto(b"back", TARGET)
    assert [data for _, data, _ in taken(engine) + taken(engine)] == [b"back"]
    again.close()


def test_a_datagram_longer_than_a_row_tells_its_length(
    engine: SocketEngine, phones: list[socket.socket]
) -> None:
    engine.lock(3, phones[0].getsockname())
    phones[0].sendto(b"x" * 1400, TARGET)
    time.sleep(0.01)
    arrivals = engine.receive(again=False)
    assert arrivals is not None
    assert arrivals.length.tolist() == [1400]


def test_rtcp_comes_and_goes_by_the_odd_port(engine: SocketEngine, phones: list[socket.socket]) -> None:
    phones[0].sendto(b"muted", ("127.0.0.1", PORT + 1))
    taken(engine)
    assert engine.receive_control() == []
    engine.lock(3, phones[0].getsockname())
    phones[1].sendto(b"report", ("127.0.0.1", PORT + 1))
    taken(engine)
    assert engine.receive_control() == [(3, b"report", phones[1].getsockname())]
    engine.send_control(3, b"ours", phones[1].getsockname())
    assert phones[1].recvfrom(100) == (b"ours", ("127.0.0.1", PORT + 1))
    engine.send_control(3, b"ours", ("127.0.0.1", 65536))


def test_ports_in_use_are_refused_and_given_back(engine: SocketEngine) -> None:
    with pytest.raises(OSError, match="in use"):
        engine.open(4, "127.0.0.1", PORT)
    with pytest.raises(OSError, match="no IP address"):
        engine.open(4, "localhost", PORT + 2)
    engine.close(3)
    engine.open(4, "127.0.0.1", PORT)
    engine.open(5, "::1", PORT)
