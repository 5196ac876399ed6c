"""Builds the rooms and joins them: who calls whom is decided here and nowhere else."""

import asyncio
import json
import os
from dataclasses import dataclass, field

import structlog

from softswitch.acd.engine import Engine
from softswitch.bus import Bus
from softswitch.call.alarms import Alarms
from softswitch.call.dispatcher import Dispatcher
from softswitch.call.lines import Lines
from softswitch.call.manager import CallManager
from softswitch.call.opening import parse_calendars
from softswitch.call.recordings import Recordings
from softswitch.call.room import Room
from softswitch.call.services import Services
from softswitch.call.visits import Visits
from softswitch.clock import Clock, SystemClock, entropy
from softswitch.config import paths
from softswitch.config.loader import LoadedConfig
from softswitch.errors import PeerError
from softswitch.facts import MediaWorkerStarted, RegistrationChanged, TrunkChanged
from softswitch.ids import ENTROPY_BYTES, EndpointName, OfferId, TrunkName, WorkerId, generated_id
from softswitch.ivr.prompts import PromptLibrary
from softswitch.recorder.files import RecordingFolder
from softswitch.rtp.pool import MediaPool
from softswitch.rtp.reports import Report
from softswitch.sip.endpoint import SipEndpoint
from softswitch.sip.identity import Identity
from softswitch.sip.registrar import Binding, BindingChange
from softswitch.sip.session import Session
from softswitch.sip.source import Source
from softswitch.sip.uri import Uri
from softswitch.store.queue_log_file import QueueLog
from softswitch.store.rows import RegistrationRow
from softswitch.store.store import Store

_log = structlog.get_logger(__name__)

HEARTBEAT_S = 0.5


@dataclass(slots=True, kw_only=True)
class Parts:
    """The running switch."""

    loaded: LoadedConfig
    clock: Clock
    bus: Bus
    alarms: Alarms
    store: Store
    sip: SipEndpoint
    media: MediaPool
    services: Services
    dispatcher: Dispatcher
    recordings: Recordings
    manager: CallManager
    started: float
    draining: bool = False
    loop_lag_ms: float = 0.0
    trunk_since: dict[str, float] = field(default_factory=dict)
    """Wall time of each trunk's last change."""
    tasks: list[asyncio.Task[None]] = field(default_factory=list)


async def build(loaded: LoadedConfig) -> Parts:
    """Open everything that can fail, in the order in which it is needed; raises UnusableError that says what to do."""
    config, clock, bus = loaded.config, SystemClock(), Bus()
    alarms = Alarms(bus, clock)

    def on_alarm(name: str, problem: str | None) -> None:
        if problem is None:
            alarms.clear(name)
        else:
            alarms.raise_(name, problem)

    store = await Store.open(paths.database(config), clock=clock, on_alarm=on_alarm, node=config.general.node)
    wiring = _Wiring()
    media = MediaPool(
        config.rtp,
        socket_dir=str(paths.state_dir(config) / "media"),
        clock=clock,
        on_report=wiring.media_report,
        on_worker_died=wiring.worker_died,
        on_worker_started=wiring.worker_started,
        cores=os.cpu_count() or 1,
    )
    sip = SipEndpoint(
        config,
        secrets=loaded.secrets,
        clock=clock,
        entropy=entropy,
        on_invite=wiring.invite,
        on_registration=wiring.registration,
        on_trunk=wiring.trunk,
        bindings=await _bindings(store),
    )
    lines = Lines(wiring.occupied)
    log_file = paths.queue_log(config)
    services = Services(
        config=config,
        calendars=parse_calendars(config),
        secrets=loaded.secrets,
        clock=clock,
        bus=bus,
        store=store,
        queue_log=QueueLog(log_file, store.queue_log, on_alarm),
        sip=sip,
        media=media,
        prompts=PromptLibrary.of(config.prompts.directory, config.general.language),
        files=RecordingFolder(
            paths.recordings(config),
            config.recording.template,
            min_free_mb=config.recording.min_free_mb,
            timezone=config.general.timezone,
        ),
        lines=lines,
        alarms=alarms,
        legs={},
        new_id=lambda: generated_id(clock.wall(), entropy(ENTROPY_BYTES)),
        node=config.general.node,
    )
    engine = Engine(
        config.queue, config.agent, clock.monotonic(), new_offer_id=lambda: OfferId(services.new_id())
    )
    dispatcher = Dispatcher(services, engine, Visits(services))
    recordings = Recordings(services)
    manager = CallManager(services, Room(dispatcher, recordings))
    parts = Parts(
        loaded=loaded,
        clock=clock,
        bus=bus,
        alarms=alarms,
        store=store,
        sip=sip,
        media=media,
        services=services,
        dispatcher=dispatcher,
        recordings=recordings,
        manager=manager,
        started=clock.wall(),
    )
    wiring.parts = parts
    return parts


