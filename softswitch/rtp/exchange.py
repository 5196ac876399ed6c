"""The media room of one worker without its kernel: carries out commands on legs and moves packets at each tick.

Topology changes only here, between ticks, so nothing needs a lock. Time, entropy, sockets, files and the recorder come
in from outside.
"""

import ipaddress
from collections.abc import Callable
from typing import Final

import numpy as np

from softswitch import g711
from softswitch.errors import MediaError
from softswitch.ids import LegId
from softswitch.rtp import statistics
from softswitch.rtp.commands import (
    AskStats,
    Bridge,
    CloseLeg,
    Command,
    Music,
    OpenLeg,
    PauseRecording,
    Play,
    SendDigits,
    SetPeer,
    Shutdown,
    StartRecording,
    StopPlay,
    StopRecording,
    Unbridge,
)
from softswitch.rtp.engine import Address, Engine
from softswitch.rtp.goertzel import ToneDetector
from softswitch.rtp.latch import LatchState
from softswitch.rtp.leg import Leg
from softswitch.rtp.playout import Playout
from softswitch.rtp.portrange import PortRange
from softswitch.rtp.ports import PortAllocator
from softswitch.rtp.prompt import PromptLibrary
from softswitch.rtp.recordings import Recordings
from softswitch.rtp.relay import Relay
from softswitch.rtp.reporter import Reporter
from softswitch.rtp.reports import CommandRefused, LegClosed, LegFailed, LegOpened, LegStats, Report
from softswitch.rtp.table import NOBODY, LegTable
from softswitch.tap import Tap

CODECS: Final = {"PCMU": g711.PCMU, "PCMA": g711.PCMA}
PTIMES_MS: Final = range(10, 61, 10)
MAX_ROUNDS: Final = 16
"""Packets of one leg taken in one tick; more wait in the kernel for the next."""
MOST_BEHIND: Final = 20
"""Ticks in a row that may leave packets in the kernel, after a stall, before recordings are written all the same: what is
written too early has gaps where those packets belong."""
_BIND_TRIES: Final = 8
_SAMPLES_PER_MS: Final = 8


class CommandError(MediaError):
    """A command that cannot be carried out; told as `CommandRefused`."""


