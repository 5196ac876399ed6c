"""Proves that nobody is left ringing when the control process is killed: a caller who was not answered gets his final
response from the next one, phones that rang get CANCEL and their 487 is acknowledged, a 2xx that came meanwhile is
acknowledged and hung up; so are supervisors whom the switch has rung; one CDR each, closed as ever.

Does not prove it of calls less than a tenth of a second old, nor of connections, which die with the process.
"""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from story_floor import SOUTH, Centre, centre, fixed, told, trunk

from softswitch.api.steering_control import SuperviseWish
from softswitch.call.farewell import is_answered, read_open
from softswitch.sip.events import Cancelled, HungUp
from softswitch.testing.manners import answering, ringing
from softswitch.testing.peer_call import PeerCall


@told()
async def test_the_caller_is_told_and_the_phone_rings_no_more(c: Centre) -> None:
    c.phone("1002").on_call = ringing
    call = c.phone("1001").call("1002")
    rung = await c.phone("1002").next_call()
    await asyncio.sleep(2)
    assert call.progress == [180]
    await c.restart()
    assert await call.refused() == 503
    assert isinstance(await rung.until(Cancelled), Cancelled)
    await asyncio.sleep(5)
    caller, callee = c.phone("1001"), c.phone("1002")
    assert caller.heard("503 INVITE") == 1 and caller.sent("ACK") == 1, "its ACK is known to be meant"
    assert callee.heard("CANCEL") == 1 and callee.sent("487 INVITE") == 1 and callee.heard("ACK") == 1
    cdr = await c.cdr()
    assert (cdr["ended_by"], cdr["cause"], cdr["answered"]) == ("crash", "crash", None)
    assert c.switch.rows("snapshots") == []


@told()
async def test_an_answer_that_nobody_heard_is_hung_up(c: Centre) -> None:
    """It is repeated until somebody acknowledges it; two contacts of a phone are not needed for that."""
    c.phone("1002").on_call = ringing
    call = c.phone("1001").call("1002")
    rung = await c.phone("1002").next_call()
    await asyncio.sleep(1)
    restarting = asyncio.create_task(c.restart(down_s=3.0))
    await asyncio.sleep(1)
    rung.answer()
    await restarting
    assert await call.refused() == 503
    assert isinstance(await rung.until(HungUp), HungUp)
    assert c.phone("1002").heard("ACK") >= 1
    await c.settled()


@told()
async def test_a_caller_who_gives_up_while_nobody_listens(c: Centre) -> None:
    c.phone("1002").on_call = ringing
    call = c.phone("1001").call("1002")
    rung = await c.phone("1002").next_call()
    await asyncio.sleep(1)
    restarting = asyncio.create_task(c.restart(down_s=3.0))
    await asyncio.sleep(1)
    call.hang_up()
    await restarting
    await rung.until(Cancelled)
    await asyncio.sleep(40)
    caller = c.phone("1001")
    assert caller.heard("503 INVITE") == 1
    assert caller.heard("200 CANCEL") == 1 and caller.heard("481 CANCEL") == 0
    await c.settled()


@told()
async def test_an_agents_phone_rings_anew_for_the_caller_who_waits(c: Centre) -> None:
    c.phone("1001").on_call = ringing
    call = c.caller()
    first = await c.phone("1001").next_call()
    await asyncio.sleep(2)
    c.phone("1001").on_call = c.phone("1002").on_call = answering(0.5)
    await c.restart()
    await first.until(Cancelled)
    await asyncio.sleep(10)
    assert c.live().stage == "talk"
    call.hang_up()
    cdr = await c.cdr()
    assert (cdr["ended_by"], cdr["cause"]) == ("caller", "normal")


@told()
async def test_who_is_consulted_and_rings_is_cancelled(c: Centre) -> None:
    c.phone("1001").on_call = answering(0.5)
    c.phone("1003").on_call = ringing
    call = c.caller()
    await c.phone("1001").next_call()
    await asyncio.sleep(3)
    await c.switch.control.steering.consult(c.live().id, "extension:1003", "")
    third = await c.phone("1003").next_call()
    await asyncio.sleep(1)
    await c.restart()
    await third.until(Cancelled)
    await asyncio.sleep(1)
    assert len(c.switch.media.bridges) == 1, "the two talk"
    call.hang_up()
    await c.cdr()


def announcing(call: PeerCall) -> None:
    """A carrier with more than one provisional to be acknowledged."""
    call.ring(183, early=True)
    asyncio.get_running_loop().call_later(0.3, call.ring)
    asyncio.get_running_loop().call_later(0.6, call.ring, 181)


