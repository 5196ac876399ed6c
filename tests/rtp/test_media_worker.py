"""Proves with a real worker process on loopback sockets: start and handshake, bit-exact relay both ways, that a sprayer
gets nothing back, recording to a file that Python's `wave` reads, prompts from files, death noticed and replaced,
malformed commands survived, and that a worker without its controller ends by itself.

Does not prove throughput; `benchmarks/media_relay.py` measures it.
"""

import asyncio
import os
import signal
import socket
import struct
import wave
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
from media_room import noise

from softswitch.clock import SystemClock
from softswitch.config.media import Rtp
from softswitch.errors import MediaError, UnusableError
from softswitch.ids import LegId, RecordingId, WorkerId
from softswitch.rtp import handshake
from softswitch.rtp.commands import Bridge, Play, SetPeer, StartRecording, StopRecording
from softswitch.rtp.engines import choose
from softswitch.rtp.link import ControllerLink
from softswitch.rtp.pool import MediaPool
from softswitch.rtp.prompt import Prompt
from softswitch.rtp.prompts import load
from softswitch.rtp.reports import CommandRefused, Hello, PlayEnded, RecordingEnded, Report
from softswitch.tap import RecordingSpec

A, B = LegId("a"), LegId("b")


class Seen(SimpleNamespace):
    """Everything a pool told, and a way to wait for it."""

    reports: list[Report]
    engine: str

    async def until(self, kind: type, seconds: float = 5.0) -> Report:
        async with asyncio.timeout(seconds):
            while True:
                for report in self.reports:
                    if isinstance(report, kind):
                        self.reports.remove(report)
                        return report
                await asyncio.sleep(0.01)


@pytest.fixture(params=["sockets", "io_uring"])
async def seen(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Seen]:
    engine, problem = choose("auto")
    engine.shut()
    if problem and request.param == "io_uring":
        pytest.skip(problem)
    seen = Seen(reports=[], died=[], started=[], engine=request.param)
    seen.pool = MediaPool(
        Rtp(ports="23000-23199", workers=1, quiet_s=0.2, engine=request.param),
        socket_dir=str(tmp_path / "s"),
        clock=SystemClock(),
        on_report=lambda worker, report: seen.reports.append(report),
        on_worker_died=lambda worker, pid, legs: seen.died.append((worker, pid, legs)),
        on_worker_started=lambda worker, pid: seen.started.append((worker, pid)),
        linger_s=0.5,
    )
    await seen.pool.start()
    yield seen
    await seen.pool.stop()


class Phone:
    def __init__(
        self, pool: MediaPool, leg: LegId, port: int, *, ssrc: int = 5, codec: str = "PCMU", kind: int = 0
    ) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.target, self.sequence, self.ssrc, self.kind = ("127.0.0.1", port), 0, ssrc, kind
        pool.send(
            SetPeer(
                leg=leg,
                address="127.0.0.1",
                port=self.socket.getsockname()[1],
                codec=codec,
                payload_type=kind,
                event_payload_type=101,
            )
        )

    def speak(self, payload: bytes) -> None:
        head = struct.pack(
            "!BBHII", 0x80, self.kind, self.sequence & 0xFFFF, self.sequence * 160 & 0xFFFFFFFF, self.ssrc
        )
        self.sequence += 1
        self.socket.sendto(head + payload, self.target)

    async def hear(self, seconds: float = 2.0) -> bytes:
        async with asyncio.timeout(seconds):
            return (await asyncio.get_running_loop().sock_recv(self.socket, 2048))[12:]


async def two_phones(seen: Seen, codec: str = "PCMU", kind: int = 0) -> tuple[Phone, Phone]:
    opened = await seen.pool.open_leg(A, "127.0.0.1")
    other = await seen.pool.open_leg(B, "127.0.0.1", with_leg=A)
    assert opened.worker == other.worker == WorkerId(1)
    phones = tuple(
        Phone(seen.pool, leg, port, codec=codec, kind=kind)
        for leg, port in ((A, opened.port), (B, other.port))
    )
    await seen.pool.stats([A, B])
    return phones


