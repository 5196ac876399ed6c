"""What is written of streams besides audio: a row each, beside that of their leg, with what has passed."""

from collections.abc import Iterator

from softswitch.call.call import Call
from softswitch.call.leg import Leg
from softswitch.store.rows import LegRow


def stream_rows(call: Call, leg: Leg, ended: float) -> Iterator[LegRow]:
    """Of a leg that is closed."""
    for past in leg.streams.past if leg.streams is not None else ():
        yield LegRow(
            leg=past.id,
            call=call.id,
            direction=leg.direction,
            party=leg.party,
            began=leg.began,
            answered=leg.answered,
            ended=ended,
            sip_status=leg.sip_status,
            sip_call_id=leg.session.call_id if leg.session is not None else "",
            codec=past.name,
            packets_in=past.stats.packets_in,
            packets_out=past.stats.packets_out,
            packets_lost=0,
            jitter_ms=0.0,
            impairments="",
        )
