"""Streams besides audio as values that outlive the process, and made again of them: both ends, or none.

Those with keys are left out: keys are in nobody's row. They end with the process, and their call goes on with audio.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from softswitch.call.facing import pair
from softswitch.call.streams import Plan, Stream, Streams
from softswitch.ids import LegId
from softswitch.rtp.adoption import Survivor
from softswitch.sip.passed_media import PassedMedia, PassedPeer
from softswitch.value import value

if TYPE_CHECKING:
    from softswitch.call.leg import Leg
    from softswitch.call.services import Services


@value(tagged=False)
class StreamSnapshot:
    id: LegId
    far: LegId
    """The other end."""
    at: int
    """Its m-line."""
    srtp: tuple[str, str]
    shown: PassedMedia
    said: PassedMedia
    theirs: PassedPeer
    direction: str = "sendrecv"


def stream_snapshots(leg: "Leg") -> tuple[StreamSnapshot, ...]:
    found: list[StreamSnapshot] = []
    for at, stream in leg.streams.agreed.streams.items() if leg.streams is not None else ():
        shown, said, theirs, far = stream.shown, stream.said, stream.theirs, stream.far
        if shown is None or said is None or theirs is None or far is None:
            continue
        if "crypto" in shown.lines.attributes or "crypto" in said.lines.attributes:
            continue
        found.append(
            StreamSnapshot(
                id=stream.id,
                far=far.id,
                at=at,
                srtp=stream.srtp,
                shown=shown,
                said=said,
                theirs=theirs,
                direction=stream.direction,
            )
        )
    return tuple(found)


@value
class Written:
    """What is known of a leg's streams."""

    leg: "Leg"
    streams: tuple[StreamSnapshot, ...]
    audio: int
    """As `Plan`, with `speaks`."""
    speaks: bool


def take_up_streams(services: "Services", legs: Iterable[Written], taken: Mapping[LegId, Survivor]) -> None:
    """Streams whose two ends go on at a media worker go on; of others the one that does ends too."""
    known = {each.id: (written, each) for written in legs for each in written.streams}
    made: dict[LegId, Stream] = {}
    for written, each in known.values():
        survivor = taken.get(each.id)
        if survivor is None:
            continue
        if each.far not in taken or each.far not in known:
            services.media.release_leg(each.id)
            continue
        stream = made[each.id] = Stream(
            id=each.id,
            port=survivor.opened.port,
            srtp=each.srtp,
            shown=each.shown,
            direction=each.direction,
            said=each.said,
            theirs=each.theirs,
            told=survivor.peer,
        )
        leg = written.leg
        leg.streams = leg.streams or Streams(services, leg)
        leg.streams.take_up(
            stream, Plan(streams={each.at: stream}, audio=written.audio, speaks=written.speaks)
        )
    for each_id, stream in made.items():
        pair(stream, made[known[each_id][1].far])
