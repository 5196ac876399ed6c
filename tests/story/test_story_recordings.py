"""Proves the life of a call's recording: one file for all its talks with its parties, its marks and its silence between
them; the agent's mask and who may press it; card digits asked for by a flow, which stand nowhere; the seconds before the
key; a track for each party; that recordings end before the disk is full.

Does not prove what is on disk, `tests/recorder` does; nor a worker's death, `test_story_worker_death.py` does.
"""

import asyncio
from dataclasses import replace

from story_floor import Centre, about, centre, sales, told

from softswitch.config.flow import Branch, Collect, Flow, Play, Transfer
from softswitch.config.routes import Route
from softswitch.rtp.commands import (
    KeepRecording,
    MarkRecording,
    PauseRecording,
    RecordLeg,
    StartRecording,
    StopRecording,
)
from softswitch.tap import RecordingReport
from softswitch.testing.manners import answering
from softswitch.testing.peer_call import PeerCall

CUSTOMER, ANA = "trunk:north", "endpoint:1001"


async def in_talk(c: Centre) -> tuple[PeerCall, PeerCall]:
    c.phone("1001").on_call = answering(0.0)
    call = c.caller()
    agent = await c.phone("1001").next_call()
    await asyncio.sleep(1)
    return call, agent


def pauses(c: Centre, masked: bool) -> list[bool]:
    return [each.paused for each in c.switch.media.told(PauseRecording) if each.masked == masked]


@told()
async def test_one_recording_follows_the_call_to_another_party(c: Centre) -> None:
    call, agent = await in_talk(c)
    [started] = c.switch.media.told(StartRecording)
    assert (started.names, started.spec.channels) == (("caller", "agent:ana"), 2)
    c.phone("1003").on_call = answering(1.0)
    c.press("*3", ANA)
    c.press("1003#", ANA)
    await agent.hung_up()
    assert not c.switch.parts.recordings.is_recording(c.live().id), "silent while nobody talks"
    assert c.switch.parts.recordings.of_call(c.live().id) is not None
    await asyncio.sleep(3)
    assert c.switch.parts.recordings.is_recording(c.live().id)
    kate = c.leg_of("endpoint:1003")
    tracks = [(each.track, each.leg, each.name) for each in c.switch.media.told(RecordLeg)]
    assert tracks == [(1, None, ""), (1, kate, "endpoint:1003")]
    assert pauses(c, masked=False) == [True, False]
    assert "transfer" in [mark.kind for mark in c.switch.media.told(MarkRecording)]
    call.hang_up()
    cdr = await c.cdr()
    assert len(c.switch.media.told(StartRecording)) == len(c.switch.media.told(StopRecording)) == 1
    [row] = c.switch.rows("recordings")
    assert (row["recording"], row["agent"], row["state"]) == (cdr["recording"], "ana", "ended")
    assert row["seconds"] == about(cdr["ended"] - row["began"])


@told()
async def test_hold_is_marked(c: Centre) -> None:
    call, agent = await in_talk(c)
    agent.hold()
    await asyncio.sleep(1)
    agent.resume()
    await asyncio.sleep(0.5)
    marks = [(mark.kind, mark.text) for mark in c.switch.media.told(MarkRecording)]
    assert marks == [("hold", "by callee"), ("resume", "by callee")]
    call.hang_up()


@told()
async def test_the_agent_masks_and_the_caller_cannot(c: Centre) -> None:
    call, _ = await in_talk(c)
    c.press("*2")
    await asyncio.sleep(0.1)
    assert pauses(c, masked=True) == []
    c.press("*2", ANA)
    await asyncio.sleep(0.1)
    assert c.live().masked
    await c.switch.control.recording_mask(c.live().id, on=True)
    c.press("*2", ANA)
    await asyncio.sleep(0.1)
    assert pauses(c, masked=True) == [True, False]
    await c.switch.control.recording_mask(c.live().id, on=True)
    call.hang_up()
    await c.cdr()
    assert pauses(c, masked=True)[:3] == [True, False, True]
    assert pauses(c, masked=False) == [], "a call that ends is not paused first"


