"""Proves transfers of whole calls, by keys and by orders: blind to phone, agent, queue, trunk and conference; attended,
completed or given back; three-way, which each may leave; what the CDR, the segments, the queue's rows and its log say; that
the contact recording goes on; and why what cannot be done is refused.

Does not prove sound, nor SIP REFER.
"""

import asyncio

import pytest
from story_floor import CALLER, Centre, about, centre, members, sales, told

from softswitch.acd.values import AgentState
from softswitch.api.errors import BadRequest, NotPossible, UnknownThing
from softswitch.config.features import Conference
from softswitch.config.queues import Agent, Queue
from softswitch.facts import CallTransferred
from softswitch.rtp.commands import MarkRecording, RecordLeg
from softswitch.testing.manners import answering, busy, ringing
from softswitch.testing.peer_call import PeerCall

SUPPORT = Queue(members=members("eva"), wrapuptime=5.0, announce_frequency=0.0, record="always")
CENTRE = centre(queue={"support": SUPPORT, "sales": sales(members=members("ana"))["queue"]["sales"]})
CUSTOMER, ANA, EVA = "trunk:north", "endpoint:1001", "endpoint:1003"


async def in_talk(c: Centre) -> tuple[PeerCall, PeerCall]:
    """A customer has waited 2 s and talks to ana for a second."""
    c.phone("1001").on_call = answering(2.0)
    call = c.caller()
    agent = await c.phone("1001").next_call()
    await asyncio.sleep(3)
    return call, agent


def bridged(c: Centre, one: str, other: str) -> bool:
    return c.switch.media.bridges == {frozenset((c.leg_of(one), c.leg_of(other)))}


async def order(c: Centre, name: str, *arguments: str) -> None:
    await getattr(c.switch.control.steering, name)(c.live().id, *arguments)


@told(CENTRE)
async def test_blind_to_a_phone_by_keys(c: Centre) -> None:
    call, agent = await in_talk(c)
    c.phone("1003").on_call = answering(1.0)
    c.press("*3", ANA)
    await asyncio.sleep(1)
    assert c.switch.media.music(c.leg_of(CUSTOMER)) is not None, "music while the number is pressed"
    c.press("1003#", ANA)
    await agent.hung_up()
    await asyncio.sleep(3)
    assert bridged(c, CUSTOMER, EVA)
    assert c.agent("ana").state is AgentState.WRAP_UP
    call.hang_up()
    cdr = await c.cdr()
    assert (cdr["agent"], cdr["destination"], cdr["ended_by"]) == ("ana", EVA, "caller")
    first, second = c.switch.rows("segments", "began")
    assert (first["party"], first["ended_by"], first["transferred_to"]) == (ANA, "transfer", "1003")
    assert (first["talk_s"], first["hold_s"]) == (about(1), about(1))
    assert (second["party"], second["agent"], second["talk_s"]) == (EVA, "", about(2))
    [visit] = await c.visits()
    assert (visit["completed_by"], visit["talk_s"], visit["hold_s"]) == ("transfer", about(1), about(1))
    assert c.log()[-1] == "sales|ana|BLINDTRANSFER|1003|softswitch|2|1|1"
    assert [(fact.how, fact.to) for fact in c.switch.happened(CallTransferred)] == [
        ("blind", "extension:1003")
    ]


@told(CENTRE)
async def test_the_recording_goes_on_with_the_next_party(c: Centre) -> None:
    call, _ = await in_talk(c)
    c.phone("1003").on_call = answering(1.0)
    await order(c, "transfer", "extension:1003", "")
    await asyncio.sleep(3)
    seated = [(told.track, told.leg) for told in c.switch.media.told(RecordLeg)]
    assert seated[-1] == (1, c.leg_of(EVA))
    assert [told.kind for told in c.switch.media.told(MarkRecording)] == ["transfer"]
    call.hang_up()
    await c.settled()
    [recording] = c.switch.rows("recordings")
    assert recording["state"] == "ended" and recording["seconds"] == about(4)


@told(CENTRE)
async def test_blind_to_a_queue_keeps_age_and_priority(c: Centre) -> None:
    call, _ = await in_talk(c)
    c.phone("1003").on_call = answering(4.0)
    c.live().priority = 0
    await order(c, "transfer", "queue:support", "")
    await asyncio.sleep(1)
    [waiting] = c.switch.control.queue("support").callers
    assert waiting.waited_s == about(3), "two seconds in sales, one here"
    await asyncio.sleep(5)
    assert bridged(c, CUSTOMER, EVA) and c.agent("ana").state is AgentState.IDLE
    call.hang_up()
    cdr = await c.cdr()
    assert (cdr["queue"], cdr["agent"], cdr["wait_s"]) == ("support", "eva", about(6))
    first, second = await c.visits()
    assert (first["queue"], first["completed_by"], first["wait_s"]) == ("sales", "transfer", about(2))
    assert (second["queue"], second["outcome"], second["wait_s"]) == ("support", "answered", about(4))
    verbs = [line.split("|")[2] for line in c.log()]
    assert verbs == ["ENTERQUEUE", "CONNECT", "BLINDTRANSFER", "ENTERQUEUE", "CONNECT", "COMPLETECALLER"]
    assert len(c.switch.rows("recordings")) == 1


