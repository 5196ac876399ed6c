"""What relaying costs: N two-party calls through one media worker over loopback, both ways, G.711 at 50 packets a second.

    python benchmarks/media_relay.py [--calls 50,100,200,400] [--engine io_uring,sockets] [--record no,yes] [--seconds 20]
                                     [--repeat 1]

Prints one JSON line for each combination; with `--repeat` the combinations take turns, so that what else the machine does
hits all of them alike. The load comes from a process of its own that checks the content of every packet, its order, and
how long it took; only the worker's CPU counts. The generator looks for packets once a millisecond, so the delays hold up
to that of its own.
"""

import argparse
import asyncio
import itertools
import json
import logging
import multiprocessing
import platform
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import structlog

sys.path.insert(0, str(Path(__file__).parent.parent))

from softswitch.clock import SystemClock
from softswitch.config.media import Rtp
from softswitch.ids import LegId, RecordingId, WorkerId
from softswitch.rtp.commands import Bridge, SetPeer, StartRecording
from softswitch.rtp.engine import Arrivals, PacketRows
from softswitch.rtp.engines import choose
from softswitch.rtp.packet import HEADER, HEADER_BYTES
from softswitch.rtp.pool import MediaPool
from softswitch.rtp.reports import RecordingEnded, Report, WorkerStats
from softswitch.tap import RecordingSpec

FRAME_S = 0.02
PAYLOAD = 160
LENGTH = HEADER_BYTES + PAYLOAD
FIRST_PORT = 61000
"""Beyond the ports that the kernel hands out."""
STAMP = np.dtype([("leg", "<u4"), ("number", "<u4"), ("sent", "<f8")])
"""At the front of the payload; the rest is noise made of the number."""
NOISE = np.random.default_rng(7).integers(0, 256, (256, PAYLOAD - STAMP.itemsize), np.uint8)
SETTLED = 25
"""Packets of each leg before delays count."""


class Phones:
    """The phones of all legs; leg 2n talks to leg 2n + 1."""

    def __init__(self, targets: list[int]) -> None:
        self._engine, _ = choose("auto")
        self._legs = legs = len(targets)
        self._rows = PacketRows(legs)
        header = self._rows.array[:, :HEADER_BYTES].view(HEADER)[:, 0]
        header["first"], header["ssrc"] = 0x80, np.arange(legs) + 1
        self._header = header
        self._stamp = self._rows.array[:, HEADER_BYTES : HEADER_BYTES + STAMP.itemsize].view(STAMP)[:, 0]
        self._stamp["leg"] = np.arange(legs)
        self._number = np.zeros(legs, np.int64)
        self._next = np.zeros(legs, np.int64)
        self._delays: list[np.ndarray[Any, Any]] = []
        self.sent = self.received = self.wrong = self.disordered = 0
        self.late = 0.0
        for leg, port in enumerate(targets):
            self._engine.open(leg, "127.0.0.1", FIRST_PORT + 2 * leg)
            self._engine.lock(leg, ("127.0.0.1", port))
        self._due = time.perf_counter() + 0.1 + np.random.default_rng(3).permutation(legs) * FRAME_S / legs

    def speak(self, until: float) -> None:
        now = time.perf_counter()
        leg = np.flatnonzero((self._due <= now) & (self._due < until))
        if not len(leg):
            return
        self.late = max(self.late, now - float(self._due[leg].min()))
        number = self._number[leg]
        self._header["sequence"][leg], self._header["timestamp"][leg] = number & 0xFFFF, number * PAYLOAD
        self._stamp["number"][leg], self._stamp["sent"][leg] = number, now
        self._rows.array[leg, HEADER_BYTES + STAMP.itemsize : LENGTH] = NOISE[number & 0xFF]
        self._engine.send(self._rows, leg, leg.astype(np.int32), np.full(len(leg), LENGTH, np.int32))
        self._number[leg] += 1
        self._due[leg] += FRAME_S
        self.sent += len(leg)

    def hear(self) -> None:
        again = False
        while (arrivals := self._engine.receive(again=again)) is not None:
            again = True
            self._check(arrivals, time.perf_counter())

    def _check(self, arrivals: Arrivals, now: float) -> None:
        leg = arrivals.slot
        rows = arrivals.packets.array[: len(leg)]
        stamp = rows[:, HEADER_BYTES : HEADER_BYTES + STAMP.itemsize].view(STAMP)[:, 0]
        number = stamp["number"].astype(np.int64)
        good = (arrivals.length == LENGTH) & (stamp["leg"] == leg ^ 1)
        good &= (rows[:, HEADER_BYTES + STAMP.itemsize : LENGTH] == NOISE[number & 0xFF]).all(axis=1)
        self.received += len(leg)
        self.wrong += int((~good).sum())
        self.disordered += int((good & (number != self._next[leg])).sum())
        self._next[leg] = number + 1
        self._delays.append((now - stamp["sent"])[good & (number > SETTLED)])

    def result(self, seconds: float) -> dict[str, object]:
        self._engine.shut()
        delays = np.concatenate([*self._delays, np.zeros(0)])
        points = np.percentile(delays, [50, 95, 99, 100]) * 1000 if len(delays) else np.zeros(4)
        return {
            "sent": self.sent,
            "lost": self.sent - self.received,
            "wrong_content": self.wrong,
            "out_of_order": self.disordered,
            "delay_ms": dict(zip(("p50", "p95", "p99", "max"), points.round(2).tolist(), strict=True)),
            "generator_late_ms": round(self.late * 1000, 1),
            "generator_cpu": round(time.process_time() / seconds, 3),
        }


