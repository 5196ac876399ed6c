"""Proves that video, text and fax cross the switch as RFC 3264 wants it: offered to the other side where both may, with our
address and ports of their own, joined at the media worker, refused in place where nobody serves them, and never an m-line
more or less than was told; fax in the place of audio and back by re-INVITE; holds, refreshes, transfers, SRTP policies, two
offers that meet, a worker that dies; rows and views; nothing left behind.

That a worker passes datagrams on as they came is proved in `tests/rtp/test_opaque_legs.py` and `tests/interop`.
"""

import asyncio

from story_floor import NORTH, PHONES, SWITCH, Centre, about, centre, fixed, told
from stream_talk import (
    FAX,
    TEXT,
    UNKNOWN,
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
    opaque,
    with_video,
)

from softswitch.facts import CallHeld
from softswitch.rtp.commands import SetPeer
from softswitch.sip.events import ReofferRefused
from softswitch.sip.sdp import SessionDescription
from softswitch.testing.manners import answering
from softswitch.testing.peer_call import PeerCall

# --- a call begins ------------------------------------------------------------------------------------------------------


@told()
async def test_video_is_offered_on_text_refused_and_the_unknown_answered_in_place(c: Centre) -> None:
    offer = lines(PHONES["1001"], VIDEO.format(port=4002), UNKNOWN, TEXT.format(port=4004))
    answer = lines(PHONES["1002"], VIDEO.format(port=4102), TEXT.format(port=0))
    call, other = await call_of(c, offer, answer)
    shown = invited(other)
    assert headings(shown) == [("audio", True), ("video", True), ("text", True)]
    video = shown.media[1]
    assert video.formats == ("96",) and video.port not in (4002, shown.media[0].port)
    assert shown.connection_of(video).address == SWITCH
    assert [line.value for line in video.lines if line.type == "b"] == ["AS:512"]
    assert list(video.attributes("fmtp")) == ["96 profile-level-id=42e01f"]
    assert not video.has("candidate"), "an address of the caller leads past us"
    back = answer_of(call)
    assert headings(back) == [("audio", True), ("video", True), ("application", False), ("text", False)]
    assert back.media[1].port not in (4102, video.port)
    media = c.switch.media
    assert len(opaque(c)) == 4, "a port pair for each end of what was offered"
    assert len(media.passing) == 1 and len(media.legs) == 4, "what was refused has given its ports back"
    places = {(peer.address, peer.port, peer.codec) for peer in media.told(SetPeer) if peer.codec == "rtp"}
    assert places == {(PHONES["1001"], 4002, "rtp"), (PHONES["1002"], 4102, "rtp")}
    detail = await c.switch.control.call(c.live().id)
    assert [view.codec for view in detail.legs] == ["PCMU", "video H264", "PCMU", "video H264"]
    assert {view.state for view in detail.legs if view.codec == "video H264"} == {"passed on"}
    call.hang_up()
    await c.cdr()
    rows = c.switch.rows("legs", "codec, party")
    assert [(row["party"], row["codec"]) for row in rows if row["codec"] != "PCMU"] == [
        ("endpoint:1001", "video H264"),
        ("endpoint:1002", "video H264"),
    ]


@told()
async def test_who_cannot_refuses_in_place(c: Centre) -> None:
    offer = lines(PHONES["1001"], VIDEO.format(port=4002))
    call, _ = await call_of(c, offer, lines(PHONES["1002"], VIDEO.format(port=0)))
    assert headings(answer_of(call)) == [("audio", True), ("video", False)]
    assert c.switch.media.passing == frozenset() and len(c.switch.media.legs) == 2
    call.hang_up()
    await c.settled()


@told(centre(endpoint={"1002": fixed("1002", media=("audio", "fax"))}))
async def test_who_may_not_is_never_asked(c: Centre) -> None:
    offer = lines(PHONES["1001"], VIDEO.format(port=4002))
    call, other = await call_of(c, offer, lines(PHONES["1002"]))
    assert headings(invited(other)) == [("audio", True)]
    assert headings(answer_of(call)) == [("audio", True), ("video", False)]
    assert opaque(c) == []
    call.hang_up()
    await c.settled()


