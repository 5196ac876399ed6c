"""How many callers come within the range of waiting time that they were told, on a generated day.

python -m benchmarks.promises [--calls 6000] [--seeds 5] [--load 0.95]

Serves each day by the engine of the switch (`acd/simulation`), people as `generated_day` makes them, and judges every range
that a caller was told by what came (`acd/promises`). Prints one JSON line a day and one of all; ends with 1 when of all
callers less than `BAR` came within the first range that they were told.
"""

import argparse
import json
import sys
from dataclasses import asdict

from benchmarks.generated_day import Nature, generated
from softswitch.acd.promises import Kept, first_of_each, promise_figures
from softswitch.acd.scenario import plan
from softswitch.acd.simulation import Outcome, Simulation
from softswitch.ids import QueueName

BAR = 0.8


def kept(outcome: Outcome) -> list[Kept]:
    """Each promise beside what came."""
    ends = {(fate.call, fate.queue): (fate.at + fate.waited_s, fate.outcome) for fate in outcome.fates}
    found = []
    for promise in outcome.promises:
        left, how = ends[promise.call, promise.queue]
        found.append(Kept(promise=promise, came_s=left - promise.at, served=how == "answered"))
    return found


def day(calls: int, seed: int, load: float) -> list[Kept]:
    centre = generated(calls, seed, load=load)
    return kept(Simulation(centre.day, plan(centre.day, centre.queues, centre.agents), Nature(seed)).run())


def shown(name: str, promises: list[Kept]) -> dict[str, object]:
    return {
        "benchmark": "promises",
        "day": name,
        "first": asdict(promise_figures(first_of_each(promises))),
        "all": asdict(promise_figures(promises)),
        "by_queue": {
            queue: promise_figures(
                [each for each in first_of_each(promises) if each.promise.queue == queue]
            ).within_share
            for queue in (QueueName("sales"), QueueName("support"))
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=6000)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--load", type=float, default=0.95)
    given = parser.parse_args()
    together: list[Kept] = []
    shares = []
    for seed in range(1, given.seeds + 1):
        promises = day(given.calls, seed, given.load)
        print(json.dumps(shown(str(seed), promises)))
        together += first_of_each(promises)
        shares.append(promise_figures(first_of_each(promises)).within_share)
    found = promise_figures(together)
    print(
        json.dumps(
            {"benchmark": "promises", "day": "all", "bar": BAR, "days": shares, "first": asdict(found)}
        )
    )
    sys.exit(found.within_share is None or found.within_share < BAR)


if __name__ == "__main__":
    main()