@told(centre(trunk={"south": trunk(SOUTH, reliable_provisionals="required")}))
async def test_an_answer_after_many_pracks_is_hung_up_in_their_order(c: Centre) -> None:
    """A BYE with a number that a PRACK had before is refused, and the call would be paid for until somebody notices."""
    c.south.on_call = announcing
    call = c.phone("1001").call("9555")
    rung = await c.south.next_call()
    await asyncio.sleep(2)
    assert c.south.heard("PRACK") == 3
    restarting = asyncio.create_task(c.restart(down_s=3.0))
    await asyncio.sleep(2.8)
    rung.answer()
    await restarting
    assert await call.refused() == 503
    assert isinstance(await rung.until(HungUp, patience_s=30), HungUp)
    assert c.south.sent("500 BYE") == 0
    await c.settled()


@told()
async def test_a_registered_phone_is_hung_up_where_it_is_whatever_its_contact_says(c: Centre) -> None:
    """As without a kill: neither is it left in the call, nor is anybody sent what he never asked for."""
    phone, elsewhere = c.phone("1005"), "203.0.113.99"
    assert await phone.sign_in() == 200
    phone.local_address = lambda destination: (elsewhere, 5060)  # type: ignore[method-assign]
    phone.on_call = ringing
    call = c.phone("1001").call("1005")
    rung = await phone.next_call()
    await asyncio.sleep(2)
    restarting = asyncio.create_task(c.restart(down_s=3.0))
    await asyncio.sleep(2.8)
    rung.answer()
    await restarting
    assert await call.refused() == 503
    assert isinstance(await rung.until(HungUp, patience_s=30), HungUp)
    assert all(packet.receiver.address != elsewhere for packet in c.network.packets)
    await c.settled()


SUPERVISED = centre(endpoint={"1004": fixed("1004", supervises=("*",))})


async def supervised(c: Centre, manner: Callable[[PeerCall], None]) -> tuple[PeerCall, PeerCall]:
    """A customer talks to ana, and the supervisor's phone is rung for it."""
    c.phone("1001").on_call = answering(0.5)
    call = c.caller()
    await asyncio.sleep(2)
    c.phone("1004").on_call = manner
    await c.switch.control.steering.supervise(SuperviseWish(phone="1004", agent="ana"))
    boss = await c.phone("1004").next_call()
    await asyncio.sleep(2)
    return call, boss


@told(SUPERVISED)
async def test_a_supervisor_who_listens_is_hung_up(c: Centre) -> None:
    """His leg is no call's; without a word he would listen to nothing."""
    call, boss = await supervised(c, answering(0.5))
    assert len(c.switch.media.mixes) == 1
    await c.restart()
    assert isinstance(await boss.until(HungUp, patience_s=5), HungUp)
    assert c.phone("1004").heard("CANCEL") == 0 and c.phone("1004").heard("BYE") == 1
    assert c.live().stage == "talk" and len(c.switch.media.bridges) == 1
    call.hang_up()
    assert (await c.cdr())["cause"] == "normal"


@told(SUPERVISED)
async def test_a_supervisor_whose_phone_rings_is_cancelled(c: Centre) -> None:
    call, boss = await supervised(c, ringing)
    await c.restart()
    assert isinstance(await boss.until(Cancelled, patience_s=5), Cancelled)
    call.hang_up()
    assert (await c.cdr())["cause"] == "normal"


@pytest.mark.parametrize("after_s", [0.3, 2.0])
def test_a_supervisor_who_has_taken_over_is_not_hung_up(after_s: float, tmp_path: Path) -> None:
    @told(SUPERVISED)
    async def story(c: Centre) -> None:
        call, boss = await supervised(c, answering(0.5))
        [row] = c.switch.rows("farewells")
        assert [each.direction for each in read_open(row["data"])] == ["out"]
        c.press("9", "endpoint:1004")
        await asyncio.sleep(after_s)
        assert len(c.switch.rows("farewells")) == (after_s < 1)
        await c.restart()
        await asyncio.sleep(2)
        assert not boss.session.over and not call.session.over
        boss.hang_up()
        await c.cdr()

    story(tmp_path)


@told()
async def test_the_row_holds_no_secret_and_no_description(c: Centre) -> None:
    c.phone("1002").on_call = ringing
    call = c.phone("1001").call("1002", headers=(("Authorization", 'Digest username="a", response="feed"'),))
    await c.phone("1002").next_call()
    await asyncio.sleep(2)
    [row] = c.switch.rows("snapshots")
    assert not is_answered(row["data"])
    invites = read_open(row["data"])
    assert [each.direction for each in invites] == ["in", "out"]
    assert all("feed" not in each.head and "m=audio" not in each.head for each in invites)
    call.hang_up()
    await c.settled()


@pytest.mark.parametrize("text", ['{"open": [{}]}', '{"open": 7}', "[]", '{"open": [{"peer": {"x": 1}}]}'])
def test_what_cannot_be_read_says_so(text: str) -> None:
    with pytest.raises((ValueError, TypeError, KeyError, AttributeError)):
        read_open(json.dumps(json.loads(text)))
