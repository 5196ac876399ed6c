"""Proves with real worker processes that `kill -9` of one costs its legs a short silence and nothing else: they are open
again at other ports and hear each other, prompts are played again, a leg that opens or closes meanwhile is not confused,
and a leg can be moved to another leg's worker.

Does not prove that peers follow; stories and `tests/interop/test_worker_death.py` do.
"""

import asyncio
import contextlib
import os
import signal
import socket
import struct
import time
import wave
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from media_room import noise

from softswitch.clock import SystemClock
from softswitch.config.media import Rtp
from softswitch.errors import MediaError
from softswitch.ids import LegId, RecordingId, WorkerId
from softswitch.rtp.commands import Bridge, Play, SetPeer, StartRecording
from softswitch.rtp.pool import MediaPool
from softswitch.rtp.reports import PlayEnded, RecordingEnded
from softswitch.rtp.seating import OpenedLeg
from softswitch.tap import RecordingSpec

A, B, C = LegId("a"), LegId("b"), LegId("c")


@contextlib.asynccontextmanager
async def room(
    folder: Path, workers: int, ports: str, spare_after_s: float = 60.0
) -> AsyncIterator[SimpleNamespace]:
    seen = SimpleNamespace(reports=[], died=[], moved=[], lost=[])
    seen.pool = MediaPool(
        Rtp(ports=ports, workers=workers, quiet_s=30.0),
        socket_dir=str(folder),
        clock=SystemClock(),
        on_report=lambda worker, report: seen.reports.append(report),
        on_worker_died=lambda worker, pid, legs: seen.died.append((worker, legs)),
        on_legs_moved=seen.moved.append,
        on_legs_lost=lambda worker, legs: seen.lost.append(legs),
        spare_after_s=spare_after_s,
    )
    await seen.pool.start()
    try:
        yield seen
    finally:
        await seen.pool.stop()


class Phone:
    """Sends to wherever it was told, and hears whoever reaches its socket."""

    def __init__(self, pool: MediaPool, opened: OpenedLeg) -> None:
        self.leg, self.sequence = opened.leg, 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.target = ("127.0.0.1", opened.port)
        pool.send(
            SetPeer(
                leg=opened.leg,
                address="127.0.0.1",
                port=self.socket.getsockname()[1],
                codec="PCMU",
                payload_type=0,
                event_payload_type=101,
            )
        )

    def speak(self, payload: bytes) -> None:
        head = struct.pack("!BBHII", 0x80, 0, self.sequence & 0xFFFF, self.sequence * 160, 7)
        self.sequence += 1
        self.socket.sendto(head + payload, self.target)

    async def hear(self, seconds: float = 2.0) -> bytes:
        async with asyncio.timeout(seconds):
            return (await asyncio.get_running_loop().sock_recv(self.socket, 2048))[12:]


async def call(pool: MediaPool, a: LegId = A, b: LegId = B) -> tuple[Phone, Phone]:
    first = await pool.open_leg(a, "127.0.0.1")
    phones = Phone(pool, first), Phone(pool, await pool.open_leg(b, "127.0.0.1", with_leg=a))
    pool.send(Bridge(a=a, b=b))
    await pool.stats([a, b])
    return phones


def kill(seen: SimpleNamespace, worker: int) -> None:
    os.kill(next(view.pid for view in seen.pool.views() if view.worker == worker), signal.SIGKILL)


async def until_moved(seen: SimpleNamespace, legs: int) -> dict[LegId, OpenedLeg]:
    async with asyncio.timeout(5):
        while sum(map(len, seen.moved)) < legs:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    return {each.leg: each for group in seen.moved for each in group}


@pytest.mark.parametrize("workers", [1, 2])
async def test_a_call_talks_on_at_new_ports(workers: int, tmp_path: Path) -> None:
    async with room(tmp_path, workers, "28000-28199") as seen:
        a, b = await call(seen.pool)
        seen.pool.send(Play(leg=A, play=1, prompts=("tone:beep",)))
        old = {a.target, b.target}
        began = time.monotonic()
        kill(seen, 1)
        moved = await until_moved(seen, 2)
        silent_s = time.monotonic() - began
        assert silent_s < 5.0
        assert seen.died == [(WorkerId(1), frozenset({A, B}))] and not seen.lost
        assert {each.worker for each in moved.values()} == {WorkerId(workers)}
        for phone in (a, b):
            phone.target = ("127.0.0.1", moved[phone.leg].port)
        assert old.isdisjoint({a.target, b.target})
        await seen.pool.stats([A, B])
        a.speak(noise(1))
        assert await b.hear() == noise(1)
        async with asyncio.timeout(3):
            while not any(isinstance(each, PlayEnded) and each.completed for each in seen.reports):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert (await seen.pool.close_leg(A)) is not None
        assert [view.legs for view in seen.pool.views() if view.worker == workers] == [1]
        print(f"{workers} workers: legs open again after {silent_s * 1000:.0f} ms")


