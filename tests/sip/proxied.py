"""A bare proxy between parties who write their messages by hand: for `test_proxy*`."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from softswitch.sip.address import Address
from softswitch.sip.identity import Identity
from softswitch.sip.message import Request, Response, parse_message
from softswitch.sip.proxied_call import CallEnding, ProxiedCall
from softswitch.sip.proxy_plan import ProxyPlan, ProxyTarget
from softswitch.sip.source import Source
from softswitch.sip.uri import Uri
from softswitch.testing.network import Script, reliable
from softswitch.testing.stacks import StackPeer, StackWorld

PROXY = "192.0.2.1"


def target(where: str, q: float = 1.0, *, party: str = "endpoint:1002") -> ProxyTarget:
    return ProxyTarget(where=Uri.parse(where), party=party, q=q)


class Home:
    """Stands for `ProxyHome`."""

    realms = frozenset({"softswitch"})

    def __init__(self, peer: StackPeer) -> None:
        self.address = peer.place["udp"].address
        self.domain = ""
        self.told: dict[str, tuple[str, int]] = {}
        """Transport to the place that its peers are told."""

    def told_place(self, peer: Source) -> tuple[str, int]:
        return self.told.get(peer.transport, (self.address, 5060))

    def is_ours(self, host: str, port: int, peer: Source) -> bool:
        return (host, port) == self.told_place(peer)

    def answers_for(self, uri: Uri, peer: Source) -> bool:
        return not self.domain or uri.host == self.domain

    def sender(self, request: Request, source: Source) -> Identity | None:
        return Identity("endpoint", request.from_.uri.user)


@dataclass
class Watch:
    """A `CallListener` that writes down what it hears."""

    heard: list[str] = field(default_factory=list)
    endings: list[CallEnding] = field(default_factory=list)
    hold: bool = False
    held: list[Callable[[], None]] = field(default_factory=list)

    def ringing(self, party: str) -> None:
        self.heard.append(f"ringing {party}")

    def answered(self, party: str) -> None:
        self.heard.append(f"answered {party}")

    def over(self, ending: CallEnding, then: Callable[[], None]) -> None:
        self.heard.append(f"over {ending.by} {ending.status}")
        self.endings.append(ending)
        if self.hold:
            self.held.append(then)
        else:
            then()


class Policy:
    """Users to targets; every call is watched."""

    def __init__(self) -> None:
        self.targets: dict[str, tuple[ProxyTarget, ...]] = {}
        self.may_redirect: set[str] = set()
        self.watches: list[Watch] = []
        self.calls: list[ProxiedCall] = []
        self.hold = False

    def plan(self, request: Request, identity: Identity) -> ProxyPlan | None:
        found = self.targets.get(request.uri.user)
        return ProxyPlan(status=404) if found is None else ProxyPlan(targets=found)

    def redirected(self, uris: Iterable[Uri]) -> tuple[ProxyTarget, ...]:
        return tuple(target(str(uri)) for uri in uris if uri.user in self.may_redirect)

    def begun(self, call: ProxiedCall) -> None:
        watch = Watch(hold=self.hold)
        self.watches.append(watch)
        self.calls.append(call)
        call.listener = watch
        call.go(self.now())

    now: Callable[[], float] = staticmethod(lambda: 0.0)


class Party:
    """Somebody at an address; answers nothing by himself."""

    def __init__(
        self, world: "ProxyWorld", address: str, *, name: str, port: int = 5060, transport: str = "udp"
    ) -> None:
        self.world, self.address, self.name = world, address, name
        self.place = Source(transport, address, port)
        self.raw: list[bytes] = []
        self._branches = 0
        world.network.attach(self.place, lambda data, sender, now: self.raw.append(data))

    @property
    def contact(self) -> str:
        return f"<sip:{self.name}@{self.address}:{self.place.port}>"

    @property
    def messages(self) -> list[Request | Response]:
        return [parse_message(data) for data in self.raw]

    @property
    def requests(self) -> list[Request]:
        return [one for one in self.messages if isinstance(one, Request)]

    @property
    def responses(self) -> list[Response]:
        return [one for one in self.messages if isinstance(one, Response)]

    @property
    def statuses(self) -> list[int]:
        return [one.status for one in self.responses]

    def last(self, method: str = "") -> Request:
        return [one for one in self.requests if not method or one.method == method][-1]

    def send_bytes(self, data: bytes, seconds: float = 0.1) -> None:
        there = Source(self.place.transport, PROXY, 5061 if self.place.transport == "tls" else 5060)
        self.world.network.send(data, self.place, there, self.world.now)
        self.world.run(seconds)

    def request(
        self,
        method: str,
        uri: str,
        *,
        cseq: int = 1,
        call_id: str = "one",
        to: str = "",
        from_: str = "",
        branch: str = "",
        headers: tuple[str, ...] = ("Max-Forwards: 70",),
        vias: tuple[str, ...] = (),
        body: bytes = b"",
        seconds: float = 0.1,
    ) -> str:
        """Returns its branch."""
        self._branches += 1
        branch = branch or f"z9hG4bK{self.name}{self._branches}"
        kind = self.place.transport.upper()
        lines = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/{kind} {self.address}:{self.place.port};branch={branch};rport",
            *(f"Via: {via}" for via in vias),
            *headers,
            f"From: {from_ or f'<sip:{self.name}@{PROXY}>;tag={self.name}'}",
            f"To: {to or f'<{uri}>'}",
            f"Call-ID: {call_id}",
            f"CSeq: {cseq} {'INVITE' if method == 'ACK' and not cseq else method}",
            f"Contact: {self.contact}",
            f"Content-Length: {len(body)}",
        ]
        self.send_bytes("\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + body, seconds)
        return branch

    def respond(
        self,
        request: Request,
        status: int,
        *,
        tag: str = "",
        headers: tuple[str, ...] = (),
        seconds: float = 0.1,
    ) -> None:
        lines = [f"SIP/2.0 {status} By {self.name}"]
        for name in ("Via", "Record-Route", "From", "To", "Call-ID", "CSeq"):
            mine = f";tag={tag or self.name}" if name == "To" and status > 100 and not request.to_tag else ""
            lines += [f"{name}: {value}{mine}" for value in request.headers.get_all(name)]
        lines += [*headers, f"Contact: {self.contact}", "Content-Length: 0"]
        self.send_bytes("\r\n".join([*lines, "", ""]).encode(), seconds)


class ProxyWorld(StackWorld):
    """A proxy that lets everybody in, alice, and phones."""

    def __init__(self, script: Script = reliable) -> None:
        super().__init__(script)
        self.proxy = self.peer(PROXY)
        self.proxy.admission = lambda request, source: Identity("endpoint", request.from_.uri.user)
        self.policy = Policy()
        self.policy.now = lambda: self.now
        self.home = Home(self.proxy)
        self.core = self.proxy.stack.proxy
        self.core.policy, self.core.home = self.policy, self.home  # type: ignore[assignment]
        self.alice = Party(self, "192.0.2.10", name="alice")

    def phone(self, number: int, *, user: str = "1002", q: float = 1.0) -> Party:
        """A phone that is one more target of `user`."""
        party = Party(self, f"192.0.2.{20 + number}", name=f"phone{number}")
        targets = self.policy.targets.get(user, ())
        self.policy.targets[user] = (*targets, target(f"sip:{user}@{party.address}:5060", q))
        return party

    def at_rest(self) -> None:
        """Nothing of all this is kept."""
        self.run(400.0)
        assert self.proxy.stack.transactions == 0
        assert not self.core.calls and not self.core.knows("one")


def own_routes(response: Response | Request) -> list[str]:
    """Record-Route values in the order of the message."""
    return response.headers.get_list("Record-Route")


def uri_of(route: str) -> Uri:
    return Address.parse(route).uri
