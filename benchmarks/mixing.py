"""What mixing and transcoding cost: CPU of the media room for conferences of 3, 10 and 50 parties, for 100 supervised
calls, and for 100 calls between each pair of codecs; one JSON line each.

    python -m benchmarks.mixing [--seconds 4] [--only conference|supervised|transcoded]

Measured is the processor time of the room's ticks on virtual time with an engine in memory: judging, decoding, mixing,
encoding and headers, without the kernel's part of receiving and sending (which `benchmarks.media_relay` has). Every party
speaks a tone all the time.
"""

import argparse
import itertools
import json
import logging
import platform
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import structlog

from softswitch.codec import CODECS
from softswitch.ids import LegId, MixId
from softswitch.rtp import codecs
from softswitch.rtp.commands import Bridge, Mix, OpenLeg, SetPeer
from softswitch.rtp.exchange import Exchange
from softswitch.rtp.portrange import PortRange
from softswitch.rtp.prompt import Prompt, PromptProblem
from softswitch.rtp.reports import CommandRefused, LegOpened, Report
from softswitch.tap import RecordingReport, RecordingSpec, TapRows
from softswitch.testing.engine import MemoryEngine

TICK_S = 0.005
PAYLOAD_TYPES = {"PCMU": 0, "PCMA": 8, "G722": 9, "opus": 111, "L16": 97}
WARM_S = 0.5
ROUND = 50
"""Packets of a tone, over and over."""


class NoTap:
    """Nothing is recorded here."""

    def open(self, spec: RecordingSpec, now: float) -> int:
        return 0

    def append(self, rows: TapRows) -> None:
        pass

    def pause(self, slot: int, paused: bool, now: float, *, masked: bool = False) -> None:
        pass

    def party(self, slot: int, track: int, name: str, now: float) -> None:
        pass

    def mark(self, slot: int, kind: str, text: str, now: float) -> None:
        pass

    def keep(self, slot: int, now: float) -> None:
        pass

    def close(self, slot: int, now: float) -> RecordingReport:
        raise AssertionError("nothing is recorded")

    def flush(self, now: float) -> list[RecordingReport]:
        return []


class NoPrompts:
    def get(self, path: str) -> Prompt | PromptProblem | None:
        return PromptProblem("none")


@dataclass
class Party:
    port: int
    address: tuple[str, int]
    codec: str
    payloads: list[bytes]
    ticks: int
    every: int
    """Room ticks between packets."""
    phase: int
    sent: int = 0

    def packet(self) -> bytes:
        number = self.sent
        self.sent += 1
        head = bytes((0x80, PAYLOAD_TYPES[self.codec])) + (number & 0xFFFF).to_bytes(2)
        head += (number * self.ticks & 0xFFFFFFFF).to_bytes(4) + self.port.to_bytes(4)
        return head + self.payloads[number % ROUND]


@dataclass
class Hall:
    """A media room on virtual time."""

    now: float = 1000.0
    engine: MemoryEngine = field(default_factory=MemoryEngine)
    parties: list[Party] = field(default_factory=list)
    opened: list[int] = field(default_factory=list)
    cpu_s: float = 0.0
    slowest_s: float = 0.0
    sent: int = 0

    def __post_init__(self) -> None:
        self.exchange = Exchange(
            engine=self.engine,
            tap=NoTap(),
            library=NoPrompts(),
            ports=PortRange.parse("20000-23999"),
            quiet_s=5.0,
            silent_s=0.0,
            entropy=bytes(range(16)),
            report=self._hear,
        )

    def _hear(self, report: Report) -> None:
        if isinstance(report, CommandRefused):
            raise SystemExit(f"refused: {report}")
        if isinstance(report, LegOpened):
            self.opened.append(report.port)

    def seat(self, codec: str) -> LegId:
        """One more party that speaks all the time."""
        number = len(self.parties)
        leg, address = LegId(f"{number}"), (f"10.0.{number >> 8}.{number & 255}", 4000)
        ptime_ms = 10 if codec == "L16" else 20
        self.exchange.execute(OpenLeg(leg=leg, address="127.0.0.1"), self.now)
        self.exchange.execute(
            SetPeer(
                leg=leg, address=address[0], port=address[1], codec=codec, payload_type=PAYLOAD_TYPES[codec],
                event_payload_type=None, ptime_ms=ptime_ms,
            ),
            self.now,
        )  # fmt: skip
        every = ptime_ms // 5
        ticks = CODECS[codec].clock * ptime_ms // 1000
        said = tone(codec, 400.0 + number % 40 * 60, ptime_ms)
        self.parties.append(Party(self.opened[-1], address, codec, said, ticks, every, number % every))
        return leg

    def run(self, seconds: float) -> None:
        for number in range(round(seconds / TICK_S)):
            for party in self.parties:
                if number % party.every == party.phase:
                    self.engine.arrive(party.port, party.packet(), party.address)
            began = time.process_time()
            self.exchange.tick(self.now, self.now)
            took = time.process_time() - began
            self.cpu_s += took
            self.slowest_s = max(self.slowest_s, took)
            self.sent += len(self.engine.take_sent())
            self.now += TICK_S

    def measure(self, seconds: float) -> dict[str, object]:
        self.run(WARM_S)
        self.cpu_s = self.slowest_s = 0.0
        self.sent = 0
        self.run(seconds)
        return {
            "cpu": round(self.cpu_s / seconds, 4),
            "us_per_packet_sent": round(self.cpu_s / max(self.sent, 1) * 1e6, 1),
            "slowest_tick_ms": round(self.slowest_s * 1000, 2),
            "packets_sent": self.sent,
        }


