"""A phone that only subscribes, by hand: it says SUBSCRIBE, answers each NOTIFY as told, and keeps what it heard."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from softswitch.config.secret import Secret
from softswitch.sip.challenge import ChallengeMemory
from softswitch.sip.message import Request, Response, parse_message
from softswitch.sip.source import Source
from softswitch.testing.network import Network

Transmit = Callable[[bytes, Source, Source], object]
"""Bytes, from, to."""


@dataclass
class Watch:
    """One subscription as the phone sees it."""

    subscriber: "Subscriber"
    number: int
    user: str
    event: str
    to: str
    target: str
    cseq: int = 0
    statuses: list[int] = field(default_factory=list)
    responses: list[Response] = field(default_factory=list)
    notifies: list[Request] = field(default_factory=list)
    """Each once, however often it came."""

    @property
    def call_id(self) -> str:
        return f"watch-{self.number}@{self.subscriber.place.address}"

    def send(self, expires: int | None = 600, *headers: tuple[str, str], cseq: int | None = None) -> "Watch":
        """SUBSCRIBE, the first or again; 0 ends it."""
        self.cseq = self.cseq + 1 if cseq is None else cseq
        request = self.subscriber.request(self, expires, headers)
        self.subscriber.transmit(request.to_bytes())
        return self

    @property
    def states(self) -> list[str]:
        """Subscription-State of each NOTIFY, without the seconds."""
        return [
            (notify.headers.get("Subscription-State") or "").partition(";expires")[0]
            for notify in self.notifies
        ]

    @property
    def bodies(self) -> list[str]:
        return [notify.body.decode() for notify in self.notifies]


class Subscriber:
    """`on_notify` gives the status answered to a NOTIFY; None answers nothing."""

    def __init__(
        self,
        network: Network,
        address: str,
        *,
        name: str,
        switch: str,
        transmit: Transmit,
        secret: Secret | None = None,
    ) -> None:
        self.name = name
        self.place = Source("udp", address, 5060)
        self.switch = Source("udp", switch, 5060)
        self.on_notify: Callable[[Request], int | None] = lambda request: 200
        self.answer_headers: tuple[tuple[str, str], ...] = ()
        self.watches: dict[str, Watch] = {}
        self.host = switch
        self._send = transmit
        self._branches = 0
        self._memory = ChallengeMemory(secret, lambda size: bytes(size)) if secret is not None else None
        network.attach(self.place, self._receive)

    def watch(
        self, user: str, event: str = "dialog", expires: int | None = 600, *headers: tuple[str, str]
    ) -> Watch:
        """Subscribe to `user`'s `event`."""
        target = f"sip:{user}@{self.host}"
        watch = Watch(self, len(self.watches), user, event, f"<{target}>", target)
        self.watches[watch.call_id] = watch
        return watch.send(expires, *headers)

    def transmit(self, data: bytes) -> None:
        self._send(data, self.place, self.switch)

    def request(self, watch: Watch, expires: int | None, headers: tuple[tuple[str, str], ...]) -> Request:
        self._branches += 1
        place = f"{self.place.address}:{self.place.port}"
        lines = [
            ("Via", f"SIP/2.0/UDP {place};branch=z9hG4bK{self.name}{self._branches};rport"),
            ("Max-Forwards", "70"),
            ("From", f"<sip:{self.name}@{self.host}>;tag=watch{watch.number}"),
            ("To", watch.to),
            ("Call-ID", watch.call_id),
            ("CSeq", f"{watch.cseq} SUBSCRIBE"),
            ("Contact", f"<sip:{self.name}@{place}>"),
        ]
        if watch.event:
            lines.append(("Event", watch.event))
        if expires is not None:
            lines.append(("Expires", str(expires)))
        request = Request.build("SUBSCRIBE", watch.target, headers=(*lines, *headers))
        if self._memory is not None:
            self._memory.authorize(request)
        return request

    def _receive(self, data: bytes, sender: Source, now: float) -> None:
        message = parse_message(data)
        watch = self.watches.get(message.headers.get("Call-ID") or "")
        if isinstance(message, Response):
            if watch is not None:
                self._responded(watch, message)
        else:
            self._notified(watch, message)

    def _responded(self, watch: Watch, response: Response) -> None:
        watch.statuses.append(response.status)
        watch.responses.append(response)
        if (
            response.status == 401
            and self._memory is not None
            and self._memory.learn(response, len(watch.statuses))
        ):
            asked = response.cseq.number
            if asked == watch.cseq:
                watch.send()
        elif response.status == 200:
            watch.to = response.headers.get("To") or ""
            watch.target = str(response.contacts[0].uri)

    def _notified(self, watch: Watch | None, request: Request) -> None:
        status = 481 if watch is None else self.on_notify(request)
        if watch is not None and all(known.cseq != request.cseq for known in watch.notifies):
            watch.notifies.append(request)
        if status is None:
            return
        answer = partial(Response.build, status, "By hand")
        lines = [
            (name, value)
            for name in ("Via", "From", "To", "Call-ID", "CSeq")
            for value in request.headers.get_all(name)
        ]
        self.transmit(answer(headers=(*lines, *self.answer_headers)).to_bytes())
