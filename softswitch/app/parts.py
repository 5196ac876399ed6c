"""Builds the rooms and joins them: who calls whom is decided here and nowhere else."""

import asyncio
import os
from dataclasses import dataclass, field

from softswitch.acd.engine import Engine
from softswitch.app.flow_versions import FlowVersions
from softswitch.app.kept_subscriptions import NAME, KeptSubscriptions
from softswitch.app.mailing import Mailing
from softswitch.app.registrations import registration_row, restored_bindings
from softswitch.app.strategies import rules_of
from softswitch.app.tally import Tally
from softswitch.app.tracing import Tracing
from softswitch.app.voicing import build_voice
from softswitch.app.world import MediaRoom, World
from softswitch.bus import Bus
from softswitch.call.alarms import Alarms
from softswitch.call.audio_alarms import AudioAlarms
from softswitch.call.boxes import Boxes
from softswitch.call.conference import Conferences
from softswitch.call.conversation import Conversation
from softswitch.call.direct_call import DirectCalls
from softswitch.call.dispatcher import Dispatcher
from softswitch.call.farewells import Farewells
from softswitch.call.gate import Gate
from softswitch.call.lines import Lines
from softswitch.call.manager import CallManager
from softswitch.call.message_lamps import MessageLamps
from softswitch.call.opening import parse_calendars
from softswitch.call.proxied import ProxyDesk
from softswitch.call.recordings import Recordings
from softswitch.call.refers import Refers
from softswitch.call.room import Room
from softswitch.call.services import Services
from softswitch.call.snapshots import Snapshots
from softswitch.call.steering import Steering
from softswitch.call.supervisions import Supervisions
from softswitch.call.trunking import Trunking
from softswitch.call.visits import Visits
from softswitch.call.watching import Watching
from softswitch.clock import Clock
from softswitch.config import paths
from softswitch.config.loader import LoadedConfig
from softswitch.config.schema import Config
from softswitch.facts import MediaWorkerStarted, RegistrationChanged, TrunkChanged
from softswitch.ids import ENTROPY_BYTES, CallId, LegId, OfferId, TrunkName, WorkerId, generated_id
from softswitch.recorder.files import RecordingFolder
from softswitch.rtp.reports import Report
from softswitch.rtp.seating import OpenedLeg
from softswitch.sip.endpoint import SipEndpoint
from softswitch.sip.identity import Identity
from softswitch.sip.registrar import BindingChange
from softswitch.sip.session import Session
from softswitch.store.queue_log_file import QueueLog
from softswitch.store.rows import RecordingRow
from softswitch.store.store import Store

HEARTBEAT_S = 0.5


@dataclass(slots=True, kw_only=True)
class Parts:
    """The running switch."""

    world: World
    loaded: LoadedConfig
    clock: Clock
    bus: Bus
    alarms: Alarms
    store: Store
    sip: SipEndpoint
    media: MediaRoom
    services: Services
    dispatcher: Dispatcher
    recordings: Recordings
    room: Room
    steering: Steering
    gate: Gate
    manager: CallManager
    snapshots: Snapshots
    farewells: Farewells
    boxes: Boxes
    direct: DirectCalls
    tally: Tally
    flow_versions: FlowVersions
    started: float
    tracing: Tracing = field(init=False)
    mailing: Mailing = field(init=False)
    kept_subscriptions: KeptSubscriptions = field(init=False)
    draining: bool = False
    loop_lag_ms: float = 0.0
    trunk_since: dict[str, float] = field(default_factory=dict)
    """Wall time of each trunk's last change."""
    cut_off: list[RecordingRow] = field(default_factory=list)
    """Recordings that the last run left unfinished: a media worker that outlived it for a moment may still write them."""
    tasks: list[asyncio.Task[None]] = field(default_factory=list)


