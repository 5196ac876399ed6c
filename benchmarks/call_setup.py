"""Queue calls set up and torn down a second: CPU of each process for one call, and how long callers wait for their 200.

    python -m benchmarks.call_setup --rate 200 --seconds 30
    python -m benchmarks.call_setup --rate 50 --peer asterisk      # the same load on Asterisk, in a chroot made once

A queue call is two legs and 14 messages: a trunk calls a queue, an agent answers at once, the caller hangs up a second
later, and its CDR is written. No media is sent, so what is measured is signalling, storage, and ports opened and closed
at the media workers. One JSON line comes out, with the share of each process and of each thread of ours; the generator
runs on the same machine, and its own cost stands beside it.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.ladder import machine
from benchmarks.peers.asterisk import Asterisk
from benchmarks.peers.ours import Ours
from benchmarks.peers.target import Target
from benchmarks.ua_load import LoadResult, Plan, UaLoad, raise_file_limit
from tools.peers.centre import AGENT_ADDRESS, TRUNK_ADDRESS
from tools.peers.ports import free_port
from tools.peers.processes import Usage

_PORTS = "24000-63999"
"""Each rests for some seconds once its leg is closed."""
TARGETS: dict[str, Callable[[], Target]] = {
    "softswitch": lambda: Ours(media_ports=_PORTS),
    "asterisk": Asterisk,
}
AGENT_S = 1.5
"""How long an agent is taken by one call beyond its hold."""
_TICKS = os.sysconf("SC_CLK_TCK")


class Meter:
    """CPU of all processes of a target between two moments, by thread as far as threads outlive both."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self.taken: list[dict[str, float]] = []

    def take(self) -> None:
        self.taken.append(_threads(self._target.usage()))

    def used(self) -> dict[str, float]:
        before, after = self.taken
        used = {name: round(after[name] - before.get(name, 0.0), 3) for name in after}
        return {name: seconds for name, seconds in used.items() if seconds > 0}


def main() -> None:
    given = _arguments()
    raise_file_limit()
    folder = Path(tempfile.mkdtemp(prefix="softswitch-setup-"))
    try:
        report = measure(TARGETS[given.peer](), given, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(report))
    sys.exit(0 if not report["failed"] else 1)


def measure(target: Target, given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    agents = round(given.rate * (given.hold + AGENT_S)) + 20
    plan = Plan(
        server=("127.0.0.1", 0),
        callers=TRUNK_ADDRESS,
        agents=AGENT_ADDRESS,
        agent_port=free_port(AGENT_ADDRESS),
        calls=agents,
        seconds=given.seconds,
        rate=given.rate,
        hold_s=given.hold,
        media=False,
    )
    contacts = {f"a{index}": f"sip:a{index}@{AGENT_ADDRESS}:{plan.agent_port}" for index in range(agents)}
    target.start(folder, contacts, record=False)
    try:
        plan.server = target.sip
        meter = Meter(target)
        result = UaLoad(plan, on_steady=meter.take, on_end=meter.take).run()
        problems = target.problems()
    finally:
        target.stop()
    return _report(target, given, result, meter.used(), problems)


def _report(target: Target, given: argparse.Namespace, result: LoadResult, used: Mapping[str, float],
            problems: list[str]) -> dict[str, Any]:  # fmt: skip
    calls = given.rate * result.seconds
    total = sum(used.values())
    return {
        "benchmark": "call_setup",
        "against": target.name,
        "machine": machine(),
        "rate": given.rate,
        "hold_s": given.hold,
        "cpu_ms_per_call": round(total * 1000 / calls, 3),
        "cpu_ms_per_call_by_thread": {
            name: round(seconds * 1000 / calls, 3) for name, seconds in sorted(used.items())
        },
        "cores": round(total / result.seconds, 3),
        "generator_cpu_ms_per_call": round(result.generator_cpu_s * 1000 / calls, 3),
        **{name: value for name, value in asdict(result).items() if name not in ("media", "generator_cpu_s")},
        "problems": problems,
    }


def _threads(processes: Mapping[int, Usage]) -> dict[str, float]:
    """CPU seconds of each thread, by `role number: thread`."""
    found: dict[str, float] = {}
    for number, pid in enumerate(sorted(processes)):
        role = "worker" if "media_worker" in _command(pid) else "control" if number == 0 else "other"
        for folder in Path(f"/proc/{pid}/task").iterdir():
            try:
                text = (folder / "stat").read_text()
            except OSError:
                continue
            name, fields = text.partition("(")[2].rpartition(")")[0], text.rpartition(")")[2].split()
            thread = "main" if folder.name == str(pid) else name
            key = f"{role} {number}: {thread}"
            found[key] = found.get(key, 0.0) + (int(fields[11]) + int(fields[12])) / _TICKS
        lasting = sum(seconds for key, seconds in found.items() if key.startswith(f"{role} {number}: "))
        found[f"{role} {number}: threads that ended"] = processes[pid].cpu_s - lasting
    return found


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rate", type=float, default=50.0, help="new calls a second")
    parser.add_argument("--seconds", type=float, default=30.0, help="measured stretch")
    parser.add_argument("--hold", type=float, default=1.0, help="how long each call is held")
    parser.add_argument("--peer", choices=sorted(TARGETS), default="softswitch", help="what is measured")
    return parser.parse_args()


if __name__ == "__main__":
    main()
