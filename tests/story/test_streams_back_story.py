"""Proves what becomes of video, text and fax when a transfer comes to nothing or leads past somebody who has none of it:
with the first party they pass again as before, without a word to anybody; what nobody served keeps its m-line with port 0
and takes that very line when it is offered anew. After each story every description that the switch sent is checked
(`stream_talk.check_descriptions`): one m-line for each, in order, and a version that rises with changes alone.

Does not prove what REFER says (`test_refer_story.py`) nor that packets pass (`tests/interop/test_streams_passed.py`).
"""

import asyncio
from collections.abc import Callable

import pytest
from story_floor import NORTH, PHONES, Centre, centre, fixed, told, trunk
from stream_talk import (
    FAX,
    TEXT,
    VIDEO,
    answer_of,
    answered_last,
    call_of,
    check_descriptions,
    fax_by_callee,
    headings,
    invited,
    leg,
    lines,
    offers_to,
    with_video,
)

from softswitch.config.routes import Route
from softswitch.rtp.commands import SetPeer
from softswitch.sip.events import Referred
from softswitch.sip.sdp import SessionDescription
from softswitch.testing.manners import answering, busy, refusing, ringing
from softswitch.testing.peer_call import PeerCall

BOTH, AUDIO_ONLY = [("audio", True), ("video", True)], [("audio", True), ("video", False)]


def answers_with(
    address: str, *more: str, version: int
) -> Callable[[SessionDescription | None], SessionDescription]:
    return lambda offered: lines(address, *more, version=version)


def still_passing(c: Centre, before: frozenset[frozenset[object]], *calls: PeerCall) -> None:
    """As before the transfer, and nobody was asked for anything."""
    media = c.switch.media
    assert media.passing == before and len(media.passing) == 1
    assert len(media.legs) == 4 and len(media.bridges) == 1
    for call in calls:
        assert offers_to(call) == []


async def over(c: Centre, call: PeerCall, descriptions: int) -> None:
    """The call ends; so many descriptions of the switch were checked."""
    call.hang_up()
    await c.settled()
    assert check_descriptions(c) == descriptions


# --- nobody there -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("manners", ["busy", "declined", "silent"])
def test_a_transfer_that_nobody_takes(manners: str, tmp_path: object) -> None:
    refuse = {"busy": busy, "declined": refusing(603), "silent": ringing}[manners]

    @told()
    async def story(c: Centre) -> None:
        call, other = await with_video(c)
        before = c.switch.media.passing
        c.phone("1003").on_call = refuse
        other.refer("1003")
        if manners == "silent":
            await asyncio.sleep(5)
            assert c.switch.media.passing == frozenset(), "he hears that it rings, and sees nothing"
        assert await other.referred() in (486, 603, 480)
        await asyncio.sleep(1)
        still_passing(c, before, call, other)
        assert [headings(invited(each)) for each in c.phone("1003").calls] == [[("audio", True)]]
        await over(c, call, 3)

    story(tmp_path)


@told()
async def test_a_phone_that_holds_everything_before_it_puts_through(c: Centre) -> None:
    """As phones do: hold, REFER, and the hold taken back when it has failed."""
    call, other = await with_video(c)
    before, two = c.switch.media.passing, PHONES["1002"]
    held = lines(two, VIDEO.format(port=4102) + "a=sendonly\r\n", version=2)
    text = held.serialize().decode().replace("a=sendrecv", "a=sendonly")
    other.reoffer(SessionDescription.parse(text.encode()))
    await asyncio.sleep(1)
    c.phone("1003").on_call = busy
    other.refer("1003")
    assert await other.referred() == 486
    other.reoffer(lines(two, VIDEO.format(port=4102), version=3))
    await asyncio.sleep(2)
    still_passing(c, before, call, other)
    resumed = answered_last(other)
    assert resumed is not None and headings(resumed) == BOTH
    assert [media.direction for media in resumed.media] == ["sendrecv", "sendrecv"]
    assert c.switch.media.told(SetPeer)[-1].send
    await over(c, call, 5)


@told()
async def test_somebody_who_was_consulted_and_left(c: Centre) -> None:
    call, other = await with_video(c)
    before, steering = c.switch.media.passing, c.switch.control.steering
    c.phone("1003").on_call = answering(0.5)
    await steering.consult(c.live().id, "extension:1003", "callee")
    third = await c.phone("1003").next_call()
    await asyncio.sleep(3)
    assert c.switch.media.passing == frozenset()
    await steering.back(c.live().id)
    await third.hung_up()
    await asyncio.sleep(1)
    still_passing(c, before, call, other)
    await over(c, call, 3)


