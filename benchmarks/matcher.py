"""How many assignments a second the queue engine makes with 10,000 agents and 10,000 callers waiting.

Claim: at least 20,000 assignments a second. An assignment is an `Offer` decided and its agent reserved, with the
reasons recorded. Three loads on 40 queues told apart by skill level, 60 profiles of agents:

- `agents_come`: 10,000 callers wait, 10,000 agents become available one by one.
- `callers_come`: 10,000 agents are idle, 10,000 callers join one by one.
- `steady`: 10,000 agents are rung and 10,000 callers wait; again and again an agent answers, his talk ends and he gets
  the next caller while a new one joins. Three events for each assignment, all of them inside the time.

`python benchmarks/matcher.py [--agents N] [--callers N] [--cycles N] [--rounds N] [--default-gc]` prints one JSON
line, of each load the best round, and how fast plain Python was meanwhile. The engine runs alone in this process: no
SIP, no store. Python's cyclic garbage collector is set to run rarely, since what calls leave behind is freed by
reference counts; with `--default-gc` it is left as it is.
"""

import argparse
import gc
import json
import platform
import random
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import count

from softswitch.acd.engine import Engine
from softswitch.acd.values import AgentStatus, Decision, Offer, OfferResult, WaitingCall
from softswitch.config.schema import Agent, Queue
from softswitch.ids import AgentId, CallId, OfferId, QueueName

SKILLS = 10
LEVELS = 4
PROFILES = 60
STEP_S = 0.0001


def build(agents: int) -> Engine:
    chance = random.Random(1)
    profiles = [
        {f"s{skill}": chance.randint(1, 5) for skill in chance.sample(range(SKILLS), 4)}
        for _ in range(PROFILES)
    ]
    queues = {
        f"q{skill}-{level}": Queue(skills={f"s{skill}": level}, wrapuptime=0.0, max_wait=600.0)
        for skill in range(SKILLS)
        for level in range(1, LEVELS + 1)
    }
    staff = {f"a{n}": Agent(endpoint=f"e{n}", skills=profiles[n % PROFILES]) for n in range(agents)}
    serial = count()
    return Engine(queues, staff, 0.0, new_offer_id=lambda: OfferId(f"o{next(serial)}"))


class Load:
    """One engine under load; each step is timed on its own."""

    def __init__(self, agents: int, calls: int) -> None:
        self.engine = build(agents)
        self.agents = [AgentId(f"a{n}") for n in range(agents)]
        self.now = 1.0
        self.offers: deque[Offer] = deque()
        self.calls = iter(self._callers(calls))

    def _callers(self, calls: int) -> list[WaitingCall]:
        chance = random.Random(2)
        return [
            WaitingCall(
                call=CallId(f"c{n}"),
                queue=QueueName(f"q{chance.randrange(SKILLS)}-{chance.randint(1, LEVELS)}"),
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
        "step_p50_us": round(_quantile(lengths, 0.5) * 1e6, 1),
        "step_p99_us": round(_quantile(lengths, 0.99) * 1e6, 1),
        "step_max_us": round(lengths[-1] * 1e6, 1),
    }


def _quantile(ordered: Sequence[float], part: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def agents_come(agents: int, callers: int) -> dict[str, float]:
    load = Load(agents, callers)
    for _ in range(callers):
        load.join()
    return timed((partial(load.come, agent) for agent in load.agents), load)


def callers_come(agents: int, callers: int) -> dict[str, float]:
    load = Load(agents, callers)
    for agent in load.agents:
        load.come(agent)
    return timed((load.join for _ in range(callers)), load)


def steady(agents: int, callers: int, cycles: int) -> dict[str, float]:
    load = Load(agents, agents + callers + cycles)
    for agent in load.agents:
        load.come(agent)
    for _ in range(agents + callers):
        load.offers.extend(decision for decision in load.join() if isinstance(decision, Offer))
    result = timed((load.cycle for _ in range(cycles)), load)
    queues = load.engine.snapshot(load.now).queues
    result["waiting_at_end"] = sum(not caller.ringing for queue in queues for caller in queue.waiting)
    return result


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
    parser.add_argument("--cycles", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--default-gc", action="store_true")
    given = parser.parse_args()
    if not given.default_gc:
        gc.set_threshold(100_000, 50, 1000)
    print(
        json.dumps(
            {
                "benchmark": "matcher",
                "python": platform.python_version(),
                "gc_threshold": gc.get_threshold(),
                "agents": given.agents,
                "callers": given.callers,
                "target_per_second": 20_000,
                "million_additions_per_second": reference(),
                "agents_come": best(lambda: agents_come(given.agents, given.callers), given.rounds),
                "callers_come": best(lambda: callers_come(given.agents, given.callers), given.rounds),
                "steady": best(lambda: steady(given.agents, given.callers, given.cycles), given.rounds),
            }
        )
    )


if __name__ == "__main__":
    main()
