"""The registrar at work: what a REGISTER changes is told, and what is not refreshed ends in time (RFC 3261 section 10.3).

Owns the one timer of expiry, and where contacts may lie; the bindings themselves are the `Registrar`'s.
"""

from collections.abc import Callable, Iterable

from softswitch.clock import Clock
from softswitch.ids import EndpointName
from softswitch.sip.contact_acl import contacts_allowed
from softswitch.sip.identity import Identity
from softswitch.sip.message import Request, Response, make_response
from softswitch.sip.registrar import Binding, BindingChange, Registrar, RegistrarSettings
from softswitch.sip.source import Source
from softswitch.sip.stack import SipStack
from softswitch.sip.timers import Timer


class Registrations:
    def __init__(
        self,
        registrar: Registrar,
        stack: SipStack,
        clock: Clock,
        on_change: Callable[[BindingChange], None],
    ) -> None:
        self._registrar = registrar
        self._stack = stack
        self._clock = clock
        self._on_change = on_change
        self._expiry: Timer | None = None
        self._ends: float | None = None

    def begin(self, settings: RegistrarSettings) -> None:
        """Watch over the bindings that outlived a restart."""
        self._registrar.settings = settings
        self._plan_expiry()

    def register(self, request: Request, identity: Identity, source: Source) -> Response:
        """Carry out an admitted REGISTER."""
        if not contacts_allowed(request.contacts, source, self._stack.guard.contact_networks):
            return make_response(request, 403, "Contact Not Allowed", to_tag=self._stack.token())
        result = self._registrar.register(
            request, EndpointName(identity.name), source, self._clock.wall(), to_tag=self._stack.token()
        )
        self._tell(result.changes)
        self._plan_expiry()
        return result.response

    def bindings(self, endpoint: EndpointName) -> tuple[Binding, ...]:
        """Where a registered phone is now, the newest first."""
        return self._registrar.bindings(endpoint, self._clock.wall())

    def all(self) -> tuple[Binding, ...]:
        return self._registrar.all(self._clock.wall())

    def reconfigure(self, settings: RegistrarSettings, endpoints: Iterable[str]) -> None:
        """Whoever is no endpoint any more is not registered either."""
        self._registrar.settings = settings
        for name in {binding.endpoint for binding in self.all()} - set(endpoints):
            self._tell(self._registrar.forget(name))

    def flow_lost(self, destination: Source) -> None:
        self._tell(self._registrar.flow_lost(destination))

    def _tell(self, changes: Iterable[BindingChange]) -> None:
        for change in changes:
            self._stack.deliver(self._on_change, change)

    def _plan_expiry(self) -> None:
        ends = self._registrar.next_expiry()
        if ends == self._ends:
            return
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        self._ends = ends
        if ends is not None:
            delay = max(0.0, ends - self._clock.wall())
            self._expiry = self._stack.timers.start(self._clock.monotonic() + delay, self._expire)

    def _expire(self, now: float) -> None:
        self._expiry = self._ends = None
        self._tell(self._registrar.expire(self._clock.wall()))
        self._plan_expiry()