async def test_a_call_is_relayed_recorded_and_accounted_for(seen: Seen, tmp_path: Path) -> None:
    a, b = await two_phones(seen)
    path = tmp_path / "day" / "call.wav"
    spec = RecordingSpec(recording=RecordingId("r"), path=str(path), channels=2, encoding="PCM16", max_s=0)
    seen.pool.send(Bridge(a=A, b=B))
    seen.pool.send(StartRecording(spec=spec, tracks=(A, B)))
    await seen.pool.stats([A])
    stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    stranger.setblocking(False)
    for n in range(60):
        a.speak(noise(n))
        b.speak(noise(1000 + n))
        for target in (a.target, b.target):
            stranger.sendto(b"\x80\0" + noise(9, 170), target)
        assert await b.hear() == noise(n)
        assert await a.hear() == noise(1000 + n)
        await asyncio.sleep(0.015)
    with pytest.raises((BlockingIOError, ConnectionRefusedError)):
        stranger.recv(2048)
    (stats,) = await seen.pool.stats([A])
    assert (stats.packets_in, stats.packets_out, stats.lost, stats.bytes_in) == (60, 60, 0, 9600)
    seen.pool.send(StopRecording(recording=RecordingId("r")))
    ended = await seen.until(RecordingEnded)
    assert isinstance(ended, RecordingEnded)
    assert ended.report.state == "ended"
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getframerate()) == (2, 8000)
        assert file.getnframes() >= 60 * 160 - 800
        assert file.getnframes() / 8000 == pytest.approx(ended.report.seconds, abs=0.1)
    closed = await seen.pool.close_leg(A)
    assert closed is not None
    assert closed.packets_in == 60
    assert await seen.pool.close_leg(A) is None


@pytest.mark.parametrize(("codec", "kind"), [("PCMA", 8), ("G722", 9), ("opus", 111), ("G729", 18)])
async def test_what_both_legs_speak_passes_bit_exact(seen: Seen, codec: str, kind: int) -> None:
    a, b = await two_phones(seen, codec, kind)
    seen.pool.send(Bridge(a=A, b=B))
    await seen.pool.stats([A])
    draws = np.random.default_rng(3)
    for _ in range(50):
        said = [draws.bytes(int(draws.integers(10, 400))) for _ in range(2)]
        a.speak(said[0])
        b.speak(said[1])
        assert [await b.hear(), await a.hear()] == said