@told()
async def test_an_audio_call_opens_nothing_more(c: Centre) -> None:
    call, _ = await call_of(c, lines(PHONES["1001"]), lines(PHONES["1002"]))
    assert opaque(c) == [] and leg(c, "endpoint:1001").streams is None
    call.hang_up()
    await c.settled()


@told()
async def test_a_queue_serves_audio_alone_and_keeps_the_lines(c: Centre) -> None:
    c.phone("1001").on_call = answering(1.0)
    call = c.caller(sdp=lines(NORTH, VIDEO.format(port=4002)))
    agent = await c.phone("1001").next_call()
    await asyncio.sleep(3)
    assert headings(answer_of(call)) == [("audio", True), ("video", False)]
    assert headings(invited(agent)) == [("audio", True)]
    call.on_offer = lambda offer: lines(NORTH, VIDEO.format(port=0), version=9)
    c.switch.media.die()  # so that the caller is offered a new port
    await asyncio.sleep(2)
    assert [headings(offer) for offer in offers_to(call)] == [[("audio", True), ("video", False)]]
    call.hang_up()
    await c.settled()


@told()
async def test_an_early_answer_settles_the_video_too(c: Centre) -> None:
    answer = lines(PHONES["1002"], VIDEO.format(port=4102))

    def early(call: PeerCall) -> None:
        call.session.ring(183, answer)
        asyncio.get_running_loop().call_later(1.0, call.answer, answer)

    c.phone("1002").on_call = early
    call = c.phone("1001").call("1002", sdp=lines(PHONES["1001"], VIDEO.format(port=4002)))
    await call.answered()
    assert headings(answer_of(call)) == [("audio", True), ("video", True)]
    await asyncio.sleep(1)
    assert len(c.switch.media.passing) == 1
    call.hang_up()
    await c.settled()


# --- fax ----------------------------------------------------------------------------------------------------------------


@told()
async def test_fax_takes_the_place_of_audio_and_gives_it_back(c: Centre) -> None:
    there, here = PHONES["1003"], PHONES["1001"]
    call, machine = await fax_by_callee(
        c,
        lines(there, FAX.format(port=4306), audio=None, version=2),
        lines(here, FAX.format(port=4106), audio=None, version=2),
    )
    (offered,) = offers_to(call)
    assert headings(offered) == [("image", True)] and offered.media[0].protocol == "udptl"
    assert list(offered.media[0].attributes("T38FaxUdpEC")) == ["t38UDPRedundancy"]
    assert headings(answered_last(machine)) == [("image", True)]
    media = c.switch.media
    assert len(media.passing) == 1
    told_fax = {(each.address, each.port) for each in media.told(SetPeer) if each.codec == "udptl"}
    assert told_fax == {(there, 4306), (here, 4106)}
    assert not media.peer(leg(c, "endpoint:1001").id).send, "audio rests"
    assert c.switch.happened(CallHeld) == [], "which is no hold"
    await asyncio.sleep(100)  # longer than silence is borne with
    assert c.live().stage == "talk"
    call.on_offer = lambda offered: lines(here, version=3)
    machine.reoffer(lines(there, version=3))
    await asyncio.sleep(2)
    assert headings(offers_to(call)[-1]) == [("audio", True)]
    assert headings(answered_last(machine)) == [("audio", True)]
    assert media.passing == frozenset() and len(media.legs) == 2
    assert media.peer(leg(c, "endpoint:1001").id).send and len(media.bridges) == 1
    call.hang_up()
    assert (await c.cdr())["hold_s"] == about(0)
    rows = [row["party"] for row in c.switch.rows("legs", "party") if row["codec"] == "T.38"]
    assert rows == ["endpoint:1001", "endpoint:1003"]


