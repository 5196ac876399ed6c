"""Proves parking: by key, by order and by REFER; that the place is told and the parker freed; music; retrieving by the
place; the return to the parker when nobody comes; that all places can be taken; and what segments, agents and CDRs say.
"""

import asyncio
from dataclasses import replace

import pytest
from story_floor import Centre, about, centre, members, sales, told

from softswitch.acd.values import AgentState
from softswitch.api.errors import NotPossible
from softswitch.config.features import Parking
from softswitch.testing.manners import answering, busy
from softswitch.testing.peer_call import PeerCall

CENTRE = replace(centre(**sales(members=members("ana"))), parking=Parking(places=1, timeout_s=20.0))
CUSTOMER, ANA, EVA = "trunk:north", "endpoint:1001", "endpoint:1003"


async def in_talk(c: Centre) -> tuple[PeerCall, PeerCall]:
    c.phone("1001").on_call = answering(1.0)
    call = c.caller()
    agent = await c.phone("1001").next_call()
    await asyncio.sleep(2)
    return call, agent


def bridged(c: Centre, one: str, other: str) -> bool:
    return c.switch.media.bridges == {frozenset((c.leg_of(one), c.leg_of(other)))}


@told(CENTRE)
async def test_by_key_and_taken_from_there(c: Centre) -> None:
    call, agent = await in_talk(c)
    c.press("*7", ANA)
    await agent.hung_up()
    await asyncio.sleep(1)
    assert c.live().stage == "park" and c.switch.media.music(c.leg_of(CUSTOMER)) is not None
    assert c.agent("ana").state is AgentState.WRAP_UP
    taker = c.phone("1003").call("*71")
    await taker.answered()
    await asyncio.sleep(2)
    assert bridged(c, CUSTOMER, EVA) and c.switch.media.music(c.leg_of(CUSTOMER)) is None
    call.hang_up()
    await taker.hung_up()
    await c.settled()
    first, second = c.switch.rows("segments", "began")
    assert (first["party"], first["ended_by"], first["transferred_to"]) == (ANA, "transfer", "park 1")
    assert (second["party"], second["agent"], second["talk_s"]) == (EVA, "eva", about(2))
    assert [row["cause"] for row in c.switch.cdrs()] == ["normal", "handed over"]
    assert len(c.switch.rows("recordings")) == 1


@told(CENTRE)
async def test_by_order_by_refer_and_when_all_places_are_taken(c: Centre) -> None:
    call, agent = await in_talk(c)
    assert await c.switch.control.steering.park(c.live().id, "") == 1
    await agent.hung_up()
    c.phone("1004").on_call = answering(0.5)
    other = c.phone("1002").call("1004")
    await other.answered()
    talking = next(each for each in c.switch.parts.manager.calls.values() if each.stage == "talk")
    with pytest.raises(NotPossible, match="every place"):
        await c.switch.control.steering.park(talking.id, "")
    call.hang_up()
    await asyncio.sleep(1)
    other.refer("*7")
    assert await other.referred() == 200
    assert c.phone("1002").requests("NOTIFY")[-1].body == b"SIP/2.0 200 Parked at 1\r\n"
    await asyncio.sleep(1)
    assert talking.stage == "park"
    taker = c.phone("1003").call("*71")
    await taker.answered()
    await asyncio.sleep(1)
    assert bridged(c, "endpoint:1004", EVA)
    taker.hang_up()
    assert await c.phone("1003").call("*71").refused() == 480


@told(CENTRE)
async def test_nobody_comes_and_the_parker_gets_him_back(c: Centre) -> None:
    call, agent = await in_talk(c)
    c.press("*7", ANA)
    await asyncio.sleep(0.1)
    agent.hang_up()
    c.phone("1001").on_call = answering(1.0)
    await asyncio.sleep(23)
    assert bridged(c, CUSTOMER, ANA)
    call.hang_up()
    await c.settled()
    assert len(c.switch.rows("segments")) == 2


@told(CENTRE)
async def test_nobody_comes_and_the_parker_is_busy(c: Centre) -> None:
    call, agent = await in_talk(c)
    c.press("*7", ANA)
    await agent.hung_up()
    c.phone("1001").on_call = busy
    await asyncio.sleep(25)
    assert c.live().stage == "wait", "back in the queue that he came from"
    call.hang_up()


@told(CENTRE)
async def test_an_order_lets_a_phone_have_who_is_parked(c: Centre) -> None:
    call, agent = await in_talk(c)
    c.press("*7", ANA)
    await agent.hung_up()
    c.phone("1003").on_call = answering(1.0)
    await c.switch.control.steering.pickup(c.live().id, "1003")
    await asyncio.sleep(3)
    assert bridged(c, CUSTOMER, EVA)
    call.hang_up()
