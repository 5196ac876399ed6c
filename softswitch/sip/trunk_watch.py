"""Keeps an eye on every trunk: OPTIONS probes, registering outward, and one state made of both.

Sans-IO: drives `Probe` and `OutboundRegistration` with the stack's timers and transactions. A trunk whose configuration
did not change is not disturbed by a reload.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from softswitch.config.schema import Config
from softswitch.config.secret import Secret
from softswitch.config.trunks import Trunk
from softswitch.errors import PeerError, UnusableError
from softswitch.ids import TrunkName
from softswitch.sip.message import Response
from softswitch.sip.outbound_registration import OutboundRegistration, OutboundSettings
from softswitch.sip.probe import Probe, ProbeRequest
from softswitch.sip.secure_uris import SIPS, secured
from softswitch.sip.session_layer import SessionLayer
from softswitch.sip.source import Source
from softswitch.sip.timers import Timer
from softswitch.sip.trunk_registration import WORDS, TrunkRegistration
from softswitch.sip.uri import Uri
from softswitch.sip.walked_request import WalkedRequest

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
    """State of registering outward; empty for a trunk that does not. At several registrars: each with its state."""
    unregistering: bool = False
    """An answer to taking a registration back is still awaited."""


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
            proxy = Uri.parse(trunk.outbound_proxy) if trunk.outbound_proxy else None
            self._proxy = secured(proxy) if proxy is not None and host.scheme == SIPS else proxy
        except PeerError as error:
            raise UnusableError(f"trunk.{name}: {error}; write sip:HOST[:PORT]") from error
        self.name = name
        self.made_of = (trunk, secret)
        self._layer = layer
        self._listener = listener
        self.probe = Probe(host, trunk.options_interval_s, trunk.options_failures)
        user = secret.user if secret is not None else name
        self.registrations = [
            TrunkRegistration(
                layer,
                OutboundRegistration(settings, secret, layer.entropy(16)),
                user,
                self._proxy,
                self._changed,
            )
            for settings in OutboundSettings.from_config(name, trunk, secret)
        ]
        self._timer: Timer | None = None
        self._stopped = False
        self._told = ("unknown", "")

    def status(self) -> TrunkStatus:
        state, reason = self._state()
        states = [each.machine.state for each in self.registrations]
        told = "".join(states)
        if len(states) > 1:
            told = ", ".join(f"{each.server} {each.machine.state}" for each in self.registrations)
        return TrunkStatus(
            name=self.name,
            state=state,
            reason=reason,
            registration=told,
            unregistering="removing" in states,
        )

    def tick(self, now: float) -> None:
        self._timer = None
        probe = self.probe.tick(now)
        if probe is not None:
            self._send_probe(probe)
        for registration in self.registrations:
            registration.tick(now)
        self._changed(now)

    def stop(self, now: float) -> None:
        """Take the registration back and be silent; what is still under way changes nothing any more."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
        for registration in self.registrations:
            registration.stop(now)

    def _send_probe(self, probe: ProbeRequest) -> None:
        def answered(response: Response, at: float) -> None:
            if response.status >= 200:
                self.probe.response(probe.number, response.status, at)
                self._changed(at)

        def failed(cause: str, at: float) -> None:
            self.probe.failed(probe.number, WORDS[cause], at)
            self._changed(at)

        tag, call_id = self._layer.token(), self._layer.token(16)

        def headers(place: Source) -> tuple[tuple[str, str], ...]:
            contact = self._layer.contact(place, "")
            route = (("Route", f"<{self._proxy};lr>"),) if self._proxy is not None else ()
            return (
                *route,
                ("From", f"{contact};tag={tag}"),
                ("To", f"<{probe.uri}>"),
                ("Call-ID", call_id),
                ("CSeq", "1 OPTIONS"),
                ("Contact", contact),
                ("Accept", "application/sdp"),
            )

        WalkedRequest(
            self._layer,
            "OPTIONS",
            request_uri=probe.uri,
            next_hop=self._proxy or probe.uri,
            headers=headers,
            on_response=answered,
            on_failure=failed,
        )

    def _changed(self, now: float) -> None:
        """Plan the next tick, and tell the listener what is new."""
        if self._stopped:
            return
        deadlines = [self.probe.next_deadline()]
        deadlines += [each.machine.next_deadline() for each in self.registrations]
        due = min((at for at in deadlines if at is not None), default=None)
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if due is None else self._layer.timers.start(max(due, now), self.tick)
        if self._state() != self._told:
            self._told = self._state()
            self._layer.deliver(lambda told: self._listener(self.name, *told), self._told)

    def _state(self) -> tuple[str, str]:
        """Registered at one registrar is enough: calls come in and go out by it."""
        if self.probe.state == "down":
            return "down", self.probe.reason
        now = self._layer.now()
        machines = [each.machine for each in self.registrations]
        if machines and not any(machine.is_registered(now) for machine in machines):
            reason = next((machine.reason for machine in machines if machine.reason), "")
            if all(machine.state in ("waiting", "stopped") for machine in machines):
                return "unregistered", reason
            return "unknown" if self._told[0] == "unknown" else self._told[0], reason
        if self.probe.state == "unknown" and self.probe.next_deadline() is not None and not machines:
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
        return any(status.unregistering for status in self.statuses())
