"""Draws the ladder: CPU of 100 calls and the 99th percentile of added delay, ours beside the peers, as one PNG.

python -m benchmarks.plot results.jsonl docs/ladder.png
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot
from matplotlib.axes import Axes

Row = dict[str, Any]
_COLOURS = ("#1f6fb4", "#5fb3d9", "#c8502d", "#7a9a3a")
_P99_MS = 10.0
_APART = 1.3


def draw(rows: Sequence[Row], path: Path) -> None:
    cells = _last_of_each_level(rows)
    switches = list(dict.fromkeys(row["switch"] for row in cells))
    colours = dict(zip(switches, _COLOURS, strict=False))
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4.8), layout="constrained")
    for switch in switches:
        for recorded in (False, True):
            ours = [row for row in cells if row["switch"] == switch and row["recorded"] == recorded]
            label = f"{switch}, {'recorded' if recorded else 'not recorded'}"
            style = {"color": colours[switch], "linestyle": "-" if recorded else "--", "linewidth": 2}
            _line(left, ours, [row["cores_per_100_calls"] for row in ours], label, style)
            heard = [row for row in ours if row["delay_ms"]]
            _line(right, heard, [row["delay_ms"]["p99"] for row in heard], label, style)
    left.set(title="CPU of all processes, for 100 calls", ylabel="cores", ylim=(0, None))
    right.set(title="Delay added one way, 99th percentile", ylabel="ms", yscale="log")
    right.axhline(_P99_MS, color="#888888", linewidth=1, linestyle=":")
    for axes in (left, right):
        levels = _apart(sorted({row["calls"] for row in cells}))
        axes.set(xlabel="queue calls at once", xscale="log", xticks=levels, xticklabels=levels)
        axes.minorticks_off()
        axes.grid(alpha=0.25)
    handles, labels = left.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3, fontsize=9, frameon=False)
    figure.suptitle(
        "Open circles: packets or calls were lost at this level", fontsize=9, color="#555555", y=-0.02
    )
    figure.savefig(path, dpi=130, bbox_inches="tight")
    pyplot.close(figure)


def _last_of_each_level(rows: Sequence[Row]) -> list[Row]:
    """By level: a search goes up and down, and tries again what was disturbed."""
    last = {
        (row["switch"], row["recorded"], row["calls"]): row for row in rows if "cores_per_100_calls" in row
    }
    return sorted(last.values(), key=lambda row: int(row["calls"]))


def _apart(levels: Sequence[int]) -> list[int]:
    """Those whose names find room on a logarithmic axis."""
    named: list[int] = []
    for level in levels:
        if not named or level >= _APART * named[-1]:
            named.append(level)
    return named


def _line(
    axes: Axes, rows: Sequence[Row], values: Sequence[float], label: str, style: dict[str, Any]
) -> None:
    """A point of a level that was not carried is hollow."""
    if not rows:
        return
    axes.plot([row["calls"] for row in rows], values, label=label, **style)
    for row, value in zip(rows, values, strict=True):
        inside = style["color"] if row["carried"] else "white"
        axes.plot([row["calls"]], [value], "o", color=style["color"], markerfacecolor=inside, markersize=6)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", type=Path, help="JSON lines of `benchmarks.ladder --out`")
    parser.add_argument("picture", type=Path)
    given = parser.parse_args()
    draw([json.loads(line) for line in given.results.read_text().splitlines() if line], given.picture)


if __name__ == "__main__":
    main()
