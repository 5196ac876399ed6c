"""What a switch would tell of SIP messages, for tests of the control API and the command line."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from softswitch.api.trace import SelftestView, SelftestWish, TraceSearch
from softswitch.api.trace_views import CallTraceView, TracedView


def traced(line: str, *, at: float = 0.0, outgoing: bool = False, party: str = "trunk:carrier") -> TracedView:
    """One message of a call; the peer's address goes by its party."""
    peer = ("192.0.2.9", 5060) if party.startswith("trunk") else ("192.0.2.7", 5062)
    first = line if line[:3].isdigit() else f"{line.partition(' ')[0]} sip:600@192.0.2.1 SIP/2.0"
    return TracedView(
        at=1_780_000_000.0 + at,
        outgoing=outgoing,
        transport="udp",
        local=("192.0.2.1", 5060),
        peer=peer,
        call="call-1",
        leg=f"leg {party}",
        party=party,
        sip_call_id=f"id of {party}",
        method="INVITE",
        status=int(line[:3]) if line[:3].isdigit() else 0,
        line=line,
        cseq="1 INVITE",
        facts="PCMA :4000" if line.startswith(("INVITE", "200")) else "",
        text=f"{first}\r\nCall-ID: id of {party}\r\nX-At: {at}\r\n\r\n",
    )


@dataclass
class FakeTrace:
    """Implements `TraceControl`."""

    messages: tuple[TracedView, ...] = (
        traced("INVITE 600"),
        traced("INVITE 1001", at=0.01, outgoing=True, party="endpoint:1001"),
        traced("200 OK", at=1.5, party="endpoint:1001"),
        traced("200 OK", at=1.51, outgoing=True),
    )
    dropped: int = 0
    searches: list[TraceSearch] = field(default_factory=list)

    async def of_call(self, call: str) -> CallTraceView:
        return CallTraceView(call=call, messages=self.messages)

    async def _follow(self) -> AsyncGenerator[TracedView | int | None, None]:
        yield None
        for message in self.messages:
            yield message
        if self.dropped:
            yield self.dropped

    def follow(self, search: TraceSearch) -> AsyncGenerator[TracedView | int | None, None]:
        self.searches.append(search)
        return self._follow()

    def close(self) -> None:
        """Streams of this one end by themselves."""

    def arm_selftest(self, wish: SelftestWish) -> SelftestView:
        return SelftestView(
            number="selftest", user="u", token="t", realm="r", targets=("udp:127.0.0.1:5060",)
        )

    def disarm_selftest(self) -> None:
        """Nothing was opened."""
