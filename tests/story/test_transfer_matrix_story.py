"""Proves the matrix of transfers by REFER, each the way a phone does it: a phone in a call between two phones, and an agent
in a call of a queue, put their party through to a phone, an agent, a queue and a trunk, blind and over a second call. After
each the CDRs, the segments, the agents' talk times, the queue's rows and the recording are right.

Endings, refusals and moments are in `test_refer_story.py`; what phones of others do, in tests/interop.
"""

import asyncio
from dataclasses import dataclass

import pytest
from story_floor import Centre, about, centre, members, sales, told

from softswitch.acd.values import AgentState
from softswitch.config.queues import Queue
from softswitch.config.routes import Route
from softswitch.testing.manners import answering
from softswitch.testing.peer_call import PeerCall
from softswitch.testing.switch import Row

SUPPORT = Queue(members=members("eva"), wrapuptime=5.0, announce_frequency=0.0, record="always")
CENTRE = centre(
    queue={"support": SUPPORT, "sales": sales(members=members("ana"))["queue"]["sales"]},
    route={
        "601": Route(to="queue:support"),
        "602": Route(to="agent:eva"),
        "1004": Route(to="extension:1004"),
    },
)
BEFORE_S, AFTER_S = 1.0, 3.0
"""Talked with who puts through, and with whom the party is put through to."""


@dataclass(frozen=True)
class Target:
    number: str
    party: str
    agent: str = ""
    """Who then has the call, as the segment says."""
    state: AgentState | None = None
    """Of that agent meanwhile, after a blind transfer."""


TARGETS = {
    "phone": Target("1003", "endpoint:1003"),
    "agent": Target("602", "endpoint:1003", "eva", AgentState.OCCUPIED),
    "queue": Target("601", "endpoint:1003", "eva", AgentState.TALKING),
    "trunk": Target("9555", "trunk:south"),
}


async def phone_talks(c: Centre) -> tuple[PeerCall, PeerCall, str]:
    """1002 has called 1004."""
    c.phone("1004").on_call = answering(0.5)
    call = c.phone("1002").call("1004")
    transferor = await c.phone("1004").next_call()
    await call.answered()
    await asyncio.sleep(BEFORE_S)
    return call, transferor, "endpoint:1002"


async def agent_talks(c: Centre) -> tuple[PeerCall, PeerCall, str]:
    """A caller of the trunk has ana, through the queue."""
    c.phone("1001").on_call = answering(2.0)
    call = c.caller()
    transferor = await c.phone("1001").next_call()
    await asyncio.sleep(2.0 + BEFORE_S)
    return call, transferor, "trunk:north"


@pytest.mark.parametrize("how", ["blind", "attended"])
@pytest.mark.parametrize("to", TARGETS)
@pytest.mark.parametrize("who", ["phone", "agent"])
def test_transfer(who: str, to: str, how: str, tmp_path: object) -> None:
    @told(CENTRE)
    async def story(c: Centre) -> None:
        """A queue answers at once and rings its agent then; others answer when they have rung."""
        target = TARGETS[to]
        c.phone("1003").on_call = c.south.on_call = answering(1.0)
        call, transferor, customer = await (agent_talks(c) if who == "agent" else phone_talks(c))
        rings_s = 1.0 if to == "queue" else 0.0
        if how == "blind":
            transferor.refer(target.number)
        else:
            transferor.hold()
            await asyncio.sleep(1)
            second = transferor.peer.call(target.number)
            await second.answered()
            await asyncio.sleep(rings_s + 1 + BEFORE_S)
            transferor.refer_to(second)
            assert await transferor.referred() == 200
            await second.hung_up()
        await transferor.hung_up()
        await asyncio.sleep(AFTER_S + (rings_s if how == "blind" else 0.0))
        legs = {leg.party: leg.id for leg in c.switch.parts.services.legs.values()}
        assert set(legs) == {customer, target.party}, "nobody else is left"
        assert c.switch.media.bridges == {frozenset(legs.values())}
        if who == "agent":
            assert c.agent("ana").state is AgentState.WRAP_UP
        if how == "blind" and target.state is not None:
            assert c.agent("eva").state is target.state
        call.hang_up()
        await c.settled()
        judge(c, who, to, how)

    story(tmp_path)


def judge(c: Centre, who: str, to: str, how: str) -> None:
    target = TARGETS[to]
    cdrs = c.switch.cdrs()
    assert len(cdrs) == (1 if how == "blind" else 2), "one for each call that there was"
    main = cdrs[0]
    assert (main["cause"], main["ended_by"]) == ("normal", "caller")
    assert main["destination"].startswith((target.party, "agent:eva")), main["destination"]
    if how == "attended":
        assert cdrs[1]["cause"] == "handed over" and cdrs[1]["talk_s"] == about(1 + BEFORE_S)
    segments = [row for row in c.switch.rows("segments", "began, ended") if row["call"] == main["call"]]
    first, last = segments
    assert (first["ended_by"], last["ended_by"]) == ("transfer", "caller")
    assert (first["agent"], last["agent"]) == ("ana" if who == "agent" else "", target.agent)
    assert first["talk_s"] == about(BEFORE_S) and last["talk_s"] == about(AFTER_S)
    assert main["talk_s"] == about(BEFORE_S + AFTER_S)
    assert last["party"].startswith(target.party) and first["ended"] <= last["began"] + 0.01
    talked = talk_of_agents(segments)
    assert talked.get("ana", 0.0) == (about(BEFORE_S) if who == "agent" else 0.0)
    assert talked.get("eva", 0.0) == (about(AFTER_S) if target.agent else 0.0)
    if who == "agent":
        [recording] = [row for row in c.switch.rows("recordings") if row["call"] == main["call"]]
        assert recording["state"] == "ended" and recording["seconds"] >= BEFORE_S + AFTER_S
        visit = c.switch.rows("queue_visits", "entered")[0]
        assert (visit["queue"], visit["completed_by"], visit["talk_s"]) == (
            "sales",
            "transfer",
            about(BEFORE_S),
        )
    left = [line.split("|")[2] for line in c.log() if line.startswith("sales|")]
    wanted = "BLINDTRANSFER" if how == "blind" else "ATTENDEDTRANSFER"
    assert left[-1:] == ([wanted] if who == "agent" else [])


def talk_of_agents(segments: list[Row]) -> dict[str, float]:
    talked: dict[str, float] = {}
    for row in segments:
        talked[row["agent"]] = talked.get(row["agent"], 0.0) + row["talk_s"]
    return talked
