"""Proves on virtual time, with peers scripted packet by packet: loss, lateness, jitter, order, duplicates, level, clipping,
silence, talk, overlap and interruptions are measured; the MOS is the formula's for the loss that was scripted; one-way
audio, silence and a bad network are told within three seconds, each once, and again when they are over; hold, mute, comfort
noise, early media and a slow start are not.

Does not prove the cost on the packet path (benchmarks/) nor the words people read (tests/story/test_story_quality.py).
"""

import math
import random
from collections import Counter, deque

import numpy as np
import pytest
from media_room import TICK, Peer, Room

from softswitch import g711
from softswitch.ids import LegId
from softswitch.rtp import emodel
from softswitch.rtp.commands import AskStats, Bridge, CloseLeg, SetPeer, Unbridge
from softswitch.rtp.quality import PLAYOUT_S
from softswitch.rtp.reports import LegClosed, QualityAlarm

FRAME = 0.020
WITHIN_S = 3.0


def tone(level: int, *, law: int = g711.PCMU, samples: int = 160) -> bytes:
    """A sine of 500 Hz whose peak is `level` of 32768."""
    wave = (level * np.sin(2 * np.pi * 500 * np.arange(samples) / 8000)).astype(np.int16)
    return g711.ENCODE[law][wave.view(np.uint16)].tobytes()


SPEECH = tone(8000)
NOISE = tone(60)
PURE = bytes([g711.SILENCE[g711.PCMU]]) * 160


