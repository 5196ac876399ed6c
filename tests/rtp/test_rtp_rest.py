"""Proves on virtual time: a media room rests when its legs hear and are told nothing, is awake from the first packet on and
while anything is played, mixed or recorded, and says when the slow clocks want a tick all the same.

Does not prove that a worker sleeps meanwhile and wakes up for a datagram (test_media_worker.py relays through one).
"""

import numpy as np
from media_room import Room, noise

from softswitch.ids import MixId, RecordingId
from softswitch.rtp.commands import Bridge, Mix, Music, StartRecording, StopRecording
from softswitch.rtp.prompt import Prompt
from softswitch.rtp.reporter import LOOK_S
from softswitch.rtp.reports import PeerSilent
from softswitch.tap import RecordingSpec


def test_a_bridge_rests_until_a_packet_comes_and_again_after_the_last() -> None:
    room = Room()
    a, b = room.phone("a"), room.phone("b")
    room.do(Bridge(a=a.leg, b=b.leg))
    room.run()
    assert room.exchange.busy
    assert room.exchange.resting
    a.speak(noise(1))
    room.run()
    assert len(b.heard()) == 1
    assert not room.exchange.resting
    room.run()
    assert room.exchange.resting


def test_what_is_made_here_keeps_it_awake() -> None:
    room = Room()
    a = room.phone("a")
    room.library.prompts["music"] = Prompt.of(np.full(8000, 100, np.int16))
    room.do(Music(leg=a.leg, prompt="music"))
    room.run(0.1)
    assert not room.exchange.resting
    room.do(Music(leg=a.leg, prompt=None))
    room.run()
    assert room.exchange.resting


def test_a_file_that_loads_keeps_it_awake() -> None:
    room = Room()
    a = room.phone("a")
    room.library.prompts["late"] = None
    room.do(Music(leg=a.leg, prompt="late"))
    room.run()
    assert not room.exchange.resting


def test_a_mix_and_a_recording_keep_it_awake() -> None:
    room = Room()
    legs = tuple(room.phone(name).leg for name in "abc")
    everybody = tuple(tuple(float(row != column) for column in range(3)) for row in range(3))
    room.do(Mix(mix=MixId("m"), legs=legs, gains=everybody))
    room.run()
    assert not room.exchange.resting
    room.do(Mix(mix=MixId("m"), legs=(), gains=()))
    room.run()
    assert room.exchange.resting
    recording = RecordingId("r")
    spec = RecordingSpec(recording=recording, path="r.wav", channels=1, encoding="PCMU", max_s=0.0)
    room.do(StartRecording(spec=spec, tracks=legs[:1]))
    room.run()
    assert not room.exchange.resting
    room.do(StopRecording(recording=recording))
    assert room.exchange.resting


def test_the_slow_clocks_go_on() -> None:
    room = Room()
    room.phone("a")
    room.run()
    assert room.now < room.exchange.look_at <= room.now + LOOK_S


def test_a_silent_peer_is_told_of_again_as_long_as_it_is() -> None:
    """Whoever was told first may have died, or have had a reason to wait that is over."""
    room = Room(silent_s=2.0)
    a = room.phone("a")
    room.run(7.0)
    assert [round(report.silent_s) for report in room.told(PeerSilent)] == [2, 4, 6]
    a.speak(noise(1))
    room.run(1.0)
    assert len(room.told(PeerSilent)) == 3
    room.run(2.0)
    assert len(room.told(PeerSilent)) == 4
