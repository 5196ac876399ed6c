"""Proves blind transfers that are handed over to the caller's trunk by REFER (`trunk.refer`): by REFER of a phone, by key
and by order; what the trunk is asked, what the phone hears of it, what CDR, segment and queue's log say; that a refusal
gives the caller back, that a transferor who has left makes the switch dial; and when the trunk is not asked.

The trunk is a stack of ours that says what a test tells it to.
"""

import asyncio
from dataclasses import replace

import pytest
from story_floor import NORTH, SOUTH, Centre, centre, fixed, members, sales, told, trunk

from softswitch.acd.values import AgentState
from softswitch.config.routes import Route
from softswitch.config.schema import Config
from softswitch.config.trunks import Numbers, Toll
from softswitch.sip.events import Referred
from softswitch.sip.refer_server import Refer
from softswitch.testing.manners import answering
from softswitch.testing.peer_call import PeerCall

CUSTOMER, ANA = "trunk:north", "endpoint:1001"
ASKS = {"north": trunk(NORTH, refer=True, trusted=True), "south": trunk(SOUTH)}


def floor(**more: object) -> Config:
    return centre(
        **{
            "trunk": ASKS,
            "route": {"_8.": Route(to="trunk:north", source=("endpoint:*",), strip=1)},
            "endpoint": {"1001": fixed("1001", caller_number="+34951")},
            **sales(members=members("ana")),
            **more,
        }  # type: ignore[arg-type]
    )


FLOOR = floor()


async def in_talk(c: Centre) -> tuple[PeerCall, PeerCall]:
    c.phone("1001").on_call = answering(1.0)
    call = c.caller()
    agent = await c.phone("1001").next_call()
    await asyncio.sleep(3)
    return call, agent


async def asked(call: PeerCall) -> Refer:
    """The REFER that the trunk gets, accepted."""
    event = await call.until(Referred, patience_s=10.0)
    assert isinstance(event, Referred)
    event.refer.accept()
    call.peer.flush()
    return event.refer


def say(call: PeerCall, refer: Refer, *statuses: int) -> None:
    for status in statuses:
        (refer.progress if status < 200 else refer.finish)(status)
    call.peer.flush()


def bridged(c: Centre) -> bool:
    return c.switch.media.bridges == {frozenset((c.leg_of(CUSTOMER), c.leg_of(ANA)))}


@told(FLOOR)
async def test_by_refer_of_the_phone(c: Centre) -> None:
    call, agent = await in_talk(c)
    agent.refer("8555")
    refer = await asked(call)
    request = c.north.requests("REFER")[0]
    assert str(refer.asked.to.uri) == f"sip:555@{NORTH}"
    assert request.headers.get("Referred-By") == "<sip:+34951@192.0.2.1>"
    await asyncio.sleep(1)
    assert c.switch.media.music(c.leg_of(CUSTOMER)) is not None and not c.switch.media.bridges
    say(call, refer, 180)
    await asyncio.sleep(1)
    say(call, refer, 200)
    assert await agent.referred() == 200 and 180 in agent.refer_progress
    await agent.hung_up()
    await call.hung_up()
    cdr = await c.cdr()
    assert (cdr["cause"], cdr["destination"]) == ("handed over", "trunk:north/555")
    [segment] = c.switch.rows("segments")
    assert (segment["ended_by"], segment["transferred_to"]) == ("transfer", "555")
    assert c.log()[-1].startswith("sales|ana|BLINDTRANSFER|555|")
    assert c.south.heard("INVITE") == c.north.heard("INVITE") == 0


@told(FLOOR)
async def test_by_key_and_by_order(c: Centre) -> None:
    call, agent = await in_talk(c)
    c.press("*38555#", ANA)
    say(call, await asked(call), 200)
    await call.hung_up()
    await agent.hung_up()
    await asyncio.sleep(10)
    call, agent = await in_talk(c)
    await c.switch.control.steering.transfer(c.live().id, "trunk:north/777", "")
    refer = await asked(call)
    assert refer.asked.to.uri.user == "777"
    say(call, refer, 200)
    await call.hung_up()
    await c.settled()
    assert [row["cause"] for row in c.switch.cdrs()] == ["handed over"] * 2
    assert c.agent("ana").state is AgentState.WRAP_UP


