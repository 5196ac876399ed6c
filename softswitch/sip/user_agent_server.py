"""Requests that no transaction knows: what is refused without state, and who serves the rest (RFC 3261 section 8.2).

OPTIONS is answered to anyone, and in-dialog requests to whoever knows the dialog; INVITE and REGISTER go through
admission, whose refusal (the one 401 or 407 of section 26.3.2.4) is sent without keeping anything. What is for somebody
else and needs no call of ours goes to the proxy.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from softswitch.errors import PeerError
from softswitch.sip.capabilities import ACCEPT, ALLOW_OUTSIDE, METHODS, PROXIED, SUPPORTED
from softswitch.sip.dialog import Dialog
from softswitch.sip.dialog_client import DialogClient
from softswitch.sip.errors import ParseError
from softswitch.sip.extension_rules import ALL, ExtensionRules
from softswitch.sip.guard import Guard
from softswitch.sip.identity import Identity
from softswitch.sip.incoming_invite import IncomingInvite
from softswitch.sip.message import Request, Response, make_response
from softswitch.sip.notifier import Notifier
from softswitch.sip.overload import retry_after
from softswitch.sip.proxy import Proxy, check_proxy_require
from softswitch.sip.proxy_plan import ProxyPlan
from softswitch.sip.screening import check_extensions, check_hops
from softswitch.sip.secure_uris import check_arrival, secure_dialog
from softswitch.sip.server_transaction import ServerTransaction
from softswitch.sip.session import Session
from softswitch.sip.session_layer import SessionLayer
from softswitch.sip.source import Source
from softswitch.sip.stack_owner import StackOwner
from softswitch.sip.stack_stats import StackStats
from softswitch.sip.transaction import TransactionKey
from softswitch.sip.via import Via

SCHEMES = ("sip", "sips", "tel")
RETRY_AFTER = ("Retry-After", "5")
_MAY_BE_PROXIED = frozenset({"INVITE", *PROXIED})
_INSIDE_ONLY = ("BYE", "INFO", "UPDATE", "PRACK", "REFER", "NOTIFY")


@dataclass(slots=True)
class Arrival:
    """A valid new request. Not frozen: one for each."""

    request: Request
    key: TransactionKey
    vias: Sequence[Via]
    """As received; empty where `key` says all that matters of the only one."""
    source: Source
    reply: Source
    """Where its responses go."""
    now: float

    @property
    def via_host(self) -> str:
        """Of its top Via's sent-by."""
        return self.vias[0].host if self.vias else self.key.sent_by.rpartition(":")[0]


class ServerLayer(SessionLayer, Protocol):
    notifier: Notifier
    proxy: Proxy
    stats: StackStats
    guard: Guard
    extension_rules: Mapping[Identity, ExtensionRules]
    """Of those with whom not everything counts that we can do."""
    draining: bool

    def new_server(
        self, request: Request, key: TransactionKey, reply: Source, now: float
    ) -> ServerTransaction | None: ...

    def refuse(
        self,
        request: Request,
        reply: Source,
        status: int,
        reason: str | None = None,
        headers: Iterable[tuple[str, str]] = (),
    ) -> None: ...

    def reply(self, response: Response, reply: Source) -> None: ...

    def stateless_tag(self, request: Request) -> str: ...

    def merged(self, request: Request) -> bool: ...

    def ours(self) -> set[str]: ...

    def session(self, call_id: str, local_tag: str) -> Session | None: ...

    def add_session(self, session: Session) -> None: ...

    def token(self, size: int = 8) -> str: ...

    def common(self, name: str) -> tuple[tuple[str, str], ...]: ...