@told(CENTRE)
async def test_blind_to_an_agent_wherever_he_sits_and_to_a_trunk(c: Centre) -> None:
    call, _ = await in_talk(c)
    c.phone("1003").on_call = answering(1.0)
    c.south.on_call = answering(1.0)
    await order(c, "transfer", "agent:eva", "")
    await asyncio.sleep(3)
    assert c.agent("eva").state is AgentState.OCCUPIED
    await order(c, "transfer", "trunk:south/555", "")
    out = await c.south.next_call()
    await asyncio.sleep(3)
    assert out.invite.uri.user == "555" and bridged(c, CUSTOMER, "trunk:south")
    call.hang_up()
    cdr = await c.cdr()
    assert (cdr["agent"], cdr["destination"]) == ("eva", "trunk:south/555")
    assert [row["agent"] for row in c.switch.rows("segments", "began")] == ["ana", "eva", ""]


@told(CENTRE)
async def test_a_caller_put_through_to_nobody_waits_again(c: Centre) -> None:
    call, _ = await in_talk(c)
    c.phone("1003").on_call = busy
    await order(c, "transfer", "extension:1003", "")
    await asyncio.sleep(1)
    assert c.waiting("sales") == 1
    await asyncio.sleep(8)
    assert bridged(c, CUSTOMER, ANA), "after her wrap-up"
    call.hang_up()
    assert [visit["outcome"] for visit in await c.visits()] == ["answered", "answered"]


@told(CENTRE)
async def test_attended_by_keys_and_hanging_up(c: Centre) -> None:
    call, agent = await in_talk(c)
    c.phone("1003").on_call = answering(2.0)
    c.press("*41003#", ANA)
    await asyncio.sleep(1)
    assert c.switch.media.music(c.leg_of(ANA)) == "tone:ringback"
    assert c.switch.media.music(c.leg_of(CUSTOMER)) is not None
    await asyncio.sleep(3)
    assert bridged(c, ANA, EVA)
    agent.hang_up()
    await asyncio.sleep(2)
    assert bridged(c, CUSTOMER, EVA) and c.switch.media.music(c.leg_of(CUSTOMER)) is None
    call.hang_up()
    cdr = await c.cdr()
    assert (cdr["destination"], cdr["ended_by"]) == (EVA, "caller")
    first, second = c.switch.rows("segments", "began")
    assert (first["hold_s"], first["talk_s"], second["talk_s"]) == (about(4), about(1), about(2))
    assert c.log()[-1].startswith("sales|ana|ATTENDEDTRANSFER|BRIDGE|")
    assert c.log()[-1].endswith("|2|5|1")


@told(CENTRE)
async def test_consulting_and_back(c: Centre) -> None:
    call, _ = await in_talk(c)
    c.phone("1003").on_call = answering(1.0)
    await order(c, "consult", "agent:eva", "")
    third = await c.phone("1003").next_call()
    await asyncio.sleep(3)
    c.press("*5", ANA)
    await third.hung_up()
    await asyncio.sleep(1)
    assert bridged(c, CUSTOMER, ANA)
    third_time = c.phone("1003")
    third_time.on_call = ringing
    await order(c, "consult", "extension:1003", "")
    await asyncio.sleep(65)
    assert bridged(c, CUSTOMER, ANA), "nobody answered"
    third_time.on_call = busy
    await order(c, "consult", "extension:1003", "")
    await asyncio.sleep(1)
    assert bridged(c, CUSTOMER, ANA)
    call.hang_up()
    await c.settled()
    [segment] = c.switch.rows("segments")
    assert segment["party"] == ANA and segment["hold_s"] == pytest.approx(64, abs=1)


@told(CENTRE)
async def test_the_third_party_hangs_up_or_the_caller_does(c: Centre) -> None:
    call, agent = await in_talk(c)
    c.phone("1003").on_call = answering(1.0)
    await order(c, "consult", "extension:1003", "")
    third = await c.phone("1003").next_call()
    await asyncio.sleep(2)
    third.hang_up()
    await asyncio.sleep(1)
    assert bridged(c, CUSTOMER, ANA)
    await order(c, "consult", "extension:1003", "")
    again = await c.phone("1003").next_call()
    await asyncio.sleep(2)
    call.hang_up()
    await agent.hung_up()
    await again.hung_up()


