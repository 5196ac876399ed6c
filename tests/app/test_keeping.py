"""Proves on a switch with its real store and files that finished recordings are converted, named by their row and only then
removed; that what has expired goes by age, queue and room while what is being made stays; what a crash between the steps of
a conversion leaves; and that recordings end before the disk is full.

Does not prove the rules themselves nor sample exactness; `tests/recorder/test_recording_retention.py` does.
"""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
import soundfile

from softswitch.app import keeping
from softswitch.app.keeping import Keeping
from softswitch.config.media import Rtp
from softswitch.config.queues import Queue
from softswitch.config.recording import Recording
from softswitch.config.schema import Config
from softswitch.errors import StorageError
from softswitch.ids import CallId, QueueName, RecordingId
from softswitch.recorder.retention import DAY_S
from softswitch.store.rows import RecordingRow
from softswitch.testing.network import Network
from softswitch.testing.switch import Switch

SOUND = np.zeros((800, 2), np.int16)


class Kept:
    def __init__(self, switch: Switch, monkeypatch: pytest.MonkeyPatch) -> None:
        self.switch, self.parts = switch, switch.parts
        self.keeping = Keeping(switch.parts)
        self.root = switch.parts.services.files.root
        self.now = switch.parts.clock.wall()
        self.patch = monkeypatch
        monkeypatch.setattr(keeping, "CLOSING_S", 0.0)

    def configure(self, *, queues: dict[str, float] | None = None, **recording: Any) -> None:
        config = self.parts.services.config
        queue = {name: Queue(keep_days=days) for name, days in (queues or {}).items()}
        self.parts.services.config = replace(
            config, recording=replace(config.recording, **recording), queue=queue
        )

    def add(self, name: str, age_days: float = 1.0, queue: str | None = None, state: str = "ended") -> None:
        path = self.root / f"{name}.wav"
        soundfile.write(path, SOUND, 8000, subtype="PCM_16")
        path.with_suffix(".json").write_text(json.dumps({"recording": name, "markers": []}))
        self.parts.store.recording(
            RecordingRow(
                recording=RecordingId(name), call=CallId("c"), path=f"{name}.wav", began=self.now - age_days * DAY_S,
                queue=QueueName(queue) if queue else None, agent=None, ani="", dnis="", box="", encoding="PCM16",
                channels=2, seconds=None if state == "recording" else 0.1, state=state,
                bytes=path.stat().st_size,
            )
        )  # fmt: skip

    async def rows(self) -> dict[str, dict[str, Any]]:
        await self.parts.store.writer.flush()
        return {row["recording"]: row for row in self.switch.rows("recordings")}

    def files(self) -> set[str]:
        return {path.name for path in self.root.iterdir()}


@pytest_asyncio.fixture
async def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Kept]:
    config = Config(recording=Recording(min_free_mb=0), rtp=Rtp(linger_s=0.0))
    switch = await Switch.open(config, tmp_path, network=Network())
    try:
        yield Kept(switch, monkeypatch)
    finally:
        await switch.close()


async def test_age_queue_and_what_is_being_made(kept: Kept) -> None:
    kept.configure(keep_days=30, queues={"sales": 365, "legal": 0})
    for name, age, queue, state in (
        ("new", 1, None, "ended"), ("old", 31, None, "ended"), ("old-sales", 31, "sales", "crashed"),
        ("older-sales", 366, "sales", "failed"), ("old-legal", 5000, "legal", "ended"),
        ("running", 31, None, "recording"),
    ):  # fmt: skip
        kept.add(name, age, queue, state)
    assert await kept.keeping.expire() == 2
    rows = await kept.rows()
    assert {name for name, row in rows.items() if row["state"] == "expired"} == {"old", "older-sales"}
    assert rows["old"]["deleted_at"] == pytest.approx(kept.now, abs=5)
    assert {name for name in kept.files() if name.endswith(".wav")} == {
        "new.wav", "old-sales.wav", "old-legal.wav", "running.wav",
    }  # fmt: skip
    assert "old.json" not in kept.files()
    assert await kept.keeping.expire() == 0
    view = await kept.switch.control.recording("old")
    assert (view.state, view.file) == ("expired", "")


async def test_all_together_take_no_more_than_they_may(kept: Kept) -> None:
    for age in range(1, 8):
        kept.add(f"r{age}", age)
    size = (kept.root / "r1.wav").stat().st_size
    kept.configure(keep_gb=size * 3.5 / 1e9)
    assert await kept.keeping.expire() == 4
    assert {name for name in kept.files() if name.endswith(".wav")} == {"r1.wav", "r2.wav", "r3.wav"}
    assert await kept.parts.store.kept.total_bytes() == 3 * size


async def test_many_expire_in_several_steps(kept: Kept) -> None:
    kept.patch.setattr(keeping, "BATCH", 3)
    for age in range(40, 50):
        kept.add(f"r{age}", age)
    kept.configure(keep_days=30)
    assert await kept.keeping.expire() == 10


