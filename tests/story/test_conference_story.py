"""Proves conference rooms: the code and who is let in, lock, limit, mute by key and by order, removal, music while alone,
tones, the roster, the recording, hold, and that a room is gone when its last member is.

Does not prove sound; who hears whom is read from the mixes that the fake workers are told.
"""

import asyncio

import pytest
from story_floor import Centre, about, centre, told

from softswitch.api.errors import NotPossible, UnknownThing
from softswitch.config.features import Conference
from softswitch.config.routes import Route
from softswitch.facts import ConferenceJoined, ConferenceLeft
from softswitch.ids import LegId
from softswitch.rtp.commands import Play, RecordLeg
from softswitch.testing.peer_call import PeerCall

ROUTES = {
    "800": Route(to="conference:team"),
    "801": Route(to="conference:board"),
    "802": Route(to="conference:taped"),
}
ROOMS = {
    "team": Conference(max_members=10),
    "board": Conference(pin="2580", admin_pin="99", max_members=3),
    "taped": Conference(record="always", announce=False),
}
CENTRE = centre(conference=ROOMS, route=ROUTES)


async def join(c: Centre, phone: str, number: str = "800") -> PeerCall:
    call = c.phone(phone).call(number)
    await call.answered()
    await asyncio.sleep(0.5)
    return call


def leg(c: Centre, phone: str) -> LegId:
    return c.leg_of(f"endpoint:{phone}")


def said(c: Centre, phone: str) -> list[str]:
    """Prompts that this phone was played, by name."""
    plays = c.switch.media.told(Play, leg(c, phone))
    return [prompt.rpartition("/")[2].removesuffix(".wav") for play in plays for prompt in play.prompts]


@told(CENTRE)
async def test_three_meet_and_leave(c: Centre) -> None:
    media = c.switch.media
    one = await join(c, "1001")
    assert media.music(leg(c, "1001")) is not None and said(c, "1001") == ["conference-alone"]
    two = await join(c, "1002")
    assert media.music(leg(c, "1001")) is None and "tone:beep" in said(c, "1001")
    assert media.bridges == {frozenset((leg(c, "1001"), leg(c, "1002")))}, "two are relayed, not mixed"
    three = await join(c, "1003")
    everybody = {leg(c, name) for name in ("1001", "1002", "1003")}
    assert all(media.hears(each) == everybody - {each} for each in everybody)
    view = c.switch.control.steering.conference("team")
    assert [member.ani for member in view.members] == ["1001", "1002", "1003"]
    one.hang_up()
    await asyncio.sleep(1)
    assert media.bridges == {frozenset((leg(c, "1002"), leg(c, "1003")))} and media.mixes == {}
    two.hang_up()
    await asyncio.sleep(1)
    assert media.music(leg(c, "1003")) is not None
    three.hang_up()
    await c.settled()
    assert [view.members for view in c.switch.control.steering.conferences()] == [(), (), ()]
    rows = c.switch.rows("segments", "began")
    assert {row["party"] for row in rows} == {"conference:team"} and rows[0]["talk_s"] == about(1.5)
    assert [row["destination"] for row in c.switch.cdrs()] == ["conference:team"] * 3
    assert [fact.members for fact in c.switch.happened(ConferenceJoined)] == [1, 2, 3]
    assert [fact.members for fact in c.switch.happened(ConferenceLeft)] == [2, 1, 0]


@told(CENTRE)
async def test_the_code_is_asked_for(c: Centre) -> None:
    first = await join(c, "1001", "801")
    assert said(c, "1001") == ["conference-pin"]
    c.press("2580", "endpoint:1001")
    await asyncio.sleep(1)
    assert not c.switch.control.steering.conference("board").members[0].moderator
    admin = await join(c, "1002", "801")
    c.press("99#", "endpoint:1002")
    await asyncio.sleep(1)
    assert [member.moderator for member in c.switch.control.steering.conference("board").members] == [
        False,
        True,
    ]
    thief = await join(c, "1003", "801")
    for guess in ("0000", "1111", "2222"):
        c.press(guess, "endpoint:1003")
        await asyncio.sleep(0.9)
    assert said(c, "1003")[-1] == "conference-wrong-pin"
    await thief.hung_up()
    c.press("*7", "endpoint:1001")
    await asyncio.sleep(1)
    assert not c.switch.control.steering.conference("board").locked, "he is no moderator"
    c.press("*7", "endpoint:1002")
    late = await join(c, "1003", "801")
    c.press("2580", "endpoint:1003")
    await asyncio.sleep(0.5)
    assert said(c, "1003")[-1] == "conference-locked"
    await late.hung_up()
    c.press("*7", "endpoint:1002")
    again = await join(c, "1003", "801")
    c.press("2580", "endpoint:1003")
    fourth = await join(c, "1004", "801")
    c.press("2580", "endpoint:1004")
    await asyncio.sleep(0.5)
    assert said(c, "1004")[-1] == "conference-full"
    await fourth.hung_up()
    for call in (first, admin, again):
        call.hang_up()
    await c.settled()
    assert not any("2580" in str(row) for row in c.switch.rows("journal") + c.switch.cdrs())


