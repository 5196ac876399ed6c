"""Proves what people are told of bad audio: the words of each alarm, that it is raised once and cleared, that it stands in
status and on the bus, what the CDR keeps of it, and that a caller whose media has died is let go in every stage.

Does not prove how a worker finds it out (tests/rtp/test_rtp_quality.py).
"""

import asyncio
from dataclasses import replace

import pytest
from story_floor import Centre, told

from softswitch.app import live
from softswitch.facts import AudioImpaired, AudioRestored, LegEnded
from softswitch.ids import LegId
from softswitch.rtp.reports import QualityAlarm
from softswitch.testing.manners import answering, ringing
from softswitch.testing.peer_call import PeerCall


def alarm(leg: LegId, kind: str, reason: str = "", *, raised: bool = True) -> QualityAlarm:
    return QualityAlarm(
        leg=leg,
        kind=kind,
        raised=raised,
        reason=reason,
        peer="10.0.0.5",
        silent_s=2.1,
        quiet_s=3.2,
        loss=0.14,
        reordered=0.2,
        jitter_ms=81,
        mos=2.9,
    )


async def talking(c: Centre) -> PeerCall:
    c.phone("1001").on_call = answering(0.0)
    call = c.caller()
    await c.phone("1001").next_call()
    await asyncio.sleep(2)
    return call


async def over(c: Centre, call: PeerCall) -> None:
    call.hang_up()
    await c.settled()


def messages(c: Centre) -> list[str]:
    return [raised.message for raised in live.status(c.switch.parts).alarms]


@told()
async def test_each_alarm_in_plain_words_once_and_cleared(c: Centre) -> None:
    call = await talking(c)
    agent, caller = c.leg_of("endpoint:1001"), c.live().caller.id
    name = c.live().figures.agent
    media = c.switch.media
    media.emit(alarm(agent, "no-packets"))
    media.emit(alarm(agent, "one-way", "no-packets"))
    assert messages(c) == [f"agent {name} cannot be heard: no packets from 10.0.0.5 for 2.1 s"]
    media.emit(alarm(caller, "bad-network", "loss"))
    assert (
        messages(c)[1]
        == f"caller {c.live().ani} sounds bad: 14% of packets lost or late (MOS 2.9) from 10.0.0.5"
    )
    assert [fact.kind for fact in c.switch.happened(AudioImpaired)] == [
        "no-packets",
        "one-way",
        "bad-network",
    ]
    assert all(fact.message in (messages(c)[0], messages(c)[1]) for fact in c.switch.happened(AudioImpaired))
    for kind in ("no-packets", "one-way"):
        media.emit(alarm(agent, kind, raised=False))
    media.emit(alarm(caller, "bad-network", raised=False))
    media.emit(alarm(caller, "bad-network", raised=False))
    assert messages(c) == []
    assert len(c.switch.happened(AudioRestored)) == 3
    await over(c, call)


@pytest.mark.parametrize(
    ("kind", "reason", "words"),
    [
        ("silence", "", "cannot be heard: pure silence from 10.0.0.5 for 3.2 s"),
        ("one-way", "silence", "cannot be heard: pure silence from 10.0.0.5 for 3.2 s"),
        ("one-way", "unreached", "cannot hear: by its own reports none of our packets reach 10.0.0.5"),
        ("bad-network", "jitter", "sounds bad: jitter of 81 ms (MOS 2.9) from 10.0.0.5"),
        ("bad-network", "reordered", "sounds bad: 20% of packets out of order (MOS 2.9) from 10.0.0.5"),
    ],
)
def test_the_words(tmp_path: object, kind: str, reason: str, words: str) -> None:
    @told()
    async def story(c: Centre) -> None:
        call = await talking(c)
        name = c.live().figures.agent
        c.switch.media.emit(alarm(c.leg_of("endpoint:1001"), kind, reason))
        assert messages(c) == [f"agent {name} {words}"]
        await over(c, call)

    story(tmp_path)  # type: ignore[arg-type]


@told()
async def test_a_leg_that_rings_is_no_alarm(c: Centre) -> None:
    c.phone("1001").on_call = ringing
    call = c.caller()
    await c.phone("1001").next_call()
    await asyncio.sleep(1)
    c.switch.media.emit(alarm(c.live().caller.id, "no-packets"))
    assert messages(c) == [] and c.switch.happened(AudioImpaired) == []
    await over(c, call)


@told()
async def test_the_cdr_keeps_what_the_audio_was_like(c: Centre) -> None:
    call = await talking(c)
    agent = c.leg_of("endpoint:1001")
    c.switch.media.emit(alarm(agent, "no-packets"))
    c.switch.media.emit(alarm(agent, "one-way", "no-packets"))
    c.switch.media.figures[agent] = lambda stats: replace(
        stats,
        packets_in=970,
        lost=20,
        late=10,
        mos=3.96,
        rtt_ms=41.0,
        level_db=-21.5,
        talk_share=0.4,
        interruptions=2,
    )
    await over(c, call)
    (row,) = [leg for leg in c.switch.rows("legs") if leg["leg"] == agent]
    assert (row["mos"], row["rtt_ms"], row["late"], row["level_db"]) == (3.96, 41.0, 10, -21.5)
    assert (row["talk_share"], row["interruptions"], row["impairments"]) == (0.4, 2, "no-packets one-way")
    assert messages(c) == [], "an alarm ends with its leg"
    (ended,) = [fact for fact in c.switch.happened(LegEnded) if fact.leg == agent]
    assert ended.loss == pytest.approx(30 / 990)


@pytest.mark.parametrize("stage", ["greet", "wait", "message"])
def test_a_caller_whose_media_died_is_let_go(tmp_path: object, stage: str) -> None:
    @told()
    async def story(c: Centre) -> None:
        for phone in ("1001", "1002"):
            c.phone(phone).on_call = lambda call: call.reject(486)
        call = c.caller("600" if stage == "wait" else "700")
        await call.answered()
        await asyncio.sleep(1)
        if stage == "message":
            c.press("2")
            await asyncio.sleep(4)
        assert c.live().stage == stage
        c.switch.media.fall_silent(c.live().caller.id, 30.0)
        await asyncio.sleep(1)
        assert c.live().stage == stage, "not for as long as the configuration says"
        c.switch.media.fall_silent(c.live().caller.id, 60.0)
        await c.settled()
        cdr = await c.cdr()
        assert (cdr["ended_by"], cdr["cause"], cdr["last_stage"]) == ("switch", "peer silent", stage)

    story(tmp_path)  # type: ignore[arg-type]
