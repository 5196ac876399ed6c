"""An offer that changes more than audio crosses the call: fax instead of audio and back, video or text that comes or ends.

The offerer's answer waits for the far side's, which is offered the same by a re-INVITE (RFC 3264 section 8); what it
refuses is refused, and then all is as before. Two offers that meet get 491 (RFC 3261 section 14.2). Everything else, holds
and refreshes too, a leg answers by itself.
"""

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import structlog

from softswitch.call.facing import Wanted, join, mirror, pair, srtp_of_both, wanted_of
from softswitch.call.reoffering import UNUSABLE, offer_now
from softswitch.call.streams import AUDIO, Plan, Stream, Streams
from softswitch.errors import MediaError, PeerError
from softswitch.sip.passed_media import FAX
from softswitch.sip.sdp import MediaDescription, SessionDescription
from softswitch.sip.session import Session

if TYPE_CHECKING:
    from softswitch.call.leg import Leg

_PASSED_ON: Final = (415, 488, 606)
"""Refusals that say something of the media."""

_log = structlog.get_logger(__name__)


def begin_crossing(leg: "Leg", offer: SessionDescription) -> bool:
    """Whether the offer is answered here, when the far side has answered; else it is the leg's own business."""
    far, session = leg.facing, leg.session
    if far is None or session is None or far.session is None or far.answered is None or leg.answered is None:
        return False
    wanted, speaks = (
        wanted_of(leg, far, offer),
        any(each.kind == "audio" and each.port for each in offer.media),
    )
    if not (wanted or speaks) or _unchanged(leg, wanted, speaks):
        return False
    if leg.crossing is not None or far.crossing is not None or not _settled(far.session):
        session.refuse_reoffer(491)
        return True
    crossing = _cross(leg, far, offer, wanted, speaks=speaks)
    leg.crossing = far.crossing = asyncio.get_running_loop().create_task(crossing, name=f"cross {leg.id}")
    return True


def _settled(session: Session) -> bool:
    return session.reoffers is None or session.reoffers.settled


def _unchanged(leg: "Leg", wanted: Wanted, speaks: bool) -> bool:
    plan = leg.streams.plan if leg.streams is not None else AUDIO
    known = {at: stream.said for at, stream in plan.streams.items() if stream.live}
    return known == {at: said for at, (said, _) in wanted.items()} and speaks == plan.speaks


async def _cross(leg: "Leg", far: "Leg", offer: SessionDescription, wanted: Wanted, *, speaks: bool) -> None:
    status = 488
    try:
        status = await _offered_on(leg, far, offer, wanted, speaks=speaks)
    except MediaError as error:
        _log.warning("no port for a stream besides audio", leg=leg.id, problem=str(error))
    finally:
        _over(leg, far)
        _answer(leg, far, offer, status)


async def _offered_on(
    leg: "Leg", far: "Leg", offer: SessionDescription, wanted: Wanted, *, speaks: bool
) -> int:
    """What the far side said; the two have agreed where it is 200, and else all is as before. A far side that agreed when
    the two had been parted meanwhile keeps what it took until it faces somebody."""
    own = leg.streams = leg.streams or Streams(leg.services, leg)
    other = far.streams = far.streams or Streams(far.services, far)
    before, described = tuple((each, each.shown, each.direction) for each in other.live), far.described
    agreed, status = False, 488
    try:
        plan, far_plan = await _plans(leg, far, wanted, speaks=speaks)
        other.plan = far_plan
        status = await far.reoffering.ask(far)
        agreed = status == 200 and leg.facing is far
        if agreed:
            for at, stream in plan.streams.items():
                stream.said, stream.theirs = wanted[at]
                mirror(stream)
            own.plan = plan
        return status if agreed or status != 200 else 488
    finally:
        if not agreed:
            own.tidy()
        if not agreed and status != 200:
            for stream, shown, direction in before:
                stream.shown, stream.direction = shown, direction
            other.take_back()
            if status == UNUSABLE:
                offer_now(far)  # its m-lines count for it, usable or not
            elif described is not None and far.described is not None:
                far.described = described.with_origin(far.described.origin)


def _over(*legs: "Leg") -> None:
    task = asyncio.current_task()
    for leg in legs:
        if leg.crossing is task:
            leg.crossing = None


def _answer(leg: "Leg", far: "Leg", offer: SessionDescription, status: int) -> None:
    session = leg.session
    if session is None or session.over:
        return
    try:
        description = leg.take_offer(offer, prefer=leg.codec or None)
        if leg.facing is far:
            join(leg)  # before anybody is told to send
        session.accept_reoffer(description)
    except PeerError:  # without audio nothing is left of the offer
        session.refuse_reoffer(status if status in _PASSED_ON else 488)
        if status == 200:
            offer_now(far)
    for each in (leg, far):
        if each.streams is not None:
            each.streams.forget_refused()
            each.streams.tidy()


# --- which m-line becomes what --------------------------------------------------------------------------------------------


async def _plans(leg: "Leg", far: "Leg", wanted: Wanted, *, speaks: bool) -> tuple[Plan, Plan]:
    """Of this leg and of the far one. Raises MediaError."""
    own, other = leg.streams, far.streams
    assert own is not None and other is not None and far.described is not None
    srtp = srtp_of_both(leg, far)
    mine: dict[int, Stream] = {}
    theirs: dict[int, Stream] = {}
    for at, (said, peer) in wanted.items():
        stream = own.plan.streams.get(at)
        if stream is None or not stream.live or stream.shown is None or stream.shown.kind != said.kind:
            stream = await own.open(srtp)
        stream.srtp = srtp
        place = next((where for where, each in other.plan.streams.items() if each is stream.far), None)
        if place is None:
            replaces = said.kind == FAX and not speaks and at == own.plan.audio
            place = (
                other.plan.audio
                if replaces
                else _free(far.described.media, said.heading, {other.plan.audio, *theirs})
            )
            pair(stream, await other.open(srtp))
        assert stream.far is not None
        stream.far.shown, stream.far.direction = said, peer.direction
        mine[at], theirs[place] = stream, stream.far
    return replace(own.plan, streams=mine), Plan(streams=theirs, audio=other.plan.audio, speaks=speaks)


def _free(lines: tuple[MediaDescription, ...], heading: str, taken: set[int]) -> int:
    """An m-line that is over, of the same media if there is one, or a new one (RFC 3264 section 8.1)."""
    over = [at for at, each in enumerate(lines) if not each.port and at not in taken]
    alike = next((at for at in over if lines[at].kind == heading), None)
    if alike is not None:
        return alike
    return next(iter(over), max([len(lines), *(at + 1 for at in taken)]))
