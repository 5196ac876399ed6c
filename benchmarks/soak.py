"""The soak: half of what the machine carries, recorded, for half an hour; nothing may be lost, nothing may grow.

    python -m benchmarks.soak --calls 200                    # 30 minutes
    python -m benchmarks.soak --calls 20 --seconds 60        # a look at it

Beside the held calls others come and go all the time, as memory that leaks leaks with calls that end. Every 10 s memory,
file descriptors, UDP ports, what the switch counts of itself and the losses so far are written down. The JSON line tells
the slope of each by least squares, in units an hour, over the second half of the time: caches that fill once are no leak.
A thing grows when its slope is above what counts as flat by more than three times the slope's own uncertainty.
"""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.awake import awake
from benchmarks.cell import Cell, Plan, Sample, say
from benchmarks.ladder import machine
from benchmarks.peers.ours import Ours
from benchmarks.ua_load import raise_file_limit

_MEMORY_MB = 20.0
"""An hour."""
_TRACE_MB = 4
"""Of messages kept for ladders: so little that it is full long before the half that is judged."""
_COUNT, _SHARE = 2.0, 0.02
"""A count is flat when it gains less in an hour than this many, or than this share of its level."""


def main() -> None:
    given = _arguments()
    raise_file_limit()
    target = Ours(trace_mb=_TRACE_MB)
    plan = Plan(
        calls=given.calls, seconds=given.seconds, record=not given.unrecorded, sample_s=given.every, churn=given.churn
    )  # fmt: skip
    cell = Cell(target, plan)
    with awake():
        row = cell.run()
    report = judged(row, cell.samples)
    line = json.dumps({**report, "machine": machine()})
    print(line)
    if given.out is not None:
        samples = [json.dumps(asdict(sample)) for sample in cell.samples]
        given.out.write_text("\n".join([line, *samples]) + "\n")
    sys.exit(0 if report["passed"] else 1)


def judged(row: dict[str, Any], samples: list[Sample]) -> dict[str, Any]:
    """The cell's row with slopes and a judgement."""
    series = _series(samples)
    settled = {name: values[len(values) // 2 :] for name, values in series.items()}
    slopes = {name: _slope(settled["at_s"], values) for name, values in settled.items() if name != "at_s"}
    growing = [
        name for name, (slope, doubt) in slopes.items() if slope - 3 * doubt > _flat(name, settled[name])
    ]
    for name, (slope, _) in slopes.items():
        change = f"{series[name][0]:10.1f} → {series[name][-1]:10.1f}  {slope:+10.2f} an hour"
        say(f"{name:>24} {change}{' GROWS' if name in growing else ''}")
    churned = row["churned"] or {"failed": 0}
    return {
        **row,
        "benchmark": "soak",
        "passed": bool(row["carried"] and not growing and not churned["failed"]),
        "samples": len(samples),
        "growing": growing,
        "per_hour": {name: round(slope, 3) for name, (slope, _) in slopes.items()},
        "first": {name: values[0] for name, values in series.items()},
        "last": {name: values[-1] for name, values in series.items()},
    }


def _series(samples: list[Sample]) -> dict[str, list[float]]:
    """One list for each thing that is watched; the first sample is left out, as calls that come and go begin in it."""
    taken = samples[1:] if len(samples) > 2 else samples
    found: dict[str, list[float]] = {name: [] for name in ("at_s", "rss_mb", "files", "lost")}
    for sample in taken:
        for name, values in found.items():
            if name in ("at_s", "rss_mb", "files", "lost"):
                values.append(float(getattr(sample, name)))
    for name in taken[0].more:
        found[name] = [sample.more.get(name, 0.0) for sample in taken]
    return found


def _slope(at_s: list[float], values: list[float]) -> tuple[float, float]:
    """Units an hour, and the standard error of that."""
    if len(values) < 4:
        return 0.0, 0.0
    hours, taken = np.array(at_s) / 3600, np.array(values)
    line, covariance = np.polyfit(hours, taken, 1, cov=True)
    return float(line[0]), float(np.sqrt(max(covariance[0, 0], 0.0)))


def _flat(name: str, values: list[float]) -> float:
    """The slope, an hour, up to which this is called flat."""
    if name == "lost":
        return 0.0
    return _MEMORY_MB if name == "rss_mb" else max(_COUNT, _SHARE * max(values))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=200, help="held all the time")
    parser.add_argument("--seconds", type=float, default=1800.0)
    parser.add_argument("--every", type=float, default=10.0, help="seconds between two samples")
    parser.add_argument(
        "--churn", type=float, default=2.0, help="calls a second that come and go beside them"
    )
    parser.add_argument("--unrecorded", action="store_true")
    parser.add_argument("--out", type=Path, default=None, help="the line, and all samples after it")
    return parser.parse_args()


if __name__ == "__main__":
    main()