def generate(pipe: Connection, seconds: float) -> None:
    """Runs in its own process."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    phones = Phones(pipe.recv())
    pipe.send(None)
    until = time.perf_counter() + 0.1 + seconds
    while (now := time.perf_counter()) < until + 0.3:
        phones.speak(until)
        phones.hear()
        time.sleep(max(0.0, now + 0.001 - time.perf_counter()))
    pipe.send(phones.result(seconds))


def cpu_of(pid: int) -> float:
    """CPU seconds of all threads of a process so far."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


class Run:
    """One combination: a pool, a worker, a generator."""

    def __init__(self, calls: int, engine: str, record: bool, seconds: float) -> None:
        self._calls, self._engine, self._record, self._seconds = calls, engine, record, seconds
        self._late: list[float] = []
        self._recorded: list[float] = []

    def _hear(self, worker: WorkerId, report: Report) -> None:
        if isinstance(report, WorkerStats):
            self._late.append(report.late_ms)
        if isinstance(report, RecordingEnded) and report.report.state == "ended":
            self._recorded.append(report.report.seconds)

    async def measure(self) -> dict[str, object]:
        with tempfile.TemporaryDirectory(prefix="media-relay-") as folder:
            pool = MediaPool(
                Rtp(ports="24000-31999", workers=1, engine=self._engine),  # type: ignore[arg-type]
                socket_dir=folder,
                clock=SystemClock(),
                on_report=self._hear,
                on_worker_died=lambda worker, pid, gone: sys.exit(f"media worker {worker} died"),
            )
            await pool.start()
            try:
                return await self._with(pool, folder)
            finally:
                await pool.stop()

    async def _with(self, pool: MediaPool, folder: str) -> dict[str, object]:
        ports = [await connect(pool, leg) for leg in range(2 * self._calls)]
        for call in range(self._calls):
            a, b = LegId(f"{2 * call}"), LegId(f"{2 * call + 1}")
            pool.send(Bridge(a=a, b=b))
            if self._record:
                recording = RecordingId(f"r{call}")
                path = f"{folder}/r{call}.wav"
                spec = RecordingSpec(
                    recording=recording, path=path, channels=2, encoding="PCMU", max_s=self._seconds
                )
                pool.send(StartRecording(spec=spec, tracks=(a, b)))
        await pool.stats([LegId("0")])
        ours, theirs = multiprocessing.Pipe()
        generator = multiprocessing.get_context("spawn").Process(
            target=generate, args=(theirs, self._seconds), daemon=True
        )
        generator.start()
        theirs.close()
        try:
            ours.send(ports)
            await asyncio.to_thread(ours.recv)
            (view,) = pool.views()
            await asyncio.sleep(min(2.0, self._seconds / 4))
            self._late.clear()
            before, began = cpu_of(view.pid), time.monotonic()
            await asyncio.sleep(max(1.0, self._seconds - 3.0))
            share = (cpu_of(view.pid) - before) / (time.monotonic() - began)
            load = await asyncio.wait_for(asyncio.to_thread(ours.recv), self._seconds + 30)
        finally:
            generator.kill()
        return {
            "benchmark": "media_relay",
            "engine": view.engine,
            "calls": self._calls,
            "recorded": self._record,
            "seconds": self._seconds,
            "worker_cpu": round(share, 4),
            "worker_cpu_per_100_calls": round(share * 100 / self._calls, 4),
            "us_per_packet": round(share / (2 * self._calls * 50) * 1e6, 2),
            "tick_late_ms": round(max(self._late, default=0.0), 1),
            **load,
            "python": platform.python_version(),
            "kernel": platform.release(),
        }


async def connect(pool: MediaPool, leg: int) -> int:
    """Open a leg to its phone; returns the leg's own port."""
    opened = await pool.open_leg(LegId(f"{leg}"), "127.0.0.1")
    pool.send(
        SetPeer(
            leg=opened.leg,
            address="127.0.0.1",
            port=FIRST_PORT + 2 * leg,
            codec="PCMU",
            payload_type=0,
            event_payload_type=101,
        )
    )
    return opened.port


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", default="100")
    parser.add_argument("--engine", default="auto")
    parser.add_argument("--record", default="no")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--repeat", type=int, default=1)
    options = parser.parse_args()
    combinations = list(
        itertools.product(options.calls.split(","), options.record.split(","), options.engine.split(","))
    )
    whole = True
    for calls, record, engine in combinations * options.repeat:
        result = asyncio.run(Run(int(calls), engine, record == "yes", options.seconds).measure())
        print(json.dumps(result), flush=True)
        whole &= result["lost"] == result["wrong_content"] == result["out_of_order"] == 0
    return 0 if whole else 1


if __name__ == "__main__":
    sys.exit(main())
