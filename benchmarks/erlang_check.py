"""The engine against theory: a queue of equal agents, replayed by the simulator, beside Erlang C and Erlang A.

python -m benchmarks.erlang_check [--calls 30000] [--long 20000000] [--seed 1] [--plot docs/erlang.png]

For each load one run of the real engine on virtual time: Poisson arrivals, exponential talks, no wrap-up, phones that
answer at once; for Erlang A also exponential patience. Waits of neighbours hang together, so that a mean over 300,000
callers of 20 busy agents is off by 7 % (one standard deviation) whoever serves them. So two things are shown: the engine
gives each caller the very wait, and the fate, that the queue's recursion gives him for the same draws (`fifo_queue.py`,
which shares nothing with the engine; `engine_off_s` is the largest difference), and that recursion over `--long`
callers is what theory says. Prints one JSON line; ends with 1 where the engine differs or a figure is off by more than
`BOUND`.
"""

import argparse
import json
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import inf
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.fifo_queue import long_run, means_of, waits
from softswitch.acd.day import Arrival, Day, Duty, Reaction
from softswitch.acd.erlang import Load, Prediction, predict
from softswitch.acd.habits import Handling
from softswitch.acd.scenario import plan
from softswitch.acd.simulation import Simulation
from softswitch.acd.values import AgentStatus, OfferResult
from softswitch.config.queues import Agent, Queue
from softswitch.ids import AgentId, CallId, QueueName

BOUND = 0.03
HANDLE_S = 180.0
ERLANG_C = ((1, 0.5), (2, 0.7), (5, 0.6), (5, 0.8), (10, 0.75), (10, 0.85), (20, 0.85), (30, 0.8))
"""Agents, and load of each."""
ERLANG_A = ((10, 0.7), (10, 0.8), (10, 0.9), (10, 1.0), (10, 1.1), (10, 1.3), (50, 0.95), (50, 1.05))
PATIENCE_S = 120.0
ENGINE_OFF_S = 1e-4
"""Rounding of times of day adds up over a run; a caller who is served out of turn is off by seconds."""


Fate = tuple[float, bool]
"""Seconds waited, and whether he hung up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """The same callers, by two that share nothing."""

    engine: list[Fate]
    recursion: list[Fate]

    @property
    def off_s(self) -> float:
        """Largest difference of one caller's wait."""
        return max(abs(one[0] - other[0]) for one, other in zip(self.engine, self.recursion, strict=True))

    @property
    def other_fates(self) -> int:
        """Callers who hung up in one of the two only."""
        return sum(one[1] != other[1] for one, other in zip(self.engine, self.recursion, strict=True))


class Exponential:
    """People as theory wants them."""

    def __init__(self, calls: int, load: Load, draw: random.Random) -> None:
        self.talks = [draw.expovariate(1 / load.handle_s) for _ in range(calls)]
        self.bears = [
            draw.expovariate(1 / load.patience_s) if load.patience_s < inf else inf for _ in range(calls)
        ]

    def patience(self, arrival: Arrival) -> float:
        return self.bears[int(arrival.call)]

    def handling(self, arrival: Arrival) -> Handling:
        return Handling(talk_s=self.talks[int(arrival.call)], wrapup_s=0.0)

    def reaction(self, agent: AgentId) -> Reaction:
        return Reaction(agent=agent, result=OfferResult.ANSWERED, after_s=0.0)


def run(load: Load, agents: int, calls: int, seed: int) -> Run:
    draw = random.Random(f"{seed} {agents} {load.erlangs}")
    gaps = [draw.expovariate(load.calls_per_s) for _ in range(calls)]
    arrivals = tuple(
        Arrival(call=CallId(str(index)), queue=QueueName("q"), at=at, outcome="answered", waited_s=0.0)
        for index, at in enumerate(accumulate(gaps))
    )
    until = arrivals[-1].at + 1.0
    duties = tuple(
        Duty(agent=AgentId(f"a{n}"), began=0.0, ended=until + 1e6, status=AgentStatus.AVAILABLE)
        for n in range(agents)
    )
    day = Day(since=0.0, until=until, arrivals=arrivals, duties=duties)
    queues = {"q": Queue(wrapuptime=0.0, timeout=0.0, announce_frequency=0.0)}
    people = {f"a{n}": Agent(endpoint=f"{n}") for n in range(agents)}
    people_drawn = Exponential(calls, load, draw)
    outcome = Simulation(day, plan(day, queues, people), people_drawn).run()
    fates = sorted(outcome.fates, key=lambda fate: int(fate.call))
    return Run(
        engine=[(fate.waited_s, fate.outcome == "abandoned") for fate in fates],
        recursion=list(waits(gaps, people_drawn.talks, people_drawn.bears, agents)),
    )