class Line:
    """A peer behind a network: `payload` every 20 ms, unless the script drops, delays or doubles it."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.payload: bytes | None = SPEECH
        self.drop = 0.0
        self.delay_s = 0.0
        self.double = 0.0
        self.swap = 0.0
        self.random = random.Random(7)
        self.sent = 0
        self.dropped = 0
        self._waiting: deque[tuple[float, bytes]] = deque()
        self._held: bytes | None = None

    def step(self, now: float) -> None:
        if self.payload is not None:
            data = self.peer.packet(self.payload)
            self.sent += 1
            if self.random.random() < self.drop:
                self.dropped += 1
            else:
                self._send(data, now)
        self.peer.sequence += 1
        self.peer.timestamp += 160

    def _send(self, data: bytes, now: float) -> None:
        if self._held is None and self.random.random() < self.swap:
            self._held = data
            return
        at = now + self.random.random() * self.delay_s
        self._waiting.append((at, data))
        if self.random.random() < self.double:
            self._waiting.append((at, data))
        if self._held is not None:
            self._waiting.append((at, self._held))
            self._held = None

    def deliver(self, now: float) -> None:
        for at, data in [each for each in self._waiting if each[0] <= now]:
            self._waiting.remove((at, data))
            self.peer.room.engine.arrive(self.peer.port, data, self.peer.address)


class Talk:
    """Two phones of one room, each behind its line."""

    def __init__(self, **more: object) -> None:
        self.room = Room()
        self.a, self.b = Line(self.room.phone("a", **more)), Line(self.room.phone("b"))

    def bridge(self) -> None:
        self.room.do(Bridge(a=self.a.peer.leg, b=self.b.peer.leg))

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds / FRAME)):
            self.a.step(self.room.now)
            self.b.step(self.room.now)
            for _ in range(round(FRAME / TICK)):
                self.a.deliver(self.room.now)
                self.b.deliver(self.room.now)
                self.room.run()
            self.room.engine.sent.clear()

    def alarms(self) -> list[tuple[str, str, bool, str]]:
        return [
            (report.leg, report.kind, report.raised, report.reason)
            for report in self.room.told(QualityAlarm)
            if isinstance(report, QualityAlarm)
        ]

    def until(self, kind: str, *, raised: bool = True, at_most: float = WITHIN_S) -> float:
        """How long it took until it was told."""
        began, before = self.room.now, len(self.alarms())
        while self.room.now - began < at_most:
            self.run(FRAME)
            if any(alarm[1] == kind and alarm[2] == raised for alarm in self.alarms()[before:]):
                return self.room.now - began
        raise AssertionError(f"no {kind} within {at_most} s: {self.alarms()}")


@pytest.fixture
def talk() -> Talk:
    made = Talk()
    made.bridge()
    return made


# --- figures --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("percent", [0, 1, 3, 5, 10])
def test_the_estimate_is_the_formulas_for_the_scripted_loss(talk: Talk, percent: int) -> None:
    talk.a.drop = percent / 100
    talk.run(40)
    stats = talk.room.stats(talk.a.peer.leg)
    loss = talk.a.dropped / talk.a.sent
    assert stats.lost == pytest.approx(talk.a.dropped, abs=1)
    assert loss == pytest.approx(percent / 100, abs=0.015)
    assert stats.mos == pytest.approx(emodel.mos_of("PCMU", percent / 100), abs=0.2)
    assert stats.mos == pytest.approx(emodel.mos_of("PCMU", loss), abs=0.05)
    assert talk.room.stats(talk.b.peer.leg).mos == pytest.approx(4.41, abs=0.01)


def test_the_estimate_of_the_last_seconds_comes_back_when_the_loss_ends(talk: Talk) -> None:
    talk.a.drop = 0.3
    talk.run(5)
    bad = talk.room.stats(talk.a.peer.leg)
    assert bad.mos_now is not None and bad.mos_now < 2.6
    assert bad.loss_now == pytest.approx(0.3, abs=0.12)
    talk.a.drop = 0
    talk.run(3)
    better = talk.room.stats(talk.a.peer.leg)
    assert (better.mos_now, better.loss_now) == (pytest.approx(4.41, abs=0.01), 0)
    assert better.mos is not None and better.mos < 4


def test_bursts_lower_the_estimate_below_that_of_single_losses() -> None:
    estimates = []
    for length in (1, 5):
        talk = Talk()
        talk.bridge()
        for n in range(1500):
            talk.a.drop = 1.0 if n % (20 * length) < length else 0.0
            talk.run(FRAME)
        stats = talk.room.stats(talk.a.peer.leg)
        assert stats.lost == pytest.approx(75, abs=5)
        estimates.append(stats.mos or 0)
        loss = stats.lost / (stats.lost + stats.packets_in)
        assert stats.mos == pytest.approx(emodel.mos_of("PCMU", loss, burst=length * (1 - loss)), abs=0.02)
    assert estimates[1] < estimates[0] - 0.03


def test_what_comes_after_its_playout_moment_is_late_and_what_jitters_less_is_not(talk: Talk) -> None:
    talk.a.delay_s = PLAYOUT_S - 2 * TICK
    talk.run(10)
    stats = talk.room.stats(talk.a.peer.leg)
    assert stats.late == 0 and stats.out_of_order > 20 and stats.lost == 0
    assert stats.jitter_ms == pytest.approx(17, abs=8)
    talk.a.delay_s = 0.2
    talk.run(10)
    stats = talk.room.stats(talk.a.peer.leg)
    assert stats.late == pytest.approx(500 * 0.7, rel=0.15)
    assert stats.mos_now is not None and stats.mos_now < 2


def test_a_path_that_grows_longer_for_good_is_followed(talk: Talk) -> None:
    talk.run(3)
    talk.a.payload = None
    for _ in range(8):  # 160 ms later than before, and so from now on
        talk.run(FRAME)
        talk.a.peer.sequence -= 1
        talk.a.peer.timestamp -= 160
    talk.a.payload = SPEECH
    talk.run(5)
    assert 5 <= talk.room.stats(talk.a.peer.leg).late <= 25


def test_duplicates_and_order_are_counted_and_cost_nothing(talk: Talk) -> None:
    talk.a.double, talk.b.swap = 0.1, 0.05
    talk.run(20)
    doubled, swapped = talk.room.stats(talk.a.peer.leg), talk.room.stats(talk.b.peer.leg)
    assert doubled.duplicates == pytest.approx(100, abs=30) and doubled.mos == pytest.approx(4.41, abs=0.01)
    assert swapped.out_of_order == pytest.approx(48, abs=20) and swapped.lost <= 1
    assert swapped.mos == pytest.approx(4.41, abs=0.02)


@pytest.mark.parametrize(("codec", "law"), [("PCMU", g711.PCMU), ("PCMA", g711.PCMA)])
def test_level_peak_and_clipping(codec: str, law: int) -> None:
    talk = Talk(codec=codec)
    talk.bridge()
    talk.a.payload = tone(16384, law=law)
    talk.run(4)
    stats = talk.room.stats(talk.a.peer.leg)
    assert stats.level_db == pytest.approx(-6 - 3, abs=0.5), (
        "half of full scale, and a sine has 3 dB less than a square"
    )
    assert stats.peak_db == pytest.approx(-6, abs=0.5) and stats.clipped_share == 0
    square = np.where(np.arange(160) % 8 < 4, 32767, -32768).astype(np.int16)
    talk.a.payload = g711.ENCODE[law][square.view(np.uint16)].tobytes()
    talk.run(4)
    stats = talk.room.stats(talk.a.peer.leg)
    assert stats.clipped_share == pytest.approx(0.5, abs=0.05)
    assert stats.peak_db == pytest.approx(0, abs=0.3)


def test_the_level_of_speech_leaves_pauses_out(talk: Talk) -> None:
    for payload in (SPEECH, PURE) * 4:
        talk.a.payload = payload
        talk.run(1)
    stats = talk.room.stats(talk.a.peer.leg)
    assert stats.level_db == pytest.approx(20 * math.log10(8000 / 32768) - 3, abs=1.5)
    assert stats.silence_share == pytest.approx(0.45, abs=0.15)
    assert stats.talk_share == pytest.approx(0.55, abs=0.15)
    assert stats.quiet_s == pytest.approx(1, abs=0.3)


def test_who_talks_over_whom(talk: Talk) -> None:
    """a talks 4 s; b breaks in after 2 s and both go on for 2 s; then b alone for 2 s."""
    quiet = NOISE
    for a, b, seconds in ((SPEECH, quiet, 2), (SPEECH, SPEECH, 2), (quiet, SPEECH, 2), (quiet, quiet, 1)):
        talk.a.payload, talk.b.payload = a, b
        talk.run(seconds)
    a_stats, b_stats = (talk.room.stats(line.peer.leg) for line in (talk.a, talk.b))
    assert (a_stats.talk_s, b_stats.talk_s) == (pytest.approx(4, abs=0.5), pytest.approx(4, abs=0.5))
    assert a_stats.overlap_s == b_stats.overlap_s == pytest.approx(2, abs=0.5)
    assert (a_stats.interruptions, b_stats.interruptions) == (0, 1)
    assert a_stats.silence_share == 0, "noise of a room is no pure silence"


def test_the_last_figures_come_with_the_leg_and_the_next_leg_begins_anew(talk: Talk) -> None:
    talk.a.drop = 0.2
    talk.run(5)
    (closed,) = [r for r in talk.room.do(CloseLeg(leg=talk.a.peer.leg)) if isinstance(r, LegClosed)]
    assert closed.stats.mos is not None and closed.stats.mos < 3.5 and closed.stats.level_db is not None
    fresh = talk.room.phone("c")
    stats = talk.room.stats(fresh.leg)
    assert (stats.mos, stats.level_db, stats.late, stats.talk_s, stats.alarms) == (None, None, 0, 0, ())


# --- alarms ---------------------------------------------------------------------------------------------------------------


def test_a_side_that_stops_sending_is_told_within_three_seconds_and_when_it_sends_again(talk: Talk) -> None:
    talk.run(5)
    talk.a.payload = None
    took = talk.until("no-packets")
    assert 1.9 < took < WITHIN_S
    assert talk.alarms() == [("a", "no-packets", True, ""), ("a", "one-way", True, "no-packets")]
    assert talk.room.stats(LegId("a")).alarms == ("no-packets", "one-way")
    told = next(r for r in talk.room.told(QualityAlarm) if isinstance(r, QualityAlarm))
    assert told.peer == "10.0.0.1" and 2.0 <= told.silent_s < 3
    talk.run(10)
    assert len(talk.alarms()) == 2, "once until it is over"
    talk.a.payload = SPEECH
    assert talk.until("no-packets", raised=False) < 1
    assert Counter(alarm[2] for alarm in talk.alarms()) == {True: 2, False: 2}


def test_a_side_that_never_sends_is_told_within_three_seconds_of_the_bridge() -> None:
    talk = Talk()
    talk.a.payload = None
    talk.run(30)  # a queue: nobody is bridged, nothing is said
    assert talk.alarms() == []
    talk.bridge()
    assert talk.until("one-way") < WITHIN_S


def test_a_microphone_that_never_gives_a_sound_is_told_within_three_seconds(talk: Talk) -> None:
    talk.a.payload = PURE
    assert talk.until("silence", at_most=3.5) <= 3.0
    talk.run(0.5)
    assert ("a", "one-way", True, "silence") in talk.alarms()
    talk.a.payload = NOISE
    assert talk.until("silence", raised=False) < 1


def test_one_who_was_heard_may_be_silent_for_long_before_it_is_told(talk: Talk) -> None:
    talk.run(2)
    talk.a.payload = PURE
    talk.run(28)
    assert talk.alarms() == []
    assert talk.until("silence", at_most=5) < 4


def test_silence_on_both_sides_is_nobodys_fault(talk: Talk) -> None:
    talk.run(2)
    talk.a.payload = talk.b.payload = PURE
    talk.run(36)
    assert talk.alarms() == []


@pytest.mark.parametrize(
    ("reason", "script"),
    [("loss", {"drop": 0.15}), ("jitter", {"delay_s": 0.25}), ("reordered", {"swap": 0.3})],
)
def test_a_bad_network_is_told_within_three_seconds_and_when_it_is_good_again(
    talk: Talk, reason: str, script: dict[str, float]
) -> None:
    talk.run(5)
    for name, value in script.items():
        setattr(talk.a, name, value)
    assert talk.until("bad-network") < WITHIN_S
    talk.run(10)
    (told,) = [alarm for alarm in talk.alarms() if alarm[2]]
    assert told[:2] == ("a", "bad-network")
    assert reason == told[3] or (reason, told[3]) == ("jitter", "loss"), (
        "what comes too late is lost to the listener"
    )
    for name in script:
        setattr(talk.a, name, 0.0)
    assert talk.until("bad-network", raised=False, at_most=12) > 4


def test_asking_for_figures_again_and_again_hides_nothing(talk: Talk) -> None:
    talk.a.drop = 0.1
    for _ in range(150):
        talk.run(FRAME)
        talk.room.do(AskStats())
    assert talk.alarms() == [("a", "bad-network", True, "loss")]


def test_a_little_loss_is_no_alarm(talk: Talk) -> None:
    talk.a.drop = 0.01
    talk.run(30)
    assert talk.alarms() == []


def test_one_short_gap_is_no_alarm(talk: Talk) -> None:
    talk.run(3)
    talk.a.drop = 1
    talk.run(0.4)
    talk.a.drop = 0
    talk.run(6)
    assert talk.alarms() == []


def test_hold_and_mute_are_no_alarms(talk: Talk) -> None:
    talk.run(3)
    talk.a.payload = None
    talk.room.do(Unbridge(leg=talk.a.peer.leg))  # hold
    talk.run(20)
    talk.bridge()
    talk.a.payload = SPEECH
    talk.run(3)
    muted = talk.a.peer
    talk.room.do(
        SetPeer(
            leg=muted.leg, address=muted.address[0], port=muted.address[1], codec="PCMU", payload_type=0,
            event_payload_type=101, receive=False,
        )
    )  # fmt: skip
    talk.a.payload = None
    talk.run(20)
    assert talk.alarms() == []


def test_a_phone_that_sends_nothing_in_silence_is_known_after_its_first_pause(talk: Talk) -> None:
    for _ in range(4):
        talk.a.payload = SPEECH
        talk.run(2)
        for _ in range(50):  # a pause of 1 s: time passes, no sequence number is used
            talk.a.payload = None
            talk.run(FRAME)
            talk.a.peer.sequence -= 1
    talk.a.payload = None
    talk.run(10)
    assert talk.alarms() == []
    assert talk.until("no-packets", at_most=15) > 5


def test_comfort_noise_that_was_agreed_makes_pauses_legal_from_the_first() -> None:
    talk = Talk(comfort_noise_type=13)
    talk.bridge()
    talk.run(1)
    talk.a.payload = None
    talk.run(15)
    assert talk.alarms() == []


def test_a_timestamp_that_stood_still_in_a_pause_is_no_jitter(talk: Talk) -> None:
    talk.run(3)
    talk.a.payload = None
    for _ in range(75):
        talk.run(FRAME)
        talk.a.peer.sequence -= 1
        talk.a.peer.timestamp -= 160
    talk.a.payload = SPEECH
    talk.run(6)
    assert [alarm for alarm in talk.alarms() if alarm[1] == "bad-network"] == []


def test_a_call_that_is_good_raises_nothing_for_minutes(talk: Talk) -> None:
    talk.a.delay_s = 0.02
    for turn in range(12):
        talk.a.payload, talk.b.payload = (SPEECH, NOISE) if turn % 2 else (NOISE, SPEECH)
        talk.run(5)
    assert talk.alarms() == []
    assert talk.room.stats(talk.a.peer.leg).interruptions == 0


def test_the_last_words_of_one_leg_are_not_the_first_of_the_next_in_its_place(talk: Talk) -> None:
    """Slots are used again at once: speech of the call before must not make a dead microphone one that has sounded."""
    talk.run(1)
    talk.run(2 * FRAME)
    before = talk.a.peer
    talk.room.do(CloseLeg(leg=before.leg))
    talk.a = Line(talk.room.phone("next"))
    talk.a.payload = PURE
    talk.room.do(Bridge(a=talk.a.peer.leg, b=talk.b.peer.leg))
    assert talk.room.exchange._legs[talk.a.peer.leg].slot == 0, "the same slot"
    talk.run(1)
    stats = talk.room.stats(talk.a.peer.leg)
    assert (stats.level_db, stats.talk_s) == (None, 0.0)
    assert not talk.room.exchange._quality.sounded[0]
