"""An Exchange on a memory engine and virtual time, with peers that can be scripted packet by packet."""

import struct
from dataclasses import dataclass, field

import numpy as np

from softswitch.ids import LegId, RecordingId
from softswitch.rtp.commands import Command, OpenLeg, SetPeer
from softswitch.rtp.exchange import Exchange
from softswitch.rtp.portrange import PortRange
from softswitch.rtp.prompt import Prompt, PromptProblem
from softswitch.rtp.reports import LegOpened, LegStats, Report
from softswitch.tap import RecordingReport, RecordingSpec, TapRows
from softswitch.testing.engine import MemoryEngine

TICK = 0.005


@dataclass
class FakeTap:
    refuse: str = ""
    specs: dict[int, RecordingSpec] = field(default_factory=dict)
    rows: list[tuple[int, int, int, int, int, bytes]] = field(default_factory=list)
    """slot, track, ssrc, timestamp, law, payload"""
    paused: list[tuple[int, bool]] = field(default_factory=list)
    masked: list[tuple[int, bool]] = field(default_factory=list)
    parties: list[tuple[int, int, str]] = field(default_factory=list)
    marks: list[tuple[int, str, str]] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)
    ending: list[RecordingReport] = field(default_factory=list)
    closed: list[int] = field(default_factory=list)

    def open(self, spec: RecordingSpec, now: float) -> int:
        if self.refuse:
            raise OSError(self.refuse)
        slot = 7 + len(self.specs)
        self.specs[slot] = spec
        return slot

    def append(self, rows: TapRows) -> None:
        for n in range(len(rows.slot)):
            payload = rows.payload[n, : rows.length[n]].tobytes()
            key = (int(rows.slot[n]), int(rows.track[n]), int(rows.ssrc[n]), int(rows.timestamp[n]))
            self.rows.append((*key, int(rows.law[n]), payload))

    def pause(self, slot: int, paused: bool, now: float, *, masked: bool = False) -> None:
        (self.masked if masked else self.paused).append((slot, paused))

    def party(self, slot: int, track: int, name: str, now: float) -> None:
        self.parties.append((slot, track, name))

    def mark(self, slot: int, kind: str, text: str, now: float) -> None:
        self.marks.append((slot, kind, text))

    def keep(self, slot: int, now: float) -> None:
        self.kept.append(slot)

    def close(self, slot: int, now: float) -> RecordingReport:
        self.closed.append(slot)
        return ended(self.specs[slot].recording)

    def flush(self, now: float) -> list[RecordingReport]:
        taken, self.ending = self.ending, []
        return taken


def ended(recording: RecordingId, state: str = "ended") -> RecordingReport:
    return RecordingReport(recording=recording, state=state, seconds=1.0, gaps=0, gap_s=0.0, problem="")


class FakeLibrary:
    def __init__(self) -> None:
        self.prompts: dict[str, Prompt | PromptProblem | None] = {}

    def get(self, path: str) -> Prompt | PromptProblem | None:
        return self.prompts.get(path, PromptProblem(f"{path}: not found"))


@dataclass
class Peer:
    """A phone: sends RTP with its own numbers."""

    room: "Room"
    leg: LegId
    port: int
    address: tuple[str, int]
    payload_type: int
    ssrc: int
    sequence: int = 65530
    timestamp: int = 0xFFFFFF00

    def packet(self, payload: bytes, *, kind: int | None = None, marker: bool = False) -> bytes:
        kind = self.payload_type if kind is None else kind
        return (
            struct.pack(
                "!BBHII",
                0x80,
                kind | marker << 7,
                self.sequence & 0xFFFF,
                self.timestamp & 0xFFFFFFFF,
                self.ssrc,
            )
            + payload
        )

    def speak(self, payload: bytes, *, marker: bool = False) -> bytes:
        data = self.packet(payload, marker=marker)
        self.sequence += 1
        self.timestamp += len(payload)
        self.room.engine.arrive(self.port, data, self.address)
        return data

    def heard(self) -> list["Rtp"]:
        """What was sent to it and not read yet."""
        mine = [
            Rtp.of(data)
            for port, to, data in self.room.engine.sent
            if port == self.port and to == self.address
        ]
        self.room.engine.sent = [each for each in self.room.engine.sent if each[0] != self.port]
        return mine


@dataclass(frozen=True)
class Rtp:
    marker: bool
    kind: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes

    @classmethod
    def of(cls, data: bytes) -> "Rtp":
        first, second, sequence, timestamp, ssrc = struct.unpack("!BBHII", data[:12])
        assert first == 0x80
        return cls(bool(second & 0x80), second & 0x7F, sequence, timestamp, ssrc, data[12:])


class Room:
    def __init__(self, ports: str = "20000-20039", silent_s: float = 0.0) -> None:
        self.now = 1000.0
        self.engine = MemoryEngine()
        self.tap = FakeTap()
        self.library = FakeLibrary()
        self.reports: list[Report] = []
        self.exchange = Exchange(
            engine=self.engine,
            tap=self.tap,
            library=self.library,
            ports=PortRange.parse(ports),
            quiet_s=5.0,
            silent_s=silent_s,
            entropy=bytes(range(16)),
            report=self.reports.append,
        )

    def do(self, command: Command) -> list[Report]:
        """Carry out a command; what it reported at once."""
        before = len(self.reports)
        self.exchange.execute(command, self.now)
        return self.reports[before:]

    def run(self, seconds: float = TICK) -> None:
        for _ in range(round(seconds / TICK)):
            self.exchange.tick(self.now, self.now + 1_700_000_000)
            self.now += TICK

    def told(self, kind: type) -> list[Report]:
        return [report for report in self.reports if isinstance(report, kind)]

    def phone(
        self,
        name: str,
        *,
        codec: str = "PCMU",
        kind: int | None = None,
        event: int | None = 101,
        **more: object,
    ) -> Peer:
        """Open a leg and negotiate it with a peer of its own address."""
        leg = LegId(name)
        opened = self.do(OpenLeg(leg=leg, address="127.0.0.1"))[0]
        assert isinstance(opened, LegOpened)
        number = len(self.exchange)
        address = (f"10.0.{number >> 8}.{number & 255}", 4000 + 2 * number)
        kind = {"PCMU": 0, "PCMA": 8}[codec] if kind is None else kind
        self.do(
            SetPeer(
                leg=leg,
                address=address[0],
                port=address[1],
                codec=codec,
                payload_type=kind,
                event_payload_type=event,
                **more,
            )
        )  # type: ignore[arg-type]
        return Peer(self, leg, opened.port, address, kind, ssrc=0xABC0000 + number)

    def stats(self, leg: LegId) -> LegStats:
        from softswitch.rtp.commands import AskStats

        (stats,) = self.do(AskStats(legs=(leg,)))
        assert isinstance(stats, LegStats)
        return stats


def noise(seed: int, count: int = 160) -> bytes:
    """Payload that no law would make by accident."""
    return np.random.default_rng(seed).integers(0, 256, count, np.uint8).tobytes()