@told(centre(**sales(record="on-demand"), recording=replace(centre().recording, keep_before_s=10.0)))
async def test_the_key_keeps_the_seconds_before_it(c: Centre) -> None:
    call, _ = await in_talk(c)
    await asyncio.sleep(3)
    [started] = c.switch.media.told(StartRecording)
    assert started.spec.armed_s == 10.0
    assert c.switch.rows("recordings") == [] and not c.switch.parts.recordings.is_recording(c.live().id)
    c.press("*1", ANA)
    await asyncio.sleep(0.5)
    assert len(c.switch.media.told(KeepRecording)) == 1
    assert c.switch.parts.recordings.is_recording(c.live().id)
    c.press("*1", ANA)
    await asyncio.sleep(0.5)
    c.press("*1", ANA)
    await asyncio.sleep(0.5)
    assert pauses(c, masked=False) == [True, False]
    bridged = c.live().figures.bridged
    call.hang_up()
    cdr = await c.cdr()
    [row] = c.switch.rows("recordings")
    assert row["recording"] == cdr["recording"] == started.spec.recording
    assert row["began"] == about(bridged or 0)


@told(centre(**sales(record="on-demand"), recording=replace(centre().recording, keep_before_s=10.0)))
async def test_without_the_key_nothing_is_kept(c: Centre) -> None:
    call, _ = await in_talk(c)
    await asyncio.sleep(3)
    call.hang_up()
    assert (await c.cdr())["recording"] is None
    assert c.switch.rows("recordings") == []


@told(centre(recording=replace(centre().recording, tracks="party", party_tracks=3)))
async def test_a_track_for_each_party(c: Centre) -> None:
    call, _ = await in_talk(c)
    [started] = c.switch.media.told(StartRecording)
    assert started.spec.channels == 3
    live, recordings = c.live(), c.switch.parts.recordings
    agent = live.legs[c.leg_of(ANA)]
    recordings.leave(live, agent)
    recordings.party(live, agent, "again")
    assert [each.track for each in c.switch.media.told(RecordLeg)] == [1, 2], (
        "nobody gets a track of somebody before him"
    )
    call.hang_up()
    await c.cdr()
    [row] = c.switch.rows("recordings")
    assert row["channels"] == 3


CARD = Flow(
    start="card",
    node={
        "card": Collect(variable="card", max_digits=4, masked=True, next="known"),
        "known": Branch(on="variable", variable="card", cases={"4242": "thanks"}, default="over"),
        "thanks": Play(prompt="goodbye", next="over"),
        "over": Transfer(target="message:sales"),
    },
)


@told(centre(flow={"card": CARD}, route={"800": Route(to="flow:card")}))
async def test_card_digits_of_a_flow_stand_nowhere(c: Centre) -> None:
    call = c.caller("800")
    await call.answered()
    await asyncio.sleep(0.1)
    assert c.live().masked
    c.press("4242")
    await asyncio.sleep(0.5)
    assert not c.live().masked
    assert c.live().stage == "greet", "the branch saw the digits"
    await asyncio.sleep(3)
    assert c.live().stage == "message"
    call.hang_up()
    cdr = await c.cdr()
    assert "4242" not in str(cdr["labels"])
    written = [c.switch.rows(table) for table in ("calls", "journal", "recordings", "legs")]
    assert "4242" not in str(written) and "4242" not in repr(c.switch.facts)


@told()
async def test_recordings_end_well_before_the_disk_is_full(c: Centre) -> None:
    call, _ = await in_talk(c)
    c.switch.parts.recordings.end_all("10 MB free")
    await asyncio.sleep(0.5)
    assert c.switch.media.recordings == frozenset() and c.live().stage == "talk"
    assert [alarm.name for alarm in c.switch.control.status().alarms] == ["recording"]
    call.hang_up()
    await c.cdr()
    [row] = c.switch.rows("recordings")
    assert row["state"] == "ended"
    c.switch.parts.recordings.on_report(
        RecordingReport(recording=row["recording"], state="ended", seconds=1, gaps=0, gap_s=0, problem="")
    )
