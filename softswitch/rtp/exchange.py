"""The media room of one worker without its kernel: carries out commands on legs and moves packets at each tick.

Topology changes only here, between ticks, so nothing needs a lock. Time, entropy, sockets, files and the recorder come
in from outside.
"""

from collections.abc import Callable
from typing import Final

from softswitch.config.media import Quality as QualityLimits
from softswitch.ids import LegId
from softswitch.rtp.commands import (
    AskPeers,
    AskStats,
    Bridge,
    CloseLeg,
    Command,
    HoldPorts,
    KeepQuiet,
    KeepRecording,
    MarkRecording,
    Mix,
    Music,
    OpenLeg,
    PauseRecording,
    Play,
    RecordLeg,
    SendDigits,
    SetPeer,
    Shutdown,
    StartRecording,
    StopPlay,
    StopRecording,
    Unbridge,
)
from softswitch.rtp.decoded import DecodedLegs
from softswitch.rtp.demultiplexer import Demultiplexer
from softswitch.rtp.draws import Draws
from softswitch.rtp.engine import Engine
from softswitch.rtp.goertzel import ToneDetector
from softswitch.rtp.held_ports import HeldPorts
from softswitch.rtp.leg import Leg
from softswitch.rtp.mixer import Mixer
from softswitch.rtp.opaque import Datagrams, OpaqueLegs
from softswitch.rtp.peering import Peering
from softswitch.rtp.playout import Playout
from softswitch.rtp.portrange import PortRange
from softswitch.rtp.ports import PortAllocator
from softswitch.rtp.prompt import PromptLibrary
from softswitch.rtp.quality import Quality
from softswitch.rtp.quality_rules import QualityRules
from softswitch.rtp.recordings import Recordings
from softswitch.rtp.refusal import CommandError
from softswitch.rtp.relay import Relay
from softswitch.rtp.reporter import Reporter
from softswitch.rtp.reports import CommandRefused, LegClosed, LegFailed, LegOpened, PeerIs, Report
from softswitch.rtp.secured import SecuredEngine, SrtpUnusable
from softswitch.rtp.table import LegTable
from softswitch.rtp.topology import Topology
from softswitch.tap import Tap

MAX_ROUNDS: Final = 16
"""Packets of one leg taken in one tick; more wait in the kernel for the next."""
MOST_BEHIND: Final = 20
"""Ticks in a row that may leave packets in the kernel, after a stall, before recordings are written all the same: what is
written too early has gaps where those packets belong."""
_BIND_TRIES: Final = 8


