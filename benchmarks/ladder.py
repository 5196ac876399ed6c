"""The ladder: queue calls held by ours and by Asterisk, unrecorded and recorded, at growing numbers of calls.

    python -m benchmarks.ladder --peer asterisk                     # the table
    python -m benchmarks.ladder --peer asterisk --calls '' --search # how many recorded calls each carries
    python -m benchmarks.ladder --again FILE --peer asterisk        # what the host disturbed in a run before
    python -m benchmarks.ladder --quick                             # a few small cells of ours

One run on one machine, all switches in turn at each level, so that ratios hold. One JSON line a cell, on stdout and in
`--out`. A switch that loses more than 1 % or does not connect all calls at a level is not asked for a higher one.
`--search` halves between what is carried and what is not: nothing lost, all recorded, p99 of the added delay at most
10 ms; a number that fails is tried once more, because the machine is shared with the generator. `--again` takes the
table of a run and measures anew, for all switches in turn, each level at which the host of a virtual machine took more
than 1 % of it away from any of them. Processors are kept from being halted meanwhile (`awake.py`).
"""

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.awake import awake
from benchmarks.cell import Cell, Plan, say
from benchmarks.peers.asterisk import Asterisk
from benchmarks.peers.chroot import CACHE
from benchmarks.peers.ours import Ours, has_engines
from benchmarks.peers.target import Target
from benchmarks.stolen import await_calm
from benchmarks.ua_load import raise_file_limit

Row = dict[str, Any]
P99_MS = 10.0
_MOST = 1600
_STEP = 10
MOST_STOLEN = 0.01
"""Of the machine's processor time, taken by the host of a virtual machine: a cell that lost more is measured again."""
_TRIES = 4