@told()
async def test_fax_beside_an_audio_line_of_port_0(c: Centre) -> None:
    """The other way to say it: the line stays and a second one comes; each side keeps its own count."""
    there, here = PHONES["1003"], PHONES["1001"]
    call, machine = await fax_by_callee(
        c,
        lines(there, FAX.format(port=4306), audio=0, version=2),
        lines(here, FAX.format(port=4106), audio=0, version=2),
    )
    assert headings(offers_to(call)[0]) == [("audio", False), ("image", True)]
    assert headings(answered_last(machine)) == [("audio", False), ("image", True)]
    call.on_offer = lambda offered: lines(here, FAX.format(port=0), version=3)
    machine.reoffer(lines(there, FAX.format(port=0), version=3))
    await asyncio.sleep(2)
    assert headings(offers_to(call)[-1]) == [("audio", True), ("image", False)]
    assert headings(answered_last(machine)) == [("audio", True), ("image", False)]
    machine.hang_up()
    await c.settled()


@told()
async def test_fax_that_is_refused_leaves_all_as_it_was(c: Centre) -> None:
    call, machine = await fax_by_callee(
        c, lines(PHONES["1003"], FAX.format(port=4306), audio=None, version=2), 488
    )
    refusal = await machine.until(ReofferRefused)
    assert isinstance(refusal, ReofferRefused) and refusal.status == 488
    media = c.switch.media
    assert media.passing == frozenset() and len(media.legs) == 2 and len(media.bridges) == 1
    call.on_offer = None
    call.hold()
    await asyncio.sleep(1)
    call.resume()
    await asyncio.sleep(1)
    assert len(media.bridges) == 1
    call.hang_up()
    await c.settled()


@told(centre(endpoint={"1001": fixed("1001", media=("audio",))}))
async def test_fax_to_whom_may_not_have_it_is_488_and_he_hears_nothing_of_it(c: Centre) -> None:
    call, machine = await fax_by_callee(
        c, lines(PHONES["1003"], FAX.format(port=4306), audio=None, version=2), 488
    )
    assert isinstance(await machine.until(ReofferRefused), ReofferRefused)
    assert offers_to(call) == []
    call.hang_up()
    await c.settled()


@told()
async def test_two_offers_that_meet_do_not_block_each_other(c: Centre) -> None:
    here, there = PHONES["1001"], PHONES["1003"]
    c.phone("1003").on_call = answering(0.5)
    call = c.phone("1001").call("1003")
    machine = await c.phone("1003").next_call()
    await call.answered()
    await asyncio.sleep(2)
    call.on_offer = lambda offered: lines(here, FAX.format(port=4106), audio=None, version=3)
    machine.on_offer = lambda offered: lines(there, FAX.format(port=4306), audio=None, version=3)
    call.reoffer(lines(here, FAX.format(port=4106), audio=None, version=2))
    machine.reoffer(lines(there, FAX.format(port=4306), audio=None, version=2))
    await asyncio.sleep(20)
    assert len(c.switch.media.passing) == 1 and len(c.switch.media.legs) == 4
    call.hang_up()
    await c.settled()


@told()
async def test_a_call_that_ends_while_an_offer_crosses_leaves_nothing(c: Centre) -> None:
    c.phone("1003").on_call = answering(0.5)
    call = c.phone("1001").call("1003")
    call.on_offer = lambda offered: None  # never answers
    machine = await c.phone("1003").next_call()
    await call.answered()
    await asyncio.sleep(2)
    machine.reoffer(lines(PHONES["1003"], FAX.format(port=4306), audio=None, version=2))
    await asyncio.sleep(1)
    assert len(c.switch.media.legs) == 4
    machine.hang_up()
    await c.settled()


# --- a call with video --------------------------------------------------------------------------------------------------