def tone(codec: str, frequency: float, ptime_ms: int) -> list[bytes]:
    maker = codecs.encoder(CODECS[codec], ptime_ms)
    count = maker.rate * ptime_ms // 1000
    time_s = np.arange(count * ROUND) / maker.rate
    samples = np.rint(3000 * np.sin(2 * np.pi * frequency * time_s)).astype(np.int16)
    return [maker.encode(part) for part in samples.reshape(ROUND, count)]


def conferences(seconds: float) -> Iterator[dict[str, object]]:
    for codec, count in itertools.product(("PCMU", "G722", "opus"), (3, 10, 50)):
        hall = Hall()
        legs = tuple(hall.seat(codec) for _ in range(count))
        gains = tuple(tuple(float(a != b) for b in range(count)) for a in range(count))
        hall.exchange.execute(Mix(mix=MixId("m"), legs=legs, gains=gains), hall.now)
        yield {"case": "conference", "parties": count, "codec": codec, **hall.measure(seconds)}


def supervised(seconds: float) -> Iterator[dict[str, object]]:
    for kind, gains in (
        ("relayed", None),
        ("listen", ((0, 1, 0), (1, 0, 0), (1, 1, 0))),
        ("whisper", ((0, 1, 1), (1, 0, 0), (1, 1, 0))),
        ("barge", ((0, 1, 1), (1, 0, 1), (1, 1, 0))),
    ):
        hall = Hall()
        for call in range(100):
            legs = tuple(hall.seat("PCMU") for _ in range(3 if gains else 2))
            if gains:
                rows = tuple(tuple(float(gain) for gain in row) for row in gains)
                hall.exchange.execute(Mix(mix=MixId(f"{call}"), legs=legs, gains=rows), hall.now)
            else:
                hall.exchange.execute(Bridge(a=legs[0], b=legs[1]), hall.now)
        yield {"case": "supervised", "calls": 100, "kind": kind, **hall.measure(seconds)}


def transcoded(seconds: float) -> Iterator[dict[str, object]]:
    for one, two in itertools.combinations_with_replacement(PAYLOAD_TYPES, 2):
        hall = Hall()
        for _ in range(100):
            hall.exchange.execute(Bridge(a=hall.seat(one), b=hall.seat(two)), hall.now)
        how = "relayed" if one == two or {one, two} == {"PCMU", "PCMA"} else "transcoded"
        yield {"case": "calls", "calls": 100, "codecs": f"{one}/{two}", "how": how, **hall.measure(seconds)}


CASES = {"conference": conferences, "supervised": supervised, "transcoded": transcoded}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=4.0, help="of virtual time, for each case")
    parser.add_argument("--only", choices=CASES)
    options = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    for name, case in CASES.items():
        if options.only in (None, name):
            for result in case(options.seconds):
                print(
                    json.dumps({"benchmark": "mixing", **result, "python": platform.python_version()}),
                    flush=True,
                )
    return 0


if __name__ == "__main__":
    sys.exit(main())
