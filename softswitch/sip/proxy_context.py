"""One proxied request, from its server transaction to all its branches and back (RFC 3261 sections 16.5 to 16.10).

Targets are tried by preference: those of one q value at once, the next ones when all have failed, never more at once than
Max-Breadth allows (RFC 5393). The first 2xx goes back at once and cancels the rest; of an INVITE, every other 2xx too. A
6xx ends the search. Where all have failed the best response goes back, when the last branch has ended.
"""

from collections.abc import Callable, Iterable
from typing import Protocol

from softswitch.errors import PeerError
from softswitch.sip.forwarding import breadth_of, returned
from softswitch.sip.message import Request, Response, make_response
from softswitch.sip.proxied_call import ProxiedCall
from softswitch.sip.proxy_branch import BranchState, ProxyBranch
from softswitch.sip.proxy_plan import ProxyTarget
from softswitch.sip.response_context import ResponseContext
from softswitch.sip.secure_uris import SIPS
from softswitch.sip.server_transaction import ServerTransaction
from softswitch.sip.session_layer import SessionLayer
from softswitch.sip.source import Source
from softswitch.sip.uri import Uri

MAX_TARGETS = 32
"""Of one request, those of redirections included."""
_MAX_CONTACTS = 10


class ContextOwner(Protocol):
    def copy_for(
        self, context: "ProxyContext", target: ProxyTarget, place: Source, breadth: int
    ) -> Request: ...

    def redirected(self, uris: Iterable[Uri]) -> tuple[ProxyTarget, ...]: ...

    def passing(
        self,
        context: "ProxyContext",
        branch: ProxyBranch | None,
        response: Response,
        send: Callable[[], None],
    ) -> None:
        """A response goes back, by calling `send`: at once, or as soon as what it means is written down."""

    def tag_for(self, request: Request) -> str:
        """The To-tag of our own responses to it."""