@told()
async def test_a_hold_of_all_streams_keeps_its_lines(c: Centre) -> None:
    call, other = await with_video(c)
    media = c.switch.media
    held = lines(PHONES["1001"], VIDEO.format(port=4002) + "a=sendonly\r\n", version=2)
    text = held.serialize().decode().replace("a=sendrecv", "a=sendonly")
    call.reoffer(SessionDescription.parse(text.encode()))
    await asyncio.sleep(2)
    answer = answered_last(call)
    assert answer is not None and headings(answer) == [("audio", True), ("video", True)]
    assert [media_.direction for media_ in answer.media] == ["recvonly", "recvonly"]
    assert offers_to(other) == [], "a hold is this side's own business"
    assert not media.told(SetPeer)[-1].send
    call.reoffer(lines(PHONES["1001"], VIDEO.format(port=4002), version=3))
    await asyncio.sleep(2)
    resumed = answered_last(call)
    assert resumed is not None and [each.direction for each in resumed.media] == ["sendrecv", "sendrecv"]
    assert len(media.passing) == 1
    call.hang_up()
    assert (await c.cdr())["hold_s"] == about(2)


@told()
async def test_video_comes_and_goes_in_a_running_call(c: Centre) -> None:
    one, two = PHONES["1001"], PHONES["1002"]
    call, other = await call_of(c, lines(one), lines(two))
    other.on_offer = lambda offered: lines(two, VIDEO.format(port=4102), version=2)
    call.reoffer(lines(one, VIDEO.format(port=4002), version=2))
    await asyncio.sleep(2)
    assert headings(answered_last(call)) == [("audio", True), ("video", True)]
    assert len(c.switch.media.passing) == 1 and len(c.switch.media.bridges) == 1
    call.on_offer = lambda offered: lines(one, VIDEO.format(port=0), version=3)
    other.reoffer(lines(two, VIDEO.format(port=0), version=3))
    await asyncio.sleep(2)
    assert headings(offers_to(call)[-1]) == [("audio", True), ("video", False)]
    assert c.switch.media.passing == frozenset() and len(c.switch.media.legs) == 2
    call.hang_up()
    await c.settled()


@told()
async def test_a_line_that_was_answered_with_what_cannot_be_used_stays(c: Centre) -> None:
    """The far side forgets a line in its answer to two: what puts that right has two as well (RFC 3264 section 8)."""
    one, two = PHONES["1001"], PHONES["1002"]
    call, other = await call_of(c, lines(one), lines(two))
    answers = iter((lines(two, version=2), lines(two, VIDEO.format(port=0), version=3)))
    other.on_offer = lambda offered: next(answers)
    call.reoffer(lines(one, VIDEO.format(port=4002), version=2))
    await asyncio.sleep(3)
    assert [headings(offer) for offer in offers_to(other)] == [
        [("audio", True), ("video", True)],
        [("audio", True), ("video", False)],
    ]
    assert headings(answered_last(call)) == [("audio", True), ("video", False)]
    assert c.switch.media.passing == frozenset() and len(c.switch.media.legs) == 2
    call.hang_up()
    await c.settled()
    check_descriptions(c)


@told()
async def test_a_transfer_to_who_has_none_takes_video_back_and_keeps_the_line(c: Centre) -> None:
    call, other = await with_video(c)
    call.on_offer = lambda offered: lines(PHONES["1001"], VIDEO.format(port=0), version=5)
    c.phone("1003").on_call = answering(0.5)
    other.refer("1003")
    third = await c.phone("1003").next_call()
    await asyncio.sleep(5)
    assert headings(invited(third)) == [("audio", True)]
    assert headings(offers_to(call)[-1]) == [("audio", True), ("video", False)]
    assert c.switch.media.passing == frozenset() and len(c.switch.media.bridges) == 1
    assert len(c.switch.media.legs) == 2
    call.hang_up()
    await c.settled()


@told()
async def test_a_transfer_to_a_queue_takes_video_back(c: Centre) -> None:
    call, other = await with_video(c)
    call.on_offer = lambda offered: lines(PHONES["1001"], VIDEO.format(port=0), version=5)
    other.refer("600")
    await asyncio.sleep(5)
    assert headings(offers_to(call)[-1]) == [("audio", True), ("video", False)]
    assert c.switch.media.passing == frozenset()
    call.hang_up()
    await c.settled()


