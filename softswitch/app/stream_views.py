"""Streams besides audio of a live call, each shown as a leg of its own: what it is, where it goes, what has passed."""

from collections.abc import Iterator, Mapping

from softswitch.api.views import LegView
from softswitch.call.call import Call
from softswitch.call.leg import Leg
from softswitch.ids import LegId
from softswitch.rtp.reports import LegStats


def media_ids(call: Call) -> list[LegId]:
    """Everything of a call that has a port at a media worker."""
    found = list(call.legs)
    for leg in call.legs.values():
        if leg.streams is not None:
            found += (stream.id for stream in leg.streams.live)
    return found


def stream_views(leg: Leg, stats: Mapping[LegId, LegStats]) -> Iterator[LegView]:
    for stream in leg.streams.live if leg.streams is not None else ():
        figures, peer = stats.get(stream.id), stream.theirs
        yield LegView(
            leg=stream.id,
            direction=leg.direction,
            party=leg.party,
            state="passed on" if stream.joined else "idle",
            sip_call_id=leg.session.call_id if leg.session is not None else "",
            codec=stream.said.name if stream.said is not None else "",
            remote=f"{peer.address}:{peer.port}" if peer is not None else "",
            packets_in=figures.packets_in if figures is not None else 0,
            packets_out=figures.packets_out if figures is not None else 0,
            worker=leg.opened.worker if leg.opened is not None else None,
        )