class ProxyContext:
    def __init__(
        self,
        layer: SessionLayer,
        owner: ContextOwner,
        transaction: ServerTransaction,
        targets: Iterable[ProxyTarget],
        *,
        without: frozenset[str] = frozenset(),
        inside: bool = False,
    ) -> None:
        self._layer = layer
        self._owner = owner
        self.transaction = transaction
        self.request = transaction.request
        self.without = without
        self.inside = inside
        """Within a dialog: one target, and neither forks nor redirections."""
        self._invite = self.request.method == "INVITE"
        self._left = sorted(targets, key=lambda target: -target.q)[:MAX_TARGETS]
        self._seen = {str(target.uri) for target in self._left}
        self._responses = ResponseContext()
        self._breadth = 0
        self._share = 0
        self.branches: list[ProxyBranch] = []
        self.answered = False
        """A 2xx has gone back."""
        self.over = False
        """A final response has."""
        self.cancelled = False
        self.source: Source | None = None
        """Where the request came from."""
        self.call: ProxiedCall | None = None
        """The call that it begins or belongs to."""
        self.left: tuple[str, ...] | None = None
        """Within a dialog: Route values that are left."""
        transaction.on_cancel = self.receive_cancel

    def start(self, now: float) -> None:
        """Try the first targets."""
        if self._may_go_on():
            self._try_next(now)

    def start_at(self, target: ProxyTarget, place: Source, now: float) -> None:
        """Within a dialog: to the other side, where it is known to be."""
        if self._may_go_on():
            self._share = self._breadth
            branch = ProxyBranch(self._layer, self, target, invite=self._invite)
            self.branches.append(branch)
            branch.start_at(place, now)

    def _may_go_on(self) -> bool:
        if self.over:
            return False
        try:
            self._breadth = breadth_of(self.request)
        except PeerError as error:
            self._answer(self._own(error.sip_status, error.reason))
            return False
        if self._breadth < 1:
            self._answer(self._own(440))
        return self._breadth > 0

    def refuse(
        self, status: int, reason: str | None = None, headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        """Without trying anybody."""
        if not self.over:
            self._answer(make_response(self.request, status, reason, to_tag=self._tag(), headers=headers))

    def receive_cancel(self, cancel: ServerTransaction, now: float) -> None:
        """Section 16.10: answered here, and passed on as CANCELs of our own."""
        cancel.respond(make_response(cancel.request, 200, to_tag=self._tag()), now)
        if self.over or self.cancelled:
            return
        self.cancelled = True
        reason = cancel.request.headers.get("Reason") or ""
        if not self.branches:
            self.refuse(487)
        else:
            self._cancel_branches(now, (("Reason", reason),) if reason else ())

    # --- BranchListener ----------------------------------------------------------------------------------------------

    def request_for(self, branch: ProxyBranch, target: ProxyTarget, place: Source) -> Request:
        return self._owner.copy_for(self, target, place, self._share)

    def provisional(self, branch: ProxyBranch, response: Response, now: float) -> None:
        if self._invite and response.status > 100 and not self.over:
            back = returned(response)
            self._owner.passing(self, branch, back, lambda: self._respond(back))

    def final(self, branch: ProxyBranch, response: Response, now: float) -> None:
        back = returned(response)
        if response.status < 300:
            self._success(branch, back, now)
            return
        if not self._followed(response, now):
            self._responses.add(back)
        if response.status >= 600 and not self.over:
            self._cancel_branches(now)
        self._branch_over(now)

    def lost(self, branch: ProxyBranch, status: int, now: float) -> None:
        self._responses.add(self._own(status))
        self._branch_over(now)

    # --- inside ------------------------------------------------------------------------------------------------------

    def _try_next(self, now: float) -> None:
        """The most preferred targets that are left, together."""
        if not self._left:
            self._finish()
            return
        q = self._left[0].q
        together = [target for target in self._left if target.q == q][: self._breadth]
        del self._left[: len(together)]
        self._share = self._breadth // len(together)
        started = [ProxyBranch(self._layer, self, target, invite=self._invite) for target in together]
        self.branches += started
        for branch in started:
            if branch.state is BranchState.LOCATING:
                branch.start(now)

    def _success(self, branch: ProxyBranch, back: Response, now: float) -> None:
        if self.over and not (self._invite and self.answered):
            return
        self.answered = self.over = True
        self._left.clear()
        self._owner.passing(self, branch, back, lambda: self._respond(back))
        self._cancel_branches(now)

    def _followed(self, response: Response, now: float) -> bool:
        """A 3xx leads on where its contacts may be followed; then it is used up (section 16.7 step 4)."""
        if not 300 <= response.status < 400 or self.over or self.cancelled or self.inside:
            return False
        secure = self.request.uri.scheme == SIPS  # neither made of the other (RFC 5630 section 5.3)
        try:
            uris = [contact.uri for contact in response.contacts[:_MAX_CONTACTS]]
        except PeerError:
            return False
        fresh = [
            target
            for target in self._owner.redirected(uri for uri in uris if (uri.scheme == SIPS) == secure)
            if str(target.uri) not in self._seen and len(self._seen) < MAX_TARGETS
        ]
        self._seen |= {str(target.uri) for target in fresh}
        self._left = sorted([*fresh, *self._left], key=lambda target: -target.q)
        return bool(fresh)

    def _branch_over(self, now: float) -> None:
        if self.over or any(branch.state is not BranchState.DONE for branch in self.branches):
            return
        if self.cancelled or self._responses.global_failure:
            self._left.clear()
        self._try_next(now)

    def _finish(self) -> None:
        best = self._responses.best()
        if self.cancelled and (best is None or 400 <= best.status < 500):
            best = self._own(487) if best is None or best.status in (408, 480) else best
        self._answer(best if best is not None else self._own(480))

    def _cancel_branches(self, now: float, reason: tuple[tuple[str, str], ...] = ()) -> None:
        for branch in list(self.branches):
            branch.cancel(now, reason)

    def _answer(self, response: Response) -> None:
        self.over = True
        self._left.clear()
        self._owner.passing(self, None, response, lambda: self._respond(response))

    def _respond(self, response: Response) -> None:
        self.transaction.respond(response, self._layer.now())

    def _own(self, status: int, reason: str | None = None) -> Response:
        return make_response(self.request, status, reason, to_tag=self._tag())

    def _tag(self) -> str:
        return self._owner.tag_for(self.request)
