"""Proves who is charged for a call out that begins by a transfer: the phone that puts through, not the trunk that the
caller came by; that its minutes count; consultations that go on to the next trunk, with a row for each try; and
`toll.max_call_s`: a call out ends in time, with a Reason, short numbers and calls of others excepted.

Amounts and destinations as such are proven in `test_story_failover.py` and `tests/config`.
"""

import asyncio
from dataclasses import replace

from story_floor import NORTH, SOUTH, Centre, about, centre, fixed, members, sales, told, trunk

from softswitch.call.toll_guard import TollUsage
from softswitch.config.schema import Config, Route
from softswitch.config.trunks import EndpointToll, GroupMember, Numbers, Toll, TrunkGroup
from softswitch.testing.manners import answering, refusing, ringing
from softswitch.testing.peer_call import PeerCall

BOTH = (GroupMember(trunk="south"), GroupMember(trunk="west", priority=2))


def floor(toll: Toll, **more: object) -> Config:
    config = centre(
        **{
            "trunk": {"south": trunk(SOUTH), "west": trunk(NORTH, match=("203.0.113.1/32",))},
            "trunk_group": {"out": TrunkGroup(members=BOTH)},
            "route": {"_9.": Route(to="trunk:out", source=("endpoint:*",), strip=1)},
            **sales(members=members("ana"), wrapuptime=0.0),
            **more,
        }  # type: ignore[arg-type]
    )
    return replace(config, numbers=Numbers(country="34"), toll=toll)


def usage(c: Centre, source: str) -> TollUsage:
    wall = c.switch.parts.clock.wall()
    return c.switch.parts.services.trunking.guard.view(wall).get(source, TollUsage())


async def attempts(c: Centre) -> list[tuple[str, str, int]]:
    await c.settled()
    return [
        (row["source"], row["trunk"], row["sip_status"]) for row in c.switch.rows("attempts", "began, trunk")
    ]


async def in_talk(c: Centre) -> tuple[PeerCall, PeerCall]:
    c.phone("1001").on_call = answering(1.0)
    call = c.caller()
    agent = await c.phone("1001").next_call()
    await asyncio.sleep(3)
    return call, agent


@told(floor(Toll(enabled=True)))
async def test_the_phone_that_puts_through_is_charged(c: Centre) -> None:
    """By key, blind; by REFER; by consulting: three calls on the account of 1001, none on the trunk's."""
    c.south.on_call = answering(0.5)
    for number, how in enumerate(("key", "refer", "consult"), 1):
        call, agent = await in_talk(c)
        if how == "key":
            c.press("*39911222333#", ANA)
        elif how == "refer":
            agent.refer("9911222333")
        else:
            c.press("*49911222333#", ANA)
            await asyncio.sleep(2)
            agent.hang_up()
        await asyncio.sleep(60)
        assert len(c.switch.media.bridges) == 1
        call.hang_up()
        await asyncio.sleep(2)
        assert usage(c, "endpoint:1001").calls_hour == number
    assert usage(c, "trunk:north").calls_hour == 0
    assert usage(c, "endpoint:1001").seconds_hour > 170
    assert await attempts(c) == [("endpoint:1001", "south", 200)] * 3


ANA = "endpoint:1001"


@told(floor(Toll(enabled=True)))
async def test_a_consultation_goes_on_to_the_next_trunk(c: Centre) -> None:
    call, agent = await in_talk(c)
    c.south.on_call, c.north.on_call = refusing(503), answering(0.5)
    c.press("*49911222333#", ANA)
    await asyncio.sleep(3)
    assert c.live().stage == "talk"
    c.press("*6", ANA)
    await asyncio.sleep(1)
    [mix] = c.switch.media.mixes.values()
    assert len(mix.legs) == 3
    assert await attempts(c) == [("endpoint:1001", "south", 503), ("endpoint:1001", "west", 200)]
    call.hang_up()
    await asyncio.sleep(1)
    agent.hang_up()


@told(floor(Toll(enabled=True)))
async def test_a_consultation_that_no_trunk_takes_comes_back(c: Centre) -> None:
    call, _ = await in_talk(c)
    c.south.on_call = c.north.on_call = refusing(503)
    c.press("*49911222333#", ANA)
    await asyncio.sleep(3)
    assert len(c.switch.media.bridges) == 1
    assert [status for _, _, status in await attempts(c)] == [503, 503]
    c.south.on_call, c.north.on_call = refusing(486), ringing
    c.press("*49911222333#", ANA)
    await asyncio.sleep(3)
    assert len(c.switch.media.bridges) == 1 and len(c.north.calls) == 1, "486 leads nowhere else"
    call.hang_up()


LIMITED = floor(
    Toll(enabled=True, max_call_s=3600),
    endpoint={"1001": fixed("1001", toll=EndpointToll(max_call_s=60))},
)


@told(LIMITED)
async def test_a_call_out_ends_in_time_with_a_reason(c: Centre) -> None:
    c.south.on_call = answering(1.0)
    call = c.phone("1001").call("9911222333")
    await call.answered()
    await call.hung_up()
    cdr = await c.cdr()
    assert (cdr["cause"], cdr["ended_by"], cdr["talk_s"]) == ("call too long", "switch", about(60))
    for peer in (c.south, c.phone("1001")):
        assert peer.requests("BYE")[0].headers.get("Reason") == 'Q.850;cause=31;text="call too long"'


@told(LIMITED)
async def test_who_has_no_limit_of_his_own_and_numbers_that_cost_nothing(c: Centre) -> None:
    c.south.on_call = answering(0.0)
    other = c.phone("1002").call("9911222333")
    service = c.phone("1001").call("9112")
    await service.answered()
    await asyncio.sleep(600)
    assert len(c.switch.parts.manager.calls) == 2
    other.hang_up()
    service.hang_up()


@told(LIMITED)
async def test_a_consultation_that_lasts_too_long_ends_alone(c: Centre) -> None:
    call, _ = await in_talk(c)
    c.south.on_call = answering(0.5)
    c.press("*49911222333#", ANA)
    await asyncio.sleep(30)
    assert c.south.heard("BYE") == 0
    await asyncio.sleep(40)
    assert c.south.heard("BYE") == 1 and len(c.switch.media.bridges) == 1
    call.hang_up()
