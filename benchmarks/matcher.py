"""How many assignments a second the queue engine makes with 10,000 agents and 10,000 callers waiting.

Claim: at least 20,000 assignments a second. An assignment is an `Offer` decided and its agent reserved, with the
reasons recorded. Three loads on 40 queues told apart by skill level, 60 profiles of agents:

- `agents_come`: 10,000 callers wait, 10,000 agents become available one by one.
- `callers_come`: 10,000 agents are idle, 10,000 callers join one by one.
- `steady`: 10,000 agents are rung and 10,000 callers wait; again and again an agent answers, his talk ends and he gets
  the next caller while a new one joins. Four events for each assignment, all of them inside the time.

`python benchmarks/matcher.py [--agents N] [--callers N] [--cycles N]` prints one JSON line. The engine runs alone in
this process: no SIP, no store.
"""

import argparse
import gc
import json
import platform
import random
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import count

from softswitch.acd.engine import Engine
from softswitch.acd.values import AgentStatus, Decision, Offer, OfferResult, WaitingCall
from softswitch.config.schema import Agent, Queue
from softswitch.ids import AgentId, CallId, OfferId, QueueName

SKILLS = 10
LEVELS = 4
PROFILES = 60


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

    def __init__(self, agents: int) -> None:
        self.engine = build(agents)
        self.agents = [AgentId(f"a{n}") for n in range(agents)]
        self.serial = count()
        self.chance = random.Random(2)
        self.now = 1.0
        self.offers: deque[Offer] = deque()

    def join(self) -> list[Decision]:
        name = QueueName(f"q{self.chance.randrange(SKILLS)}-{self.chance.randint(1, LEVELS)}")
        call = CallId(f"c{next(self.serial)}")
        waiting = WaitingCall(call=call, queue=name, entered=self.now, priority=self.chance.randrange(3))
        return self.engine.call_waiting(waiting, self.now)

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
        load.now += 0.0001
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
    load = Load(agents)
    for _ in range(callers):
        load.join()
    return timed((lambda agent=agent: load.come(agent) for agent in load.agents), load)


def callers_come(agents: int, callers: int) -> dict[str, float]:
    load = Load(agents)
    for agent in load.agents:
        load.come(agent)
    return timed((load.join for _ in range(callers)), load)


def steady(agents: int, callers: int, cycles: int) -> dict[str, float]:
    load = Load(agents)
    for agent in load.agents:
        load.come(agent)
    for _ in range(agents + callers):
        load.offers.extend(decision for decision in load.join() if isinstance(decision, Offer))
    result = timed((load.cycle for _ in range(cycles)), load)
    result["waiting_at_end"] = sum(len(queue.waiting) for queue in load.engine.snapshot(load.now).queues)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--agents", type=int, default=10_000)
    parser.add_argument("--callers", type=int, default=10_000)
    parser.add_argument("--cycles", type=int, default=20_000)
    given = parser.parse_args()
    print(
        json.dumps(
            {
                "benchmark": "matcher",
                "python": platform.python_version(),
                "agents": given.agents,
                "callers": given.callers,
                "target_per_second": 20_000,
                "agents_come": agents_come(given.agents, given.callers),
                "callers_come": callers_come(given.agents, given.callers),
                "steady": steady(given.agents, given.callers, given.cycles),
            }
        )
    )


if __name__ == "__main__":
    main()
