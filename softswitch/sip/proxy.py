"""The stateful proxy core (RFC 3261 section 16): requests that need no call of ours between the two ends.

MESSAGE and INFO outside dialogs, OPTIONS to a phone, and calls whose media goes directly, each where its policy says so;
then all requests of those calls. It is no open relay: a request outside dialogs goes to our phones and trunks alone, by
somebody who has proven who he is; one within a dialog goes to the other side of a call that we know, or is refused. What
belongs to no transaction and no such call is dropped: responses silently (RFC 6026 section 8.9), so is an ACK.
"""

import hashlib
from collections.abc import Callable, Iterable
from typing import Protocol

from softswitch.errors import PeerError
from softswitch.sip.forwarding import ASSERTED, Hop, consumed, forwarded, left_of_route
from softswitch.sip.identity import Identity
from softswitch.sip.message import Request, Response, make_response
from softswitch.sip.proxied_call import Callee, CallKey, ProxiedCall
from softswitch.sip.proxy_branch import ProxyBranch
from softswitch.sip.proxy_context import ProxyContext
from softswitch.sip.proxy_home import ProxyHome
from softswitch.sip.proxy_plan import ProxyPlan, ProxyPolicy, ProxyTarget, request_uri_for, targets_for
from softswitch.sip.record_route import record_routes
from softswitch.sip.registrar import Binding
from softswitch.sip.screening import BadExtension
from softswitch.sip.server_transaction import ServerTransaction
from softswitch.sip.session_layer import SessionLayer
from softswitch.sip.source import Source
from softswitch.sip.transaction import MAGIC_COOKIE
from softswitch.sip.uri import Uri

CREDENTIALS = frozenset({"authorization", "proxy-authorization"})


class ProxyLayer(SessionLayer, Protocol):
    def token(self, size: int = 8) -> str: ...

    def stateless_tag(self, request: Request) -> str: ...

    def allow_copies(self, transaction: ServerTransaction) -> None:
        """Another copy of its request may be served beside it: whoever answers it tells them apart."""


class NotARelay(PeerError):
    sip_status = 403

    def __init__(self) -> None:
        super().__init__("a Route that leads elsewhere", reason="Not A Relay")


class NotOurDomain(PeerError):
    sip_status = 404

    def __init__(self) -> None:
        super().__init__("a Request-URI of another domain")


