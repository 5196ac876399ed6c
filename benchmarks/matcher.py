"""How many assignments a second the queue engine makes with 10,000 agents, 10,000 callers waiting and 200 skills.

Claim: at least 20,000 assignments a second, and an event costs the same with 100 agents as with 10,000. An assignment is
an `Offer` decided and its agent reserved, with the reasons recorded. 200 queues, one a skill, that need a level from 1 to
3; agents have four skills of levels 1 to 5, in so many profiles. Three loads:

- `agents_come`: 10,000 callers wait, 10,000 agents become available one by one.
- `callers_come`: 10,000 agents are idle, 10,000 callers join one by one.
- `steady`: 10,000 agents are rung and 10,000 callers wait; again and again an agent answers, his talk ends and he gets
  the next caller while a new one joins. Three events for each assignment, all of them inside the time.

`python -m benchmarks.matcher [--agents N] [--callers N] [--profiles N] [--cycles N] [--rounds N] [--default-gc]` prints
one JSON line: of each load the best round, how fast plain Python was meanwhile, and the memory of engine, agents and
callers. `--scale` measures `steady` with 100, 300, 1,000, 3,000 and 10,000 agents instead, a row each, `--plot FILE` draws
it. `--relax` gives every queue three steps, a surge group and preferred skills; `--strategy NAME` another strategy.

The engine runs alone in this process: no SIP, no store. Python's cyclic garbage collector is set to run rarely, since
what calls leave behind is freed by reference counts; with `--default-gc` it is left as it is.
"""

import argparse
import gc
import json
import platform
import random
import time
import tracemalloc
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import count

from softswitch.acd.engine import Engine
from softswitch.acd.values import AgentStatus, Decision, Offer, OfferResult, WaitingCall
from softswitch.config.matching import Step, StrategyName, Surge
from softswitch.config.queues import Agent, Queue
from softswitch.ids import AgentId, CallId, OfferId, QueueName

SKILLS = 200
STEP_S = 0.0001
SCALE = (100, 300, 1_000, 3_000, 10_000)


@dataclass(frozen=True, kw_only=True)
class Centre:
    """What is measured."""

    agents: int
    callers: int
    profiles: int
    strategy: StrategyName = "longest-idle"
    relax: bool = False

    def queues(self) -> dict[str, Queue]:
        chance = random.Random(3)
        found: dict[str, Queue] = {}
        for skill in range(SKILLS):
            found[f"q{skill}"] = Queue(
                strategy=self.strategy,
                skills={f"s{skill}": chance.randint(1, 3)},
                wrapuptime=0.0,
                max_wait=600.0,
            )
            if self.relax:
                near = f"s{(skill + 1) % SKILLS}"
                found[f"q{skill}"] = replace(
                    found[f"q{skill}"],
                    steps=(Step(after=30, skills={f"s{skill}": 1}), Step(after=60, also={near: 3})),
                    surge=Surge(waiting=10_000, until=9_000, skills={near: 2}),
                    preferred_skills={near: 1},
                )
        return found

    def engine(self) -> Engine:
        chance = random.Random(1)
        profiles = [
            {f"s{skill}": chance.randint(1, 5) for skill in chance.sample(range(SKILLS), 4)}
            for _ in range(self.profiles)
        ]
        staff = {
            f"a{n}": Agent(endpoint=f"e{n}", skills=profiles[n % self.profiles]) for n in range(self.agents)
        }
        serial = count()
        return Engine(self.queues(), staff, 0.0, new_offer_id=lambda: OfferId(f"o{next(serial)}"))


class Load:
    """One engine under load; each step is timed on its own."""

    def __init__(self, centre: Centre, calls: int) -> None:
        self.engine = centre.engine()
        self.agents = [AgentId(f"a{n}") for n in range(centre.agents)]
        self.now = 1.0
        self.offers: deque[Offer] = deque()
        self.calls = iter(self._callers(calls))

    def _callers(self, calls: int) -> list[WaitingCall]:
        chance = random.Random(2)
        return [
            WaitingCall(
                call=CallId(f"c{n}"),
                queue=QueueName(f"q{chance.randrange(SKILLS)}"),
                entered=self.now + n * STEP_S,
                priority=chance.randrange(3),
            )
            for n in range(calls)
        ]

    def join(self) -> list[Decision]:
        return self.engine.call_waiting(next(self.calls), self.now)

    def come(self, agent: AgentId) -> list[Decision]:
        return self.engine.agent_status(agent, AgentStatus.AVAILABLE, "", self.now)

    def cycle(self) -> list[Decision]:
        offer = self.offers.popleft()
        out = self.engine.offer_result(offer.offer, OfferResult.ANSWERED, self.now)
        out += self.engine.call_released(offer.agent, offer.call, self.now)
        out += self.join()
        self.offers.extend(decision for decision in out if isinstance(decision, Offer))
        return out


def timed(steps: Iterator[Callable[[], list[Decision]]], load: Load) -> dict[str, float]:
    offers, lengths = 0, []
    gc.collect()
    gc.freeze()
    begun, cpu = time.perf_counter(), time.process_time()
    for step in steps:
        load.now += STEP_S
        started = time.perf_counter()
        out = step()
        lengths.append(time.perf_counter() - started)
        offers += sum(isinstance(decision, Offer) for decision in out)
    elapsed, cpu = time.perf_counter() - begun, time.process_time() - cpu
    gc.unfreeze()
    lengths.sort()
    return {
        "assignments": offers,
        "per_second": round(offers / elapsed),
        "per_cpu_second": round(offers / cpu),
        "cpu_us_per_step": round(1e6 * cpu / max(1, len(lengths)), 1),
        "step_p50_us": round(_quantile(lengths, 0.5) * 1e6, 1),
        "step_p99_us": round(_quantile(lengths, 0.99) * 1e6, 1),
        "step_max_us": round(lengths[-1] * 1e6, 1),
    }


