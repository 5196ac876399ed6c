"""Proves that a port bound ahead is a leg's without asking, that others take its place, that what came to it before the
leg was there reaches nobody, and that small ranges, strangers' ports, dead and frozen workers cost no port and no call.

Does not prove how much sooner a phone rings; `benchmarks/agent_idle.py` measures it.
"""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from media_room import Room, noise
from test_media_worker import Phone

from softswitch.clock import SystemClock
from softswitch.config.media import Rtp
from softswitch.ids import LegId
from softswitch.rtp.commands import Bridge, HoldPorts, OpenLeg
from softswitch.rtp.engines import choose
from softswitch.rtp.pool import MediaPool
from softswitch.rtp.reports import LegFailed, LegOpened, PortsHeld
from softswitch.rtp.seating import OpenedLeg
from softswitch.rtp.stock import HELD, MAX_ADDRESSES, Stock

HOST = "127.0.0.1"
A, B, C = LegId("a"), LegId("b"), LegId("c")


def held(room: Room, count: int = 4) -> tuple[int, ...]:
    (report,) = room.do(HoldPorts(address=HOST, count=count))
    assert isinstance(report, PortsHeld) and report.address == HOST
    return report.ports


def test_a_held_port_is_the_legs_and_another_takes_its_place() -> None:
    room = Room(ports="20000-20199")
    ports = held(room)
    assert len(set(ports)) == 4 and {(HOST, port) for port in ports} == room.engine.held
    (more,) = room.do(OpenLeg(leg=A, address=HOST, port=ports[1]))
    assert room.exchange.legs == (A,), "its controller knows the port already"
    assert isinstance(more, PortsHeld) and len(more.ports) == 1 and not set(more.ports) & set(ports)
    assert room.engine.held == {(HOST, port) for port in (ports[0], *ports[2:], *more.ports)}
    (asked,) = room.do(OpenLeg(leg=B, address=HOST))
    assert isinstance(asked, LegOpened) and (HOST, asked.port) not in room.engine.held


def test_places_are_taken_a_quarter_at_a_time() -> None:
    room = Room(ports="20000-20999")
    ports = held(room, 16)
    for taken in range(3):
        assert room.do(OpenLeg(leg=LegId(f"{taken}"), address=HOST, port=ports[taken])) == []
    (more,) = room.do(OpenLeg(leg=A, address=HOST, port=ports[3]))
    assert isinstance(more, PortsHeld) and len(more.ports) == 4
    assert room.engine.held == {(HOST, port) for port in (*ports[4:], *more.ports)}


def test_at_most_a_sixteenth_of_the_ports_is_held() -> None:
    small = Room(ports="20000-20029")  # 15 pairs
    assert small.do(HoldPorts(address=HOST, count=4)) == [] and not small.engine.held
    room = Room(ports="20000-20095")  # 48
    assert len(held(room)) == 3
    assert room.do(HoldPorts(address="127.0.0.2", count=4)) == []


def test_a_port_that_is_not_held_opens_nothing() -> None:
    room = Room(ports="20000-20199")
    (port, *_) = held(room)
    for wrong in (OpenLeg(leg=A, address=HOST, port=1234), OpenLeg(leg=A, address="127.0.0.2", port=port)):
        (failed,) = room.do(wrong)
        assert isinstance(failed, LegFailed) and failed.leg == A
    assert len(room.exchange) == 0 and len(room.engine.held) == 4


def test_what_cannot_be_bound_is_passed_over_and_filled_up_later() -> None:
    room = Room(ports="20000-20063")  # 32 pairs: two may be held
    room.engine.refuse = set(range(20000, 20064))
    assert room.do(HoldPorts(address=HOST, count=2)) == []
    room.engine.refuse = set()
    room.now += 5.1
    more, opened = room.do(OpenLeg(leg=A, address=HOST))[::-1]
    assert isinstance(opened, LegOpened) and isinstance(more, PortsHeld) and len(more.ports) == 2


def test_a_controller_that_is_gone_holds_nothing() -> None:
    room = Room(ports="20000-20199")
    ports = held(room)
    room.exchange.forget_controller(room.now)
    assert not room.engine.held
    (failed,) = room.do(OpenLeg(leg=A, address=HOST, port=ports[0]))
    assert isinstance(failed, LegFailed)
    room.now += 5.1
    opened = [room.do(OpenLeg(leg=LegId(f"{n}"), address=HOST))[0] for n in range(100)]
    assert all(isinstance(each, LegOpened) for each in opened), "all hundred pairs are there again"


