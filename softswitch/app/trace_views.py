"""Messages of the memory as values of the control API: the only way out, so secrets are masked here."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from softswitch.api.trace_views import CallTraceView, TracedView
from softswitch.call.routing import codes_with_pin
from softswitch.trace.masking import masked
from softswitch.trace.memory import Dialogue, Recorded, in_order
from softswitch.trace.reading import told

if TYPE_CHECKING:
    from softswitch.app.parts import Parts


@dataclass(frozen=True, slots=True, kw_only=True)
class LegFacts:
    leg: str
    party: str


def traced_view(
    parts: "Parts", dialogue: Dialogue, record: Recorded, also: Mapping[str, LegFacts] | None = None
) -> TracedView:
    """`also`: legs by Call-ID that have come to another call than they began in."""
    at, outgoing, data, peer = record
    safe = masked(data, *codes_with_pin(parts.services.config))
    says = told(safe)
    call_id = dialogue.call_id.decode("utf-8", "surrogateescape")
    known = (also or {}).get(call_id)
    return TracedView(
        at=at,
        outgoing=outgoing,
        transport=peer.transport,
        local=parts.sip.bound_address(peer),
        peer=(peer.address, peer.port),
        call=dialogue.call,
        leg=known.leg if known is not None else dialogue.leg,
        party=known.party if known is not None else dialogue.party,
        sip_call_id=call_id.encode("utf-8", "surrogateescape").decode("utf-8", "replace"),
        method=says.method,
        status=says.status,
        line=says.line,
        cseq=says.cseq,
        facts=says.facts,
        text=safe.decode("latin-1"),
    )


def call_trace(
    parts: "Parts", call: str, dialogues: Iterable[Dialogue], also: Mapping[str, LegFacts]
) -> CallTraceView:
    dialogues = list(dialogues)
    return CallTraceView(
        call=call,
        messages=tuple(
            traced_view(parts, dialogue, record, also) for dialogue, record in in_order(dialogues)
        ),
        left_out=sum(dialogue.left_out for dialogue in dialogues),
    )