async def build(loaded: LoadedConfig, world: World | None = None) -> Parts:
    """Open everything that can fail, in the order in which it is needed; raises UnusableError that says what to do."""
    world = world or World()
    flow_versions = FlowVersions(paths.state_dir(loaded.config), world.clock)
    loaded = flow_versions.applied(loaded)
    config, clock, bus = loaded.config, world.clock, Bus()
    alarms = Alarms(bus, clock)

    def on_alarm(name: str, problem: str | None) -> None:
        if problem is None:
            alarms.clear(name)
        else:
            alarms.raise_(name, problem)

    store = await Store.open(paths.database(config), clock=clock, on_alarm=on_alarm, node=config.general.node)
    wiring = _Wiring()
    media = world.media(
        config.rtp,
        socket_dir=str(paths.state_dir(config) / "media"),
        clock=clock,
        on_report=wiring.media_report,
        on_worker_died=wiring.worker_died,
        on_worker_started=wiring.worker_started,
        on_legs_moved=wiring.legs_moved,
        on_legs_lost=wiring.legs_lost,
        cores=os.cpu_count() or 1,
        quality=config.quality,
    )
    sip = SipEndpoint(
        config,
        secrets=loaded.secrets,
        clock=clock,
        entropy=world.entropy,
        on_invite=wiring.invite,
        on_registration=wiring.registration,
        on_trunk=wiring.trunk,
        bindings=await restored_bindings(store),
        wire=world.wire,
        resolver=world.resolver,
    )
    lines = Lines(wiring.occupied)
    trunking = Trunking(config, clock, world.entropy, alarms)
    lines.on_free = trunking.ended
    log_file = paths.queue_log(config)
    talks: dict[CallId, Conversation] = {}
    boxes = Boxes(store.messages, bus, clock)
    voice, files = build_voice(config, world, clock, alarms, boxes), recording_folder(config)
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
        prompts=voice.prompts(world.prompts(config.prompts.directory, config.general.language), files),
        voice=voice,
        lookups=world.lookups(),
        files=files,
        lines=lines,
        trunking=trunking,
        alarms=alarms,
        audio=AudioAlarms(bus, clock, talks),
        legs={},
        new_id=lambda: generated_id(clock.wall(), world.entropy(ENTROPY_BYTES)),
        entropy=world.entropy,
        node=config.general.node,
    )
    engine = Engine(
        config.queue,
        config.agent,
        clock.monotonic(),
        new_offer_id=lambda: OfferId(services.new_id()),
        rules=rules_of(config, alarms),
    )
    dispatcher = Dispatcher(services, engine, Visits(services))
    recordings = Recordings(services)
    gate = Gate(services, dispatcher.desk)
    farewells = Farewells(services)
    supervisions = Supervisions(services, dispatcher.desk, recordings, talks, gate, farewells)
    conferences = Conferences(services, recordings)
    room = Room(dispatcher, recordings, supervisions, conferences, gate, talks)
    manager = CallManager(services, room)
    snapshots = Snapshots(services, room, farewells)
    services.changed, services.agreed = snapshots.call_changed, snapshots.leg_changed
    services.changed_now, services.stored = snapshots.write_now, snapshots.stored
    services.leaves = farewells.leaves
    voice.recognition = world.recognition(services, alarms, paths.state_dir(config) / "ears.sock")
    Watching(services, engine, sip.notifier, manager.calls, boxes)
    MessageLamps(services, boxes)
    steering = Steering(room, manager.calls)
    direct = DirectCalls(services, sip.proxy)
    sip.proxy.policy = ProxyDesk(services, direct)
    services.on_refer = Refers(services, room).receive
    parts = Parts(
        world=world,
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
        room=room,
        steering=steering,
        gate=gate,
        manager=manager,
        snapshots=snapshots,
        farewells=farewells,
        boxes=boxes,
        direct=direct,
        tally=Tally(services),
        flow_versions=flow_versions,
        started=clock.wall(),
    )
    parts.tracing = Tracing(parts)
    parts.mailing = Mailing(parts)
    parts.kept_subscriptions = KeptSubscriptions(sip.notifier, paths.state_dir(config) / NAME)
    wiring.parts = parts
    return parts


def recording_folder(config: Config) -> RecordingFolder:
    """Raises UnusableError."""
    return RecordingFolder(
        paths.recordings(config),
        config.recording.template,
        min_free_mb=config.recording.min_free_mb,
        timezone=config.general.timezone,
    )


class _Wiring:
    """Callbacks of the rooms, which exist before what they call does."""

    parts: Parts

    def invite(self, session: Session, identity: Identity) -> None:
        self.parts.manager.on_invite(session, identity)
        self.parts.tracing.calling(session)

    def media_report(self, worker: WorkerId, report: Report) -> None:
        self.parts.manager.on_media_report(worker, report)

    def worker_died(self, worker: WorkerId, pid: int, legs: frozenset[LegId]) -> None:
        self.parts.manager.on_worker_died(worker, pid, legs)

    def worker_started(self, worker: WorkerId, pid: int) -> None:
        clock = self.parts.clock
        self.parts.bus.publish(
            MediaWorkerStarted(worker=worker, pid=pid, wall=clock.wall(), monotonic=clock.monotonic())
        )

    def legs_moved(self, legs: tuple[OpenedLeg, ...]) -> None:
        self.parts.manager.on_legs_moved(legs)

    def legs_lost(self, worker: WorkerId, legs: frozenset[LegId]) -> None:
        self.parts.manager.on_legs_lost(worker, legs)

    def occupied(self, endpoint: str, delta: int) -> None:
        self.parts.dispatcher.desk.occupied(endpoint, delta)

    def registration(self, change: BindingChange) -> None:
        parts, binding = self.parts, change.binding
        if change.event in ("registered", "refreshed"):
            parts.store.registration(registration_row(binding))
        else:
            contact = str(binding.contact)
            parts.store.registration_gone(binding.endpoint, contact)
            for other in parts.sip.bindings(binding.endpoint):
                if str(other.contact) == contact:  # another flow of the same phone
                    parts.store.registration(registration_row(other))
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