@pytest.mark.parametrize("how", ["refused", "failed"])
def test_the_caller_is_given_back(how: str, tmp_path: object) -> None:
    @told(FLOOR)
    async def story(c: Centre) -> None:
        call, agent = await in_talk(c)
        agent.refer("8555")
        if how == "refused":
            event = await call.until(Referred)
            assert isinstance(event, Referred)
            event.refer.refuse(603)
            call.peer.flush()
        else:
            say(call, await asked(call), 180, 486)
        assert await agent.referred() == (603 if how == "refused" else 486)
        await asyncio.sleep(1)
        assert bridged(c) and c.switch.media.music(c.leg_of(CUSTOMER)) is None
        assert c.live().forwarded == ()
        call.hang_up()
        cdr = await c.cdr()
        assert (cdr["cause"], cdr["agent"]) == ("normal", "ana")
        [segment] = c.switch.rows("segments")
        assert segment["ended_by"] == "caller"

    story(tmp_path)


@pytest.mark.parametrize("done", [True, False])
def test_the_transferor_does_not_wait(done: bool, tmp_path: object) -> None:
    """Where the trunk then fails, the switch dials the number itself: there is nobody to give the caller back to."""

    @told(FLOOR)
    async def story(c: Centre) -> None:
        c.north.on_call = answering(1.0)
        call, agent = await in_talk(c)
        agent.refer("8555")
        refer = await asked(call)
        agent.hang_up()
        await asyncio.sleep(1)
        assert c.switch.media.music(c.leg_of(CUSTOMER)) == "tone:ringback"
        say(call, refer, 200 if done else 503)
        await asyncio.sleep(3)
        assert len(c.north.calls) == (0 if done else 1)
        if not done:
            call.hang_up()
        cdr = await c.cdr()
        assert cdr["cause"] == ("handed over" if done else "normal")
        first = c.switch.rows("segments", "began")[0]
        assert (first["party"], first["ended_by"]) == (ANA, "transfer")

    story(tmp_path)


@told(FLOOR)
async def test_the_caller_hangs_up_meanwhile(c: Centre) -> None:
    call, agent = await in_talk(c)
    agent.refer("8555")
    await asked(call)
    call.hang_up()
    assert await agent.referred() == 487
    assert (await c.cdr())["ended_by"] == "caller"


@told(FLOOR)
async def test_elsewhere_the_switch_dials_itself(c: Centre) -> None:
    """To a phone, or out through another trunk."""
    call, agent = await in_talk(c)
    c.south.on_call = answering(0.5)
    agent.refer("9555")
    assert await agent.referred() == 200
    assert c.north.heard("REFER") == 0 and c.south.heard("INVITE") == 1
    call.hang_up()


GUARDED = replace(floor(), numbers=Numbers(country="34"), toll=Toll(enabled=True, allowed=("34",)))


@told(GUARDED)
async def test_the_toll_guard_is_asked_for_the_phone(c: Centre) -> None:
    call, agent = await in_talk(c)
    agent.refer("80044201234567")
    assert await agent.referred() == 403
    await asyncio.sleep(0.5)
    assert bridged(c) and c.north.heard("REFER") == 0
    assert c.switch.parts.services.trunking.guard.view(0.0)["endpoint:1001"].refused == 1
    call.hang_up()


@told(FLOOR)
async def test_who_has_put_through_and_left_is_free_while_the_trunk_still_tries(c: Centre) -> None:
    """His talk, segment and wrap-up end with his BYE, not with the trunk's word minutes later."""
    call, agent = await in_talk(c)
    agent.refer("8555")
    refer = await asked(call)
    agent.hang_up()
    await asyncio.sleep(1)
    assert c.agent("ana").state is AgentState.WRAP_UP
    await asyncio.sleep(60)
    assert c.agent("ana").state is AgentState.IDLE
    call.hold()
    call.resume()
    await asyncio.sleep(60)
    say(call, refer, 200)
    await call.hung_up()
    cdr = await c.cdr()
    assert (cdr["cause"], cdr["destination"]) == ("handed over", "trunk:north/555")
    [segment] = c.switch.rows("segments")
    assert (segment["ended_by"], segment["transferred_to"]) == ("transfer", "555")
    assert segment["talk_s"] + segment["hold_s"] < 5 and cdr["hold_s"] == segment["hold_s"]
    [recording] = c.switch.rows("recordings")
    assert recording["state"] == "ended"
    assert sum("BLINDTRANSFER" in line for line in c.log()) == 1