class Exchange:
    def __init__(
        self, *, engine: Engine, tap: Tap, library: PromptLibrary, ports: PortRange, quiet_s: float, silent_s: float,
        entropy: bytes, report: Callable[[Report], None],
    ) -> None:  # fmt: skip
        """`silent_s`: when a peer counts as silent; 0 never. `entropy`: at least 16 bytes."""
        self._engine = engine
        self._report = report
        self._behind = 0
        self._ports = PortAllocator(ports, quiet_s, entropy)
        self._random = np.random.Generator(np.random.PCG64(int.from_bytes(entropy) + 1))
        self._table = LegTable(ports.pairs)
        self._by_slot: dict[int, Leg] = {}
        self._legs: dict[LegId, Leg] = {}
        self._tones = ToneDetector(ports.pairs)
        self.recordings = Recordings(self._table, tap, report)
        self._playout = Playout(self._table, engine, self._by_slot, library, report)
        self._relay = Relay(
            self._table,
            engine,
            self._by_slot,
            self.recordings,
            self._tones,
            report,
            self._playout.send_digits,
        )
        self._reporter = Reporter(self._table, engine, self._by_slot, silent_s, report)
        self._carry_out: dict[type[Command], Callable[..., None]] = {
            OpenLeg: self._open,
            SetPeer: self._set_peer,
            Bridge: self._bridge,
            Unbridge: self._unbridge,
            Music: lambda command, now: self._playout.music(self._leg(command), command.prompt, now),
            Play: lambda command, now: self._playout.play(
                self._leg(command), command.play, command.prompts, now
            ),
            StopPlay: lambda command, now: self._playout.stop_play(self._leg(command), now),
            SendDigits: lambda command, now: self._playout.send_digits(
                self._leg(command), command.digits, now
            ),
            StartRecording: self._start_recording,
            PauseRecording: lambda c, now: self.recordings.pause(c.recording, c.paused, now),
            StopRecording: lambda c, now: self.recordings.stop(c.recording, now),
            CloseLeg: self._close_leg,
            AskStats: self._ask_stats,
            Shutdown: lambda command, now: None,
        }

    def __len__(self) -> int:
        """Legs."""
        return len(self._legs)

    @property
    def legs(self) -> tuple[LegId, ...]:
        return tuple(self._legs)

    @property
    def packets(self) -> tuple[int, int]:
        """Received and sent by all legs ever."""
        return self._reporter.packets

    def execute(self, command: Command, now: float) -> None:
        """Carry out one command; what cannot be done is reported, never raised."""
        try:
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
                break
            self._relay.take(arrivals, now)
        else:
            self._behind = (self._behind + 1) % MOST_BEHIND
        self._playout.tick(now)
        if not self._behind:
            self.recordings.tick(now)
        self._reporter.tick(now, wall)

    def shut(self, now: float) -> None:
        """Close all legs, and with them their recordings."""
        for leg in tuple(self._legs.values()):
            self._close(leg, now)
        self._engine.shut()

    def _leg(self, command: object) -> Leg:
        leg = self._legs.get(command.leg)  # type: ignore[attr-defined]
        if leg is None:
            raise CommandError("there is no such leg")
        return leg

    def _open(self, command: OpenLeg, now: float) -> None:
        if command.leg in self._legs:
            raise CommandError("the leg is open already")
        problem = "all media ports are in use or quiet"
        for _ in range(_BIND_TRIES):
            port = self._ports.take(now)
            if port is None:
                break
            slot = self._table.take()
            try:
                self._engine.open(slot, command.address, port)
            except OSError as error:
                problem = f"{command.address}:{port}: {error.strerror or error}"
                self._table.give_back(slot)
                self._ports.release(port, now)
                continue
            self._opened(Leg(command.leg, slot, port, now), now)
            return
        self._report(LegFailed(leg=command.leg, problem=problem))

    def _opened(self, leg: Leg, now: float) -> None:
        table, slot = self._table, leg.slot
        self._legs[leg.id] = self._by_slot[slot] = leg
        table.ssrc_out[slot] = self._random.integers(1, 1 << 32)
        table.sent_sequence[slot] = self._random.integers(1 << 15)
        table.sent_timestamp[slot] = self._random.integers(1 << 31)
        table.last_in[slot] = now
        self._report(LegOpened(leg=leg.id, port=leg.port))

    def _set_peer(self, command: SetPeer, now: float) -> None:
        leg, table = self._leg(command), self._table
        slot = leg.slot
        if command.codec not in CODECS:
            raise CommandError(f"codec {command.codec[:20]!r} is none of {', '.join(CODECS)}")
        types = [
            command.payload_type,
            *([] if command.event_payload_type is None else [command.event_payload_type]),
        ]
        if any(not 0 <= kind <= 127 for kind in types) or len(set(types)) != len(types):
            raise CommandError("payload types are numbers from 0 to 127, each once")
        peer = _peer(command.address, command.port)
        self._aim(leg, peer, command.latch)
        table.audio_type[slot] = command.payload_type
        table.event_type[slot] = NOBODY if command.event_payload_type is None else command.event_payload_type
        table.law[slot] = CODECS[command.codec]
        ptime = command.ptime_ms if command.ptime_ms in PTIMES_MS else 20
        table.frame[slot] = ptime * _SAMPLES_PER_MS
        table.sends[slot] = command.send and peer is not None
        receives = command.receive and peer is not None
        if receives and not table.receives[slot]:
            table.last_in[slot] = now
        table.receives[slot] = receives
        if command.detect_inband and table.inband[slot] == NOBODY:
            self._tones.clear(slot)
        table.inband[slot] = slot if command.detect_inband else NOBODY

    def _aim(self, leg: Leg, peer: Address | None, learn: bool) -> None:
        if peer is None:
            leg.latch.mute()
            self._engine.mute(leg.slot)
        elif leg.latch.negotiate(peer, learn=learn):
            try:
                if leg.latch.state == LatchState.LOCKED:
                    self._engine.lock(leg.slot, peer)
                else:
                    self._engine.aim(leg.slot, peer)
            except OSError as error:
                leg.latch.mute()
                self._engine.mute(leg.slot)
                raise CommandError(f"{peer[0]}:{peer[1]}: {error.strerror or error}") from error

    def _bridge(self, command: Bridge, now: float) -> None:
        a, b = self._legs.get(command.a), self._legs.get(command.b)
        if a is None or b is None or a is b:
            raise CommandError("a bridge takes two legs that are open")
        if self._table.partner[a.slot] == b.slot:
            return
        for leg, other in ((a, b), (b, a)):
            self._part(leg, now)
            self._playout.stop_play(leg, now)
            self._table.partner[leg.slot] = other.slot
        for leg in (a, b):
            self._playout.refresh(leg, now)

    def _unbridge(self, command: Unbridge, now: float) -> None:
        self._part(self._leg(command), now)

    def _part(self, leg: Leg, now: float) -> None:
        partner = int(self._table.partner[leg.slot])
        if partner == NOBODY:
            return
        for each in (leg, self._by_slot[partner]):
            self._table.partner[each.slot] = NOBODY
            self._playout.refresh(each, now)

    def _start_recording(self, command: StartRecording, now: float) -> None:
        legs = [self._legs[leg] for leg in dict.fromkeys(command.tracks) if leg in self._legs]
        self.recordings.start(command.spec, legs if len(legs) == len(command.tracks) else [], now)

    def _close_leg(self, command: CloseLeg, now: float) -> None:
        if (leg := self._legs.get(command.leg)) is not None:
            self._close(leg, now)

    def _close(self, leg: Leg, now: float) -> None:
        self._part(leg, now)
        self._playout.stop_play(leg, now)
        self.recordings.leg_closes(leg, now)
        self._reporter.leg_closes(leg)
        stats = self._stats(leg, now)
        self._engine.close(leg.slot)
        del self._legs[leg.id], self._by_slot[leg.slot]
        self._table.give_back(leg.slot)
        self._ports.release(leg.port, now)
        self._report(LegClosed(stats=stats))

    def _ask_stats(self, command: AskStats, now: float) -> None:
        for name in command.legs or self.legs:
            if (leg := self._legs.get(name)) is not None:
                self._report(self._stats(leg, now))

    def _stats(self, leg: Leg, now: float) -> LegStats:
        self._reporter.count_strangers()
        return statistics.leg_stats(
            self._table, leg.slot, leg.id, now, peer_lost=leg.rtcp.peer_lost,
            peer_jitter_ms=leg.rtcp.peer_jitter * 1000 / float(self._table.clock[leg.slot]),
        )  # fmt: skip


def _peer(address: str, port: int) -> Address | None:
    """Where to send, None when the peer wants nothing (RFC 3264 section 8.4, and port 0); media goes to one host only."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError as error:
        raise CommandError(f"{address[:40]!r} is no IP address") from error
    if not 0 <= port <= 65535:
        raise CommandError(f"{port} is no port")
    if ip.is_multicast or str(ip) == "255.255.255.255":
        raise CommandError(f"{ip} is not one host")
    return None if ip.is_unspecified or port == 0 else (str(ip), port)