async def test_a_file_that_cannot_be_deleted_stops_nothing(kept: Kept) -> None:
    for name in ("a", "b"):
        kept.add(name, 40)
    delete = kept.parts.services.files.delete

    def refuse(name: str) -> None:
        if name == "a.wav":
            raise PermissionError("no")
        delete(name)

    kept.patch.setattr(kept.parts.services.files, "delete", refuse)
    kept.configure(keep_days=30)
    assert await kept.keeping.expire() == 1
    assert {name: row["state"] for name, row in (await kept.rows()).items()} == {"a": "ended", "b": "expired"}


@pytest.mark.parametrize("format", ["flac", "opus"])
async def test_conversion(kept: Kept, format: str) -> None:
    kept.configure(convert=format, convert_after_s=60.0)
    kept.add("a", 1)
    kept.add("fresh", 0)
    kept.add("running", 1, state="recording")
    assert await kept.keeping.convert_some() == 1
    row = (await kept.rows())["a"]
    assert (row["path"], row["encoding"], row["state"]) == (f"a.{format}", format.upper(), "ended")
    assert row["bytes"] == (kept.root / f"a.{format}").stat().st_size
    assert {
        "a.json",
        f"a.{format}",
        "fresh.wav",
        "running.wav",
    } <= kept.files() and "a.wav" not in kept.files()
    assert await kept.keeping.convert_some() == 0
    assert soundfile.info((await kept.switch.control.recording("a")).file).duration == pytest.approx(
        0.1, abs=0.05
    )


async def test_a_conversion_that_fails_leaves_the_recording_and_is_not_tried_for_ever(kept: Kept) -> None:
    kept.configure(convert="flac")
    kept.add("bad", 2)
    (kept.root / "bad.wav").write_bytes(b"RIFF not")
    kept.add("good", 1)
    assert await kept.keeping.convert_some() == 1
    assert "bad.wav" in kept.files() and "good.flac" in kept.files()
    assert [alarm.name for alarm in kept.parts.alarms.raised] == ["conversion"]
    assert await kept.keeping.convert_some() == 0


async def test_a_crash_between_the_steps_of_a_conversion_loses_nothing(kept: Kept) -> None:
    kept.configure(convert="flac")
    kept.add("before-row", 1)
    kept.add("after-row", 1)
    for name in ("before-row", "after-row"):
        soundfile.write(kept.root / f"{name}.flac", SOUND, 8000)
    (kept.root / ".x.flac.77.part").write_bytes(b"half")
    row = (await kept.rows())["after-row"]
    known = {name: row[name] for name in RecordingRow.__dataclass_fields__}
    kept.parts.store.recording(RecordingRow(**{**known, "path": "after-row.flac", "labels": {}}))
    await kept.keeping.finish_conversions()
    assert kept.files() >= {"before-row.wav", "after-row.flac"}
    assert not {"after-row.wav", ".x.flac.77.part"} & kept.files()
    assert await kept.keeping.convert_some() == 1, "the one whose row did not know of it is made again"
    assert "before-row.wav" not in kept.files()


async def test_what_a_worker_wrote_after_its_switch_had_died_counts(kept: Kept) -> None:
    kept.configure(convert="flac", convert_after_s=0.0)
    kept.add("grows", 1, state="crashed")
    rows = await kept.rows()
    known = {name: rows["grows"][name] for name in RecordingRow.__dataclass_fields__}
    kept.parts.cut_off.append(RecordingRow(**{**known, "labels": {}}))
    assert await kept.keeping.convert_some() == 0, "not while somebody may still write it"
    with (kept.root / "grows.wav").open("ab") as file:
        file.write(bytes(8000 * 4))
    await kept.keeping.measure_again()
    row = (await kept.rows())["grows"]
    assert (row["seconds"], row["state"]) == (pytest.approx(1.1), "crashed")
    assert row["bytes"] == (kept.root / "grows.wav").stat().st_size
    assert await kept.keeping.convert_some() == 1


async def test_recordings_end_before_the_disk_is_full(kept: Kept) -> None:
    files, alarms = kept.parts.services.files, kept.parts.alarms
    kept.configure(keep_days=30)
    kept.add("old", 40)
    ended: list[str] = []
    kept.patch.setattr(kept.parts.recordings, "end_all", ended.append)
    problems = ["100 MB free", "100 MB free", "100 MB free", ""]
    kept.patch.setattr(files, "problem", lambda: problems.pop(0))
    kept.patch.setattr(type(files), "nearly_full", True)
    await kept.keeping.guard()
    assert (await kept.rows())["old"]["state"] == "expired", "what has expired goes first"
    assert ended == ["100 MB free"]
    alarms.raise_("recording", "100 MB free")
    problems[:] = ["", ""]
    await kept.keeping.guard()
    assert ended == ["100 MB free"] and not alarms.raised


async def test_trouble_in_one_round_does_not_end_the_next(kept: Kept) -> None:
    calls: list[int] = []

    async def trouble() -> None:
        calls.append(1)
        if len(calls) == 3:
            raise RuntimeError("enough")
        raise StorageError("no")

    kept.patch.setattr(keeping, "ROUND_S", 0.0)
    with pytest.raises(RuntimeError):
        await kept.keeping._again(trouble)
