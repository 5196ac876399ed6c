"""Proves with real worker processes that they outlive their controller: talks and recordings go on, the next controller
finds them by their socket, proves the secret it kept, ends what is nobody's any more and works on with that process; one
that would be started otherwise is ended instead. What happens to calls is proved by `tests/interop/test_crash.py`.
"""

import asyncio
import base64
import contextlib
import os
import signal
import struct
import threading
import time
import wave
from pathlib import Path

import pytest
from media_room import noise
from srtp_reference import Reference
from test_rtp_rescue import A, B, Phone, call

from softswitch.clock import SystemClock
from softswitch.config.media import Rtp
from softswitch.ids import LegId, RecordingId
from softswitch.rtp.adoption import Wanted
from softswitch.rtp.commands import Bridge, SetPeer, StartRecording
from softswitch.rtp.handshake import settings_text
from softswitch.rtp.link import ControllerLink
from softswitch.rtp.pool import MediaPool
from softswitch.rtp.remote import RemoteWorker
from softswitch.rtp.reports import Hello, LegOpened, Report
from softswitch.rtp.seating import OpenedLeg
from softswitch.rtp.secret_file import kept_secret
from softswitch.srtp_key import SrtpKey
from softswitch.tap import RecordingSpec

PATIENCE_S = 60.0


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine takes long to start a process."""
    monkeypatch.setattr("softswitch.rtp.remote.START_S", PATIENCE_S)
    monkeypatch.setattr("softswitch.rtp.rescue.NOBODY_ELSE_S", PATIENCE_S)


def pool_in(folder: Path, ports: str = "28700-28799", **more: float) -> MediaPool:
    return MediaPool(
        Rtp(ports=ports, workers=1, quiet_s=0.2, **more),  # type: ignore[arg-type]
        socket_dir=str(folder),
        clock=SystemClock(),
        on_report=lambda worker, report: None,
        on_worker_died=lambda worker, pid, legs: None,
        spare_after_s=60.0,
    )


async def abandon(pool: MediaPool) -> int:
    """As if this process had died; the worker's pid."""
    remote = pool._seats[0].remote
    assert remote is not None
    for task in (*pool._keepers, *remote._tasks):
        task.cancel()
    await pool._spare.stop()
    remote._writer.transport.abort()
    return remote.pid


async def talk(a: Phone, b: Phone, seconds: float) -> None:
    for n in range(round(seconds / 0.02)):
        a.speak(noise(n))
        assert await b.hear() == noise(n)
        await asyncio.sleep(0.015)


async def test_a_worker_outlives_its_controller_and_is_adopted(tmp_path: Path) -> None:
    first = pool_in(tmp_path / "s")
    await first.start()
    assert (tmp_path / "s" / "secret").stat().st_mode & 0o777 == 0o600
    a, b = await call(first)
    path = tmp_path / "call.wav"
    spec = RecordingSpec(recording=RecordingId("r"), path=str(path), channels=2, encoding="PCM16", max_s=0)
    first.send(StartRecording(spec=spec, tracks=(A, B)))
    await first.stats([A])
    await talk(a, b, 0.5)
    pid = await abandon(first)
    await talk(a, b, 1.5)
    second = pool_in(tmp_path / "s")
    await second.start()
    try:
        [view] = second.views()
        assert (view.pid, view.legs, view.recordings) == (pid, 0, 0)
        with wave.open(str(path)) as file:
            assert file.getnframes() / 8000 >= 1.7, "recorded while nobody was there to tell it to"
        a, b = await call(second, LegId("c"), LegId("d"))
        await talk(a, b, 0.1)
    finally:
        await second.stop()


async def test_a_worker_of_other_settings_is_ended(tmp_path: Path) -> None:
    first = pool_in(tmp_path / "s")
    await first.start()
    await call(first)
    pid = await abandon(first)
    second = pool_in(tmp_path / "s", ports="28800-28899")
    await second.start()
    try:
        [view] = second.views()
        assert view.pid != pid
        assert first._seats[0].remote is not None
        assert await first._seats[0].remote._process.wait() == 0, "ended in order"
    finally:
        await second.stop()


def test_a_secret_that_others_can_read_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    made = kept_secret(path, os.urandom)
    assert kept_secret(path, os.urandom) == made
    path.chmod(0o640)
    assert kept_secret(path, os.urandom) != made
    assert path.stat().st_mode & 0o777 == 0o600


async def recording(pool: MediaPool, path: Path) -> None:
    spec = RecordingSpec(recording=RecordingId("r"), path=str(path), channels=2, encoding="PCM16", max_s=0)
    pool.send(StartRecording(spec=spec, tracks=(A, B)))
    await pool.stats([A])


def _gone(pid: int) -> bool:
    """Ended, if not yet reaped by whoever started it."""
    status = Path(f"/proc/{pid}/status")
    return not status.exists() or "State:\tZ" in status.read_text()


WANTED = Wanted(legs=frozenset((A, B)), recordings=frozenset((RecordingId("r"),)))


