"""Proves on loopback, for both engines: muted, open and locked sockets take what they should, packets that waited before
a lock are sorted, a locked socket can be opened again, RTCP comes in, closing gives the ports back, several packets of
a leg come one a round and in order, a slot used again hears nothing of its past, failed sends and receives hurt no other
leg, sending leaves rows alone. For io_uring: that it is refused where the kernel says no, and what is done then.

Does not prove what is done with the packets (test_rtp_relay.py).
"""

import ctypes
import errno
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from softswitch.rtp import ring, sockets
from softswitch.rtp.engine import Address, Engine, PacketRows
from softswitch.rtp.engines import choose
from softswitch.rtp.packet import WIDTH
from softswitch.rtp.sockets import MAX_KEPT, Pair, SocketEngine, bound_pair
from softswitch.rtp.uring import UringEngine

PORT = 28500
TARGET = ("127.0.0.1", PORT)


@pytest.fixture(params=[SocketEngine, UringEngine])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    try:
        engine: Engine = request.param()
    except OSError as error:
        pytest.skip(f"io_uring is not to be had here: {error}")
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


def taken(engine: Engine) -> list[tuple[int, bytes, Address | None]]:
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


def send(engine: Engine, data: bytes) -> None:
    rows = PacketRows(2)
    rows.array[1, : len(data)] = np.frombuffer(data, np.uint8)
    engine.send(rows, np.array([1]), np.array([3], np.int32), np.array([len(data)], np.int32))


def test_a_muted_socket_takes_and_sends_nothing(engine: Engine, phones: list[socket.socket]) -> None:
    for _ in range(5):
        phones[0].sendto(b"early", TARGET)
    assert taken(engine) == []
    send(engine, b"x")
    assert engine.strangers() == {3: 5}
    assert engine.strangers() == {}


