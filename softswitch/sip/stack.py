"""The composing sans-IO core: bytes in, outputs and events out (RFC 3261 sections 8, 17, 18; RFC 3581, 6026).

Owns the transactions, the sessions and the one heap of timers, and answers without state what needs none. Refuses more
transactions of peers than it was told to hold. Datagrams come in by `receive`, time by `tick`; `take` empties what is
to be done, `on_output` says that there is something. Registrations and admission are asked through `StackOwner`.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from softswitch.ids import LegId
from softswitch.sip.calling import Calling
from softswitch.sip.challenge import ChallengeMemory
from softswitch.sip.client_transaction import ClientTransaction, FailureHandler, ResponseHandler
from softswitch.sip.dead_targets import DeadTargets
from softswitch.sip.errors import ParseError
from softswitch.sip.events import SessionEvent
from softswitch.sip.guard import TRUSTING, Guard
from softswitch.sip.large_request import LONGEST_DATAGRAM, LargeRequests
from softswitch.sip.message import Request, Response
from softswitch.sip.message_receiver import MessageReceiver
from softswitch.sip.nat import is_address
from softswitch.sip.notifier import Notifier
from softswitch.sip.outgoing_invite import InvitePlan, OutgoingInvite
from softswitch.sip.outputs import Deliver, LookUp, Output, Send
from softswitch.sip.proxy import Proxy
from softswitch.sip.screening import branch_of
from softswitch.sip.secure_uris import may_go
from softswitch.sip.server_transaction import ServerTransaction
from softswitch.sip.session import Session
from softswitch.sip.session_layer import Located, LocatedAll
from softswitch.sip.source import Source
from softswitch.sip.stack_owner import StackOwner
from softswitch.sip.stack_settings import StackSettings
from softswitch.sip.stack_stats import StackStats
from softswitch.sip.stateless_replies import StatelessReplies
from softswitch.sip.target_probes import TargetProbes
from softswitch.sip.timers import TimerHeap
from softswitch.sip.transaction import Transaction, TransactionKey
from softswitch.sip.transaction_table import TransactionTable
from softswitch.sip.uri import Uri
from softswitch.sip.user_agent_server import UserAgentServer
from softswitch.sip.way import direct_place, own_contact, transport_of

RETRY_AFTER_S = 5
_KEEPALIVE = b"\r\n\0 \t"


class SipStack:
    """A `SessionLayer` and a `TransactionLayer`; see the module's docstring."""

    def __init__(
        self,
        settings: StackSettings,
        owner: StackOwner,
        *,
        monotonic: Callable[[], float],
        entropy: Callable[[int], bytes],
        guard: Guard | None = None,
    ) -> None:
        self.settings = settings
        self.guard = guard if guard is not None else Guard(TRUSTING)
        self._at_hand: tuple[Source, int, float] | None = None
        self.timer_values = settings.timers
        self.session_timer = settings.session_timer
        self.extension_rules = settings.extension_rules
        self.timers = TimerHeap()
        self.dead_targets = DeadTargets()
        self.stats = StackStats()
        self.draining = False
        self.on_output: Callable[[], None] | None = None
        self.now = monotonic
        self.entropy = entropy
        self._owner = owner
        self._outputs: list[Output] = []
        self._busy = False
        self._table = TransactionTable(self.guard.quotas)
        self._sessions: dict[tuple[str, str], Session] = {}
        self._sent_by: set[str] = set()
        self._stateless = StatelessReplies(self)
        self.notifier = Notifier(self)
        self.proxy = Proxy(self)
        server = UserAgentServer(self, owner)
        self._receiver = MessageReceiver(self, self._table, server, self._stateless)
        self._large = LargeRequests(self)
        self._target_probes = TargetProbes(self, self.dead_targets)

    # Input.

    def receive(self, data: bytes, source: Source, now: float) -> list[Output]:
        """One datagram, or one message that a stream was cut into."""
        self.stats.received += 1
        before, self._busy = self._busy, True
        try:
            if data[:1] <= b" " and not data.strip(_KEEPALIVE):
                self._keepalive(data, source)
            else:
                self.stats.incoming.count(data)
                self._at_hand = source, len(data), now
                self._receiver.receive(data, source, now)
        finally:
            self._busy = before
            self._at_hand = None
        return self.take()

    @property
    def room(self) -> int:
        """Most bytes of a stateless answer to the datagram at hand; 0 is no limit."""
        return self.guard.room(*self._at_hand) if self._at_hand is not None else 0

    def tick(self, now: float) -> list[Output]:
        """Fire what is due."""
        before, self._busy = self._busy, True
        try:
            self.timers.fire(now)
        finally:
            self._busy = before
        return self.take()

    def next_deadline(self) -> float | None:
        return self.timers.next_deadline()

    def located(self, then: LocatedAll, places: tuple[Source, ...], now: float) -> list[Output]:
        """The finding of a `LookUp`."""
        with self._step():
            then(places, now)
        return self.take()

    def transport_failed(self, destination: Source, now: float) -> list[Output]:
        """Nothing can be sent to `destination`: what waits for an answer from there is told."""
        with self._step():
            self._table.transport_failed(destination, now)
        return self.take()

    def refuse_broken(self, error: ParseError, source: Source) -> list[Output]:
        """Answer what a stream broke on, where that is possible; its connection is closed afterwards."""
        with self._step():
            self._stateless.broken(error, source)
        return self.take()

    def take(self) -> list[Output]:
        """What is to be done, in order."""
        outputs, self._outputs = self._outputs, []
        return outputs

    @property
    def only_sends(self) -> bool:
        """What is to be done tells nobody anything."""
        return all(type(each) is Send for each in self._outputs)

    # What owners of calls and registrations ask.

    def invite(
        self,
        plan: InvitePlan,
        *,
        leg: LegId,
        memory: ChallengeMemory | None,
        on_event: Callable[[SessionEvent], None],
    ) -> Session:
        """Begin a call; its INVITE leaves as soon as it is known where to. Nothing is told before this returns: the
        caller takes the outputs."""
        session = Session(
            self,
            leg=leg,
            direction="out",
            identity=None,
            call_id=plan.call_id,
            local_tag=plan.local_tag,
            remote=plan.to,
            common=self.common("User-Agent"),
            on_event=on_event,
        )
        self.stats.sessions_out += 1
        session.refresh.timer.extensions = plan.extensions
        self.add_session(session)
        before, self._busy = self._busy, True
        try:
            session.begin_outgoing(
                OutgoingInvite(self, plan, Calling(session), memory=memory, common=self.common("User-Agent"))
            )
        finally:
            self._busy = before
        return session

    def request_outside(
        self,
        method: str,
        *,
        request_uri: Uri,
        destination: Source,
        headers: Iterable[tuple[str, str]],
        on_response: ResponseHandler,
        on_failure: FailureHandler,
    ) -> None:
        """Send a request that belongs to no dialog; `headers` are all but Via, Max-Forwards and User-Agent."""
        first = (("Via", self.via(destination, str(request_uri))), ("Max-Forwards", "70"))
        request = Request.build(method, request_uri, headers=(*first, *headers, *self.common("User-Agent")))
        self.start_client(request, destination, on_response, on_failure)

    def reconfigure(self, settings: StackSettings) -> None:
        """Counts for what begins from now on."""
        self.settings = settings
        self.timer_values = settings.timers
        self.session_timer = settings.session_timer
        self.extension_rules = settings.extension_rules

    def token(self, size: int = 8) -> str:
        """A tag or Call-ID that cannot be guessed."""
        return self.entropy(size).hex()

    def sessions(self) -> list[Session]:
        return list(self._sessions.values())

    @property
    def transactions(self) -> int:
        return len(self._table)

    def common(self, name: str) -> tuple[tuple[str, str], ...]:
        """User-Agent of requests, Server of responses."""
        return ((name, self.settings.user_agent),) if self.settings.user_agent else ()

    # SessionLayer and TransactionLayer.

    def deliver(self, handler: Callable[[Any], None], event: object) -> None:
        self._outputs.append(Deliver(handler, event))
        if not self._busy and self.on_output is not None:
            self.on_output()

    def send(self, data: bytes, destination: Source) -> None:
        stats = self.stats
        stats.sent += 1
        stats.outgoing.count(data)
        self._outputs.append(Send(data, destination))
        if not self._busy and self.on_output is not None:
            self.on_output()

    def locate(self, uri: Uri, then: Located) -> None:
        dead = len(self.dead_targets)
        if not dead and is_address(uri.host):
            then(direct_place(uri), self.now())
            return

        def first(places: tuple[Source, ...], now: float) -> None:
            ordered = self.dead_targets.ordered(places, now) if len(places) > 1 or dead else places
            then(ordered[0] if ordered else None, now)

        self.locate_all(uri, first)

    def locate_all(self, uri: Uri, then: LocatedAll) -> None:
        if is_address(uri.host) or not transport_of(uri):
            direct = direct_place(uri)
            then((direct,) if direct is not None else (), self.now())
        else:
            self._emit(LookUp(uri, then))

    def connected(self, destination: Source) -> bool:
        return self._owner.connected(destination)

    def via(self, destination: Source, request_uri: str) -> str:
        place = _place(*self._owner.local_address(destination))
        self._sent_by.add(place)
        branch = branch_of(self.entropy(10), request_uri)
        return f"SIP/2.0/{destination.transport.upper()} {place};branch={branch};rport"

    def contact(self, destination: Source, user: str, *, secure: bool = False) -> str:
        place = _place(*self._owner.local_address(destination))
        return own_contact(place, destination.transport, user, secure=secure)

    def start_client(
        self, request: Request, destination: Source, on_response: ResponseHandler, on_failure: FailureHandler
    ) -> ClientTransaction:
        transaction = ClientTransaction(
            request, destination, self, on_response=on_response, on_failure=on_failure
        )
        if transaction.size > LONGEST_DATAGRAM and destination.transport == "udp":
            large = self._large.over_tcp(request, destination, on_response, on_failure)
            transaction = large or transaction
        self._table.add_client(transaction)
        now = self.now()
        self.guard.proved(destination.address, now)
        if request.to_tag or may_go(request.uri, destination):  # of a dialog, its owner has looked
            transaction.start(now)
        else:
            self.timers.start(now, transaction.transport_failed)
        return transaction

    def keep_client(self, transaction: ClientTransaction) -> None:
        """One that goes on under another key."""
        self._table.add_client(transaction)

    def keep_server(self, transaction: ServerTransaction) -> None:
        """One from before a restart: it was let in then, and counts against its peer again."""
        self.guard.quotas.take("transactions", transaction.peer.address, 0)
        self._table.add_server(transaction)

    def forget(self, transaction: Transaction) -> None:
        self._table.forget(transaction)

    def allow_copies(self, transaction: ServerTransaction) -> None:
        """Another copy of its request may be served beside it: whoever answers it tells them apart."""
        self._table.allow_copies(transaction)

    def forget_session(self, call_id: str, local_tag: str) -> None:
        self._sessions.pop((call_id, local_tag), None)
        self.guard.quotas.end_dialog(call_id, local_tag)

    # What the user agent server needs.

    def new_server(
        self, request: Request, key: TransactionKey, reply: Source, now: float
    ) -> ServerTransaction | None:
        """A transaction for a new request; None, and 503, when there are too many."""
        full = len(self._table.servers) >= self.settings.max_transactions
        if full or not self.guard.may_hold("transactions", reply.address, now):
            self.refuse(request, reply, 503, headers=(("Retry-After", str(RETRY_AFTER_S)),))
            return None
        transaction = ServerTransaction(request, key, reply, self, now)
        self._table.add_server(transaction)
        return transaction

    def refuse(
        self,
        request: Request,
        reply: Source,
        status: int,
        reason: str | None = None,
        headers: Iterable[tuple[str, str]] = (),
    ) -> None:
        """A stateless final response, but never to an ACK."""
        self._stateless.refuse(request, reply, status, reason, headers)

    def reply(self, response: Response, reply: Source) -> None:
        """Without state, and only where that does not turn a little of a forged source into much."""
        self._stateless.reply(response, reply)

    def stateless_tag(self, request: Request) -> str:
        """The same To-tag for each repetition of a request (section 8.2.7), and one that cannot be guessed."""
        return self._stateless.tag(request)

    def merged(self, request: Request) -> bool:
        """The same request has come by another way and is being served (section 8.2.2.2)."""
        return self._table.merged(request)

    def ours(self) -> set[str]:
        """The sent-by values of our Vias."""
        return self._sent_by

    def session(self, call_id: str, local_tag: str) -> Session | None:
        return self._sessions.get((call_id, local_tag))

    def knows_dialog(self, call_id: str, local_tag: str) -> bool:
        """A session's, a subscription's, or one of a call that is proxied."""
        return (
            (call_id, local_tag) in self._sessions
            or self.proxy.knows(call_id)
            or self.notifier.find(call_id, local_tag) is not None
        )

    def add_session(self, session: Session) -> None:
        self._sessions[session.call_id, session.local_tag] = session

    # Steps and what comes out of them.

    @contextmanager
    def _step(self) -> Iterator[None]:
        """While it lasts, whoever began it takes the outputs."""
        before, self._busy = self._busy, True
        try:
            yield
        finally:
            self._busy = before

    def wake(self) -> None:
        """Timers have been started outside a step: tell the shell, which sets its alarm."""
        if not self._busy and self.on_output is not None:
            self.on_output()

    def _emit(self, output: Output) -> None:
        """Also tells the shell, unless it waits for what a step returns."""
        self._outputs.append(output)
        if not self._busy and self.on_output is not None:
            self.on_output()

    def _keepalive(self, data: bytes, source: Source) -> None:
        """CRLF CRLF over a stream gets its CRLF (RFC 5626 section 4.4.1); a datagram gets nothing, whatever it is."""
        self.stats.keepalives += 1
        if source.transport != "udp" and data == b"\r\n\r\n":
            self._emit(Send(b"\r\n", source))


def _place(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
