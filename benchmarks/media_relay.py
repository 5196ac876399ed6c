"""What relaying costs: N two-party calls through one media worker over loopback, both ways, G.711 at 50 packets a second.

    python benchmarks/media_relay.py [--calls 100] [--seconds 20] [--record]

The load comes from a process of its own that checks the content of every packet, its order, and how long it took. Prints
one JSON line. Stops by itself. The delay is between the send call of one phone and the receive call of the other, so
it holds the generator's own lateness too.
"""

import argparse
import asyncio
import json
import multiprocessing
import platform
import select
import socket
import struct
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from softswitch.clock import SystemClock
from softswitch.config.schema import Rtp
from softswitch.ids import LegId, RecordingId, WorkerId
from softswitch.rtp.commands import Bridge, SetPeer, StartRecording
from softswitch.rtp.pool import MediaPool
from softswitch.rtp.reports import RecordingEnded, Report, WorkerStats
from softswitch.tap import RecordingSpec

FRAME_S = 0.02
PAYLOAD = 160
HEAD = struct.Struct("!BBHII")
STAMP = struct.Struct("!IId")
"""Leg, number of the packet, when it was sent: at the front of the payload; the rest is noise made of the number."""
NOISE = np.random.default_rng(7).integers(0, 256, (256, PAYLOAD - STAMP.size), np.uint8)


def body(number: int) -> bytes:
    return NOISE[number & 0xFF].tobytes()


def generate(pipe: Connection, legs: int, seconds: float) -> None:
    """The phones of all legs; leg 2n talks to leg 2n + 1. Runs in its own process."""
    phones = []
    for _ in range(legs):
        phone = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        phone.bind(("127.0.0.1", 0))
        phone.setblocking(False)
        phones.append(phone)
    pipe.send([phone.getsockname()[1] for phone in phones])
    for phone, port in zip(phones, pipe.recv(), strict=True):
        phone.connect(("127.0.0.1", port))
    poller = select.epoll()
    by_fd = {phone.fileno(): leg for leg, phone in enumerate(phones)}
    for phone in phones:
        poller.register(phone.fileno(), select.EPOLLIN)
    bodies = [body(n) for n in range(256)]
    clock = time.perf_counter
    began = clock() + 0.1
    phase = np.random.default_rng(3).permutation(legs) * FRAME_S / legs
    schedule = sorted(range(legs), key=lambda leg: phase[leg])
    frames = int(seconds / FRAME_S)
    next_in = [0] * legs
    delays: list[float] = []
    received = wrong = disordered = sent = 0
    late = 0.0

    def drain() -> None:
        nonlocal received, wrong, disordered
        for fd, _ in poller.poll(0, legs):
            leg = by_fd[fd]
            try:
                data = phones[leg].recv(2048)
            except OSError:
                continue
            now = clock()
            origin, number, stamped = STAMP.unpack_from(data, 12)
            received += 1
            if origin != leg ^ 1 or data[12 + STAMP.size :] != bodies[number & 0xFF]:
                wrong += 1
                continue
            disordered += number != next_in[leg]
            next_in[leg] = number + 1
            if number > 25:
                delays.append(now - stamped)

    for frame in range(frames):
        for leg in schedule:
            due = began + frame * FRAME_S + phase[leg]
            while (now := clock()) < due:
                drain()
                if (rest := due - clock()) > 0.0005:
                    time.sleep(min(rest, 0.001))
            late = max(late, now - due)
            head = HEAD.pack(0x80, 0, frame & 0xFFFF, frame * PAYLOAD & 0xFFFFFFFF, leg + 1)
            try:
                phones[leg].send(head + STAMP.pack(leg, frame, clock()) + bodies[frame & 0xFF])
                sent += 1
            except OSError:
                continue
    until = clock() + 0.3
    while clock() < until:
        drain()
        time.sleep(0.001)
    spread = np.percentile(delays, [50, 95, 99, 100]) * 1000 if delays else np.zeros(4)
    pipe.send(
        {
            "sent": sent,
            "lost": sent - received,
            "wrong_content": wrong,
            "out_of_order": disordered,
            "delay_ms": {
                "p50": round(spread[0], 2),
                "p95": round(spread[1], 2),
                "p99": round(spread[2], 2),
                "max": round(spread[3], 2),
            },
            "generator_late_ms": round(late * 1000, 1),
            "generator_cpu": round(time.process_time() / seconds, 3),
        }
    )


