"""Proves that the virtual loop costs no time, keeps the order of timers, still serves real sockets and threads, and says so
when a test hangs; and that the fake network does what its script says.

Does not prove anything about the switch.
"""

import asyncio
import time

import pytest

from softswitch.sip.source import Source
from softswitch.testing import virtual_time
from softswitch.testing.network import Network, losing, losing_first
from softswitch.testing.virtual_time import VirtualClock, run


def test_an_hour_passes_at_once_and_timers_keep_their_order() -> None:
    async def main() -> list[str]:
        seen: list[str] = []

        async def later(seconds: float, name: str) -> None:
            await asyncio.sleep(seconds)
            seen.append(name)

        async with asyncio.TaskGroup() as group:
            for seconds, name in ((3600.0, "hour"), (0.5, "half"), (60.0, "minute")):
                group.create_task(later(seconds, name))
        clock = VirtualClock()
        assert 3600.0 <= clock.monotonic() < 3601.0
        assert clock.wall() - clock.monotonic() == 1_800_000_000.0
        return seen

    begun = time.monotonic()
    assert run(main()) == ["half", "minute", "hour"]
    assert time.monotonic() - begun < 2.0


def test_timeouts_fire_when_they_should() -> None:
    async def main() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(32.0):
                await asyncio.Event().wait()
        return asyncio.get_running_loop().time()

    assert run(main()) == pytest.approx(32.0)


def test_threads_and_sockets_are_waited_for_within_the_grace() -> None:
    async def main() -> float:
        loop = asyncio.get_running_loop()
        server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
        assert await reader.read() == b""
        writer.close()
        server.close()
        async with asyncio.timeout(1000.0):
            await loop.run_in_executor(None, time.sleep, 0.05)
        return loop.time()

    assert run(main(), grace_s=0.5) < 1000.0


def test_a_test_that_hangs_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(virtual_time, "STUCK_AFTER_S", 0.01)

    async def main() -> None:
        await asyncio.Event().wait()

    with pytest.raises(RuntimeError, match="nothing will ever happen"):
        run(main())


HERE, THERE = Source("udp", "192.0.2.1", 5060), Source("udp", "192.0.2.2", 5060)


def test_packets_arrive_late_in_another_order_or_never_as_the_script_says() -> None:
    delays = iter((0.3, 0.1, None, 0.2))
    network = Network(lambda packet: next(delays))
    seen: list[bytes] = []
    network.attach(THERE, lambda data, sender, now: seen.append(data))
    for data in (b"a", b"b", b"c", b"d"):
        network.send(data, HERE, THERE, 0.0)
    assert network.next_deadline() == 0.1
    network.deliver(0.25)
    assert seen == [b"b", b"d"]
    network.deliver(1.0)
    assert seen == [b"b", b"d", b"a"]
    assert [packet.delivered for packet in network.packets] == [True, True, False, True]
    assert network.lines() == ["a", "b", "c", "d"]


def test_scripts_lose_by_number_and_by_first_line() -> None:
    for script, kept in ((losing(0, 2), ["B"]), (losing_first("A", 1), ["B", "A"])):
        network = Network(script)
        for data in (b"A x", b"B x", b"A x"):
            network.send(data, HERE, THERE, 0.0)
        assert [packet.first_line[0] for packet in network.packets if packet.due is not None] == kept


def test_nobody_at_an_address_hears_nothing() -> None:
    network = Network()
    packet = network.send(b"x", HERE, THERE, 0.0)
    network.deliver(1.0)
    assert not packet.delivered