@told(
    centre(
        trunk={"north": trunk(NORTH, refer=True, trusted=True)},
        route={
            "_8.": Route(to="trunk:north", source=("endpoint:*",), strip=1),
            "1002": Route(to="extension:1002", source=("trunk:*",)),
        },
    )
)
async def test_a_trunk_that_will_not_call_itself(c: Centre) -> None:
    c.phone("1002").on_call = answering(0.5, sdp=lines(PHONES["1002"], VIDEO.format(port=4102)))
    call = c.caller("1002", sdp=lines(NORTH, VIDEO.format(port=4002)))
    other = await c.phone("1002").next_call()
    await call.answered()
    await asyncio.sleep(1)
    before = c.switch.media.passing
    other.refer("8911")
    event = await call.until(Referred, patience_s=10.0)
    assert isinstance(event, Referred)
    event.refer.refuse(603)
    call.peer.flush()
    assert await other.referred() == 603
    await asyncio.sleep(1)
    still_passing(c, before, call, other)
    await over(c, call, 2)


@told()
async def test_a_fax_goes_on_where_it_was(c: Centre) -> None:
    there, here = PHONES["1003"], PHONES["1001"]
    call, machine = await fax_by_callee(
        c,
        lines(there, FAX.format(port=4306), audio=None, version=2),
        lines(here, FAX.format(port=4106), audio=None, version=2),
    )
    before = c.switch.media.passing
    c.phone("1002").on_call = busy
    machine.refer("1002")
    assert await machine.referred() == 486
    await asyncio.sleep(1)
    assert c.switch.media.passing == before and len(before) == 1
    assert headings(offers_to(call)[-1]) == [("image", True)], "the one that began it"
    assert len(offers_to(call)) == 1 and offers_to(machine) == []
    call.on_offer = answers_with(here, version=3)
    machine.reoffer(lines(there, version=3))
    await asyncio.sleep(2)
    assert headings(answered_last(machine)) == [("audio", True)]
    await over(c, call, 7)


# --- changes while the two are apart ------------------------------------------------------------------------------------


@told()
async def test_video_that_ends_while_it_rings_elsewhere_is_taken_back_from_the_other_too(c: Centre) -> None:
    call, other = await with_video(c)
    c.phone("1003").on_call = ringing
    other.refer("1003")
    third = await c.phone("1003").next_call()
    await asyncio.sleep(1)
    call.reoffer(lines(PHONES["1001"], VIDEO.format(port=0), version=2))
    await asyncio.sleep(1)
    assert headings(answered_last(call)) == AUDIO_ONLY
    other.on_offer = answers_with(PHONES["1002"], VIDEO.format(port=0), version=2)
    third.reject(486)
    assert await other.referred() == 486
    await asyncio.sleep(1)
    assert headings(offers_to(other)[-1]) == AUDIO_ONLY
    assert c.switch.media.passing == frozenset() and len(c.switch.media.legs) == 2
    other.on_offer = answers_with(PHONES["1002"], VIDEO.format(port=4102), version=3)
    call.reoffer(lines(PHONES["1001"], VIDEO.format(port=4002), version=3))
    await asyncio.sleep(2)
    assert headings(answered_last(call)) == headings(offers_to(other)[-1]) == BOTH
    assert len(c.switch.media.passing) == 1
    await over(c, call, 7)


@told()
async def test_video_offered_while_it_rings_elsewhere_is_refused_in_place_and_taken_later(c: Centre) -> None:
    one, two = PHONES["1001"], PHONES["1002"]
    call, other = await call_of(c, lines(one), lines(two))
    c.phone("1003").on_call = ringing
    other.refer("1003")
    third = await c.phone("1003").next_call()
    await asyncio.sleep(1)
    call.reoffer(lines(one, TEXT.format(port=4004), VIDEO.format(port=4002), version=2))
    await asyncio.sleep(1)
    assert headings(answered_last(call)) == [("audio", True), ("text", False), ("video", False)]
    third.reject(486)
    assert await other.referred() == 486
    other.on_offer = answers_with(two, VIDEO.format(port=4102), version=2)
    call.reoffer(lines(one, TEXT.format(port=0), VIDEO.format(port=4002), version=3))
    await asyncio.sleep(2)
    assert headings(answered_last(call)) == [("audio", True), ("text", False), ("video", True)]
    assert headings(offers_to(other)[-1]) == BOTH, "who never had a line for text gets none"
    assert len(c.switch.media.passing) == 1
    await over(c, call, 6)