@told(CENTRE)
async def test_completing_while_it_rings_rings_on_for_the_caller(c: Centre) -> None:
    call, agent = await in_talk(c)
    c.phone("1003").on_call = ringing
    await order(c, "consult", "extension:1003", "")
    await asyncio.sleep(1)
    agent.hang_up()
    await asyncio.sleep(1)
    c.phone("1003").calls[0].answer()
    await asyncio.sleep(2)
    assert bridged(c, CUSTOMER, EVA) and len(c.phone("1003").calls) == 1
    assert c.log()[-1].split("|")[2] == "BLINDTRANSFER"
    call.hang_up()


@told(CENTRE)
async def test_three_way_and_the_agent_leaves(c: Centre) -> None:
    call, agent = await in_talk(c)
    c.phone("1003").on_call = answering(1.0)
    c.press("*41003#", ANA)
    await asyncio.sleep(2)
    c.press("*6", ANA)
    await asyncio.sleep(1)
    legs = {c.leg_of(party) for party in (CUSTOMER, ANA, EVA)}
    for leg in legs:
        assert c.switch.media.hears(leg) == legs - {leg}
    assert c.switch.media.music(c.leg_of(CUSTOMER)) is None
    agent.hang_up()
    await asyncio.sleep(1)
    assert bridged(c, CUSTOMER, EVA) and c.switch.media.mixes == {}
    call.hang_up()
    await c.settled()
    assert len(c.switch.rows("recordings")) == 1


@told(CENTRE)
async def test_three_way_and_the_third_leaves(c: Centre) -> None:
    call, _ = await in_talk(c)
    c.phone("1003").on_call = answering(1.0)
    await order(c, "consult", "extension:1003", "")
    third = await c.phone("1003").next_call()
    await asyncio.sleep(2)
    await order(c, "three_way")
    third.hang_up()
    await asyncio.sleep(1)
    assert bridged(c, CUSTOMER, ANA)
    call.hang_up()


@told(CENTRE)
async def test_an_agent_who_called_out_transfers_his_customer(c: Centre) -> None:
    c.south.on_call = answering(1.0)
    c.phone("1003").on_call = answering(1.0)
    agent = c.phone("1001").call("9555")
    customer = await c.south.next_call()
    await agent.answered()
    await asyncio.sleep(1)
    c.press("*41003#", ANA)
    await asyncio.sleep(3)
    assert bridged(c, ANA, EVA)
    agent.hang_up()
    await asyncio.sleep(2)
    assert bridged(c, "trunk:south", EVA)
    await asyncio.sleep(2)
    customer.hang_up()
    await asyncio.sleep(1)
    cdr = await c.cdr()
    assert cdr["destination"] == EVA


@told(centre(queue={"sales": sales()["queue"]["sales"]}, conference={"team": Conference()}))
async def test_blind_to_a_conference(c: Centre) -> None:
    call, _ = await in_talk(c)
    await order(c, "transfer", "conference:team", "")
    await asyncio.sleep(1)
    assert c.live().stage == "confer"
    call.hang_up()


@told(CENTRE)
async def test_what_cannot_be_done_is_refused_with_the_reason(c: Centre) -> None:
    steering = c.switch.control.steering
    with pytest.raises(UnknownThing):
        await steering.transfer("nothing", "queue:sales", "")
    c.phone("1001").on_call = ringing
    call = c.caller()
    await call.answered()
    with pytest.raises(NotPossible, match="in stage wait"):
        await order(c, "transfer", "queue:sales", "")
    call.hang_up()
    await asyncio.sleep(10)
    call, _ = await in_talk(c)
    with pytest.raises(BadRequest, match="is no target"):
        await order(c, "transfer", "nonsense", "")
    with pytest.raises(UnknownThing, match="no queue"):
        await order(c, "transfer", "queue:nowhere", "")
    with pytest.raises(NotPossible, match="nobody who can be consulted"):
        await order(c, "consult", "queue:sales", "")
    with pytest.raises(NotPossible, match="consults nobody"):
        await order(c, "complete")
    with pytest.raises(BadRequest, match="no side"):
        await order(c, "transfer", "queue:sales", "neither")
    c.press("*3", ANA)
    await asyncio.sleep(1)
    c.press("77777#", ANA)
    await asyncio.sleep(1)
    assert bridged(c, CUSTOMER, ANA), "an unknown number leads back"
    c.press("*312", ANA)
    await asyncio.sleep(20)
    assert bridged(c, CUSTOMER, ANA), "an unfinished number is given up"
    call.hang_up()


@told(centre(agent={"eva": Agent(endpoint="1003")}))
async def test_an_agent_who_is_logged_out_is_not_rung(c: Centre) -> None:
    call, _ = await in_talk(c)
    await order(c, "consult", "agent:eva", "")
    await asyncio.sleep(1)
    assert bridged(c, CUSTOMER, ANA) and c.phone("1003").calls == []
    call.hang_up()
    await c.settled()
    assert c.switch.cdrs()[0]["ani"] == CALLER
