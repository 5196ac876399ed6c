"""Queue calls through a running switch: 100 held and recorded with media both ways, or so many a second.

    python -m benchmarks.load --calls 100 --seconds 60 --record     # media: loss, order, delay, recordings
    python -m benchmarks.load --rate 50 --seconds 60                # signalling: 0 failed, set-up time

A trunk at 127.0.0.10 calls a queue; agents at 127.0.0.20 answer at once. The switch is started on a fresh state folder,
as `softswitch run` starts it. One JSON line comes out: what failed, what was lost, what delay was added, what each
process of the switch cost in the measured stretch, and what the generator itself cost beside it on the same machine.
"""

import argparse
import json
import os
import platform
import shutil
import sys
import tempfile
import wave
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.ua_load import LoadResult, Plan, UaLoad, raise_file_limit
from tools.peers.centre import AGENT_ADDRESS, TRUNK_ADDRESS, load_config
from tools.peers.g711 import read_wav
from tools.peers.ports import free_port
from tools.peers.processes import Usage, cpu_between
from tools.peers.switch import Switch

Snapshot = Mapping[int, Usage]


def main() -> None:
    given = _arguments()
    raise_file_limit()
    folder = Path(tempfile.mkdtemp(prefix="softswitch-load-"))
    try:
        report = run(given, folder)
    finally:
        if not given.keep:
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
        rate=given.rate,
        ramp=given.ramp,
        hold_s=given.hold,
        media=not given.rate,
    )
    agents = given.agents or (given.calls if not given.rate else round(given.rate * (given.hold + 1)) + 20)
    contacts = {f"a{index}": f"sip:a{index}@{AGENT_ADDRESS}:{plan.agent_port}" for index in range(agents)}
    switch = Switch(folder, load_config(contacts, record=given.record), media_ports=6000)
    plan.server = switch.sip
    snapshots: list[Snapshot] = []
    with switch:
        load = UaLoad(
            plan,
            on_steady=lambda: snapshots.append(switch.usage()),
            on_end=lambda: snapshots.append(switch.usage()),
        )
        _say(
            f"{'rate' if given.rate else 'held'}: {agents} agents, switch at {switch.sip}, state in {folder}"
        )
        result = load.run()
        _say(f"{result.connected} connected, {result.failed} failed")
        recordings = _recordings(switch, result) if given.record else None
        cdrs = switch.rows("SELECT count(*) AS n, count(ended) AS ended FROM calls")[0]
    return _report(given, result, snapshots, recordings, cdrs)


def _recordings(switch: Switch, result: LoadResult) -> dict[str, Any]:
    """Each recording beside the talk that it holds: by the library `wave` where it can, and by our own reader."""
    rows = switch.wait_rows(
        "SELECT * FROM recordings WHERE seconds IS NOT NULL", count=result.completed, timeout=10
    )
    talks = {row["call"]: row["talk_s"] for row in switch.rows("SELECT call, talk_s FROM calls")}
    off: list[float] = []
    stereo = 0
    for row in rows:
        samples = read_wav(switch.state / "recordings" / row["path"])
        stereo += samples.shape[1] == 2
        off.append(abs(len(samples) / 8000 - (talks[row["call"]] or 0.0)))
    return {
        "count": len(rows),
        "stereo": stereo,
        "worst_length_error_s": round(max(off, default=0.0), 3),
        "gaps": sum(row["gaps"] for row in rows),
        "states": sorted({row["state"] for row in rows}),
        "readable_by_wave": sum(_wave_reads(switch.state / "recordings" / row["path"]) for row in rows[:3]),
    }


def _wave_reads(path: Path) -> bool:
    try:
        with wave.open(str(path), "rb") as file:
            return file.getnframes() > 0
    except wave.Error:
        return False  # G.711 in WAV is not for `wave` of Python 3.11; sox and our reader take it


def _report(given: argparse.Namespace, result: LoadResult, snapshots: list[Snapshot],
            recordings: dict[str, Any] | None, cdrs: Mapping[str, Any]) -> dict[str, Any]:  # fmt: skip
    before, after = snapshots
    cpu = cpu_between(before, after)
    total = sum(cpu.values())
    media = asdict(result.media) if result.media else None
    passed = result.failed == 0 and result.completed == result.started and cdrs["n"] == result.started
    if media is not None:
        faults = ("lost", "corrupted", "doubled", "reordered", "misrouted", "deaf_legs")
        passed = passed and not any(media[fault] for fault in faults)
    if recordings is not None:
        passed = (
            passed and recordings["count"] == result.completed and recordings["worst_length_error_s"] <= 1.0
        )
    return {
        "benchmark": "queue calls a second" if given.rate else "queue calls held with media",
        "against": "softswitch run, G.711 µ-law, " + ("recorded" if given.record else "not recorded"),
        "machine": f"{os.cpu_count()} cores, {platform.platform()}, Python {platform.python_version()}",
        "asked": {"calls": given.calls, "rate": given.rate, "seconds": given.seconds, "hold_s": given.hold},
        "passed": passed,
        **{name: value for name, value in asdict(result).items() if name != "media"},
        "media": media,
        "recordings": recordings,
        "cdrs": dict(cdrs),
        "cpu_s_by_process": cpu,
        "cores": round(total / result.seconds, 4),
        "cores_per_100_calls": round(total / result.seconds / given.calls * 100, 4)
        if not given.rate
        else None,
        "cpu_ms_per_call": round(total * 1000 / (given.rate * result.seconds), 3) if given.rate else None,
        "memory_mb": {f"{pid} {one.name}": round(one.rss_mb, 1) for pid, one in after.items()},
        "memory_growth_mb": round(
            sum(one.rss_mb for one in after.values()) - sum(o.rss_mb for o in before.values()), 1
        ),
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=100, help="calls held at once")
    parser.add_argument(
        "--rate", type=float, default=0.0, help="new calls a second instead, without media of ours"
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="measured stretch")
    parser.add_argument("--hold", type=float, default=1.0, help="with --rate: how long each call is held")
    parser.add_argument("--ramp", type=float, default=20.0, help="calls a second until all are there")
    parser.add_argument("--agents", type=int, default=0, help="0: enough")
    parser.add_argument("--record", action="store_true", help="the queue records always")
    parser.add_argument("--keep", action="store_true", help="leave the state folder")
    return parser.parse_args()


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
