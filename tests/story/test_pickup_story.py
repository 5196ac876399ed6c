"""Proves who may answer what rings at another phone, by feature code and by an INVITE that replaces the ringing dialog;
that a phone of the same owner takes a talk over by Replaces, on either side of it; and that nobody else does: forged tags,
another owner, an early dialog of a caller, `early-only` after the answer.

The peers are stacks of ours.
"""

import asyncio
from dataclasses import replace

import pytest
from story_floor import CALLER, Centre, about, centre, members, sales, told

from softswitch.api.errors import NotPossible, UnknownThing
from softswitch.testing.manners import answering, ringing

_PLAIN = centre(**sales(members=members("ana")))
GROUPED = {
    name: replace(_PLAIN.endpoint[name], pickup_groups=("office",)) for name in ("1001", "1002", "1003")
}
CENTRE = centre(**sales(members=members("ana")), endpoint=GROUPED)


def bridged(c: Centre, one: str, other: str) -> bool:
    return c.switch.media.bridges == {frozenset((c.leg_of(one), c.leg_of(other)))}


def early_dialog(c: Centre, phone: str) -> str:
    """What a busy lamp would show of the call that rings at this phone."""
    state = c.phone(phone).calls[-1].session.dialog.state  # type: ignore[union-attr]
    return f"{state.call_id};to-tag={state.remote_tag};from-tag={state.local_tag};early-only"


@pytest.mark.parametrize("dialled", ["*81002", "*8"])
def test_what_rings_at_a_phone_of_the_group(dialled: str, tmp_path: object) -> None:
    @told(CENTRE)
    async def story(c: Centre) -> None:
        c.phone("1002").on_call = ringing
        first = c.phone("1004").call("1002")
        await asyncio.sleep(2)
        picker = c.phone("1003").call(dialled)
        await picker.answered()
        await first.answered()
        await asyncio.sleep(2)
        assert bridged(c, "endpoint:1004", "endpoint:1003")
        assert c.phone("1002").heard("CANCEL") == 1
        first.hang_up()
        await picker.hung_up()
        await c.settled()
        rang, picked = c.switch.cdrs()
        assert (rang["destination"], rang["ended_by"]) == ("agent:eva", "caller")
        assert picked["cause"] == "handed over" and picked["destination"].startswith("pickup:")
        [segment] = c.switch.rows("segments")
        assert (segment["party"], segment["talk_s"]) == ("endpoint:1003", about(2))

    story(tmp_path)


@told(CENTRE)
async def test_a_caller_of_a_queue_is_picked_up(c: Centre) -> None:
    c.phone("1001").on_call = ringing
    call = c.caller()
    await asyncio.sleep(3)
    picker = c.phone("1003").call("*81001")
    await picker.answered()
    await asyncio.sleep(2)
    assert bridged(c, "trunk:north", "endpoint:1003")
    call.hang_up()
    await c.settled()
    [visit] = c.switch.rows("queue_visits")
    assert visit["outcome"] == "withdrawn"
    [segment] = c.switch.rows("segments")
    assert (segment["party"], segment["agent"]) == ("endpoint:1003", "eva")
    assert len(c.switch.rows("recordings")) == 1


@told(CENTRE)
async def test_who_may_not_pick_up_and_when_nothing_rings(c: Centre) -> None:
    c.phone("1002").on_call = ringing
    first = c.phone("1001").call("1002")
    await asyncio.sleep(1)
    assert await c.phone("1004").call("*81002").refused() == 403
    assert await c.phone("1004").call("*8").refused() == 480
    assert await c.phone("1003").call("*81001").refused() == 480
    stranger = c.phone("1004").call("1002", headers=(("Replaces", early_dialog(c, "1002")),))
    assert await stranger.refused() == 403
    first.hang_up()
    await asyncio.sleep(1)
    assert c.phone("1002").heard("CANCEL") == 1


@told(CENTRE)
async def test_a_lamp_picks_up_by_replacing_the_early_dialog(c: Centre) -> None:
    c.phone("1002").on_call = ringing
    first = c.phone("1004").call("1002")
    await asyncio.sleep(2)
    picker = c.phone("1003").call(
        "1002", headers=(("Replaces", early_dialog(c, "1002")), ("Require", "replaces"))
    )
    await picker.answered()
    await asyncio.sleep(1)
    assert bridged(c, "endpoint:1004", "endpoint:1003")
    first.hang_up()


