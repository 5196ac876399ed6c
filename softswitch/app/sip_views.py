"""The SIP side as the control API shows it."""

from collections.abc import Mapping

from softswitch.api.status_views import SipView
from softswitch.api.views import TrunkView
from softswitch.app.parts import Parts
from softswitch.ids import TrunkName


def sip_view(parts: Parts) -> SipView:
    stats = parts.sip.stats()
    return SipView(
        listen=parts.services.config.sip.listen,
        connections=parts.sip.connections(),
        messages_in=stats.received,
        messages_out=stats.sent,
        calls_in=stats.sessions_in,
        calls_out=stats.sessions_out,
        refusals={str(status): count for status, count in sorted(stats.stateless.items())},
        retransmits=stats.repeated,
        malformed=stats.unparsable,
        strays=stats.stray,
        faults=stats.faults,
        dropped=parts.sip.wire_counts(),
        requests_in=_named(stats.incoming.requests),
        requests_out=_named(stats.outgoing.requests),
        responses_in=_named(stats.incoming.responses),
        responses_out=_named(stats.outgoing.responses),
        dialogs=len(parts.sip.sessions()),
    )


def _named(counts: Mapping[bytes, int]) -> dict[str, int]:
    return {name.decode("ascii", "replace"): count for name, count in sorted(counts.items())}


def trunk_views(parts: Parts) -> tuple[TrunkView, ...]:
    config = parts.services.config
    known = {status.name: status for status in parts.sip.trunks()}
    views = []
    for name, trunk in config.trunk.items():
        status = known.get(TrunkName(name))
        views.append(
            TrunkView(
                trunk=name,
                host=trunk.host,
                state=status.state if status is not None else "unknown",
                reason=status.reason if status is not None else "",
                since=parts.trunk_since.get(name, parts.started),
                channels=parts.services.lines.busy(f"trunk:{name}"),
                max_channels=trunk.max_channels,
                registration=status.registration if status is not None else "",
            )
        )
    return tuple(views)
