"""Proves supervision of whole calls: listen, whisper, barge and take over, by keys and by the API; that it is by agent or
contact and follows both; that it ends cleanly in any order; who may; and that each session leaves its audit rows.

Does not prove sound (workers are fake: who hears whom is read from the mixes they are told); for that see
`tests/interop/test_mix_by_ear.py`.
"""

import asyncio
import json

import pytest
from story_floor import Centre, about, centre, fixed, members, sales, told

from softswitch.acd.values import AgentState
from softswitch.api.errors import BadRequest, NotPossible, UnknownThing
from softswitch.api.steering_control import AuditSearch, SuperviseWish
from softswitch.api.steering_views import SupervisionView
from softswitch.app import live
from softswitch.config.features import Supervision
from softswitch.config.queues import Agent
from softswitch.facts import SupervisionEnded, SupervisionStarted
from softswitch.ids import LegId
from softswitch.rtp.commands import Play, RecordLeg
from softswitch.testing.manners import answering, refusing, ringing
from softswitch.testing.peer_call import PeerCall

BOSS = {
    "endpoint": {"1004": fixed("1004", supervises=("*",))},
    "queue": {"sales": sales()["queue"]["sales"]},
}
CENTRE = centre(**BOSS)


async def in_talk(c: Centre) -> tuple[PeerCall, PeerCall]:
    """A customer talks to ana."""
    c.phone("1001").on_call = answering(1.0)
    call = c.caller()
    agent = await c.phone("1001").next_call()
    await asyncio.sleep(2)
    return call, agent


async def start(c: Centre, **wish: object) -> SupervisionView:
    return await c.switch.control.steering.supervise(
        SuperviseWish(**{"phone": "1004", "agent": "ana", **wish})  # type: ignore[arg-type]
    )


def hears(c: Centre, party: str) -> set[str]:
    """Parties that this one hears."""
    by_leg = {leg.id: leg.party for leg in c.switch.parts.services.legs.values()}
    return {by_leg[LegId(leg)] for leg in c.switch.media.hears(c.leg_of(party))}


CUSTOMER, ANA, BOSSES = "trunk:north", "endpoint:1001", "endpoint:1004"


@told(CENTRE)
async def test_listen_whisper_barge_and_hang_up(c: Centre) -> None:
    call, _ = await in_talk(c)
    c.phone("1004").on_call = answering(1.0)
    view = await start(c)
    assert (view.state, view.mode) == ("ringing", "listen")
    boss = await c.phone("1004").next_call()
    await asyncio.sleep(2)
    assert hears(c, BOSSES) == {CUSTOMER, ANA}
    assert (hears(c, CUSTOMER), hears(c, ANA)) == ({ANA}, {CUSTOMER})
    c.press("5", BOSSES)
    await asyncio.sleep(1)
    assert (hears(c, CUSTOMER), hears(c, ANA)) == ({ANA}, {CUSTOMER, BOSSES})
    [session] = c.switch.control.steering.supervisions()
    assert (session.mode, session.state, session.call) == ("whisper", "in call", c.live().id)
    [shown] = live.call_detail(c.switch.parts, c.live(), ()).supervisors
    assert (shown.supervisor, shown.mode) == (BOSSES, "whisper")
    await c.switch.control.steering.supervision_mode(view.supervision, "barge")
    assert (hears(c, CUSTOMER), hears(c, ANA)) == ({ANA, BOSSES}, {CUSTOMER, BOSSES})
    c.press("4", BOSSES)
    await asyncio.sleep(1)
    assert hears(c, ANA) == {CUSTOMER}
    boss.hang_up()
    await asyncio.sleep(1)
    assert c.switch.media.bridges == {frozenset((c.leg_of(CUSTOMER), c.leg_of(ANA)))}
    assert c.switch.media.mixes == {} and c.switch.control.steering.supervisions() == ()
    call.hang_up()
    await c.settled()
    [row] = c.switch.rows("supervisions")
    assert (row["supervisor"], row["agent"], row["why"]) == (BOSSES, "ana", "supervisor hung up")
    assert [mode for _, mode in json.loads(row["modes"])] == ["listen", "whisper", "barge", "listen"]
    assert row["call"] == c.switch.cdrs()[0]["call"] and row["ended"] - row["began"] == about(3)
    assert [fact.mode for fact in c.switch.happened(SupervisionStarted)] == ["listen"]
    assert [fact.reason for fact in c.switch.happened(SupervisionEnded)] == ["supervisor hung up"]
    assert [row["party"] for row in c.switch.rows("legs")].count(BOSSES) == 1


