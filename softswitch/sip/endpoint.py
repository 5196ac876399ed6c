"""The SIP side of the switch as the rest of it sees it: calls, registrations and trunks over real sockets.

A shell: it owns the wire and DNS, and decides nothing that the sans-IO `SipStack` could; `stack_driver` carries out what
that wants done.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping

from softswitch.clock import Clock
from softswitch.config.schema import Config
from softswitch.config.secret import Secret
from softswitch.errors import UnusableError
from softswitch.ids import EndpointName, LegId, TrunkName, generated_id
from softswitch.sip.address import Address
from softswitch.sip.admission import Admission
from softswitch.sip.advertised import AdvertisedAddress
from softswitch.sip.challenge import ChallengeMemory
from softswitch.sip.dead_targets import DeadTargets
from softswitch.sip.dialog_glimpse import dialog_named_in
from softswitch.sip.digest import Nonces
from softswitch.sip.errors import FramingError
from softswitch.sip.events import SessionEvent
from softswitch.sip.guard import Guard, SecurityEvent
from softswitch.sip.identity import Identity, IdentityTable
from softswitch.sip.instant_message import Outcome, send_text
from softswitch.sip.invite_plan import DIRECT, InviteWay, plan_invite
from softswitch.sip.locator import Locator
from softswitch.sip.message import Request, Response
from softswitch.sip.notifier import Notifier
from softswitch.sip.notifier_settings import NotifierSettings
from softswitch.sip.open_invite import OpenInvite, end_open
from softswitch.sip.proxy import Proxy
from softswitch.sip.proxy_home import ProxyHome
from softswitch.sip.proxy_plan import ProxyTarget
from softswitch.sip.registrar import Binding, BindingChange, Registrar, RegistrarSettings
from softswitch.sip.registrations import Registrations
from softswitch.sip.resolver import Resolver
from softswitch.sip.sdp import SessionDescription
from softswitch.sip.session import Session
from softswitch.sip.session_snapshot import Described, SessionSnapshot, restored
from softswitch.sip.source import Source
from softswitch.sip.stack import SipStack
from softswitch.sip.stack_driver import StackDriver
from softswitch.sip.stack_settings import StackSettings
from softswitch.sip.stack_stats import StackStats
from softswitch.sip.transport import SocketTransport
from softswitch.sip.trunk_addresses import AGAIN_S, TrunkAddresses
from softswitch.sip.trunk_watch import TrunkListener, TrunkStatus, TrunkWatch
from softswitch.sip.unsolicited import notify_messages
from softswitch.sip.uri import Uri
from softswitch.sip.wire import Wire, WireEvents

SecretKey = tuple[str, str]
"""`("endpoint", NAME)` or `("trunk", NAME)`."""
UNREGISTER_WITHIN_S = 1.0


class SipEndpoint:
    """Everything SIP of one switch; a `StackOwner`. Callbacks are called on the loop and may call back at once."""

    def __init__(
        self,
        config: Config,
        *,
        secrets: Mapping[SecretKey, Secret],
        clock: Clock,
        entropy: Callable[[int], bytes],
        on_invite: Callable[[Session, Identity], None],
        on_registration: Callable[[BindingChange], None],
        on_trunk: TrunkListener,
        bindings: Iterable[Binding] = (),
        wire: Wire | None = None,
        resolver: Resolver | None = None,
        on_security: Callable[[SecurityEvent], None] = lambda event: None,
    ) -> None:
        self._config = config
        self.guard = Guard(config.security, on_security)
        self._secrets = dict(secrets)
        self._clock = clock
        self._entropy = entropy
        self._on_invite = on_invite
        self._wire = wire or SocketTransport.from_config(config)
        self._resolver = resolver or Resolver(name_servers=config.sip.name_servers)
        self._advertised = AdvertisedAddress(self._wire, config.sip)
        nonces = Nonces(entropy(32), config.sip.nonce_lifetime_s)
        self._trunk_addresses = TrunkAddresses(self._resolver)
        self._admission = Admission(
            self._identities(),
            nonces,
            config.sip.realm,
            algorithms=config.sip.digest,
            md5_only=config.sip.md5_only,
        )
        self.guard.set_exempt(self._admission.table.networks())
        registrar = Registrar(RegistrarSettings.from_config(config.sip))
        registrar.restore(bindings)
        for binding in registrar.all(clock.wall()):
            self.guard.proved(binding.source.address, clock.monotonic())
        self._stack = SipStack(
            StackSettings.from_config(config),
            self,
            monotonic=clock.monotonic,
            entropy=entropy,
            guard=self.guard,
        )
        self._locator = Locator(
            self._resolver, self._stack.dead_targets, self._wire.connected, clock.monotonic
        )
        self._driver = StackDriver(self._stack, self._wire, self._resolver, clock.monotonic)
        self._stack.notifier.settings = NotifierSettings.from_config(config.subscriptions)
        self._stack.proxy.home = ProxyHome(registrar, self._admission, self.local_address, clock.wall)
        self._registrations = Registrations(registrar, self._stack, clock, on_registration)
        self._trunks = TrunkWatch(self._stack, on_trunk)
        self.on_calling: Callable[[Session], None] | None = None
        """Hears of each INVITE of ours before it leaves."""

    async def start(self) -> None:
        """Listen, register outward, probe trunks; raises UnusableError."""
        events = WireEvents(
            received=self._received,
            broken=self._broken,
            lost=self._lost,
            welcome=self._welcome,
            known=self._known,
        )
        await self._wire.start(events)
        self._registrations.begin(RegistrarSettings.from_config(self._config.sip, self._wire.own_addresses()))
        self._driver.spawn(self._follow_trunk_addresses())
        self._trunks.reconfigure(self._config, self._secrets)
        self._driver.flush()

    async def stop(self) -> None:
        """Take registrations at trunks back and close everything; `drain` and the end of the calls come before."""
        self.notifier.stop(self._clock.monotonic())
        await self._unregister()
        await self._driver.stop()
        await self._resolver.close()
        await self._wire.stop()

    def reconfigure(self, config: Config, secrets: Mapping[SecretKey, Secret]) -> None:
        """Take over a new configuration without touching calls; `sip.listen` counts from the next start on. Raises
        UnusableError, and then nothing has changed."""
        before = self._config, self._secrets
        self._config, self._secrets = config, dict(secrets)
        try:
            identities = self._identities()
            advertised = AdvertisedAddress(self._wire, config.sip)
            self._wire.reconfigure(config)
            self._trunks.reconfigure(config, self._secrets)
        except UnusableError:
            self._config, self._secrets = before
            raise
        self._advertised = advertised
        self.guard.configure(config.security)
        self._reload_admission(identities)
        settings = RegistrarSettings.from_config(config.sip, self._wire.own_addresses())
        self._registrations.reconfigure(settings, config.endpoint)
        self._stack.reconfigure(StackSettings.from_config(config))
        self._stack.notifier.settings = NotifierSettings.from_config(config.subscriptions)
        self._driver.spawn(self._refresh_trunk_addresses())

    @property
    def on_message(self) -> Callable[[bool, bytes, Source], None] | None:
        """Hears of each message (whether it is ours, its bytes, the peer); it must be quick."""
        return self._driver.on_message

    @on_message.setter
    def on_message(self, listener: Callable[[bool, bytes, Source], None] | None) -> None:
        self._driver.on_message = listener

    @property
    def notifier(self) -> Notifier:
        """Who watches what."""
        return self._stack.notifier

    @property
    def proxy(self) -> Proxy:
        """What passes through without being a call of ours."""
        return self._stack.proxy

    def notify_messages(self, destination: Uri | Binding, *, user: str, counts: tuple[int, int]) -> None:
        """Light a phone's message lamp that has not subscribed."""
        notify_messages(self._stack, destination, user=user, counts=counts, connected=self._wire.connected)

    def send_text(self, target: ProxyTarget, *, sender: str, text: str, outcome: Outcome) -> None:
        """A MESSAGE of our own; `outcome` hears what became of it."""
        send_text(self._stack, target, sender=sender, text=text, outcome=outcome)
        self._driver.flush()

    def drain(self, on: bool) -> None:
        """503 with Retry-After to new calls, and to OPTIONS, so that those who probe us go elsewhere."""
        self._stack.draining = on

    def invite(
        self,
        *,
        leg: LegId,
        destination: Uri | Binding,
        from_: Address,
        to: Address,
        sdp: SessionDescription,
        headers: Iterable[tuple[str, str]] = (),
        credentials: Secret | None = None,
        way: InviteWay = DIRECT,
        on_event: Callable[[SessionEvent], None],
    ) -> Session:
        """Call `destination`. A Max-Forwards among `headers` replaces ours; `credentials` answer the challenges of a
        trunk and of nobody else. No event comes before this has returned."""
        plan = plan_invite(
            destination,
            call_id=self._stack.token(16),
            local_tag=self._stack.token(),
            from_=from_,
            to=to,
            sdp=sdp,
            headers=tuple(headers),
            connected=self._wire.connected,
            invite_way=way,
        )
        memory = ChallengeMemory(credentials, self._entropy) if credentials is not None else None
        session = self._stack.invite(plan, leg=leg, memory=memory, on_event=on_event)
        if self.on_calling is not None:
            self.on_calling(session)
        self._driver.flush_sends()
        return session

    def take_up(
        self,
        snapshot: SessionSnapshot,
        *,
        leg: LegId,
        identity: Identity | None,
        described: Described,
        credentials: Secret | None,
        on_event: Callable[[SessionEvent], None],
    ) -> Session:
        """A session from before a restart goes on. Raises PeerError when what was written cannot be read."""
        return restored(
            self._stack, snapshot, leg=leg, identity=identity, described=described, credentials=credentials,
            on_event=on_event,
        )  # fmt: skip

    def go_on(self) -> None:
        """What was taken up since SIP is served repeats its messages by itself from now on."""
        self._driver.flush()

    def end_open(self, invite: OpenInvite, status: int, reason: str) -> None:
        """An INVITE from before a restart ends. Raises PeerError when what was written cannot be read."""
        end_open(self._stack, invite, status, reason, self._secrets.get(("trunk", invite.trunk)))

    def bindings(self, endpoint: EndpointName) -> tuple[Binding, ...]:
        """Where a registered phone is now, the newest first."""
        return self._registrations.bindings(endpoint)

    def registrations(self) -> tuple[Binding, ...]:
        return self._registrations.all()

    def trunks(self) -> tuple[TrunkStatus, ...]:
        return self._trunks.statuses()

    def trunk_is_silent(self, trunk: TrunkName) -> bool:
        """Its one address did not answer the latest call; it is to be tried after others."""
        settings = self._config.trunk.get(trunk)
        return settings is not None and self._locator.is_silent(settings.outbound_proxy or settings.host)

    def dead_targets(self) -> DeadTargets:
        """Servers that did not answer lately."""
        return self._stack.dead_targets

    def trunk_is_up(self, trunk: TrunkName) -> bool:
        """False while its probes fail."""
        return all(status.state != "down" for status in self.trunks() if status.name == trunk)

    def located(self, destination: Uri | Binding) -> Source | None:
        """As `locate`, where no name has to be looked up; None: one has, or nothing leads there."""
        return self._locator.located(destination)

    async def locate(self, destination: Uri | Binding) -> Source | None:
        """Where calls to `destination` would be sent; None when its name leads nowhere."""
        return await self._locator.locate(destination)

    def session(self, call_id: str, local_tag: str) -> Session | None:
        return self._stack.session(call_id, local_tag)

    def sessions(self) -> tuple[Session, ...]:
        return tuple(self._stack.sessions())

    def stats(self) -> StackStats:
        return self._stack.stats

    def wire_counts(self) -> Mapping[str, int]:
        """Connections and datagrams refused or dropped, by the reason."""
        return dict(self._wire.counts)

    def receive_queue(self) -> float:
        """How full the fullest queue of datagrams is, 0 to 1."""
        return self._wire.backlog()

    def connections(self) -> Mapping[str, int]:
        """Connections that stand, by their transport."""
        return self._wire.connections()

    def identify(self, source: Source) -> Identity | None:
        """Whom the address of a message alone proves."""
        return self._admission.table.identify(source)

    def local_address_for(self, destination: Source) -> tuple[str, int]:
        """Host and port by which a peer at `destination` is told to reach us; the host also suits its media."""
        return self._advertised.towards(destination)

    def bound_address(self, peer: Source) -> tuple[str, int]:
        """Our own end of what is exchanged with `peer`, as the wire has it."""
        return self._wire.local_address(peer)

    # StackOwner.

    def admit(self, request: Request, source: Source, now: float) -> Identity | Response:
        entropy = self._entropy(8)
        return self._admission.decide(request, source, now, entropy, self.guard, self._stack.room)

    def register(self, request: Request, identity: Identity, source: Source, now: float) -> Response:
        return self._registrations.register(request, identity, source)

    def invited(self, session: Session) -> None:
        assert session.identity is not None
        try:
            self._on_invite(session, session.identity)
        except Exception:
            session.hangup(500)
            raise

    def nothing(self, event: object) -> None:
        """A session that nobody has taken has nobody to tell."""

    def new_leg(self) -> LegId:
        return LegId(generated_id(self._clock.wall(), self._entropy(8)))

    def local_address(self, destination: Source) -> tuple[str, int]:
        return self._advertised.towards(destination)

    def connected(self, destination: Source) -> bool:
        return self._wire.connected(destination)

    # From the wire and the loop.

    def _received(self, data: bytes, source: Source) -> bool:
        now = self._clock.monotonic()
        if not self.guard.lets_in(source.address, now) and not self._is_within(data, source, now):
            return False
        self._driver.receive(data, source, now)
        return True

    def _welcome(self, address: str) -> bool:
        return self.guard.lets_connect(address, self._clock.monotonic())

    def _is_within(self, data: bytes, source: Source, now: float) -> bool:
        """Requests within dialogs are served at every level of load, also where a phone has a new address."""
        if not self.guard.hears_dialogs_only(source.address, now):
            return False
        dialog = dialog_named_in(data)
        return dialog is not None and self._stack.knows_dialog(*dialog)

    def _known(self, address: str) -> bool:
        return self.guard.knows(address, self._clock.monotonic())

    def _broken(self, error: FramingError, source: Source) -> None:
        self._driver.step(lambda: self._stack.refuse_broken(error, source))

    def _lost(self, destination: Source) -> None:
        self._registrations.flow_lost(destination)
        self._driver.step(lambda: self._stack.transport_failed(destination, self._clock.monotonic()))

    async def _unregister(self) -> None:
        """Take registrations at trunks back; a registrar that is slow to answer is not waited for."""
        self._trunks.unregister()
        self._driver.flush()
        await self._driver.wait_while(self._trunks.unregistering, UNREGISTER_WITHIN_S)

    # Trunk addresses.

    def _reload_admission(self, identities: IdentityTable) -> None:
        sip = self._config.sip
        self._admission.reload(identities, sip.realm, algorithms=sip.digest, md5_only=sip.md5_only)
        self.guard.set_exempt(identities.networks())

    def _identities(self) -> IdentityTable:
        return self._trunk_addresses.identities(self._config, self._secrets)

    async def _follow_trunk_addresses(self) -> None:
        while True:
            await self._refresh_trunk_addresses()
            await asyncio.sleep(AGAIN_S)

    async def _refresh_trunk_addresses(self) -> None:
        if await self._trunk_addresses.refresh(self._config):
            self._reload_admission(self._identities())
