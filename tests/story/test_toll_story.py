"""Proves who is charged for a call out that begins by a transfer: the phone that puts through, not the trunk that the
caller came by; that its minutes count; consultations that go on to the next trunk, with a row for each try; and
`toll.max_call_s`: a call out ends in time, with a Reason, short numbers and calls of others excepted.

Amounts and destinations as such are proven in `test_story_failover.py` and `tests/config`.
"""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from story_floor import NORTH, SOUTH, Centre, about, centre, fixed, members, sales, told, trunk

from softswitch.call.toll_guard import TollUsage
from softswitch.config.routes import Route
from softswitch.config.schema import Config
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


BLOCKED = floor(Toll(enabled=True, allowed=("34",), blocked=("34803",)))


@told(BLOCKED)
async def test_escaped_digits_are_digits(c: Centre) -> None:
    """`%38` is an 8 (RFC 3261 section 19.1.4), for the guard as for the trunk behind it; what is no number is none."""
    c.south.on_call = answering(0.5)
    for number in (
        *("9+34803123456", "9+34%3803123456", "9%2B34803123456", "9+34%2D803123456"),
        *("9+34;803123456", "9+34*803123456", "9+34%20803123456", "9+34%00803123456", "9+34%250803123456"),
    ):
        call = c.phone("1001").call(number)
        assert (number, await call.over()) == (number, 403)
    for refer_to in ("9+34%3803123456", "9+34%0D%0A803123456", "9+34%40803123456"):
        call, agent = await in_talk(c)
        agent.refer(f"<sip:{refer_to}@192.0.2.1>")
        assert (refer_to, await agent.referred()) == (refer_to, 403)
        call.hang_up()
        await asyncio.sleep(2)
    assert c.south.heard("INVITE") == 0


@told(floor(Toll()))
async def test_no_number_breaks_out_of_the_address_it_is_called_at(c: Centre) -> None:
    """What a phone writes in a Refer-To is data in our INVITE to a trunk: no header, no other host."""
    c.south.on_call = answering(0.5)
    for refer_to in (
        *("9555%0D%0AX-Evil:%20yes", "9555%40198.51.100.66", "9555%3Buser=phone%3Ex", "9555%23", "9%2A21%23"),
        *("9555%20SIP/2.0", "9555%22%3C%3E"),
    ):
        call, agent = await in_talk(c)
        agent.refer(f"<sip:{refer_to}@192.0.2.1>")
        await asyncio.sleep(2)
        call.hang_up()
        await asyncio.sleep(2)
        invite = c.south.calls[-1].invite
        assert invite.headers.get("X-Evil") is None and invite.uri.host == SOUTH
        assert str(invite.uri) == str(invite.to.uri)
    assert c.south.calls[3].invite.uri.user == "555%23" and c.south.calls[4].invite.uri.user == "*21%23"
    assert len(c.south.calls) == 7


@told(floor(Toll(enabled=True, max_call_s=600)))
async def test_a_restart_forgets_neither_who_pays_nor_since_when(c: Centre) -> None:
    """Nor who has put the caller through."""
    c.south.on_call = answering(0.5)
    call, agent = await in_talk(c)
    agent.refer("9911222333")
    assert await agent.referred() == 200
    await asyncio.sleep(400)
    await c.restart()
    await asyncio.sleep(1)
    guard = c.switch.parts.services.trunking.guard
    assert (guard.running(ANA), guard.running("trunk:north")) == (1, 0)
    assert c.live().forwarded[-1].number == "1001"
    await call.hung_up()
    cdr = await c.cdr()
    assert cdr["cause"] == "call too long"
    assert cdr["ended"] - c.switch.rows("segments", "began")[-1]["began"] == about(600)


@pytest.mark.parametrize("how", ["refer", "keys"])
def test_a_trunk_that_fails_after_the_transferor_has_left_is_not_the_last(how: str, tmp_path: Path) -> None:
    """Phones say BYE right behind their REFER; the group is tried on for the caller, and each try is written down."""

    @told(floor(Toll(enabled=True)))
    async def story(c: Centre) -> None:
        def slow_503(there: PeerCall) -> None:
            asyncio.get_running_loop().call_later(2.0, there.reject, 503)

        call, agent = await in_talk(c)
        c.south.on_call, c.north.on_call = slow_503, answering(0.5)
        if how == "refer":
            agent.refer("9911222333")
        else:
            c.press("*49911222333#", ANA)
        await asyncio.sleep(0.5)
        agent.hang_up()
        await asyncio.sleep(5)
        assert c.live().stage == "talk" and len(c.switch.media.bridges) == 1
        assert usage(c, ANA).calls_hour == 1
        call.hang_up()
        assert await attempts(c) == [(ANA, "south", 503), (ANA, "west", 200)]

    story(tmp_path)


@told(floor(Toll(enabled=True)))
async def test_when_no_trunk_takes_it_after_the_transferor_has_left_he_waits_again(c: Centre) -> None:
    call, agent = await in_talk(c)
    c.phone("1001").on_call = ringing
    c.south.on_call = c.north.on_call = refusing(503)
    agent.refer("9911222333")
    agent.hang_up()
    await asyncio.sleep(3)
    assert c.waiting() == 1
    assert [status for _, _, status in await attempts(c)] == [503, 503]
    call.hang_up()