class Ladder:
    def __init__(self, targets: Sequence[Target], seconds: float, write: Callable[[Row], None]) -> None:
        self._targets = targets
        self._seconds = seconds
        self._write = write
        self._given_up: set[tuple[str, bool]] = set()
        self._carried: dict[str, int] = {}
        """Most recorded calls known to be carried within the bound on delay."""
        self._failed: dict[str, int] = {}

    def climb(self, levels: Sequence[int], recorded: Sequence[bool]) -> None:
        for calls in levels:
            for record in recorded:
                for target in self._targets:
                    if (target.name, record) in self._given_up:
                        self._write(_left_out(target, calls, record))
                        continue
                    row = self._cell(target, calls, record)
                    if row["connected"] < calls or row["lost"] > row["packets"] / 100:
                        self._given_up.add((target.name, record))

    def again(self, rows: Sequence[Row]) -> None:
        """The table of a run, its disturbed levels measured anew."""
        disturbed = {_level(row) for row in rows if row.get("stolen", 0.0) > MOST_STOLEN}
        for level in dict.fromkeys(map(_level, rows)):
            if level in disturbed:
                self.climb([level[0]], [level[1]])
            else:
                for row in rows:
                    if _level(row) == level:
                        self._write(row)

    def search(self) -> None:
        for target in self._targets:
            name = target.name
            low = self._carried.get(name, 0)
            high = self._failed.get(name, 0)
            while not high and low < _MOST:
                tried = min(max(low * 2, 100), _MOST)
                low, high = (tried, 0) if self._carries(target, tried) else (low, tried)
            while high and high - low > max(_STEP, low // 10):
                middle = (low + high) // 2 // _STEP * _STEP
                low, high = (middle, high) if self._carries(target, middle) else (low, middle)
            self._write(
                {
                    "benchmark": "recorded calls carried",
                    "switch": name,
                    "version": target.version(),
                    "calls": low,
                    "not": high or None,
                    "bar": f"nothing lost, all recorded, p99 of the added delay at most {P99_MS:g} ms",
                }
            )

    def _carries(self, target: Target, calls: int) -> bool:
        return any(within_bar(self._cell(target, calls, True)) for _ in range(2))

    def _cell(self, target: Target, calls: int, record: bool) -> Row:
        began = time.monotonic()
        await_calm(MOST_STOLEN)
        for left in reversed(range(_TRIES)):
            row = Cell(target, Plan(calls=calls, seconds=self._seconds, record=record)).run()
            if row["stolen"] <= MOST_STOLEN or not left:
                break
            say(
                f"{target.name:>20} {calls:5} measured again: {row['stolen']:.0%} of the machine was taken away"
            )
            await_calm(MOST_STOLEN)
        self._write(row)
        delay = row["delay_ms"]
        say(
            f"{target.name:>20} {calls:5} {'recorded' if record else '':8} {row['cores_per_100_calls']:.3f} core/100"
            f"  p50 {delay.get('p50', 0):.1f}  p99 {delay.get('p99', 0):.1f}  max {delay.get('max', 0):.1f} ms"
            f"  lost {row['lost']}  {time.monotonic() - began:.0f} s"
        )
        if record and within_bar(row):
            self._carried[target.name] = max(calls, self._carried.get(target.name, 0))
        elif record and not row["carried"]:
            self._failed[target.name] = min(calls, self._failed.get(target.name, calls))
        return row


def _level(row: Row) -> tuple[int, bool]:
    return row["calls"], row["recorded"]


def within_bar(row: Row) -> bool:
    return bool(row["carried"]) and row["delay_ms"]["p99"] <= P99_MS


def targets(peers: Sequence[str], cache: Path, *, engines: bool) -> list[Target]:
    """Ours, with each engine it has when asked, then the peers."""
    found: list[Target] = [Ours("io_uring"), Ours("sockets")] if engines and has_engines() else [Ours("auto")]
    return [*found, *(Asterisk(cache) for peer in peers if peer == "asterisk")]


def machine() -> str:
    return f"{os.cpu_count()} cores, {platform.platform()}, Python {platform.python_version()}"


def writer(out: Path | None) -> Callable[[Row], None]:
    """A line on stdout for each row, and in the file."""
    if out is not None:
        out.write_text("")

    def write(row: Row) -> None:
        line = json.dumps({**row, "machine": machine()})
        print(line, flush=True)
        if out is not None:
            with out.open("a") as file:
                file.write(line + "\n")

    return write


def _left_out(target: Target, calls: int, record: bool) -> Row:
    return {"benchmark": "queue calls held with media", "switch": target.name, "calls": calls, "recorded": record,
            "carried": False, "left_out": "it did not carry the level below"}  # fmt: skip


def main() -> None:
    given = _arguments()
    raise_file_limit()
    levels = [int(part) for part in given.calls.split(",") if part]
    seconds = given.seconds
    if given.quick:
        levels, seconds = [50, 100], 5.0
    recorded = [record for record in (False, True) if record or not given.recorded]
    before = [json.loads(line) for line in given.again.read_text().splitlines()] if given.again else []
    before = [row for row in before if "recorded" in row]
    chosen = targets(given.peer, given.cache, engines=given.engines)
    for target in chosen:
        say(f"{target.name} {target.version()}")
    ladder = Ladder(chosen, seconds, writer(given.out))
    with awake():
        if before:
            ladder.again(before)
        else:
            ladder.climb(levels, recorded)
        if given.search:
            ladder.search()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", default="50,100,200,400", help="levels, with commas between")
    parser.add_argument("--seconds", type=float, default=15.0, help="measured stretch of a cell")
    parser.add_argument("--peer", action="append", choices=["asterisk"], default=[], help="beside ours")
    parser.add_argument("--recorded", action="store_true", help="recorded calls only")
    parser.add_argument(
        "--engines", action="store_true", help="each media engine by itself, not only the best"
    )
    parser.add_argument(
        "--search", action="store_true", help="then find how many recorded calls each carries"
    )
    parser.add_argument(
        "--again", type=Path, default=None, help="JSON lines of a run whose disturbed levels to repeat"
    )
    parser.add_argument("--quick", action="store_true", help="50 and 100 calls, 5 s each")
    parser.add_argument("--out", type=Path, default=None, help="JSON lines go here too")
    parser.add_argument("--cache", type=Path, default=CACHE, help="where chroots of peers are kept")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