def cpu_of(pid: int) -> float:
    """CPU seconds of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


async def measure(options: argparse.Namespace) -> dict[str, object]:
    legs = 2 * options.calls
    ours, theirs = multiprocessing.Pipe()
    generator = multiprocessing.get_context("spawn").Process(
        target=generate, args=(theirs, legs, options.seconds), daemon=True
    )
    late: list[float] = []
    recorded: list[float] = []

    def hear(worker: WorkerId, report: Report) -> None:
        if isinstance(report, WorkerStats):
            late.append(report.late_ms)
        if isinstance(report, RecordingEnded) and report.report.state == "ended":
            recorded.append(report.report.seconds)

    with tempfile.TemporaryDirectory(prefix="media-relay-") as folder:
        pool = MediaPool(
            Rtp(ports="24000-31999", workers=1),
            socket_dir=folder,
            clock=SystemClock(),
            on_report=hear,
            on_worker_died=lambda worker, pid, gone: sys.exit(f"media worker {worker} died"),
        )
        await pool.start()
        try:
            generator.start()
            peers = await asyncio.to_thread(ours.recv)
            ports = [await connect(pool, options, leg, peers[leg]) for leg in range(legs)]
            for call in range(options.calls):
                a, b = LegId(f"{2 * call}"), LegId(f"{2 * call + 1}")
                pool.send(Bridge(a=a, b=b))
                if options.record:
                    spec = RecordingSpec(
                        recording=RecordingId(f"r{call}"),
                        path=f"{folder}/r{call}.wav",
                        channels=2,
                        encoding="PCMU",
                        max_s=0,
                    )
                    pool.send(StartRecording(spec=spec, tracks=(a, b)))
            await pool.stats([LegId("0")])
            ours.send(ports)
            (view,) = pool.views()
            await asyncio.sleep(min(2.0, options.seconds / 4))
            late.clear()
            before, began = cpu_of(view.pid), time.monotonic()
            await asyncio.sleep(max(1.0, options.seconds - 3.0))
            share = (cpu_of(view.pid) - before) / (time.monotonic() - began)
            load = await asyncio.wait_for(asyncio.to_thread(ours.recv), options.seconds + 30)
        finally:
            if generator.is_alive():
                generator.kill()
            await pool.stop()
    return {
        "benchmark": "media_relay",
        "engine": view.engine,
        "calls": options.calls,
        "recordings": len(recorded),
        "shortest_recording_s": round(min(recorded, default=0.0), 1),
        "seconds": options.seconds,
        "worker_cpu": round(share, 3),
        "worker_cpu_per_100_calls": round(share * 100 / options.calls, 3),
        "us_per_packet": round(share / (legs * 50) * 1e6, 2),
        "tick_late_ms": round(max(late, default=0.0), 1),
        **load,
        "python": platform.python_version(),
        "kernel": platform.release(),
    }


async def connect(pool: MediaPool, options: argparse.Namespace, leg: int, port: int) -> int:
    """Open a leg to the phone at `port`; returns the leg's own port."""
    opened = await pool.open_leg(LegId(f"{leg}"), "127.0.0.1")
    pool.send(
        SetPeer(
            leg=opened.leg,
            address="127.0.0.1",
            port=port,
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
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    result = asyncio.run(measure(options))
    print(json.dumps(result))
    return 0 if result["lost"] == result["wrong_content"] == result["out_of_order"] == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
