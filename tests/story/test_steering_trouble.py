"""Proves that what goes on beside a transfer, a supervision or a conference does not spoil it: a third party who holds and
leaves, two who steer at once, a supervisor without the right, an agent who is left alone in the call, silence in between.
"""

import asyncio

import pytest
from story_floor import Centre, centre, fixed, members, sales, told

from softswitch.acd.values import AgentState
from softswitch.api.errors import NotPossible
from softswitch.api.steering_control import SuperviseWish
from softswitch.call.events import CallEvent
from softswitch.call.orders import TakeOverOrdered
from softswitch.config.schema import Conference, Queue, Route
from softswitch.rtp.commands import PauseRecording
from softswitch.testing.manners import answering
from softswitch.testing.peer_call import PeerCall

SUPPORT = Queue(members=members("eva"), wrapuptime=5.0, announce_frequency=0.0, record="always")
CENTRE = centre(
    endpoint={"1002": fixed("1002", supervises=("support",)), "1004": fixed("1004", supervises=("*",))},
    queue={"support": SUPPORT, **sales(members=members("ana"))["queue"]},
    conference={"team": Conference(record="always")},
    route={"800": Route(to="conference:team")},
)
CUSTOMER, ANA = "trunk:north", "endpoint:1001"


async def in_talk(c: Centre) -> tuple[PeerCall, PeerCall]:
    """A customer talks to ana, whom he got from queue sales."""
    c.phone("1001").on_call = answering(1.0)
    c.phone("1003").on_call = answering(1.0)
    call = c.caller()
    agent = await c.phone("1001").next_call()
    await asyncio.sleep(3)
    return call, agent


async def order(c: Centre, name: str, *arguments: str) -> None:
    await getattr(c.switch.control.steering, name)(c.live().id, *arguments)


def talk_again(c: Centre) -> bool:
    return c.switch.media.bridges == {frozenset((c.leg_of(CUSTOMER), c.leg_of(ANA)))}


@told(CENTRE)
async def test_a_third_party_that_holds_and_leaves_keeps_nobody_on_hold(c: Centre) -> None:
    call, _ = await in_talk(c)
    for leaves in ("sent back", "hangs up"):
        await order(c, "consult", "extension:1003", "")
        eva = await c.phone("1003").next_call()
        await asyncio.sleep(2)
        eva.hold()
        await asyncio.sleep(1)
        if leaves == "hangs up":
            eva.hang_up()
        else:
            await order(c, "back")
        await asyncio.sleep(1)
        assert talk_again(c) and c.switch.media.music(c.leg_of(CUSTOMER)) is None, leaves
    call.hang_up()


@told(CENTRE)
async def test_the_music_ends_where_a_flow_begins(c: Centre) -> None:
    call, _ = await in_talk(c)
    c.press("*3700#", ANA)
    await asyncio.sleep(1)
    assert c.live().stage == "greet" and c.switch.media.music(c.leg_of(CUSTOMER)) is None
    call.hang_up()


@told(CENTRE)
async def test_a_number_begun_does_not_end_what_somebody_else_has_ordered(c: Centre) -> None:
    call, _ = await in_talk(c)
    c.press("*3", ANA)
    await asyncio.sleep(1)
    await order(c, "consult", "extension:1003", "")
    await asyncio.sleep(25)
    assert c.switch.parts.room.talks[c.live().id].third is not None
    call.hang_up()


@told(CENTRE)
async def test_a_conference_is_recorded_on_in_the_recording_of_who_was_put_into_it(c: Centre) -> None:
    call, _ = await in_talk(c)
    await order(c, "transfer", "conference:team", "")
    other = c.phone("1004").call("800")
    await asyncio.sleep(2)
    assert [told.paused for told in c.switch.media.told(PauseRecording)] == [True, False]
    other.hang_up()
    call.hang_up()
    await c.settled()
    assert len(c.switch.rows("recordings")) == 1


@told(CENTRE)
async def test_a_supervisor_of_another_queue_is_refused_a_call_before_his_phone_rings(c: Centre) -> None:
    call, _ = await in_talk(c)
    wish = SuperviseWish(phone="1002", agent="", call=c.live().id, mode="listen", follow=None)
    with pytest.raises(NotPossible, match="may not hear"):
        await c.switch.control.steering.supervise(wish)
    assert not c.switch.control.steering.supervisions() and not c.phone("1002").calls
    call.hang_up()


@told(CENTRE)
async def test_an_agent_whose_caller_was_led_away_is_not_rung_while_he_waits_himself(c: Centre) -> None:
    call, agent = await in_talk(c)
    await order(c, "transfer", "queue:sales", "caller")
    await call.hung_up()
    await asyncio.sleep(30)
    assert c.agent("ana").state is AgentState.OCCUPIED and c.waiting() == 1
    assert [offer[0] for offer in await c.offers()] == ["ana"], "the first one only"
    agent.hang_up()
    await asyncio.sleep(1)
    assert c.agent("ana").state is AgentState.IDLE


@told(CENTRE)
async def test_a_supervisor_who_hangs_up_as_he_takes_over_leaves_the_agent_there(c: Centre) -> None:
    call, _ = await in_talk(c)
    c.phone("1004").on_call = answering(0.5)
    wish = SuperviseWish(phone="1004", agent="ana", call="", mode="listen", follow=False)
    view = await c.switch.control.steering.supervise(wish)
    supervisor = await c.phone("1004").next_call()
    await asyncio.sleep(2)
    session = c.switch.parts.room.supervisions.find(view.supervision)
    assert session is not None
    deliver, live = session.leg.deliver, c.live()

    def at_once(event: CallEvent) -> None:
        """His key and his BYE come together."""
        live.post(TakeOverOrdered(view.supervision))
        deliver(event)

    session.leg.deliver = at_once
    supervisor.hang_up()
    await asyncio.sleep(1)
    assert talk_again(c) and c.agent("ana").state is AgentState.TALKING
    call.hang_up()
