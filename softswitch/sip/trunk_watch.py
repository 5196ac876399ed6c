"""Keeps an eye on every trunk: OPTIONS probes, registering outward, and one state made of both.

Sans-IO: drives `Probe` and `OutboundRegistration` with the stack's timers and transactions. A trunk whose configuration
did not change is not disturbed by a reload.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from softswitch.config.schema import Config, Trunk
from softswitch.config.secret import Secret
from softswitch.errors import PeerError, UnusableError
from softswitch.ids import TrunkName
from softswitch.sip.message import Response
from softswitch.sip.outbound_registration import OutboundRegistration, OutboundSettings, RegisterRequest
from softswitch.sip.probe import Probe, ProbeRequest
from softswitch.sip.session_layer import SessionLayer
from softswitch.sip.source import Source
from softswitch.sip.timers import Timer
from softswitch.sip.uri import Uri

TrunkListener = Callable[[TrunkName, str, str], None]
"""Called with name, state (`up`, `down`, `unregistered`, `unknown`) and reason when the state changes."""

ResponseHandler = Callable[[Response, float], None]
FailureHandler = Callable[[str, float], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkStatus:
    name: TrunkName
    state: str
    """`up`, `down` (its probes fail), `unregistered` (registering outward failed), or `unknown` yet."""
    reason: str
    """Why it is not up."""
    registration: str
    """State of registering outward; empty for a trunk that does not."""


class WatchLayer(SessionLayer, Protocol):
    def token(self, size: int = 8) -> str: ...

    def request_outside(
        self,
        method: str,
        *,
        request_uri: Uri,
        destination: Source,
        headers: Iterable[tuple[str, str]],
        on_response: ResponseHandler,
        on_failure: FailureHandler,
    ) -> None: ...


class _Watched:
    """One trunk."""

    def __init__(
        self, name: TrunkName, trunk: Trunk, secret: Secret | None, layer: WatchLayer, listener: TrunkListener
    ) -> None:
        try:
            host = Uri.parse(trunk.host)
        except PeerError as error:
            raise UnusableError(f"trunk.{name}.host: {error}; write sip:HOST[:PORT]") from error
        self.name = name
        self.made_of = (trunk, secret)
        self._layer = layer
        self._listener = listener
        self._user = secret.user if secret is not None else name
        self.probe = Probe(host, trunk.options_interval_s, trunk.options_failures)
        self.registration: OutboundRegistration | None = None
        if trunk.register is not None:
            settings = OutboundSettings.from_config(name, trunk, secret)
            self.registration = OutboundRegistration(settings, secret, layer.entropy(16))
        self._timer: Timer | None = None
        self._locating = False
        self._stopped = False
        self._told = ("unknown", "")

    def status(self) -> TrunkStatus:
        state, reason = self._state()
        registration = self.registration.state if self.registration is not None else ""
        return TrunkStatus(name=self.name, state=state, reason=reason, registration=registration)

    def tick(self, now: float) -> None:
        self._timer = None
        probe = self.probe.tick(now)
        if probe is not None:
            self._layer.locate(probe.uri, lambda place, at: self._send_probe(probe, place, at))
        registration = self.registration
        if registration is not None and not self._locating and _is_due(registration.next_deadline(), now):
            self._locating = True
            self._layer.locate(registration.settings.server, self._register)
        self._changed(now)

    def stop(self, now: float) -> None:
        """Take the registration back and be silent; what is still under way changes nothing any more."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
        registration = self.registration
        if registration is not None:
            request = registration.stop(now)
            if request is not None:
                self._layer.locate(
                    request.destination, lambda place, at: self._send_register(request, place, at)
                )

    def _send_probe(self, probe: ProbeRequest, place: Source | None, now: float) -> None:
        def answered(response: Response, at: float) -> None:
            if response.status >= 200:
                self.probe.response(probe.number, response.status, at)
                self._changed(at)

        def failed(cause: str, at: float) -> None:
            self.probe.failed(probe.number, "no answer" if cause == "timeout" else "cannot be reached", at)
            self._changed(at)

        if place is None:
            self.probe.failed(probe.number, "its name cannot be resolved", now)
            self._changed(now)
            return
        contact = self._layer.contact(place, "")
        headers = (
            ("From", f"{contact};tag={self._layer.token()}"),
            ("To", f"<{probe.uri}>"),
            ("Call-ID", self._layer.token(16)),
            ("CSeq", "1 OPTIONS"),
            ("Contact", contact),
            ("Accept", "application/sdp"),
        )
        self._layer.request_outside(
            "OPTIONS",
            request_uri=probe.uri,
            destination=place,
            headers=headers,
            on_response=answered,
            on_failure=failed,
        )

    def _register(self, place: Source | None, now: float) -> None:
        self._locating = False
        registration = self.registration
        if registration is None or self._stopped:
            return
        contact = self._layer.contact(place, self._user)[1:-1] if place is not None else ""
        request = registration.tick(now, contact)
        if request is not None:
            self._send_register(request, place, now)
        self._changed(now)

    def _send_register(self, request: RegisterRequest, place: Source | None, now: float) -> None:
        registration = self.registration
        assert registration is not None

        def answered(response: Response, at: float) -> None:
            if response.status < 200:
                return
            following = registration.response(response, request.cseq, at)
            if following is not None:
                self._send_register(following, place, at)
            self._changed(at)

        def failed(cause: str, at: float) -> None:
            reason = "no answer" if cause == "timeout" else "cannot be reached"
            registration.failed(reason, request.cseq, at)
            self._changed(at)

        if place is None:
            registration.failed("its name cannot be resolved", request.cseq, now)
            return
        self._layer.request_outside(
            "REGISTER",
            request_uri=request.uri,
            destination=place,
            headers=request.headers,
            on_response=answered,
            on_failure=failed,
        )

    def _changed(self, now: float) -> None:
        """Plan the next tick, and tell the listener what is new."""
        if self._stopped:
            return
        deadlines = [self.probe.next_deadline()]
        if self.registration is not None and not self._locating:
            deadlines.append(self.registration.next_deadline())
        due = min((at for at in deadlines if at is not None), default=None)
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if due is None else self._layer.timers.start(max(due, now), self.tick)
        if self._state() != self._told:
            self._told = self._state()
            self._layer.deliver(lambda told: self._listener(self.name, *told), self._told)

    def _state(self) -> tuple[str, str]:
        registration = self.registration
        if self.probe.state == "down":
            return "down", self.probe.reason
        if registration is not None and not registration.is_registered(self._layer.now()):
            if registration.state in ("waiting", "stopped"):
                return "unregistered", registration.reason
            return "unknown" if self._told[0] == "unknown" else self._told[0], registration.reason
        if self.probe.state == "unknown" and self.probe.next_deadline() is not None and registration is None:
            return "unknown", self.probe.reason
        return "up", ""


