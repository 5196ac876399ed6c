"""Talks of phones that have more than audio, for stories: what they offer, what they were told, and whether every
description of the switch was as RFC 3264 wants it.
"""

import asyncio
from collections import defaultdict
from itertools import pairwise

from story_floor import PHONES, SWITCH, Centre

from softswitch.call.leg import Leg
from softswitch.rtp.commands import OpenLeg
from softswitch.sip.events import Answered, ReofferAnswered, Reoffered, ReofferRefused
from softswitch.sip.message import Request, Response, parse_message
from softswitch.sip.sdp import SessionDescription
from softswitch.testing.manners import answering
from softswitch.testing.peer_call import PeerCall
from softswitch.testing.sound import described

VIDEO = (
    "m=video {port} RTP/AVP 96\r\nb=AS:512\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 profile-level-id=42e01f\r\n"
    "a=rtcp-fb:96 nack pli\r\na=candidate:1 1 UDP 1 10.9.9.9 9 typ host\r\n"
)
TEXT = "m=text {port} RTP/AVP 98\r\na=rtpmap:98 t140/1000\r\n"
FAX = (
    "m=image {port} udptl t38\r\na=T38FaxVersion:0\r\na=T38MaxBitRate:14400\r\n"
    "a=T38FaxRateManagement:transferredTCF\r\na=T38FaxUdpEC:t38UDPRedundancy\r\n"
)
UNKNOWN = "m=application 5000 TCP/BFCP *\r\n"


def lines(address: str, *more: str, audio: int | None = 4000, version: int = 1) -> SessionDescription:
    """A phone's audio with further m-lines behind it; `audio` None: without that line."""
    text = described(address, version=version).serialize().decode()
    if audio is None:
        text = text[: text.index("m=audio")]
    elif audio != 4000:
        text = text.replace("m=audio 4000", f"m=audio {audio}")
    return SessionDescription.parse((text + "".join(more)).encode())


def headings(sdp: SessionDescription | None) -> list[tuple[str, bool]]:
    """Kind of each m-line, and whether anything flows."""
    assert sdp is not None
    return [(media.kind, media.port != 0) for media in sdp.media]


def answer_of(call: PeerCall) -> SessionDescription:
    (event,) = (event for event in call.events if isinstance(event, Answered))
    assert event.sdp is not None
    return event.sdp


def offers_to(call: PeerCall) -> list[SessionDescription]:
    """New offers that the switch has made it."""
    return [event.sdp for event in call.events if isinstance(event, Reoffered) and event.sdp is not None]


def invited(call: PeerCall) -> SessionDescription:
    return SessionDescription.parse(call.invite.body)


def opaque(c: Centre) -> list[OpenLeg]:
    return [each for each in c.switch.media.told(OpenLeg) if each.opaque]


def leg(c: Centre, party: str) -> Leg:
    (found,) = {each for each in c.switch.parts.services.legs.values() if each.party == party}
    return found


async def call_of(
    c: Centre, offer: SessionDescription, answer: SessionDescription
) -> tuple[PeerCall, PeerCall]:
    """1001 calls 1002, who answers."""
    c.phone("1002").on_call = answering(0.5, sdp=answer)
    call = c.phone("1001").call("1002", sdp=offer)
    other = await c.phone("1002").next_call()
    await call.answered()
    await asyncio.sleep(1)
    return call, other


async def with_video(c: Centre) -> tuple[PeerCall, PeerCall]:
    one, two = PHONES["1001"], PHONES["1002"]
    return await call_of(c, lines(one, VIDEO.format(port=4002)), lines(two, VIDEO.format(port=4102)))


async def fax_by_callee(
    c: Centre, offer: SessionDescription, answer: SessionDescription | int
) -> tuple[PeerCall, PeerCall]:
    """A call from the trunk to 1003; the machine there offers T.38 after two seconds, and the trunk answers."""
    c.phone("1003").on_call = answering(0.5)
    call = c.phone("1001").call("1003")
    call.on_offer = lambda offered: answer
    machine = await c.phone("1003").next_call()
    await call.answered()
    await asyncio.sleep(2)
    machine.reoffer(offer)
    await machine.until(ReofferAnswered, ReofferRefused)
    await asyncio.sleep(1)
    return call, machine


def answered_last(call: PeerCall) -> SessionDescription | None:
    return [event.sdp for event in call.events if isinstance(event, ReofferAnswered)][-1]


# --- what the switch said -------------------------------------------------------------------------------------------------


def check_descriptions(c: Centre) -> int:
    """Every description that the switch has sent: m-lines never fewer, nor another medium where a live one stood; an answer
    has one for each that was offered, in order; the version of `o=` rises by one with each change, and with nothing else.
    How many there were."""
    offers: dict[tuple[str, str], SessionDescription] = {}
    told: dict[tuple[str, str], list[SessionDescription]] = defaultdict(list)
    for packet in c.network.packets:
        message = parse_message(packet.data)
        if not message.body or message.content_type != "application/sdp":
            continue
        sdp, ours = SessionDescription.parse(message.body), packet.sender.address == SWITCH
        peer = packet.receiver.address if ours else packet.sender.address
        dialog, exchange = (peer, message.call_id), (message.call_id, str(message.cseq))
        if not ours:
            if isinstance(message, Request):
                offers[exchange] = sdp
            continue
        if isinstance(message, Response) and exchange in offers:
            offered = offers[exchange]
            assert [media.kind for media in sdp.media] == [media.kind for media in offered.media], message
            refused = [at for at, media in enumerate(offered.media) if not media.port]
            assert not any(sdp.media[at].port for at in refused), "a line that was offered with port 0"
        told[dialog].append(sdp)
    for descriptions in told.values():
        for before, after in pairwise(descriptions):
            _check_next(before, after)
    return sum(map(len, told.values()))


def _check_next(before: SessionDescription, after: SessionDescription) -> None:
    assert len(after.media) >= len(before.media), after
    for was, is_ in zip(before.media, after.media, strict=False):
        same = was.kind == is_.kind or not was.port or {was.kind, is_.kind} == {"audio", "image"}
        assert same, "another medium in a line that is in use"
    assert after.origin.session_id == before.origin.session_id
    risen = int(after.origin.version) - int(before.origin.version)
    changed = after.with_origin(before.origin) != before
    assert risen == int(changed), (before, after)
