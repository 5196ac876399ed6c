"""Proves that tracks of a running recording change hands: a transfer, a third party, a party or leg that is gone; that
marks, masks and the keeping of an armed recording reach the recorder; and that what makes no sense is refused.

Does not prove what the recorder makes of it; `tests/recorder` does.
"""

from dataclasses import replace

from media_room import Room, ended

from softswitch.ids import LegId, RecordingId
from softswitch.rtp.commands import (
    CloseLeg,
    KeepRecording,
    MarkRecording,
    PauseRecording,
    RecordLeg,
    StartRecording,
    StopRecording,
)
from softswitch.rtp.reports import CommandRefused, RecordingEnded
from softswitch.tap import RecordingSpec

R = RecordingId("r")


def spec(name: str = "r") -> RecordingSpec:
    return RecordingSpec(recording=RecordingId(name), path="x.wav", channels=2, encoding="PCMU", max_s=0)


def heard(room: Room) -> list[tuple[int, int]]:
    """Recording's slot and track of what came since the last look."""
    rows = sorted((row[0], row[1]) for row in room.tap.rows)
    room.tap.rows.clear()
    return rows


def test_tracks_change_hands() -> None:
    room = Room()
    a, b, c = room.phone("a"), room.phone("b"), room.phone("c")

    def all_speak() -> list[tuple[int, int]]:
        for phone in (a, b, c):
            phone.speak(b"\x55" * 160)
        room.run(0.02)
        return heard(room)

    room.do(StartRecording(spec=spec(), tracks=(a.leg, b.leg), names=("caller", "agent:ana")))
    assert all_speak() == [(7, 0), (7, 1)]
    room.do(RecordLeg(recording=R, track=2, leg=c.leg, name="third"))
    assert all_speak() == [(7, 0), (7, 1), (7, 2)]
    room.do(RecordLeg(recording=R, track=1, leg=c.leg, name="agent:kate"))
    assert all_speak() == [(7, 0), (7, 1)], "b is heard no more, c has left track 2"
    room.do(RecordLeg(recording=R, track=0, leg=None))
    assert all_speak() == [(7, 1)]
    assert room.tap.parties == [
        (7, 0, "caller"), (7, 1, "agent:ana"), (7, 2, "third"), (7, 2, ""), (7, 1, "agent:kate"), (7, 0, ""),
    ]  # fmt: skip
    room.do(StartRecording(spec=spec("r2"), tracks=(b.leg,)))
    assert all_speak() == [(7, 1), (8, 0)], "who has left can be recorded elsewhere"


def test_a_recording_that_begins_masked_is_masked_before_its_first_packet() -> None:
    room = Room()
    a = room.phone("a")
    a.speak(b"\x55" * 160)
    room.do(StartRecording(spec=replace(spec(), masked=True), tracks=(a.leg,)))
    assert room.tap.masked == [(7, True)]
    room.run(0.02)
    assert heard(room) == [(7, 0)]


def test_a_recording_goes_on_when_all_its_legs_have_closed() -> None:
    room = Room()
    a, b = room.phone("a"), room.phone("b")
    room.do(StartRecording(spec=spec(), tracks=(a.leg, b.leg), names=("caller", "agent")))
    room.do(CloseLeg(leg=a.leg))
    room.do(CloseLeg(leg=b.leg))
    assert room.exchange.busy and not len(room.exchange)
    c = room.phone("c")
    room.do(RecordLeg(recording=R, track=0, leg=c.leg, name="caller"))
    c.speak(b"\x55" * 160)
    room.run(0.02)
    assert heard(room) == [(7, 0)]
    assert room.tap.parties[2:] == [(7, 0, ""), (7, 1, ""), (7, 0, "caller")]
    assert room.do(StopRecording(recording=R)) == [RecordingEnded(report=ended(R))]
    room.do(CloseLeg(leg=c.leg))
    assert not room.exchange.busy


def test_marks_masks_and_keeping_reach_the_recorder() -> None:
    room = Room()
    a = room.phone("a")
    room.do(StartRecording(spec=spec(), tracks=(a.leg,)))
    room.do(MarkRecording(recording=R, kind="transfer", text="to kate"))
    room.do(PauseRecording(recording=R, paused=True, masked=True))
    room.do(PauseRecording(recording=R, paused=True))
    room.do(KeepRecording(recording=R))
    assert room.tap.marks == [(7, "transfer", "to kate")]
    assert (room.tap.masked, room.tap.paused, room.tap.kept) == ([(7, True)], [(7, True)], [7])
    gone = RecordingId("gone")
    for command in (
        MarkRecording(recording=gone, kind="x"),
        KeepRecording(recording=gone),
        RecordLeg(recording=gone, track=0, leg=a.leg),
    ):
        assert room.do(command) == []


def test_what_makes_no_sense_is_refused() -> None:
    room = Room()
    a, b = room.phone("a"), room.phone("b")
    room.do(StartRecording(spec=spec(), tracks=(a.leg,)))
    room.do(StartRecording(spec=spec("r2"), tracks=(b.leg,)))
    for command in (
        RecordLeg(recording=R, track=8, leg=a.leg),
        RecordLeg(recording=R, track=-1, leg=None),
        RecordLeg(recording=R, track=1, leg=b.leg),
        RecordLeg(recording=R, track=1, leg=LegId("gone")),
    ):
        (refused,) = room.do(command)
        assert isinstance(refused, CommandRefused), command
    a.speak(b"\x55" * 160)
    room.run(0.02)
    assert heard(room) == [(7, 0)]
