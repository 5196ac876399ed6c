"""What the two legs of one call cost a media worker: opened, told their peers, bridged and closed, without a packet.

    python -m benchmarks.leg_cost --calls 2000
    python -m benchmarks.leg_cost --engine sockets --profile legs.prof

Commands and reports go through their bytes as over the worker's socket; real ports are opened and closed. One JSON line
comes out, with the CPU of one call, of which the share that the kernel used.
"""

import argparse
import cProfile
import json
import resource
import time
from dataclasses import dataclass, field

import structlog

from softswitch.ids import LegId
from softswitch.recorder.writer import RecordingWriter
from softswitch.rtp import wire
from softswitch.rtp.commands import Bridge, CloseLeg, Command, OpenLeg, SetPeer
from softswitch.rtp.engines import choose
from softswitch.rtp.exchange import Exchange
from softswitch.rtp.portrange import PortRange
from softswitch.rtp.prompts import Prompts
from softswitch.rtp.reports import LegOpened, Report

_ADDRESS, _AT_ONCE = "127.0.0.1", 50
"""So many calls are open at any time, as under a load."""


@dataclass
class _Bench:
    engine: str
    opened: int = 0
    frames: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        made, _ = choose(self.engine)
        self.name = made.name
        self._exchange = Exchange(
            engine=made,
            tap=RecordingWriter(),
            library=Prompts(),
            ports=PortRange.parse("30000-59999"),
            quiet_s=0.5,
            silent_s=60.0,
            entropy=bytes(range(16)),
            report=self._heard,
        )

    def _heard(self, report: Report) -> None:
        self.opened += isinstance(report, LegOpened)
        self.frames.append(wire.encode(report))

    def tell(self, command: Command) -> None:
        self._exchange.execute(wire.decode_command(wire.encode(command)[4:]), time.monotonic())

    def call(self, number: int) -> None:
        legs = LegId(f"{number}-a"), LegId(f"{number}-b")
        for leg in legs:
            self.tell(OpenLeg(leg=leg, address=_ADDRESS))
        for at, leg in enumerate(legs):
            self.tell(
                SetPeer(
                    leg=leg, address="127.0.0.9", port=20000 + at, codec="PCMU", payload_type=0,
                    event_payload_type=101,
                )
            )  # fmt: skip
        self.tell(Bridge(a=legs[0], b=legs[1]))

    def end(self, number: int) -> None:
        for side in "ab":
            self.tell(CloseLeg(leg=LegId(f"{number}-{side}")))

    def shut(self) -> None:
        self._exchange.shut(time.monotonic())


def _used() -> tuple[float, float]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime, used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--engine", default="auto", choices=("auto", "io_uring", "sockets"))
    parser.add_argument("--profile", default="")
    given = parser.parse_args()
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(30), cache_logger_on_first_use=True
    )
    bench = _Bench(given.engine)
    for number in range(_AT_ONCE):
        bench.call(number)
    profile = cProfile.Profile() if given.profile else None
    before = _used()
    if profile:
        profile.enable()
    for number in range(_AT_ONCE, _AT_ONCE + given.calls):
        bench.call(number)
        bench.end(number - _AT_ONCE)
        bench.frames.clear()
    if profile:
        profile.disable()
        profile.dump_stats(given.profile)
    after = _used()
    bench.shut()
    user, system = ((after[at] - before[at]) * 1000 / given.calls for at in (0, 1))
    print(
        json.dumps(
            {
                "benchmark": "leg_cost",
                "against": f"a media worker's exchange in this process, engine {bench.name}",
                "calls": given.calls,
                "legs_opened": bench.opened,
                "cpu_ms_per_call": round(user + system, 3),
                "kernel_ms_per_call": round(system, 3),
            }
        )
    )


if __name__ == "__main__":
    main()