class Exchange:
    def __init__(
        self, *, engine: Engine, tap: Tap, library: PromptLibrary, ports: PortRange, quiet_s: float, silent_s: float,
        entropy: bytes, report: Callable[[Report], None], quality: QualityLimits | None = None,
        datagrams: Datagrams | None = None,
    ) -> None:  # fmt: skip
        """`silent_s`: when a peer counts as silent; 0 never. `entropy`: at least 16 bytes. `datagrams`: ports of legs that
        only pass on."""
        self._engine = engine = SecuredEngine(engine, ports.pairs)
        self._report = report
        self._behind = 0
        self._moved = True
        """Packets came at the last tick."""
        self._ports = PortAllocator(ports, quiet_s, entropy)
        self._held = HeldPorts(engine, self._ports, ports.pairs, report)
        self._opaque = OpaqueLegs(datagrams, self._ports, report)
        self._passing = self._opaque.by_id
        """Asked at each command: a look at a table that is empty, mostly."""
        self._draws = Draws(int.from_bytes(entropy) + 1)
        self._table = LegTable(ports.pairs)
        self._by_slot: dict[int, Leg] = {}
        self._legs: dict[LegId, Leg] = {}
        self._tones = ToneDetector(ports.pairs)
        self.recordings = Recordings(self._table, tap, report)
        self._playout = Playout(self._table, engine, self._by_slot, library, report)
        self._mixer = Mixer(self._table, engine, self._playout, report)
        self._playout.regroup = self._mixer.update
        self._decoded = DecodedLegs(self._table, self._by_slot)
        self._peering = Peering(self._table, engine, self._tones, self._decoded)
        limits = quality or QualityLimits()
        self._quality = Quality(self._table, conceals=limits.conceals)
        self._topology = Topology(self._table, self._playout, self._mixer, self._quality.company, report)
        self._demultiplexer = Demultiplexer(
            self._table, self._by_slot, lambda slot, data, now: self._reporter.control(slot, data, now)
        )
        self._relay = Relay(
            self._table,
            engine,
            self._by_slot,
            self.recordings,
            self._quality,
            self._demultiplexer,
            self._tones,
            self._decoded,
            self._mixer,
            report,
            self._playout.send_digits,
        )
        self._reporter = Reporter(
            self._table,
            engine,
            self._by_slot,
            self._quality,
            QualityRules(self._table, limits),
            silent_s,
            report,
            self._draws,
        )
        self._carry_out: dict[type[Command], Callable[..., None]] = {
            OpenLeg: self._open,
            HoldPorts: lambda command, now: self._held.want(command.address, command.count, now),
            KeepQuiet: lambda command, now: self._ports.keep_quiet(command.ports, now),
            SetPeer: self._set_peer,
            Bridge: self._bridge,
            Unbridge: lambda command, now: self._topology.unbridge(self._leg(command), now),
            Mix: lambda c, now: self._topology.mix(c, [self._legs.get(leg) for leg in c.legs], now),
            Music: lambda command, now: self._playout.music(self._leg(command), command.prompt, now),
            Play: lambda command, now: self._playout.play(
                self._leg(command), command.play, command.prompts, now
            ),
            StopPlay: lambda command, now: self._playout.stop_play(self._leg(command), now),
            SendDigits: lambda command, now: self._playout.send_digits(
                self._leg(command), command.digits, now
            ),
            StartRecording: self._start_recording,
            RecordLeg: self._record_leg,
            MarkRecording: lambda c, now: self.recordings.mark(c.recording, c.kind, c.text, now),
            KeepRecording: lambda c, now: self.recordings.keep(c.recording, now),
            PauseRecording: lambda c, now: self.recordings.pause(c.recording, c.paused, now, masked=c.masked),
            StopRecording: lambda c, now: self.recordings.stop(c.recording, now),
            CloseLeg: self._close_leg,
            AskStats: self._ask_stats,
            AskPeers: self._ask_peers,
            Shutdown: lambda command, now: None,
        }

    def __len__(self) -> int:
        """Legs."""
        return len(self._legs) + len(self._opaque)

    @property
    def busy(self) -> bool:
        """There is something to do at each tick."""
        return bool(self._legs or self._opaque) or len(self.recordings) > 0

    @property
    def resting(self) -> bool:
        """Until a packet comes, only the slow clocks have something to do: nothing came at the last tick, and nothing is
        made, mixed, recorded or passed on without a look."""
        return not (
            self._moved or self.recordings or self._playout.active or self._mixer.active or self._opaque
        )

    @property
    def look_at(self) -> float:
        """When a tick is due even while it rests."""
        return self._reporter.look_at

    @property
    def legs(self) -> tuple[LegId, ...]:
        return (*self._legs, *self._opaque.legs)

    @property
    def packets(self) -> tuple[int, int]:
        """Received and sent by all legs ever."""
        (received, sent), (received_too, sent_too) = self._reporter.packets, self._opaque.packets
        return received + received_too, sent + sent_too

    def execute(self, command: Command, now: float) -> None:
        """Carry out one command; what cannot be done is reported, never raised."""
        try:
            if not (self._passing and self._opaque.takes(command, now)):
                self._carry_out[type(command)](command, now)
        except CommandError as error:
            leg = getattr(command, "leg", None)
            self._report(CommandRefused(command=type(command).__name__, problem=str(error), leg=leg))

    def tick(self, now: float, wall: float) -> None:
        """Move everything that waits and send everything that is due."""
        for number in range(MAX_ROUNDS):
            arrivals = self._engine.receive(again=number > 0)
            if arrivals is None:
                self._behind = 0
                self._moved = number > 0
                break
            self._relay.take(arrivals, now)
        else:
            self._behind = (self._behind + 1) % MOST_BEHIND
        if self._opaque:
            self._opaque.tick(now)
        self._playout.tick(now)
        self._mixer.tick(now)
        if not self._behind:
            self.recordings.tick(now)
        self._reporter.tick(now, wall)

    def forget_controller(self, now: float) -> None:
        """What was done ahead for one that is gone."""
        self._held.let_go(now)

    def shut(self, now: float) -> None:
        """Close all legs; recordings are stopped before."""
        for leg in tuple(self._legs.values()):
            self._close(leg, now)
        self._opaque.shut(now)
        self._engine.shut()

    def _leg(self, command: object) -> Leg:
        leg = self._legs.get(command.leg)  # type: ignore[attr-defined]
        if leg is None:
            raise CommandError("there is no such leg")
        return leg

    def _open(self, command: OpenLeg, now: float) -> None:
        if command.leg in self._legs or command.leg in self._passing:
            raise CommandError("the leg is open already")
        if command.opaque:
            self._opaque.open(command, now)
            return
        problem = "all media ports are in use or quiet"
        if command.port:
            held = self._held.take(command.address, command.port, now)
            problem = self._bind(command, command.port, now) if held else f"port {command.port} is not held"
        else:
            for _ in range(_BIND_TRIES):
                port = self._ports.take(now)
                problem = self._bind(command, port, now) if port is not None else problem
                if port is None or not problem:
                    break
            self._held.fill(command.address, now)  # whoever asks found none held
        if problem:
            self._report(LegFailed(leg=command.leg, problem=problem))

    def _bind(self, command: OpenLeg, port: int, now: float) -> str:
        """Open a leg there; why that cannot be, empty when it is."""
        slot = self._table.take()
        try:
            self._engine.open(slot, command.address, port)
        except OSError as error:
            self._engine.unhold(command.address, port)
            self._table.give_back(slot)
            self._ports.release(port, now)
            return f"{command.address}:{port}: {error.strerror or error}"
        leg = Leg(command.leg, slot, port, now)
        leg.address = command.address
        self._opened(leg, now)
        if not command.port:
            self._report(LegOpened(leg=leg.id, port=port))
        return ""

    def _opened(self, leg: Leg, now: float) -> None:
        table, slot = self._table, leg.slot
        self._legs[leg.id] = self._by_slot[slot] = leg
        draws = self._draws
        table.ssrc_out[slot] = 1 + draws.below((1 << 32) - 1)
        table.sent_sequence[slot] = draws.below(1 << 15)
        table.sent_timestamp[slot] = draws.below(1 << 31)
        table.last_in[slot] = now

    def _set_peer(self, command: SetPeer, now: float) -> None:
        leg = self._leg(command)
        try:
            self._engine.secure(leg.slot, command.key_in, command.key_out)
        except SrtpUnusable as error:
            raise CommandError(str(error)) from error
        leg.told = command
        changed = self._peering.negotiate(leg, command, now)
        self._playout.negotiated(leg, now)
        if changed:
            self._topology.changed(leg, now)
        if command.rtcp_mux != (leg.slot in self._demultiplexer.slots):
            self._demultiplexer.set(leg.slot, command.rtcp_mux)
        self._reporter.leg_agrees(leg, command)

    def _bridge(self, command: Bridge, now: float) -> None:
        a, b = self._legs.get(command.a), self._legs.get(command.b)
        if a is None or b is None or a is b:
            raise CommandError("a bridge takes two legs that are open")
        self._topology.bridge(a, b, now)
        self._reporter.talk_begins(a, b)

    def _start_recording(self, command: StartRecording, now: float) -> None:
        legs = [self._legs[leg] for leg in dict.fromkeys(command.tracks) if leg in self._legs]
        all_open = len(legs) == len(command.tracks)
        self.recordings.start(command.spec, legs if all_open else [], command.names, now)

    def _record_leg(self, command: RecordLeg, now: float) -> None:
        leg = self._leg(command) if command.leg is not None else None
        try:
            self.recordings.record_leg(command.recording, command.track, leg, command.name, now)
        except ValueError as error:
            raise CommandError(str(error)) from error

    def _close_leg(self, command: CloseLeg, now: float) -> None:
        if (leg := self._legs.get(command.leg)) is not None:
            self._close(leg, now)

    def _close(self, leg: Leg, now: float) -> None:
        slot = leg.slot
        if leg.group is not None:
            self._topology.leave(leg, now)
        if leg.voice.play is not None:
            self._playout.stop_play(leg, now)
        if leg.recording is not None:
            self.recordings.leg_closes(leg, now)
        stats = self._reporter.leg_closes(leg, now)
        self._playout.leg_closes(leg)
        self._engine.close(slot)
        self._decoded.slots.discard(slot)
        self._demultiplexer.slots.discard(slot)
        del self._legs[leg.id], self._by_slot[slot]
        self._table.give_back(slot)
        self._ports.release(leg.port, now)
        self._report(LegClosed(stats=stats))

    def _ask_stats(self, command: AskStats, now: float) -> None:
        for name in command.legs or tuple(self._legs):
            if (leg := self._legs.get(name)) is not None:
                self._report(self._reporter.stats(leg, now))

    def _ask_peers(self, command: AskPeers, now: float) -> None:
        for leg in self._legs.values():
            self._report(PeerIs(leg=leg.id, address=leg.address, port=leg.port, peer=leg.told))
