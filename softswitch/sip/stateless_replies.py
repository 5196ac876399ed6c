"""Final responses for which nothing is kept (RFC 3261 sections 8.2.7 and 26.3.2.4): refusals, and what broken requests get.

None goes to an ACK, and to whoever has not proved where he is none that is much longer than what he sent.
"""

import zlib
from collections.abc import Callable, Iterable
from typing import Protocol

from softswitch.sip.errors import ParseError
from softswitch.sip.message import Request, Response, make_response
from softswitch.sip.source import Source
from softswitch.sip.stack_stats import StackStats


class ReplyLayer(Protocol):
    stats: StackStats
    entropy: Callable[[int], bytes]

    @property
    def room(self) -> int:
        """Most bytes of an answer to the datagram at hand; 0 is no limit."""

    def send(self, data: bytes, destination: Source) -> None: ...

    def common(self, name: str) -> tuple[tuple[str, str], ...]: ...


class StatelessReplies:
    def __init__(self, layer: ReplyLayer) -> None:
        self._layer = layer
        self._tag_salt = layer.entropy(6).hex()

    def refuse(
        self,
        request: Request,
        reply: Source,
        status: int,
        reason: str | None = None,
        headers: Iterable[tuple[str, str]] = (),
    ) -> None:
        """A final response, but never to an ACK."""
        if request.method == "ACK":
            return
        fields, tag, room = (*headers, *self._layer.common("Server")), self.tag(request), self._layer.room
        response = make_response(request, status, reason, to_tag=tag, headers=fields)
        if room and len(response.to_bytes()) > room:
            response = make_response(request, status, reason, to_tag=tag)
        self.reply(response, reply)

    def reply(self, response: Response, reply: Source) -> None:
        """Only where that does not turn a little of a forged source into much."""
        layer, data = self._layer, response.to_bytes()
        room = layer.room
        if room and len(data) > room:
            layer.stats.too_short += 1
            return
        layer.stats.stateless[response.status] += 1
        layer.send(data, reply)

    def tag(self, request: Request) -> str:
        """The same To-tag for each repetition of a request, and one that cannot be guessed."""
        call_id = request.headers.get("Call-ID") or ""
        return f"{zlib.crc32(call_id.encode('utf-8', 'surrogateescape')):08x}{self._tag_salt}"

    def broken(self, error: ParseError, source: Source) -> None:
        """Only a request that can be told from others gets a response; of what it has twice, that has the first."""
        self._layer.stats.unparsable += 1
        request = error.partial
        if request is None or request.method == "ACK" or "CSeq" not in request.headers:
            return
        for name in ("From", "To", "Call-ID", "CSeq"):
            if request.headers.count(name) > 1:
                try:
                    request.headers.set(name, request.headers.get(name) or "")
                except ValueError:
                    return
        self.refuse(request, source, error.sip_status, error.reason)
