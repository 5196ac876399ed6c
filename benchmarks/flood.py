"""What calls suffer while the switch is flooded: REGISTER, INVITE, OPTIONS and SUBSCRIBE over UDP and TCP, from one source
and from two hundred; 2,000 connections that idle, send half a header, or ask and never read.

    python -m benchmarks.flood --seconds 600

50 queue calls with media are held meanwhile, and a phone that authenticates itself calls another all the time. One JSON
line comes out: audio lost, set-up time of the authenticated calls, memory, and what was left behind: ports, dialogs, tasks,
descriptors. Memory counts from the end of the warm-up on, when caches and tables are as full as they get: what grows after
that grows without end. No source but the trunk's is trusted. All processes share this machine.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from benchmarks.ua_load import LoadResult, Plan, UaLoad, raise_file_limit
from tools.peers.centre import AGENT_ADDRESS, TRUNK_ADDRESS, load_config, phone
from tools.peers.ports import free_port
from tools.peers.processes import Usage
from tools.peers.switch import Switch

MEMORY_GROWTH = 0.05
"""Most that may be added between the end of the warm-up and the end of the flood."""
CLOSING = 4
"""So many descriptors may be those of connections that are being closed."""
STEADY_LOOKS = 5
"""The same in a row, a second apart: a spare worker takes a while to open what it holds, which would look left behind."""
SETTLE_S = 40.0
"""Longer than a transaction lives."""


def main() -> None:
    given = _arguments()
    raise_file_limit()
    folder = Path(tempfile.mkdtemp(prefix="softswitch-flood-"))
    try:
        report = run(given, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(report))
    sys.exit(0 if report["passed"] else 1)


def run(given: argparse.Namespace, folder: Path) -> dict[str, Any]:
    plan = Plan(
        server=("127.0.0.1", 0),
        callers=TRUNK_ADDRESS,
        agents=AGENT_ADDRESS,
        agent_port=free_port(AGENT_ADDRESS),
        calls=given.calls,
        seconds=given.seconds,
        ramp=10.0,
    )
    contacts = {
        f"a{index}": f"sip:a{index}@{AGENT_ADDRESS}:{plan.agent_port}" for index in range(given.calls)
    }
    config = load_config(contacts, record=False)
    config["endpoint"] |= {"1001": phone("one"), "1002": phone("two")}
    config["route"]["1002"] = {"to": "extension:1002"}
    config["security"] = {"trusted": []}
    # What is kept of calls that are over is bounded; small bounds are reached within the warm-up, so that growth is a leak.
    config["trace"] = {"memory_mb": 4}
    config["events"] = {"keep": 1000}
    switch = Switch(folder, config, media_ports=1000)
    plan.server = switch.sip
    others: dict[str, subprocess.Popen[str]] = {}
    memory: list[tuple[float, dict[int, Usage]]] = []
    seen: list[dict[str, Any]] = []
    flooded = threading.Event()

    def begin() -> None:
        flooded.set()
        others["phone"] = _start("phone", switch, given.seconds - 2)
        others["attack"] = _start("attack", switch, given.seconds - 2, given.rate)

    def watch() -> None:
        """Memory ten times while the flood lasts."""
        flooded.wait()
        began = time.monotonic()
        while (passed := time.monotonic() - began) < given.seconds - 1:
            memory.append((round(passed, 1), switch.usage()))
            time.sleep(given.seconds / 10)

    with switch:
        _start("phone", switch, 2.0).communicate(
            timeout=60
        )  # what the first calls open stays open: ports held ahead
        before = _steady(switch)
        load = UaLoad(plan, on_steady=begin)
        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        result = load.run()
        found = {name: json.loads(one.communicate(timeout=60)[0] or "{}") for name, one in others.items()}
        seen.append(switch.cli("security", "show"))
        time.sleep(SETTLE_S if given.settle else 1.0)
        after = switch.usage()
        left = _left(before, _holdings(switch))
    return _report(given, result, memory, after, found, seen[0], left)


def _steady(switch: Switch) -> dict[str, float]:
    """What it holds once the first calls are over: ports held ahead, a spare worker and the like."""
    holdings, same = _holdings(switch), 0
    for _ in range(30):
        time.sleep(1.0)
        before, holdings = holdings, _holdings(switch)
        same = same + 1 if holdings == before else 0
        if same == STEADY_LOOKS:
            break
    return holdings


def _start(what: str, switch: Switch, *numbers: float) -> "subprocess.Popen[str]":
    place = f"{switch.sip[0]}:{switch.sip[1]}"
    command = [sys.executable, "-m", "benchmarks.flooders", what, place, *map(str, numbers)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _holdings(switch: Switch) -> dict[str, float]:
    status = switch.cli("status")
    tasks = next(
        line for line in switch.get("/metrics")[1].splitlines() if line.startswith("softswitch_tasks ")
    )
    return {
        "calls": status["calls"],
        "dialogs": status["sip"]["dialogs"],
        "media_legs": sum(worker["legs"] for worker in status["workers"]),
        "tasks": float(tasks.split()[1]),
        "files": float(sum(one.files for one in switch.usage().values())),
        "faults": status["sip"]["faults"],
    }


def _left(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    """What is there more than before."""
    return {name: after[name] - before[name] for name in before}


def _megabytes(usage: dict[int, Usage]) -> float:
    return sum(one.rss_mb for one in usage.values())


def _report(
    given: argparse.Namespace,
    result: LoadResult,
    memory: list[tuple[float, dict[int, Usage]]],
    after: dict[int, Usage],
    found: dict[str, Any],
    security: dict[str, Any],
    left: dict[str, float],
) -> dict[str, Any]:
    course = [(at, _megabytes(usage)) for at, usage in memory]
    warm = next((mb for at, mb in course if at >= given.warm_up), 0.0)
    growth = (max(mb for at, mb in course if at >= given.warm_up) - warm) / warm if warm else 1.0
    media = result.media
    loss = media.lost_measured / media.sent_measured if media and media.sent_measured else 1.0
    calls, attack = found["phone"], found["attack"]
    amplification = attack["answered_bytes"] / max(attack["sent_bytes"], 1)
    held = {name: left[name] for name in ("calls", "dialogs", "media_legs")}
    passed = (
        loss < 0.001
        and not result.failed
        and not calls["failed"]
        and (calls["p99_ms"] or 1e9) < 500
        and not any(held.values())
        and left["files"] <= CLOSING
        and left["faults"] == 0
        and growth < MEMORY_GROWTH
    )
    return {
        "benchmark": "flood",
        "seconds": given.seconds,
        "rate": given.rate,
        "passed": passed,
        "calls_held": result.connected,
        "calls_failed": result.failed,
        "audio_loss": round(loss, 6),
        "audio_delay_ms": media.delay_ms if media else None,
        "generator_late_ms": media.send_late_ms if media else None,
        "authenticated_calls": calls,
        "attack": {**attack, "bytes_back_per_byte": round(amplification, 4)},
        "memory_mb": [(at, round(mb, 1)) for at, mb in course],
        "memory_mb_after": round(_megabytes(after), 1),
        "memory_mb_of": {one.name[-24:]: round(one.rss_mb, 1) for one in after.values()},
        "memory_growth": round(growth, 4),
        "left_behind": left,
        "counts": security["counts"],
        "bans": len(security["bans"]),
        "load": [security["load"], round(security["pressure"], 2), security["refused_by_load"]],
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="600 for the record")
    parser.add_argument("--rate", type=float, default=2000.0, help="datagrams a second")
    parser.add_argument("--calls", type=int, default=50)
    parser.add_argument(
        "--no-settle", dest="settle", action="store_false", help="do not wait for transactions to end"
    )
    parser.add_argument("--warm-up", type=float, help="seconds; default a fifth of the time, at most 60")
    given = parser.parse_args()
    if given.warm_up is None:
        given.warm_up = min(60.0, given.seconds / 5)
    return given


if __name__ == "__main__":
    main()