async def test_a_spare_process_takes_the_place_at_once(tmp_path: Path) -> None:
    async with room(tmp_path, 1, "28600-28699", spare_after_s=0.0) as seen:
        await call(seen.pool)
        async with asyncio.timeout(20):
            while (spare := seen.pool.spare_pid) == 0:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            while b"numpy" not in (await asyncio.to_thread(Path(f"/proc/{spare}/maps").read_bytes)):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)
        began = time.monotonic()
        kill(seen, 1)
        await until_moved(seen, 2)
        silent_s = time.monotonic() - began
        print(f"with a spare: legs open again after {silent_s * 1000:.0f} ms")
        assert seen.pool.views()[0].pid == spare
        assert silent_s < 2.0


async def test_the_ports_of_the_dead_stay_quiet(tmp_path: Path) -> None:
    async with room(tmp_path, 1, "28200-28239") as seen:
        legs = [LegId(str(at)) for at in range(6)]
        old = {(await seen.pool.open_leg(leg, "127.0.0.1")).port for leg in legs}
        kill(seen, 1)
        moved = await until_moved(seen, 6)
        assert old.isdisjoint(each.port for each in moved.values())
        with pytest.raises(MediaError, match="in use or quiet"):
            for at in range(20):
                assert (await seen.pool.open_leg(LegId(f"new {at}"), "127.0.0.1")).port not in old


async def test_legs_that_come_and_go_while_others_move(tmp_path: Path) -> None:
    async with room(tmp_path, 1, "28300-28399") as seen:
        a, _ = await call(seen.pool)
        kill(seen, 1)
        async with asyncio.timeout(5):
            while not seen.died:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
        assert await seen.pool.close_leg(B) is None
        third = await seen.pool.open_leg(C, "127.0.0.1", with_leg=A)
        assert third.worker == WorkerId(1)
        phone = Phone(seen.pool, third)
        seen.pool.send(Bridge(a=A, b=C))
        moved = await until_moved(seen, 1)
        assert set(moved) == {A}
        a.target = ("127.0.0.1", moved[A].port)
        await seen.pool.stats([A, C])
        a.speak(noise(3))
        assert await phone.hear() == noise(3)
        assert [stats.leg for stats in await seen.pool.stats([A, B, C])] == [A, C]


async def test_a_leg_moves_to_another_legs_worker(tmp_path: Path) -> None:
    async with room(tmp_path, 2, "28400-28599") as seen:
        a, b = await call(seen.pool)
        other = await seen.pool.open_leg(C, "127.0.0.1")
        assert other.worker == WorkerId(2), "the less busy one"
        c = Phone(seen.pool, other)
        moved = await seen.pool.move_leg(B, beside=C)
        assert moved.worker == WorkerId(2) and moved.port != b.target[1]
        assert await seen.pool.move_leg(B, beside=C) == moved, "it is there already"
        b.target = ("127.0.0.1", moved.port)
        seen.pool.send(Bridge(a=B, b=C))
        await seen.pool.stats([A, B, C])
        b.speak(noise(4))
        assert await c.hear() == noise(4)
        a.speak(noise(5))
        with pytest.raises(TimeoutError):
            await b.hear(0.1)
        with pytest.raises(MediaError):
            await seen.pool.move_leg(B, beside=LegId("nobody"))
        assert [view.legs for view in seen.pool.views()] == [1, 2]


async def test_a_worker_told_to_end_by_a_signal_hands_over_its_recordings_as_well(tmp_path: Path) -> None:
    async with room(tmp_path / "s", 2, "28900-28999") as seen:
        await call(seen.pool)
        spec = RecordingSpec(
            recording=RecordingId("r"), path=str(tmp_path / "r.wav"), channels=2, encoding="PCM16", max_s=0
        )
        seen.pool.send(StartRecording(spec=spec, tracks=(A, B)))
        await seen.pool.stats([A])
        os.kill(next(view.pid for view in seen.pool.views() if view.worker == 1), signal.SIGTERM)
        await until_moved(seen, 2)
        assert not any(isinstance(report, RecordingEnded) for report in seen.reports)
        with wave.open(str(tmp_path / "r.wav")) as file:
            assert file.getframerate() == 8000