@told(CENTRE)
async def test_a_whisper_stays_with_the_agent_when_the_customer_is_made_to_consult(c: Centre) -> None:
    """By an order for the caller's side: the two change places, and he is no agent for that."""
    call, agent = await in_talk(c)
    c.phone("1004").on_call = answering(1.0)
    await start(c, mode="whisper", follow=False)
    await c.phone("1004").next_call()
    await asyncio.sleep(2)
    c.phone("1003").on_call = answering(1.0)
    await c.switch.control.steering.consult(c.live().id, "extension:1003", "caller")
    await c.phone("1003").next_call()
    await asyncio.sleep(2)
    assert hears(c, CUSTOMER) == {"endpoint:1003"} and hears(c, "endpoint:1003") == {CUSTOMER}
    await c.switch.control.steering.three_way(c.live().id)
    await asyncio.sleep(1)
    assert hears(c, CUSTOMER) == {ANA, "endpoint:1003"}
    assert hears(c, ANA) == {CUSTOMER, "endpoint:1003", BOSSES}
    call.hang_up()  # who consulted puts the other two through
    await asyncio.sleep(1)
    agent.hang_up()
    await c.settled()


@told(CENTRE)
async def test_the_caller_hangs_up_and_the_supervisor_follows_the_agent(c: Centre) -> None:
    call, _ = await in_talk(c)
    c.phone("1004").on_call = answering(0.5)
    await start(c, follow=True)
    boss = await c.phone("1004").next_call()
    await asyncio.sleep(2)
    call.hang_up()
    await asyncio.sleep(2)
    [session] = c.switch.control.steering.supervisions()
    assert session.state == "waiting" and c.agent("ana").state is AgentState.WRAP_UP
    assert c.switch.media.music(c.leg_of(BOSSES)) is not None
    await asyncio.sleep(5)
    second = c.caller()
    await c.phone("1001").next_call()
    await asyncio.sleep(3)
    assert hears(c, BOSSES) == {CUSTOMER, ANA} and c.switch.media.music(c.leg_of(BOSSES)) is None
    boss.hang_up()
    await asyncio.sleep(1)
    second.hang_up()
    await c.settled()
    rows = c.switch.rows("supervisions", "stay")
    assert [(row["stay"], row["why"]) for row in rows] == [(0, "talk over"), (1, "supervisor hung up")]
    assert len({row["call"] for row in rows}) == 2 and len({row["supervision"] for row in rows}) == 1


@told(CENTRE)
async def test_the_agent_hangs_up_and_a_session_that_follows_nobody_ends(c: Centre) -> None:
    call, agent = await in_talk(c)
    c.phone("1004").on_call = answering(0.5)
    await start(c, follow=False, mode="barge")
    boss = await c.phone("1004").next_call()
    await asyncio.sleep(2)
    agent.hang_up()
    await call.hung_up()
    await boss.hung_up()
    await c.settled()
    [row] = c.switch.rows("supervisions")
    assert row["why"] == "talk over"


@told(CENTRE)
async def test_a_contact_is_followed_through_a_transfer(c: Centre) -> None:
    call, _ = await in_talk(c)
    c.phone("1004").on_call = answering(0.5)
    c.phone("1003").on_call = answering(2.0)
    await start(c, agent="", call=c.live().id)
    boss = await c.phone("1004").next_call()
    await asyncio.sleep(2)
    await c.switch.control.steering.transfer(c.live().id, "extension:1003", "")
    await asyncio.sleep(1)
    [session] = c.switch.control.steering.supervisions()
    assert session.state == "waiting"
    await asyncio.sleep(3)
    assert hears(c, BOSSES) == {CUSTOMER, "endpoint:1003"}
    call.hang_up()
    await boss.hung_up()
    await c.settled()
    rows = c.switch.rows("supervisions", "stay")
    assert [row["why"] for row in rows] == ["talk over", "call over"]
    assert len({row["call"] for row in rows}) == 1


