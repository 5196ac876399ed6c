"""Which leg's streams besides audio go to which: the two of a talk face each other, and nobody else does.

A stream is live where both have one of its kind. One whose far side is gone, after a transfer or in a queue, a flow or a
conference, is taken back by a re-INVITE with port 0; its m-line stays.
"""

from typing import TYPE_CHECKING

import structlog

from softswitch.call.party import media_of, srtp_of
from softswitch.call.reoffering import offer_now
from softswitch.call.streams import MOST, Stream, Streams
from softswitch.errors import MediaError
from softswitch.rtp.commands import Bridge, Unbridge
from softswitch.sip.passed_media import PassedMedia, PassedPeer, passed_of, peer_of
from softswitch.sip.sdp import SessionDescription

if TYPE_CHECKING:
    from softswitch.call.leg import Leg

_log = structlog.get_logger(__name__)

Wanted = dict[int, tuple[PassedMedia, PassedPeer]]
"""What a party offers besides audio, by m-line."""


def face(a: "Leg", b: "Leg") -> None:
    """The two talk with each other."""
    if a.facing is not b:
        for leg in (a, b):
            if leg.facing is not None:
                turn_away(leg)
        a.facing, b.facing = b, a
    if a.streams is None and b.streams is None:
        return
    for leg in (a, b):
        if leg.streams is not None and leg.crossing is None:
            _keep_to(leg, leg.streams)
    join(a)


def turn_away(leg: "Leg") -> None:
    """It has no far side now: nothing of its streams is passed on."""
    far, leg.facing = leg.facing, None
    if far is not None and far.facing is leg:
        far.facing = None
    if leg.streams is not None:
        for stream in leg.streams.live:
            if stream.joined and stream.far is not None:
                leg.services.media.send(Unbridge(leg=stream.id))
                stream.joined = stream.far.joined = False


def join(leg: "Leg") -> None:
    """Pass on between the streams of this leg and their far ends, where both are live."""
    for stream in leg.streams.live if leg.streams is not None else ():
        far = stream.far
        if far is not None and far.live and not stream.joined:
            leg.services.media.send(Bridge(a=stream.id, b=far.id))
            stream.joined = far.joined = True


def take_back(leg: "Leg") -> None:
    """It goes where nobody serves its streams."""
    turn_away(leg)
    if leg.streams is not None and leg.crossing is None:
        _keep_to(leg, leg.streams)


def wanted_of(leg: "Leg", far: "Leg", offer: SessionDescription) -> Wanted:
    """What of the leg's offer may be passed on to the far side, as far as both may have it."""
    found: Wanted = {}
    kinds: frozenset[str] | None = None
    for at, media in enumerate(offer.media):
        if media.kind == "audio" or not media.port or len(found) == MOST:
            continue
        if kinds is None:
            kinds = media_of(leg.services.config, leg.party) & media_of(leg.services.config, far.party)
        said = passed_of(media, srtp_of_both(leg, far))
        peer = peer_of(offer, media, leg.address)
        if said is not None and peer is not None and said.kind in kinds:
            found[at] = said, peer
    return found


def srtp_of_both(a: "Leg", b: "Leg") -> tuple[str, str]:
    config = a.services.config
    return srtp_of(config, a.party), srtp_of(config, b.party)


def pair(stream: Stream, far: Stream) -> None:
    stream.far, far.far = far, stream


# --- a call that begins -------------------------------------------------------------------------------------------------


async def propose(caller: "Leg", callee: "Leg") -> None:
    """Let the callee's offer have what the caller's has besides audio. Ports that cannot be had leave it out."""
    offer = caller.session.offer if caller.session is not None else None
    wanted = wanted_of(caller, callee, offer) if offer is not None else {}
    if not wanted:
        return
    caller.streams = caller.streams or Streams(caller.services, caller)
    callee.streams = Streams(callee.services, callee)
    srtp = srtp_of_both(caller, callee)
    ours = dict(caller.streams.plan.streams)
    theirs: dict[int, Stream] = {}
    try:
        for at, (said, peer) in wanted.items():
            stream = ours.get(at) or await caller.streams.open(srtp)
            far = await callee.streams.open(srtp)
            stream.srtp, stream.said, stream.theirs, stream.shown = srtp, said, peer, None
            far.shown, far.direction = said, peer.direction
            pair(stream, far)
            ours[at] = stream
            theirs[len(theirs) + 1] = far
    except MediaError as error:
        _log.warning("no port for a stream besides audio", leg=callee.id, problem=str(error))
    caller.streams.show(ours)
    callee.streams.show(theirs)


def settle(caller: "Leg", callee: "Leg") -> None:
    """The callee has answered, early or finally: a caller who was told nothing yet gets what it took."""
    if caller.streams is None or callee.streams is None or caller.told_early or caller.answered is not None:
        return
    for stream in caller.streams.plan.streams.values():
        mirror(stream)
    offer = caller.session.offer if caller.session is not None else None
    if offer is not None:
        caller.take_offer(offer, prefer=caller.codec or None)
    join(caller)


def mirror(stream: Stream) -> None:
    """Show its peer what the far side has said."""
    far = stream.far
    stream.shown = None
    if far is not None and far.theirs is not None:
        stream.shown, stream.direction = far.said, far.theirs.direction


# --- what nobody serves ---------------------------------------------------------------------------------------------------


def _keep_to(leg: "Leg", streams: Streams) -> None:
    """Keep only what the far side has too; the peer is told where it has more."""
    others = leg.facing.streams.live if leg.facing is not None and leg.facing.streams is not None else []
    lonely = [stream for stream in streams.live if stream.far not in others]
    streams.forget_refused()
    if lonely:
        streams.drop(lonely)
        offer_now(leg)
    streams.tidy()


def begin_without(leg: "Leg") -> None:
    """After a restart: streams besides audio that did not outlive it are over, and the peer is told."""
    described = leg.described
    kept = leg.streams.plan.streams if leg.streams is not None else {}
    lines = enumerate(described.media) if described is not None else ()
    if any(each.port and each.kind != "audio" and at not in kept for at, each in lines):
        offer_now(leg)