@told()
async def test_a_request_without_an_offer_is_given_all_streams(c: Centre) -> None:
    """And both ends of a video move when their media worker dies."""
    call, other = await with_video(c)
    call.on_offer = lambda offered: lines(PHONES["1001"], VIDEO.format(port=4002), version=4)
    other.on_offer = lambda offered: lines(PHONES["1002"], VIDEO.format(port=4102), version=4)
    before = answer_of(call).media[1].port
    c.switch.media.die()
    await asyncio.sleep(3)
    for peer in (call, other):
        moved = offers_to(peer)[-1]
        assert headings(moved) == [("audio", True), ("video", True)]
    assert offers_to(call)[-1].media[1].port != before
    call.hang_up()
    await c.settled()


@told()
async def test_streams_go_on_when_the_control_process_is_killed(c: Centre) -> None:
    call, other = await with_video(c)
    ports = {each.media[1].port for each in (answer_of(call), invited(other))}
    passing = c.switch.media.passing
    await c.restart()
    await asyncio.sleep(1)
    assert c.switch.media.passing == passing and len(c.switch.media.legs) == 4
    assert offers_to(call) == offers_to(other) == [], "nobody hears of it"
    call.reoffer(lines(PHONES["1001"], VIDEO.format(port=4002), version=2))
    await asyncio.sleep(1)
    again = answered_last(call)
    assert again is not None and headings(again) == [("audio", True), ("video", True)]
    assert again.media[1].port in ports
    call.hang_up()
    await c.settled()


@told()
async def test_streams_whose_worker_dies_too_end_and_keep_their_lines(c: Centre) -> None:
    call, other = await with_video(c)
    for peer, phone in ((call, "1001"), (other, "1002")):
        peer.on_offer = lambda offered, phone=phone: lines(PHONES[phone], VIDEO.format(port=0), version=7)  # type: ignore[misc]
    await c.restart(worker_too=True)
    await asyncio.sleep(3)
    for peer in (call, other):
        assert headings(offers_to(peer)[-1]) == [("audio", True), ("video", False)]
    assert len(c.switch.media.bridges) == 1 and len(c.switch.media.legs) == 2
    call.hang_up()
    await c.settled()


@told()
async def test_a_fax_goes_on_when_the_control_process_is_killed_and_gives_audio_back(c: Centre) -> None:
    there, here = PHONES["1003"], PHONES["1001"]
    call, machine = await fax_by_callee(
        c,
        lines(there, FAX.format(port=4306), audio=None, version=2),
        lines(here, FAX.format(port=4106), audio=None, version=2),
    )
    await c.restart()
    await asyncio.sleep(1)
    assert len(c.switch.media.passing) == 1
    call.on_offer = lambda offered: lines(here, version=3)
    machine.reoffer(lines(there, version=3))
    await asyncio.sleep(2)
    assert headings(answered_last(machine)) == [("audio", True)]
    assert c.switch.media.passing == frozenset() and len(c.switch.media.bridges) == 1
    call.hang_up()
    await c.settled()


# --- encryption ---------------------------------------------------------------------------------------------------------

CRYPTO = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR\r\n"


@told(centre(endpoint={name: fixed(name, srtp="optional") for name in ("1001", "1002")}))
async def test_keys_of_video_go_end_to_end_where_both_encrypt(c: Centre) -> None:
    video = VIDEO.replace("RTP/AVP", "RTP/SAVP") + CRYPTO
    call, other = await call_of(
        c, lines(PHONES["1001"], video.format(port=4002)), lines(PHONES["1002"], video.format(port=4102))
    )
    assert list(invited(other).media[1].attributes("crypto")) == [CRYPTO.strip()[len("a=crypto:") :]]
    assert answer_of(call).media[1].has("crypto")
    call.hang_up()
    await c.settled()


@told()
async def test_encrypted_video_is_not_offered_to_who_does_not_encrypt(c: Centre) -> None:
    video = VIDEO.replace("RTP/AVP", "RTP/SAVP") + CRYPTO
    call, other = await call_of(c, lines(PHONES["1001"], video.format(port=4002)), lines(PHONES["1002"]))
    assert headings(invited(other)) == [("audio", True)]
    assert headings(answer_of(call)) == [("audio", True), ("video", False)]
    call.hang_up()
    await c.settled()