@told(CENTRE)
async def test_the_agents_other_device_takes_the_talk(c: Centre) -> None:
    c.phone("1001").on_call = answering(1.0)
    call = c.caller()
    agent = await c.phone("1001").next_call()
    await asyncio.sleep(3)
    other = c.phone("1001").call("1001", headers=(("Replaces", agent.replaces()),))
    await other.answered()
    await agent.hung_up()
    await asyncio.sleep(2)
    assert bridged(c, "trunk:north", "endpoint:1001")
    call.hang_up()
    await other.hung_up()
    await c.settled()
    assert [row["ended_by"] for row in c.switch.rows("segments", "began")] == ["transfer", "caller"]
    assert len(c.switch.rows("recordings")) == 1


@told(CENTRE)
async def test_the_callers_provider_takes_his_call_elsewhere(c: Centre) -> None:
    """The far side is transferred by its own switch: the talk goes on, with its agent and its recording."""
    c.phone("1001").on_call = answering(1.0)
    call = c.caller()
    await c.phone("1001").next_call()
    await asyncio.sleep(3)
    other = c.north.call("600", user="+34600000009", headers=(("Replaces", call.replaces()),))
    await other.answered()
    await call.hung_up()
    await asyncio.sleep(2)
    assert bridged(c, "trunk:north", "endpoint:1001")
    other.hang_up()
    await c.settled()
    [segment] = c.switch.rows("segments")
    assert (segment["agent"], segment["talk_s"]) == ("ana", about(4))
    assert c.switch.cdrs()[0]["ani"] == CALLER


@told(CENTRE)
async def test_whose_place_cannot_be_taken(c: Centre) -> None:
    c.phone("1002").on_call = answering(1.0)
    first = c.phone("1001").call("1002")
    await first.answered()
    await asyncio.sleep(1)
    callee = c.phone("1002").calls[0]
    for peer, value, status in (
        (c.phone("1003"), callee.replaces(), 403),
        (c.phone("1002"), callee.replaces(early_only=True), 486),
        (c.phone("1002"), callee.replaces() + "x", 481),
        (c.phone("1002"), "nobody;to-tag=a;from-tag=b", 481),
        (c.phone("1002"), "nobody;to-tag=a", 400),
        (c.north, callee.replaces(), 403),
    ):
        assert await peer.call("1002", headers=(("Replaces", value),)).refused() == status, value
    assert bridged(c, "endpoint:1001", "endpoint:1002")
    first.hang_up()


@told(CENTRE)
async def test_an_early_dialog_that_we_did_not_begin(c: Centre) -> None:
    c.phone("1002").on_call = ringing
    first = c.phone("1001").call("1002")
    await asyncio.sleep(1)
    assert await c.phone("1001").call("1002", headers=(("Replaces", first.replaces()),)).refused() == 481
    first.hang_up()


@told(CENTRE)
async def test_by_order_while_it_rings_and_while_he_waits(c: Centre) -> None:
    """`softswitch calls pickup`: the phone rings instead; a caller of a queue is back in it when nobody answers there."""
    c.phone("1002").on_call = ringing
    first = c.phone("1004").call("1002")
    await asyncio.sleep(2)
    c.phone("1003").on_call = answering(1.0)
    steering = c.switch.control.steering
    await steering.pickup(c.live().id, "1003")
    await first.answered()
    await asyncio.sleep(1)
    assert bridged(c, "endpoint:1004", "endpoint:1003") and c.phone("1002").heard("CANCEL") == 1
    with pytest.raises(NotPossible, match="nobody is being rung"):
        await steering.pickup(c.live().id, "1002")
    with pytest.raises(UnknownThing, match="no endpoint"):
        await steering.pickup(c.live().id, "4711")
    first.hang_up()
    await asyncio.sleep(1)

    c.phone("1001").on_call = c.phone("1003").on_call = ringing
    call = c.caller()
    await asyncio.sleep(5)
    await steering.pickup(c.live().id, "1003")
    await asyncio.sleep(1)
    assert c.phone("1001").heard("CANCEL") == 1 and c.waiting() == 0
    c.phone("1003").calls[-1].reject(486)
    await asyncio.sleep(1)
    [waiting] = c.switch.control.queue("sales").callers
    assert waiting.waited_s == about(6)
    call.hang_up()
    await c.settled()
    assert [row["outcome"] for row in c.switch.rows("queue_visits", "entered")] == ["withdrawn", "abandoned"]
