"""Proves that the fake pool keeps the real one's surface and behaves as story tests rely on, on virtual time.

Does not prove anything about media.
"""

import asyncio
import inspect

from softswitch.ids import LegId, RecordingId, WorkerId
from softswitch.rtp.commands import OpenLeg, Play, StartRecording, StopPlay, StopRecording
from softswitch.rtp.pool import MediaPool
from softswitch.rtp.reports import DigitPressed, LegOpened, PlayEnded, RecordingEnded, Report
from softswitch.tap import RecordingSpec
from softswitch.testing.media import FakeMediaPool

A, B = LegId("a"), LegId("b")


def pool() -> tuple[FakeMediaPool, list[Report]]:
    reports: list[Report] = []
    return FakeMediaPool(on_report=lambda worker, report: reports.append(report)), reports


def test_the_surface_is_that_of_the_real_pool() -> None:
    for name, method in inspect.getmembers(MediaPool, inspect.isfunction):
        if not name.startswith("_"):
            theirs, ours = inspect.signature(method), inspect.signature(getattr(FakeMediaPool, name))
            assert list(theirs.parameters) == list(ours.parameters), name
            assert inspect.iscoroutinefunction(method) == inspect.iscoroutinefunction(
                getattr(FakeMediaPool, name)
            )
    wanted = set(inspect.signature(MediaPool.__init__).parameters)
    assert wanted == set(inspect.signature(FakeMediaPool.__init__).parameters)


async def test_a_play_ends_by_itself_is_cut_and_is_replaced() -> None:
    media, reports = pool()
    media.durations["x"] = 0.01
    opened = await media.open_leg(A, "127.0.0.1")
    assert (opened.worker, opened.port % 2) == (WorkerId(1), 0)
    media.send(Play(leg=A, play=1, prompts=("x",)))
    await asyncio.sleep(0.03)
    media.send(Play(leg=A, play=2, prompts=("long",)))
    media.send(Play(leg=A, play=3, prompts=("long",)))
    media.send(StopPlay(leg=A))
    ends = [(each.play, each.completed) for each in reports if isinstance(each, PlayEnded)]
    assert ends == [(1, True), (2, False), (3, False)]
    assert [type(command) for command in media.commands] == [OpenLeg, Play, Play, Play, StopPlay]


async def test_recordings_end_when_told_to_and_keys_are_pressed() -> None:
    media, reports = pool()
    await media.open_leg(A, "127.0.0.1")
    await media.open_leg(B, "127.0.0.1", with_leg=A)
    spec = RecordingSpec(recording=RecordingId("r"), path="x", channels=2, encoding="PCMU", max_s=0)
    media.send(StartRecording(spec=spec, tracks=(A, B)))
    media.press(A, "1#")
    assert media.recordings == {RecordingId("r")}
    assert await media.close_leg(A) is not None
    assert media.recordings
    media.release_leg(B)
    assert media.recordings
    media.send(StopRecording(recording=spec.recording))
    assert not media.recordings
    kinds = [type(each) for each in reports]
    assert kinds == [LegOpened, LegOpened, DigitPressed, DigitPressed, RecordingEnded]


async def test_a_dead_worker_takes_its_legs() -> None:
    media, _ = pool()
    died: list[tuple[int, frozenset[LegId]]] = []
    media.on_worker_died = lambda worker, pid, legs: died.append((pid, legs))
    await media.open_leg(A, "127.0.0.1")
    media.refuse_open, media.move_s = "no port is free", 0.0
    media.die()
    await asyncio.sleep(0.01)
    assert died == [(4001, frozenset({A}))]
    assert await media.close_leg(A) is None
    assert media.views()[0].pid == 4002