class Proxy:
    def __init__(self, layer: ProxyLayer) -> None:
        self._layer = layer
        self._mark = layer.token(6)
        self.policy: ProxyPolicy | None = None
        """Together with `home`; None: nothing is proxied."""
        self.home: ProxyHome | None = None
        self.calls: dict[CallKey, ProxiedCall] = {}
        self._by_call_id: dict[str, int] = {}
        self.proxied = 0
        """Requests outside dialogs so far."""

    # --- outside dialogs ---------------------------------------------------------------------------------------------

    def plan(self, request: Request, identity: Identity) -> ProxyPlan | None:
        """Where this request goes; None: it is for the user agent. Raises PeerError where a proxy refuses."""
        policy = self.policy
        plan = policy.plan(request, identity) if policy is not None and self.home is not None else None
        if plan is not None:
            check_proxy_require(request)
        return plan

    def serve(
        self,
        transaction: ServerTransaction,
        identity: Identity,
        plan: ProxyPlan,
        source: Source,
        now: float,
    ) -> None:
        """Send on what `plan` was made for."""
        request, policy, home = transaction.request, self.policy, self.home
        assert policy is not None and home is not None
        try:
            uri, left = self._way(request, source)
            if left or (left is None and request.routes):
                raise NotARelay
            if not home.answers_for(uri, source):
                raise NotOurDomain
            targets = targets_for(request.uri, plan.targets)
        except PeerError as error:
            self._refuse(transaction, error.sip_status, error.reason, now, error.headers)
            return
        if not targets:
            self._refuse(transaction, plan.status, plan.reason, now)
            return
        self.proxied += 1
        self._layer.allow_copies(transaction)
        without = plan.without | consumed(request, home.realms) | {"route"}
        context = ProxyContext(self._layer, self, transaction, targets, without=without)
        context.source = source
        if request.method != "INVITE":
            context.start(now)
            return
        transaction.respond(make_response(request, 100), now)
        call = ProxiedCall(context, identity, source, self._layer.timers, on_gone=self._forget)
        known = self.calls.get(call.key)
        if known is not None and not known.is_over:
            context.start(now)  # it comes by a second time, or by another way: its dialog is watched already
            return
        if known is not None:
            self._forget(known)
        context.call = call
        self._remember(call)
        policy.begun(call)

    # --- within dialogs ----------------------------------------------------------------------------------------------

    def call_of(self, request: Request) -> ProxiedCall | None:
        """The proxied call that a request within a dialog belongs to."""
        if not self.calls:
            return None
        call_id = request.call_id
        return self.calls.get((call_id, request.from_tag)) or self.calls.get((call_id, request.to_tag))

    def knows(self, call_id: str) -> bool:
        """Whether a call of this Call-ID is proxied."""
        return call_id in self._by_call_id

    def serve_inside(
        self, call: ProxiedCall, transaction: ServerTransaction, source: Source, now: float
    ) -> None:
        request = transaction.request
        other = call.other_side(request)
        if other is None:
            self._refuse(transaction, 481, None, now)
            return
        if other.place.transport != "udp" and not self._layer.connected(other.place):
            self._refuse(transaction, 430, None, now)
            return
        uri, left = self._way(request, source)
        target = ProxyTarget(where=uri, party=other.party)
        without = self._consumed(request)
        context = ProxyContext(self._layer, self, transaction, (), without=without, inside=True)
        context.source, context.call, context.left = source, call, left
        if request.method == "INVITE":
            transaction.respond(make_response(request, 100), now)
        context.start_at(target, other.place, now)

    def acknowledge(self, request: Request, source: Source) -> bool:
        """Pass on the ACK of a 2xx, end to end (section 16.11: the same branch each time); False: it is nobody's."""
        call = self.call_of(request)
        other = call.other_side(request) if call is not None else None
        if other is None or request.max_forwards == 0:
            return False
        uri, left = self._way(request, source)
        via = self._layer.via(other.place, str(request.uri))
        seen = hashlib.blake2s(str(request.top_via).encode("utf-8", "surrogateescape"), digest_size=10)
        head, _, behind = via.partition(";branch=")
        _, semicolon, more = behind.partition(";")
        via = f"{head};branch={MAGIC_COOKIE}{seen.hexdigest()}{semicolon}{more}"
        hop = Hop(via=via, uri=str(uri), left=left, without=self._consumed(request))
        self._layer.send(forwarded(request, hop).to_bytes(), other.place)
        return True

    # --- ContextOwner ------------------------------------------------------------------------------------------------

    def copy_for(self, context: ProxyContext, target: ProxyTarget, place: Source, breadth: int) -> Request:
        request = context.request
        via = self._layer.via(place, str(request.uri))
        if context.inside:
            hop = Hop(
                via=via,
                uri=str(target.uri),
                left=context.left,
                breadth=breadth,
                without=context.without,
            )
            return forwarded(request, hop)
        where = target.where
        routes = where.path if isinstance(where, Binding) else ()
        if target.proxy is not None:
            routes = (f"<{target.proxy};lr>",)
        hop = Hop(
            via=via,
            uri=str(request_uri_for(request.uri, target.uri)),
            routes=routes,
            record_routes=self._record_routes(context, place) if context.call is not None else (),
            breadth=breadth,
            without=context.without,
        )
        return forwarded(request, hop)

    def redirected(self, uris: Iterable[Uri]) -> tuple[ProxyTarget, ...]:
        return self.policy.redirected(uris) if self.policy is not None else ()

    def passing(
        self,
        context: ProxyContext,
        branch: ProxyBranch | None,
        response: Response,
        send: Callable[[], None],
    ) -> None:
        call, now = context.call, self._layer.now()
        if call is None:
            send()
        elif context.inside:
            if response.status >= 200:
                call.passing_inside(context.request, response, send, now)
            else:
                send()
        else:
            place = branch.place if branch is not None else None
            callee = Callee(place, branch.target.party) if branch is not None and place else None
            call.passing(callee, response, send, now)

    def tag_for(self, request: Request) -> str:
        return self._layer.stateless_tag(request)

    # --- inside ------------------------------------------------------------------------------------------------------

    def _way(self, request: Request, source: Source) -> tuple[Uri, tuple[str, ...] | None]:
        """Request-URI and Route, less what was for us; raises ParseError."""
        return left_of_route(request, self._made_here, lambda uri: self._leads_here(uri, source))

    def _made_here(self, uri: Uri) -> bool:
        return uri.params.get("px") == self._mark

    def _leads_here(self, uri: Uri, source: Source) -> bool:
        port = uri.port or (5061 if uri.scheme == "sips" or uri.transport == "tls" else 5060)
        home = self.home
        return self._made_here(uri) or (home is not None and home.is_ours(uri.host.strip("[]"), port, source))

    def _consumed(self, request: Request) -> frozenset[str]:
        if CREDENTIALS.isdisjoint(request.headers.keys) or self.home is None:
            return ASSERTED
        return ASSERTED | consumed(request, self.home.realms)

    def _record_routes(self, context: ProxyContext, callee: Source) -> tuple[str, ...]:
        home, caller = self.home, context.source
        assert home is not None and caller is not None
        places = home.told_place(caller), home.told_place(callee)
        secure = context.request.uri.scheme == "sips"
        return record_routes(self._mark, caller, callee, places, secure=secure)

    def _refuse(
        self,
        transaction: ServerTransaction,
        status: int,
        reason: str | None,
        now: float,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        tag = self.tag_for(transaction.request)
        transaction.respond(
            make_response(transaction.request, status, reason, to_tag=tag, headers=headers), now
        )

    def _remember(self, call: ProxiedCall) -> None:
        self.calls[call.key] = call
        self._by_call_id[call.key[0]] = self._by_call_id.get(call.key[0], 0) + 1

    def _forget(self, call: ProxiedCall) -> None:
        if self.calls.get(call.key) is not call:
            return
        del self.calls[call.key]
        self._by_call_id[call.key[0]] -= 1
        if not self._by_call_id[call.key[0]]:
            del self._by_call_id[call.key[0]]


def check_proxy_require(request: Request) -> None:
    """We have no extension that a proxy must have (section 16.3 item 5)."""
    if "Proxy-Require" in request.headers:
        raise BadExtension(tuple(request.headers.get_list("Proxy-Require")))
