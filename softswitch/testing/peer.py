"""Phones and other switches as a test scripts them: a bare SIP stack each, on a fake network and the running loop.

A peer does nothing of its own accord but what every phone does: it acknowledges, answers re-INVITEs, and accepts a BYE.
What it does with a call that comes in, `on_call` says; what it saw and sent is in `ladder`.
"""

import asyncio
from collections.abc import Callable
from itertools import count

from softswitch.config.secret import Secret
from softswitch.ids import LegId
from softswitch.sip.address import Address
from softswitch.sip.challenge import ChallengeMemory
from softswitch.sip.identity import Identity
from softswitch.sip.message import Request, Response, make_response
from softswitch.sip.outgoing_invite import InvitePlan
from softswitch.sip.outputs import Deliver, Output, Send
from softswitch.sip.sdp import SessionDescription
from softswitch.sip.session import Session
from softswitch.sip.source import Source
from softswitch.sip.stack import SipStack
from softswitch.sip.stack_settings import StackSettings
from softswitch.sip.uri import Uri
from softswitch.testing.ladder import ladder, requests_to
from softswitch.testing.network import Network, deliver_later
from softswitch.testing.peer_call import PATIENCE_S, PeerCall
from softswitch.testing.sound import described


class Peer:
    """A phone or a trunk at `address`. It is a `StackOwner`, and lets everybody in."""

    def __init__(
        self, network: Network, address: str, *, name: str, switch: str, secret: Secret | None = None
    ) -> None:
        self.address = address
        self.name = name
        self.sdp = described(address)
        self.calls: list[PeerCall] = []
        """Calls that came in, in order."""
        self.on_call: Callable[[PeerCall], None] = lambda call: None
        self.refusal: Callable[[Request, Source], Response | None] = lambda request, source: None
        """What refuses a call before it is one: a challenge."""
        self.place = Source("udp", address, 5060)
        self._network = network
        self.switch = switch
        self._secret = secret
        self._loop = asyncio.get_running_loop()
        self._numbers = count()
        self._random = count(int.from_bytes(address.encode()[-4:]))
        self._arrived = asyncio.Event()
        self._taken = 0
        self._alarm: asyncio.TimerHandle | None = None
        self.stack = SipStack(
            StackSettings(user_agent="peer"), self, monotonic=self._loop.time, entropy=self._entropy
        )
        self.stack.on_output = self.flush
        network.attach(self.place, self._receive)

    def __repr__(self) -> str:
        return f"<Peer {self.name} at {self.address}>"

    # --- calls ------------------------------------------------------------------------------------------------------

    def call(
        self,
        number: str,
        *,
        sdp: SessionDescription | None = None,
        user: str = "",
        headers: tuple[tuple[str, str], ...] = (),
        max_forwards: int = 70,
    ) -> PeerCall:
        """Call `number` at the switch as `user`."""
        uri = Uri.parse(f"sip:{number}@{self.switch}")
        unique = f"{next(self._numbers)}-{self.name}"
        plan = InvitePlan(
            call_id=f"{unique}@{self.address}",
            local_tag=f"tag-{unique}",
            request_uri=uri,
            next_hop=uri,
            flow=None,
            route=(),
            from_=Address(Uri.parse(f"sip:{user or self.name}@{self.switch}")),
            to=Address(uri),
            contact_user=user or self.name,
            headers=headers,
            body=(sdp or self.sdp).serialize(),
            max_forwards=max_forwards,
        )
        memory = ChallengeMemory(self._secret, self._entropy) if self._secret is not None else None
        session = self.stack.invite(plan, leg=LegId(unique), memory=memory, on_event=lambda event: None)
        call = PeerCall(self, session)
        self.flush()
        return call

    async def next_call(self, patience_s: float = PATIENCE_S) -> PeerCall:
        """The call that comes in next, or came in and was not asked for yet."""
        async with asyncio.timeout(patience_s):
            while self._taken >= len(self.calls):
                self._arrived.clear()
                await self._arrived.wait()
        self._taken += 1
        return self.calls[self._taken - 1]

    # --- registration -----------------------------------------------------------------------------------------------

    async def sign_in(self, expires_s: int = 3600, *, patience_s: float = PATIENCE_S) -> int:
        """Register at the switch, answering its challenge; the status of the last answer."""
        memory = ChallengeMemory(self._secret, self._entropy) if self._secret is not None else None
        tag, call_id = self.stack.token(), self.stack.token()
        status = 0
        for attempt in (1, 2):
            answer: asyncio.Future[Response] = self._loop.create_future()
            request = Request.build("REGISTER", Uri.parse(f"sip:{self.switch}"))
            aor = f"<sip:{self.name}@{self.switch}>"
            destination = Source("udp", self.switch, 5060)
            for name, value in (
                ("Via", self.stack.via(destination, self.switch)),
                ("Max-Forwards", "70"),
                ("From", f"{aor};tag={tag}"),
                ("To", aor),
                ("Call-ID", call_id),
                ("CSeq", f"{next(self._numbers) + 1} REGISTER"),
                ("Contact", f"<sip:{self.name}@{self.address}:5060>"),
                ("Expires", str(expires_s)),
            ):
                request.headers.add(name, value)
            if memory is not None:
                memory.authorize(request)
            self.stack.start_client(
                request,
                destination,
                lambda response, now, answer=answer: answer.done() or answer.set_result(response),  # type: ignore[misc]
                lambda cause, now: None,
            )
            self.flush()
            async with asyncio.timeout(patience_s):
                response = await answer
            status = response.status
            if status != 401 or memory is None or not memory.learn(response, attempt):
                break
        return status

    # --- what it saw ------------------------------------------------------------------------------------------------

    def ladder(self) -> list[str]:
        return ladder(self._network, self.place)

    def heard(self, what: str) -> int:
        """How often `what` (`CANCEL`, `200 BYE`) came."""
        return self.ladder().count(f"< {what}")

    def sent(self, what: str) -> int:
        return self.ladder().count(f"> {what}")

    def requests(self, method: str) -> list[Request]:
        """Requests of this method that came."""
        return requests_to(self._network, self.place, method)

    # --- the stack --------------------------------------------------------------------------------------------------

    def unplug(self) -> None:
        """Off the network, without a word."""
        self._network.detach(self.place)

    def plug(self) -> None:
        self._network.attach(self.place, self._receive)

    def close(self) -> None:
        self.unplug()
        if self._alarm is not None:
            self._alarm.cancel()

    def flush(self) -> None:
        """Carry out what the stack wants done, and set the one timer."""
        self._perform(self.stack.take())

    def _receive(self, data: bytes, sender: Source, now: float) -> None:
        self._perform(self.stack.receive(data, sender, self._loop.time()))

    def _perform(self, outputs: list[Output]) -> None:
        while outputs:
            for output in outputs:
                if isinstance(output, Send):
                    deliver_later(self._network, output.data, self.place, output.destination)
                elif isinstance(output, Deliver):
                    output.handler(output.event)
            outputs = self.stack.take()
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        deadline = self.stack.next_deadline()
        if deadline is not None:
            self._alarm = self._loop.call_at(deadline, self._tick)

    def _tick(self) -> None:
        self._alarm = None
        self._perform(self.stack.tick(self._loop.time()))

    # StackOwner.

    def admit(self, request: Request, source: Source, now: float) -> Identity | Response:
        return self.refusal(request, source) or Identity("trunk", "switch")

    def register(self, request: Request, identity: Identity, source: Source, now: float) -> Response:
        return make_response(request, 405, to_tag="none")

    def invited(self, session: Session) -> None:
        call = PeerCall(self, session)
        self.calls.append(call)
        self._arrived.set()
        self.on_call(call)

    def nothing(self, event: object) -> None:
        """Nobody has taken the session yet."""

    def new_leg(self) -> LegId:
        return LegId(f"in-{next(self._numbers)}")

    def local_address(self, destination: Source) -> tuple[str, int]:
        return self.address, 5060

    def connected(self, destination: Source) -> bool:
        return True

    def _entropy(self, size: int) -> bytes:
        return (next(self._random) * 0x9E3779B97F4A7C15 % (1 << 8 * size)).to_bytes(size)