async def _bindings(store: Store) -> list[Binding]:
    """Registrations that outlived the last run."""
    found = []
    for row in await store.registrations():
        try:
            found.append(binding_of(row))
        except (ValueError, PeerError) as error:
            _log.warning("a stored registration is damaged", endpoint=row.endpoint, problem=str(error))
    return found


class _Wiring:
    """Callbacks of the rooms, which exist before what they call does."""

    parts: Parts

    def invite(self, session: Session, identity: Identity) -> None:
        self.parts.manager.on_invite(session, identity)

    def media_report(self, worker: WorkerId, report: Report) -> None:
        self.parts.manager.on_media_report(worker, report)

    def worker_died(self, worker: WorkerId, pid: int, legs: frozenset[object]) -> None:
        self.parts.manager.on_worker_died(worker, pid, legs)  # type: ignore[arg-type]

    def worker_started(self, worker: WorkerId, pid: int) -> None:
        clock = self.parts.clock
        self.parts.bus.publish(
            MediaWorkerStarted(worker=worker, pid=pid, wall=clock.wall(), monotonic=clock.monotonic())
        )

    def occupied(self, endpoint: str, delta: int) -> None:
        self.parts.dispatcher.desk.occupied(endpoint, delta)

    def registration(self, change: BindingChange) -> None:
        parts, binding = self.parts, change.binding
        if change.event in ("registered", "refreshed"):
            parts.store.registration(registration_row(binding))
        else:
            parts.store.registration_gone(binding.endpoint, str(binding.contact))
        parts.dispatcher.desk.registration_changed(binding.endpoint)
        parts.bus.publish(
            RegistrationChanged(
                endpoint=binding.endpoint,
                contacts=len(parts.sip.bindings(binding.endpoint)),
                event=change.event,
                wall=parts.clock.wall(),
                monotonic=parts.clock.monotonic(),
            )
        )

    def trunk(self, trunk: TrunkName, state: str, reason: str) -> None:
        parts = self.parts
        parts.trunk_since[trunk] = parts.clock.wall()
        if state == "down":
            parts.alarms.raise_(f"trunk {trunk}", reason)
        else:
            parts.alarms.clear(f"trunk {trunk}")
        parts.bus.publish(
            TrunkChanged(
                trunk=trunk,
                state=state,
                reason=reason,
                wall=parts.clock.wall(),
                monotonic=parts.clock.monotonic(),
            )
        )


def registration_row(binding: Binding) -> RegistrationRow:
    return RegistrationRow(
        endpoint=binding.endpoint,
        contact=str(binding.contact),
        call_id=binding.call_id,
        cseq=binding.cseq,
        expires=binding.expires,
        path=json.dumps(list(binding.path)),
        source=f"{binding.source.transport}:{binding.source.address}:{binding.source.port}",
        user_agent=binding.user_agent,
        registered=binding.registered,
        instance=binding.instance,
    )


def binding_of(row: RegistrationRow) -> Binding:
    """The binding that `registration_row` wrote down; raises ValueError when it is damaged."""
    transport, address = row.source.split(":", 1)
    host, port = address.rsplit(":", 1)
    return Binding(
        endpoint=EndpointName(row.endpoint),
        contact=Uri.parse(row.contact),
        source=Source(transport, host, int(port)),
        expires=row.expires,
        call_id=row.call_id,
        cseq=row.cseq,
        path=tuple(json.loads(row.path or "[]")),
        user_agent=row.user_agent,
        instance=row.instance,
        registered=row.registered,
    )
