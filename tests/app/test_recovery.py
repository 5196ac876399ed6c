"""Proves that a recording which cannot be mended after a crash neither stops the start nor goes unnamed.

Does not prove how files are repaired; `tests/recorder/test_recording_files.py` does.
"""

import errno
from types import SimpleNamespace
from typing import cast

import pytest

from softswitch.app.parts import Parts
from softswitch.app.recovery import recover
from softswitch.errors import StorageError
from softswitch.ids import CallId, RecordingId
from softswitch.store.crash import CrashClosing
from softswitch.store.rows import RecordingRow


def _row(name: str) -> RecordingRow:
    return RecordingRow(
        recording=RecordingId(name), call=CallId("C"), path=f"{name}.wav", began=1.0, queue=None, agent=None, ani="",
        dnis="", box="", encoding="PCMU", channels=1,
    )  # fmt: skip


class _Store:
    def __init__(self) -> None:
        self.rows: dict[str, RecordingRow] = {}

    async def close_unfinished(self, but: object, running: object, farewells: object) -> CrashClosing:
        return CrashClosing(calls=(), visits=(), recordings=tuple(_row(name) for name in ("a", "b", "c")))

    def recording(self, row: RecordingRow) -> None:
        self.rows[row.recording] = row

    async def agents(self) -> tuple[()]:
        return ()


@pytest.mark.parametrize(
    "fault", [OSError(errno.ENOSPC, "No space left on device"), StorageError("it lies elsewhere")]
)
async def test_a_recording_that_cannot_be_repaired_does_not_stop_the_start(fault: Exception) -> None:
    def repair(path: str) -> float:
        if path == "b.wav":
            raise fault
        return 2.5

    store = _Store()
    parts = SimpleNamespace(
        store=store,
        cut_off=[],
        media=SimpleNamespace(end_rest=lambda: None),
        recordings=SimpleNamespace(running=frozenset),
        services=SimpleNamespace(
            config=SimpleNamespace(toll=SimpleNamespace(enabled=False)),
            files=SimpleNamespace(repair=repair, size=lambda path: 40_000),
        ),
        dispatcher=SimpleNamespace(desk=SimpleNamespace(start=lambda agents: None)),
        sip=SimpleNamespace(registrations=lambda: ()),
    )
    await recover(cast(Parts, parts))
    assert {name: row.seconds for name, row in store.rows.items()} == {"a": 2.5, "b": None, "c": 2.5}
    assert {row.state for row in store.rows.values()} == {"crashed"}
    assert str(fault) in store.rows["b"].problem