def _quantile(ordered: Sequence[float], part: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def agents_come(centre: Centre) -> dict[str, float]:
    load = Load(centre, centre.callers)
    for _ in range(centre.callers):
        load.join()
    return timed((partial(load.come, agent) for agent in load.agents), load)


def callers_come(centre: Centre) -> dict[str, float]:
    load = Load(centre, centre.callers)
    for agent in load.agents:
        load.come(agent)
    return timed((load.join for _ in range(centre.callers)), load)


def steady(centre: Centre, cycles: int) -> dict[str, float]:
    load = Load(centre, centre.agents + centre.callers + cycles)
    for agent in load.agents:
        load.come(agent)
    for _ in range(centre.agents + centre.callers):
        load.offers.extend(decision for decision in load.join() if isinstance(decision, Offer))
    result = timed((load.cycle for _ in range(cycles) if load.offers), load)
    queues = load.engine.snapshot(load.now).queues
    result["waiting_at_end"] = sum(not caller.ringing for queue in queues for caller in queue.waiting)
    return result


def memory(centre: Centre) -> dict[str, float]:
    """MiB of an engine with its agents, and with all callers waiting."""
    tracemalloc.start()
    load = Load(centre, centre.callers)
    before = tracemalloc.get_traced_memory()[0]
    for agent in load.agents:
        load.come(agent)
    agents = tracemalloc.get_traced_memory()[0]
    for agent in load.agents:
        load.engine.agent_status(agent, AgentStatus.PAUSED, "", load.now)
    for _ in range(centre.callers):
        load.join()
    callers = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    mib = 1 << 20
    return {
        "engine_and_agents_mib": round(agents / mib, 1),
        "callers_mib": round((callers - agents) / mib, 1),
        "idle_agents_mib": round((agents - before) / mib, 1),
    }


def scaled(centre: Centre, cycles: int, rounds: int) -> list[dict[str, float]]:
    """Cost of an event by the number of agents; as many callers wait as there are agents."""
    rows = []
    for agents in SCALE:
        part = replace(centre, agents=agents, callers=agents, profiles=min(agents, centre.profiles))
        found = best(partial(steady, part, cycles), rounds)
        row = {"agents": agents, "event_us": round(found["cpu_us_per_step"] / 3, 1)}
        row |= {"per_cpu_second": found["per_cpu_second"], "million_additions_per_second": reference()}
        rows.append(row)
        print(json.dumps({"benchmark": "matcher scale", **row}), flush=True)
    return rows


def draw(rows: Sequence[dict[str, float]], path: str) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 3.6), layout="constrained")
    axes.plot([row["agents"] for row in rows], [row["event_us"] for row in rows], "o-", color="#1f6fb4")
    axes.set(
        xscale="log", xlabel="agents, and as many callers waiting", ylabel="µs CPU per event", ylim=(0, None)
    )
    axes.set(title="Cost of an event in the queue engine")
    axes.set_xticks([row["agents"] for row in rows], [f"{row['agents']:,}" for row in rows])
    axes.minorticks_off()
    axes.grid(alpha=0.25)
    figure.savefig(path, dpi=130)


def best(load: Callable[[], dict[str, float]], rounds: int) -> dict[str, float]:
    """Of several rounds the one least disturbed by whatever else the machine does."""
    return max((load() for _ in range(rounds)), key=lambda result: result["per_second"])


def reference() -> float:
    """Million additions a second in plain Python: how fast this machine is just now."""
    begun = time.perf_counter()
    total = 0
    for n in range(2_000_000):
        total += n
    return round(2 / (time.perf_counter() - begun), 1)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--agents", type=int, default=10_000)
    parser.add_argument("--callers", type=int, default=10_000)
    parser.add_argument("--profiles", type=int, default=400)
    parser.add_argument("--strategy", default="longest-idle")
    parser.add_argument("--relax", action="store_true")
    parser.add_argument("--scale", action="store_true")
    parser.add_argument("--plot", default="")
    parser.add_argument("--cycles", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--default-gc", action="store_true")
    given = parser.parse_args()
    if not given.default_gc:
        gc.set_threshold(100_000, 50, 1000)
    centre = Centre(
        agents=given.agents,
        callers=given.callers,
        profiles=given.profiles,
        strategy=given.strategy,
        relax=given.relax,
    )
    if given.scale:
        rows = scaled(centre, given.cycles, given.rounds)
        if given.plot:
            draw(rows, given.plot)
        return
    result: dict[str, object] = {
        "benchmark": "matcher",
        "python": platform.python_version(),
        "gc_threshold": gc.get_threshold(),
        "skills": SKILLS,
        **asdict(centre),
        "target_per_second": 20_000,
        "million_additions_per_second": reference(),
        "agents_come": best(partial(agents_come, centre), given.rounds),
        "callers_come": best(partial(callers_come, centre), given.rounds),
        "steady": best(partial(steady, centre, given.cycles), given.rounds),
        "memory": memory(centre),
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