class UserAgentServer:
    def __init__(self, layer: ServerLayer, owner: StackOwner) -> None:
        self._layer = layer
        self._owner = owner

    def receive(self, arrival: Arrival) -> None:
        """Serve or refuse; raises ParseError only."""
        request = arrival.request
        try:
            if request.to_tag:
                self._inside(arrival)
            else:
                if request.method not in PROXIED:  # a proxy does not look at Require
                    check_extensions(request)
                self._outside(arrival)
        except ParseError:
            raise
        except PeerError as error:
            self._refuse(arrival, error.sip_status, reason=error.reason, headers=error.headers)

    def _inside(self, arrival: Arrival) -> None:
        request = arrival.request
        if request.method == "SUBSCRIBE" and self._layer.notifier.find(request.call_id, request.to_tag):
            self._admit(arrival)
            return
        session = self._layer.session(request.call_id, request.to_tag)
        if session is None:
            self._inside_proxied(arrival)
            return
        check_extensions(request)
        transaction = self._transaction(arrival)
        if transaction is not None:
            session.receive(transaction, request, arrival.now)

    def _inside_proxied(self, arrival: Arrival) -> None:
        call = self._layer.proxy.call_of(arrival.request)
        if call is None:
            check_extensions(arrival.request)
            self._refuse(arrival, 481)
            return
        check_proxy_require(arrival.request)
        if arrival.request.max_forwards == 0:
            self._refuse(arrival, 483)
            return
        transaction = self._transaction(arrival)
        if transaction is not None:
            self._layer.proxy.serve_inside(call, transaction, arrival.source, arrival.now)

    def _outside(self, arrival: Arrival) -> None:
        request = arrival.request
        if self._layer.guard.is_scanner(request, arrival.source, arrival.now):
            return
        check_hops(request, arrival.vias, arrival.key.sent_by, self._layer.ours())
        check_arrival(request, arrival.source)
        if request.uri.scheme not in SCHEMES:
            self._refuse(arrival, 416)
        elif request.method == "OPTIONS":
            self._options(arrival)
        elif request.method in PROXIED and self._layer.proxy.policy is not None:
            self._admit(arrival)
        elif request.method in _INSIDE_ONLY:
            self._refuse(arrival, 481)
        elif request.method not in METHODS:
            self._refuse(arrival, 405, headers=(ALLOW_OUTSIDE,))
        elif self._layer.merged(request):
            self._refuse(arrival, 482)
        elif request.method == "INVITE" and self._layer.draining:
            self._refuse(arrival, 503, headers=(RETRY_AFTER,))
        elif self._layer.guard.overload.refuses(request.method):
            self._refuse_for_now(arrival)
        else:
            self._admit(arrival)

    def _options(self, arrival: Arrival) -> None:
        if self._layer.draining:
            self._refuse(arrival, 503, headers=(RETRY_AFTER,))
        elif not self._options_passed_on(arrival):
            self._refuse(arrival, 200, headers=(ALLOW_OUTSIDE, ACCEPT, SUPPORTED))

    def _options_passed_on(self, arrival: Arrival) -> bool:
        """To a phone, for another one of ours. Everybody else is answered for us, whatever he asks about."""
        request, proxy = arrival.request, self._layer.proxy
        if proxy.home is None or not request.uri.user or request.max_forwards == 0:
            return False
        identity = proxy.home.sender(request, arrival.source)
        plan = proxy.plan(request, identity) if identity is not None else None
        if identity is None or plan is None:
            return False
        self._proxied(arrival, identity, plan)
        return True

    def _proxied(self, arrival: Arrival, identity: Identity, plan: ProxyPlan) -> None:
        transaction = self._transaction(arrival)
        if transaction is not None:
            self._layer.proxy.serve(transaction, identity, plan, arrival.source, arrival.now)

    def _refuse_for_now(self, arrival: Arrival) -> None:
        request = arrival.request
        seconds = retry_after(request.method, request.call_id)
        self._refuse(arrival, 503, headers=(("Retry-After", str(seconds)),))

    def _admit(self, arrival: Arrival) -> None:
        request = arrival.request
        verdict = self._owner.admit(request, arrival.source, arrival.now)
        if isinstance(verdict, Response):
            self._layer.reply(verdict, arrival.reply)
            return
        plan = self._layer.proxy.plan(request, verdict) if request.method in _MAY_BE_PROXIED else None
        if plan is not None:
            self._proxied(arrival, verdict, plan)
            return
        if request.method in PROXIED:
            self._refuse(arrival, 405, headers=(ALLOW_OUTSIDE,))
            return
        transaction = self._transaction(arrival)
        if transaction is None:
            return
        if request.method == "REGISTER":
            transaction.respond(
                self._owner.register(request, verdict, arrival.source, arrival.now), arrival.now
            )
            transaction.answered_for_good()
        elif request.method == "SUBSCRIBE":
            self._layer.notifier.serve(transaction, verdict, arrival.source, arrival.now)
        else:
            self._invite(arrival, transaction, verdict)

    def _invite(self, arrival: Arrival, transaction: ServerTransaction, identity: Identity) -> None:
        request, layer, now = arrival.request, self._layer, arrival.now
        tag = layer.token()
        common = layer.common("Server")
        address = arrival.source.address
        if not layer.guard.may_hold("dialogs", address, now):
            transaction.respond(make_response(request, 503, to_tag=tag, headers=(RETRY_AFTER, *common)), now)
            return
        try:
            if not request.contacts:
                raise PeerError("an INVITE without Contact", reason="Missing Contact")
            secure = secure_dialog(request, arrival.source)
            contact = layer.contact(arrival.source, request.uri.user, secure=secure)
            extensions = layer.extension_rules.get(identity, ALL)
            extensions.check(request)
            invite = IncomingInvite(
                layer,
                transaction,
                local_tag=tag,
                contact=contact,
                common=common,
                now=now,
                extensions=extensions,
            )
            session = Session(
                layer,
                leg=self._owner.new_leg(),
                direction="in",
                identity=identity,
                call_id=request.call_id,
                local_tag=tag,
                remote=request.from_,
                common=common,
                on_event=self._owner.nothing,
            )
            session.refresh.timer.extensions = extensions
            client = DialogClient(
                layer,
                Dialog.of_callee(request, tag),
                arrival.source,
                contact=contact,
                via_host=arrival.via_host,
                sticky=identity.kind == "endpoint",
                common=common,
            )
            session.begin_incoming(invite, client)
        except PeerError as error:
            layer.guard.quotas.give("dialogs", address)
            extra = (ACCEPT,) if error.sip_status == 415 else error.headers
            response = make_response(
                request, error.sip_status, error.reason, to_tag=tag, headers=(*extra, *common)
            )
            transaction.respond(response, now)
            return
        transaction.on_cancel = session.receive_cancel
        layer.stats.sessions_in += 1
        layer.add_session(session)
        layer.guard.quotas.dialog_begins(session.call_id, tag, address)
        layer.deliver(self._owner.invited, session)

    def _transaction(self, arrival: Arrival) -> ServerTransaction | None:
        return self._layer.new_server(arrival.request, arrival.key, arrival.reply, arrival.now)

    def _refuse(
        self,
        arrival: Arrival,
        status: int,
        *,
        reason: str | None = None,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        self._layer.refuse(arrival.request, arrival.reply, status, reason, headers)