@told()
async def test_an_offer_that_is_being_answered_when_the_transfer_begins(c: Centre) -> None:
    """It is refused in place, and who has taken it meanwhile gives it back."""
    one, two = PHONES["1001"], PHONES["1002"]
    call, other = await call_of(c, lines(one), lines(two))
    other.on_offer = lambda offered: None
    call.reoffer(lines(one, VIDEO.format(port=4002), version=2))
    await asyncio.sleep(1)
    c.phone("1003").on_call = ringing
    other.refer("1003")
    third = await c.phone("1003").next_call()
    other.session.accept_reoffer(lines(two, VIDEO.format(port=4102), version=2))
    other.peer.flush()
    await asyncio.sleep(1)
    assert headings(answered_last(call)) == AUDIO_ONLY
    other.on_offer = answers_with(two, VIDEO.format(port=0), version=3)
    third.reject(486)
    assert await other.referred() == 486
    await asyncio.sleep(2)
    assert headings(offers_to(other)[-1]) == AUDIO_ONLY
    assert c.switch.media.passing == frozenset() and len(c.switch.media.legs) == 2
    other.on_offer = answers_with(two, VIDEO.format(port=4102), version=4)
    call.reoffer(lines(one, VIDEO.format(port=4002), version=3))
    await asyncio.sleep(2)
    assert headings(answered_last(call)) == BOTH and len(c.switch.media.passing) == 1
    await over(c, call, 8)


# --- there and back -------------------------------------------------------------------------------------------------------


async def put_through(c: Centre, by: PeerCall, to: str, *more: str) -> PeerCall:
    """To a phone that answers, with more than audio when it is offered that later on."""
    c.phone(to).on_call = answering(0.5)
    by.refer(to)
    reached = await c.phone(to).next_call()
    reached.on_offer = answers_with(PHONES[to], *more, version=2)
    await by.hung_up()
    await asyncio.sleep(2)
    return reached


@told()
async def test_what_the_one_between_refuses_works_again_with_the_first(c: Centre) -> None:
    one = PHONES["1001"]
    call, first = await with_video(c)
    shown = answer_of(call).media[1].port
    call.on_offer = answers_with(one, VIDEO.format(port=0), version=2)
    between = await put_through(c, first, "1003", VIDEO.format(port=0))
    assert headings(offers_to(call)[-1]) == AUDIO_ONLY
    call.reoffer(lines(one, VIDEO.format(port=4002), version=3))
    await asyncio.sleep(2)
    assert headings(offers_to(between)[-1]) == BOTH
    assert headings(answered_last(call)) == AUDIO_ONLY, "who has none refuses it in place"
    assert c.switch.media.passing == frozenset() and len(c.switch.media.legs) == 2
    again = await put_through(c, between, "1002", VIDEO.format(port=4102))
    assert headings(invited(again)) == [("audio", True)]
    call.reoffer(lines(one, VIDEO.format(port=4002), version=4))
    await asyncio.sleep(2)
    answer = answered_last(call)
    assert answer is not None and headings(answer) == BOTH
    assert headings(offers_to(again)[-1]) == BOTH
    assert answer.media[1].port and answer.media[1].port != shown
    assert len(c.switch.media.passing) == 1 and len(c.switch.media.legs) == 4
    told_video = {(each.address, each.port) for each in c.switch.media.told(SetPeer) if each.codec == "rtp"}
    assert (PHONES["1002"], 4102) in told_video and leg(c, "endpoint:1002").streams is not None
    await over(c, call, 9)


@told()
async def test_a_first_party_that_offers_it_itself_gets_the_line_that_was_kept(c: Centre) -> None:
    one, two = PHONES["1001"], PHONES["1002"]
    call, first = await with_video(c)
    call.on_offer = answers_with(one, VIDEO.format(port=0), version=2)
    between = await put_through(c, first, "1003")
    again = await put_through(c, between, "1002")
    call.on_offer = answers_with(one, VIDEO.format(port=4002), version=3)
    again.reoffer(lines(two, TEXT.format(port=0), VIDEO.format(port=4102), version=2))
    await asyncio.sleep(2)
    assert headings(answered_last(again)) == [("audio", True), ("text", False), ("video", True)]
    assert headings(offers_to(call)[-1]) == BOTH, "the caller's second line, as ever"
    assert len(c.switch.media.passing) == 1
    await over(c, call, 7)


@told(centre(endpoint={"1003": fixed("1003", media=("audio",))}))
async def test_the_one_between_who_may_not_is_never_asked(c: Centre) -> None:
    one = PHONES["1001"]
    call, first = await with_video(c)
    call.on_offer = answers_with(one, VIDEO.format(port=0), version=2)
    between = await put_through(c, first, "1003")
    call.reoffer(lines(one, VIDEO.format(port=4002), version=3))
    await asyncio.sleep(1)
    assert headings(answered_last(call)) == AUDIO_ONLY and offers_to(between) == []
    again = await put_through(c, between, "1002", VIDEO.format(port=4102))
    call.reoffer(lines(one, VIDEO.format(port=4002), version=4))
    await asyncio.sleep(2)
    assert headings(answered_last(call)) == BOTH and headings(offers_to(again)[-1]) == BOTH
    await over(c, call, 8)