@told(CENTRE)
async def test_who_barges_in_is_recorded_as_long_as_the_customer_hears_him(c: Centre) -> None:
    call, agent = await in_talk(c)
    c.phone("1004").on_call = answering(0.5)
    await start(c)
    boss = await c.phone("1004").next_call()
    await asyncio.sleep(2)
    for key in "565":
        c.press(key, BOSSES)
        await asyncio.sleep(1)
    seated = [(told.track, told.leg) for told in c.switch.media.told(RecordLeg)]
    assert seated == [(2, c.leg_of(BOSSES)), (2, None)]
    for each in (boss, call):
        each.hang_up()
    await agent.hung_up()
    await c.settled()


@told(CENTRE)
async def test_a_supervisor_takes_a_call_over(c: Centre) -> None:
    call, agent = await in_talk(c)
    c.phone("1004").on_call = answering(0.5)
    await start(c)
    boss = await c.phone("1004").next_call()
    await asyncio.sleep(2)
    c.press("9", BOSSES)
    await agent.hung_up()
    await asyncio.sleep(1)
    assert c.agent("ana").state is AgentState.WRAP_UP
    assert c.switch.media.bridges == {frozenset((c.leg_of(CUSTOMER), c.leg_of(BOSSES)))}
    assert c.switch.control.steering.supervisions() == ()
    assert [told.leg for told in c.switch.media.told(RecordLeg)][-1] == c.leg_of(BOSSES)
    await asyncio.sleep(4)
    boss.hang_up()
    await call.hung_up()
    cdr = await c.cdr()
    assert (cdr["agent"], cdr["destination"], cdr["ended_by"]) == ("ana", BOSSES, "callee")
    assert cdr["talk_s"] == about(9) or cdr["talk_s"] > 6
    segments = c.switch.rows("segments", "began")
    assert [(row["party"], row["agent"], row["ended_by"]) for row in segments] == [
        (ANA, "ana", "transfer"),
        (BOSSES, "", "callee"),
    ]
    [visit] = await c.visits()
    assert visit["completed_by"] == "transfer"
    assert c.log()[-1].startswith("sales|ana|ATTENDEDTRANSFER|BRIDGE|")
    [row] = c.switch.rows("supervisions")
    assert [mode for _, mode in json.loads(row["modes"])] == ["listen", "take over"]
    assert row["why"] == "took over"
    assert len(c.switch.rows("recordings")) == 1


@told(CENTRE)
async def test_a_supervisor_dials_the_agent_and_takes_over(c: Centre) -> None:
    call, agent = await in_talk(c)
    boss = c.phone("1004").call("*15ana")
    await boss.answered()
    await asyncio.sleep(1)
    assert hears(c, BOSSES) == {CUSTOMER, ANA}
    c.press("6", BOSSES)
    await asyncio.sleep(1)
    assert hears(c, CUSTOMER) == {ANA, BOSSES}
    c.press("9", BOSSES)
    await agent.hung_up()
    await asyncio.sleep(2)
    assert len(c.switch.parts.manager.calls) == 1
    assert c.switch.media.bridges == {frozenset((c.leg_of(CUSTOMER), c.leg_of(BOSSES)))}
    call.hang_up()
    await boss.hung_up()
    await c.settled()
    first, second = c.switch.cdrs()
    assert (first["destination"], first["cause"]) == (BOSSES, "normal")
    assert (second["destination"], second["cause"]) == ("supervise:ana", "handed over")


@told(CENTRE)
async def test_a_supervisor_who_dials_waits_for_the_next_call(c: Centre) -> None:
    boss = c.phone("1004").call("*15ana")
    await boss.answered()
    boss_leg = c.leg_of(BOSSES)
    await asyncio.sleep(0.5)
    assert c.switch.media.told(Play, boss_leg)[0].prompts[0].endswith("supervise-waiting.wav")
    call, _ = await in_talk(c)
    assert hears(c, BOSSES) == {CUSTOMER, ANA}
    boss.hang_up()
    await asyncio.sleep(1)
    call.hang_up()


@told(centre())
async def test_nobody_supervises_without_the_right(c: Centre) -> None:
    call, _ = await in_talk(c)
    spy = c.phone("1003").call("*15ana")
    assert await spy.refused() == 403
    with pytest.raises(NotPossible, match="may not supervise"):
        await start(c, phone="1003")
    with pytest.raises(UnknownThing):
        await start(c, phone="9999")
    with pytest.raises(UnknownThing):
        await start(c, agent="nobody")
    with pytest.raises(BadRequest):
        await start(c, agent="")
    call.hang_up()
    await c.settled()
    assert c.switch.rows("supervisions") == []


