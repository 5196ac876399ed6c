"""Proves that what goes on beside a transfer, a supervision or a conference does not spoil it: a third party who holds and
leaves or whose media is lost, two who steer at once, a supervisor without the right, an agent left alone in the call, a
caller's phone that presses the agent's keys, recordings that meet in a conference, a mask whose recording ends.
"""

import asyncio

import pytest
from story_floor import Centre, centre, fixed, members, sales, told

from softswitch.acd.values import AgentState
from softswitch.api.errors import NotPossible
from softswitch.api.steering_control import SuperviseWish
from softswitch.call.events import CallEvent, LegSilent, MediaLost
from softswitch.call.orders import TakeOverOrdered
from softswitch.config.features import Conference
from softswitch.config.queues import Queue
from softswitch.config.routes import Route
from softswitch.ids import LegId
from softswitch.rtp.commands import PauseRecording, RecordLeg
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


@told(CENTRE)
async def test_a_third_party_without_media_leaves_the_two_together(c: Centre) -> None:
    call, _ = await in_talk(c)
    for lost in (MediaLost, lambda leg: LegSilent(leg, 1000.0)):
        await order(c, "consult", "extension:1003", "")
        await asyncio.sleep(2)
        c.live().post(lost(c.leg_of("endpoint:1003")))
        await asyncio.sleep(1)
        assert talk_again(c)
    c.live().post(MediaLost(c.leg_of(ANA)))
    await call.hung_up()
    assert (await c.cdr())["cause"] == "media failed"


@told(CENTRE)
async def test_a_phone_that_called_a_queue_neither_masks_nor_transfers_its_agent(c: Centre) -> None:
    c.phone("1001").on_call = answering(1.0)
    call = c.phone("1004").call("600")
    await asyncio.sleep(3)
    c.press("*2", "endpoint:1004")
    c.press("*31003#", "endpoint:1004")
    await asyncio.sleep(1)
    assert not c.live().masked and len(c.switch.media.bridges) == 1
    c.press("*2", ANA)
    await asyncio.sleep(1)
    assert c.live().masked
    call.hang_up()


@told(CENTRE)
async def test_a_second_transfer_is_refused_while_the_first_is_carried_out(c: Centre) -> None:
    call, _ = await in_talk(c)
    await order(c, "transfer", "extension:1003", "")
    with pytest.raises(NotPossible):
        await order(c, "transfer", "extension:1004", "")
    await asyncio.sleep(3)
    assert c.live().stage == "talk"
    call.hang_up()


def seats(c: Centre) -> dict[str, dict[int, LegId]]:
    """Recording to who is on which of its tracks, as the media worker was told."""
    found: dict[str, dict[int, LegId]] = {}
    for command in c.switch.media.told(RecordLeg):
        tracks = found.setdefault(command.recording, {})
        tracks.pop(command.track, None)
        if command.leg is not None:
            assert not any(command.leg in each.values() for each in found.values() if each is not tracks)
            tracks[command.track] = command.leg
    return found


@told(CENTRE)
async def test_two_recorded_callers_in_one_conference_are_in_one_recording_and_stay_there(c: Centre) -> None:
    first, _ = await in_talk(c)
    await order(c, "transfer", "conference:team", "")
    await first_alone(c)
    second = c.caller(user="+34600000002")
    await c.phone("1001").next_call()
    await asyncio.sleep(9)
    calls = list(c.switch.parts.manager.calls.values())
    await c.switch.control.steering.transfer(calls[1].id, "conference:team", "")
    await asyncio.sleep(1)
    host, joined = (each.caller.id for each in calls)
    recording = calls[0].figures.recording
    assert recording is not None and joined in seats(c)[recording].values()
    told_before = len(c.switch.media.told(RecordLeg))
    c.switch.media.die()
    await asyncio.sleep(1)
    again = c.switch.media.told(RecordLeg)[told_before:]
    assert [(each.recording, each.leg) for each in again if each.leg == joined] == [(recording, joined)]
    assert host not in [each.leg for each in again], "he is told with the recording"
    first.hang_up()
    second.hang_up()
    await c.settled()
    rows = {row["call"]: row for row in c.switch.rows("recordings") if row["recording"] != recording}
    assert rows[calls[1].id]["state"] == "ended", "the talk before, complete when he joined"


async def first_alone(c: Centre) -> None:
    await asyncio.sleep(1)
    assert [len(room.members) for room in c.switch.control.steering.conferences()] == [1]


@told(CENTRE)
async def test_a_caller_who_puts_his_partner_through_leaves_him_a_channel_of_his_own(c: Centre) -> None:
    c.phone("1002").on_call = c.phone("1003").on_call = answering(0.5)
    caller = c.phone("1004").call("1002")
    await asyncio.sleep(2)
    await c.switch.control.recording_start(c.live().id)
    caller_leg = c.live().caller.id
    await order(c, "transfer", "extension:1003", "caller")
    await asyncio.sleep(2)
    [tracks] = seats(c).values()
    assert tracks == {0: c.leg_of("endpoint:1003")} and caller_leg not in tracks.values()
    assert caller.session.over
    c.phone("1003").calls[0].hang_up()


@told(CENTRE)
async def test_a_mask_outlives_the_recording_that_it_began_in(c: Centre) -> None:
    call, _ = await in_talk(c)
    c.press("*2", ANA)
    c.switch.parts.recordings.end_all("the disk is nearly full")
    await asyncio.sleep(1)
    await c.switch.control.recording_start(c.live().id)
    again = c.switch.media.told(PauseRecording)[-1]
    assert again.masked and again.paused and c.live().masked
    c.press("*2", ANA)
    await asyncio.sleep(1)
    assert not c.switch.media.told(PauseRecording)[-1].paused and not c.live().masked
    call.hang_up()
