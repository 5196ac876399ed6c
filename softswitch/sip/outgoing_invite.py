"""Our initial INVITE until it is over: next places, challenge, CANCEL, the 2xx of every fork and their ACKs.

RFC 3261 sections 8.1, 9.1, 13.2, RFC 6026. CANCEL waits for a provisional; a 2xx that crosses it, and each 2xx of
another fork than the first, is acknowledged and hung up. A place that is silent, overloaded or cannot be reached is left
for the next one (RFC 3263 section 4.3); what it says later is cancelled or hung up. What the answers mean for the call
is the session's.
"""

from functools import partial
from typing import Protocol

from softswitch.sip.address import Address
from softswitch.sip.capabilities import ACCEPT, ALLOW, SDP_TYPE
from softswitch.sip.challenge import ChallengeMemory
from softswitch.sip.client_transaction import ClientTransaction
from softswitch.sip.cseq import CSeq
from softswitch.sip.dialog import Dialog
from softswitch.sip.dialog_client import DialogClient
from softswitch.sip.extension_rules import ALL, ExtensionRules
from softswitch.sip.headers import Headers
from softswitch.sip.late_answers import MAX_FORKS, Acks, LateAnswers, acknowledge, acknowledged_again
from softswitch.sip.message import Request, Response
from softswitch.sip.request_forms import cancel_of
from softswitch.sip.secure_uris import SIPS
from softswitch.sip.session_layer import SessionLayer
from softswitch.sip.source import Source
from softswitch.sip.target_walk import TargetWalk
from softswitch.sip.timers import Timer
from softswitch.sip.unheeded import any_failure, any_response
from softswitch.sip.uri import Uri
from softswitch.value import value

_ABLE = (ALLOW, ACCEPT)
RINGING_LIMIT_S = 180.0
"""Timer C of RFC 3261 section 16.6: without a provisional for so long nobody is there any more."""


@value(tagged=False)
class InvitePlan:
    """Everything about an INVITE that is known before it is known where it goes."""

    call_id: str
    local_tag: str
    request_uri: Uri
    next_hop: Uri
    """Where it is sent, unless `flow` says."""
    flow: Source | None
    """The connection or NAT binding of a registered phone."""
    route: tuple[str, ...]
    from_: Address
    """Without a tag."""
    to: Address
    contact_user: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    max_forwards: int = 70
    hurry: bool = False
    """Somebody else can be called instead: even the last place may not be silent for long."""
    extensions: ExtensionRules = ALL
    """What counts with who is called."""
    phone: bool = False
    """A registered phone is called: whatever its answer names, requests of the dialog go to where it is."""

    @property
    def secure(self) -> bool:
        """Our Contact is `sips:` (RFC 3261 section 8.1.1.8)."""
        first = Address.parse(self.route[0]).uri if self.route else self.request_uri
        return SIPS in (self.request_uri.scheme, first.scheme)


class InviteListener(Protocol):
    def invite_headers(self) -> tuple[tuple[str, str], ...]:
        """What the session adds to each INVITE."""

    def worth_asking_again(self, response: Response) -> bool:
        """A refusal that other headers may turn into an answer."""

    def early_client(self, response: Response) -> DialogClient | None:
        """Of the early dialog that a 2xx confirms; None when there was none."""

    def provisional(self, response: Response, now: float) -> None: ...

    def succeeded(self, client: DialogClient, response: Response, now: float) -> bool:
        """The first 2xx; False when nobody wants it any more: it is hung up."""

    def failed(self, status: int, response: Response | None, now: float) -> None:
        """`response` is None when nobody said so."""


