"""A caller who writes his messages by hand: for what a proper stack would never send, or never lets a test decide.

It answers nothing by itself. One call at a time. A secure one is at the other end of TLS, as far as a network in memory
knows of that, and says `sips:`.
"""

import asyncio
from collections.abc import Callable

from softswitch.sip.message import Request, Response, parse_message
from softswitch.sip.source import Source
from softswitch.testing.ladder import ladder
from softswitch.testing.network import Network, deliver_later


class RawPeer:
    def __init__(
        self, network: Network, address: str, *, name: str, switch: str, secure: bool = False
    ) -> None:
        self.address = address
        transport, port, self._scheme = ("tls", 5061, "sips") if secure else ("udp", 5060, "sip")
        self.place = Source(transport, address, port)
        self.received: list[Request | Response] = []
        self._network = network
        self._name = name
        self._switch = Source(transport, switch, port)
        self._target = ""
        self._to = ""
        self._branches = 0
        self._arrived = asyncio.Event()
        network.attach(self.place, self._receive)

    def invite(self, number: str, body: bytes = b"", *, headers: tuple[str, ...] = ()) -> None:
        self._target = f"{self._scheme}:{number}@{self._switch.address}"
        self._to = f"<{self._target}>"
        self.request("INVITE", 1, body, headers=headers)

    def request(
        self,
        method: str,
        number: int,
        body: bytes = b"",
        *,
        again: bool = False,
        headers: tuple[str, ...] = (),
    ) -> None:
        """Send a request with this CSeq number; `again` repeats the branch of the one before."""
        self._branches += not again
        lines = [
            f"{method} {self._target} SIP/2.0",
            f"Via: SIP/2.0/{self.place.transport.upper()} {self.address}:{self.place.port};"
            f"branch=z9hG4bKraw{self._branches};rport",
            "Max-Forwards: 70",
            f"From: <sip:{self._name}@{self.address}>;tag=raw",
            f"To: {self._to}",
            f"Call-ID: raw@{self.address}",
            f"CSeq: {number} {method}",
            f"Contact: {self._contact}",
            *headers,
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        data = "\r\n".join([*lines, "", ""]).encode() + body
        deliver_later(self._network, data, self.place, self._switch)

    def respond(
        self,
        request: Request,
        status: int,
        body: bytes = b"",
        *,
        tag: str = "",
        headers: tuple[str, ...] = (),
    ) -> None:
        """Answer a request of the switch: inside the dialog, or with `tag` one that begins it."""
        lines = [f"SIP/2.0 {status} By hand"]
        for name in ("Via", "From", "To", "Call-ID", "CSeq"):
            mine = f";tag={tag}" if tag and name == "To" else ""
            lines += [f"{name}: {value}{mine}" for value in request.headers.get_all(name)]
        lines += [*headers, *(["Content-Type: application/sdp"] if body else [])]
        lines += [f"Contact: {self._contact}", f"Content-Length: {len(body)}"]
        deliver_later(self._network, "\r\n".join([*lines, "", ""]).encode() + body, self.place, self._switch)

    async def response(self, status: int, number: int = 1, patience_s: float = 200.0) -> Response:
        """The first response with this status to the request with this CSeq number; the dialog is that of a 2xx."""
        found = await self._until(
            lambda one: isinstance(one, Response) and (one.status, one.cseq.number) == (status, number),
            patience_s,
        )
        assert isinstance(found, Response)
        if 180 <= status < 300:
            self._to = found.headers.get("To") or ""
            self._target = str(found.contacts[0].uri) if found.contacts else self._target
        return found

    async def asked(self, method: str, patience_s: float = 200.0) -> Request:
        """The first request of the switch with this method."""
        found = await self._until(lambda one: isinstance(one, Request) and one.method == method, patience_s)
        assert isinstance(found, Request)
        return found

    def ladder(self) -> list[str]:
        return ladder(self._network, self.place)

    @property
    def _contact(self) -> str:
        return f"<{self._scheme}:{self._name}@{self.address}:{self.place.port}>"

    def close(self) -> None:
        self._network.detach(self.place)

    async def _until(
        self, wanted: Callable[[Request | Response], bool], patience_s: float
    ) -> Request | Response:
        async with asyncio.timeout(patience_s):
            while True:
                for message in self.received:
                    if wanted(message):
                        return message
                self._arrived.clear()
                await self._arrived.wait()

    def _receive(self, data: bytes, sender: Source, now: float) -> None:
        self.received.append(parse_message(data))
        self._arrived.set()