def compare(agents: int, rho: float, patience_s: float, calls: int, long: int, seed: int) -> dict[str, Any]:
    """One load point: theory, the engine, and by how much they differ. The recursion is the control variate of the
    engine's means: what is known of its error on these draws is taken from them."""
    load = Load(calls_per_s=rho * agents / HANDLE_S, handle_s=HANDLE_S, patience_s=patience_s)
    theory, found = predict(load, agents), run(load, agents, calls, seed)
    engine, same = means_of(found.engine), means_of(found.recursion)
    own = (seed, agents, round(1000 * rho), patience_s < inf)  # no two loads share their noise
    far = long_run(agents, load.calls_per_s, HANDLE_S, patience_s, long, own)
    names = (*("wait_probability", "mean_wait_s"), *(("abandoned",) if patience_s < inf else ()))
    estimate = {name: getattr(engine, name) - getattr(same, name) + getattr(far, name) for name in names}
    return {
        "model": "C" if patience_s == inf else "A",
        "agents": agents,
        "load": rho,
        "engine_off_s": round(found.off_s, 9),
        "other_fates": found.other_fates,
        **{name: [round(getattr(theory, name), 5), round(estimate[name], 5)] for name in names},
        "off": {name: round(abs(estimate[name] / getattr(theory, name) - 1), 4) for name in names},
    }


def draw(rows: Sequence[dict[str, Any]], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 3, figsize=(13, 4.2), layout="constrained")
    panels = (
        ("C", "wait_probability", "Erlang C: share of callers who wait"),
        ("C", "mean_wait_s", "Erlang C: mean wait, s"),
        ("A", "abandoned", f"Erlang A: share who hang up (patience {PATIENCE_S:.0f} s)"),
    )
    for each, (model, name, title) in zip(axes, panels, strict=True):
        sizes = sorted({row["agents"] for row in rows if row["model"] == model})
        for index, agents in enumerate(sizes):
            points = [row for row in rows if row["model"] == model and row["agents"] == agents]
            loads = [low / 200 for low in range(80, 196 if model == "C" else 280)]
            patience = inf if model == "C" else PATIENCE_S
            curve = [getattr(_theory(agents, rho, patience), name) for rho in loads]
            line = each.plot(loads, curve, label=f"theory, {agents} agents", color=f"C{index}")
            each.plot(
                [row["load"] for row in points],
                [row[name][1] for row in points],
                "o",
                color=line[0].get_color(),
            )
        each.set(title=title, xlabel="load of each agent", ylim=(0, None))
        each.grid(alpha=0.25)
        each.legend(fontsize=8, frameon=False)
    axes[1].set(ylim=(0, 220))
    figure.suptitle("Lines: theory. Points: the engine, its known noise taken away", fontsize=10)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def _theory(agents: int, rho: float, patience_s: float) -> Prediction:
    return predict(
        Load(calls_per_s=rho * agents / HANDLE_S, handle_s=HANDLE_S, patience_s=patience_s), agents
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=30_000, help="Of the engine, for each load.")
    parser.add_argument("--long", type=int, default=20_000_000, help="Of the recursion, for each load.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--plot", type=Path, default=None)
    given = parser.parse_args()
    began = perf_counter()
    rows = [
        compare(agents, rho, patience_s, given.calls, given.long, given.seed)
        for points, patience_s in ((ERLANG_C, inf), (ERLANG_A, PATIENCE_S))
        for agents, rho in points
    ]
    worst = {
        model: max(off for row in rows if row["model"] == model for off in row["off"].values())
        for model in "CA"
    }
    if given.plot is not None:
        draw(rows, given.plot)
    print(
        json.dumps(
            {
                "benchmark": "erlang_check",
                "calls_each": given.calls,
                "long": given.long,
                "seed": given.seed,
                "bound": BOUND,
                "worst": worst,
                "seconds": round(perf_counter() - began, 1),
                "points": rows,
            }
        )
    )
    exact = all(row["engine_off_s"] <= ENGINE_OFF_S and not row["other_fates"] for row in rows)
    sys.exit(not exact or any(off > BOUND for off in worst.values()))


if __name__ == "__main__":
    main()
