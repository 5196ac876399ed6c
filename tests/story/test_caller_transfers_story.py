"""Proves what becomes of a queue's agent whom the caller puts through: a phone of ours has called the queue and sends a
REFER, blind or over a second call. Refused unless the queue allows it, but for a second call that is the caller's own; who
talks with whom then, and what the queue's log, the visits, the segments and the agents' states say; a target that does not
answer, and that an agent who is left alone is hung up and not put into a queue.

Transfers by agents are in `test_transfer_story.py` and `test_refer_story.py`.
"""

import asyncio
from dataclasses import replace

import pytest
from story_floor import SALES, Centre, about, centre, members, told

from softswitch.acd.values import AgentState
from softswitch.testing.manners import answering, busy, ringing
from softswitch.testing.peer_call import PeerCall

ASKED = replace(SALES, members=members("ana"))
REFUSING = centre(queue={"sales": ASKED})
ALLOWING = centre(queue={"sales": replace(ASKED, caller_transfers=True)})
ALICE, ANA, EVA = "endpoint:1002", "endpoint:1001", "endpoint:1003"


async def served(c: Centre) -> tuple[PeerCall, PeerCall]:
    """The colleague at 1002 has called the queue and talks to ana for a second."""
    c.phone("1001").on_call = answering(2.0)
    call = c.phone("1002").call("600")
    agent = await c.phone("1001").next_call()
    await asyncio.sleep(3)
    return call, agent


async def consulting(c: Centre) -> tuple[PeerCall, PeerCall, PeerCall]:
    """She has ana on hold and talks to eva's phone for a second."""
    call, agent = await served(c)
    call.hold()
    await asyncio.sleep(1)
    c.phone("1003").on_call = answering(1.0)
    second = c.phone("1002").call("1003")
    await asyncio.sleep(2)
    return call, agent, second


def bridged(c: Centre, one: str, other: str) -> bool:
    return c.switch.media.bridges == {frozenset((c.leg_of(one), c.leg_of(other)))}


@told(REFUSING)
async def test_blind_is_refused_where_the_queue_does_not_say_so(c: Centre) -> None:
    call, _ = await served(c)
    call.refer("1003")
    assert await call.referred() == 403
    assert bridged(c, ALICE, ANA) and c.phone("1003").heard("INVITE") == 0
    call.hang_up()
    await c.settled()
    assert [line.split("|")[2] for line in c.log()] == ["ENTERQUEUE", "CONNECT", "COMPLETECALLER"]


@told(ALLOWING)
async def test_blind(c: Centre) -> None:
    call, agent = await served(c)
    c.phone("1003").on_call = answering(1.0)
    call.refer("1003")
    assert await call.referred() == 200
    await call.hung_up()
    await asyncio.sleep(2)
    assert bridged(c, ANA, EVA)
    assert c.agent("ana").state is AgentState.OCCUPIED, "she talks on, but for no queue"
    agent.hang_up()
    cdr = await c.cdr()
    assert (cdr["source"], cdr["agent"], cdr["destination"]) == (ALICE, "ana", EVA)
    first, second = c.switch.rows("segments", "began")
    assert (first["party"], first["ended_by"], first["transferred_to"]) == (ANA, "transfer", "1003")
    assert (second["party"], second["agent"]) == (EVA, "")
    [visit] = await c.visits()
    assert (visit["agent"], visit["completed_by"], visit["talk_s"]) == ("ana", "transfer", about(1))
    assert [line.split("|")[2] for line in c.log()] == ["ENTERQUEUE", "CONNECT", "BLINDTRANSFER"]
    assert c.log()[-1] == "sales|ana|BLINDTRANSFER|1003|softswitch|2|1|1"
    assert c.agent("ana").state in (AgentState.WRAP_UP, AgentState.IDLE)


@told(ALLOWING)
async def test_blind_to_a_target_that_is_busy_gives_the_agent_back(c: Centre) -> None:
    call, agent = await served(c)
    c.phone("1003").on_call = busy
    call.refer("1003")
    assert await call.referred() == 486
    await asyncio.sleep(1)
    assert bridged(c, ALICE, ANA) and c.agent("ana").state is AgentState.TALKING
    agent.hang_up()
    [visit] = await c.visits()
    assert visit["completed_by"] == "agent"


@told(ALLOWING)
async def test_an_agent_who_is_left_alone_is_hung_up_and_waits_in_no_queue(c: Centre) -> None:
    call, agent = await served(c)
    c.phone("1003").on_call = ringing
    call.refer("1003")
    await asyncio.sleep(1)
    call.hang_up()
    await asyncio.sleep(1)
    c.phone("1003").calls[0].reject(603)
    await agent.hung_up()
    assert c.waiting() == 0
    assert [visit["completed_by"] for visit in await c.visits()] == ["transfer"]
    await asyncio.sleep(10)
    assert c.agent("ana").state is AgentState.IDLE


@pytest.mark.parametrize("allowed", [False, True])
def test_attended(allowed: bool, tmp_path: object) -> None:
    """The second call is her own, so that the queue need not allow it: she puts its far side through to the agent."""

    @told(ALLOWING if allowed else REFUSING)
    async def story(c: Centre) -> None:
        call, agent, second = await consulting(c)
        second.refer_to(call)
        assert await second.referred() == 200
        await call.hung_up()
        await second.hung_up()
        await asyncio.sleep(2)
        assert bridged(c, ANA, EVA)
        assert c.agent("ana").state is AgentState.OCCUPIED
        agent.hang_up()
        await c.phone("1003").calls[0].hung_up()
        await c.settled()
        assert sorted(row["cause"] for row in c.switch.cdrs()) == ["handed over", "normal"]
        [visit] = await c.visits()
        assert (visit["agent"], visit["completed_by"]) == ("ana", "transfer")
        assert (visit["talk_s"], visit["hold_s"]) == (about(1), about(3))
        assert c.log()[-1].startswith("sales|ana|ATTENDEDTRANSFER|BRIDGE|")
        await asyncio.sleep(10)
        assert c.agent("ana").state is AgentState.IDLE

    story(tmp_path)
