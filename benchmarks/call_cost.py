"""What one queue call costs the control process, room by room: the whole switch on virtual time, without packets.

    python -m benchmarks.call_cost --calls 2000
    python -m benchmarks.call_cost --calls 500 --profile calls.prof     # for pstats or snakeviz

A trunk calls a queue, an agent answers at once, the caller hangs up a second later, rows are written to a database of its
own; media workers are fake. The signalling of both peers is made from templates, so it costs little, and is not counted.
CPU is sampled a thousand times a second by the kernel's timer of used CPU: each sample belongs to the innermost room that
was at work, what Python's own libraries did to the room that called them. One JSON line comes out.
"""

import argparse
import asyncio
import cProfile
import json
import resource
import signal
import tempfile
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

import structlog

from benchmarks.template_peers import AGENTS, TRUNK, TemplatePeers
from softswitch.app.memory import settle_memory
from softswitch.config.endpoints import Endpoint
from softswitch.config.general import General
from softswitch.config.queues import Agent, Member, Queue
from softswitch.config.recording import Recording
from softswitch.config.routes import Route
from softswitch.config.schema import Config
from softswitch.config.trunks import Trunk
from softswitch.testing.network import Network
from softswitch.testing.switch import Switch
from softswitch.testing.virtual_time import run

_HOLD_S = 1.0
_SAMPLE_S = 0.001
_PACKAGE, _BENCHMARKS = "/softswitch/", "/benchmarks/"


class Sampler:
    """Whose frame was running, each time that a millisecond of CPU was used."""

    def __init__(self) -> None:
        self.samples: Counter[str] = Counter()

    def start(self) -> None:
        signal.signal(signal.SIGPROF, self._sample)
        signal.setitimer(signal.ITIMER_PROF, _SAMPLE_S, _SAMPLE_S)

    def stop(self) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0.0)

    def shares(self) -> dict[str, float]:
        total = sum(self.samples.values()) or 1
        return {room: count / total for room, count in self.samples.items()}

    def _sample(self, number: int, frame: FrameType | None) -> None:
        while frame is not None:
            if (room := _room(frame.f_code.co_filename)) is not None:
                break
            frame = frame.f_back
        else:
            room = "event loop"
        self.samples[room] += 1


def _room(filename: str) -> str | None:
    if _BENCHMARKS in filename or f"{_PACKAGE}testing/" in filename:
        return "peers"
    at = filename.rfind(_PACKAGE)
    if at < 0:
        return None
    room, slash, _ = filename[at + len(_PACKAGE) :].partition("/")
    return room if slash else "floor 0"


def centre(agents: int) -> Config:
    """One trunk, one queue, and phones that do not register."""
    names = [f"a{number}" for number in range(agents)]
    return Config(
        general=General(node="cost"),
        recording=Recording(min_free_mb=0),
        trunk={"carrier": Trunk(host=f"sip:{TRUNK}", options_interval_s=0.0)},
        endpoint={
            name: Endpoint(contact=f"sip:{name}@{AGENTS}", match=(f"{AGENTS}/32",)) if not index
            else Endpoint(contact=f"sip:{name}@{AGENTS}")
            for index, name in enumerate(names)
        },
        agent={name: Agent(endpoint=name, login="on-start") for name in names},
        queue={
            "sales": Queue(
                strategy="longest-idle",
                members=tuple(Member(agent=name) for name in names),
                wrapuptime=0.0,
                record="never",
                announce_frequency=0.0,
            )
        },
        route={"600": Route(to="queue:sales", source=("trunk:*",))},
    )  # fmt: skip


async def measure(given: argparse.Namespace, folder: Path, report: dict[str, Any]) -> None:
    network = Network()
    switch = await Switch.open(centre(given.agents), folder, network=network)
    peers = TemplatePeers(network)
    settle_memory()
    await _calls(switch, peers, max(50, given.calls // 10), given.rate)
    sampler, before = Sampler(), _cpu_s()
    profile = cProfile.Profile() if given.profile else None
    (profile.enable if profile else sampler.start)()
    await _calls(switch, peers, given.calls, given.rate)
    (profile.disable if profile else sampler.stop)()
    used_ms = (_cpu_s() - before) * 1000 / given.calls
    if profile:
        profile.dump_stats(given.profile)
    shares = sampler.shares()
    report |= {
        "calls": given.calls,
        "rate": given.rate,
        "cpu_ms_per_call": round(used_ms * (1 - shares.get("peers", 0.0)), 3),
        "by_room_ms": {
            room: round(used_ms * share, 3)
            for room, share in sorted(shares.items(), key=lambda each: -each[1])
        },
        "completed": peers.completed,
        "cdrs": len(switch.rows("calls")),
        "leaks": switch.leaks() if not given.profile else [],
    }
    await switch.close()


async def _calls(switch: Switch, peers: TemplatePeers, calls: int, rate: float) -> None:
    """Begin so many, wait until all are over, and forget what was sent."""
    loop = asyncio.get_running_loop()
    began, until = loop.time(), peers.completed + calls
    for number in range(calls):
        loop.call_at(began + number / rate, peers.call, _HOLD_S)
    while peers.completed < until and loop.time() < began + calls / rate + 60.0:
        await asyncio.sleep(1.0)
        peers.forget()
        switch.media.commands.clear()
    await asyncio.sleep(40.0)
    if peers.completed != until:
        raise SystemExit(f"{until - peers.completed} of {calls} calls were not completed")


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=40.0, help="calls begun in a second of virtual time")
    parser.add_argument("--agents", type=int, default=140)
    parser.add_argument(
        "--profile", default="", help="write a profile by cProfile there; figures are then too high"
    )
    given = parser.parse_args()
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(30), cache_logger_on_first_use=True
    )
    report: dict[str, Any] = {
        "benchmark": "call_cost",
        "against": "the whole switch on virtual time, fake media",
    }
    with tempfile.TemporaryDirectory(prefix="softswitch-cost-") as folder:
        run(measure(given, Path(folder), report), threads=False)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