@told(CENTRE)
async def test_mute_lock_and_removal(c: Centre) -> None:
    steering, media = c.switch.control.steering, c.switch.media
    calls = {name: await join(c, name) for name in ("1001", "1002", "1003")}
    members = {member.ani: member.call for member in steering.conference("team").members}
    c.press("*6", "endpoint:1001")
    await asyncio.sleep(1)
    assert media.hears(leg(c, "1002")) == {leg(c, "1003")}
    assert media.hears(leg(c, "1001")) == {leg(c, "1002"), leg(c, "1003")}
    assert said(c, "1001")[-1] == "conference-muted"
    view = await steering.conference_mute("team", members["1001"], False)
    assert not view.members[0].muted and leg(c, "1001") in media.hears(leg(c, "1002"))
    view = await steering.conference_lock("team", True)
    assert view.locked
    late = await join(c, "1004")
    assert said(c, "1004")[-1] == "conference-locked"
    await late.hung_up()
    await steering.conference_kick("team", members["1002"])
    await asyncio.sleep(0.5)
    assert said(c, "1002")[-1] == "conference-removed"
    await calls["1002"].hung_up()
    calls["1001"].hang_up()
    calls["1003"].hang_up()
    await c.settled()
    causes = {row["ani"]: row["cause"] for row in c.switch.cdrs()}
    assert causes["1002"] == "removed from conference"


@told(CENTRE)
async def test_who_holds_is_away_and_no_music_of_his_is_heard(c: Centre) -> None:
    one, two, three = [await join(c, name) for name in ("1001", "1002", "1003")]
    two.hold()
    await asyncio.sleep(1)
    assert c.switch.media.bridges == {frozenset((leg(c, "1001"), leg(c, "1003")))}
    assert c.switch.control.steering.conference("team").members[1].held
    two.resume()
    await asyncio.sleep(1)
    assert len(c.switch.media.hears(leg(c, "1001"))) == 2
    for call in (one, two, three):
        call.hang_up()


@told(CENTRE)
async def test_it_is_recorded_in_the_call_of_the_first_then_of_the_next(c: Centre) -> None:
    one = await join(c, "1001", "802")
    two = await join(c, "1002", "802")
    three = await join(c, "1003", "802")
    assert {told.leg for told in c.switch.media.told(RecordLeg)} == {leg(c, "1002"), leg(c, "1003")}
    assert c.switch.control.steering.conference("taped").recording
    one.hang_up()
    await asyncio.sleep(2)
    two.hang_up()
    three.hang_up()
    await c.settled()
    rows = c.switch.rows("recordings", "began")
    assert [row["state"] for row in rows] == ["ended", "ended"] and len({row["call"] for row in rows}) == 2


@told(CENTRE)
async def test_orders_that_mean_nothing_are_refused(c: Centre) -> None:
    steering = c.switch.control.steering
    with pytest.raises(UnknownThing):
        steering.conference("nowhere")
    with pytest.raises(NotPossible, match="nobody is in"):
        await steering.conference_lock("team", True)
    call = await join(c, "1001")
    with pytest.raises(UnknownThing, match="is not in conference"):
        await steering.conference_kick("team", "nobody")
    call.hang_up()


@told(CENTRE)
async def test_ten_meet(c: Centre) -> None:
    calls = [c.caller("800", user=f"+3460000{number}") for number in range(10)]
    for call in calls:
        await call.answered()
    await asyncio.sleep(1)
    [mix] = c.switch.media.mixes.values()
    assert len(mix.legs) == 10 and all(sum(row) == 9.0 for row in mix.gains)
    eleventh = c.caller("800")
    assert await eleventh.over() == 200
    for call in calls:
        call.hang_up()
