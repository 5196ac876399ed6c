"""`softswitch bench`: the ladder of queue calls, ours and a peer's, run from a checkout; table, plot and JSON lines.

The benchmarks are no part of the installed package: they are run as a program of their own, and only what they print
is read here.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

import softswitch
from softswitch.cli.output import cell, show, show_json, table

PLOT = Path("docs") / "ladder.png"
RESULTS = Path("var") / "ladder.jsonl"
_COLUMNS = ["switch", "calls>", "recorded", "carried", "core/100>", "p50 ms>", "p99 ms>", "max ms>", "lost>",
            "recordings>", "worst off s>", "MB>", "generator late p99 ms>"]  # fmt: skip

Row = dict[str, Any]


@click.command()
@click.option("--quick", is_flag=True, help="50 and 100 calls for 5 s each: a look, no figures to publish.")
@click.option("--peer", type=click.Choice(["asterisk"]), multiple=True, help="Beside ours; needs root.")
@click.option("--calls", default="50,100,200,400", show_default=True, help="Levels, with commas between.")
@click.option("--seconds", default=15.0, show_default=True, help="Measured stretch of a level.")
@click.option("--engines", is_flag=True, help="Each media engine by itself.")
@click.option("--search", is_flag=True, help="Then find how many recorded calls each carries.")
@click.option("--plot/--no-plot", default=True, show_default=True, help=f"Draw {PLOT}; not with --quick.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def bench(
    quick: bool, peer: tuple[str, ...], calls: str, seconds: float, engines: bool, search: bool, plot: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Measure how many queue calls this machine carries.

    CPU, delay, loss and recordings, with media on loopback; the peer is made once in a chroot, which takes minutes.
    """
    checkout = _checkout()
    results = checkout / RESULTS
    results.parent.mkdir(exist_ok=True)
    asked = ["--calls", calls, "--seconds", f"{seconds:g}", "--out", str(results)]
    asked += [word for name in peer for word in ("--peer", name)]
    flags = {"--quick": quick, "--engines": engines, "--search": search}
    rows = list(_run(checkout, [*asked, *(flag for flag, given in flags.items() if given)]))
    if as_json:
        show_json(rows)
    else:
        _print(rows)
    if plot and not quick and any("cores_per_100_calls" in row for row in rows):
        drawn = subprocess.run(
            [sys.executable, "-m", "benchmarks.plot", str(results), str(checkout / PLOT)], cwd=checkout, check=False
        )  # fmt: skip
        if drawn.returncode:
            raise click.ClickException("the plot could not be drawn; the figures are in " + str(results))
        click.echo(f"drawn: {checkout / PLOT}", err=True)


def _checkout() -> Path:
    """The folder of the sources, which holds the benchmarks."""
    folder = Path(softswitch.__file__).parent.parent
    if not (folder / "benchmarks" / "ladder.py").exists():
        raise click.ClickException(
            "the benchmarks are part of the sources, not of the installed package: "
            "run this from a checkout (git clone, make venv)"
        )
    return folder


def _run(checkout: Path, asked: Sequence[str]) -> Iterator[Row]:
    """Progress goes to the terminal as it comes; each line of results is handed on."""
    command = [sys.executable, "-m", "benchmarks.ladder", *asked]
    with subprocess.Popen(command, cwd=checkout, stdout=subprocess.PIPE, text=True) as ladder:
        assert ladder.stdout is not None
        try:
            for line in ladder.stdout:
                if line.startswith("{"):
                    yield json.loads(line)
            code = ladder.wait()
        except BaseException:
            ladder.terminate()
            raise
    if code:
        raise click.ClickException(f"the benchmarks ended with {code}")


def _print(rows: Sequence[Row]) -> None:
    cells = [row for row in rows if "recorded" in row]
    if cells:
        versions = {f"{row['switch']} {row['version']}" for row in cells if "version" in row}
        show(table(", ".join(sorted(versions)), _COLUMNS, [_line(row) for row in cells]))
    for row in rows:
        if row["benchmark"] == "recorded calls carried":
            above = f", not {row['not']}" if row["not"] else ""
            show(cell(f"{row['switch']} carries {row['calls']} recorded calls{above} ({row['bar']})"))


def _line(row: Row) -> list[object]:
    recorded = "yes" if row["recorded"] else "no"
    if "left_out" in row:
        return [row["switch"], row["calls"], recorded, row["left_out"], *[""] * 9]
    delay, recordings = row["delay_ms"], row["recordings"]
    return [
        row["switch"], row["calls"], recorded, "yes" if row["carried"] else "no",
        f"{row['cores_per_100_calls']:.3f}", *(f"{delay.get(name, 0.0):.1f}" for name in ("p50", "p99", "max")),
        row["lost"], f"{recordings['present']} of {recordings['of']}" if recordings else "",
        f"{recordings['worst_length_error_s']:.2f}" if recordings else "", f"{row['rss_mb']:.0f}",
        f"{row['generator']['late_p99_ms']:.1f}",
    ]  # fmt: skip
