"""Proves what counts as a message in a box, which are new, and that marks and deletions show at the next count.

Does not prove that calls leave messages (`tests/story`).
"""

import asyncio
from dataclasses import replace
from pathlib import Path

from store_rows import recording

from softswitch.clock import SystemClock
from softswitch.ids import RecordingId
from softswitch.store.store import Store


def test_messages_are_counted_marked_and_deleted(tmp_path: Path) -> None:
    asyncio.run(_story(tmp_path))


async def _story(folder: Path) -> None:
    store = await Store.open(
        f"sqlite:///{folder}/m.db", clock=SystemClock(), on_alarm=lambda name, problem: None
    )
    for name, box, seconds, state in (
        ("a", "sales", 5.0, "ended"),
        ("b", "sales", 9.0, "ended"),
        ("c", "sales", 0.4, "ended"),
        ("d", "sales", 9.0, "failed"),
        ("e", "office", 3.0, "crashed"),
        ("f", "office", None, "recording"),
        ("g", "", 60.0, "ended"),
    ):
        store.recording(recording(name, box=box, seconds=seconds, state=state))
    assert await store.messages.counts() == {"sales": (3, 0), "office": (1, 0)}
    store.messages.mark(RecordingId("a"), 1000.0)
    assert await store.messages.counts() == {"sales": (2, 1), "office": (1, 0)}
    assert [row.recording for row, _ in await store.messages.listed(box="sales", new=False)] == ["a"]
    assert {row.recording for row, _ in await store.messages.listed(new=True)} == {"b", "d", "e"}
    assert [heard for _, heard in await store.messages.listed(box="office")] == [None]
    store.messages.mark(RecordingId("a"), None)
    found = await store.messages.find("a")
    assert found is not None and found[1] is None and found[0].box == "sales"
    store.recording(replace(found[0], state="deleted", deleted_at=2000.0))
    assert await store.messages.counts() == {"sales": (2, 0), "office": (1, 0)}
    assert await store.messages.find("a") is None and await store.messages.find("g") is None
    await store.close()
