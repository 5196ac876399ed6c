"""Proves with real worker processes that they outlive their controller: talks and recordings go on, the next controller
finds them by their socket, proves the secret it kept, ends what is nobody's any more and works on with that process; one
that would be started otherwise is ended instead. What happens to calls is proved by `tests/interop/test_crash.py`.
"""

import asyncio
import os
import wave
from pathlib import Path

from media_room import noise
from test_rtp_rescue import A, B, Phone, call

from softswitch.clock import SystemClock
from softswitch.config.schema import Rtp
from softswitch.ids import LegId, RecordingId
from softswitch.rtp.commands import StartRecording
from softswitch.rtp.pool import MediaPool
from softswitch.rtp.secret_file import kept_secret
from softswitch.tap import RecordingSpec


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