class OutgoingInvite:
    """Sends the INVITE of `plan` and follows it."""

    __slots__ = (
        "_acks",
        "_cancel_sent",
        "_cancelled",
        "_common",
        "_layer",
        "_left",
        "_listener",
        "_memory",
        "_plan",
        "_reason",
        "_sequence",
        "_silence",
        "_transaction",
        "_tries",
        "_walk",
        "_won",
        "contact",
        "destination",
    )

    def __init__(
        self,
        layer: SessionLayer,
        plan: InvitePlan,
        listener: InviteListener,
        *,
        memory: ChallengeMemory | None,
        common: tuple[tuple[str, str], ...],
    ) -> None:
        self._layer = layer
        self._plan = plan
        self._listener = listener
        self._memory = memory
        self._common = common
        self._sequence = 1
        self._transaction: ClientTransaction | None = None
        self._silence: Timer | None = None
        self._cancelled = False
        self._cancel_sent = False
        self._reason: tuple[tuple[str, str], ...] = ()
        self._won = ""
        self._acks: Acks = {}
        self._walk: TargetWalk | None = None
        self._tries = 0
        self._left: dict[str, tuple[ClientTransaction, bool]] = {}
        """Tries at places that were given up, by branch, and whether they have been cancelled."""
        self.destination: Source | None = None
        self.contact = ""

    @property
    def request(self) -> Request | None:
        """The INVITE as sent last; None until it is known where it goes."""
        return self._transaction.request if self._transaction is not None else None

    @property
    def sticky(self) -> bool:
        """As `DialogClient.sticky`, of each dialog that it makes."""
        return self._plan.phone or self._plan.flow is not None

    def client_of(self, invite: Request, response: Response, destination: Source) -> DialogClient:
        """Our requests in a dialog that this response has made."""
        return DialogClient(
            self._layer,
            Dialog.of_caller(invite, response),
            destination,
            contact=self.contact,
            sticky=self.sticky,
            memory=self._memory,
            common=self._common,
        )

    def leave_to(self, listener: InviteListener) -> None:
        """Whom answers matter to from now on."""
        self._listener = listener

    def let_go(self) -> None:
        """The call that it has begun is over, and no other dialog is known: it need not be kept for what comes late."""
        transaction = self._transaction
        if transaction is None or not self._won or self._left:
            return
        late = LateAnswers(
            self._layer,
            transaction,
            self._acks,
            contact=self.contact,
            sticky=self.sticky,
            memory=self._memory,
            common=self._common,
        )
        transaction.linger_for(late.heard)

    def acknowledged(self, tag: str) -> bool:
        """Whoever has this tag has answered with a 2xx."""
        return tag in self._acks

    def start(self) -> None:
        if self._plan.flow is not None:
            self._go(self._plan.flow, self._layer.now())
        else:
            self._layer.locate_all(self._plan.next_hop, self._located)

    def cancel(self, now: float, *, reason: tuple[tuple[str, str], ...] = ()) -> None:
        """Send CANCEL as soon as a provisional allows it; nothing at all when the INVITE has not left yet."""
        self._cancelled = True
        self._reason = reason
        if self._transaction is not None and self._transaction.provisional_seen:
            self._send_cancel(now)

    def _located(self, places: tuple[Source, ...], now: float) -> None:
        if self._cancelled:
            return
        self._walk = TargetWalk(places, self._layer.dead_targets, now, elsewhere=self._plan.hurry)
        if self._walk.current is None:
            self._listener.failed(503, None, now)
        else:
            self._go(self._walk.current, now)

    def _go(self, destination: Source, now: float) -> None:
        self.destination = destination
        self.contact = self._layer.contact(destination, self._plan.contact_user, secure=self._plan.secure)
        self._send(destination)
        walk = self._walk
        if self._silence is None and walk is not None and (walk.more or self._plan.hurry):
            self._silence = self._layer.timers.start(now + self._layer.timer_values.target, self._unheard)

    def _unheard(self, now: float) -> None:
        """No response at all so far."""
        self._silence = None
        transaction = self._transaction
        if self._cancelled or transaction is None:
            return
        transaction.hush()
        self._left[transaction.key.branch] = (transaction, False)
        self._tries += 1
        self._failed("timeout", now)

    def _send(self, destination: Source) -> None:
        plan = self._plan
        headers = [
            ("Via", self._layer.via(destination, str(plan.request_uri))),
            ("Max-Forwards", str(plan.max_forwards)),
            *(("Route", route) for route in plan.route),
            ("From", f"{plan.from_};tag={plan.local_tag}"),
            ("To", str(plan.to)),
            ("Call-ID", plan.call_id),
            ("CSeq", f"{self._sequence} INVITE"),
            ("Contact", self.contact),
            *_ABLE,
            *self._listener.invite_headers(),
            *self._common,
            *plan.headers,
        ]
        if plan.body:
            headers.append(("Content-Type", SDP_TYPE))
        known = {
            "call-id": plan.call_id,
            "from;tag": plan.local_tag,
            "to;tag": plan.to.tag,
            "cseq": CSeq(self._sequence, "INVITE"),
        }
        request = Request("INVITE", plan.request_uri, Headers(headers, known), plan.body)
        if self._memory is not None:
            self._memory.authorize(request)
        self._tries += 1
        lost = partial(self._lost, self._tries)
        self._transaction = self._layer.start_client(request, destination, self._response, lost)

    def _response(self, response: Response, now: float) -> None:
        if self._left and response.vias[0].branch in self._left:
            self._late(response, now)
            return
        if self._walk is not None:
            self._walk.answered(response)
        if response.status < 200:
            if response.status > 100:
                self._walk = None  # it rings there: whatever follows is the answer
            self._restart_silence(now)
            if self._cancelled:
                self._send_cancel(now)
            else:
                self._listener.provisional(response, now)
        elif response.status < 300:
            self._stop_silence()
            self._success(response, now)
        else:
            self._stop_silence()
            self._failure(response, now)

    def _failure(self, response: Response, now: float) -> None:
        memory, destination = self._memory, self.destination
        challenged = response.status in (401, 407) and not self._cancelled
        authorized = bool(challenged and memory and memory.learn(response, self._sequence))
        again = authorized or (not self._cancelled and self._listener.worth_asking_again(response))
        if again and destination is not None:
            self._sequence += 1
            self._send(destination)
        else:
            following = None if self._cancelled or self._walk is None else self._walk.refused(response, now)
            if following is not None:
                self._go(following, now)
            else:
                self._listener.failed(response.status, response, now)

    def _late(self, response: Response, now: float) -> None:
        """A place that was given up says something after all: nobody wants it any more."""
        branch = response.vias[0].branch
        transaction, cancelled = self._left[branch]
        if response.status < 200 and not cancelled:
            self._left[branch] = (transaction, True)
            cancel = cancel_of(transaction.request)
            self._layer.start_client(cancel, transaction.peer, any_response, any_failure)
        elif 200 <= response.status < 300:
            self._success(response, now, transaction)

    def _success(self, response: Response, now: float, late: ClientTransaction | None = None) -> None:
        tag = response.to_tag
        if acknowledged_again(self._layer, self._acks, tag):
            return
        transaction, destination = self._transaction, self.destination
        if late is not None:
            transaction, destination = late, late.peer
        if transaction is None or destination is None or len(self._acks) >= MAX_FORKS:
            return
        client = self._listener.early_client(response)
        if client is None:
            client = self.client_of(transaction.request, response, destination)
        else:
            client.dialog.confirmed_by(transaction.request, response)
        acknowledge(client, transaction.request, self._acks, tag)
        first = not self._won and late is None
        self._won = self._won or (tag or "-" if first else "")
        if not first or not self._listener.succeeded(client, response, now):
            client.request("BYE", on_response=any_response, on_failure=any_failure)

    def _lost(self, number: int, cause: str, now: float) -> None:
        if number != self._tries:
            return
        self._stop_silence()
        self._failed(cause, now)

    def _failed(self, cause: str, now: float) -> None:
        following = None
        if self._walk is not None:
            following = self._walk.silent(cause, now)
        if following is not None and not self._cancelled:
            self._go(following, now)
        else:
            self._listener.failed(408 if cause == "timeout" else 503, None, now)

    def _send_cancel(self, now: float) -> None:
        """Once; after 64*T1 without a final response it is over all the same (section 9.1)."""
        transaction, destination = self._transaction, self.destination
        if transaction is None or destination is None or transaction.final_seen or self._cancel_sent:
            return
        self._cancel_sent = True
        self._stop_silence()
        cancel = cancel_of(transaction.request)
        cancel.headers.extend((*self._common, *self._reason))
        self._layer.start_client(cancel, transaction.peer, any_response, any_failure)
        self._silence = self._layer.timers.start(now + self._layer.timer_values.timeout, self._gone)

    def _gone(self, now: float) -> None:
        self._silence = None
        if self._transaction is not None:
            self._transaction.abandon(now)
        self._listener.failed(408, None, now)

    def _restart_silence(self, now: float) -> None:
        if not self._cancel_sent:
            self._stop_silence()
            self._silence = self._layer.timers.start(now + RINGING_LIMIT_S, self._rang_out)

    def _rang_out(self, now: float) -> None:
        self._silence = None
        self.cancel(now)
        self._listener.failed(408, None, now)

    def _stop_silence(self) -> None:
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None
