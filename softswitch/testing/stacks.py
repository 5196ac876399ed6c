"""Bare SIP stacks back to back, without an event loop: time passes in `StackWorld.run`, from one thing to the next."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from softswitch.config.secret import Secret
from softswitch.ids import LegId
from softswitch.sip.address import Address
from softswitch.sip.challenge import ChallengeMemory
from softswitch.sip.events import SessionEvent
from softswitch.sip.identity import Identity
from softswitch.sip.message import Request, Response, make_response
from softswitch.sip.outgoing_invite import InvitePlan
from softswitch.sip.outputs import Deliver, LookUp, Output, Send
from softswitch.sip.sdp import SessionDescription
from softswitch.sip.session import Session
from softswitch.sip.source import Source
from softswitch.sip.stack import SipStack
from softswitch.sip.stack_settings import StackSettings
from softswitch.sip.uri import Uri
from softswitch.testing.network import Network, Script, reliable

MAX_STEPS = 100_000

DESCRIPTION = (
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
    b"m=audio 4000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
)


def description(port: int = 4000) -> SessionDescription:
    """A plain offer or answer."""
    return SessionDescription.parse(DESCRIPTION.replace(b"4000", str(port).encode()))


@dataclass
class Call:
    """A session with all that it told, in order."""

    session: Session
    events: list[SessionEvent] = field(default_factory=list)

    def kinds(self) -> list[str]:
        return [type(event).__name__ for event in self.events]


class StackPeer:
    """One stack with an owner that lets everybody in, unless `admission` says otherwise."""

    def __init__(self, world: "StackWorld", address: str, settings: StackSettings, seed: int) -> None:
        self.world = world
        self.place = {kind: Source(kind, address, 5060) for kind in ("udp", "tcp")}
        self.admission: Callable[[Request, Source], Identity | Response] = lambda request, source: Identity(
            "trunk", "test"
        )
        self.on_call: Callable[[Call], None] = lambda call: None
        self.calls: list[Call] = []
        self.names: dict[str, Source | tuple[Source, ...]] = {}
        self.not_connected: set[Source] = set()
        """Streams that do not stand."""
        self._legs = count()
        self._random = count(seed * 1_000_003)
        self.stack = SipStack(settings, self, monotonic=lambda: world.now, entropy=self._entropy)
        self.stack.on_output = lambda: self.perform(self.stack.take())
        for kind, place in self.place.items():
            world.network.attach(place, self._receiver(kind))

    def listen_tls(self) -> None:
        """It is reached over TLS too, as far as a network in memory knows of that."""
        place = self.place["tls"] = Source("tls", self.place["udp"].address, 5061)
        self.world.network.attach(place, self._receiver("tls"))

    def call(
        self,
        target: str,
        *,
        secret: Secret | None = None,
        transport: str = "udp",
        headers: tuple[tuple[str, str], ...] = (),
        on_event: Callable[[Call, SessionEvent], None] | None = None,
    ) -> Call:
        """Begin a call to `sip:...`; its events gather in the result."""
        uri = Uri.parse(target)
        number = next(self._legs)
        call: Call

        def told(event: SessionEvent) -> None:
            call.events.append(event)
            if on_event is not None:
                on_event(call, event)

        plan = InvitePlan(
            call_id=f"call-{number}-{self.place['udp'].address}",
            local_tag=f"local-{number}",
            request_uri=uri,
            next_hop=uri,
            flow=None,
            route=(),
            from_=Address.parse(f"<sip:caller@{self.place['udp'].address}>"),
            to=Address(uri.bare()),
            contact_user="caller",
            headers=headers,
            body=description().serialize(),
        )
        memory = ChallengeMemory(secret, self._entropy) if secret is not None else None
        session = self.stack.invite(plan, leg=LegId(f"out-{number}"), memory=memory, on_event=told)
        call = Call(session)
        self.perform(self.stack.take())
        return call

    def perform(self, outputs: list[Output]) -> None:
        while outputs:
            for output in outputs:
                if isinstance(output, Send):
                    sender = self.place.get(output.destination.transport)
                    if sender is None:
                        outputs.extend(self.stack.transport_failed(output.destination, self.world.now))
                        continue
                    self.world.network.send(output.data, sender, output.destination, self.world.now)
                elif isinstance(output, Deliver):
                    output.handler(output.event)
                elif isinstance(output, LookUp):
                    named = self.names.get(output.uri.host, ())
                    found = (named,) if isinstance(named, Source) else named
                    outputs.extend(self.stack.located(output.then, found, self.world.now))
            outputs = self.stack.take()

    # StackOwner.

    def admit(self, request: Request, source: Source, now: float) -> Identity | Response:
        return self.admission(request, source)

    def register(self, request: Request, identity: Identity, source: Source, now: float) -> Response:
        return make_response(request, 200, to_tag="registrar")

    def invited(self, session: Session) -> None:
        call = Call(session)
        self.calls.append(call)
        session.on_event = call.events.append
        self.on_call(call)

    def nothing(self, event: object) -> None:
        raise AssertionError(f"an event before anybody took the session: {event}")

    def new_leg(self) -> LegId:
        return LegId(f"in-{next(self._legs)}")

    def local_address(self, destination: Source) -> tuple[str, int]:
        place = self.place.get(destination.transport, self.place["udp"])
        return place.address, place.port

    def connected(self, destination: Source) -> bool:
        return destination not in self.not_connected

    def _entropy(self, size: int) -> bytes:
        return (next(self._random) * 0x9E3779B97F4A7C15 % (1 << 8 * size)).to_bytes(size)

    def _receiver(self, kind: str) -> Callable[[bytes, Source, float], None]:
        return lambda data, sender, now: self.perform(self.stack.receive(data, sender, now))


class StackWorld:
    """Time, a network, and the stacks on it."""

    def __init__(self, script: Script = reliable, settings: StackSettings | None = None) -> None:
        self.now = 0.0
        self.network = Network(script)
        self.peers: list[StackPeer] = []
        self._settings = settings or StackSettings()

    def peer(self, address: str, settings: StackSettings | None = None) -> StackPeer:
        peer = StackPeer(self, address, settings or self._settings, len(self.peers) + 1)
        self.peers.append(peer)
        return peer

    def run(self, seconds: float = 1.0) -> None:
        """Let everything happen that is due within so many seconds."""
        end = self.now + seconds
        for _ in range(MAX_STEPS):
            due = [self.network.next_deadline(), *(peer.stack.next_deadline() for peer in self.peers)]
            following = min((at for at in due if at is not None), default=None)
            if following is None or following > end:
                self.now = end
                return
            self.now = max(self.now, following)
            self.network.deliver(self.now)
            for peer in self.peers:
                peer.perform(peer.stack.tick(self.now))
        raise AssertionError("the stacks never rest")