def test_an_open_socket_tells_sources_and_sends_to_the_negotiated(
    engine: Engine, phones: list[socket.socket]
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
    engine: Engine, phones: list[socket.socket]
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


def test_a_locked_socket_is_opened_moved_and_muted_again(engine: Engine, phones: list[socket.socket]) -> None:
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


def test_a_peer_whose_port_is_closed_hurts_nobody(engine: Engine, phones: list[socket.socket]) -> None:
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


def test_a_datagram_longer_than_a_row_tells_its_length(engine: Engine, phones: list[socket.socket]) -> None:
    engine.lock(3, phones[0].getsockname())
    phones[0].sendto(b"x" * 1400, TARGET)
    time.sleep(0.01)
    arrivals = engine.receive(again=False)
    assert arrivals is not None
    assert arrivals.length.tolist() == [1400]


def test_rtcp_comes_and_goes_by_the_odd_port(engine: Engine, phones: list[socket.socket]) -> None:
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


def test_ports_in_use_are_refused_and_given_back(engine: Engine) -> None:
    with pytest.raises(OSError, match="in use"):
        engine.open(4, "127.0.0.1", PORT)
    with pytest.raises(OSError, match="no IP address"):
        engine.open(4, "localhost", PORT + 2)
    engine.close(3)
    engine.open(4, "127.0.0.1", PORT)
    engine.open(5, "::1", PORT)


def test_any_address_of_ipv6_is_free_beside_ipv4_at_the_same_port(engine: Engine) -> None:
    """A peer over IPv6 gets `::` whatever other programs have of IPv4; else a call of his could find no port at all."""
    engine.open(4, "::", PORT)
    with pytest.raises(OSError, match="in use"):
        engine.open(5, "::", PORT)


def read(engine: Engine, *, again: bool) -> list[tuple[int, bytes]]:
    """One round."""
    arrivals = engine.receive(again=again)
    if arrivals is None:
        return []
    rows = arrivals.packets.array
    return [
        (slot, rows[n, :length].tobytes())
        for n, (slot, length) in enumerate(zip(arrivals.slot.tolist(), arrivals.length.tolist(), strict=True))
    ]


def test_packets_of_a_leg_come_one_a_round_in_order_and_late_legs_wait(
    engine: Engine, phones: list[socket.socket]
) -> None:
    engine.open(4, "127.0.0.1", PORT + 2)
    engine.lock(3, phones[0].getsockname())
    engine.lock(4, phones[1].getsockname())
    for n in range(3):
        phones[0].sendto(b"%d" % n, TARGET)
    assert read(engine, again=False) == [(3, b"0")]
    phones[1].sendto(b"late", ("127.0.0.1", PORT + 2))
    assert read(engine, again=True) == [(3, b"1")]
    assert read(engine, again=True) == [(3, b"2")]
    assert read(engine, again=True) == []
    assert read(engine, again=False) == [(4, b"late")]


def test_a_slot_used_again_hears_and_sends_nothing_of_its_past(
    engine: Engine, phones: list[socket.socket]
) -> None:
    engine.lock(3, phones[0].getsockname())
    phones[0].sendto(b"old", TARGET)
    engine.close(3)
    engine.open(3, "127.0.0.1", PORT + 2)
    send(engine, b"to nobody")
    engine.lock(3, phones[1].getsockname())
    phones[1].sendto(b"new", ("127.0.0.1", PORT + 2))
    assert [data for _, data, _ in taken(engine)] == [b"new"]
    send(engine, b"hello")
    assert phones[1].recv(100) == b"hello"
    phones[0].setblocking(False)
    with pytest.raises((BlockingIOError, ConnectionRefusedError)):
        phones[0].recv(100)
    assert engine.strangers() == {}


def test_a_refused_peer_leaves_the_packets_of_others_whole(
    engine: Engine, phones: list[socket.socket]
) -> None:
    peers = {3: phones[0], 4: phones[1], 5: phones[2]}
    for slot in (4, 5):
        engine.open(slot, "127.0.0.1", PORT + 2 * (slot - 3))
    for slot, phone in peers.items():
        engine.lock(slot, phone.getsockname())
    phones[0].close()
    send(engine, b"raises an ICMP error that the next receive of this leg meets")
    for slot in (4, 5):
        peers[slot].sendto(b"from %d" % slot, ("127.0.0.1", PORT + 2 * (slot - 3)))
    assert sorted(read(engine, again=False)) == [(4, b"from 4"), (5, b"from 5")]
    rows = PacketRows(3)
    rows.array[:, :3] = np.frombuffer(b"abc", np.uint8)
    for _ in range(2):
        engine.send(rows, np.arange(3), np.array([3, 4, 5], np.int32), np.array([3, 2, 1], np.int32))
    assert rows.array[:, :4].tolist() == [[97, 98, 99, 0]] * 3
    assert [peers[slot].recv(9) for slot in (4, 4, 5, 5)] == [b"ab", b"ab", b"a", b"a"]


def test_locked_and_learning_legs_share_a_round(engine: Engine, phones: list[socket.socket]) -> None:
    engine.open(4, "127.0.0.1", PORT + 2)
    engine.lock(3, phones[0].getsockname())
    engine.aim(4, phones[1].getsockname())
    phones[2].sendto(b"learning", ("127.0.0.1", PORT + 2))
    phones[0].sendto(b"locked", TARGET)
    time.sleep(0.01)
    assert sorted(taken(engine)) == [(3, b"locked", None), (4, b"learning", phones[2].getsockname())]
    rows = PacketRows(2)
    rows.array[0], rows.array[1] = 65, 66
    engine.send(rows, np.array([1, 0]), np.array([4, 3], np.int32), np.array([2, 2], np.int32))
    assert (phones[0].recv(9), phones[1].recv(9)) == (b"AA", b"BB")


def test_a_flood_that_waited_when_its_leg_was_locked_keeps_no_other_waiting(
    engine: Engine, phones: list[socket.socket]
) -> None:
    engine.open(4, "127.0.0.1", PORT + 2)
    engine.lock(4, phones[1].getsockname())
    engine.aim(3, phones[2].getsockname())
    for number in range(100):
        phones[0].sendto(bytes([number]), TARGET)
    engine.lock(3, phones[0].getsockname())
    phones[1].sendto(b"other", ("127.0.0.1", PORT + 2))
    found = taken(engine)
    assert [data for slot, data, _ in found if slot == 3] == [bytes([number]) for number in range(MAX_KEPT)]
    assert (4, b"other", None) in found + taken(engine)


def test_a_row_is_filled_to_its_last_byte_and_an_empty_datagram_is_one(
    engine: Engine, phones: list[socket.socket]
) -> None:
    engine.lock(3, phones[0].getsockname())
    for data in (b"x" * WIDTH, b"", b"y"):
        phones[0].sendto(data, TARGET)
    assert [data for _, data, _ in taken(engine)] == [b"x" * WIDTH, b"", b"y"]


def test_rtcp_of_a_high_descriptor_is_read(engine: Engine, phones: list[socket.socket]) -> None:
    held = [os.dup(0)]
    try:
        while held[-1] < 1022:
            held.append(os.dup(0))
        for slot in (4, 5):  # RTCP at 1024, then at 1025, with RTP below
            engine.open(slot, "127.0.0.1", PORT + 2 * slot)
            engine.aim(slot, phones[0].getsockname())
            phones[0].sendto(b"report", ("127.0.0.1", PORT + 2 * slot + 1))
            os.close(held.pop())
        assert taken(engine) == []
        assert sorted(slot for slot, _, _ in engine.receive_control()) == [4, 5]
    finally:
        for each in held:
            os.close(each)


def test_descriptors_are_all_given_back() -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    for wanted in ("auto", "sockets"):
        engine, _ = choose(wanted)
        for slot in range(20):
            engine.open(slot, "127.0.0.1", PORT + 2 * slot)
        for slot in range(10):
            engine.close(slot)
        engine.shut()
        del engine
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.parametrize("code", [errno.ENOSYS, errno.EPERM, errno.ENOMEM])
def test_where_io_uring_is_refused_sockets_serve_and_say_why(
    code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> int:
        ctypes.set_errno(code)
        return -1

    monkeypatch.setattr(ring, "_syscall", refuse)
    engine, problem = choose("auto")
    assert (engine.name, problem) == ("sockets", f"io_uring cannot be used: {os.strerror(code)}")
    engine.shut()
    with pytest.raises(OSError, match="io_uring cannot be used"):
        choose("io_uring")
    engine, problem = choose("sockets")
    assert (engine.name, problem) == ("sockets", "")
    engine.shut()


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])
@pytest.mark.parametrize("lock", [False, True])
def test_a_held_port_hears_nothing_before_its_leg_has_a_peer(
    engine: Engine, phones: list[socket.socket], address: str, lock: bool
) -> None:
    port = PORT + 4
    rtp, control = ("127.0.0.1", port), ("127.0.0.1", port + 1)
    peer = phones[0].getsockname()
    engine.hold(address, port)
    for told in ("held", "opened", "muted"):
        for target in (rtp, control):
            phones[1].sendto(told.encode(), target)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
                other.connect(target)
                other.send(told.encode())
                with pytest.raises(ConnectionRefusedError):  # as a closed port answers
                    other.recv(1)
        if told == "held":
            engine.open(5, address, port)
        elif told == "opened":
            engine.mute(5)
    assert taken(engine) == [] and engine.strangers() == {}
    if lock:
        engine.lock(5, peer)
    else:
        engine.aim(5, peer)
    if lock:
        phones[1].sendto(b"stranger", rtp)
    phones[0].sendto(b"audio", rtp)
    phones[0].sendto(b"report", control)
    assert [(slot, data) for slot, data, _ in taken(engine)] == [(5, b"audio")]
    assert engine.receive_control() == [(5, b"report", peer)]
    assert isinstance(engine, SocketEngine)
    assert engine._ports[5].rtp.getsockname() == (rtp if lock else (address, port))
    assert engine._ports[5].control.getsockname() == (address, port + 1)
    engine.close(5)


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])
def test_what_comes_while_a_port_is_being_held_is_not_of_the_peer_it_gets(
    engine: Engine, phones: list[socket.socket], address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = PORT + 4
    rtp, control = ("127.0.0.1", port), ("127.0.0.1", port + 1)

    def flooded(address: str, port: int) -> Pair:
        pair = bound_pair(address, port)
        for _ in range(20):
            phones[1].sendto(b"stranger", rtp)
            phones[1].sendto(b"stranger's report", control)
        return pair

    monkeypatch.setattr(sockets, "bound_pair", flooded)
    engine.hold(address, port)
    engine.open(5, address, port)
    engine.lock(5, phones[0].getsockname())
    phones[0].sendto(b"audio", rtp)
    assert [data for _, data, _ in taken(engine)] == [b"audio"]
    assert engine.receive_control() == [] and engine.strangers() == {}
    engine.close(5)


@pytest.mark.parametrize("engine", [UringEngine], indirect=True)
def test_a_socket_that_the_kernel_lets_go_of_late_is_heard_of_no_more(
    engine: Engine, phones: list[socket.socket]
) -> None:
    """Up to Linux 6.3 a registered file stays open for up to a second after the ring gave it up, and epoll goes on to tell
    of it while its peer sends; another descriptor of it stands for the kernel's here."""
    assert isinstance(engine, SocketEngine)
    engine.lock(3, phones[0].getsockname())
    phones[0].sendto(b"of the call", TARGET)
    assert [data for _, data, _ in taken(engine)] == [b"of the call"]
    held = os.dup(engine._ports[3].rtp.fileno())
    try:
        engine.close(3)
        phones[0].sendto(b"after BYE", TARGET)
        assert taken(engine) == []
        engine.open(4, "127.0.0.1", PORT + 2)
        engine.aim(4, phones[1].getsockname())
        phones[1].sendto(b"next call", ("127.0.0.1", PORT + 2))
        assert [data for _, data, _ in taken(engine)] == [b"next call"]
    finally:
        os.close(held)