SCOPED = centre(
    agent={"eva": Agent(endpoint="1003", login="on-start", supervises=("sales",))},
    queue={"other": sales(members=members("roy"))["queue"]["sales"]},
)


@told(SCOPED)
async def test_a_right_for_one_queue_reaches_its_agents_and_its_calls_only(c: Centre) -> None:
    with pytest.raises(NotPossible, match="may not supervise roy"):
        await start(c, phone="1003", agent="roy")
    with pytest.raises(NotPossible, match="nobody supervises himself"):
        await start(c, phone="1001", agent="ana")
    boss = c.phone("1003").call("*15ana")
    await boss.answered()
    c.phone("1001").on_call = answering(0.5)
    private = c.phone("1002").call("1001")
    await private.answered()
    await asyncio.sleep(1)
    assert hears(c, "endpoint:1003") == set(), "a private call is no call of the queue"
    private.hang_up()
    await asyncio.sleep(1)
    call = c.caller()
    await call.answered()
    await asyncio.sleep(3)
    assert hears(c, "endpoint:1003") == {CUSTOMER, ANA}
    boss.hang_up()
    await asyncio.sleep(1)
    call.hang_up()


@told(CENTRE)
async def test_a_supervisors_phone_that_does_not_answer(c: Centre) -> None:
    call, _ = await in_talk(c)
    c.phone("1004").on_call = refusing(486)
    await start(c)
    await asyncio.sleep(1)
    c.phone("1004").on_call = ringing
    await start(c)
    await asyncio.sleep(40)
    assert c.switch.control.steering.supervisions() == ()
    call.hang_up()
    await c.settled()
    whys = [row["why"] for row in c.switch.rows("supervisions", "began")]
    assert whys[0].startswith("his phone: 486") and whys[1] == "his phone: no answer"
    rows = await c.switch.control.steering.audit(AuditSearch(agent="ana"))
    assert len(rows) == 2 and not any(row.live for row in rows)


@told(centre(**BOSS, supervision=Supervision(tone=True, tone_interval_s=10)))
async def test_the_agent_hears_a_tone_while_he_is_supervised(c: Centre) -> None:
    call, _ = await in_talk(c)
    c.phone("1004").on_call = answering(0.5)
    view = await start(c)
    await asyncio.sleep(22)
    beeps = [told for told in c.switch.media.told(Play, c.leg_of(ANA)) if told.prompts == ("tone:beep",)]
    assert len(beeps) == 3
    await c.switch.control.steering.supervision_end(view.supervision)
    await asyncio.sleep(20)
    assert len(c.switch.media.told(Play, c.leg_of(ANA))) == 3
    call.hang_up()


@told(CENTRE)
async def test_a_supervisor_who_holds_is_heard_by_nobody(c: Centre) -> None:
    call, _ = await in_talk(c)
    c.phone("1004").on_call = answering(0.5)
    await start(c, mode="barge", follow=False)
    boss = await c.phone("1004").next_call()
    await asyncio.sleep(2)
    assert hears(c, CUSTOMER) == {ANA, BOSSES}
    boss.hold()
    await asyncio.sleep(1)
    assert hears(c, CUSTOMER) == {ANA} and hears(c, BOSSES) == set()
    boss.resume()
    await asyncio.sleep(1)
    assert hears(c, CUSTOMER) == {ANA, BOSSES}
    call.hang_up()


@told(CENTRE)
async def test_on_hold_the_supervisor_hears_nothing_and_the_caller_music(c: Centre) -> None:
    call, agent = await in_talk(c)
    c.phone("1004").on_call = answering(0.5)
    await start(c, mode="barge")
    boss = await c.phone("1004").next_call()
    await asyncio.sleep(2)
    agent.hold()
    await asyncio.sleep(1)
    assert hears(c, BOSSES) == set() and c.switch.media.music(c.leg_of(CUSTOMER)) is not None
    agent.resume()
    await asyncio.sleep(1)
    assert hears(c, BOSSES) == {CUSTOMER, ANA} and c.switch.media.music(c.leg_of(CUSTOMER)) is None
    call.hang_up()
    await asyncio.sleep(1)
    boss.hang_up()