async def test_a_prompt_file_of_another_rate_is_played_to_its_end(seen: Seen, tmp_path: Path) -> None:
    rate = 44100
    tone = np.sin(2 * np.pi * 700 * np.arange(rate // 2) / rate) * 0.5
    soundfile.write(tmp_path / "tone.flac", np.stack([tone, tone], axis=1), rate)
    wanted = load(str(tmp_path / "tone.flac"))
    assert isinstance(wanted, Prompt)
    a, _ = await two_phones(seen)
    seen.pool.send(Play(leg=A, play=4, prompts=(str(tmp_path / "tone.flac"), "tone:beep")))
    heard = b"".join([await a.hear() for _ in range(25)])
    assert heard == wanted.ulaw.tobytes()
    assert await seen.until(PlayEnded) == PlayEnded(leg=A, play=4, completed=True)
    seen.pool.send(Play(leg=A, play=5, prompts=("/nowhere.wav",)))
    missing = await seen.until(PlayEnded)
    assert isinstance(missing, PlayEnded)
    assert (missing.completed, missing.play) == (False, 5)
    assert "/nowhere.wav" in missing.problem


async def test_a_faulty_listener_does_not_end_the_media(seen: Seen) -> None:
    def fail(worker: WorkerId, report: Report) -> None:
        raise ValueError("a listener's fault")

    seen.pool._on_report = fail
    await two_phones(seen)
    assert len(await seen.pool.stats([A, B])) == 2
    assert seen.died == []


async def test_more_legs_than_the_usual_limit_of_open_files(seen: Seen) -> None:
    pool = MediaPool(
        Rtp(ports="25000-27999", workers=2),
        socket_dir=str(Path(seen.pool._directory).parent / "t"),
        clock=SystemClock(),
        on_report=lambda worker, report: None,
        on_worker_died=lambda worker, pid, legs: None,
    )
    await pool.start()
    try:
        opened = [await pool.open_leg(LegId(f"{n}"), "127.0.0.1") for n in range(1300)]
        assert len({each.port for each in opened}) == 1300
        assert [view.legs for view in pool.views()] == [pytest.approx(650, abs=100)] * 2
    finally:
        await pool.stop()


async def test_a_killed_worker_is_noticed_told_with_its_legs_and_replaced(seen: Seen) -> None:
    await two_phones(seen)
    (first,) = seen.pool.views()
    assert (first.legs, first.engine, first.restarts) == (2, seen.engine, 0)
    closing = asyncio.ensure_future(seen.pool.close_leg(A))
    os.kill(first.pid, signal.SIGKILL)
    async with asyncio.timeout(5):
        while len(seen.started) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await closing
    assert [died[:2] for died in seen.died] == [(WorkerId(1), first.pid)]
    assert B in seen.died[0][2]
    assert await seen.pool.close_leg(A) is None
    assert (await seen.pool.open_leg(LegId("c"), "127.0.0.1")).port >= 23000
    assert seen.pool.views()[0].restarts == 1


async def test_a_frozen_worker_does_not_hold_up_a_call(seen: Seen) -> None:
    await two_phones(seen)
    (view,) = seen.pool.views()
    os.kill(view.pid, signal.SIGSTOP)
    try:
        assert await seen.pool.close_leg(A) is None
        with pytest.raises(MediaError):
            await seen.pool.open_leg(LegId("c"), "127.0.0.1")
    finally:
        os.kill(view.pid, signal.SIGCONT)


async def test_malformed_commands_are_refused_and_the_worker_goes_on(seen: Seen) -> None:
    remote = seen.pool._seats[0].remote
    assert remote is not None
    for body in (
        b"{}",
        b"[",
        b'{"type":"Bridge"}',
        b'{"type":"Bridge","a":1,"b":"x"}',
        b"[" * 100_000,
        b"\xff",
    ):
        remote._writer.write(len(body).to_bytes(4) + body)
        assert isinstance(await seen.until(CommandRefused), CommandRefused)
    assert (await seen.pool.open_leg(A, "127.0.0.1")).port
    assert seen.died == []


async def test_an_address_that_is_not_ours_and_a_leg_that_is_gone_are_refused(seen: Seen) -> None:
    with pytest.raises(MediaError, match=r"192\.0\.2\.1"):
        await seen.pool.open_leg(A, "192.0.2.1")
    with pytest.raises(MediaError):
        await seen.pool.open_leg(A, "127.0.0.1", with_leg=LegId("gone"))
    assert (await seen.pool.open_leg(A, "127.0.0.1")).port
    with pytest.raises(MediaError, match="open already"):
        await seen.pool.open_leg(A, "127.0.0.1")


async def test_a_connection_without_the_secret_gets_no_further(seen: Seen, tmp_path: Path) -> None:
    reader, writer = await asyncio.open_unix_connection(tmp_path / "s" / "media-1.sock")
    greeting = await reader.readexactly(handshake.HELLO_BYTES)
    writer.write(bytes(32) + handshake.controller_proof(bytes(32), greeting[8:], bytes(32)))
    assert await reader.read() == b""
    assert (await seen.pool.open_leg(A, "127.0.0.1")).port


async def test_a_worker_without_its_controller_closes_recordings_and_ends(seen: Seen, tmp_path: Path) -> None:
    a, _ = await two_phones(seen)
    path = tmp_path / "left.wav"
    spec = RecordingSpec(recording=RecordingId("r"), path=str(path), channels=2, encoding="PCM16", max_s=0)
    seen.pool.send(StartRecording(spec=spec, tracks=(A, B)))
    await seen.pool.stats([A])
    for n in range(20):
        a.speak(noise(n))
        await asyncio.sleep(0.02)
    remote = seen.pool._seats[0].remote
    assert remote is not None
    process = remote._process
    seen.pool._keepers[0].cancel()
    remote._tasks[0].cancel()
    remote._writer.close()
    async with asyncio.timeout(5):
        assert await process.wait() == 0
    with wave.open(str(path)) as file:
        assert 0.4 <= file.getnframes() / 8000 <= 1.5


async def test_stopping_tells_how_every_recording_ended(seen: Seen, tmp_path: Path) -> None:
    await two_phones(seen)
    spec = RecordingSpec(
        recording=RecordingId("r"), path=str(tmp_path / "x.wav"), channels=2, encoding="PCMA", max_s=0
    )
    seen.pool.send(StartRecording(spec=spec, tracks=(A, B)))
    await seen.pool.stop()
    ended = [report.report.state for report in seen.reports if isinstance(report, RecordingEnded)]
    assert ended == ["ended"]


async def test_sigterm_ends_a_worker_in_order(seen: Seen) -> None:
    remote = seen.pool._seats[0].remote
    assert remote is not None
    os.kill(remote.pid, signal.SIGTERM)
    async with asyncio.timeout(5):
        assert await remote._process.wait() == 0


async def test_a_socket_folder_that_is_too_deep_is_named_at_start(tmp_path: Path) -> None:
    deep = str(tmp_path / ("x" * 100))
    pool = MediaPool(
        Rtp(),
        socket_dir=deep,
        clock=SystemClock(),
        on_report=lambda w, r: None,
        on_worker_died=lambda w, p, legs: None,
    )
    with pytest.raises(UnusableError, match="too long"):
        await pool.start()


def test_a_worker_that_ends_late_leaves_the_socket_of_its_successor(tmp_path: Path) -> None:
    path = str(tmp_path / "media-1.sock")
    try:
        lingering = ControllerLink(path, b"one", lambda: Hello(pid=1, engine="old"), os.urandom)
        successor = ControllerLink(path, b"two", lambda: Hello(pid=2, engine="new"), os.urandom)
        lingering.close()
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as controller:
            controller.connect(path)
        successor.close()
        assert not Path(path).exists()
    finally:
        signal.set_wakeup_fd(-1)