async def test_a_worker_that_hangs_is_killed_before_its_place_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its successor goes on with its recording: two that write one file would spoil it, and both send to the peers."""
    monkeypatch.setattr("softswitch.rtp.remote.ADOPT_S", 0.3)
    first = pool_in(tmp_path / "s")
    await first.start()
    await call(first)
    await recording(first, tmp_path / "call.wav")
    pid = await abandon(first)
    os.kill(pid, signal.SIGSTOP)
    second = pool_in(tmp_path / "s")
    try:
        await second.start(WANTED)
        [view] = second.views()
        assert view.pid != pid
        assert _gone(pid), "what hung neither sends nor writes any more"
        assert second.take_up((A, B)) == {} and not second.take_up_recording(RecordingId("r"))
    finally:
        await second.stop()
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


async def test_what_a_worker_had_that_died_after_its_adoption_is_not_taken_up(tmp_path: Path) -> None:
    """Another process sits in its place by then, which knows nothing of that recording."""
    first = pool_in(tmp_path / "s")
    await first.start()
    await call(first)
    await recording(first, tmp_path / "call.wav")
    pid = await abandon(first)
    second = pool_in(tmp_path / "s")
    try:
        await second.start(WANTED)
        assert [view.pid for view in second.views()] == [pid]
        os.kill(pid, signal.SIGKILL)
        async with asyncio.timeout(PATIENCE_S):
            while second.views()[0].pid in (0, pid):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert not second.take_up_recording(RecordingId("r"))
        assert second.take_up((A, B)) == {}
    finally:
        await second.stop()


async def test_nothing_is_lost_between_the_handshake_and_the_first_report(tmp_path: Path) -> None:
    """Hello of a worker with thousands of legs, and what it says behind it while the next controller is busy starting."""
    path, secret, heard = tmp_path / "s.sock", os.urandom(32), list[Report]()
    stand_in = await asyncio.create_subprocess_exec("sleep", "60")
    legs = tuple(LegId(f"leg-{n:060}") for n in range(900))
    hello = Hello(pid=stand_in.pid, engine="x", legs=legs, settings=settings_text(("--socket", str(path))))
    link = ControllerLink(str(path), secret, lambda: hello, os.urandom)
    more = [LegOpened(leg=LegId(f"{n:050}"), port=n) for n in range(1200)]
    done = threading.Event()

    def work() -> None:
        while not link.attached:
            link.poll(0.01, time.monotonic())
        for report in more:
            link.report(report)
        while not done.is_set():
            link.poll(0.01, time.monotonic())
            link.flush()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        adopting = asyncio.create_task(RemoteWorker.adopt(path, (), secret, heard.append))
        for _ in range(8):
            await asyncio.sleep(0)
            time.sleep(0.05)  # noqa: ASYNC251 - a start-up that holds the loop
        remote = await adopting
        assert remote is not None and remote.hello == hello
        async with asyncio.timeout(5):
            while len(heard) < len(more) and not remote.lost.done():  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert heard == more
        remote.kill()
    finally:
        done.set()
        thread.join()
        link.close()
        signal.set_wakeup_fd(-1)
        with contextlib.suppress(ProcessLookupError):
            stand_in.kill()
        await stand_in.wait()


class Secured(Phone):
    """Encrypts with an implementation of our own; its sequence number has wrapped once when it has sent ten packets."""

    def __init__(self, pool: MediaPool, opened: OpenedLeg) -> None:
        super().__init__(pool, opened)
        self.sequence = 65526
        self.keys = (_key(1), _key(2))
        self.ours, self.theirs = Reference(self.keys[0]), Reference(self.keys[1])
        self.tell(pool)

    def tell(self, pool: MediaPool, *, send: bool = True) -> None:
        host, port = self.socket.getsockname()
        pool.send(
            SetPeer(leg=self.leg, address=host, port=port, codec="PCMU", payload_type=0, event_payload_type=101,
                    send=send, key_in=self.keys[0], key_out=self.keys[1])
        )  # fmt: skip

    def speak(self, payload: bytes) -> None:
        head = struct.pack("!BBHII", 0x80, 0, self.sequence & 0xFFFF, self.sequence * 160 & 0xFFFF_FFFF, 7)
        closed = self.ours.protect(head + payload, self.sequence >> 16)
        self.sequence += 1
        self.socket.sendto(closed, self.target)

    async def hear(self, seconds: float = 2.0) -> bytes:
        async with asyncio.timeout(seconds):
            data = await asyncio.get_running_loop().sock_recv(self.socket, 2048)
        return self.theirs.unprotect(data, 0)[12:]


def _key(seed: int) -> SrtpKey:
    return SrtpKey(suite="AES_CM_128_HMAC_SHA1_80", key=base64.b64encode(bytes([seed]) * 30).decode())


async def test_an_encrypted_talk_goes_on_through_an_adoption_and_a_death_after_it(tmp_path: Path) -> None:
    """Its rollover counter and replay window stay in the worker; at another one the counter is found anew."""
    first = pool_in(tmp_path / "s")
    await first.start()
    a = Secured(first, await first.open_leg(A, "127.0.0.1"))
    b = Phone(first, await first.open_leg(B, "127.0.0.1", with_leg=A))
    first.send(Bridge(a=A, b=B))
    await first.stats([A, B])
    await talk(a, b, 0.6)
    assert a.sequence > 65536
    pid = await abandon(first)
    await talk(a, b, 0.2)
    second = pool_in(tmp_path / "s")
    moved: list[tuple[OpenedLeg, ...]] = []
    second._rescue._on_moved = moved.append
    try:
        await second.start(WANTED)
        assert [view.pid for view in second.views()] == [pid]
        survivors = second.take_up((A, B))
        peer = survivors[A].peer
        assert peer is not None and (peer.key_in, peer.key_out) == a.keys
        second.send(Bridge(a=A, b=B))
        await talk(a, b, 0.2)
        await talk(b, a, 0.2)
        for send in (False, True):  # hold and back, under the same keys
            a.tell(second, send=send)
        await second.stats([A])
        await talk(a, b, 0.2)
        await talk(b, a, 0.2)
        os.kill(pid, signal.SIGKILL)
        async with asyncio.timeout(PATIENCE_S):
            while sum(map(len, moved)) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        at = {each.leg: each for group in moved for each in group}
        for phone in (a, b):
            phone.target = ("127.0.0.1", at[phone.leg].port)
        await second.stats([A, B])
        await talk(a, b, 0.2)
        await talk(b, a, 0.2)
    finally:
        await second.stop()