class TrunkWatch:
    def __init__(self, layer: WatchLayer, listener: TrunkListener) -> None:
        self._layer = layer
        self._listener = listener
        self._watched: dict[str, _Watched] = {}

    def reconfigure(self, config: Config, secrets: Mapping[tuple[str, str], Secret]) -> None:
        """Begin with new trunks, end with those that are gone; raises UnusableError, and then nothing has changed."""
        now = self._layer.now()
        kept: dict[str, _Watched] = {}
        for name, trunk in config.trunk.items():
            secret = secrets.get(("trunk", name))
            old = self._watched.get(name)
            same = old is not None and old.made_of == (trunk, secret)
            kept[name] = (
                old
                if old is not None and same
                else _Watched(TrunkName(name), trunk, secret, self._layer, self._listener)
            )
        gone = [old for name, old in self._watched.items() if kept.get(name) is not old]
        new = [watched for name, watched in kept.items() if self._watched.get(name) is not watched]
        self._watched = kept
        for watched in gone:
            watched.stop(now)
        for watched in new:
            watched.tick(now)

    def statuses(self) -> tuple[TrunkStatus, ...]:
        return tuple(watched.status() for watched in self._watched.values())

    def unregister(self) -> None:
        """Take every registration back, before the switch goes."""
        for watched in self._watched.values():
            watched.stop(self._layer.now())

    def unregistering(self) -> bool:
        """Answers are still awaited."""
        return any(status.registration == "removing" for status in self.statuses())


def _is_due(deadline: float | None, now: float) -> bool:
    return deadline is not None and deadline <= now