def test_a_stock_knows_what_it_was_told_since_its_worker_began() -> None:
    stock = Stock()
    assert stock.wanting(HOST) == HoldPorts(address=HOST, count=HELD)
    assert stock.wanting(HOST) is None and stock.take(HOST) is None
    stock.heard(PortsHeld(address=HOST, ports=(20000, 20002)))
    stock.heard(PortsHeld(address="127.0.0.9", ports=(20004,)))
    assert [stock.take(HOST), stock.take(HOST), stock.take(HOST)] == [20000, 20002, None]
    assert stock.take("127.0.0.9") is None, "nobody asked for those"
    assert all(stock.wanting(f"127.0.1.{n}") for n in range(MAX_ADDRESSES - 1))
    assert stock.wanting("127.0.2.1") is None
    stock.clear()
    assert stock.wanting(HOST) is not None


@pytest.fixture(params=["sockets", "io_uring"])
async def seen(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[SimpleNamespace]:
    engine, problem = choose("auto")
    engine.shut()
    if problem and request.param == "io_uring":
        pytest.skip(problem)
    seen = SimpleNamespace(reports=[], lost=[], started=[])
    seen.pool = MediaPool(
        Rtp(ports="29000-29399", workers=1, quiet_s=0.2, engine=request.param),
        socket_dir=str(tmp_path / "s"),
        clock=SystemClock(),
        on_report=lambda worker, report: seen.reports.append(report),
        on_worker_died=lambda worker, pid, legs: None,
        on_worker_started=lambda worker, pid: seen.started.append(pid),
        on_legs_lost=lambda worker, legs: seen.lost.append(legs),
        linger_s=0.5,
    )
    await seen.pool.start()
    await seen.pool.open_leg(C, HOST)
    await until_held(seen)
    yield seen
    await seen.pool.stop()


async def until_held(seen: SimpleNamespace) -> list[int]:
    async with asyncio.timeout(5):
        while not any(isinstance(each, PortsHeld) for each in seen.reports):  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    return [port for each in seen.reports if isinstance(each, PortsHeld) for port in each.ports]


def at_once(pool: MediaPool, leg: LegId) -> OpenedLeg:
    opened = pool.open_leg_at_once(leg, HOST)
    assert opened is not None
    return opened


async def test_two_phones_talk_through_ports_that_nobody_waited_for(seen: SimpleNamespace) -> None:
    known = await until_held(seen)
    assert len(known) == 12, "a sixteenth of 200 pairs"
    stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for port in known:
        stranger.sendto(b"\x80\x00" + bytes(170), (HOST, port))
    first, second = at_once(seen.pool, A), at_once(seen.pool, B)
    assert {first.port, second.port} <= set(known)
    a, b = Phone(seen.pool, A, first.port), Phone(seen.pool, B, second.port)
    seen.pool.send(Bridge(a=A, b=B))
    await seen.pool.stats([A, B])
    for number in range(20):
        said = noise(number)
        a.speak(said)
        assert await b.hear() == said
        b.speak(said[::-1])
        assert await a.hear() == said[::-1]
    stats = {each.leg: each for each in await seen.pool.stats([A, B])}
    assert all(each.packets_in == 20 for each in stats.values()), "nothing of what came before"
    assert all(each.strangers == 0 for each in stats.values()), "nor is it counted"
    stranger.close()


async def test_more_legs_than_are_held_ask_as_ever(seen: SimpleNamespace) -> None:
    opened = [await seen.pool.open_leg(LegId(f"leg{n}"), HOST) for n in range(40)]
    assert len({each.port for each in opened}) == 40
    assert len(await seen.pool.stats([each.leg for each in opened])) == 40
    assert not seen.lost


async def test_a_port_that_its_worker_does_not_hold_loses_the_leg_and_says_so(seen: SimpleNamespace) -> None:
    (seat,) = seen.pool._seats
    while seat.stock.take(HOST) is not None:
        pass
    seat.stock.heard(PortsHeld(address=HOST, ports=(29001,)))
    assert at_once(seen.pool, A).port == 29001
    async with asyncio.timeout(5):
        while not seen.lost:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    assert seen.lost == [frozenset({A})]
    again = await seen.pool.open_leg(A, HOST)
    assert again.port % 2 == 0


async def test_ports_of_a_dead_worker_are_forgotten_with_it(seen: SimpleNamespace) -> None:
    seen.reports.clear()
    os.kill(seen.started[-1], signal.SIGKILL)
    async with asyncio.timeout(10):
        while len(seen.started) < 2 or seen.pool._seating.moving:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    await seen.pool.open_leg(B, HOST)
    await until_held(seen)
    assert at_once(seen.pool, A).port in await until_held(seen)
    assert len(await seen.pool.stats([A])) == 1, "its worker has it"
